"""Guards against a wrong thing: an owner's rules for what is unlike the thing itself, or unlike the market.

A mandate says what is allowed; a guard says what is odd although it is allowed. Medians are the lower
ones, found by counting, so nothing is rounded and a few outliers move nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from functools import cmp_to_key
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.ids import KEY_BYTES, PartyId, checked_bytes
from thingmarket.limits import (
    GUARD_HISTORY_MAX,
    GUARD_ORDERS_MAX,
    GUARD_TIMES_MILLI_MAX,
    GUARD_TRADES_MAX,
    GUARD_WINDOW_MS_MAX,
    INTEGER_MAX,
    SECOND_MS,
)
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Fact

WHOLE_MILLI: Final = 1_000
_FINEST_SCALE: Final = 15
_STEPS: Final[tuple[int, ...]] = tuple(10**scale for scale in range(_FINEST_SCALE + 1))

Price = tuple[int, int]
"""Net price of one whole unit as an exact fraction: minor units, divisor."""

Trade = tuple[Price, PartyId, PartyId]
"""Unit price, seller's owner, buyer's owner."""


@unique
class GuardAction(IntEnum):
    """What a tripped guard does."""

    ASK = 1
    QUARANTINE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RateGuard:
    """At most `orders_max` orders in any `window_ms`."""

    orders_max: int
    window_ms: int
    action: GuardAction


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityGuard:
    """At most `times_usual_milli` thousandths of the thing's own median, once it has `history_min` orders."""

    times_usual_milli: int
    history_min: int
    action: GuardAction


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGuard:
    """At most `times_market_milli` thousandths of the market's median, once there are `trades_min` trades."""

    times_market_milli: int
    trades_min: int
    action: GuardAction


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """An owner's guards for one thing; None is no guard."""

    rate: RateGuard | None = None
    quantity: QuantityGuard | None = None
    price: PriceGuard | None = None


NO_GUARDS: Final = GuardRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGuards:
    """An owner's guards for a thing, in place of those before; none at all takes them away. [GRD-4]"""

    key: bytes
    thing: str
    guards: GuardRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known before an act: entry times of the thing's orders, its quantities, the market's trades.

    Oldest first. Quantities and trades are of this product; quantities in steps of the finest scale.
    """

    orders_ms: Sequence[int] = ()
    quantities: Sequence[int] = ()
    trades: Sequence[Trade] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the guards came to: those that judged, what they looked at, and the one that tripped."""

    rules: tuple[str, ...]
    facts: tuple[Fact, ...]
    tripped: str = ""
    action: GuardAction | None = None


def finest(steps: int, scale: int) -> int:
    """A quantity in steps of the finest scale, so that quantities of one unit compare exactly."""
    return steps * _STEPS[_FINEST_SCALE - scale]


def unit_price(price_minor: int, base_steps: int, scale: int) -> Price:
    """The net price of one whole unit, exact."""
    return price_minor * _STEPS[scale], base_steps


def judged(guards: GuardRules, act: Act, seen: Seen) -> Findings:
    """Ask every guard; of those that tripped, one that quarantines decides before one that asks. [GRD-5]"""
    rules, facts = list[str](), list[Fact]()
    tripped: list[tuple[str, GuardAction]] = []
    for rule, guard, holds in (
        ("GRD-1", guards.rate, guards.rate and _rate_holds(guards.rate, act, seen, facts)),
        ("GRD-2", guards.quantity, guards.quantity and _quantity_holds(guards.quantity, act, seen, facts)),
        ("GRD-3", guards.price, guards.price and _price_holds(guards.price, act, seen, facts)),
    ):
        if guard is None or holds is None:
            continue
        rules.append(rule)
        if not holds:
            tripped.append((rule, guard.action))
    for rule, action in sorted(tripped, key=lambda one: -one[1]):
        return Findings(rules=tuple(rules), facts=tuple(facts), tripped=rule, action=action)
    return Findings(rules=tuple(rules), facts=tuple(facts))


