"""The sliding window accepts each number once, as a list of everything that happened would. [ID-9]"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX, SEQUENCE_WINDOW
from thingmarket_node.core.sequence_window import SequenceWindow


def outcome(window: SequenceWindow, sequence: int) -> int:
    try:
        window.reserve(sequence)
    except Refusal as refusal:
        return refusal.number
    return 0


def accepted(window: SequenceWindow, sequence: int) -> bool:
    if outcome(window, sequence):
        return False
    window.confirm(sequence)
    return True


class Naive:
    """The specification: everything that was ever confirmed, and what is being looked at."""

    def __init__(self) -> None:
        self.confirmed: set[int] = set()
        self.reserved: set[int] = set()

    def outcome(self, sequence: int) -> int:
        if sequence < 1 or sequence > 2**53 - 1:
            return Code.OUT_OF_RANGE
        below_window = sequence <= max(self.confirmed, default=0) - SEQUENCE_WINDOW
        if below_window or sequence in self.confirmed or sequence in self.reserved:
            return Code.REPLAYED
        if len(self.reserved) >= SEQUENCE_WINDOW:
            return Code.BUSY
        self.reserved.add(sequence)
        return 0


# Near numbers collide; the steps of the window and the ends of the range are where mistakes live.
NUMBERS = st.one_of(
    st.integers(0, 40),
    st.integers(SEQUENCE_WINDOW - 3, SEQUENCE_WINDOW + 40),
    st.integers(2 * SEQUENCE_WINDOW - 3, 2 * SEQUENCE_WINDOW + 3),
    st.sampled_from([-1, INTEGER_MAX - SEQUENCE_WINDOW, INTEGER_MAX, INTEGER_MAX + 1, 2**63, 2**64 - 1]),
)
ENDS = st.sampled_from(
    ["reserve", "confirm now", "release now", "confirm a reserved one", "release a reserved one"]
)


@given(st.lists(st.tuples(ENDS, NUMBERS), max_size=120))
def test_the_window_equals_a_list_of_everything(script: list[tuple[str, int]]) -> None:
    window, naive = SequenceWindow(), Naive()
    for act, number in script:
        if act.endswith("reserved one"):
            if naive.reserved:
                chosen = sorted(naive.reserved)[number % len(naive.reserved)]
                naive.reserved.remove(chosen)
                if act.startswith("confirm"):
                    window.confirm(chosen)
                    naive.confirmed.add(chosen)
                else:
                    window.release(chosen)
            continue
        expected = naive.outcome(number)
        assert outcome(window, number) == expected
        if expected or act == "reserve":
            continue
        naive.reserved.remove(number)
        if act == "confirm now":
            window.confirm(number)
            naive.confirmed.add(number)
        else:
            window.release(number)


@pytest.mark.parametrize("sequence", [0, -1, 2**53, 2**63, 2**64 - 1])
def test_a_sequence_outside_1_to_2_53_less_1_is_out_of_range(sequence: int) -> None:
    assert outcome(SequenceWindow(), sequence) == Code.OUT_OF_RANGE


def test_a_sequence_is_accepted_once() -> None:
    window = SequenceWindow()
    assert accepted(window, 7)
    assert outcome(window, 7) == Code.REPLAYED


def test_calls_may_overtake_each_other_by_the_window_and_no_more() -> None:
    window = SequenceWindow()
    assert accepted(window, SEQUENCE_WINDOW + 5)
    assert accepted(window, 6)
    assert outcome(window, 5) == Code.REPLAYED


def test_the_window_remembers_as_far_back_as_it_accepts() -> None:
    window = SequenceWindow()
    assert accepted(window, 1)
    assert accepted(window, SEQUENCE_WINDOW)
    assert outcome(window, 1) == Code.REPLAYED
    assert accepted(window, 2)


def test_a_sequence_in_verification_is_not_accepted_a_second_time() -> None:
    window = SequenceWindow()
    window.reserve(1)
    assert outcome(window, 1) == Code.REPLAYED
    window.confirm(1)
    assert outcome(window, 1) == Code.REPLAYED


def test_a_bad_signature_burns_no_sequence() -> None:
    window = SequenceWindow()
    window.reserve(INTEGER_MAX)
    window.release(INTEGER_MAX)
    assert accepted(window, 1)
    assert accepted(window, INTEGER_MAX)


def test_a_reserved_sequence_stays_good_while_the_window_moves_past_it() -> None:
    window = SequenceWindow()
    window.reserve(1)
    assert accepted(window, 10 * SEQUENCE_WINDOW)
    window.confirm(1)
    assert outcome(window, 1) == Code.REPLAYED


def test_the_largest_step_is_no_more_work_than_the_smallest() -> None:
    window = SequenceWindow()
    assert accepted(window, 1)
    assert accepted(window, INTEGER_MAX)  # shifting a bitmap by 2^53 would take all memory there is
    assert outcome(window, 1) == Code.REPLAYED


def test_no_more_are_looked_at_together_than_the_window_is_wide() -> None:
    window = SequenceWindow()
    for sequence in range(1, SEQUENCE_WINDOW + 1):
        window.reserve(sequence)
    assert outcome(window, SEQUENCE_WINDOW + 1) == Code.BUSY
    window.release(1)
    assert outcome(window, SEQUENCE_WINDOW + 1) == 0
