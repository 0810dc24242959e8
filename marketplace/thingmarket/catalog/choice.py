"""Which of several offers a need takes, and what each of the others lost by. [CAT-6]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thingmarket.catalog.attributes import DELIVERY, PRICE, AttributeValue, ScaledInteger, difference, shown
from thingmarket.catalog.fit import Fit, fit, steps_in_offer
from thingmarket.catalog.needs import Need, Preference
from thingmarket.catalog.offers import Offer
from thingmarket.errors import Code, Refusal
from thingmarket.money import Money, currency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A live offer: body digest, what is left of its stock, and the total for the need's quantity."""

    offer: Offer
    digest: bytes
    stock_steps: int
    total_minor: int
    seller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one wish added to a score, out of its weight, in millionths; `note` says why it is nothing."""

    attribute: str
    value: str
    points: int
    weight: int
    note: str = ""


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
    def place(self) -> tuple[bool, int, int, bytes]:
        """Sorts the best first: what can be bought, higher score, lower total, earlier digest."""
        return (bool(self.barred), -self.score, self.candidate.total_minor, self.candidate.digest)


@dataclass(frozen=True, slots=True)
class Choice:
    """The digest of the chosen offer, None when none can be bought, and all candidates, best first."""

    chosen: bytes | None
    ranked: tuple[Scored, ...]


def choose(need: Need, candidates: Sequence[Candidate]) -> Choice:
    """Rank all candidates; without wishes the lowest total wins. Refuses to mix currencies (NOT_EXACT)."""
    currencies = sorted({candidate.offer.currency for candidate in candidates})
    if len(currencies) > 1:
        raise Refusal(Code.NOT_EXACT, f"offers in {' and '.join(currencies)} cannot be compared")
    ranked = sorted((_scored(need, candidate) for candidate in candidates), key=lambda one: one.place)
    if not ranked or ranked[0].barred:
        return Choice(None, tuple(ranked))
    best = ranked[0]
    return Choice(best.candidate.digest, (best, *(_with_losses(other, best) for other in ranked[1:])))


def explain_choice(choice: Choice) -> list[str]:
    """Say in one line each what was chosen and what every other candidate lost by."""
    if not choice.ranked:
        return ["no offers to choose from"]
    best = choice.ranked[0]
    lines = ["none of the offers can be bought"]
    if choice.chosen is not None:
        lines = [f"chosen: {_described(best)}" + "".join(f"; {_part_line(part)}" for part in best.parts)]
    for other in choice.ranked[1 if choice.chosen is not None else 0 :]:
        lines.append(f"not chosen: {_described(other)}; {other.barred or _why_behind(other, best)}")
    return lines


def _scored(need: Need, candidate: Candidate) -> Scored:
    verdict = fit(need, candidate.offer)
    facts: dict[str, AttributeValue] = {a.name: a.value for a in candidate.offer.attributes}
    facts[PRICE] = ScaledInteger(candidate.total_minor)
    facts[DELIVERY] = ScaledInteger(candidate.offer.delivery_ms)
    parts = tuple(_part(wish, facts.get(wish.attribute)) for wish in need.prefer)
    return Scored(
        candidate=candidate,
        fit=verdict,
        score=sum(part.points for part in parts),
        parts=parts,
        barred=_barred(need, candidate, verdict),
    )


def _part(wish: Preference, value: AttributeValue | None) -> Part:
    """Score one wish on the line from worst to ideal, clamped, rounded down to whole millionths."""
    points, note = 0, ""
    if value is None:
        note = "not stated"
    elif not isinstance(value, ScaledInteger):
        note = "not a number"
    elif value.unit != wish.ideal.unit:
        note = f"not stated in {wish.ideal.unit or 'plain numbers'}"
    else:
        points = _on_line(wish, value)
    stated = "" if value is None else shown(value)
    return Part(
        attribute=wish.attribute, value=stated, points=points, weight=wish.weight_millionths, note=note
    )


def _on_line(wish: Preference, value: ScaledInteger) -> int:
    # Bring all three to one scale, so that the quotient of the differences is exact.
    scale = max(value.scale, wish.ideal.scale, wish.worst.scale)
    worst = ScaledInteger(wish.worst.steps * 10 ** (scale - wish.worst.scale), scale, wish.worst.unit)
    span, way = difference(wish.ideal, worst), difference(value, worst)
    if span < 0:
        span, way = -span, -way
    return wish.weight_millionths * min(max(way, 0), span) // span


def _barred(need: Need, candidate: Candidate, verdict: Fit) -> str:
    if verdict.failed:
        return "does not fit: " + ", ".join(map(str, verdict.failed))
    if verdict.missing:
        return "not known to fit: nothing stated on " + ", ".join(verdict.missing)
    steps = steps_in_offer(need, candidate.offer)
    assert steps is not None, "an offer that fits counts in steps that the need can be told in"
    if candidate.stock_steps < steps:
        return f"out of stock: {candidate.stock_steps} steps left, {steps} needed"
    return ""


def _with_losses(other: Scored, best: Scored) -> Scored:
    losses = tuple(
        Loss(attribute=mine.attribute, millionths=theirs.points - mine.points)
        for mine, theirs in zip(other.parts, best.parts, strict=True)
    )
    return replace(other, losses=losses)


def _described(scored: Scored) -> str:
    offer = scored.candidate.offer
    total = Money(scored.candidate.total_minor, currency_of(offer.currency))
    return f"{offer.title} ({scored.candidate.digest.hex()[:8]}) for {total}, score {scored.score}"


def _part_line(part: Part) -> str:
    value = part.note if part.note else part.value
    return f"{part.attribute} {value}: {part.points} of {part.weight}"


def _why_behind(other: Scored, best: Scored) -> str:
    """Why an offer that could have been bought was not, in numbers."""
    dearer = other.candidate.total_minor - best.candidate.total_minor
    money = Money(abs(dearer), currency_of(other.candidate.offer.currency))
    costs = f"costs {money} {'more' if dearer > 0 else 'less'}" if dearer else "costs the same"
    if other.score == best.score:
        return f"same score, {costs}" if dearer else "same score and total, later digest"
    moved = [loss for loss in other.losses if loss.millionths]
    points = ", ".join(f"{loss.attribute} {-loss.millionths:+d}" for loss in moved)
    return f"{best.score - other.score} behind ({points}), {costs}"
