"""Groups and snapshots in one SQLite file; every call is blocking and durable on return."""

import os
import sqlite3
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, NoReturn, Self
from urllib.parse import quote

from thingmarket.errors import Code, Refusal
from thingmarket.limits import SNAPSHOT_BREATH_BYTES, SNAPSHOT_PART_BYTES, SNAPSHOTS_KEPT, WAL_PAGES_MAX
from thingmarket_node.groups import EMPTY, Group, Head, decode

_FORMAT: Final = 1
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
CREATE TABLE IF NOT EXISTS snapshots(
    seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, chain BLOB NOT NULL,
    parts INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot_parts(
    seq INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(seq, part));
INSERT OR IGNORE INTO meta VALUES('format', 1);
DELETE FROM snapshot_parts WHERE seq NOT IN (SELECT seq FROM snapshots);
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the market right after the group that `head` names."""

    head: Head
    body: bytes


class SqliteLog:
    """One table row per group. WAL with synchronous=FULL: the insert returns when the disk has it."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self._unfolded_pages = 0  # about how many pages the write-ahead log holds
        self._saving: Generator[None, None, None] | None = None
        self.snapshots_saved = 0

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or create it readable by its owner alone (TAMPERED when it is no journal)."""
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
        except sqlite3.Error as error:
            db.close()
            _refuse_damage(error, f"journal {path.name}")
        if found != [(_FORMAT,)]:
            db.close()
            raise Refusal(Code.TAMPERED, f"journal {path.name} has another format than {_FORMAT}")
        return cls(path, db)

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

    def save_snapshot(self, head: Head, parts: Iterable[bytes]) -> None:
        """Begin to save; `housekeeping` asks for the parts and does it in small steps between the groups."""
        assert self._saving is None, "one snapshot is saved at a time"
        self._saving = self._snapshot_steps(head, iter(parts))

    def housekeeping(self, *, idle: bool) -> float | None:
        """Do a small piece of what can wait; returns after how many quiet seconds to call again, if ever."""
        if self._saving is not None:
            try:
                next(self._saving)
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

    def latest_snapshot(self) -> Snapshot | None:
        """The newest snapshot that is whole and belongs to this log; damaged ones are skipped."""
        with closing(self._reader()) as db:
            try:
                found = db.execute("SELECT seq FROM snapshots ORDER BY seq DESC").fetchall()
            except sqlite3.DatabaseError:
                return None  # the groups say whether the file as a whole is damaged
            for (seq,) in found:
                snapshot = _snapshot(db, seq)
                if snapshot is not None:
                    return snapshot
        return None

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._db.close()

    def _reader(self) -> sqlite3.Connection:
        """A connection of its own, so that reading never waits for the writer nor stops it."""
        # One thread at a time uses it, but a start that ends in TAMPERED closes it in another.
        place = f"file:{quote(str(self._path))}?mode=ro"
        return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)

    def _snapshot_steps(self, head: Head, parts: Iterator[bytes]) -> Generator[None, None, None]:
        """Write the pieces, then the row that makes them count, then drop what is no longer kept."""
        seq = head.next_seq - 1
        yield from self._drop_snapshot(seq)
        digest, count = _snapshot_digest(head), 0
        for piece in _pieces(parts):
            if piece:
                digest.update(piece)
                self._db.execute("INSERT INTO snapshot_parts VALUES(?,?,?)", (seq, count, piece))
                self._unfolded_pages += len(piece) // _PAGE_BYTES + 4
                count += 1
            yield
        self._db.execute(
            "INSERT INTO snapshots VALUES(?,?,?,?,?)",
            (seq, head.number, head.chain, count, digest.digest()),
        )
        yield
        kept = self._db.execute("SELECT seq FROM snapshots ORDER BY seq DESC").fetchall()
        for (old,) in kept[SNAPSHOTS_KEPT:]:
            yield from self._drop_snapshot(old)

    def _drop_snapshot(self, seq: int) -> Generator[None, None, None]:
        """Delete the row first, so that a half-deleted snapshot never counts; then part by part."""
        found = self._db.execute("SELECT parts FROM snapshots WHERE seq=?", (seq,)).fetchall()
        for (parts,) in found:
            self._db.execute("DELETE FROM snapshots WHERE seq=?", (seq,))
            yield
            for part in range(parts):
                self._db.execute("DELETE FROM snapshot_parts WHERE seq=? AND part=?", (seq, part))
                self._unfolded_pages += 4
                yield


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


def _snapshot(db: sqlite3.Connection, seq: int) -> Snapshot | None:
    """Read one snapshot; None when anything about it is not as it was saved."""
    try:
        head, parts, digest = _snapshot_row(db, seq)
        pieces = []
        for part in range(parts):
            query = "SELECT body FROM snapshot_parts WHERE seq=? AND part=?"
            ((piece,),) = db.execute(query, (seq, part)).fetchall()
            pieces.append(piece)
        body = b"".join(pieces)
        hashed = _snapshot_digest(head)
        hashed.update(body)
        if digest != hashed.digest() or Head.at(_group(db, head.number)) != head:
            return None
    except (sqlite3.DatabaseError, Refusal, TypeError, ValueError):
        return None  # a damaged page may turn a row into anything, or into none
    return Snapshot(head, body)


def _snapshot_row(db: sqlite3.Connection, seq: int) -> tuple[Head, int, bytes]:
    query = "SELECT number, chain, parts, digest FROM snapshots WHERE seq=?"
    ((number, chain, parts, digest),) = db.execute(query, (seq,)).fetchall()
    return Head(number, seq + 1, chain), parts, digest


def _snapshot_digest(head: Head) -> blake2b:
    """What the body is added to, and then gives the digest of a whole snapshot."""
    digest = blake2b(digest_size=32, person=b"tm-snapshot")
    digest.update(head.number.to_bytes(8, "little") + head.next_seq.to_bytes(8, "little") + head.chain)
    return digest


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Parts of any size as pieces of SNAPSHOT_PART_BYTES, the last one less; an empty one is a breath."""
    piece, since_breath = bytearray(), 0
    for part in parts:
        piece += part
        since_breath += len(part)
        while len(piece) >= SNAPSHOT_PART_BYTES:
            yield bytes(piece[:SNAPSHOT_PART_BYTES])
            del piece[:SNAPSHOT_PART_BYTES]
            since_breath = 0
        if since_breath >= SNAPSHOT_BREATH_BYTES:
            since_breath = 0
            yield b""
    if piece:
        yield bytes(piece)


def _refuse_damage(error: sqlite3.Error, what: str) -> NoReturn:
    """Turn SQLite's word for a damaged file into TAMPERED; other errors are not about the bytes."""
    if error.sqlite_errorcode & 0xFF in _DAMAGE:
        raise Refusal(Code.TAMPERED, f"{what} cannot be read: {error}") from error
    raise error
