"""Does this offer meet that need: yes, no, or not known yet, with every reason. [CAT-5]"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from thingmarket.catalog.attributes import AttributeValue, ScaledInteger, difference, equal, kind_of, shown
from thingmarket.catalog.needs import Comparison, Constraint, Need
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.products import product_key
from thingmarket.catalog.units import unit_word


@unique
class Truth(IntEnum):
    """Kleene's three values, ordered so that `and` is the least and `or` the greatest of them."""

    FALSE = 0
    UNDEFINED = 1
    TRUE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One condition that failed: what was looked at, what was asked for, what was found."""

    fact: str
    wanted: str
    got: str

    def __str__(self) -> str:
        """Write it for people, as in `weight is 12 grams, not at most 10 grams`."""
        return f"{self.fact} is {self.got}, not {self.wanted}"


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict with all that failed and all that is missing.

    A missing fact is its name, or `name:unit` when it is stated in another unit only.
    """

    verdict: Truth
    failed: tuple[Reason, ...]
    missing: tuple[str, ...]


_WORDS: Final = {
    Comparison.EQUAL: "",
    Comparison.NONE_OF: "other than ",
    Comparison.ONE_OF: "one of ",
    Comparison.AT_LEAST: "at least ",
    Comparison.AT_MOST: "at most ",
}

Finding = Reason | str | None
"""Why a condition failed, the fact that it lacks, or None when it is met."""


def fit(need: Need, offer: Offer) -> Fit:
    """Hold every condition of `need` against `offer`; one that fails outweighs all that are unknown.

    Stock, validity, currency and price are no matter of fit: the market and the mandate look at them.
    """
    stated = {attribute.name: attribute.value for attribute in offer.attributes}
    findings = [_category(need, offer), _product(need, offer), _quantity(need, offer)]
    findings += [_finding(constraint, stated.get(constraint.attribute)) for constraint in need.must]
    failed = tuple(dict.fromkeys(finding for finding in findings if isinstance(finding, Reason)))
    missing = tuple(dict.fromkeys(finding for finding in findings if isinstance(finding, str)))
    return Fit(Truth.FALSE if failed else Truth.UNDEFINED if missing else Truth.TRUE, failed, missing)


def truth(constraint: Constraint, value: AttributeValue | None) -> Truth:
    """Judge one constraint; None is a fact that is not stated."""
    finding = _finding(constraint, value)
    return Truth.TRUE if finding is None else Truth.UNDEFINED if isinstance(finding, str) else Truth.FALSE


def constraint_words(constraint: Constraint) -> str:
    """What is asked for, in words: `weight at most 10 grams`."""
    return f"{constraint.attribute} {_wanted(constraint)}"


def steps_in_offer(need: Need, offer: Offer) -> int | None:
    """What `need` asks for, in the offer's steps; None when it is no whole number of them."""
    asked, coarser = need.quantity_steps * 10**offer.unit_scale, 10**need.unit_scale
    return None if asked % coarser else asked // coarser


def _category(need: Need, offer: Offer) -> Finding:
    if offer.category.startswith(need.category):
        return None
    if need.category.startswith(offer.category):  # the seller was less exact than the need is
        return "category"
    return Reason(fact="category", wanted=f"within {need.category}", got=offer.category)


def _product(need: Need, offer: Offer) -> Finding:
    if not need.product_id or product_key(need.product_id) == product_key(offer.product_id):
        return None
    return Reason(fact="product_id", wanted=need.product_id, got=offer.product_id)


def _quantity(need: Need, offer: Offer) -> Finding:
    if need.unit != offer.unit:
        words = unit_word(need.unit), unit_word(offer.unit)
        wanted, got = words if words[0] != words[1] else (need.unit, offer.unit)
        return Reason(fact="unit", wanted=wanted, got=got)
    steps = steps_in_offer(need, offer)
    asked = ScaledInteger(need.quantity_steps, need.unit_scale, need.unit)
    if steps is None:
        return Reason(fact="unit_scale", wanted=f"fine enough for {asked}", got=str(offer.unit_scale))
    if not offer.min_steps <= steps <= offer.max_steps:
        least = ScaledInteger(offer.min_steps, offer.unit_scale, offer.unit)
        most = ScaledInteger(offer.max_steps, offer.unit_scale, offer.unit)
        return Reason(fact="quantity", wanted=str(asked), got=f"{least} to {most}")
    return None


def _finding(constraint: Constraint, value: AttributeValue | None) -> Finding:
    """Judge one constraint against one fact.

    Another kind of value fails: the seller has answered, and not what was asked. Another unit is
    unknown: 1 KGM may well be at least 500 GRM, and nobody here may guess the factor.
    """
    if value is None:
        return constraint.attribute
    one = constraint.values[0]
    if kind_of(value) is kind_of(one):
        if isinstance(value, ScaledInteger) and isinstance(one, ScaledInteger) and value.unit != one.unit:
            return f"{constraint.attribute}:{one.unit}"
        if _holds(constraint, value):
            return None
    return Reason(fact=constraint.attribute, wanted=_wanted(constraint), got=shown(value))


def _wanted(constraint: Constraint) -> str:
    return _WORDS[constraint.comparison] + " or ".join(map(shown, constraint.values))


def _holds(constraint: Constraint, value: AttributeValue) -> bool:
    """Compare with values of the same kind and unit; scales may differ and nothing is rounded."""
    match constraint.comparison:
        case Comparison.EQUAL | Comparison.ONE_OF:
            return any(equal(value, one) for one in constraint.values)
        case Comparison.NONE_OF:
            return not any(equal(value, one) for one in constraint.values)
    limit = constraint.values[0]
    assert isinstance(value, ScaledInteger) and isinstance(limit, ScaledInteger), "only numbers have an order"
    over = difference(value, limit)
    return over >= 0 if constraint.comparison is Comparison.AT_LEAST else over <= 0
