"""What the journal acknowledged is there; what it cannot vouch for it refuses."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.chains import verify_chain
from thingmarket.errors import Code, Refusal
from thingmarket.limits import SNAPSHOT_PART_BYTES, WAL_PAGES_MAX
from thingmarket_node.groups import EMPTY, Group, Head
from thingmarket_node.journal import Journal
from thingmarket_node.journal_sqlite import SqliteLog
from thingmarket_node.snapshot import Snapshot

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def group_after(head: Head, entries: int = 3, entry_bytes: int = 128) -> Group:
    return Group(
        number=head.number + 1,
        first_seq=head.next_seq,
        entries=tuple(b"%*d" % (entry_bytes, head.next_seq + each) for each in range(entries)),
        outcome_hash=b"o" * 32,
        state_root=b"s" * 32,
        previous=head.chain,
    )


class Node:
    """What the node does with a journal, and nothing more."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal.open(path)
        self.durable: list[int] = []
        self.failed: list[Exception] = []
        self._changed = asyncio.Event()
        self.appended = self.journal.head
        self.journal.start(self._on_durable, self._on_failed)

    def _on_durable(self, number: int) -> None:
        self.durable.append(number)
        self._changed.set()

    def _on_failed(self, error: Exception) -> None:
        self.failed.append(error)
        self._changed.set()

    async def append(self, groups: int, entry_bytes: int = 128) -> None:
        """Append groups as fast as the journal takes them, until all are durable or it failed."""
        last = self.appended.number + groups
        while not self.failed and (self.appended.number < last or self.journal.in_flight):
            if self.appended.number < last and self.journal.in_flight < 2:
                group = group_after(self.appended, entry_bytes=entry_bytes)
                self.appended = Head.at(group)
                self.journal.append(group)
                continue
            self._changed.clear()
            await self._changed.wait()

    async def save(self, body: bytes) -> Head:
        head = self.appended
        self.journal.save_snapshot(head, [body])
        while self.journal.saving:
            await asyncio.sleep(0)
        return head


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def filled(path: Path, groups: int, entry_bytes: int = 128) -> Head:
    node = Node(path)
    await node.append(groups, entry_bytes)
    node.journal.close()
    return node.appended


async def test_groups_become_durable_in_order_and_are_read_back(path: Path) -> None:
    node = Node(path)
    await node.append(40)
    assert node.durable == list(range(1, 41))
    assert node.journal.head == node.appended
    assert verify_chain(node.journal.read()) == node.appended
    node.journal.close()
    again = Journal.open(path)
    assert again.head == node.appended
    assert [group.number for group in again.read(39)] == [39, 40]
    again.close()
    assert not node.failed


async def test_a_reopened_journal_continues_the_chain(path: Path) -> None:
    await filled(path, 3)
    head = await filled(path, 4)
    journal = Journal.open(path)
    assert verify_chain(journal.read()) == head == journal.head
    assert head.number == 7
    journal.close()


async def test_a_gap_an_overlap_and_a_third_group_in_flight_are_bugs(path: Path) -> None:
    node = Node(path)
    first = group_after(EMPTY)
    second = group_after(Head.at(first))
    with pytest.raises(AssertionError):
        node.journal.append(second)
    node.journal.append(first)
    with pytest.raises(AssertionError):
        node.journal.append(first)
    node.journal.append(second)
    with pytest.raises(AssertionError):
        node.journal.append(group_after(Head.at(second)))
    node.journal.close()


async def test_close_writes_what_was_appended(path: Path) -> None:
    node = Node(path)
    group = group_after(EMPTY)
    node.journal.append(group)
    node.journal.close()
    await asyncio.sleep(0)
    assert not node.failed
    journal = Journal.open(path)
    assert list(journal.read()) == [group]
    journal.close()


async def test_the_files_are_readable_by_their_owner_alone(path: Path) -> None:
    node = Node(path)
    await node.append(1)
    names = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert names == {f"journal.db{end}": 0o600 for end in ("", "-wal", "-shm", ".lock")}
    node.journal.close()


def test_the_write_ahead_log_is_synced_at_every_commit(path: Path) -> None:
    journal = Journal.open(path)
    db = journal._log._db
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    journal.close()


async def test_the_write_ahead_log_stays_bounded_while_a_reader_reads(path: Path) -> None:
    node = Node(path)
    await node.append(3)
    reading = node.journal.read()
    next(reading)
    await node.append(1_300, entry_bytes=16_000)  # more than three times the bound
    assert path.with_name("journal.db-wal").stat().st_size < 1.5 * WAL_PAGES_MAX * 4_096
    assert [group.number for group in reading] == [2, 3]
    node.journal.close()


def in_another_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


OPEN = """
import sys
from pathlib import Path
from thingmarket.errors import Refusal
from thingmarket_node.journal import Journal
try:
    Journal.open(Path(sys.argv[1])).close()
    print("opened")
except Refusal as refusal:
    print(refusal)
"""


