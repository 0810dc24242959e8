"""Amounts and moments as people write and read them on a command line."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import click

from thingmarket.catalog.units import span_words
from thingmarket.errors import Refusal
from thingmarket.identity.terms import COARSE_E7, Place
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.money import Currency, Money, currency_of

_UNITS_MS: Final = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_SPAN_DIGITS_MAX: Final = 6
_BUDGET_FACTS: Final = frozenset({"spent", "reserved", "asked", "allowed"})
_MONEY_FACTS: Final = frozenset(
    {"cosign.above", "item.price", "item.price_allowed", "probation.asked", "probation.allowed"}
)
_MOMENT_FACTS: Final = frozenset(
    {"approval.at", "time", "mandate.expires", "mandate.not_before", "thing.since"}
)
_WRITTEN: Final = re.compile(r"(?P<whole>[0-9]{1,15})(?:\.(?P<part>[0-9]{1,6}))?", re.ASCII)


def minor_of(text: str, currency: Currency) -> int:
    """Read `19.99` as minor units of a currency (ValueError for anything else)."""
    found = _WRITTEN.fullmatch(text)
    part = found["part"] or "" if found else ""
    if found is None or len(part) > currency.scale or (part and len(part) != currency.scale):
        digits = "." + "9" * currency.scale if currency.scale else ""
        raise ValueError(f"{text!r} is no amount in {currency.code}; write it as 19{digits}")
    minor: int = int(found["whole"]) * 10**currency.scale + int(part or 0)
    return minor


def amount_of(text: str, currency: Currency, where: str) -> int:
    """Read an amount of a command line, or say where it is wrong and how it is written."""
    try:
        return minor_of(text, currency)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=where) from None


def written(minor: int, code: str) -> str:
    """Write minor units for people, as in `19.99 EUR`."""
    return str(Money(minor, currency_of(code)))


def moment(time_ms: int) -> str:
    """Write a moment for people, UTC."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def share(part: int, whole: int) -> str:
    """Write a part of a whole in tenths of a percent, rounded down: `71.2 %`."""
    tenths = 1_000 * part // whole
    return f"{tenths // 10}.{tenths % 10} %"


def fact_words(name: str, value: int | str, currency: str) -> str:
    """Write a fact that a rule looked at: money, moments and spans as such, any other as it is.

    Without a currency money stays a number of minor units.
    """
    if isinstance(value, str):
        return value
    last = name.rpartition(".")[2]
    is_money = name in _MONEY_FACTS or (name.startswith("budget.") and last in _BUDGET_FACTS)
    if is_money and currency:
        return written(value, currency)
    if name in _MOMENT_FACTS:
        return f"{moment(value)} UTC"
    if name.startswith("delivery_ms"):
        return span_words(value)
    return str(value)


class CurrencyType(click.ParamType[Currency]):
    """An ISO 4217 code that is known here."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Currency:
        """Find the currency, or say which there are."""
        if isinstance(value, Currency):
            return value
        try:
            return currency_of(str(value))
        except Refusal as refusal:
            self.fail(refusal.reason, param, ctx)


_DEGREES: Final = re.compile(
    r"(?P<north>-?[0-9]{1,2}(?:\.[0-9]{1,2})?),(?P<east>-?[0-9]{1,3}(?:\.[0-9]{1,2})?)", re.ASCII
)


class HexType(click.ParamType[bytes]):
    """Bytes of a certain length, written in hexadecimal digits."""

    name = "hex"

    def __init__(self, length: int) -> None:
        """Take exactly `length` bytes."""
        self._length = length

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Read the digits, or say how many there must be."""
        if isinstance(value, bytes):
            return value
        try:
            data = bytes.fromhex(str(value))
        except ValueError:
            data = b""
        if len(data) != self._length:
            self.fail(
                f"{value!r} is not {self._length * 2} hexadecimal digits; --json shows ids in full",
                param,
                ctx,
            )
        return data


class PlaceType(click.ParamType[Place]):
    """A coarse place in degrees north and east, as in 52.52,13.41."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Read it exactly, or say how it is written."""
        if isinstance(value, Place):
            return value
        found = _DEGREES.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not like 52.52,13.41: degrees, two digits after the point", param, ctx)
        north, east = (_hundredths(found[name]) * COARSE_E7 for name in ("north", "east"))
        return Place(latitude_e7=north, longitude_e7=east)


def _hundredths(text: str) -> int:
    whole, _, part = text.lstrip("-").partition(".")
    steps = int(whole) * 100 + int(part.ljust(2, "0"))
    return -steps if text.startswith("-") else steps


class SpanType(click.ParamType[int]):
    """A span of time in one unit, as in 2s, 20m, 2h or 7d; milliseconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number and its unit."""
        if isinstance(value, int):
            return value
        count, unit = str(value)[:-1], _UNITS_MS.get(str(value)[-1:], 0)
        if not (unit and count.isascii() and count.isdigit() and len(count) <= _SPAN_DIGITS_MAX):
            self.fail(f"{value!r} is no span of time; write 2s, 20m, 2h or 7d", param, ctx)
        return int(count) * unit


class LateType(click.ParamType[tuple[int, int]]):
    """A seller's order, from 1, and how long after it is due it is delivered: 2=3; order and milliseconds."""

    name = "late"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read the number of the order, and seconds."""
        if isinstance(value, tuple):
            return value
        order, _, seconds = str(value).partition("=")
        if not all(
            one.isascii() and one.isdigit() and len(one) <= _SPAN_DIGITS_MAX for one in (order, seconds)
        ):
            self.fail(f"{value!r} is not like 2=3: the second order three seconds late", param, ctx)
        return int(order), int(seconds) * SECOND_MS
