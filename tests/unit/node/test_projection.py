"""The projection of outcomes: behind the log, never wrong, gone without harm."""

import sqlite3
from pathlib import Path

import pytest

from thingmarket.errors import Code, Refusal
from thingmarket.market.entries import Outcome
from thingmarket_node import projection as module
from thingmarket_node.core.messages import Published
from thingmarket_node.projected import SCHEMA_VERSION
from thingmarket_node.projection import Projection


def outcome_at(seq: int, body: bytes) -> Published:
    return Published(seq=seq, time_ms=1_000 + seq, sender="somebody", body=body, outcome=Outcome(seq=seq))


def hand_over(projection: Projection, *seqs: int) -> None:
    for seq in seqs:
        projection.put(outcome_at(seq, b"outcome %d" % seq))


async def test_an_outcome_is_found_as_soon_as_it_was_handed_over(tmp_path: Path) -> None:
    projection = await Projection.open(tmp_path / "projection.db")
    hand_over(projection, *range(1, 3_001))
    assert await projection.outcome(3_000) == b"outcome 3000"
    assert await projection.outcome(1) == b"outcome 1"
    for seq in (-1, 0, 3_001, 2**63, 2**70):
        assert await projection.outcome(seq) is None
    await projection.close()


async def test_closing_writes_what_was_handed_over(tmp_path: Path) -> None:
    projection = await Projection.open(tmp_path / "projection.db")
    hand_over(projection, *range(1, 100))
    await projection.close()
    again = await Projection.open(tmp_path / "projection.db")
    assert again.head() == 99
    hand_over(again, 98, 99, 100)  # what it has is left out
    assert await again.outcome(100) == b"outcome 100"
    await again.close()
    assert (tmp_path / "projection.db").stat().st_mode & 0o077 == 0


async def test_it_is_filled_from_a_replay_that_is_longer_than_its_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROJECTION_QUEUE_MAX", 4)
    projection = await Projection.open(tmp_path / "projection.db")
    for seq in range(1, 101):
        await projection.fill(outcome_at(seq, b"%d" % seq))
    assert await projection.outcome(100) == b"100"
    await projection.close()


async def test_a_full_queue_costs_rows_until_the_next_start_and_no_wrong_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROJECTION_QUEUE_MAX", 4)
    projection = await Projection.open(tmp_path / "projection.db")
    hand_over(projection, *range(1, 8))  # without letting the writer run
    for seq in (5, 7, 9):
        with pytest.raises(Refusal) as refusal:
            await projection.outcome(seq)
        assert refusal.value.number == Code.UNAVAILABLE
    await projection.close()
    again = await Projection.open(tmp_path / "projection.db")
    for seq in range(again.head() + 1, 8):
        await again.fill(outcome_at(seq, b"outcome %d" % seq))
    assert await again.outcome(7) == b"outcome 7"
    await again.close()


async def test_a_lost_disk_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "projection.db"
    projection = await Projection.open(path)
    hand_over(projection, 1)
    assert await projection.outcome(1) == b"outcome 1"
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE outcomes")
    other.close()
    hand_over(projection, 2)
    with pytest.raises(Refusal) as refusal:
        await projection.outcome(2)
    assert refusal.value.number == Code.UNAVAILABLE
    await projection.fill(outcome_at(3, b"3"))  # does not wait for ever
    await projection.close()


@pytest.mark.parametrize("damage", [b"no database at all, not even a bit of one" * 200, b""])
async def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "projection.db"
    path.write_bytes(damage)
    projection = await Projection.open(path)
    assert projection.head() == 0
    hand_over(projection, 1)
    assert await projection.outcome(1) == b"outcome 1"
    await projection.close()


async def test_a_file_with_a_gap_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "projection.db"
    projection = await Projection.open(path)
    hand_over(projection, 1, 2, 3)
    await projection.close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM outcomes WHERE seq = 2")
    db.close()
    projection = await Projection.open(path)
    assert projection.head() == 0
    await projection.close()


async def test_a_file_of_an_older_version_is_begun_anew(tmp_path: Path) -> None:
    """[INS-1]"""
    path = tmp_path / "projection.db"
    projection = await Projection.open(path)
    hand_over(projection, 1, 2)
    await projection.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE trades")
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION - 1}")
    db.close()
    projection = await Projection.open(path)
    assert projection.head() == 0, "it is fed from the first entry on"
    await projection.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT COUNT(*) FROM trades").fetchone() == (0,)
    db.close()
