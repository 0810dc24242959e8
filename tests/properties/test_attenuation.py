"""A child never may what its parent may not, and siblings never spend more than their parent. [MAN-4]"""

from dataclasses import fields, replace
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pytest import mark

from tests.support.mandates import (
    BODY,
    NODE,
    NOW,
    OTHER_NODE,
    OTHER_SELLER,
    OWNER,
    ROOT,
    SELLER,
    child_of,
    meet,
)
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.errors import Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action, Autonomy, BoundItem, Mandate, SpendingLimit
from thingmarket.identity.narrowing import narrower
from thingmarket.identity.scopes import EVERYTHING, NOTHING, Scope
from thingmarket.identity.terms import ALWAYS, ANYWHERE, GeoBox, Place, Places, Week, WeeklyWindow
from thingmarket.limits import DAY_MS, DELIVERY_MS_MAX, INTEGER_MAX
from thingmarket.policy.acts import Act, DataShared
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import Cosign
from thingmarket.policy.decision import Verdict
from thingmarket.policy.spending import Counters, SpendingCounter
from thingmarket.time import UnixMs, UtcDay, utc_day, utc_month
from thingmarket.wire.identity import issued

# Small pools, so that random values meet: a property that never allows anything would prove nothing.
CODES = ("44", "441", "4412", "45")
SELLERS = tuple(sorted((SELLER, OTHER_SELLER)))
NODES = tuple(sorted((NODE, OTHER_NODE)))
PRODUCTS = ("ink-black", "ink-blue")
CURRENCIES = ("EUR", "USD")
MINOR = st.sampled_from((0, 1, 10, 20, 30, 40, 40, 40))
POSITIVE = st.sampled_from((1, 5, 10, 20, 40))
COUNTS = st.sampled_from((0, 1, 2, 3, 3, 3))
DAYS = (-2, -1, 0, 1, 2)
COSIGNERS = tuple(sorted((SELLER, OTHER_SELLER)))
CERTIFICATES = ("eu.blue_angel", "iso.14001")
KINDS = ("contact", "usage")
PURPOSES = ("advertising", "delivery")
EDGES = (0, 5, 10)
MINUTES = (0, 600, 720, 840, 1_440)  # the acts' noon is 720


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
        per_month_minor=MINOR,
        orders_per_day=COUNTS,
        max_open_orders=COUNTS,
        max_open_holds=COUNTS,
        liability_cap_minor=MINOR,
    ),
    unique_by=lambda limit: limit.currency,
    max_size=2,
).map(lambda limits: tuple(sorted(limits, key=lambda limit: limit.currency)))


def between(pool: tuple[int, ...]) -> st.SearchStrategy[tuple[int, int]]:
    return st.lists(st.sampled_from(pool), min_size=2, max_size=2, unique=True).map(
        lambda two: (min(two), max(two))
    )


