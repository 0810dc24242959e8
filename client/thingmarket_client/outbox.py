"""Commands on their way: stored before the first send, kept until answered, through crashes and offline."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum, unique
from pathlib import Path
from typing import Final, Self

from thingmarket.audit.receipts import Receipt
from thingmarket.canonical import packer, unpacker
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key, key_time_ms
from thingmarket.limits import ANSWERS_PER_SENDER_MAX, KEY_AGE_MS
from thingmarket.policy.decision import Decision
from thingmarket.wire.calls import Submitted
from thingmarket_client.errors import FateUnknown, RefusedByNode
from thingmarket_client.keystore import check_private, create_private

WAITING_MAX: Final = ANSWERS_PER_SENDER_MAX  # the node remembers no more answers of one sender
ANSWERED_MAX: Final = 10_000  # a few MB; older answers are forgotten, the node's log has them

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    state INTEGER NOT NULL,
    letter BLOB NOT NULL,
    sealed BLOB NOT NULL,
    answer BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS letter_by_state ON letter (state, number);
CREATE TABLE IF NOT EXISTS seen (node TEXT PRIMARY KEY, checkpoint BLOB NOT NULL) STRICT;
PRAGMA user_version = 1;
"""


@unique
class LetterState(IntEnum):
    """How far a command has come."""

    WAITING = 1
    ANSWERED = 2
    UNKNOWN = 3  # not answered for 24 h: never sent again


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """Bytes for the node's vault with the salt of their commitment; `retention` is a RetentionClass."""

    salt: bytes = field(repr=False)
    data: bytes = field(repr=False)
    retention: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One command as its sender made it, but for the header, which is signed anew for every sending.

    `approvals` are exact bytes of signed approvals; `note` is the sender's own record of why and stays here.
    """

    key: Key
    type_id: TypeId
    body: bytes
    mandate_leaf: bytes = b""
    approvals: tuple[bytes, ...] = ()
    note: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The node's one answer: what was made, or the refusal; `receipt` proves it.

    `statuses` and `events` are packed, of a frame of orders.
    """

    code: int = 0
    reason: str = ""
    rule: str = ""
    reference: bytes = b""
    receipt: Receipt | None = None
    decision: Decision | None = None
    pending: bool = False
    statuses: bytes = b""
    events: bytes = b""
    events_cut: bool = False

    def made(self) -> Self:
        """The answer when it is a yes (RefusedByNode)."""
        if self.code:
            raise RefusedByNode(
                self.code, self.reason, self.rule, receipt=self.receipt, decision=self.decision
            )
        return self


def yes(done: Submitted) -> Answer:
    """The answer that a command which was done gets."""
    return Answer(
        reference=done.reference,
        receipt=done.receipt,
        decision=done.decision,
        pending=done.pending,
        statuses=done.statuses,
        events=done.events,
        events_cut=done.events_cut,
    )


