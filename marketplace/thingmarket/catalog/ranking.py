"""The best of many offers for a need: exactly those that a full sort would put first. [CAT-6]"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.catalog.fit import Fit, fit, steps_in_offer
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.pricing import price
from thingmarket.catalog.scoring import Part, facts_of, part_of, points_of
from thingmarket.errors import Code, Refusal

Place = tuple[int, int, int, bytes]
"""Sorts the best first: what can be bought, higher score, lower total, earlier digest."""

_BUYABLE: Final = 0
_FACTS_MISSING: Final = 1  # its seller can be asked
_BARRED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A live offer with all facts of it: digest, stock that is left, total for the need's quantity."""

    offer: Offer
    digest: bytes
    stock_steps: int
    total_minor: int
    seller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How far behind the chosen offer a wish left this one, in millionths; below 0 it was ahead."""

    attribute: str
    millionths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate with its score in millionths, the parts of it, and what kept it from being chosen.

    `barred` is empty when it could have been bought. The losses add up to the gap to the chosen one.
    """

    candidate: Candidate
    fit: Fit
    score: int
    parts: tuple[Part, ...]
    barred: str
    losses: tuple[Loss, ...] = ()

    @property
    def place(self) -> Place:
        """Where it stands among others."""
        standing = _BUYABLE
        if self.barred:
            standing = _FACTS_MISSING if self.fit.missing and not self.fit.failed else _BARRED
        return (standing, -self.score, self.candidate.total_minor, self.candidate.digest)


def candidate_of(
    need: Need, offer: Offer, *, digest: bytes, stock_steps: int, tax_basis_points: int, seller: str
) -> Candidate | None:
    """An offer with its total for what the need asks; None when that quantity has no price."""
    steps = steps_in_offer(need, offer) or offer.min_steps
    try:
        total = price(offer, steps, tax_basis_points).total_minor
    except Refusal:
        return None
    return Candidate(offer=offer, digest=digest, stock_steps=stock_steps, total_minor=total, seller=seller)


def check_one_currency(candidates: Iterable[Candidate]) -> None:
    """Refuse offers whose totals cannot be compared (NOT_EXACT)."""
    currencies = sorted({candidate.offer.currency for candidate in candidates})
    if len(currencies) > 1:
        raise Refusal(Code.NOT_EXACT, f"offers in {' and '.join(currencies)} cannot be compared")


def scored(need: Need, candidate: Candidate) -> Scored:
    """Look at everything about one candidate, and keep the reasons."""
    verdict = fit(need, candidate.offer)
    facts = facts_of(candidate.offer, candidate.total_minor)
    parts = tuple(part_of(wish, facts, candidate.offer.currency) for wish in need.prefer)
    return Scored(
        candidate=candidate,
        fit=verdict,
        score=sum(part.points for part in parts),
        parts=parts,
        barred=_barred(need, candidate, verdict),
    )


class Ranking:
    """The best `most` of all candidates of one currency that were considered, in any order.

    A candidate is looked at in full only when it may enter. What its score can still come to is bounded
    by the weights of the wishes not yet looked at, heaviest first; a bound behind the last one that is
    kept says the same as the score would.
    """

    __slots__ = ("_kept", "_most", "_need", "_wishes")

    def __init__(self, need: Need, most: int) -> None:
        """Begin with nothing considered."""
        assert most > 0, "a ranking keeps at least one"
        self._need = need
        self._most = most
        self._wishes = sorted(need.prefer, key=lambda wish: -wish.weight_millionths)
        self._kept: list[Scored] = []

    def consider(self, candidate: Candidate) -> None:
        """Keep a candidate if it is among the best so far."""
        full = len(self._kept) == self._most
        if full and self._surely_behind(candidate, self._kept[-1].place):
            return
        insort(self._kept, scored(self._need, candidate), key=_place)
        if full:
            self._kept.pop()

    @property
    def last(self) -> Place | None:
        """Whom one that enters puts out; None while there is room."""
        return self._kept[-1].place if len(self._kept) == self._most else None

    def best(self) -> tuple[Scored, ...]:
        """The best, in order."""
        return tuple(self._kept)

    def _surely_behind(self, candidate: Candidate, last: Place) -> bool:
        total, digest = candidate.total_minor, candidate.digest
        bound = sum(wish.weight_millionths for wish in self._wishes)
        if (_BUYABLE, -bound, total, digest) > last:
            return True
        facts = facts_of(candidate.offer, total)
        for wish in self._wishes:
            bound -= wish.weight_millionths - points_of(wish, facts)
            if (_BUYABLE, -bound, total, digest) > last:
                return True
        return False


def _place(one: Scored) -> Place:
    return one.place


def _barred(need: Need, candidate: Candidate, verdict: Fit) -> str:
    if verdict.failed:
        return "does not fit: " + ", ".join(map(str, verdict.failed))
    if verdict.missing:
        return "not known to fit: nothing stated on " + ", ".join(verdict.missing)
    steps = steps_in_offer(need, candidate.offer)
    assert steps is not None, "an offer that fits counts in steps that the need can be told in"
    if candidate.stock_steps < steps:
        scale, unit = candidate.offer.unit_scale, candidate.offer.unit
        left, needed = (ScaledInteger(count, scale, unit) for count in (candidate.stock_steps, steps))
        return f"out of stock: {left} left, {needed} needed"
    return ""
