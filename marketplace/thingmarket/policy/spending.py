"""What was spent under each link of authority: reserved, committed, never given back twice. [MAN-7]

An order reserves its amount in every ancestor's counter. It is committed when the contract is made, released
when it comes to none, and closed when the contract has ended. What is reserved counts as spent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import Digest
from thingmarket.time import UnixMs, UtcDay, UtcMonth, utc_day, utc_month
from thingmarket.values import changed, quick

_FIRST_MONTH: Final = UtcMonth(0)

CounterKey = tuple[Digest, str]
"""Digest of a link's payload, ISO 4217 code."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingCounter:
    """Sums in one currency under one link, minor units; those of the day and month are of `day`, `month`.

    `open_minor` is what orders oblige to that wait or whose contract has not ended; `reserved_minor` is the
    part of it that waits. `book_minor` is what `book_orders` orders may cost that rest in books: it counts in
    every day and month, in total and as open, beside what was spent. [MKT-8]
    """

    day: UtcDay
    day_minor: int
    total_minor: int
    orders: int
    month: UtcMonth = _FIRST_MONTH
    month_minor: int = 0
    day_orders: int = 0
    open_orders: int = 0
    open_holds: int = 0
    open_minor: int = 0
    reserved_minor: int = 0
    book_minor: int = 0
    book_orders: int = 0


Counters = Mapping[CounterKey, SpendingCounter]
Counted = tuple[tuple[CounterKey, SpendingCounter], ...]
"""New counters of every link of a chain, root first, to be put in place of the old ones."""

NOTHING_SPENT: Final = SpendingCounter(day=UtcDay(0), day_minor=0, total_minor=0, orders=0)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one order counts, where: it is committed or released in the day and month that it was made in."""

    currency: str
    amount_minor: int
    day: UtcDay
    month: UtcMonth
    links: tuple[Digest, ...]


def reservation_of(
    mandate: EffectiveMandate, *, currency: str, time_ms: UnixMs, amount_minor: int
) -> Reservation:
    """Say what an order placed at this time counts for every link of the chain."""
    assert amount_minor > 0, "an order costs something"
    day = utc_day(time_ms)
    return Reservation(
        currency=currency, amount_minor=amount_minor, day=day, month=utc_month(day), links=mandate.links
    )


def spent_in_day(counter: SpendingCounter, day: UtcDay) -> int:
    """The sum of that UTC day, minor units: 0 when nothing was spent in it yet."""
    assert day >= counter.day, "entry times never go back, so neither do days"
    return counter.day_minor if counter.day == day else 0


def spent_in_month(counter: SpendingCounter, month: UtcMonth) -> int:
    """The sum of that UTC month, minor units: 0 when nothing was spent in it yet."""
    assert month >= counter.month, "entry times never go back, so neither do months"
    return counter.month_minor if counter.month == month else 0


def orders_in_day(counter: SpendingCounter, day: UtcDay) -> int:
    """How many orders were placed on that UTC day."""
    assert day >= counter.day, "entry times never go back, so neither do days"
    return counter.day_orders if counter.day == day else 0


def reserve(counters: Counters, order: Reservation) -> Counted:
    """Count an order that waits, at the time of its reservation; siblings share their ancestors' counters."""
    return _placed(counters, order, waits=True)


def spend(counters: Counters, order: Reservation) -> Counted:
    """Reserve and commit in one entry: an order that becomes a contract at once."""
    return _placed(counters, order, waits=False)


def _placed(counters: Counters, order: Reservation, *, waits: bool) -> Counted:
    currency, day, month, amount = order.currency, order.day, order.month, order.amount_minor
    counted = []
    for link in order.links:
        key = (link, currency)
        old = counters.get(key, NOTHING_SPENT)
        same_day, same_month = old.day == day, old.month == month
        assert day >= old.day and month >= old.month, "entry times never go back"
        new = SpendingCounter(
            day=day,
            day_minor=old.day_minor + amount if same_day else amount,
            total_minor=old.total_minor + amount,
            orders=old.orders + 1,
            month=month,
            month_minor=old.month_minor + amount if same_month else amount,
            day_orders=old.day_orders + 1 if same_day else 1,
            open_orders=old.open_orders + 1,
            open_holds=old.open_holds if waits else old.open_holds + 1,
            open_minor=old.open_minor + amount,
            reserved_minor=old.reserved_minor + amount if waits else old.reserved_minor,
            book_minor=old.book_minor,
            book_orders=old.book_orders,
        )
        counted.append((key, new))
    return tuple(counted)


Booked = tuple[int, int, int, int]
"""What one entry changed for the orders that a mandate has in books: how many were placed, how many more
rest; what they may cost now, less what they might before, and what was paid, both in minor units."""