def no(refusal: RefusedByNode) -> Answer:
    """The answer that a refusal is."""
    return Answer(
        code=refusal.number,
        reason=refusal.reason,
        rule=refusal.rule,
        receipt=refusal.receipt,
        decision=refusal.decision,
    )


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter in the outbox, with its sealed parts while it waits, and its answer afterwards."""

    letter: Letter
    state: LetterState
    sealed: tuple[SealedPart, ...] = ()
    answer: Answer | None = None


_Sealed = tuple[SealedPart, ...]


class Outbox:
    """A small SQLite file of mode 0600. Its calls block for one fsync and may come from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file (UnsafeFile when others can reach it)."""
        if not path.exists():
            create_private(path, "")  # SQLite takes an empty file for a new database, and keeps its mode
        check_private(path)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # FULL: what was stored before the first send must be there after a power cut.
        # Sealed parts are personal: what is deleted is overwritten.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def put(self, letter: Letter, sealed: Iterable[SealedPart] = ()) -> Posted:
        """Store a letter, durably; one with the same key is given back as it was stored first.

        BUSY when too many wait.
        """
        parts = tuple(sealed)
        with self._transaction() as database:
            known = _posted(database, letter.key)
            if known is not None:
                return known
            (waiting,) = database.execute(
                "SELECT count(*) FROM letter WHERE state = ?", (LetterState.WAITING,)
            ).fetchone()
            if waiting >= WAITING_MAX:
                raise Refusal(Code.BUSY, f"{WAITING_MAX} commands wait in the outbox; flush it first")
            database.execute(
                "INSERT INTO letter (key, state, letter, sealed) VALUES (?, ?, ?, ?)",
                (letter.key, LetterState.WAITING, packer(Letter)(letter), packer(_Sealed)(parts)),
            )
        return Posted(letter, LetterState.WAITING, parts)

    def answer(self, key: Key, answer: Answer, *, node: str = "", checkpoint: bytes = b"") -> None:
        """Keep what the node said and its newest checkpoint; let go of the sealed parts."""
        with self._transaction() as database:
            database.execute(
                "UPDATE letter SET state = ?, answer = ?, sealed = ? WHERE key = ?",
                (LetterState.ANSWERED, packer(Answer)(answer), packer(_Sealed)(()), key),
            )
            database.execute(
                "DELETE FROM letter WHERE state = ? AND number <= (SELECT max(number) FROM letter) - ?",
                (LetterState.ANSWERED, ANSWERED_MAX),
            )
            if checkpoint:
                database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (node, checkpoint))

    def find(self, key: Key) -> Posted | None:
        """A letter by its key."""
        with self._lock:
            return _posted(self._database, key)

    def checkpoint(self, node: str) -> bytes:
        """The newest checkpoint of a node's log that came with an answer; empty when there is none."""
        with self._lock:
            row = self._database.execute("SELECT checkpoint FROM seen WHERE node = ?", (node,)).fetchone()
        return row[0] if row else b""

    def waiting(self) -> list[Posted]:
        """What is unanswered, in the order of posting."""
        with self._lock:
            rows = self._database.execute(
                "SELECT state, letter, sealed, answer FROM letter WHERE state = ? ORDER BY number",
                (LetterState.WAITING,),
            ).fetchall()
        return [_read(row) for row in rows]

    def unsettled(self) -> list[Posted]:
        """What is unanswered, or of unknown fate for ever, in the order of posting."""
        with self._lock:
            rows = self._database.execute(
                "SELECT state, letter, sealed, answer FROM letter WHERE state != ? ORDER BY number",
                (LetterState.ANSWERED,),
            ).fetchall()
        return [_read(row) for row in rows]

    def newest(self, type_id: TypeId) -> Posted | None:
        """The last letter of a kind, answered or not."""
        with self._lock:
            rows = self._database.execute(
                "SELECT state, letter, sealed, answer FROM letter ORDER BY number DESC"
            )
            with closing(rows):
                return next((found for found in map(_read, rows) if found.letter.type_id == type_id), None)

    def give_up_old(self, now_ms: int) -> list[Letter]:
        """Mark letters of more than 24 h as of unknown fate, and name them: the node refuses their keys."""
        old = [
            posted.letter for posted in self.waiting() if key_time_ms(posted.letter.key) < now_ms - KEY_AGE_MS
        ]
        with self._transaction() as database:
            for letter in old:
                database.execute(
                    "UPDATE letter SET state = ?, sealed = ? WHERE key = ?",
                    (LetterState.UNKNOWN, packer(_Sealed)(()), letter.key),
                )
        return old

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def answered(posted: Posted) -> Answer | None:
    """The answer of a letter, None while it waits (FateUnknown)."""
    if posted.state is LetterState.UNKNOWN:
        raise FateUnknown(posted.letter.key)
    return posted.answer


def _posted(database: sqlite3.Connection, key: Key) -> Posted | None:
    with closing(
        database.execute("SELECT state, letter, sealed, answer FROM letter WHERE key = ?", (key,))
    ) as rows:
        row = rows.fetchone()
    return None if row is None else _read(row)


def _read(row: tuple[int, bytes, bytes, bytes | None]) -> Posted:
    state, letter, sealed, answer = row
    return Posted(
        unpacker(Letter)(letter),
        LetterState(state),
        unpacker(_Sealed)(sealed),
        None if answer is None else unpacker(Answer)(answer),
    )
