"""The owner's rules, each with its sentence and its check, in the order in which they are looked at."""

from collections.abc import Callable
from typing import Final

from thingmarket.identity.effective import EffectiveLimit, EffectiveMandate
from thingmarket.identity.mandates import LEAST_AUTONOMY, Action, Autonomy, BoundItem
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Fact
from thingmarket.policy.spending import NOTHING_SPENT, Counters, spent
from thingmarket.time import utc_day

RULES: Final = {
    "OWN-1": "The owner acts himself; no mandate limits him.",
    "AUT-0": "An ANNOUNCER says what it needs and never commits, not even with an approval.",
    "AUT-1": "The level of autonomy is high enough for the action.",
    "ACT-1": "The mandate lists the action.",
    "TIM-1": "The mandate is already valid.",
    "TIM-2": "The mandate has not expired.",
    "NOD-1": "The mandate may be used at this node.",
    "CAT-1": "The category is permitted.",
    "PAR-1": "The counterparty is permitted.",
    "ITM-1": "The product is one of the agreed items, in its agreed currency.",
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

# A check adds the facts it looks at and tells whether its rule holds.
Check = Callable[[EffectiveMandate, Act, Counters, list[Fact]], bool]


def _announcer_commits_nothing(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    return m.autonomy is not Autonomy.ANNOUNCER or LEAST_AUTONOMY[act.action] is Autonomy.ANNOUNCER


def _level(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    return m.autonomy >= LEAST_AUTONOMY[act.action]


def _listed(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    return act.action in m.actions


def _begun(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    if act.time_ms >= m.not_before_ms:
        return True
    facts += (Fact("time", act.time_ms), Fact("mandate.not_before", m.not_before_ms))
    return False


def _not_expired(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    facts += (Fact("time", act.time_ms), Fact("mandate.expires", m.expires_ms))
    return act.time_ms < m.expires_ms


def _node(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    facts.append(Fact("node", act.node))
    return all(scope.allows_name(act.node) for scope in m.nodes)


def _category(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    if not act.category and act.action is not Action.BUY:
        return True  # the act is about no product
    facts.append(Fact("category", act.category))
    return all(scope.allows_code(act.category) for scope in m.categories)


def _counterparty(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    if not act.counterparty and act.action is not Action.BUY:
        return True  # the act is towards nobody yet
    facts.append(Fact("counterparty", act.counterparty))
    return all(scope.allows_name(act.counterparty) for scope in m.counterparties)


def _items(m: EffectiveMandate, act: Act) -> list[BoundItem]:
    wanted, currency = act.product_id, act.currency
    return [
        item
        for items in m.bound_items
        for item in items
        if item.product_id == wanted and item.currency == currency
    ]


def _item(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    facts.append(Fact("item.product", act.product_id))
    # A list has a product at most once per currency; no list at all means that nothing was agreed.
    return len(_items(m, act)) == len(m.bound_items) > 0


def _item_seller(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    return all(item.sellers.allows_name(act.counterparty) for item in _items(m, act))


def _item_price(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    allowed = min([item.max_unit_price_minor for item in _items(m, act)])
    facts += (
        Fact("item.price", act.price_minor),
        Fact("item.price_steps", act.price_base_steps),
        Fact("item.price_allowed", allowed),
    )
    assert act.price_minor > 0 < act.price_base_steps, "an offer has a price"
    return act.price_minor * _WHOLE_UNIT[act.unit_scale] <= allowed * act.price_base_steps


def _item_quantity(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    allowed = min([item.max_quantity_steps for item in _items(m, act)])
    facts += (Fact("item.quantity", act.quantity_steps), Fact("item.quantity_allowed", allowed))
    return act.quantity_steps <= allowed


def _currency(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    facts.append(Fact("currency", act.currency))
    return m.limit(act.currency) is not None


def _limit(m: EffectiveMandate, act: Act) -> EffectiveLimit:
    limit = m.limit(act.currency)
    assert limit is not None, "rule LIM-0 came first"
    return limit


def _per_item(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    allowed = _limit(m, act).per_item_minor
    facts += (
        Fact("budget.item.steps", act.quantity_steps),
        Fact("budget.item.asked", act.payable_minor),
        Fact("budget.item.allowed", allowed),
    )
    # Multiplied out instead of divided: exact, and in proportion for less than one whole unit.
    return act.payable_minor * _WHOLE_UNIT[act.unit_scale] <= allowed * act.quantity_steps


def _per_order(m: EffectiveMandate, act: Act, _: Counters, facts: list[Fact]) -> bool:
    allowed = _limit(m, act).per_order_minor
    facts += (Fact("budget.order.asked", act.payable_minor), Fact("budget.order.allowed", allowed))
    return 0 < act.payable_minor <= allowed


def _per_day(m: EffectiveMandate, act: Act, counters: Counters, facts: list[Fact]) -> bool:
    day = utc_day(act.time_ms)
    budgets = [
        (spent(counters.get((budget.link, act.currency), NOTHING_SPENT), day), budget.per_day_minor)
        for budget in _limit(m, act).budgets
    ]
    return _within(budgets, act.payable_minor, "budget.day", facts)


def _in_total(m: EffectiveMandate, act: Act, counters: Counters, facts: list[Fact]) -> bool:
    budgets = [
        (counters.get((budget.link, act.currency), NOTHING_SPENT).total_minor, budget.total_minor)
        for budget in _limit(m, act).budgets
    ]
    return _within(budgets, act.payable_minor, "budget.total", facts)


def _within(budgets: list[tuple[int, int]], asked_minor: int, name: str, facts: list[Fact]) -> bool:
    """Look at (spent, allowed) of every link; the facts are those of the link with the least room."""
    tightest = 0
    for depth, (used, allowed) in enumerate(budgets):
        if allowed - used < budgets[tightest][1] - budgets[tightest][0]:
            tightest = depth
    used, allowed = budgets[tightest]
    facts += (
        Fact(f"{name}.spent", used),
        Fact(f"{name}.asked", asked_minor),
        Fact(f"{name}.allowed", allowed),
        Fact(f"{name}.depth", tightest),
    )
    return used + asked_minor <= allowed


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
