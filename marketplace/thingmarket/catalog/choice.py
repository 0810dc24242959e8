"""Which of several offers a need takes, and what each of the others lost by. [CAT-6]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thingmarket.catalog.needs import Need
from thingmarket.catalog.ranking import Candidate, Loss, Ranking, Scored, check_one_currency, scored
from thingmarket.catalog.scoring import Part
from thingmarket.catalog.wishes import WishPrice, wish_price_words, wish_prices
from thingmarket.money import Money, currency_of


@dataclass(frozen=True, slots=True)
class Choice:
    """The digest of the chosen offer, None when none can be bought, and the candidates, best first.

    `looked_at` counts all of them when `ranked` holds the best ones only; `prices` is what each wish
    of the need cost, once somebody has reckoned it.
    """

    chosen: bytes | None
    ranked: tuple[Scored, ...]
    looked_at: int = 0
    prices: tuple[WishPrice, ...] = ()


def choose(need: Need, candidates: Sequence[Candidate], most: int | None = None) -> Choice:
    """Rank all candidates, or the best `most`; without wishes the lowest total wins.

    Refuses to mix currencies (NOT_EXACT).
    """
    check_one_currency(candidates)
    if most is None:
        ranked = tuple(sorted((scored(need, one) for one in candidates), key=lambda one: one.place))
    else:
        ranking = Ranking(need, most)
        for one in candidates:
            ranking.consider(one)
        ranked = ranking.best()
    return choice_of(ranked, looked_at=len(candidates))


def choice_of(ranked: tuple[Scored, ...], *, looked_at: int) -> Choice:
    """The choice that a ranking comes to: its first, unless nothing can be bought."""
    if not ranked or ranked[0].barred:
        return Choice(None, ranked, looked_at)
    best = ranked[0]
    behind = tuple(_with_losses(other, best) for other in ranked[1:])
    return Choice(best.candidate.digest, (best, *behind), looked_at)


def with_prices(need: Need, candidates: Sequence[Candidate], choice: Choice) -> Choice:
    """The same choice, with the price of every wish among these candidates. [CAT-14]"""
    if choice.chosen is None:
        return choice
    return replace(choice, prices=wish_prices(need, candidates, choice.ranked[0]))


def explain_choice(choice: Choice) -> list[str]:
    """Say in one line each what was chosen, what each wish cost, and what every other candidate lost by."""
    if not choice.ranked:
        return ["no offers to choose from"]
    best = choice.ranked[0]
    lines = ["none of the offers can be bought"]
    if choice.chosen is not None:
        lines = [f"chosen: {_described(best)}" + "".join(f"; {_part_line(part)}" for part in best.parts)]
        lines += map(wish_price_words, choice.prices)
    for other in choice.ranked[1 if choice.chosen is not None else 0 :]:
        lines.append(f"not chosen: {_described(other)}; {other.barred or _why_behind(other, best)}")
    if choice.looked_at > len(choice.ranked):
        lines.append(f"and {choice.looked_at - len(choice.ranked)} more that rank below these")
    return lines


def _with_losses(other: Scored, best: Scored) -> Scored:
    losses = tuple(
        Loss(attribute=mine.attribute, millionths=theirs.points - mine.points)
        for mine, theirs in zip(other.parts, best.parts, strict=True)
    )
    return replace(other, losses=losses)


def _described(one: Scored) -> str:
    offer = one.candidate.offer
    total = Money(one.candidate.total_minor, currency_of(offer.currency))
    score = f", score {_percent(one.score)}" if one.parts else ""  # a need without wishes scores nothing
    return f"{offer.title} ({one.candidate.digest.hex()[:8]}) for {total}{score}"


def _part_line(part: Part) -> str:
    value = part.note if part.note else part.value
    return f"{part.attribute} {value}: {_percent(part.points)} of {_percent(part.weight)}"


def _percent(millionths: int) -> str:
    """Millionths as percent, rounded to hundredths: `71.46 %`."""
    whole, rest = divmod((abs(millionths) + 50) // 100, 100)
    digits = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return f"{'-' if millionths < 0 else ''}{digits} %"


def _why_behind(other: Scored, best: Scored) -> str:
    """Why an offer that could have been bought was not, in numbers."""
    dearer = other.candidate.total_minor - best.candidate.total_minor
    money = Money(abs(dearer), currency_of(other.candidate.offer.currency))
    costs = f"costs {money} {'more' if dearer > 0 else 'less'}" if dearer else "costs the same"
    if not other.parts:
        return costs if dearer else "same total, later digest"
    if other.score == best.score:
        return f"same score, {costs}" if dearer else "same score and total, later digest"
    moved = [loss for loss in other.losses if loss.millionths]
    points = ", ".join(
        f"{loss.attribute} {'+' if loss.millionths < 0 else ''}{_percent(-loss.millionths)}" for loss in moved
    )
    return f"{_percent(best.score - other.score)} behind ({points}), {costs}"
