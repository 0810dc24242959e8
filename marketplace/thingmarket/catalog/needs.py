"""Needs: what a thing is in want of, what must hold, and what it would rather have. [CAT-3]"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from thingmarket.catalog.attributes import (
    COMPUTED,
    DELIVERY,
    AttributeValue,
    ScaledInteger,
    ValueKind,
    check_name,
    check_number,
    check_value,
    difference,
    kind_of,
)
from thingmarket.catalog.labels import check_label
from thingmarket.catalog.offers import check_category
from thingmarket.catalog.products import check_product_id
from thingmarket.errors import Code, Refusal
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, checked_bytes
from thingmarket.limits import (
    CONSTRAINT_VALUES_MAX,
    CONSTRAINTS_MAX,
    NEED_LIFE_MS,
    PREFERENCES_MAX,
    TITLE_CHARS_MAX,
)
from thingmarket.proportions import WHOLE_MILLIONTHS
from thingmarket.quantity import checked_steps, checked_unit
from thingmarket.time import UnixMs, checked_time


@unique
class Comparison(IntEnum):
    """How a constraint compares an attribute with its values."""

    EQUAL = 1
    NONE_OF = 2
    ONE_OF = 3
    AT_LEAST = 4
    AT_MOST = 5


_OF_NUMBERS: Final = frozenset({Comparison.AT_LEAST, Comparison.AT_MOST})
_OF_MANY: Final = frozenset({Comparison.ONE_OF, Comparison.NONE_OF})


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on one attribute; all values have one kind and, as numbers, one unit. [CAT-4]"""

    attribute: str
    comparison: Comparison
    values: tuple[AttributeValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A wish: the score runs in a straight line from `worst` (0) to `ideal` (its whole weight). [CAT-6]"""

    attribute: str
    ideal: ScaledInteger
    worst: ScaledInteger
    weight_millionths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Favourite:
    """A wish for one of some values, as of a brand: one of them scores the whole weight. [CAT-13]"""

    attribute: str
    values: tuple[AttributeValue, ...]
    weight_millionths: int


Wish = Preference | Favourite
"""What makes one offer that fits better than another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is wanted; `category` is a prefix, `product_id` empty unless only one product will do.

    `quantity_steps` counts steps of 10^-unit_scale of `unit`. `slot` is the announcer's own name for the
    want: at most one need or order of a slot is open; empty when it does not matter.
    """

    key: bytes
    title: str
    category: str
    product_id: str = ""
    unit: str
    unit_scale: int = 0
    quantity_steps: int
    must: tuple[Constraint, ...] = ()
    prefer: tuple[Wish, ...] = ()
    valid_until_ms: int
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawNeed:
    """Ends the need whose body has the SHA-256 `need`."""

    key: bytes
    need: bytes


def check_need(need: Need) -> None:
    """Refuse a need that breaks a rule of its own fields."""
    checked_bytes(need.key, KEY_BYTES, "key")
    check_label(need.title, TITLE_CHARS_MAX, "title")
    check_category(need.category)
    if need.product_id:
        check_product_id(need.product_id)
    checked_unit(need.unit, need.unit_scale)
    checked_steps(need.quantity_steps, "quantity_steps")
    if len(need.must) > CONSTRAINTS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(need.must)} constraints; at most {CONSTRAINTS_MAX}")
    for constraint in need.must:
        check_constraint(constraint)
    check_preferences(need.prefer)
    checked_time(need.valid_until_ms, "valid_until_ms")
    if need.slot:
        check_name(need.slot, "slot")


def check_constraint(constraint: Constraint) -> None:
    """Refuse a constraint that no value could be held against (BAD_FIELD, OUT_OF_RANGE, CONFUSABLE)."""
    name, comparison, values = constraint.attribute, constraint.comparison, constraint.values
    check_name(name, "constraint")
    if name in COMPUTED:
        raise Refusal(Code.BAD_FIELD, f"{name} can be preferred; what is allowed stands in the mandate")
    most = CONSTRAINT_VALUES_MAX if comparison in _OF_MANY else 1
    if not 1 <= len(values) <= most:
        raise Refusal(Code.BAD_FIELD, f"{name} {comparison.name} takes 1 to {most} values, not {len(values)}")
    _check_values(values, name)
    if comparison in _OF_NUMBERS and kind_of(values[0]) is not ValueKind.NUMBER:
        raise Refusal(Code.BAD_FIELD, f"{name} {comparison.name} compares numbers")


def check_preferences(preferences: tuple[Wish, ...]) -> None:
    """Refuse wishes that cannot be scored: same ends, a name twice, weights that miss a million."""
    if len(preferences) > PREFERENCES_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(preferences)} preferences; at most {PREFERENCES_MAX}")
    for wish in preferences:
        if isinstance(wish, Favourite):
            _check_favourite(wish)
        else:
            _check_preference(wish)
        if not 1 <= wish.weight_millionths <= WHOLE_MILLIONTHS:
            reason = f"the weight of {wish.attribute} is not between 1 and {WHOLE_MILLIONTHS}"
            raise Refusal(Code.OUT_OF_RANGE, reason)
    if len({wish.attribute for wish in preferences}) < len(preferences):
        raise Refusal(Code.BAD_FIELD, "an attribute is preferred twice")
    if preferences and sum(wish.weight_millionths for wish in preferences) != WHOLE_MILLIONTHS:
        raise Refusal(Code.BAD_FIELD, f"the weights of all preferences must add up to {WHOLE_MILLIONTHS}")


def check_need_times(need: Need, now_ms: UnixMs) -> None:
    """Refuse a need that is over at its entry time (NEED_ENDED) or stays too long (OUT_OF_RANGE)."""
    if need.valid_until_ms <= now_ms:
        raise Refusal(Code.NEED_ENDED, f"valid_until_ms={need.valid_until_ms} is not after {now_ms}")
    if need.valid_until_ms > now_ms + NEED_LIFE_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"valid_until_ms is over {NEED_LIFE_MS} ms after {now_ms}")


def check_withdraw_need(withdrawal: WithdrawNeed) -> None:
    """Refuse a key or digest of another length (BAD_ID)."""
    checked_bytes(withdrawal.key, KEY_BYTES, "key")
    checked_bytes(withdrawal.need, DIGEST_BYTES, "need")


def _check_preference(wish: Preference) -> None:
    name = wish.attribute
    check_name(name, "preference")
    check_number(wish.ideal, name)
    check_number(wish.worst, name)
    if wish.ideal.unit != wish.worst.unit:
        raise Refusal(Code.BAD_FIELD, f"ideal and worst {name} differ in unit")
    if difference(wish.ideal, wish.worst) == 0:
        raise Refusal(Code.BAD_FIELD, f"ideal and worst {name} are the same")
    if name in COMPUTED and (wish.ideal.unit or wish.ideal.scale or wish.worst.scale):
        counted = "milliseconds" if name == DELIVERY else "minor units"
        raise Refusal(Code.BAD_FIELD, f"{name} is counted in whole {counted}, without unit and scale")


def _check_favourite(wish: Favourite) -> None:
    name = wish.attribute
    check_name(name, "preference")
    if name in COMPUTED:
        raise Refusal(Code.BAD_FIELD, f"{name} has an ideal and a worst, no favourites")
    if not 1 <= len(wish.values) <= CONSTRAINT_VALUES_MAX:
        raise Refusal(
            Code.BAD_FIELD, f"{name} has {len(wish.values)} favourites, not 1 to {CONSTRAINT_VALUES_MAX}"
        )
    _check_values(wish.values, name)


def _check_values(values: tuple[AttributeValue, ...], name: str) -> None:
    for value in values:
        check_value(value, name)
    if len({(kind_of(v), v.unit if isinstance(v, ScaledInteger) else "") for v in values}) > 1:
        raise Refusal(Code.BAD_FIELD, f"the values of {name} differ in kind or unit")
