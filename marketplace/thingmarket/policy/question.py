"""One act under one mandate: what the checks of the rules look at, and what they found."""

from collections.abc import Callable
from typing import Final

from thingmarket.identity.effective import EffectiveLimit, EffectiveMandate
from thingmarket.identity.mandates import BoundItem
from thingmarket.identity.scopes import Scope
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Fact
from thingmarket.policy.spending import Counters, Reservation, SpendingCounter

NOT_STATED: Final = "not stated"
WHOLE_UNIT: Final[tuple[int, ...]] = tuple(10**scale for scale in range(16))
"""Steps of one whole unit, by scale."""

NO_LIMIT: Final = EffectiveLimit(
    currency="", per_item_minor=0, per_order_minor=0, cosign_above_minor=0, budgets=()
)


class Question:
    """One act under one mandate: what the checks look at, and the facts that they found."""

    __slots__ = ("act", "counted", "counters", "facts", "items", "limit", "mandate", "reserved")

    def __init__(
        self,
        mandate: EffectiveMandate,
        act: Act,
        counters: Counters,
        facts: list[Fact],
        reserved: Reservation | None = None,
    ) -> None:
        self.mandate: Final = mandate
        self.act: Final = act
        self.counters: Final = counters
        self.facts: Final = facts
        self.reserved: Final = reserved
        self.counted: list[SpendingCounter] = []  # of the links of `limit.budgets`, once they were looked up
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


Check = Callable[[Question], bool]
"""Adds the facts it looks at, and tells whether its rule holds."""


def all_allow(scopes: tuple[Scope, ...], name: str) -> bool:
    """Tell whether every scope lets a name through."""
    for scope in scopes:  # noqa: SIM110  all() takes four times as long
        if not scope.allows_name(name):
            return False
    return True
