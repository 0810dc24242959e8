"""What each wish of a need cost: the chosen offer against the best one without that wish. [CAT-14]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thingmarket.catalog.fit import constraint_words
from thingmarket.catalog.needs import Need
from thingmarket.catalog.ranking import Candidate, Ranking, Scored
from thingmarket.catalog.scoring import wish_words
from thingmarket.money import Money, currency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WishPrice:
    """What one wish cost, in minor units for the same quantity; below 0 it saved money.

    `must` tells a must from a preference. `instead` is the digest of the offer that would have been
    chosen without the wish, `title` what it is called; the chosen one itself when that changes nothing.
    """

    attribute: str
    wish: str
    must: bool
    cost_minor: int
    currency: str
    instead: bytes
    title: str


def wishes_of(need: Need) -> int:
    """How many musts and preferences a need has."""
    return len(need.must) + len(need.prefer)


def without(need: Need, place: int) -> Need:
    """The need without one wish, counted from 0 through its musts and then its preferences.

    The weights of the others stay as they are: they no longer make a million, and rank as before.
    """
    if place < len(need.must):
        return replace(need, must=need.must[:place] + need.must[place + 1 :])
    place -= len(need.must)
    return replace(need, prefer=need.prefer[:place] + need.prefer[place + 1 :])


def wish_prices(need: Need, candidates: Sequence[Candidate], chosen: Scored) -> tuple[WishPrice, ...]:
    """The price of every wish among candidates of one currency, musts first."""
    return tuple(
        wish_price(need, place, chosen, _best(without(need, place), candidates))
        for place in range(wishes_of(need))
    )


def wish_price(need: Need, place: int, chosen: Scored, instead: Scored) -> WishPrice:
    """The price of one wish, given the best offer without it."""
    currency, must = chosen.candidate.offer.currency, place < len(need.must)
    if must:
        constraint = need.must[place]
        attribute, words = constraint.attribute, constraint_words(constraint)
    else:
        wish = need.prefer[place - len(need.must)]
        attribute, words = wish.attribute, wish_words(wish, currency)
    return WishPrice(
        attribute=attribute,
        wish=words,
        must=must,
        cost_minor=chosen.candidate.total_minor - instead.candidate.total_minor,
        currency=currency,
        instead=instead.candidate.digest,
        title=instead.candidate.offer.title,
    )


def wish_price_words(found: WishPrice) -> str:
    """Say it in one line: `the brand cost 0.38 EUR (must be Inkwell; without it: Blott for 9.62 EUR)`."""
    money = Money(abs(found.cost_minor), currency_of(found.currency))
    cost = "cost nothing"
    if found.cost_minor:
        cost = f"cost {money}" if found.cost_minor > 0 else f"saved {money}"
    return f"the {found.attribute} {cost} ({found.wish}; without it: {found.title})"


def _best(need: Need, candidates: Sequence[Candidate]) -> Scored:
    ranking = Ranking(need, 1)
    for candidate in candidates:
        ranking.consider(candidate)
    return ranking.best()[0]
