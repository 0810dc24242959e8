"""Quiet hours at their edges, and against a clock that counts every minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.contract.quiet import WEEK_MS, deadline_ms, quiet_spans, quiet_until_ms
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.time import UnixMs

MONDAY = UnixMs(1_800_000_000_000 // WEEK_MS * WEEK_MS + 4 * DAY_MS)  # 00:00 UTC
EVERY_DAY = 0b1111111
WEEKDAYS = 0b0011111


def window(days_mask: int, start_hour: int, end_hour: int) -> WeeklyWindow:
    return WeeklyWindow(days_mask=days_mask, start_minute=start_hour * 60, end_minute=end_hour * 60)


def at(day: int, hour: int, minute: int = 0) -> UnixMs:
    return UnixMs(MONDAY + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS)


NIGHTS = quiet_spans((window(EVERY_DAY, 0, 7), window(EVERY_DAY, 22, 24)))


def test_without_quiet_hours_time_is_time() -> None:  # [PER-3]
    assert deadline_ms(at(2, 12), HOUR_MS, ()) == at(2, 13)
    assert quiet_until_ms(at(2, 12), ()) == 0


def test_a_night_does_not_count_and_midnight_does_not_part_it() -> None:  # [PER-3]
    assert deadline_ms(at(0, 21, 30), HOUR_MS, NIGHTS) == at(1, 7, 30)
    assert deadline_ms(at(0, 23), HOUR_MS, NIGHTS) == deadline_ms(at(1, 3), HOUR_MS, NIGHTS) == at(1, 8)
    assert quiet_until_ms(at(0, 22), NIGHTS) == quiet_until_ms(at(1, 6, 59), NIGHTS) == at(1, 7)
    assert quiet_until_ms(at(1, 7), NIGHTS) == quiet_until_ms(at(0, 21, 59), NIGHTS) == 0


def test_a_wait_that_is_over_when_the_night_begins_ends_there() -> None:  # [PER-3]
    assert deadline_ms(at(0, 21), HOUR_MS, NIGHTS) == at(0, 22)
    assert deadline_ms(UnixMs(at(0, 21) + 1), HOUR_MS, NIGHTS) == at(1, 7) + 1


def test_the_night_from_sunday_goes_on_into_the_new_week() -> None:  # [PER-3]
    assert quiet_until_ms(at(6, 23), NIGHTS) == at(7, 7)
    assert deadline_ms(at(6, 21), 2 * HOUR_MS, NIGHTS) == at(7, 8)


def test_whole_weeks_are_crossed_in_one_step() -> None:  # [PER-3]
    loud_a_day = 15 * HOUR_MS
    assert deadline_ms(at(0, 12), 7 * loud_a_day, NIGHTS) == at(7, 12)
    assert deadline_ms(at(0, 12), 14 * loud_a_day + MINUTE_MS, NIGHTS) == at(14, 12, 1)
    one_loud_hour = quiet_spans((window(EVERY_DAY ^ 1, 0, 24), window(1, 1, 24)))
    assert deadline_ms(at(0, 2), HOUR_MS, one_loud_hour) == at(7, 1)
    assert deadline_ms(at(0, 2), HOUR_MS + 1, one_loud_hour) == at(14, 0) + 1


def test_who_is_always_quiet_cannot_be_asked_and_is_refused() -> None:  # [PER-3]
    for windows in ((window(EVERY_DAY, 0, 24),), (window(EVERY_DAY, 0, 12), window(EVERY_DAY, 11, 24))):
        with pytest.raises(Refusal) as caught:
            quiet_spans(windows)
        assert (caught.value.number, caught.value.rule) == (Code.BAD_FIELD, "PER-3")


def test_windows_that_touch_or_overlap_are_one() -> None:  # [PER-3]
    assert quiet_spans((window(0b1, 20, 24), window(0b10, 0, 6), window(0b1, 21, 23))) == (
        (20 * HOUR_MS, 30 * HOUR_MS),
    )
    assert quiet_spans((window(WEEKDAYS, 22, 24),))[4] == (4 * DAY_MS + 22 * HOUR_MS, 5 * DAY_MS)


@st.composite
def quarters(draw: st.DrawFn) -> tuple[WeeklyWindow, ...]:
    """A few windows on the quarters of hours, with some time left."""
    made = draw(
        st.lists(
            st.builds(
                lambda mask, start, length: WeeklyWindow(
                    days_mask=mask, start_minute=15 * start, end_minute=15 * min(96, start + length)
                ),
                st.integers(1, 127),
                st.integers(0, 94),
                st.integers(1, 60),
            ),
            max_size=5,
        )
    )
    return (*made, WeeklyWindow(days_mask=1, start_minute=0, end_minute=15)) if len(made) < 5 else ()


@given(quarters(), st.integers(0, 2 * 7 * 96), st.integers(1, 3 * 7 * 96))
def test_the_deadline_is_when_a_clock_that_stands_still_in_quiet_time_has_run(
    windows: tuple[WeeklyWindow, ...], start: int, wait: int
) -> None:  # [PER-3]
    try:
        spans = quiet_spans(windows)
    except Refusal:
        return
    quarter = 15 * MINUTE_MS
    now, left, weeks = start, wait, 0
    while left and weeks < 60 * 7 * 96:
        left -= quiet_until_ms(UnixMs(MONDAY + now * quarter), spans) == 0
        now, weeks = now + 1, weeks + 1
    if not left:
        found = deadline_ms(UnixMs(MONDAY + start * quarter), wait * quarter, spans)
        assert found == MONDAY + now * quarter
