"""The owner's rules, each with its sentence and its check, in the order in which they are looked at."""

from collections.abc import Callable
from typing import Final

from thingmarket.identity.effective import EffectiveLimit, EffectiveMandate
from thingmarket.identity.mandates import LEAST_AUTONOMY, Action, Autonomy, BoundItem
from thingmarket.identity.scopes import Scope
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Fact
from thingmarket.policy.spending import NOTHING_SPENT, Counters, spent_in_day
from thingmarket.time import utc_day

# Each sentence says what must hold, so that "not so: " before it explains a denial.
RULES: Final = {
    "OWN-1": "The owner acts himself; no mandate limits him.",
    "AUT-0": "Who commits is above ANNOUNCER: that level only says what it needs, whatever is approved.",
    "AUT-1": "The level of autonomy is high enough for the action.",
    "ACT-1": "The mandate lists the action.",
    "TIM-1": "The mandate is already valid.",
    "TIM-2": "The mandate has not expired.",
    "NOD-1": "The mandate may be used at this node.",
    "CAT-1": "The category is permitted.",
    "PAR-1": "The counterparty is permitted.",
    "ITM-1": "The product is one of the agreed items, in its agreed currency, unit and scale.",
    "ITM-2": "The seller is one of those agreed for the item.",
    "ITM-3": "The net price of one whole unit is at most the agreed one.",
    "ITM-4": "The quantity of one order is at most the agreed one.",
    "LIM-0": "Something may be spent in this currency.",
    "LIM-1": "One whole unit costs at most the limit per item, tax and fees included.",
    "LIM-2": "The order costs something, and at most the limit per order.",
    "LIM-3": "The sum of the UTC day stays within the limit per day, for every link of the chain.",
    "LIM-4": "The sum since the beginning stays within the total, for every link of the chain.",
    "COS-1": "Above the threshold the owner approves each order.",
    "COS-2": "The owner approved this very order under this mandate.",
    "COS-3": "The owner did not reject this very order under this mandate.",
}


_WHOLE_UNIT: Final[tuple[int, ...]] = tuple(10**scale for scale in range(16))

NO_LIMIT: Final = EffectiveLimit(
    currency="", per_item_minor=0, per_order_minor=0, cosign_above_minor=0, budgets=()
)


class Question:
    """One act under one mandate: what the checks look at, and the facts that they found."""

    __slots__ = ("act", "counters", "facts", "items", "limit", "mandate")

    def __init__(self, mandate: EffectiveMandate, act: Act, counters: Counters, facts: list[Fact]) -> None:
        self.mandate: Final = mandate
        self.act: Final = act
        self.counters: Final = counters
        self.facts: Final = facts
        self.limit: Final = mandate.limit(act.currency) or NO_LIMIT
        self.items: Final = _agreed_items(mandate, act) if mandate.bound_items else []


def _agreed_items(mandate: EffectiveMandate, act: Act) -> list[BoundItem]:
    product_id, currency, unit, scale = act.product_id, act.currency, act.unit, act.unit_scale
    return [
        item
        for items in mandate.bound_items
        for item in items
        if item.product_id == product_id
        and item.currency == currency
        and item.unit == unit
        and item.unit_scale == scale
    ]


_DAY_FACTS: Final = ("budget.day.spent", "budget.day.asked", "budget.day.allowed", "budget.day.depth")
_TOTAL_FACTS: Final = (
    "budget.total.spent",
    "budget.total.asked",
    "budget.total.allowed",
    "budget.total.depth",
)

# A check adds the facts it looks at and tells whether its rule holds.
Check = Callable[[Question], bool]


def _announcer_commits_nothing(q: Question) -> bool:
    return q.mandate.autonomy is not Autonomy.ANNOUNCER or LEAST_AUTONOMY[q.act.action] is Autonomy.ANNOUNCER


def _level(q: Question) -> bool:
    return q.mandate.autonomy >= LEAST_AUTONOMY[q.act.action]


def _listed(q: Question) -> bool:
    return q.act.action in q.mandate.actions


def _begun(q: Question) -> bool:
    q.facts.append(Fact("time", q.act.time_ms))
    if q.act.time_ms >= q.mandate.not_before_ms:
        return True
    q.facts.append(Fact("mandate.not_before", q.mandate.not_before_ms))
    return False


def _not_expired(q: Question) -> bool:
    q.facts.append(Fact("mandate.expires", q.mandate.expires_ms))
    return q.act.time_ms < q.mandate.expires_ms


def _node(q: Question) -> bool:
    q.facts.append(Fact("node", q.act.node))
    return _all_allow(q.mandate.nodes, q.act.node)


def _category(q: Question) -> bool:
    category = q.act.category
    if not category and q.act.action is not Action.BUY:
        return True  # the act is about no product
    q.facts.append(Fact("category", category))
    for scope in q.mandate.categories:  # noqa: SIM110  all() takes four times as long
        if not scope.allows_code(category):
            return False
    return True


def _counterparty(q: Question) -> bool:
    if not q.act.counterparty and q.act.action is not Action.BUY:
        return True  # the act is towards nobody yet
    q.facts.append(Fact("counterparty", q.act.counterparty))
    return _all_allow(q.mandate.counterparties, q.act.counterparty)


