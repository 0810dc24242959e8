"""What an index over a table keeps under a key: a count, names, or rows; and no key without any."""

from typing import TypeVar

from thingmarket.market.timelines import Timeline

K = TypeVar("K")
M = TypeVar("M")
N = TypeVar("N", bound=bytes)


def count_under(index: dict[K, int], key: K, change: int) -> None:
    """Add to a count."""
    count = index.get(key, 0) + change
    if count:
        index[key] = count
    else:
        index.pop(key, None)


def name_under(index: dict[K, set[M]], key: K, name: M, *, present: bool) -> None:
    """Put a name into a set, or take out one that must be there; who reads a set sorts it."""
    names = index.setdefault(key, set())
    if present:
        names.add(name)
    else:
        names.remove(name)
        if not names:
            del index[key]


def row_under(index: dict[K, Timeline[N]], key: K, row: tuple[int, N], *, present: bool) -> None:
    """Put a row into a timeline, or take out one that must be there."""
    timeline = index.get(key)
    if timeline is None:
        timeline = index[key] = Timeline()
    if present:
        timeline.add_row(row)
        return
    timeline.remove(*row)
    if not len(timeline):
        del index[key]
