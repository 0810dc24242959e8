"""A child never may what its parent may not, and siblings never spend more than their parent. [MAN-4]"""

from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tests.support.mandates import (
    BODY,
    LIMIT,
    NODE,
    NOW,
    OTHER_NODE,
    OTHER_SELLER,
    OWNER,
    ROOT,
    SELLER,
    THINGS,
    child_of,
    meet,
)
from thingmarket.errors import Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action, Autonomy, BoundItem, Mandate, SpendingLimit
from thingmarket.identity.narrowing import narrower
from thingmarket.identity.scopes import Scope
from thingmarket.limits import DAY_MS
from thingmarket.policy.acts import Act
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import NOBODY_SPOKE, Cosign
from thingmarket.policy.decision import Verdict
from thingmarket.policy.spending import Counters, SpendingCounter, reservation_of, spend
from thingmarket.time import UnixMs, UtcDay, utc_day
from thingmarket.wire.identity import issued

# Small pools, so that random values meet: a property that never allows anything would prove nothing.
CODES = ("44", "441", "4412", "45")
SELLERS = tuple(sorted((SELLER, OTHER_SELLER)))
NODES = tuple(sorted((NODE, OTHER_NODE)))
PRODUCTS = ("ink-black", "ink-blue")
CURRENCIES = ("EUR", "USD")
MINOR = st.sampled_from((0, 1, 5, 10, 20, 40))
POSITIVE = st.sampled_from((1, 5, 10, 20, 40))
DAYS = (-2, -1, 0, 1, 2)


def some(pool: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(pool), unique=True, max_size=2).map(lambda items: tuple(sorted(items)))


def scopes(pool: tuple[str, ...]) -> st.SearchStrategy[Scope]:
    bounded = st.builds(
        lambda include, exclude: Scope(include=include, exclude=exclude), some(pool), some(pool)
    )
    free = st.builds(lambda exclude: Scope(any=True, exclude=exclude), some(pool))
    return st.one_of(st.just(Scope(any=True)), free, bounded)


UNITS = ("C62", "C62", "C62", "KGM")
SCALES = (0, 0, 0, 1)
ITEMS = st.lists(
    st.builds(
        BoundItem,
        product_id=st.sampled_from(PRODUCTS),
        sellers=scopes(SELLERS),
        currency=st.sampled_from(CURRENCIES),
        max_unit_price_minor=POSITIVE,
        max_quantity_steps=POSITIVE,
        unit=st.sampled_from(UNITS),
        unit_scale=st.sampled_from(SCALES),
    ),
    unique_by=lambda item: (item.product_id, item.currency),
    min_size=1,
    max_size=3,
).map(lambda items: tuple(sorted(items, key=lambda item: (item.product_id, item.currency))))
LIMITS = st.lists(
    st.builds(
        SpendingLimit,
        currency=st.sampled_from(CURRENCIES),
        per_item_minor=MINOR,
        per_order_minor=MINOR,
        per_day_minor=MINOR,
        total_minor=MINOR,
        cosign_above_minor=MINOR,
    ),
    unique_by=lambda limit: limit.currency,
    max_size=2,
).map(lambda limits: tuple(sorted(limits, key=lambda limit: limit.currency)))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "not_before_ms": st.sampled_from(DAYS[:3]).map(lambda day: NOW + day * DAY_MS),
    "expires_ms": st.sampled_from(DAYS[3:]).map(lambda day: NOW + day * DAY_MS),
    "autonomy": st.sampled_from(Autonomy),
    "actions": st.sets(st.sampled_from(Action)).map(lambda actions: tuple(sorted(actions))),
    "categories": scopes(CODES),
    "bound_items": ITEMS,
    "counterparties": scopes(SELLERS),
    "limits": LIMITS,
    "nodes": scopes(NODES),
}


GENEROUS = SpendingLimit(
    currency="EUR",
    per_item_minor=40,
    per_order_minor=40,
    per_day_minor=40,
    total_minor=60,
    cosign_above_minor=20,
)
EVERYTHING_ALLOWED = issued(
    replace(
        ROOT,
        categories=Scope(any=True),
        counterparties=Scope(any=True),
        nodes=Scope(any=True),
        limits=(GENEROUS, replace(GENEROUS, currency="USD")),
    )
)


@st.composite
def families(draw: st.DrawFn) -> tuple[Mandate, Mandate]:
    """A parent and a child that `narrower` accepts, which differ in one or two fields drawn for both.

    All other fields allow everything, so that what these fields say decides.
    """
    chosen = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=2, unique=True))
    above = {field: draw(FIELDS[field]) for field in chosen if field != "autonomy"}
    if "actions" in above:  # else it could have no child
        above["actions"] = tuple(sorted({*above["actions"], Action.SUBDELEGATE}))
    try:
        parent = issued(replace(EVERYTHING_ALLOWED, **above))
        child = child_of(parent, **{field: draw(FIELDS[field]) for field in chosen})
        narrower(child, parent)
    except Refusal:
        assume(False)
    return parent, child


