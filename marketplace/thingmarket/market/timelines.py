"""Rows in the order of log positions: what queries page through without sorting."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar

N = TypeVar("N", bound=bytes)

_CHUNK_ROWS: Final = 512  # a row is put in or taken out by moving at most this many, however many there are


class Timeline(Generic[N]):
    """Names with the log position at which each stands, oldest first, in chunks that never are empty."""

    __slots__ = ("_chunks", "_rows")

    def __init__(self) -> None:
        """Start empty."""
        self._chunks: list[list[tuple[int, N]]] = []
        self._rows = 0

    def __len__(self) -> int:
        """Number of rows."""
        return self._rows

    def add(self, seq: int, name: N) -> None:
        """Put a row in, mostly as the last one; not so when a snapshot is read or a change undone."""
        self.add_row((seq, name))

    def add_row(self, row: tuple[int, N]) -> None:
        """The same, for a row that stands in many timelines and is kept once."""
        chunks = self._chunks
        self._rows += 1
        if not chunks or row > chunks[-1][-1]:
            if not chunks or len(chunks[-1]) >= _CHUNK_ROWS:
                chunks.append([])
            chunks[-1].append(row)
            return
        place = self._place(row)
        insort(chunks[place], row)
        if len(chunks[place]) > _CHUNK_ROWS:
            half = _CHUNK_ROWS // 2
            chunks[place : place + 1] = [chunks[place][:half], chunks[place][half:]]

    def remove(self, seq: int, name: N) -> None:
        """Take out a row that must be there."""
        row, chunks = (seq, name), self._chunks
        place = self._place(row)
        at = bisect_left(chunks[place], row)
        assert chunks[place][at] == row, "a row is taken out where it was put in"
        del chunks[place][at]
        self._rows -= 1
        if not chunks[place]:
            del chunks[place]

    def holds(self, row: tuple[int, N]) -> bool:
        """Whether a row is there."""
        place = self._place(row)
        if place == len(self._chunks):
            return False
        chunk = self._chunks[place]
        return chunk[bisect_left(chunk, row)] == row

    def newest(self) -> N | None:
        """The name that stands last."""
        return self._chunks[-1][-1][1] if self._chunks else None

    def after(self, seq: int, name: bytes = b"") -> Iterator[tuple[int, N]]:
        """Rows after a position, or after one row there, oldest first; valid until the next change."""
        start = (seq, name + b"\0") if name else (seq + 1, b"")
        first = self._place(start)
        for place in range(first, len(self._chunks)):
            chunk = self._chunks[place]
            for at in range(bisect_left(chunk, start) if place == first else 0, len(chunk)):
                yield chunk[at]

    def _place(self, row: tuple[int, bytes]) -> int:
        """The first chunk that does not end before `row`."""
        return bisect_left(self._chunks, row, key=_last_row)


def _last_row(chunk: Sequence[tuple[int, bytes]]) -> tuple[int, bytes]:
    return chunk[-1]
