"""What a mandate lets be spent: limits of one order, and counters of every link of the chain. [MAN-7]"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from thingmarket.identity.effective import Count, LinkBudget
from thingmarket.policy.decision import Fact
from thingmarket.policy.question import NO_LIMIT, WHOLE_UNIT, Check, Question
from thingmarket.policy.spending import (
    NOTHING_SPENT,
    SpendingCounter,
    orders_in_day,
    spent_in_day,
    spent_in_month,
)
from thingmarket.time import utc_day, utc_month


def _budget_facts(name: str) -> tuple[str, str, str, str]:
    return (f"{name}.spent", f"{name}.asked", f"{name}.allowed", f"{name}.depth")


_DAY_FACTS: Final = _budget_facts("budget.day")
_TOTAL_FACTS: Final = _budget_facts("budget.total")
_MONTH_FACTS: Final = _budget_facts("budget.month")
_DAY_ORDERS_FACTS: Final = _budget_facts("orders.day")
_OPEN_ORDERS_FACTS: Final = _budget_facts("orders.open")
_OPEN_HOLDS_FACTS: Final = _budget_facts("orders.held")
_LIABILITY_FACTS: Final = _budget_facts("budget.open")
_PER_DAY: Final = attrgetter("per_day_minor")
_TOTAL: Final = attrgetter("total_minor")


def _currency(q: Question) -> bool:
    q.facts.append(Fact("currency", q.act.currency))
    return q.limit is not NO_LIMIT


def _per_item(q: Question) -> bool:
    act, allowed = q.act, q.limit.per_item_minor
    q.facts.extend((Fact("budget.item.steps", act.quantity_steps), Fact("budget.item.allowed", allowed)))
    # Multiplied out instead of divided: exact, and in proportion for less than one whole unit.
    return act.payable_minor * WHOLE_UNIT[act.unit_scale] <= allowed * act.quantity_steps


def _per_order(q: Question) -> bool:
    asked, allowed = q.act.payable_minor, q.limit.per_order_minor
    q.facts.extend((Fact("budget.order.asked", asked), Fact("budget.order.allowed", allowed)))
    return 0 < asked <= allowed


def _counted(q: Question) -> list[SpendingCounter]:
    if not q.counted:
        counters, currency = q.counters, q.act.currency
        q.counted = [counters.get((budget.link, currency), NOTHING_SPENT) for budget in q.limit.budgets]
    return q.counted


def _per_day(q: Question) -> bool:
    day = utc_day(q.act.time_ms)
    used = [spent_in_day(counter, day) + counter.book_minor for counter in _counted(q)]
    return _within(q, _DAY_FACTS, used, _PER_DAY, q.act.payable_minor)


def _in_total(q: Question) -> bool:
    used = [counter.total_minor + counter.book_minor for counter in _counted(q)]
    return _within(q, _TOTAL_FACTS, used, _TOTAL, q.act.payable_minor)


def _per_month(q: Question) -> bool:
    month = utc_month(utc_day(q.act.time_ms))
    used = [spent_in_month(counter, month) + counter.book_minor for counter in _counted(q)]
    return _within(q, _MONTH_FACTS, used, attrgetter("per_month_minor"), q.act.payable_minor)


def _orders_of_day(q: Question) -> bool:
    day = utc_day(q.act.time_ms)
    used = [orders_in_day(counter, day) for counter in _counted(q)]
    return _within(q, _DAY_ORDERS_FACTS, used, attrgetter("orders_per_day"), 1)


def _open_orders(q: Question) -> bool:
    used = [counter.open_orders + counter.book_orders for counter in _counted(q)]
    return _within(q, _OPEN_ORDERS_FACTS, used, attrgetter("max_open_orders"), 1)


def _open_holds(q: Question) -> bool:
    used = [counter.open_holds + counter.book_orders for counter in _counted(q)]
    return _within(q, _OPEN_HOLDS_FACTS, used, attrgetter("max_open_holds"), 1)


def _liability(q: Question) -> bool:
    used = [counter.open_minor + counter.book_minor for counter in _counted(q)]
    return _within(q, _LIABILITY_FACTS, used, attrgetter("liability_cap_minor"), q.act.payable_minor)


def _as_reserved(q: Question) -> bool:
    assert q.reserved is not None, "this rule is looked at when something was reserved"
    asked, reserved = q.act.payable_minor, q.reserved.amount_minor
    q.facts.extend((Fact("budget.reserved.asked", asked), Fact("budget.reserved.allowed", reserved)))
    return q.reserved.currency == q.act.currency and asked <= reserved


def _within(
    q: Question,
    names: tuple[str, str, str, str],
    used: list[int],
    allowed: Callable[[LinkBudget], int],
    asked: int,
) -> bool:
    """Look at what every link has used and is allowed; the facts are those of the one with least room."""
    budgets, tightest = q.limit.budgets, 0
    if len(budgets) > 1:
        room = [allowed(budget) - so_far for budget, so_far in zip(budgets, used, strict=True)]
        tightest = room.index(min(room))
        q.facts.append(Fact(names[3], tightest))
    so_far, most = used[tightest], allowed(budgets[tightest])
    q.facts.extend((Fact(names[0], so_far), Fact(names[1], asked), Fact(names[2], most)))
    return so_far + asked <= most


# In their order; a rule with a count is looked at only where that count can refuse something.
AMOUNTS: Final[tuple[tuple[str, Check, None], ...]] = (
    ("LIM-0", _currency, None),
    ("LIM-1", _per_item, None),
    ("LIM-2", _per_order, None),
)
COUNTS: Final[tuple[tuple[str, Check, Count | None], ...]] = (
    ("LIM-3", _per_day, None),
    ("LIM-4", _in_total, None),
    ("LIM-5", _per_month, Count.MONTH),
    ("LIM-6", _orders_of_day, Count.ORDERS_OF_DAY),
    ("LIM-7", _open_orders, Count.OPEN_ORDERS),
    ("LIM-8", _open_holds, Count.OPEN_HOLDS),
    ("LIM-9", _liability, Count.LIABILITY),
)
# What this very order has reserved is in the counters already; only whether its money may be held is new.
RESERVED: Final[tuple[tuple[str, Check, Count | None], ...]] = (
    ("LIM-8", _open_holds, Count.OPEN_HOLDS),
    ("LIM-10", _as_reserved, None),
)
