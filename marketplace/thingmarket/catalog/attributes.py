"""Typed facts about products: names, values, and how two numbers compare without rounding. [CAT-10]"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from thingmarket.catalog.labels import check_label
from thingmarket.catalog.units import unit_word
from thingmarket.errors import Code, Refusal
from thingmarket.limits import ATTRIBUTES_MAX, INTEGER_MAX, NAME_CHARS_MAX
from thingmarket.quantity import checked_unit

PRICE: Final = "price"
DELIVERY: Final = "delivery"
COMPUTED: Final = frozenset({PRICE, DELIVERY})
"""Names that a preference may use and no attribute may bear: total in minor units, milliseconds."""

_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.")
_SCALE_MAX: Final = 15


@dataclass(frozen=True, slots=True)
class ScaledInteger:
    """A number of steps of 10^-scale of a unit (UN/CEFACT Recommendation 20; empty: a plain number)."""

    steps: int
    scale: int = 0
    unit: str = ""

    def __str__(self) -> str:
        """Write it for people, as in `-1.50 kilograms`."""
        whole, part = divmod(abs(self.steps), 10**self.scale)
        digits = f"{whole}.{part:0{self.scale}d}" if self.scale else f"{whole}"
        unit = unit_word(self.unit, one=digits == "1")
        return ("-" if self.steps < 0 else "") + digits + (f" {unit}" if unit else "")


AttributeValue = ScaledInteger | str | bool
"""A measured number, a name of at most 64 characters, or yes and no."""


@unique
class ValueKind(IntEnum):
    """The three kinds of values, which never compare with each other."""

    NUMBER = 1
    TEXT = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class Attribute:
    """One typed fact: a name of [a-z0-9_.] and its value."""

    name: str
    value: AttributeValue


def kind_of(value: AttributeValue) -> ValueKind:
    """Name the kind of a value."""
    if isinstance(value, ScaledInteger):
        return ValueKind.NUMBER
    return ValueKind.FLAG if isinstance(value, bool) else ValueKind.TEXT


def shown(value: AttributeValue) -> str:
    """Write a value for people: `12 grams`, `red`, `yes`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def difference(left: ScaledInteger, right: ScaledInteger) -> int:
    """Left minus right, exactly, in steps of the finer of the two scales; both have one unit."""
    assert left.unit == right.unit, "numbers of two units have no difference"
    scale = max(left.scale, right.scale)
    exact: int = left.steps * 10 ** (scale - left.scale) - right.steps * 10 ** (scale - right.scale)
    return exact


def equal(left: AttributeValue, right: AttributeValue) -> bool:
    """True for the same value; 1.50 equals 1.5, and names equal character by character."""
    if isinstance(left, ScaledInteger) and isinstance(right, ScaledInteger):
        return left.unit == right.unit and difference(left, right) == 0
    return kind_of(left) is kind_of(right) and left == right


def check_name(name: str, field: str) -> None:
    """Refuse a name that is not 1 to 64 characters of [a-z0-9_.] (BAD_FIELD)."""
    if not 1 <= len(name) <= NAME_CHARS_MAX or not _NAME_CHARS.issuperset(name):
        raise Refusal(Code.BAD_FIELD, f"{field} must be 1 to {NAME_CHARS_MAX} characters of a-z 0-9 _ .")


def check_number(number: ScaledInteger, field: str) -> None:
    """Refuse steps beyond 2^53-1 (OUT_OF_RANGE), a scale beyond 15 or a bad unit (BAD_FIELD)."""
    if not -INTEGER_MAX <= number.steps <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={number.steps} is beyond 2^53-1")
    if not 0 <= number.scale <= _SCALE_MAX:
        raise Refusal(Code.BAD_FIELD, f"{field} has scale {number.scale}, not 0 to {_SCALE_MAX}")
    if number.unit:
        checked_unit(number.unit, number.scale)


def check_value(value: AttributeValue, field: str) -> None:
    """Refuse a value outside the limits of its kind (OUT_OF_RANGE, BAD_FIELD, CONFUSABLE)."""
    if isinstance(value, ScaledInteger):
        check_number(value, field)
    elif isinstance(value, str):
        check_label(value, NAME_CHARS_MAX, field)


def check_attributes(attributes: tuple[Attribute, ...]) -> None:
    """Refuse more than 16 facts, names that do not ascend, and names that the market computes."""
    if len(attributes) > ATTRIBUTES_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(attributes)} attributes; at most {ATTRIBUTES_MAX}")
    last = ""
    for attribute in attributes:
        check_name(attribute.name, "attribute")
        if attribute.name in COMPUTED:
            raise Refusal(Code.BAD_FIELD, f"attribute {attribute.name} is computed, not stated")
        if attribute.name <= last:
            raise Refusal(Code.BAD_FIELD, f"attribute {attribute.name} does not follow {last} in order")
        last = attribute.name
        check_value(attribute.value, attribute.name)
