"""Timelines against a sorted list."""

from hypothesis import given
from hypothesis import strategies as st

from thingmarket.market.timelines import Timeline


@given(st.integers(0, 2**32), st.integers(0, 1_600), st.booleans())
def test_a_timeline_is_a_sorted_list_whatever_was_put_in_and_taken_out(
    seed: int, count: int, ordered: bool
) -> None:
    rows = [(seed * (place + 7) ** 3 % 4_001, b"%d" % (place % 3)) for place in range(count)]
    rows = sorted(set(rows)) if ordered else list(dict.fromkeys(rows))
    timeline = Timeline[bytes]()
    for row in rows:
        timeline.add(*row)
    for row in rows[::3]:
        timeline.remove(*row)
    left = sorted(set(rows) - set(rows[::3]))
    assert list(timeline.after(-1)) == left
    assert timeline.newest() == (left[-1][1] if left else None)
    for seq, name in left[:: len(left) // 5 + 1]:
        assert list(timeline.after(seq)) == [row for row in left if row[0] > seq]
        assert list(timeline.after(seq, name)) == [row for row in left if row > (seq, name)]


def test_an_empty_timeline_has_nothing() -> None:
    assert Timeline[bytes]().newest() is None
    assert not list(Timeline[bytes]().after(0))
