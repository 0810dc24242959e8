"""Days, months and minutes of the week in whole numbers, compared with the standard library. [MAN-7]"""

from datetime import UTC, date, datetime, timedelta

from pytest import mark

from thingmarket.limits import DAY_MS, TIME_MAX_MS, TIME_MIN_MS
from thingmarket.time import UnixMs, UtcDay, utc_day, utc_minute_of_week, utc_month


def at(text: str) -> UnixMs:
    return UnixMs(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000))


def test_every_day_of_the_protocol_falls_in_the_month_of_the_calendar() -> None:
    for day in range(TIME_MIN_MS // DAY_MS, TIME_MAX_MS // DAY_MS + 1):
        known = date(1970, 1, 1) + timedelta(days=day)
        assert utc_month(UtcDay(day)) == (known.year - 1970) * 12 + known.month - 1


@mark.parametrize(
    ("text", "month"),
    [
        ("2028-02-28T23:59:59.999", (2028, 2)),
        ("2028-02-29T00:00:00.000", (2028, 2)),
        ("2028-02-29T23:59:59.999", (2028, 2)),
        ("2028-03-01T00:00:00.000", (2028, 3)),
        ("2027-02-28T23:59:59.999", (2027, 2)),
        ("2027-03-01T00:00:00.000", (2027, 3)),
        ("2027-12-31T23:59:59.999", (2027, 12)),
        ("2028-01-01T00:00:00.000", (2028, 1)),
        ("2100-02-28T23:59:59.999", (2100, 2)),  # no leap year
        ("2100-03-01T00:00:00.000", (2100, 3)),
    ],
)
def test_a_month_ends_with_the_last_millisecond_of_its_last_day(text: str, month: tuple[int, int]) -> None:
    year, number = month
    assert utc_month(utc_day(at(text))) == (year - 1970) * 12 + number - 1


@mark.parametrize(
    ("text", "weekday", "minute"),
    [
        ("2028-02-29T00:00:00.000", 1, 0),  # a Tuesday
        ("2028-02-29T23:59:59.999", 1, 1439),
        ("2028-03-05T23:59:59.999", 6, 1439),  # a Sunday
        ("2028-03-06T00:00:59.999", 0, 0),
        ("2028-03-06T00:01:00.000", 0, 1),
    ],
)
def test_a_minute_of_the_week_is_counted_from_midnight(text: str, weekday: int, minute: int) -> None:
    assert utc_minute_of_week(at(text)) == (weekday, minute)
