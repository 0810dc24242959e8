"""What the vault sealed it gives back, until it was erased; then no file has it. [PRI-1] [PRI-3] [PRI-4]"""

import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from thingmarket.audit.commitments import commit
from thingmarket.contract.orders import RetentionClass
from thingmarket.errors import Code, Refusal
from thingmarket.limits import CONTRACT_RETENTION_MS, SEALED_BYTES_MAX, TAX_RETENTION_MS
from thingmarket_node.vault import ERASED_AT_ONCE, Opening, Part, Vault

NOW_MS = 1_800_000_000_000
KEPT = (RetentionClass.TAX, RetentionClass.CONTRACT)


def canary(owner: str, retention: RetentionClass, fill: int = 0) -> bytes:
    return f"CANARY {retention.name} of {owner} CANARY ".encode() + b"." * fill


def part(owner: str, retention: RetentionClass, fill: int = 0) -> Part:
    return Part(retention=retention, salt=os.urandom(32), data=canary(owner, retention, fill))


def open_vault(folder: Path) -> Vault:
    return Vault.open(folder / "vault.db", folder / "vault.key")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    vault = open_vault(tmp_path)
    yield vault
    vault.close()


def every_byte(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def keys_of(vault: Vault, owner: str) -> dict[RetentionClass, tuple[bytes, bytes]]:
    """The wrapped and the raw key of each live class of an owner."""
    rows = vault._db.execute("SELECT class, key FROM vault_keys WHERE owner=? AND destroyed=0", (owner,))
    return {RetentionClass(each): (key, vault._unwrapped(key, owner, each)) for each, key in rows}


def refused_code(vault: Vault, commitment: bytes) -> int:
    with pytest.raises(Refusal) as refusal:
        vault.unseal(commitment)
    return refusal.value.number


def test_what_was_sealed_is_given_back_with_its_salt(vault: Vault) -> None:
    sealed = part("ann", RetentionClass.CONTRACT)
    commitment = vault.seal("ann", sealed, now_ms=NOW_MS)
    assert commitment == commit(sealed.salt, sealed.data)
    assert vault.unseal(commitment) == sealed.data
    assert vault.opening(commitment) == Opening(sealed.salt, sealed.data)


def test_sealed_parts_survive_a_restart(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    parts = [part("ann", retention) for retention in RetentionClass]
    commitments = vault.seal_all("ann", parts, now_ms=NOW_MS)
    vault.close()
    vault = open_vault(tmp_path)
    assert [vault.unseal(each) for each in commitments] == [each.data for each in parts]
    vault.close()


def test_a_commitment_nobody_sealed_is_unknown(vault: Vault) -> None:
    assert refused_code(vault, bytes(32)) == Code.UNKNOWN_ENTRY


def test_a_part_has_a_size(vault: Vault) -> None:
    largest = Part(retention=RetentionClass.TAX, salt=bytes(32), data=bytes(SEALED_BYTES_MAX))
    assert vault.unseal(vault.seal("ann", largest, now_ms=NOW_MS)) == largest.data
    for salt, size, code in ((32, SEALED_BYTES_MAX + 1, Code.TOO_LARGE), (31, 1, Code.BAD_FIELD)):
        wrong = Part(retention=RetentionClass.TAX, salt=bytes(salt), data=bytes(size))
        with pytest.raises(Refusal) as refusal:
            vault.seal("ann", wrong, now_ms=NOW_MS)
        assert refusal.value.number == code


def test_sealing_again_changes_nothing(vault: Vault) -> None:
    sealed = part("ann", RetentionClass.TAX)
    commitment = vault.seal("ann", sealed, now_ms=NOW_MS)
    assert vault.seal("ann", sealed, now_ms=NOW_MS + 1) == commitment
    assert vault._db.execute("SELECT count(*) FROM sealed").fetchone() == (1,)


def test_nobody_takes_over_what_another_owner_sealed(vault: Vault) -> None:
    sealed = part("ann", RetentionClass.TELEMETRY)
    commitment = vault.seal("ann", sealed, now_ms=NOW_MS)
    with pytest.raises(Refusal) as refusal:
        vault.seal("bob", sealed, now_ms=NOW_MS)
    assert refusal.value.number == Code.ALREADY_KNOWN
    vault.erase("bob", now_ms=NOW_MS)
    assert vault.unseal(commitment) == sealed.data


def test_the_parts_of_one_command_are_sealed_together_or_not_at_all(vault: Vault) -> None:
    known, new = part("ann", RetentionClass.TAX), part("bob", RetentionClass.TAX)
    vault.seal("ann", known, now_ms=NOW_MS)
    with pytest.raises(Refusal):
        vault.seal_all("bob", [new, known], now_ms=NOW_MS)
    assert refused_code(vault, commit(new.salt, new.data)) == Code.UNKNOWN_ENTRY


def test_nothing_sealed_is_on_the_disk_in_clear(tmp_path: Path, vault: Vault) -> None:
    parts = [part("ann", retention, fill=3_000) for retention in RetentionClass]
    vault.seal_all("ann", parts, now_ms=NOW_MS)
    on_disk = every_byte(tmp_path)
    for each in parts:
        assert b"CANARY" not in on_disk
        assert each.salt not in on_disk
    for wrapped, raw in keys_of(vault, "ann").values():
        assert wrapped in on_disk, "the search finds what is there"
        assert raw not in on_disk


def test_erasing_leaves_neither_key_nor_salt_nor_row_in_any_file(tmp_path: Path, vault: Vault) -> None:
    """Hundreds of owners in random order: pages of keys fill, split and are rewritten many times."""
    order = random.Random(7)
    owners = [f"tm:party:z{each:044d}" for each in range(300)]
    sealed: dict[tuple[str, RetentionClass], list[tuple[Part, bytes]]] = {}
    for owner in order.sample(owners * 2, 600):
        parts = [part(owner, retention, fill=order.randrange(300)) for retention in RetentionClass]
        for each, commitment in zip(parts, vault.seal_all(owner, parts, now_ms=NOW_MS), strict=True):
            sealed.setdefault((owner, each.retention), []).append((each, commitment))
    keys = {owner: keys_of(vault, owner) for owner in owners}
    gone: set[str] = set()
    for owner in order.sample(owners, 150):
        assert vault.erase(owner, now_ms=NOW_MS) == ERASED_AT_ONCE
        gone.add(owner)
    on_disk = every_byte(tmp_path)
    for (owner, retention), parts_of in sealed.items():
        wrapped, raw = keys[owner][retention]
        erased = owner in gone and retention in ERASED_AT_ONCE
        assert (wrapped in on_disk) != erased
        assert raw not in on_disk
        for each, commitment in parts_of:
            assert each.salt not in on_disk
            if erased:
                assert refused_code(vault, commitment) == Code.ERASED
            else:
                assert vault.unseal(commitment) == each.data


def test_erased_ciphertexts_are_overwritten_too(tmp_path: Path, vault: Vault) -> None:
    parts = [part("ann", RetentionClass.CONSENT, fill) for fill in (10, 900, 3_900)]
    commitments = vault.seal_all("ann", parts, now_ms=NOW_MS)
    ciphertexts = [row[0] for row in vault._db.execute("SELECT ciphertext FROM sealed")]
    assert all(each[:200] in every_byte(tmp_path) for each in ciphertexts)
    vault.erase("ann", now_ms=NOW_MS)
    on_disk = every_byte(tmp_path)
    pieces = [each[at : at + 64] for each in ciphertexts for at in range(0, len(each) - 64, 64)]
    assert not [piece for piece in pieces if piece in on_disk]
    assert {refused_code(vault, each) for each in commitments} == {Code.ERASED}


def test_erasing_twice_is_harmless_and_new_parts_get_a_new_key(vault: Vault) -> None:
    assert vault.repeat_erase("ann", now_ms=NOW_MS - 1) == (), "nothing was there to erase"
    before = part("ann", RetentionClass.CONSENT)
    erased = vault.seal("ann", before, now_ms=NOW_MS)
    old_key = keys_of(vault, "ann")[RetentionClass.CONSENT]
    assert vault.erase("ann", now_ms=NOW_MS) == (RetentionClass.CONSENT,)
    assert vault.erase("ann", now_ms=NOW_MS) == ()
    after = vault.seal("ann", part("ann", RetentionClass.CONSENT), now_ms=NOW_MS)
    assert keys_of(vault, "ann")[RetentionClass.CONSENT] != old_key
    assert vault.unseal(after) == canary("ann", RetentionClass.CONSENT)
    assert refused_code(vault, erased) == Code.ERASED
    assert vault.repeat_erase("ann", now_ms=NOW_MS) == (), "a restart spares what came after the wish"
    assert vault.unseal(after) == canary("ann", RetentionClass.CONSENT)
    assert vault.erase("ann", now_ms=NOW_MS) == (RetentionClass.CONSENT,), "a new wish is a new wish"
    assert refused_code(vault, after) == Code.ERASED
    with pytest.raises(Refusal) as refusal:
        vault.seal("ann", before, now_ms=NOW_MS)
    assert refusal.value.number == Code.ERASED, "a late retry does not bring back what was erased"


def test_rows_of_keys_are_overwritten_and_never_deleted(vault: Vault) -> None:
    """Deleting lets SQLite merge pages, which rarely, too rarely for a test, leaves copies of keys behind."""
    for owner in ("ann", "bob", "cat"):
        vault.seal_all(owner, [part(owner, each) for each in RetentionClass], now_ms=NOW_MS)
    vault.erase("bob", now_ms=NOW_MS)
    rows = vault._db.execute("SELECT id, destroyed, length(key) FROM vault_keys ORDER BY id").fetchall()
    assert rows == [(each, int(each in (7, 8)), 72) for each in range(1, 13)]


@pytest.mark.parametrize(
    ("retention", "duration_ms"),
    [(RetentionClass.CONTRACT, CONTRACT_RETENTION_MS), (RetentionClass.TAX, TAX_RETENTION_MS)],
)
def test_what_must_be_kept_is_destroyed_when_its_time_ends(
    tmp_path: Path, vault: Vault, retention: RetentionClass, duration_ms: int
) -> None:
    first = vault.seal("ann", part("ann", retention), now_ms=NOW_MS)
    second = vault.seal("ann", part("ann", retention), now_ms=NOW_MS + 500)
    silent = vault.seal("bob", part("bob", retention), now_ms=NOW_MS)
    wrapped, _ = keys_of(vault, "ann")[retention]
    assert not vault.release_retention("ann", retention, now_ms=NOW_MS + 2 * duration_ms), "nobody asked"
    vault.erase("ann", now_ms=NOW_MS + 1_000)
    assert vault.unseal(first)
    assert vault.expire(NOW_MS + 500 + duration_ms - 1) == []
    assert vault.unseal(first), "the newest part counts"
    assert vault.expire(NOW_MS + 500 + duration_ms) == [("ann", retention)]
    assert {refused_code(vault, each) for each in (first, second)} == {Code.ERASED}
    assert wrapped not in every_byte(tmp_path)
    assert vault.unseal(silent) == canary("bob", retention)
    assert vault.expire(NOW_MS + 500 + duration_ms) == []


def test_releasing_one_class_leaves_the_other(vault: Vault) -> None:
    commitments = {each: vault.seal("ann", part("ann", each), now_ms=NOW_MS) for each in KEPT}
    vault.erase("ann", now_ms=NOW_MS)
    later_ms = NOW_MS + CONTRACT_RETENTION_MS
    assert vault.release_retention("ann", RetentionClass.CONTRACT, now_ms=later_ms)
    assert not vault.release_retention("ann", RetentionClass.TAX, now_ms=later_ms)
    assert refused_code(vault, commitments[RetentionClass.CONTRACT]) == Code.ERASED
    assert vault.unseal(commitments[RetentionClass.TAX])


ERASE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from thingmarket_node.vault import Vault

folder, statement = Path(sys.argv[1]), int(sys.argv[2])
vault = Vault.open(folder / "vault.db", folder / "vault.key")
vault._db.execute("PRAGMA cache_size=1")  # changed pages reach the file long before the commit
seen = 0

def die(sql):
    global seen
    seen += 1
    if seen == statement:
        os.kill(os.getpid(), signal.SIGKILL)

vault._db.set_trace_callback(die)
vault.erase("ann", now_ms=1)
"""


def test_an_erasure_that_was_killed_anywhere_is_completed_by_repeating_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    left_half_done, died = 0, -1
    for statement in range(1, 40):
        folder = tmp_path / str(statement)
        folder.mkdir()
        vault = open_vault(folder)
        commitments = {}
        for owner in ("ann", "bob"):
            parts = [part(owner, each, fill) for each in RetentionClass for fill in range(0, 4_000, 500)]
            commitments[owner] = dict(zip(vault.seal_all(owner, parts, now_ms=NOW_MS), parts, strict=True))
        keys = keys_of(vault, "ann")
        vault.close()
        command = [sys.executable, "-c", ERASE_AND_DIE, str(folder), str(statement)]
        died = subprocess.run(command, env=environment).returncode
        journal = folder / "vault.db-journal"
        left_half_done += journal.exists() and journal.stat().st_size > 0
        vault = open_vault(folder)
        vault.erase("ann", now_ms=NOW_MS)
        on_disk = every_byte(folder)
        for retention in RetentionClass:
            assert (keys[retention][0] in on_disk) == (retention in KEPT)
        for owner, parts_of in commitments.items():
            for commitment, each in parts_of.items():
                if owner == "ann" and each.retention in ERASED_AT_ONCE:
                    assert refused_code(vault, commitment) == Code.ERASED
                else:
                    assert vault.unseal(commitment) == each.data
        vault.close()
        if died == 0:
            break
    assert died == 0, "every statement was a place to die"
    assert left_half_done > 0, "a half-done erasure was among them"


def test_the_files_are_readable_by_their_owner_alone(tmp_path: Path, vault: Vault) -> None:
    vault.seal("ann", part("ann", RetentionClass.TAX), now_ms=NOW_MS)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"vault.db": 0o600, "vault.db-journal": 0o600, "vault.key": 0o600}


def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_vault(tmp_path).close()
    (tmp_path / "vault.key").chmod(0o640)
    with pytest.raises(Refusal, match="has mode 640"):
        open_vault(tmp_path)


def test_the_file_alone_is_worth_nothing(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    vault.seal("ann", part("ann", RetentionClass.TAX), now_ms=NOW_MS)
    vault.close()
    key = tmp_path / "vault.key"
    whole = key.read_bytes()
    for wrong in (b"", whole[:31], whole + b"x", bytes(32), None):
        key.unlink() if wrong is None else key.write_bytes(wrong)
        with pytest.raises(Refusal) as refusal:
            open_vault(tmp_path)
        assert refusal.value.number == Code.TAMPERED
    assert not key.exists(), "a lost key is not replaced by another one"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sealed SET ciphertext=zeroblob(length(ciphertext))",
        "UPDATE sealed SET ciphertext=x'00'",
        "UPDATE sealed SET ciphertext=7",
        "UPDATE sealed SET ciphertext=(SELECT ciphertext FROM sealed WHERE id=2) WHERE id=1",
        "UPDATE sealed SET key_id=2 WHERE id=1",
        "UPDATE vault_keys SET key=(SELECT key FROM vault_keys WHERE id=2) WHERE id=1",
    ],
)
def test_changed_bytes_are_refused(tmp_path: Path, vault: Vault, change: str) -> None:
    commitment = vault.seal("ann", part("ann", RetentionClass.TAX), now_ms=NOW_MS)
    vault.seal("bob", part("bob", RetentionClass.TAX), now_ms=NOW_MS)
    with closing(sqlite3.connect(tmp_path / "vault.db", isolation_level=None)) as db:
        assert db.execute(change).rowcount > 0
    assert refused_code(vault, commitment) == Code.TAMPERED


def test_threads_share_a_vault(vault: Vault) -> None:
    def seal_and_unseal(each: int) -> bool:
        sealed = part(f"owner {each % 5}", RetentionClass.CONTRACT)
        return vault.unseal(vault.seal(f"owner {each % 5}", sealed, now_ms=NOW_MS)) == sealed.data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(seal_and_unseal, range(100)))
    assert vault._db.execute("SELECT count(*) FROM vault_keys").fetchone() == (5,)


def test_what_an_order_brought_that_came_to_nothing_is_forgotten_alone(vault: Vault, tmp_path: Path) -> None:
    # [COS-12]
    sealed = [part("anna", RetentionClass.CONTRACT, fill=2_000) for _ in range(3)]
    old, kept, gone = (vault.seal("anna", one, now_ms=NOW_MS + place) for place, one in enumerate(sealed))
    (row,) = vault._db.execute("SELECT ciphertext FROM sealed WHERE commitment=?", (gone,)).fetchall()
    assert row[0][:64] in every_byte(tmp_path)
    assert vault.forget([old, gone, b"n" * 32], since_ms=NOW_MS + 1) == 1, "the older one was another order's"
    assert vault.forget([gone], since_ms=0) == 0
    assert refused_code(vault, gone) == Code.ERASED
    assert [vault.unseal(name) for name in (old, kept)] == [one.data for one in sealed[:2]]
    assert row[0][:64] not in every_byte(tmp_path)
    with pytest.raises(Refusal) as refusal:
        vault.seal("anna", sealed[2], now_ms=NOW_MS + 9)
    assert refusal.value.number == Code.ERASED