ACTS = st.builds(
    Act,
    action=st.one_of(st.just(Action.BUY), st.sampled_from(Action)),
    time_ms=st.sampled_from(DAYS).map(lambda day: UnixMs(NOW + day * DAY_MS)),
    node=st.sampled_from(NODES),
    category=st.sampled_from((*CODES, "4", "44103105", "44121500", "")),
    counterparty=st.sampled_from(SELLERS),
    product_id=st.sampled_from(PRODUCTS),
    currency=st.sampled_from(CURRENCIES),
    payable_minor=st.integers(1, 45),
    price_minor=st.integers(1, 45),
    price_base_steps=st.integers(1, 3),
    unit=st.sampled_from(UNITS),
    unit_scale=st.sampled_from(SCALES),
    quantity_steps=st.integers(1, 20),
    body_digest=st.just(BODY),
)


HISTORY = st.lists(st.tuples(st.sampled_from(CURRENCIES), MINOR, MINOR), max_size=2)


def counters_of(history: list[tuple[str, int, int]], *mandates: EffectiveMandate) -> Counters:
    """The same spending, of the first day and in all, counted for every link of these chains."""
    day = UtcDay(utc_day(NOW) + DAYS[0])
    return {
        (link, currency): SpendingCounter(day=day, day_minor=today, total_minor=earlier + today, orders=1)
        for currency, today, earlier in history
        for mandate in mandates
        for link in mandate.links
    }


def as_root(child: Mandate) -> Mandate:
    """The child's own permissions, without the parent that would hold it back in their meet."""
    return issued(replace(child, issuer=child.root_owner, parent_digest=b"", depth=0))


@settings(max_examples=800)
@given(st.data())
def test_what_an_accepted_child_permits_its_parent_permits(data: st.DataObject) -> None:
    parent, child = data.draw(families())
    act = data.draw(ACTS)
    alone, chain, above = meet(as_root(child)), meet(parent, child), meet(parent)
    counters = counters_of(data.draw(HISTORY), alone, chain, above)
    approved = data.draw(st.booleans())

    def verdict(mandate: EffectiveMandate) -> Verdict:
        yes = Cosign(approved=(OWNER,)) if approved else NOBODY_SPOKE
        return authorize(mandate, act, counters, yes).verdict

    event(f"{'buys' if act.action is Action.BUY else 'other'}: {verdict(alone).name}")
    # The link's own text is narrower, so the meet with its parent takes nothing from it.
    assert verdict(chain) == verdict(alone)
    if verdict(alone) is Verdict.ALLOW:
        assert verdict(above) is Verdict.ALLOW
    if verdict(alone) is Verdict.NEED_COSIGN:
        assert verdict(above) is not Verdict.DENY


@settings(max_examples=200)
@given(st.data())
def test_what_a_chain_of_three_permits_every_shorter_part_of_it_permits(data: st.DataObject) -> None:
    root, middle = data.draw(families())
    leaf = child_of(middle)
    try:
        chain = meet(root, middle, leaf)
    except Refusal:
        assume(False)
    act = data.draw(ACTS)
    if authorize(chain, act, {}).allows:
        for shorter in (meet(root), meet(root, middle)):
            assert authorize(shorter, act, {}).allows


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 25), st.integers(0, 2)), max_size=40))
def test_siblings_together_never_spend_more_than_their_parent_may(orders: list[tuple[int, int, int]]) -> None:
    limit = replace(LIMIT, per_day_minor=40, total_minor=70)
    parent = issued(replace(ROOT, limits=(limit,)))
    first, second = (
        child_of(parent),
        child_of(parent, subject=THINGS[2], limits=(replace(limit, total_minor=30),)),
    )
    chains = (
        meet(parent),
        meet(parent, first),
        meet(parent, second),
        meet(parent, first, child_of(first, subject=THINGS[3])),
    )
    counters: dict[Any, SpendingCounter] = {}
    spent_minor: dict[tuple[Any, int], int] = {}
    for who, minor, day in sorted(orders, key=lambda order: order[2]):
        time_ms = UnixMs(NOW + day * DAY_MS)
        act = replace(ACT, time_ms=time_ms, payable_minor=minor)
        if authorize(chains[who], act, counters).allows:
            order = reservation_of(chains[who], currency="EUR", time_ms=time_ms, amount_minor=minor)
            counters |= spend(counters, order)
            for link in chains[who].links:
                spent_minor[link, day] = spent_minor.get((link, day), 0) + minor
    for chain in chains:
        for budget in chain.limits[0].budgets:
            days = [minor for (link, _), minor in spent_minor.items() if link == budget.link]
            assert all(minor <= budget.per_day_minor for minor in days)
            assert sum(days) <= budget.total_minor


ACT = Act(
    action=Action.BUY,
    time_ms=NOW,
    node=NODE,
    category="44103105",
    counterparty=SELLER,
    product_id="ink-black",
    currency="EUR",
    price_minor=1,
    unit="C62",
    quantity_steps=1,
    body_digest=BODY,
)
