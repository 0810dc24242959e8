"""What every entry came to, in tables that queries read; filled behind the log and rebuilt from it.

It may be deleted at any time. Hence synchronous=NORMAL: a power cut may take the last rows, never the
order of the file, and the log gives them back. Waiting for the disk here would buy nothing.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Self

import aiosqlite

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    PROJECTION_BATCH_MAX,
    PROJECTION_BREATH_MS,
    PROJECTION_QUEUE_MAX,
    PROJECTION_ROWS_MAX,
    PROJECTION_SLICE,
    PROJECTION_WAIT_MS,
)
from thingmarket_node.core.messages import Published
from thingmarket_node.projected import INSERTS, SCHEMA, SCHEMA_VERSION, TABLES, Values, rows_of

log = logging.getLogger(__name__)


class Projection:
    """Outcomes and what follows from them, in the order of the log; one task writes them in batches."""

    def __init__(self, db: aiosqlite.Connection, head: int) -> None:
        """Use `open`."""
        self._db = db
        self._head = head  # last row in the file
        self._taken = head  # last row that was handed over
        self._queue: asyncio.Queue[Published | None] = asyncio.Queue(PROJECTION_QUEUE_MAX)
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

    def written(self) -> int:
        """The last log position that queries can see."""
        return self._head

    def put(self, one: Published) -> None:
        """Hand over a durable outcome without waiting; what was handed over before is left out.

        When the writer is too far behind, this and later rows wait for the next start, which feeds them.
        """
        seq = one.seq
        if self._lost or seq <= self._taken:
            return
        assert seq == self._taken + 1, f"outcome {seq} after {self._taken}"
        try:
            self._queue.put_nowait(one)
        except asyncio.QueueFull:
            self._lose("the queue is full")
        else:
            self._taken = seq

    async def fill(self, one: Published) -> None:
        """Hand over an outcome of a replay, waiting for the writer where necessary."""
        if self._lost:
            return
        assert one.seq == self._taken + 1, f"outcome {one.seq} after {self._taken}"
        await self._queue.put(one)
        self._taken = one.seq

    async def outcome(self, seq: int) -> bytes | None:
        """The outcome at a log position, None where there is none; UNAVAILABLE when it takes too long."""
        if seq < 1 or (seq > self._taken and not self._lost):
            return None
        await self.reach(seq)
        async with self._db.execute("SELECT body FROM outcomes WHERE seq = ?", (seq,)) as rows:
            found = await rows.fetchone()
        return None if found is None else bytes(found[0])

    async def reach(self, seq: int) -> None:
        """Wait until everything up to a log position is written (UNAVAILABLE when it takes too long)."""
        if self._head < seq:
            self._hurry.set()
        try:
            async with asyncio.timeout(PROJECTION_WAIT_MS / 1000), self._grown:
                await self._grown.wait_for(lambda: self._head >= seq or self._lost)
        except TimeoutError:
            raise Refusal(Code.UNAVAILABLE, "the outcome is not written yet; ask again") from None
        if self._head < seq:
            raise Refusal(Code.UNAVAILABLE, "outcomes stay behind the log until the node starts again")

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
                    await self._insert(batch)
                except aiosqlite.Error as error:
                    self._lose(str(error))
                else:
                    self._head = batch[-1].seq
            async with self._grown:
                self._grown.notify_all()

    async def _insert(self, batch: list[Published]) -> None:
        """One transaction; between two slices the loop does other work."""
        rows: dict[str, list[Values]] = {table: [] for table in TABLES}
        made = (row for one in batch for row in rows_of(one))
        for count, (table, values) in enumerate(made, start=1):
            rows[table].append(values)
            if count % PROJECTION_ROWS_MAX == 0:  # an entry may be of very many trades
                await self._execute(rows)
            elif count % PROJECTION_SLICE == 0:
                await asyncio.sleep(0)
        await self._execute(rows)
        await self._db.commit()

    async def _execute(self, rows: dict[str, list[Values]]) -> None:
        for table, found in rows.items():
            if found:
                await self._db.executemany(INSERTS[table], found)
                rows[table] = []

    async def _batch(self) -> tuple[list[Published], bool]:
        """What waits, at least one row; and whether it is the end."""
        batch: list[Published] = []
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
        await _check_version(db)
        await db.executescript(SCHEMA)
        async with db.execute("SELECT COALESCE(MAX(seq), 0), COUNT(*) FROM outcomes") as rows:
            found = await rows.fetchone()
        assert found is not None, "an aggregate has one row"
        if found[0] != found[1]:
            raise aiosqlite.DatabaseError(f"{found[1]} outcomes up to {found[0]}: some are missing")
    except BaseException:
        await db.close()
        raise
    return db, int(found[0])


async def _check_version(db: aiosqlite.Connection) -> None:
    async with db.execute("PRAGMA user_version") as rows:
        found = await rows.fetchone()
    version = found[0] if found else 0
    if version not in (0, SCHEMA_VERSION):
        raise aiosqlite.DatabaseError(f"its tables are of version {version}, not {SCHEMA_VERSION}")
    await db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _create_private(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
