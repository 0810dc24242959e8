"""The ids that a ledger remembers: while pending, and for a day after their effect or failure."""

from collections.abc import Iterator
from enum import IntEnum, unique
from heapq import heappop, heappush
from struct import Struct
from typing import Final

from thingmarket.limits import KEY_AGE_MS
from thingmarket.settlement.transfers import RECORD_ID, RECORD_ROWS, TRANSFER_BYTES

BATCH_BITS: Final = 13  # a position is batch number << 13 | index; a batch has at most 8,190 records
BATCH_MASK: Final = (1 << BATCH_BITS) - 1
_STALE_MIN: Final = 64  # stale deadlines that are not worth dropping
STATE: Final = Struct("<Bq")  # 0 or -IdState, and the time that goes with it


@unique
class IdState(IntEnum):
    """What an id stands for when it is not the position of a posted transfer."""

    BURNT = -1
    OPEN = -2
    POSTED = -3
    VOIDED = -4
    EXPIRED = -5


BURNT: Final = int(IdState.BURNT)
OPEN: Final = int(IdState.OPEN)


class KnownIds:
    """Every remembered id in one dictionary, so that a new transfer costs one look-up.

    A posted transfer is known by its position in a kept batch and costs no object of its own. Pending
    transfers keep their record; resolved and burnt ids keep the time that they are forgotten by.
    """

    __slots__ = (
        "_deadlines",
        "_dirty",
        "_oldest",
        "_open",
        "_rows",
        "_unreported",
        "aside",
        "batches",
        "index",
        "next_batch",
        "pendings",
    )

    def __init__(self) -> None:
        """Start with nothing known."""
        self.index: dict[bytes, int] = {}  # id -> position >= 0, or an IdState
        self.batches: dict[int, tuple[int, bytes]] = {}  # number -> time, packed records
        self.pendings: dict[bytes, tuple[bytes, int]] = {}  # id -> record, deadline (0: none)
        self.aside: dict[bytes, int] = {}  # resolved and burnt ids -> when, in the order of time
        self.next_batch = 0  # number of the next batch
        self._oldest = 0
        self._unreported = 0  # first batch that `take_changes` has not given
        self._open = 0
        self._deadlines: list[tuple[int, bytes]] = []  # heap; entries of resolved ids are stale
        self._dirty: dict[bytes, bytes | None] = {}  # changed ids -> what was last reported of them
        self._rows: set[int] = set()  # accounts of batches that were forgotten before `take_changes`

    def copy(self) -> "KnownIds":
        """What is known now, to be read."""
        twin = KnownIds()
        twin.index, twin.batches = self.index.copy(), self.batches.copy()
        twin.pendings, twin.aside = self.pendings.copy(), self.aside.copy()
        twin.next_batch, twin._oldest = self.next_batch, self._oldest
        return twin

    def begin(self, time_ms: int, batch: bytes) -> int:
        """Take in the records of a batch and return the position of its first one."""
        self.batches[self.next_batch] = (time_ms, batch)
        return self.next_batch << BATCH_BITS

    def end(self, *, keep: bool) -> None:
        """Keep the batch that began, or drop it: nothing in it was created."""
        if keep:
            self.next_batch += 1
        else:
            del self.batches[self.next_batch]

    def record(self, id_: bytes) -> bytes | None:
        """The record of a remembered transfer; empty when its id is burnt, None when unknown."""
        position = self.index.get(id_)
        if position is None:
            return None
        if position < 0:
            return b"" if position == BURNT else self.pendings[id_][0]
        start = (position & BATCH_MASK) * TRANSFER_BYTES
        return self.batches[position >> BATCH_BITS][1][start : start + TRANSFER_BYTES]

    def burn(self, id_: bytes, time_ms: int) -> None:
        """Remember that an id has failed, so that it never succeeds."""
        self._note(id_)
        self.index[id_] = BURNT
        self.aside[id_] = time_ms

    def open(self, id_: bytes, record: bytes, deadline_ms: int) -> None:
        """Remember a pending transfer until it is resolved; deadline 0 is none."""
        self._note(id_)
        self.index[id_] = OPEN
        self.pendings[id_] = (record, deadline_ms)
        self._open += 1
        if deadline_ms:
            heappush(self._deadlines, (deadline_ms, id_))

    def resolve(self, id_: bytes, state: IdState, time_ms: int) -> None:
        """End a pending transfer."""
        assert self.index[id_] == OPEN, "a pending transfer resolves once"
        self._note(id_)
        self.index[id_] = int(state)
        self.aside[id_] = time_ms
        self._open -= 1
        if len(self._deadlines) > 2 * self._open + _STALE_MIN:
            self._drop_stale_deadlines()

    def undo_open(self, id_: bytes) -> None:
        """Take back `open`: the chain failed."""
        del self.index[id_], self.pendings[id_]
        self._open -= 1

    def undo_resolve(self, id_: bytes) -> None:
        """Take back `resolve`: the chain failed."""
        del self.aside[id_]
        self.index[id_] = OPEN
        self._open += 1
        deadline_ms = self.pendings[id_][1]
        if deadline_ms:  # it may have been dropped as stale; there twice, it is stale once
            heappush(self._deadlines, (deadline_ms, id_))

    def next_deadline(self) -> int | None:
        """The earliest deadline of an open pending transfer, in Unix milliseconds."""
        heap = self._deadlines
        while heap and not self._is_open(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def next_to_expire(self) -> bytes:
        """The id behind `next_deadline`; the lowest one when several share it."""
        assert self.next_deadline() is not None, "only an open pending transfer expires"
        return self._deadlines[0][1]

    def forget(self, time_ms: int) -> int:
        """Drop what happened more than KEY_AGE_MS before `time_ms`; return how many ids that were."""
        horizon_ms = time_ms - KEY_AGE_MS
        before = len(self.index)
        while self._oldest < self.next_batch and self.batches[self._oldest][0] < horizon_ms:
            ids = [id_ for id_, _ in self._living(self._oldest)]
            if self._oldest >= self._unreported:
                self._rows.update(self._posted_rows(self._oldest))
            for id_ in ids:
                if self._oldest < self._unreported:
                    self._note(id_)
                del self.index[id_]
            del self.batches[self._oldest]
            self._oldest += 1
        old = []
        for id_, when_ms in self.aside.items():
            if when_ms >= horizon_ms:
                break
            old.append(id_)
        for id_ in old:
            self._note(id_)
            del self.aside[id_], self.index[id_]
            self.pendings.pop(id_, None)
        self._unreported = max(self._unreported, self._oldest)
        return before - len(self.index)

    def living(self) -> Iterator[tuple[int, list[bytes]]]:
        """Kept batches in order: time, and the records in them that count."""
        for number in range(self._oldest, self.next_batch):
            time_ms, batch = self.batches[number]
            starts = [(position & BATCH_MASK) * TRANSFER_BYTES for _, position in self._living(number)]
            if starts:
                yield time_ms, [batch[start : start + TRANSFER_BYTES] for start in starts]

    def packed(self, id_: bytes) -> bytes | None:
        """The canonical bytes of what an id stands for; None when it is unknown."""
        position = self.index.get(id_)
        if position is None:
            return None
        if position >= 0:
            return STATE.pack(0, self.batches[position >> BATCH_BITS][0]) + (self.record(id_) or b"")
        if position == BURNT:
            return STATE.pack(1, self.aside[id_])
        record, deadline_ms = self.pendings[id_]
        return STATE.pack(-position, deadline_ms if position == OPEN else self.aside[id_]) + record

    def take_changes(self) -> dict[bytes, tuple[bytes | None, bytes | None]]:
        """Ids that changed since the last call: their bytes then and now, None for an unknown one."""
        before, self._dirty = self._dirty, {}
        taken = {id_: (before[id_], self.packed(id_)) for id_ in sorted(before)}
        for number in range(self._unreported, self.next_batch):
            state = STATE.pack(0, self.batches[number][0])
            batch = self.batches[number][1]
            for id_, position in self._living(number):
                start = (position & BATCH_MASK) * TRANSFER_BYTES
                taken[id_] = (before.get(id_), state + batch[start : start + TRANSFER_BYTES])
        self._unreported = self.next_batch
        return taken

    def skip_changes(self) -> None:
        """Count everything that changed as reported."""
        self._dirty.clear()
        self._rows.clear()
        self._unreported = self.next_batch

    def take_rows(self) -> set[int]:
        """Accounts of the transfers posted since the last `take_changes`, which is to be called next."""
        rows, self._rows = self._rows, set()
        for number in range(self._unreported, self.next_batch):
            rows.update(self._posted_rows(number))
        return rows

    def restore_aside(self, id_: bytes, when_ms: int) -> None:
        """Put a resolved or burnt id of a snapshot back; pendings come before (ValueError)."""
        state = self.index.setdefault(id_, BURNT)
        if id_ in self.aside or state >= 0 or state == OPEN:
            raise ValueError("an id is there twice")
        self.aside[id_] = when_ms
        self._dirty.setdefault(id_, None)

    def restore_pending(self, id_: bytes, state: IdState, record: bytes, deadline_ms: int) -> None:
        """Put a pending transfer of a snapshot back (ValueError)."""
        if id_ in self.index:
            raise ValueError("an id is there twice")
        self.open(id_, record, deadline_ms)
        if state != IdState.OPEN:
            self.index[id_] = int(state)
            self._open -= 1

    def _note(self, id_: bytes) -> None:
        """Keep what was last reported of an id that is about to change."""
        if id_ not in self._dirty:
            position = self.index.get(id_)
            unreported = position is not None and position >> BATCH_BITS >= self._unreported
            self._dirty[id_] = None if unreported else self.packed(id_)

    def put_packed(self, id_: bytes, packed: bytes | None) -> None:
        """Make of an id what `packed` wrote later; of a posted one only that it is free (ValueError)."""
        state = self.index.pop(id_, None)
        self._open -= state == OPEN
        self.aside.pop(id_, None)
        if packed is None or not packed[0]:
            self.pendings.pop(id_, None)
            return
        number, when_ms = STATE.unpack_from(packed)
        if number == -BURNT:
            self.burn(id_, when_ms)
        elif number == -OPEN:
            self.open(id_, packed[STATE.size :], when_ms)
        else:
            _, deadline_ms = self.pendings.get(id_, (b"", 0))  # no more than a memory
            self.pendings[id_] = (packed[STATE.size :], deadline_ms)
            self.index[id_], self.aside[id_] = int(IdState(-number)), when_ms

    def _living(self, number: int) -> list[tuple[bytes, int]]:
        index = self.index
        return [
            (id_, position)
            for position, (id_,) in enumerate(
                RECORD_ID.iter_unpack(self.batches[number][1]), number << BATCH_BITS
            )
            if index.get(id_) == position
        ]

    def _posted_rows(self, number: int) -> set[int]:
        """Both accounts of each record that counts; the fast path leaves noting them to this."""
        batch = self.batches[number][1]
        rows: set[int] = set()
        for _, position in self._living(number):
            rows.update(RECORD_ROWS.unpack_from(batch, (position & BATCH_MASK) * TRANSFER_BYTES))
        rows.discard(0)  # a post or void need not name its accounts, and has noted them
        return rows

    def _is_open(self, entry: tuple[int, bytes]) -> bool:
        deadline_ms, id_ = entry
        return self.index.get(id_) == OPEN and self.pendings[id_][1] == deadline_ms

    def _drop_stale_deadlines(self) -> None:
        self._deadlines = sorted({entry for entry in self._deadlines if self._is_open(entry)})
