"""The price of a call auction: a function of what is bid and asked, level by level."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Quantities = Sequence[tuple[int, int]]  # price and quantity, best price first


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The one price at which everything trades, and how much does."""

    price: int
    volume: int


NOTHING: Final = Clearing(price=0, volume=0)


def clearing(buys: Quantities, sells: Quantities, reference: int) -> Clearing:
    """The price of the largest volume, then the smallest imbalance, then nearest `reference`, then lowest.

    All prices from the lowest sell to the highest buy are candidates. What is bid and asked changes only
    where a level begins or ends, so they fall into stretches of one volume and one imbalance each.
    """
    if not buys or not sells or buys[0][0] < sells[0][0]:
        return NOTHING
    bid = sum(quantity for price, quantity in buys if price >= sells[0][0])  # at the lowest candidate
    asked = 0
    wanted, offered = _at_or_above(buys, sells[0][0]), _at_or_below(sells, buys[0][0])
    best: tuple[int, int, int, int] | None = None
    for first, last in _stretches(wanted, offered):
        while wanted and wanted[-1][0] < first:
            bid -= wanted.pop()[1]
        while offered and offered[-1][0] <= first:
            asked += offered.pop()[1]
        price = min(max(first, reference), last) if reference > 0 else first
        distance = abs(price - reference) if reference > 0 else 0
        rank = (-min(bid, asked), abs(bid - asked), distance, price)
        best = rank if best is None else min(best, rank)
    assert best is not None, "the lowest sell begins a stretch"
    return Clearing(price=best[3], volume=-best[0])


def _at_or_above(buys: Quantities, price: int) -> list[tuple[int, int]]:
    """Buys that reach a price, the lowest last."""
    return [level for level in buys if level[0] >= price]


def _at_or_below(sells: Quantities, price: int) -> list[tuple[int, int]]:
    """Sells that reach a price, the lowest last."""
    return [level for level in sells if level[0] <= price][::-1]


def _stretches(buys: Quantities, sells: Quantities) -> list[tuple[int, int]]:
    """First and last price of each stretch: one begins at each sell and just above each buy."""
    highest = buys[0][0]
    begins = {price for price, _ in sells} | {price + 1 for price, _ in buys if price < highest}
    firsts = sorted(begins)
    return list(zip(firsts, [*(first - 1 for first in firsts[1:]), highest], strict=True))
