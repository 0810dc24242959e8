"""Parts of a whole in whole numbers: basis points, millionths, and division that leaves no rest."""

from collections.abc import Sequence
from typing import Final

WHOLE_BASIS_POINTS: Final = 10_000
"""All of an amount, in hundredths of a percent."""

WHOLE_MILLIONTHS: Final = 1_000_000
"""A whole share or a full score, in millionths."""


def parts(amount: int, shares: Sequence[int]) -> tuple[int, ...]:
    """Divide a whole number in the proportion of `shares`, by largest remainder; the parts sum exactly.

    What is left over goes to the largest remainders, among equal ones to the first.
    """
    whole = sum(shares)
    assert whole > 0 and amount >= 0, "something is divided among somebody"
    floors = [amount * share // whole for share in shares]
    remainders = [amount * share % whole for share in shares]
    left = amount - sum(floors)
    for place in sorted(range(len(shares)), key=lambda at: (-remainders[at], at))[:left]:
        floors[place] += 1
    return tuple(floors)
