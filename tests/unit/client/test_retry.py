"""What follows on a failure: a table, so it is tested as one."""

from itertools import pairwise

import pytest

from thingmarket.errors import Code, Refusal
from thingmarket_client.retry import (
    ATTEMPTS_MAX,
    FIRST_DELAY_MS,
    LONGEST_DELAY_MS,
    GiveUp,
    Rehandshake,
    Retry,
    what_next,
)

NEW_SESSION = {Code.SESSION_ENDED, Code.NO_SESSION, Code.CLOCK, Code.EXPIRED}
SAME_SESSION = {Code.BUSY, Code.RATE_LIMITED, Code.UNAVAILABLE, Code.REPLAYED}
TROUBLE = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "ABORTED"}


@pytest.mark.parametrize("code", list(Code))
def test_each_refusal_has_its_one_consequence(code: Code) -> None:  # [CMD-4]
    expected = Rehandshake if code in NEW_SESSION else Retry if code in SAME_SESSION else GiveUp
    assert isinstance(what_next(Refusal(code, ""), 1), expected)


@pytest.mark.parametrize("code", [code for code in Code if code.retryable])
def test_whatever_the_table_of_codes_calls_retryable_is_tried_again(code: Code) -> None:
    assert not isinstance(what_next(Refusal(code, ""), 1), GiveUp)


@pytest.mark.parametrize("status", sorted(TROUBLE | {"RESOURCE_EXHAUSTED"}))
def test_trouble_on_the_line_is_tried_again(status: str) -> None:  # [CMD-4]
    assert isinstance(what_next(status, 1), Retry)


@pytest.mark.parametrize("status", ["UNIMPLEMENTED", "INVALID_ARGUMENT", "UNAUTHENTICATED", "NOT_FOUND"])
def test_a_status_that_will_not_change_is_told(status: str) -> None:
    assert isinstance(what_next(status, 1), GiveUp)


def test_numbers_of_the_ledger_are_final() -> None:
    assert isinstance(what_next(Refusal(45_054, ""), 1), GiveUp)


def test_delays_double_up_to_a_limit_and_then_it_is_over() -> None:
    steps = [what_next("UNAVAILABLE", attempt) for attempt in range(1, ATTEMPTS_MAX + 1)]
    delays = [step.delay_ms for step in steps if isinstance(step, Retry)]
    assert delays[0] == FIRST_DELAY_MS and delays[-1] == LONGEST_DELAY_MS
    assert all(later in (2 * earlier, LONGEST_DELAY_MS) for earlier, later in pairwise(delays))
    assert len(delays) == ATTEMPTS_MAX - 1 and isinstance(steps[-1], GiveUp)


def test_the_first_new_session_is_opened_at_once_and_the_next_ones_are_not() -> None:
    assert what_next(Refusal(Code.SESSION_ENDED, ""), 1) == Rehandshake(0)
    second = what_next(Refusal(Code.SESSION_ENDED, ""), 2)
    assert isinstance(second, Rehandshake) and second.delay_ms > 0
