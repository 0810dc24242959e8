"""Snapshots in the journal's file: a whole one and changes on top of it, sealed, written in small steps."""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from hashlib import blake2b
from typing import Final

from thingmarket.errors import Refusal
from thingmarket.limits import SNAPSHOT_BREATH_BYTES, SNAPSHOT_PART_BYTES, SNAPSHOTS_KEPT
from thingmarket_node.groups import Group, Head
from thingmarket_node.snapshot import Snapshot

# `whole` is the seq of the whole snapshot that a row stands on, its own when it is one.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS snapshots(
    seq INTEGER PRIMARY KEY, whole INTEGER NOT NULL, number INTEGER NOT NULL, chain BLOB NOT NULL,
    parts INTEGER NOT NULL, seal BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS snapshots_on ON snapshots(whole);
CREATE TABLE IF NOT EXISTS snapshot_parts(
    seq INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(seq, part));
"""
# What an open that finds the file alone may take away: parts of a snapshot that a crash cut off.
CLEANING: Final = "DELETE FROM snapshot_parts WHERE seq NOT IN (SELECT seq FROM snapshots);"

_SEAL_BYTES: Final = 32
_NO_SEAL: Final = bytes(_SEAL_BYTES)
_PAGE_BYTES: Final = 4_096
_DROPPED_PAGES: Final = 4  # about what one deleted row adds to the write-ahead log

ReadGroup = Callable[[sqlite3.Connection, int], Group]


class Snapshots:
    """Saves and finds snapshots; a seal can be made by nobody without the node's key."""

    def __init__(self, seal_key: bytes, read_group: ReadGroup) -> None:
        """Seal with a key of at most 64 bytes; `read_group` reads what a snapshot must fit."""
        self._key, self._read_group = seal_key, read_group
        self._top = (0, 0, _NO_SEAL)  # seq, whole and seal of what changes stand on

    def newest(self, db: sqlite3.Connection, last_seq: int) -> Snapshot | None:
        """The newest up to a log position that is sound and of this log; what is damaged is passed over."""
        try:
            query = "SELECT DISTINCT whole FROM snapshots WHERE whole <= ? ORDER BY whole DESC"
            found = db.execute(query, (last_seq,)).fetchall()
        except sqlite3.DatabaseError:
            return None  # the groups say whether the file as a whole is damaged
        for (whole,) in found:
            snapshot = self._chain(db, whole, last_seq)
            if snapshot is not None:
                return snapshot
        return None

    def steps(
        self, db: sqlite3.Connection, head: Head, parts: Iterable[bytes], *, on_top: bool
    ) -> Generator[int, None, None]:
        """Write the pieces, then the row that makes them count, then drop what is no longer kept.

        Yields about how many pages each step wrote.
        """
        seq = head.next_seq - 1
        top, whole, below = self._top if on_top else (0, seq, _NO_SEAL)
        assert not on_top or top, "changes stand on a snapshot"
        if on_top:  # what stood there was passed over when this process started
            for (passed_over,) in db.execute("SELECT seq FROM snapshots WHERE seq > ?", (top,)).fetchall():
                yield from _drop(db, passed_over)
        yield from _drop(db, seq)
        seal, count = self._begun(head, below), 0
        for piece in _pieces(iter(parts)):
            if not piece:
                yield 0
                continue
            seal.update(piece)
            db.execute("INSERT INTO snapshot_parts VALUES(?,?,?)", (seq, count, piece))
            count += 1
            yield len(piece) // _PAGE_BYTES + 4
        row = (seq, whole, head.number, head.chain, count, seal.digest())
        db.execute("INSERT INTO snapshots VALUES(?,?,?,?,?,?)", row)
        self._top = (seq, whole, seal.digest())
        yield 1
        kept = db.execute("SELECT DISTINCT whole FROM snapshots ORDER BY whole DESC").fetchall()
        for (old,) in kept[SNAPSHOTS_KEPT:]:
            standing = "SELECT seq FROM snapshots WHERE whole=? ORDER BY seq DESC"
            for (each,) in db.execute(standing, (old,)).fetchall():
                yield from _drop(db, each)

    def _chain(self, db: sqlite3.Connection, whole: int, last_seq: int) -> Snapshot | None:
        """A whole snapshot with as many of its changes as are sound; None when it is not itself."""
        found: Snapshot | None = None
        try:
            query = "SELECT seq FROM snapshots WHERE whole=? AND seq<=? ORDER BY seq"
            below = _NO_SEAL
            for (seq,) in db.execute(query, (whole, last_seq)).fetchall():
                if found is None and seq != whole:
                    return None
                head, body, below = self._sound(db, seq, below)
                found = Snapshot(head, (*(found.bodies if found else ()), body), whole)
                self._top = (seq, whole, below)
        except (sqlite3.DatabaseError, Refusal, TypeError, ValueError):
            return found  # a damaged page may turn a row into anything, or into none
        return found

    def _sound(self, db: sqlite3.Connection, seq: int, below: bytes) -> tuple[Head, bytes, bytes]:
        """Head, body and seal of one row (ValueError when anything is not as it was saved)."""
        query = "SELECT number, chain, parts, seal FROM snapshots WHERE seq=?"
        ((number, chain, parts, sealed),) = db.execute(query, (seq,)).fetchall()
        if not isinstance(number, int) or not isinstance(chain, bytes):
            raise TypeError(f"the row of the snapshot at {seq} is another one")
        head, pieces = Head(number, seq + 1, chain), []
        seal = self._begun(head, below)
        for part in range(parts):
            query = "SELECT body FROM snapshot_parts WHERE seq=? AND part=?"
            ((piece,),) = db.execute(query, (seq, part)).fetchall()
            seal.update(piece)
            pieces.append(piece)
        if sealed != seal.digest() or Head.at(self._read_group(db, number)) != head:
            raise ValueError(f"the snapshot at {seq} is not as it was saved")
        return head, b"".join(pieces), sealed

    def _begun(self, head: Head, below: bytes) -> blake2b:
        """What the body is added to, and then gives the seal: of this log, and on top of that one."""
        seal = blake2b(key=self._key, digest_size=_SEAL_BYTES, person=b"tm-snapshot")
        seal.update(head.number.to_bytes(8, "little") + head.next_seq.to_bytes(8, "little"))
        seal.update(head.chain + below)
        return seal


def _drop(db: sqlite3.Connection, seq: int) -> Generator[int, None, None]:
    """Delete the row first, so that a half-deleted snapshot never counts; then part by part."""
    found = db.execute("SELECT parts FROM snapshots WHERE seq=?", (seq,)).fetchall()
    for (parts,) in found:
        db.execute("DELETE FROM snapshots WHERE seq=?", (seq,))
        yield 1
        for part in range(parts):
            db.execute("DELETE FROM snapshot_parts WHERE seq=? AND part=?", (seq, part))
            yield _DROPPED_PAGES


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