def _all_allow(scopes: tuple[Scope, ...], name: str) -> bool:
    for scope in scopes:  # noqa: SIM110  all() takes four times as long
        if not scope.allows_name(name):
            return False
    return True


def _item(q: Question) -> bool:
    q.facts.extend((Fact("item.product", q.act.product_id), Fact("item.unit", q.act.unit)))
    # A list has a product at most once per currency; no list at all means that nothing was agreed.
    return len(q.items) == len(q.mandate.bound_items) > 0


def _item_seller(q: Question) -> bool:
    return _all_allow(tuple([item.sellers for item in q.items]), q.act.counterparty)


def _item_price(q: Question) -> bool:
    act = q.act
    assert act.price_minor > 0 < act.price_base_steps, "an offer has a price"
    allowed = min([item.max_unit_price_minor for item in q.items])
    q.facts.extend(
        (
            Fact("item.price", act.price_minor),
            Fact("item.price_steps", act.price_base_steps),
            Fact("item.price_allowed", allowed),
        )
    )
    return act.price_minor * _WHOLE_UNIT[act.unit_scale] <= allowed * act.price_base_steps


def _item_quantity(q: Question) -> bool:
    allowed = min([item.max_quantity_steps for item in q.items])
    q.facts.extend((Fact("item.quantity", q.act.quantity_steps), Fact("item.quantity_allowed", allowed)))
    return q.act.quantity_steps <= allowed


def _currency(q: Question) -> bool:
    q.facts.append(Fact("currency", q.act.currency))
    return q.limit is not NO_LIMIT


def _per_item(q: Question) -> bool:
    act, allowed = q.act, q.limit.per_item_minor
    q.facts.extend((Fact("budget.item.steps", act.quantity_steps), Fact("budget.item.allowed", allowed)))
    # Multiplied out instead of divided: exact, and in proportion for less than one whole unit.
    return act.payable_minor * _WHOLE_UNIT[act.unit_scale] <= allowed * act.quantity_steps


def _per_order(q: Question) -> bool:
    asked, allowed = q.act.payable_minor, q.limit.per_order_minor
    q.facts.extend((Fact("budget.order.asked", asked), Fact("budget.order.allowed", allowed)))
    return 0 < asked <= allowed


def _per_day(q: Question) -> bool:
    counters, currency, day = q.counters, q.act.currency, utc_day(q.act.time_ms)
    return _within(
        q,
        _DAY_FACTS,
        [
            (spent_in_day(counters.get((budget.link, currency), NOTHING_SPENT), day), budget.per_day_minor)
            for budget in q.limit.budgets
        ],
    )


def _in_total(q: Question) -> bool:
    counters, currency = q.counters, q.act.currency
    return _within(
        q,
        _TOTAL_FACTS,
        [
            (counters.get((budget.link, currency), NOTHING_SPENT).total_minor, budget.total_minor)
            for budget in q.limit.budgets
        ],
    )


def _within(q: Question, names: tuple[str, str, str, str], budgets: list[tuple[int, int]]) -> bool:
    """Look at (spent, allowed) of every link, minor units; the facts are those of the one with least room."""
    tightest = 0
    if len(budgets) > 1:
        room = [allowed - used for used, allowed in budgets]
        tightest = room.index(min(room))
        q.facts.append(Fact(names[3], tightest))
    used, allowed = budgets[tightest]
    asked = q.act.payable_minor
    q.facts.extend((Fact(names[0], used), Fact(names[1], asked), Fact(names[2], allowed)))
    return used + asked <= allowed


_ALWAYS: Final[tuple[tuple[str, Check], ...]] = (
    ("AUT-0", _announcer_commits_nothing),
    ("AUT-1", _level),
    ("ACT-1", _listed),
    ("TIM-1", _begun),
    ("TIM-2", _not_expired),
    ("NOD-1", _node),
    ("CAT-1", _category),
    ("PAR-1", _counterparty),
)
_ITEMS: Final[tuple[tuple[str, Check], ...]] = (
    ("ITM-1", _item),
    ("ITM-2", _item_seller),
    ("ITM-3", _item_price),
    ("ITM-4", _item_quantity),
)
_SPENDING: Final[tuple[tuple[str, Check], ...]] = (
    ("LIM-0", _currency),
    ("LIM-1", _per_item),
    ("LIM-2", _per_order),
    ("LIM-3", _per_day),
    ("LIM-4", _in_total),
)


class Course:
    """Rules in their order: what is looked at, and the names of all of it."""

    def __init__(self, *parts: tuple[tuple[str, Check], ...]) -> None:
        self.steps: Final = tuple(step for part in parts for step in part)
        self.names: Final = tuple(name for name, _ in self.steps)


_COMMON: Final = Course(_ALWAYS)
_BUY: Final = Course(_ALWAYS, _SPENDING)
_BUY_ITEMS: Final = Course(_ALWAYS, _ITEMS, _SPENDING)


def course_of(mandate: EffectiveMandate, act: Act) -> Course:
    """The rules that an act is looked at by, in their order; approval comes after them."""
    if act.action is not Action.BUY:
        return _COMMON
    # A BOUND thing buys agreed items only; given items restrict every level.
    return _BUY_ITEMS if mandate.bound_items or mandate.autonomy <= Autonomy.BOUND else _BUY
