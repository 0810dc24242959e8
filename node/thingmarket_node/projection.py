"""What every entry came to, in a table that queries read; filled behind the log and rebuilt from it.

It may be deleted at any time. Hence synchronous=NORMAL: a power cut may take the last rows, never the
order of the file, and the log gives them back. Waiting for the disk here would buy nothing.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Final, Self

import aiosqlite

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    PROJECTION_BATCH_MAX,
    PROJECTION_BREATH_MS,
    PROJECTION_QUEUE_MAX,
    PROJECTION_WAIT_MS,
)

log = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outcomes(
    seq INTEGER PRIMARY KEY, sender TEXT NOT NULL, time_ms INTEGER NOT NULL, body BLOB NOT NULL);
"""
_INSERT: Final = "INSERT OR REPLACE INTO outcomes(seq, time_ms, sender, body) VALUES(?, ?, ?, ?)"

Row = tuple[int, int, str, bytes]


class Projection:
    """Outcomes by log position. Rows come in the order of the log; one task writes them in batches."""

    def __init__(self, db: aiosqlite.Connection, head: int) -> None:
        """Use `open`."""
        self._db = db
        self._head = head  # last row in the file
        self._taken = head  # last row that was handed over
        self._queue: asyncio.Queue[Row | None] = asyncio.Queue(PROJECTION_QUEUE_MAX)
        self._grown = asyncio.Condition()
        self._hurry = asyncio.Event()
        self._lost = False
        self._writer = asyncio.create_task(self._write())

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, or begin a new one where there is none or it cannot be read."""
        try:
            return cls(*await _connected(path))
        except aiosqlite.DatabaseError as error:
            log.warning("projection %s cannot be read (%s); it is built anew", path.name, error)
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            return cls(*await _connected(path))

    def head(self) -> int:
        """The last log position that was handed over; what follows it has to be fed."""
        return self._taken

    def put(self, *, seq: int, time_ms: int, sender: str, body: bytes) -> None:
        """Hand over a durable outcome without waiting; what was handed over before is left out.

        When the writer is too far behind, this and later rows wait for the next start, which feeds them.
        """
        if self._lost or seq <= self._taken:
            return
        assert seq == self._taken + 1, f"outcome {seq} after {self._taken}"
        try:
            self._queue.put_nowait((seq, time_ms, sender, body))
        except asyncio.QueueFull:
            self._lose("the queue is full")
        else:
            self._taken = seq

    async def fill(self, *, seq: int, time_ms: int, sender: str, body: bytes) -> None:
        """Hand over an outcome of a replay, waiting for the writer where necessary."""
        if self._lost:
            return
        assert seq == self._taken + 1, f"outcome {seq} after {self._taken}"
        await self._queue.put((seq, time_ms, sender, body))
        self._taken = seq

    async def outcome(self, seq: int) -> bytes | None:
        """The outcome at a log position, None where there is none; UNAVAILABLE when it takes too long."""
        if seq < 1 or (seq > self._taken and not self._lost):
            return None
        if self._head < seq:
            self._hurry.set()
        try:
            async with asyncio.timeout(PROJECTION_WAIT_MS / 1000), self._grown:
                await self._grown.wait_for(lambda: self._head >= seq or self._lost)
        except TimeoutError:
            raise Refusal(Code.UNAVAILABLE, "the outcome is not written yet; ask again") from None
        if self._head < seq:
            raise Refusal(Code.UNAVAILABLE, "outcomes stay behind the log until the node starts again")
        async with self._db.execute("SELECT body FROM outcomes WHERE seq = ?", (seq,)) as rows:
            found = await rows.fetchone()
        return None if found is None else bytes(found[0])

    async def close(self) -> None:
        """Write what was handed over, and close the file."""
        self._hurry.set()
        await self._queue.put(None)
        await self._writer
        await self._db.close()

    async def _write(self) -> None:
        ends = False
        while not ends:
            batch, ends = await self._batch()
            if batch and not self._lost:
                try:
                    await self._db.executemany(_INSERT, batch)
                    await self._db.commit()
                except aiosqlite.Error as error:
                    self._lose(str(error))
                else:
                    self._head = batch[-1][0]
            async with self._grown:
                self._grown.notify_all()

    async def _batch(self) -> tuple[list[Row], bool]:
        """What waits, at least one row; and whether it is the end."""
        batch: list[Row] = []
        row = await self._queue.get()
        await self._breath()
        while row is not None:
            batch.append(row)
            if len(batch) == PROJECTION_BATCH_MAX or self._queue.empty():
                return batch, False
            row = self._queue.get_nowait()
        return batch, True

    async def _breath(self) -> None:
        """Let more rows come, unless somebody waits: a transaction costs as much as hundreds of rows."""
        try:
            async with asyncio.timeout(PROJECTION_BREATH_MS / 1000):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    def _lose(self, why: str) -> None:
        self._lost = True
        log.error("the projection of outcomes stops at %d until the next start: %s", self._head, why)


async def _connected(path: Path) -> tuple[aiosqlite.Connection, int]:
    _create_private(path)
    db = await aiosqlite.connect(path)
    try:
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.executescript(_SCHEMA)
        async with db.execute("SELECT COALESCE(MAX(seq), 0), COUNT(*) FROM outcomes") as rows:
            found = await rows.fetchone()
        assert found is not None, "an aggregate has one row"
        if found[0] != found[1]:
            raise aiosqlite.DatabaseError(f"{found[1]} outcomes up to {found[0]}: some are missing")
    except BaseException:
        await db.close()
        raise
    return db, int(found[0])


def _create_private(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
