"""Snapshots that stand on each other: what is saved, what is found again, and what is passed over. [LOG-4]"""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from thingmarket_node.groups import EMPTY, Group, Head
from thingmarket_node.journal_sqlite import SqliteLog
from thingmarket_node.snapshot import Snapshot

KEY = b"k" * 32
BODIES = (b"all of it", b"first changes", b"second changes")
FLIPS = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def grown(log: SqliteLog, groups: int = 1) -> Head:
    """Write some more groups of two entries."""
    for _ in range(groups):
        head = log.head()
        group = Group(
            number=head.number + 1,
            first_seq=head.next_seq,
            entries=(b"entry %d" % head.next_seq, b"entry %d" % (head.next_seq + 1)),
            outcome_hash=b"o" * 32,
            state_root=b"s" * 32,
            previous=head.chain,
        )
        log.write(group)
    return log.head()


def save(log: SqliteLog, body: bytes, *, on_top: bool = True) -> Head:
    """Save a snapshot after one more group."""
    head, saved = grown(log), log.snapshots_saved
    log.save_snapshot(head, [body], on_top=on_top)
    while log.snapshots_saved == saved:
        log.housekeeping(idle=False)
    return head


def saved(path: Path) -> list[Head]:
    """A whole snapshot and two on top of it, at entries 2, 4 and 6."""
    log = SqliteLog.open(path, KEY)
    heads = [save(log, body, on_top=place > 0) for place, body in enumerate(BODIES)]
    log.close()
    return heads


def found(path: Path, *, key: bytes = KEY, last_seq: int = 1_000) -> Snapshot | None:
    log = SqliteLog.open(path, key)
    try:
        return log.latest_snapshot(last_seq)
    finally:
        log.close()


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute(statement, values).rowcount >= 1


def test_changes_are_read_back_with_what_they_stand_on(path: Path) -> None:
    heads = saved(path)
    assert found(path) == Snapshot(heads[2], BODIES, 2)
    assert found(path, last_seq=5) == Snapshot(heads[1], BODIES[:2], 2)
    assert found(path, last_seq=2) == Snapshot(heads[0], BODIES[:1], 2)
    assert found(path, last_seq=1) is None


def test_who_has_not_the_key_makes_no_snapshot(path: Path) -> None:
    saved(path)
    assert found(path, key=b"another" * 4) is None
    log = SqliteLog.open(path, b"")
    save(log, b"made by somebody else", on_top=False)
    log.close()
    assert (found(path) or pytest.fail("the node's own is passed over too")).bodies == BODIES


@pytest.mark.parametrize(("place", "left"), [(0, 0), (1, 1), (2, 2)])
def test_what_stands_on_a_damaged_snapshot_is_passed_over_with_it(path: Path, place: int, left: int) -> None:
    heads = saved(path)
    change(path, "UPDATE snapshot_parts SET body=zeroblob(9) WHERE seq=?", 2 * (place + 1))
    expected = Snapshot(heads[left - 1], BODIES[:left], 2) if left else None
    assert found(path) == expected


def test_changes_do_not_stand_on_another_snapshot_than_their_own(path: Path) -> None:
    heads = saved(path)
    for table in ("snapshots", "snapshot_parts"):
        change(path, f"DELETE FROM {table} WHERE seq=4")
    assert found(path) == Snapshot(heads[0], BODIES[:1], 2)


def test_new_changes_take_the_place_of_those_that_were_passed_over(path: Path) -> None:
    heads = saved(path)
    change(path, "UPDATE snapshots SET parts=7 WHERE seq=6")
    log = SqliteLog.open(path, KEY)
    assert log.latest_snapshot(1_000) == Snapshot(heads[1], BODIES[:2], 2)
    head = save(log, b"other changes")
    log.close()
    assert found(path) == Snapshot(head, (*BODIES[:2], b"other changes"), 2)


def test_two_whole_snapshots_are_kept_and_what_stands_on_them(path: Path) -> None:
    saved(path)
    log = SqliteLog.open(path, KEY)
    for each in range(2):
        save(log, b"whole %d" % each, on_top=False)
        save(log, b"more %d" % each)
    log.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT seq, whole FROM snapshots").fetchall() == [
            (8, 8),
            (10, 8),
            (12, 12),
            (14, 12),
        ]
        assert db.execute("SELECT count(*) FROM snapshot_parts").fetchone() == (4,)
    newest = found(path)
    assert newest is not None and newest.bodies == (b"whole 1", b"more 1")
    change(path, "UPDATE snapshots SET seal=zeroblob(32) WHERE seq=12")
    older = found(path)
    assert older is not None and older.bodies == (b"whole 0", b"more 0")


def test_one_flipped_bit_anywhere_in_a_snapshot_is_noticed(path: Path) -> None:
    heads = saved(path)
    log = SqliteLog.open(path, KEY)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(FLIPS):
            draw = random.Random(number)
            table, column = draw.choice(
                [("snapshot_parts", "body"), ("snapshots", "seal"), ("snapshots", "chain")]
            )
            seq = draw.choice([2, 4, 6])
            read = f"SELECT {column} FROM {table} WHERE seq=?"
            ((data,),) = db.execute(read, (seq,)).fetchall()
            bit = draw.randrange(8 * len(data))
            flipped = bytes(byte ^ ((at == bit // 8) << bit % 8) for at, byte in enumerate(data))
            write = f"UPDATE {table} SET {column}=? WHERE seq=?"
            db.execute(write, (flipped, seq))
            snapshot = log.latest_snapshot(1_000)
            assert (snapshot.bodies if snapshot else ()) == BODIES[: seq // 2 - 1], (table, column, seq, bit)
            db.execute(write, (data, seq))
    assert log.latest_snapshot(1_000) == Snapshot(heads[2], BODIES, 2)
    log.close()


def test_a_log_without_groups_has_no_snapshot(path: Path) -> None:
    log = SqliteLog.open(path, KEY)
    assert log.head() == EMPTY and log.latest_snapshot(0) is None
    log.close()
