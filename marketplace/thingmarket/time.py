"""Times are whole milliseconds since 1970 UTC; they come in as arguments, never from a clock."""

from typing import NewType

from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS, TIME_MAX_MS, TIME_MIN_MS

UnixMs = NewType("UnixMs", int)
"""Milliseconds since 1970-01-01T00:00Z."""

UtcDay = NewType("UtcDay", int)
"""Whole UTC days since 1970-01-01; the bucket of a daily budget."""


def checked_time(value: int, field: str) -> UnixMs:
    """Accept a time between 2020 and 2100; anything else is a broken clock (OUT_OF_RANGE)."""
    if not TIME_MIN_MS <= value <= TIME_MAX_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not a time between 2020 and 2100")
    return UnixMs(value)


def utc_day(time_ms: UnixMs) -> UtcDay:
    """Name the UTC day that `time_ms` falls in."""
    return UtcDay(time_ms // DAY_MS)
