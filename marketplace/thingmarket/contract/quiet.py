"""Quiet hours: weekly windows in UTC whose time does not count while an owner is waited for. [PER-3]"""

from collections.abc import Iterable
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.limits import DAY_MS, MINUTE_MS, TIME_MAX_MS
from thingmarket.time import UnixMs

WEEK_MS: Final = 7 * DAY_MS
_MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05, the first Monday, 00:00 UTC

Span = tuple[int, int]
"""Milliseconds since Monday 00:00 UTC: from the first, up to but without the second."""


def quiet_spans(windows: Iterable[WeeklyWindow]) -> tuple[Span, ...]:
    """The windows as spans of one week, ascending, apart from each other (BAD_FIELD when all is quiet)."""
    spans = sorted(
        (day * DAY_MS + window.start_minute * MINUTE_MS, day * DAY_MS + window.end_minute * MINUTE_MS)
        for window in windows
        for day in range(7)
        if window.days_mask >> day & 1
    )
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    if merged == [(0, WEEK_MS)]:
        raise Refusal(Code.BAD_FIELD, "quiet: who is never to be disturbed can never be asked", "PER-3")
    return tuple(merged)


def deadline_ms(start_ms: UnixMs, wait_ms: int, spans: tuple[Span, ...]) -> UnixMs:
    """The first moment by which `wait_ms` have passed since `start_ms`, quiet time not counted."""
    assert wait_ms > 0, "somebody is waited for"
    loud_a_week = WEEK_MS - sum(end - start for start, end in spans)
    assert loud_a_week > 0, "a persona is never always quiet"
    # A whole week later the clock of the week shows the same, and exactly `loud_a_week` have passed. The last
    # part is at least a millisecond, so that a wait that is over when a quiet time begins ends there.
    weeks, left = divmod(wait_ms - 1, loud_a_week)
    left += 1
    now = start_ms + weeks * WEEK_MS
    at = (now - _MONDAY_MS) % WEEK_MS
    for start, end in (*spans, *((start + WEEK_MS, end + WEEK_MS) for start, end in spans)):
        if end <= at:
            continue
        if at + left <= start:
            break
        left -= max(0, start - at)
        now += end - at
        at = end
    return UnixMs(min(now + left, TIME_MAX_MS))


def quiet_until_ms(now_ms: UnixMs, spans: tuple[Span, ...]) -> int:
    """When the quiet time that it is now ends; 0 when it is not quiet."""
    at = (now_ms - _MONDAY_MS) % WEEK_MS
    for start, end in spans:
        if start <= at < end:
            ends_ms = now_ms + end - at
            # Sunday night goes on into Monday morning.
            return ends_ms + (spans[0][1] if end == WEEK_MS and spans[0][0] == 0 else 0)
    return 0
