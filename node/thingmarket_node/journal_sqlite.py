"""Groups and snapshots in one SQLite file; every call is blocking and durable on return."""

import os
import sqlite3
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NoReturn, Self
from urllib.parse import quote

from thingmarket.errors import Code, Refusal
from thingmarket.limits import WAL_PAGES_MAX
from thingmarket_node.groups import EMPTY, Group, Head, decode
from thingmarket_node.journal_snapshots import CLEANING, SCHEMA, Snapshots
from thingmarket_node.snapshot import Snapshot

_FORMAT: Final = 2
_PAGE_BYTES: Final = 4_096
_QUIET_S: Final = 0.02  # without a group for this long, the write-ahead log is folded into the file
_BREATH_S: Final = 0.001  # between two pieces of a snapshot, so that the loop has the interpreter's lock
_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups(
    number INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    previous BLOB NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS group_of ON groups(first_seq);
INSERT OR IGNORE INTO meta VALUES('format', 2);
COMMIT;
"""


class SqliteLog:
    """One table row per group. WAL with synchronous=FULL: the insert returns when the disk has it."""

    def __init__(self, path: Path, db: sqlite3.Connection, seal_key: bytes) -> None:
        self._path = path
        self._db = db
        self._unfolded_pages = 0  # about how many pages the write-ahead log holds
        self._snapshots = Snapshots(seal_key, _group)
        self._saving: Generator[int, None, None] | None = None
        self.snapshots_saved = 0

    @classmethod
    def open(cls, path: Path, seal_key: bytes = b"") -> Self:
        """Open the file, or create it readable by its owner alone (TAMPERED when it is no journal).

        Snapshots are sealed with a key; without one, anybody could seal them.
        """
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            sync_folder(path.parent)
        # One thread at a time uses the connection: the opener's until the writer starts, then the writer's.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA wal_autocheckpoint=0")  # `housekeeping` chooses the moment
            db.executescript(_SCHEMA)
            found = db.execute("SELECT value FROM meta WHERE key='format'").fetchall()
            if found == [(_FORMAT,)]:
                db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {CLEANING} COMMIT;")
        except sqlite3.Error as error:
            db.close()
            _refuse_damage(error, f"journal {path.name}")
        if found != [(_FORMAT,)]:
            db.close()
            raise Refusal(Code.TAMPERED, f"journal {path.name} has another format than {_FORMAT}")
        return cls(path, db, seal_key)

    def head(self) -> Head:
        """Read the last group and tell where the log ends (TAMPERED when it is damaged)."""
        try:
            found = self._db.execute("SELECT max(number) FROM groups").fetchone()[0]
        except sqlite3.Error as error:
            _refuse_damage(error, "the last group")
        return EMPTY if found is None else Head.at(_group(self._db, found))

    def write(self, group: Group) -> None:
        """Make one group durable; any error leaves open whether it is, and must end the process."""
        body = group.encode()
        # One statement is one transaction: three would take the interpreter's lock three times.
        self._db.execute(
            "INSERT INTO groups VALUES(?,?,?,?,?,?)",
            (group.number, group.first_seq, len(group.entries), group.previous, zlib.crc32(body), body),
        )
        self._unfolded_pages += len(body) // _PAGE_BYTES + 3

    def read(self, first: int, last: int) -> Iterator[Group]:
        """Yield groups first..last one at a time, each checked against the one before (TAMPERED)."""
        with closing(self._reader()) as db:
            head = Head.at(_group(db, first - 1)) if first > 1 else EMPTY
            for number in range(first, last + 1):
                group = _group(db, number)
                head = head.after(group)
                yield group

    def entries(self, from_seq: int, limit: int) -> list[bytes]:
        """At most `limit` entries from a position on, as they stand in the log (TAMPERED)."""
        found: list[bytes] = []
        with closing(self._reader()) as db:
            query = "SELECT max(number) FROM groups WHERE first_seq <= ?"
            number = db.execute(query, (from_seq,)).fetchall()[0][0]
            last = db.execute("SELECT max(number) FROM groups").fetchall()[0][0]
            while number is not None and number <= last and len(found) < limit:
                group = _group(db, number)
                found += group.entries[max(0, from_seq - group.first_seq) :]
                number += 1
        return found[:limit]

    def save_snapshot(self, head: Head, parts: Iterable[bytes], *, on_top: bool = False) -> None:
        """Begin to save; `housekeeping` asks for the parts and does it in small steps between the groups."""
        assert self._saving is None, "one snapshot is saved at a time"
        self._saving = self._snapshots.steps(self._db, head, parts, on_top=on_top)

    def housekeeping(self, *, idle: bool) -> float | None:
        """Do a small piece of what can wait; returns after how many quiet seconds to call again, if ever."""
        if self._saving is not None:
            try:
                self._unfolded_pages += next(self._saving)
            except StopIteration:
                self._saving = None
                self.snapshots_saved += 1
        if self._unfolded_pages >= WAL_PAGES_MAX or (idle and self._unfolded_pages and self._saving is None):
            # Only the writer writes, so nothing is added meanwhile and the next write reuses the file.
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._unfolded_pages = 0
        if self._saving is not None:
            return _BREATH_S
        return _QUIET_S if self._unfolded_pages else None

    def latest_snapshot(self, last_seq: int) -> Snapshot | None:
        """The newest sound snapshot of this log up to a position; later changes go on top of it."""
        with closing(self._reader()) as db:
            return self._snapshots.newest(db, last_seq)

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._db.close()

    def _reader(self) -> sqlite3.Connection:
        """A connection of its own, so that reading never waits for the writer nor stops it."""
        # One thread at a time uses it, but a start that ends in TAMPERED closes it in another.
        place = f"file:{quote(str(self._path))}?mode=ro"
        return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)


def sync_folder(folder: Path) -> None:
    """Make a file's name durable, not only its bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _group(db: sqlite3.Connection, number: int) -> Group:
    """Read one group; the row, the record and the number asked for must agree (TAMPERED)."""
    try:
        # fetchall ends the read transaction at once: a reader would keep the log from being reused.
        found = db.execute(
            "SELECT first_seq, count, previous, crc, body FROM groups WHERE number=?", (number,)
        ).fetchall()
    except sqlite3.Error as error:
        _refuse_damage(error, f"group {number}")
    if not found:
        raise Refusal(Code.TAMPERED, f"group {number} is missing")
    first_seq, count, previous, crc, body = found[0]
    if not isinstance(body, bytes) or crc != zlib.crc32(body):
        raise Refusal(Code.TAMPERED, f"group {number} is damaged: its row's checksum differs")
    try:
        group = decode(body)
    except Refusal as refusal:
        raise Refusal(Code.TAMPERED, f"group {number}: {refusal.reason}") from refusal
    said = (number, first_seq, count, previous)
    if said != (group.number, group.first_seq, len(group.entries), group.previous):
        raise Refusal(Code.TAMPERED, f"group {number} differs from its row")
    return group


def _refuse_damage(error: sqlite3.Error, what: str) -> NoReturn:
    """Turn SQLite's word for a damaged file into TAMPERED; other errors are not about the bytes."""
    if error.sqlite_errorcode & 0xFF in _DAMAGE:
        raise Refusal(Code.TAMPERED, f"{what} cannot be read: {error}") from error
    raise error