def count_book(
    counters: Counters, links: Sequence[Digest], currency: str, time_ms: UnixMs, booked: Booked
) -> Counted:
    """Count orders of the book for every link: what is paid moves into the day and month of its entry."""
    day, month = _day_and_month(time_ms)
    placed, resting, held_minor, paid_minor = booked
    counted = []
    for link in links:
        key = (link, currency)
        old = counters.get(key, NOTHING_SPENT)
        same_day = old.day == day
        new = SpendingCounter(
            day=day,
            day_minor=old.day_minor + paid_minor if same_day else paid_minor,
            total_minor=old.total_minor + paid_minor,
            orders=old.orders + placed,
            month=month,
            month_minor=old.month_minor + paid_minor if old.month == month else paid_minor,
            day_orders=old.day_orders + placed if same_day else placed,
            open_orders=old.open_orders,
            open_holds=old.open_holds,
            open_minor=old.open_minor,
            reserved_minor=old.reserved_minor,
            book_minor=_less(old.book_minor, -held_minor),
            book_orders=_less(old.book_orders, -resting),
        )
        counted.append((key, new))
    return tuple(counted)


@lru_cache(maxsize=16)  # asked for each sender that an entry touches
def _day_and_month(time_ms: UnixMs) -> tuple[UtcDay, UtcMonth]:
    day = utc_day(time_ms)
    return day, utc_month(day)


def count_fill(
    counters: Counters, links: Sequence[Digest], currency: str, time_ms: UnixMs, amount_minor: int
) -> Counted:
    """An order of the book became a contract: its amount is spent and open. [MKT-16]"""
    day = utc_day(time_ms)
    month = utc_month(day)
    counted = []
    for link in links:
        key = (link, currency)
        old = counters.get(key, NOTHING_SPENT)
        new = changed(
            old,
            day=day,
            day_minor=spent_in_day(old, day) + amount_minor,
            total_minor=old.total_minor + amount_minor,
            month=month,
            month_minor=spent_in_month(old, month) + amount_minor,
            day_orders=orders_in_day(old, day),
            open_orders=old.open_orders + 1,
            open_holds=old.open_holds + 1,
            open_minor=old.open_minor + amount_minor,
        )
        counted.append((key, new))
    return tuple(counted)


def commit(counters: Counters, order: Reservation, *, amount_minor: int | None = None) -> Counted:
    """The order that waited became a contract, at its price or a better one; its bucket keeps the amount."""
    amount = order.amount_minor if amount_minor is None else amount_minor
    assert 0 < amount <= order.amount_minor, "a contract costs at most what was reserved for it"
    saved = _given_back(counters, order, order.amount_minor - amount)
    return tuple(
        (
            key,
            changed(
                counter,
                open_holds=counter.open_holds + 1,
                reserved_minor=_less(counter.reserved_minor, order.amount_minor),
            ),
        )
        for key, counter in saved
    )


def release(counters: Counters, order: Reservation) -> Counted:
    """The order that waited came to nothing: its amount is free again; it stays an order of its day."""
    freed = _given_back(counters, order, order.amount_minor)
    return tuple(
        (
            key,
            changed(
                counter,
                open_orders=_less(counter.open_orders, 1),
                reserved_minor=_less(counter.reserved_minor, order.amount_minor),
            ),
        )
        for key, counter in freed
    )


def _given_back(counters: Counters, order: Reservation, amount_minor: int) -> Counted:
    """Take an amount out of the bucket that it was reserved in, of what has not moved on since."""
    counted = []
    for link in order.links:
        key = (link, order.currency)
        old = counters[key]
        new = changed(
            old,
            day_minor=_less(old.day_minor, amount_minor) if old.day == order.day else old.day_minor,
            month_minor=_less(old.month_minor, amount_minor) if old.month == order.month else old.month_minor,
            total_minor=_less(old.total_minor, amount_minor),
            open_minor=_less(old.open_minor, amount_minor),
        )
        counted.append((key, new))
    return tuple(counted)


def close_order(counters: Counters, links: Sequence[Digest], *, currency: str, amount_minor: int) -> Counted:
    """The contract of an order has ended, however: it is not open any more, and what it cost stays spent."""
    counted = []
    for link in links:
        key = (link, currency)
        old = counters[key]
        new = changed(
            old,
            open_orders=_less(old.open_orders, 1),
            open_holds=_less(old.open_holds, 1),
            open_minor=_less(old.open_minor, amount_minor),
        )
        counted.append((key, new))
    return tuple(counted)


def _less(value: int, by: int) -> int:
    assert by <= value, "nothing is given back that was not counted"
    return value - by