BOXES = st.builds(
    lambda north, east: GeoBox(south_e7=north[0], west_e7=east[0], north_e7=north[1], east_e7=east[1]),
    between(EDGES),
    between(EDGES),
)
WINDOWS = st.builds(
    lambda days, minutes: WeeklyWindow(days_mask=days, start_minute=minutes[0], end_minute=minutes[1]),
    st.sampled_from((0b000_0001, 0b001_1111, 0b110_0000, 0b111_1111)),
    between(MINUTES),
)
PLACES = st.one_of(
    st.just(ANYWHERE),
    st.lists(BOXES, max_size=2, unique=True).map(lambda boxes: Places(boxes=tuple(sorted(boxes)))),
)
WEEKS = st.one_of(
    st.just(ALWAYS),
    st.lists(WINDOWS, max_size=2, unique=True).map(lambda windows: Week(windows=tuple(sorted(windows)))),
)
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
    "deny_counterparties": some(SELLERS),
    "min_assurance": st.integers(0, 3),
    "required_certificates": some(CERTIFICATES),
    "cosigners": some(COSIGNERS),
    "cosign_quorum": st.integers(1, 3),
    "cosign_ttl_ms": st.sampled_from((60_000, 120_000)),
    "geo": PLACES,
    "windows": WEEKS,
    "data_scopes": scopes(KINDS),
    "data_purposes": scopes(PURPOSES),
    "data_retention_days": st.sampled_from((0, 10, 30)),
    "budget_authority": st.sampled_from(("", NODE)),
    "terms_hash": st.sampled_from((b"", bytes(32))),
    "delivery_max_ms": st.sampled_from((0, 1, 2, DELIVERY_MS_MAX)),
    "warranty_min_days": st.integers(0, 2),
    "co2_max_grams": st.sampled_from((0, 1, 2, INTEGER_MAX)),
    "settle_accounts": st.sampled_from((NOTHING, EVERYTHING, Scope(include=(OWNER,)))),
    "refund_destination": st.sampled_from(("", OWNER)),
}
# What no rule between links compares, or what is bound to the place in the chain.
NOT_DRAWN = {
    *("network_id", "mandate_id", "issuer", "subject", "root_owner", "parent_digest", "depth", "max_depth"),
    *("nonce", "revocation_epoch", "rules_hash", "signed_bytes"),
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
        data_scopes=EVERYTHING,
        data_purposes=EVERYTHING,
        data_retention_days=30,
        cosigners=COSIGNERS,
    )
)


def _kept(draw: st.DrawFn, above: dict[str, Any]) -> list[str]:
    """Items and limits that are drawn anew are seldom within the parent's; now and then they stay."""
    return [field for field in ("bound_items", "limits") if field in above and draw(st.integers(0, 3)) == 0]


@st.composite
def families(draw: st.DrawFn, always: str | None = None) -> tuple[Mandate, Mandate]:
    """A parent and a child that `narrower` accepts, which differ in one or two fields drawn for both.

    All other fields allow everything, so that what these fields say decides.
    """
    chosen = {draw(st.sampled_from(sorted(FIELDS))) for _ in range(draw(st.integers(0 if always else 1, 2)))}
    chosen |= {always} if always else set()
    above = {field: draw(FIELDS[field]) for field in sorted(chosen) if field != "autonomy"}
    if "actions" in above:  # else it could have no child
        above["actions"] = tuple(sorted({*above["actions"], Action.SUBDELEGATE}))
    try:
        parent = issued(replace(EVERYTHING_ALLOWED, **above))
        kept = _kept(draw, above)
        below = {field: draw(FIELDS[field]) for field in sorted(chosen) if field not in kept}
        child = child_of(parent, **below)
        narrower(child, parent)
    except Refusal:
        assume(False)
    return parent, child


ACTS = st.builds(
    Act,
    action=st.one_of(st.just(Action.BUY), st.sampled_from(Action)),
    time_ms=st.sampled_from(DAYS).map(lambda day: UnixMs(NOW + day * DAY_MS)),
    node=st.sampled_from(NODES),
    category=st.sampled_from((*CODES, "44103105", "44121500", "45111500", "4", "")),
    counterparty=st.sampled_from(SELLERS),
    product_id=st.sampled_from(PRODUCTS),
    currency=st.sampled_from(CURRENCIES),
    payable_minor=st.one_of(st.integers(1, 9), st.integers(1, 45)),
    price_minor=st.integers(1, 45),
    price_base_steps=st.integers(1, 3),
    unit=st.sampled_from(UNITS),
    unit_scale=st.sampled_from(SCALES),
    quantity_steps=st.integers(1, 20),
    body_digest=st.just(BODY),
    counterparty_assurance=st.integers(0, 3),
    delivery_ms=st.integers(1, 3),
    attributes=st.lists(
        st.sampled_from(
            (
                Attribute("certificate.eu.blue_angel", True),
                Attribute("certificate.iso.14001", True),
                Attribute("co2", ScaledInteger(15, 1, "GRM")),
                Attribute("warranty", ScaledInteger(1, 0, "DAY")),
            )
        ),
        max_size=4,
        unique=True,
    ).map(tuple),
    place=st.one_of(st.none(), st.builds(Place, st.sampled_from(EDGES), st.sampled_from(EDGES))),
    shared=st.builds(
        DataShared,
        kinds=some(KINDS),
        purpose=st.sampled_from(PURPOSES),
        retention_days=st.sampled_from((0, 10, 30)),
    ),
    follows=st.booleans(),
)


