"""Open deadlines, in the order in which they fire: (deadline, kind, id). [LOG-3]"""

import heapq

from thingmarket.market.records import TimerKind
from thingmarket.tables import Table

Timer = tuple[int, TimerKind, bytes]
"""Deadline in Unix milliseconds, what it is of, and the id or digest of that."""


class Timers:
    """A table of deadlines with a heap over it; a cancelled one is skipped when it comes up."""

    def __init__(self, table: Table[Timer, bool]) -> None:
        """Stand on `table`, which the state's roots and snapshots cover."""
        self.table = table
        self._heap: list[Timer] = []
        table.watch(self._changed)

    def _changed(self, timer: Timer, _old: bool | None, new: bool | None) -> None:
        if new is not None:
            heapq.heappush(self._heap, timer)

    def set(self, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
        """Open a deadline."""
        self.table.put((deadline_ms, kind, reference), True)

    def cancel(self, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
        """Close a deadline, if it is open."""
        if (deadline_ms, kind, reference) in self.table:
            self.table.drop((deadline_ms, kind, reference))

    def next_deadline_ms(self) -> int | None:
        """The earliest open deadline, or None."""
        while self._heap and self._heap[0] not in self.table:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, time_ms: int) -> Timer | None:
        """Close and return the first deadline that is at or before `time_ms`."""
        deadline = self.next_deadline_ms()
        if deadline is None or deadline > time_ms:
            return None
        timer = heapq.heappop(self._heap)
        self.table.drop(timer)
        return timer