async def test_a_second_process_is_refused_at_once_and_told_who_has_it(path: Path) -> None:
    node = Node(path)
    second = in_another_process(OPEN, str(path))
    assert f"BUSY: journal journal.db is in use by process {os.getpid()}" in second.stdout, second.stderr
    await node.append(2)
    node.journal.close()
    assert in_another_process(OPEN, str(path)).stdout.strip() == "opened"


def test_a_missing_or_empty_journal_is_refused_where_one_must_exist(path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refusal) as refusal:
            Journal.open(path, create=False)
        assert refusal.value.number == Code.TAMPERED
        Journal.open(path).close()
    path.write_bytes(b"")
    with pytest.raises(Refusal):
        Journal.open(path, create=False)


# --- damage


def tampered(path: Path) -> str:
    """Open and read everything; return the refusal's reason."""
    with pytest.raises(Refusal) as refusal:
        journal = Journal.open(path)
        try:
            verify_chain(journal.read())
        finally:
            journal.close()
    assert refusal.value.number == Code.TAMPERED
    return refusal.value.reason


async def test_a_flipped_bit_in_a_group_is_refused_by_its_number(path: Path) -> None:
    await filled(path, 30)
    whole = path.read_bytes()
    place = whole.index(b"%128d" % 41)  # an entry of group 14
    for offset in (place, place + 127, place - 300):
        damaged = bytearray(whole)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        assert "group 1" in tampered(path), offset
    damaged = bytearray(whole)
    damaged[place] ^= 4
    path.write_bytes(damaged)
    assert tampered(path).startswith("group 14")


async def test_a_truncated_file_is_refused(path: Path) -> None:
    await filled(path, 60, entry_bytes=1_000)
    whole = path.read_bytes()
    for kept in (len(whole) - 4_096, len(whole) // 2, 4_096 * 3, 5_000, 100):
        path.write_bytes(whole[:kept])
        assert tampered(path), kept


async def test_noise_in_place_of_a_journal_is_refused(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))
    assert "cannot be read" in tampered(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM groups WHERE number=5", "group 5 is missing"),
        ("UPDATE groups SET first_seq=first_seq+1 WHERE number=5", "group 5 differs from its row"),
        ("UPDATE groups SET count=count+1 WHERE number=5", "group 5 differs from its row"),
        ("UPDATE groups SET previous=zeroblob(32) WHERE number=5", "group 5 differs from its row"),
        ("UPDATE groups SET crc=crc+1 WHERE number=5", "group 5 is damaged"),
        ("UPDATE groups SET body=x'00' WHERE number=5", "group 5 is damaged"),
        ("UPDATE groups SET body=12 WHERE number=5", "group 5 is damaged"),
        ("UPDATE groups SET (first_seq, count, previous, crc, body) = "
         "(SELECT first_seq, count, previous, crc, body FROM groups WHERE number=6) WHERE number=5",
         "group 5 differs from its row"),
        ("UPDATE meta SET value=3", "another format"),
    ],
)  # fmt: skip
async def test_a_changed_row_is_refused_by_its_number(path: Path, change: str, said: str) -> None:
    await filled(path, 9)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(change)
    assert said in tampered(path)


async def exchange_group_5(path: Path) -> None:
    """Put another group, whole in itself, into the place of group 5 of nine."""
    await filled(path, 9)
    journal = Journal.open(path)
    other = replace(list(journal.read())[4], outcome_hash=b"x" * 32).encode()
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE groups SET crc=?, body=? WHERE number=5", (zlib.crc32(other), other))


async def test_an_exchanged_group_breaks_the_chain(path: Path) -> None:
    await exchange_group_5(path)
    journal = Journal.open(path)
    with pytest.raises(Refusal, match="group 6 does not continue the chain of group 5"):
        list(journal.read())
    with pytest.raises(Refusal, match="group 6 does not continue the chain of group 5"):
        list(journal.read(6))
    journal.close()


# --- failure


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def test_a_full_disk_fails_once_and_nothing_is_acknowledged_after_it(small_disk: Path) -> None:
    node = Node(small_disk / "journal.db")
    await node.append(10_000)
    assert node.failed and isinstance(node.failed[0], sqlite3.OperationalError)
    acknowledged = list(node.durable)
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert node.journal.in_flight >= 1
    if node.journal.in_flight < 2:
        node.journal.append(group_after(node.appended))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert len(node.failed) == 1
    assert node.durable == acknowledged
    with closing(sqlite3.connect(f"file:{small_disk}/journal.db?mode=ro", uri=True)) as db:
        assert db.execute("SELECT count(*) FROM groups").fetchone()[0] >= len(acknowledged)
    node.journal.close()


async def test_an_engine_that_fails_while_the_loop_goes_on_is_told_once(path: Path) -> None:
    node = Node(path)
    await node.append(2)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE groups")
        other.commit()
    await node.append(5)
    assert len(node.failed) == 1
    assert node.durable == [1, 2]
    node.journal.close()