# An order that nothing but the drawn fields could hold back.
USUAL_ACTS = ACTS.map(
    lambda act: replace(
        act,
        action=Action.BUY,
        time_ms=NOW,
        category="44103105",
        currency="EUR",
        payable_minor=min(act.payable_minor, 30),
        price_minor=1,
        unit="C62",
        unit_scale=0,
        quantity_steps=1,
    )
)
FEW = st.sampled_from((0, 1, 5, 10))
HISTORY = st.lists(st.tuples(st.sampled_from(CURRENCIES), FEW, FEW), max_size=2)


def counters_of(history: list[tuple[str, int, int]], *mandates: EffectiveMandate) -> Counters:
    """The same spending, of the first day and in all, counted for every link of these chains."""
    day = UtcDay(utc_day(NOW) + DAYS[0])
    return {
        (link, currency): SpendingCounter(
            day=day,
            day_minor=today,
            total_minor=earlier + today,
            orders=1,
            month=utc_month(day),
            month_minor=today,
            day_orders=1,
            open_orders=1,
            open_holds=1,
            open_minor=today,
        )
        for currency, today, earlier in history
        for mandate in mandates
        for link in mandate.links
    }


def as_root(child: Mandate) -> Mandate:
    """The child's own permissions, without the parent that would hold it back in their meet."""
    return issued(replace(child, issuer=child.root_owner, parent_digest=b"", depth=0))


@mark.parametrize("field", sorted(FIELDS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_child_that_is_narrower_in_a_field_may_nothing_that_its_parent_may_not(
    field: str, data: st.DataObject
) -> None:
    parent, child = data.draw(families(field))
    for _ in range(2):
        act = data.draw(USUAL_ACTS)
        if field.startswith("data_"):
            act = replace(act, action=Action.DATA_SHARE)
        elif field == "actions":
            act = replace(act, action=data.draw(st.sampled_from(Action)))
        check(parent, child, act, [], data)


@settings(max_examples=500)
@given(st.data())
def test_what_an_accepted_child_permits_its_parent_permits(data: st.DataObject) -> None:
    parent, child = data.draw(families())
    check(parent, child, data.draw(ACTS), data.draw(HISTORY), data)


def check(
    parent: Mandate, child: Mandate, act: Act, history: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    alone, chain, above = meet(as_root(child)), meet(parent, child), meet(parent)
    counters = counters_of(history, alone, chain, above)
    yes = Cosign(approved=data.draw(some((OWNER, *COSIGNERS))), rejected=data.draw(some((OWNER,))))

    def verdict(mandate: EffectiveMandate) -> Verdict:
        return authorize(mandate, act, counters, yes).verdict

    event(f"{'buys' if act.action is Action.BUY else 'other'}: {verdict(alone).name}")
    # The link's own text is narrower, so the meet with its parent takes nothing from it.
    assert verdict(chain) == verdict(alone)
    if verdict(alone) is Verdict.ALLOW:
        assert verdict(above) is Verdict.ALLOW
    if verdict(alone) is Verdict.NEED_COSIGN:
        assert verdict(above) is not Verdict.DENY


def test_every_field_that_a_rule_compares_is_drawn() -> None:
    assert set(FIELDS) == {field.name for field in fields(Mandate)} - NOT_DRAWN


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
