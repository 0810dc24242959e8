"""What was spent under each link of authority: counted for all ancestors, never given back. [MAN-7]"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import Digest
from thingmarket.time import UtcDay

CounterKey = tuple[Digest, str]
"""Digest of a link's payload, ISO 4217 code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingCounter:
    """Sums in one currency under one link, minor units; the day's sum is that of `day`."""

    day: UtcDay
    day_minor: int
    total_minor: int
    orders: int


Counters = Mapping[CounterKey, SpendingCounter]

NOTHING_SPENT: Final = SpendingCounter(day=UtcDay(0), day_minor=0, total_minor=0, orders=0)


def spent(counter: SpendingCounter, day: UtcDay) -> int:
    """The sum of that UTC day, minor units: 0 when nothing was spent in it yet."""
    assert day >= counter.day, "entry times never go back, so neither do days"
    return counter.day_minor if counter.day == day else 0


def after(counter: SpendingCounter, day: UtcDay, amount_minor: int) -> SpendingCounter:
    """The counter once one order of this amount was placed on that UTC day."""
    assert amount_minor > 0, "an order costs something"
    return SpendingCounter(
        day=day,
        day_minor=spent(counter, day) + amount_minor,
        total_minor=counter.total_minor + amount_minor,
        orders=counter.orders + 1,
    )


def counted(
    mandate: EffectiveMandate, counters: Counters, *, currency: str, day: UtcDay, amount_minor: int
) -> tuple[tuple[CounterKey, SpendingCounter], ...]:
    """The new counters of every link of the chain, root first, once one order was placed.

    Siblings share their ancestors' counters, so together they cannot overspend them.
    """
    return tuple(
        ((link, currency), after(counters.get((link, currency), NOTHING_SPENT), day, amount_minor))
        for link in mandate.links
    )