APPEND_FOR_EVER = """
import asyncio, runpy, sys
from pathlib import Path

async def main(path, Node):
    node = Node(Path(path))
    while True:
        await node.append(1)
        if node.durable[-1] % 7 == 0 and not node.journal.saving:
            node.journal.save_snapshot(node.appended, [b"state" * 100_000])
        print(node.durable[-1], flush=True)

asyncio.run(main(sys.argv[1], runpy.run_path(sys.argv[2])["Node"]))
"""


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(path: Path) -> None:
    command = [sys.executable, "-c", APPEND_FOR_EVER, str(path), __file__]
    for kill_after in (5, 40, 120):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
            assert process.stdout is not None
            acknowledged = [int(process.stdout.readline()) for _ in range(kill_after)]
            process.kill()
            acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        journal = Journal.open(path)
        assert verify_chain(journal.read()) == journal.head
        assert journal.head.number >= acknowledged[-1] >= kill_after
        snapshot = journal.latest_snapshot()
        assert snapshot is None or snapshot.bodies == (b"state" * 100_000,)
        journal.close()


# --- snapshots


def whole(head: Head, body: bytes) -> Snapshot:
    """A whole snapshot, as it is read back."""
    return Snapshot(head, (body,), head.next_seq - 1)


async def test_a_snapshot_larger_than_a_part_is_read_back(path: Path) -> None:
    node = Node(path)
    await node.append(3)
    body = os.urandom(5 * SNAPSHOT_PART_BYTES + 17)
    head = await node.save(body)
    await node.append(2)
    node.journal.close()
    journal = Journal.open(path)
    assert journal.latest_snapshot() == whole(head, body)
    assert [group.number for group in journal.read(head.number + 1)] == [4, 5]
    journal.close()


def test_a_group_waits_for_at_most_one_part_of_a_snapshot(path: Path) -> None:
    log = SqliteLog.open(path)
    first = group_after(EMPTY)
    log.write(first)
    log.save_snapshot(Head.at(first), [bytes(20 * SNAPSHOT_PART_BYTES)])
    head = Head.at(first)
    for groups in range(1, 11):
        group = group_after(head)
        log.write(group)
        assert log.housekeeping(idle=False) == pytest.approx(0.001), (
            "a piece is wanted as soon as no group waits"
        )
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM snapshot_parts").fetchone() == (groups,)
        head = Head.at(group)
    assert log.latest_snapshot(100) is None, "half a snapshot is none"
    log.close()
    SqliteLog.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        left = db.execute("SELECT count(*) FROM snapshot_parts").fetchone()
        assert left == (0,), "what a crash left is dropped"


async def test_close_finishes_a_snapshot(path: Path) -> None:
    node = Node(path)
    await node.append(1)
    snapshot = whole(node.appended, os.urandom(9 * SNAPSHOT_PART_BYTES))
    node.journal.save_snapshot(snapshot.head, snapshot.bodies)
    node.journal.close()
    journal = Journal.open(path)
    assert journal.latest_snapshot() == snapshot
    journal.close()


async def test_the_last_two_snapshots_are_kept_and_leave_no_parts_behind(path: Path) -> None:
    node = Node(path)
    for each in range(4):
        await node.append(1)
        await node.save(bytes([each]) * (SNAPSHOT_PART_BYTES + 1))
    await node.save(b"again, after the same group")
    node.journal.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT number, parts FROM snapshots ORDER BY seq").fetchall() == [(3, 2), (4, 1)]
        assert db.execute("SELECT count(*) FROM snapshot_parts").fetchone() == (3,)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE snapshot_parts SET body=zeroblob(131072) WHERE part=1 AND seq>4",
        "DELETE FROM snapshot_parts WHERE part=1 AND seq>4",
        "UPDATE snapshots SET parts=parts-1 WHERE number=4",
        "UPDATE snapshots SET chain=zeroblob(32) WHERE number=4",
        "UPDATE snapshots SET seal=zeroblob(32) WHERE number=4",
        "UPDATE snapshots SET number=3 WHERE number=4",
        "UPDATE snapshots SET number='x', parts='y' WHERE number=4",
    ],
)
async def test_a_damaged_snapshot_is_passed_over_for_the_one_before(path: Path, damage: str) -> None:
    node = Node(path)
    heads = []
    for each in (1, 3):
        await node.append(each)
        heads.append(await node.save(bytes([each]) * (2 * SNAPSHOT_PART_BYTES)))
    node.journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute(damage).rowcount == 1
    journal = Journal.open(path)
    assert journal.latest_snapshot() == whole(heads[0], b"\x01" * (2 * SNAPSHOT_PART_BYTES))
    journal.close()


async def test_a_snapshot_of_another_history_is_passed_over(path: Path) -> None:
    node = Node(path)
    await node.append(4)
    await node.save(b"of this history")
    ours = node.appended
    await node.append(1)
    node.appended = replace(node.appended, chain=b"x" * 32)
    await node.save(b"of another history")
    assert node.journal.latest_snapshot() == whole(ours, b"of this history")
    node.journal.close()


async def test_a_journal_without_snapshots_says_so(path: Path) -> None:
    await filled(path, 1)
    journal = Journal.open(path)
    assert journal.latest_snapshot() is None
    journal.close()
