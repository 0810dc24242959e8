"""Quantities in whole steps of a scaled unit."""

from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: UN/CEFACT Recommendation 20 code and how many digits one step splits it by.

    `Unit("KWH", 3)` counts watt-hours: 1500 steps are 1.5 kWh. `Unit("C62", 0)` counts pieces.
    """

    code: str
    scale: int


def checked_unit(code: str, scale: int) -> Unit:
    """Accept a unit code of 2 or 3 capital letters and digits and a scale of 0..15 (BAD_FIELD)."""
    if not (2 <= len(code) <= 3 and code.isascii() and code.isalnum() and code.upper() == code):
        raise Refusal(Code.BAD_FIELD, f"unit {code!r} is not a UN/CEFACT Recommendation 20 code")
    if not 0 <= scale <= 15:
        raise Refusal(Code.BAD_FIELD, f"unit scale {scale} is not between 0 and 15")
    return Unit(code, scale)


def checked_steps(steps: int, field: str) -> int:
    """Accept a positive number of steps of at most 2^53-1 (OUT_OF_RANGE)."""
    if not 0 < steps <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={steps} is not between 1 and 2^53-1")
    return steps
