"""Times are whole milliseconds since 1970 UTC; they come in as arguments, never from a clock."""

from functools import lru_cache
from typing import Final, NewType

from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS, MINUTE_MS, TIME_MAX_MS, TIME_MIN_MS

UnixMs = NewType("UnixMs", int)
"""Milliseconds since 1970-01-01T00:00Z."""

UtcDay = NewType("UtcDay", int)
"""Whole UTC days since 1970-01-01; the bucket of a daily budget."""

UtcMonth = NewType("UtcMonth", int)
"""Whole months of the Gregorian calendar in UTC since 1970-01; the bucket of a monthly budget."""

MINUTES_A_DAY: Final = DAY_MS // MINUTE_MS

_DAYS_IN_400_YEARS: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_468  # from 0000-03-01, where a year begins that ends with its leap day


def checked_time(value: int, field: str) -> UnixMs:
    """Accept a time between 2020 and 2100; anything else is a broken clock (OUT_OF_RANGE)."""
    if not TIME_MIN_MS <= value <= TIME_MAX_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not a time between 2020 and 2100")
    return UnixMs(value)


def utc_day(time_ms: UnixMs) -> UtcDay:
    """Name the UTC day that `time_ms` falls in."""
    return UtcDay(time_ms // DAY_MS)


@lru_cache(maxsize=64)
def utc_month(day: UtcDay) -> UtcMonth:
    """Name the month that a UTC day falls in, in whole numbers only.

    Howard Hinnant's `civil_from_days`: years that begin in March make leap days the last of their year.
    """
    since = day + _DAYS_BEFORE_1970
    era, day_of_era = divmod(since, _DAYS_IN_400_YEARS)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    months_since_march = (5 * day_of_year + 2) // 153
    return UtcMonth((era * 400 + year_of_era - 1970) * 12 + months_since_march + 2)


def utc_minute_of_week(time_ms: UnixMs) -> tuple[int, int]:
    """Name the day of the week (0 is Monday) and the minute after midnight, UTC."""
    day, within = divmod(time_ms, DAY_MS)
    return (day + 3) % 7, within // MINUTE_MS  # 1970-01-01 was a Thursday