def _rate_holds(guard: RateGuard, act: Act, seen: Seen, facts: list[Fact]) -> bool:
    times_ms = seen.orders_ms
    orders = len(times_ms) - bisect_right(times_ms, act.time_ms - guard.window_ms) + 1
    facts += (
        Fact("guard.rate.observed", orders),
        Fact("guard.rate.allowed", guard.orders_max),
        Fact("guard.rate.window", guard.window_ms),
    )
    return orders <= guard.orders_max


def _quantity_holds(guard: QuantityGuard, act: Act, seen: Seen, facts: list[Fact]) -> bool | None:
    if len(seen.quantities) < guard.history_min:
        return None  # nobody knows yet what is usual: the mandate's own limits have to do
    usual = sorted(seen.quantities)[(len(seen.quantities) - 1) // 2]
    step = _STEPS[_FINEST_SCALE - act.unit_scale]
    allowed = guard.times_usual_milli * usual
    facts += (
        Fact("guard.quantity.observed", act.quantity_steps),
        Fact("guard.quantity.usual", min(usual // step, INTEGER_MAX)),
        Fact("guard.quantity.allowed", min(allowed // (WHOLE_MILLI * step), INTEGER_MAX)),
    )
    return WHOLE_MILLI * step * act.quantity_steps <= allowed


def _price_holds(guard: PriceGuard, act: Act, seen: Seen, facts: list[Fact]) -> bool | None:
    prices, times = seen.trades, guard.times_market_milli
    if len(prices) < guard.trades_min:
        return None
    minor, divisor = unit_price(act.price_minor, act.price_base_steps, act.unit_scale)
    middle = (len(prices) - 1) // 2
    # Prices that are too low for this one stand first in their order: it holds when the median is not there.
    scale, asked = times * divisor, WHOLE_MILLI * minor
    holds = sum([scale * m < asked * d for (m, d), _, _ in prices]) <= middle
    facts.append(Fact("guard.price.observed", min(minor // divisor, INTEGER_MAX)))
    if not holds:  # sorting fractions takes longer than a purchase has time for, so only now
        m, d = sorted([price for price, _, _ in prices], key=_BY_VALUE)[middle]
        facts.append(Fact("guard.price.usual", min(m // d, INTEGER_MAX)))
        facts.append(Fact("guard.price.allowed", min(times * m // (WHOLE_MILLI * d), INTEGER_MAX)))
    facts.append(Fact("guard.price.trades", len(prices)))
    return holds


def _dearer(one: Price, other: Price) -> int:
    return one[0] * other[1] - other[0] * one[1]


_BY_VALUE: Final = cmp_to_key(_dearer)


def check_set_guards(body: SetGuards) -> None:
    """Refuse what is no thing's id (BAD_ID) and numbers that no guard can work with (OUT_OF_RANGE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    did.decode(PartyId(body.thing))
    rate, quantity, price = body.guards.rate, body.guards.quantity, body.guards.price
    if rate is not None:
        _within(rate.orders_max, 1, GUARD_ORDERS_MAX, "rate.orders_max")
        _within(rate.window_ms, SECOND_MS, GUARD_WINDOW_MS_MAX, "rate.window_ms")
    if quantity is not None:
        _within(quantity.times_usual_milli, WHOLE_MILLI, GUARD_TIMES_MILLI_MAX, "quantity.times_usual_milli")
        _within(quantity.history_min, 1, GUARD_HISTORY_MAX, "quantity.history_min")
    if price is not None:
        _within(price.times_market_milli, WHOLE_MILLI, GUARD_TIMES_MILLI_MAX, "price.times_market_milli")
        _within(price.trades_min, 1, GUARD_TRADES_MAX, "price.trades_min")


def _within(number: int, least: int, most: int, field: str) -> None:
    if not least <= number <= most:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={number} is not between {least} and {most}", "GRD-4")
