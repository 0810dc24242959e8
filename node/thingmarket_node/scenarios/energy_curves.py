"""A summer's day in watt-hours: what a household takes, what the sun gives, and what was forecast of both."""

import random
from dataclasses import dataclass
from typing import Final

QUARTERS: Final = 96
STEP_WH: Final = 10  # meters count in tens of watt-hours; so do lots

# What a household of four thousand kilowatt-hours a year takes in each hour of a working day: little at
# night, a rise when people get up, a small one at noon, and the peak when they are home again.
_HOURLY_WH: Final = (
    *(260, 210, 180, 170, 170, 190, 310, 480, 520, 470, 440, 460),
    *(560, 520, 440, 410, 440, 570, 770, 830, 760, 640, 480, 340),
)
_SUNRISE, _SUNSET = 21, 84  # quarters: 5:15 and 21:00
_CLEAR_PERCENT: Final = 85  # of a cloudless day is forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Load and sun of one house by blocks, as they were forecast and as they came; watt-hours."""

    load_forecast: tuple[int, ...]
    sun_forecast: tuple[int, ...]
    load: tuple[int, ...]
    sun: tuple[int, ...]


def day_of(name: str, *, load_percent: int, peak_watts: int, blocks: int, seed: int) -> Day:
    """The day of a house, always the same for the same seed; a block is a part of the day.

    `load_percent` compares it with the household above, `peak_watts` is what its panels give at most.
    """
    dice = random.Random(f"{seed} {name}")  # noqa: S311  a day must repeat itself
    load_forecast = [_load_wh(quarter, load_percent) for quarter in range(QUARTERS)]
    sun_forecast = [_sun_wh(quarter, peak_watts) * _CLEAR_PERCENT // 100 for quarter in range(QUARTERS)]
    # A kettle here, a cloud there: what people do differs by a third, clouds take up to a third.
    load = [wh * dice.randint(70, 135) // 100 for wh in load_forecast]
    sun = [_sun_wh(quarter, peak_watts) * dice.randint(70, 100) // 100 for quarter in range(QUARTERS)]
    return Day(
        load_forecast=_blocks(load_forecast, blocks),
        sun_forecast=_blocks(sun_forecast, blocks),
        load=_blocks(load, blocks),
        sun=_blocks(sun, blocks),
    )


def _load_wh(quarter: int, percent: int) -> int:
    """Between two hours it goes in a straight line."""
    hour, part = divmod(quarter, 4)
    now, then = _HOURLY_WH[hour], _HOURLY_WH[(hour + 1) % 24]
    return (now * (4 - part) + then * part) * percent // (16 * 100)


def _sun_wh(quarter: int, peak_watts: int) -> int:
    """A bell: nothing before sunrise and after sunset, the peak in the middle."""
    length, at = _SUNSET - _SUNRISE, quarter - _SUNRISE
    if not 0 < at < length:
        return 0
    # 16 x^2 (1-x)^2 is 1 at its top.
    return peak_watts * 16 * at**2 * (length - at) ** 2 // (4 * length**4)


def _blocks(quarters: list[int], blocks: int) -> tuple[int, ...]:
    """Sums of so many blocks, in whole steps of the meter."""
    each, rest = divmod(QUARTERS, blocks)
    assert not rest, "a day is so many quarters of an hour"
    sums = [sum(quarters[first : first + each]) for first in range(0, QUARTERS, each)]
    return tuple((wh + STEP_WH // 2) // STEP_WH * STEP_WH for wh in sums)
