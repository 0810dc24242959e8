"""What each wish of a need adds to the score of an offer. [CAT-6] [CAT-13]"""

from collections.abc import Mapping
from dataclasses import dataclass

from thingmarket.catalog.attributes import (
    DELIVERY,
    PRICE,
    AttributeValue,
    ScaledInteger,
    difference,
    equal,
    kind_of,
    shown,
)
from thingmarket.catalog.needs import Favourite, Preference, Wish
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.units import span_words, unit_word
from thingmarket.money import Money, currency_of

Facts = Mapping[str, AttributeValue]
"""What an offer states, by name, with the two facts that the market computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one wish added to a score, out of its weight, in millionths; `note` says why it is nothing."""

    attribute: str
    value: str
    points: int
    weight: int
    note: str = ""


def facts_of(offer: Offer, total_minor: int) -> Facts:
    """All that a wish may be about."""
    facts: dict[str, AttributeValue] = {fact.name: fact.value for fact in offer.attributes}
    facts[PRICE] = ScaledInteger(total_minor)
    facts[DELIVERY] = ScaledInteger(offer.delivery_ms)
    return facts


def points_of(wish: Wish, facts: Facts) -> int:
    """Millionths that a wish adds, from nothing to its whole weight."""
    value = facts.get(wish.attribute)
    if value is None:
        return 0
    if isinstance(wish, Favourite):
        return wish.weight_millionths if any(equal(value, one) for one in wish.values) else 0
    if not isinstance(value, ScaledInteger) or value.unit != wish.ideal.unit:
        return 0
    return _on_line(wish, value)


def part_of(wish: Wish, facts: Facts, currency: str) -> Part:
    """The same with what was found, in words, and why it counts for nothing."""
    value = facts.get(wish.attribute)
    return Part(
        attribute=wish.attribute,
        value="" if value is None else value_words(wish.attribute, value, currency),
        points=points_of(wish, facts),
        weight=wish.weight_millionths,
        note=_note(wish, value),
    )


def wish_words(wish: Wish, currency: str) -> str:
    """What is wished for, in words: `brand Inkwell or Blott`, `price down to 10.00 EUR`."""
    if isinstance(wish, Favourite):
        return f"{wish.attribute} {' or '.join(map(shown, wish.values))}"
    way = "down to" if difference(wish.ideal, wish.worst) < 0 else "up to"
    return f"{wish.attribute} {way} {value_words(wish.attribute, wish.ideal, currency)}"


def value_words(name: str, value: AttributeValue, currency: str) -> str:
    """A fact in words: a price as money, a delivery time in days, any other as it is stated."""
    if isinstance(value, ScaledInteger) and name == PRICE:
        return str(Money(value.steps, currency_of(currency)))
    if isinstance(value, ScaledInteger) and name == DELIVERY:
        return span_words(value.steps)
    return shown(value)


def _note(wish: Wish, value: AttributeValue | None) -> str:
    if value is None:
        return "not stated"
    wanted = wish.values[0] if isinstance(wish, Favourite) else wish.ideal
    if kind_of(value) is not kind_of(wanted):
        return f"not a {kind_of(wanted).name.lower()}"
    if isinstance(value, ScaledInteger) and isinstance(wanted, ScaledInteger) and value.unit != wanted.unit:
        return f"not stated in {unit_word(wanted.unit) or 'plain numbers'}"
    return ""


def _on_line(wish: Preference, value: ScaledInteger) -> int:
    """Score on the line from worst to ideal, clamped, rounded down to whole millionths."""
    # Bring all three to one scale, so that the quotient of the differences is exact.
    scale = max(value.scale, wish.ideal.scale, wish.worst.scale)
    worst = ScaledInteger(wish.worst.steps * 10 ** (scale - wish.worst.scale), scale, wish.worst.unit)
    span, way = difference(wish.ideal, worst), difference(value, worst)
    if span < 0:
        span, way = -span, -way
    return wish.weight_millionths * min(max(way, 0), span) // span
