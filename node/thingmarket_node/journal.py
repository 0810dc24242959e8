"""The journal: what is durable. One writer thread; its answers arrive in the event loop."""

import asyncio
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, Self

from thingmarket.errors import Code, Refusal
from thingmarket.limits import GROUPS_IN_FLIGHT_MAX
from thingmarket_node.groups import Group, Head
from thingmarket_node.journal_sqlite import SqliteLog
from thingmarket_node.snapshot import Snapshot


class GroupLog(Protocol):
    """What the writer thread needs of an engine. Every error is final."""

    def write(self, group: Group) -> None:
        """Return when the group is durable."""

    def housekeeping(self, *, idle: bool) -> float | None:
        """Do a small piece of what can wait; returns the quiet seconds until the next piece, if any."""


class Writer:
    """A thread that writes groups in order, one durable write each, and tells the event loop.

    After any error `failed` is called once, and `durable` never again.
    """

    def __init__(
        self, log: GroupLog, durable: Callable[[int], None], failed: Callable[[Exception], None]
    ) -> None:
        self._log = log
        self._durable = durable
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._work: SimpleQueue[Group | Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, work: Group | Callable[[], None]) -> None:
        """Queue a group, or something to call in the writer thread."""
        self._work.put(work)

    def stop(self) -> None:
        """Write what is queued, then end the thread; blocks until it has ended."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._write_until_stopped()
        except Exception as error:
            # Outermost: whatever went wrong, it is uncertain what the disk has, so nothing follows.
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._failed, error)

    def _write_until_stopped(self) -> None:
        quiet_s: float | None = None
        while True:
            try:
                work = self._work.get(timeout=quiet_s)
            except Empty:
                quiet_s = self._log.housekeeping(idle=True)
                continue
            if work is None:
                break
            if isinstance(work, Group):
                self._log.write(work)
                self._loop.call_soon_threadsafe(self._durable, work.number)
            else:
                work()
            quiet_s = self._log.housekeeping(idle=False)
        while self._log.housekeeping(idle=True) is not None:
            pass


class Journal:
    """The log of one node: opened, read, then started, and from then on appended to."""

    def __init__(self, log: SqliteLog, lock: int) -> None:
        self._log = log
        self._lock = lock
        self._durable = self._appended = log.head()
        self._in_flight: deque[Head] = deque()
        self._writer: Writer | None = None
        self._tell_durable: Callable[[int], None] | None = None
        self._snapshots_begun = 0

    @classmethod
    def open(cls, path: Path, *, create: bool = True, seal_key: bytes = b"") -> Self:
        """Open the journal for this process alone; blocking. Its snapshots are sealed with the key.

        Refused at once with BUSY while another process has it, with TAMPERED when it is damaged, or missing
        or empty although `create` is false.
        """
        with ExitStack() as undo:
            lock = _locked(path)
            undo.callback(os.close, lock)
            if not create and not path.exists():
                raise Refusal(Code.TAMPERED, f"journal {path.name} is missing")
            log = SqliteLog.open(path, seal_key)
            undo.callback(log.close)
            journal = cls(log, lock)
            if not create and journal.head.number == 0:
                raise Refusal(Code.TAMPERED, f"group 1 is missing: journal {path.name} is empty")
            undo.pop_all()
        return journal

    def start(self, durable: Callable[[int], None], failed: Callable[[Exception], None]) -> None:
        """Start the writer; its callbacks run in the event loop that runs now.

        `durable(number)` comes once per group, in order. `failed(error)` comes at most once and is fatal:
        the groups in flight may or may not be on the disk, and nothing is acknowledged any more.
        """
        assert self._writer is None, "a journal is started once"
        self._tell_durable = durable
        self._writer = Writer(self._log, self._became_durable, failed)

    @property
    def head(self) -> Head:
        """Where the durable log ends."""
        return self._durable

    @property
    def in_flight(self) -> int:
        """Groups appended and not yet durable; at most GROUPS_IN_FLIGHT_MAX."""
        return len(self._in_flight)

    @property
    def saving(self) -> bool:
        """True while a snapshot is being saved; one at a time."""
        return self._log.snapshots_saved < self._snapshots_begun

    def append(self, group: Group) -> None:
        """Hand over the next group of the chain; never blocks and never waits to fill it up."""
        assert self._writer is not None, "a journal is started before anything is appended"
        assert len(self._in_flight) < GROUPS_IN_FLIGHT_MAX, "more groups in flight than the journal takes"
        objection = self._appended.objection_to(group)
        assert not objection, objection
        self._appended = Head.at(group)
        self._in_flight.append(self._appended)
        self._writer.put(group)

    def read(self, from_number: int = 1) -> Iterator[Group]:
        """Yield the groups from a number up to the durable head, one in memory at a time.

        Each is checked against the one before; TAMPERED names the group. Blocking; any thread.
        """
        return self._log.read(from_number, self._durable.number)

    def entries(self, from_seq: int, limit: int) -> list[bytes]:
        """At most `limit` entries from a position on. Blocking; any thread."""
        return self._log.entries(from_seq, limit)

    def save_snapshot(self, head: Head, parts: Iterable[bytes], *, on_top: bool = False) -> None:
        """Save the state after an appended group, piece by piece between the groups; two are kept.

        With `on_top` these are the changes since the one that was saved, or given by `latest_snapshot`, last.
        """
        assert self._writer is not None and not self.saving, "one snapshot is saved at a time"
        assert 1 <= head.number <= self._appended.number, "a snapshot is the state after a group"
        self._snapshots_begun += 1
        self._writer.put(lambda: self._log.save_snapshot(head, parts, on_top=on_top))

    def latest_snapshot(self, last_seq: int | None = None) -> Snapshot | None:
        """The newest snapshot, up to a log position, that is sound and of this log. Blocking.

        A damaged one is passed over. Before the writer starts, or while nothing is saved.
        """
        return self._log.latest_snapshot(self._appended.next_seq - 1 if last_seq is None else last_seq)

    def close(self) -> None:
        """Write what was appended, finish a snapshot, and give the file free; blocking."""
        if self._writer is not None:
            self._writer.stop()
        self._log.close()
        os.close(self._lock)

    def _became_durable(self, number: int) -> None:
        self._durable = self._in_flight.popleft()
        assert self._durable.number == number, "groups become durable in order"
        assert self._tell_durable is not None, "callbacks are set before the writer starts"
        self._tell_durable(number)


def _locked(path: Path) -> int:
    """Take `<path>.lock` for this process; the system frees it when the process dies (BUSY)."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace") or "unknown"
        os.close(lock)
        raise Refusal(Code.BUSY, f"journal {path.name} is in use by process {holder}") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
