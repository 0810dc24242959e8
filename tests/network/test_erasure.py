"""Erasure through a real node: what was sealed is on no disk, and what was erased is gone. [PRI-1] [PRI-3]"""

import base64
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.network import node_process
from tests.network.canaries import files_below, found_in
from tests.network.raw_client import Answer, RawClient, Session, new_key
from tests.network.sealed_purchase import Sealed, sealed_purchase, send_sealed
from tests.network.small_market import SmallMarket
from thingmarket.contract.orders import Erase, RetentionClass
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.v1 import query_service_pb2
from thingmarket.wire.trade import erase_body
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.messages import Now
from thingmarket_node.home import Home, load_identity
from thingmarket_node.journal import Journal
from thingmarket_node.vault import ERASED_AT_ONCE, _decrypt, _key_label

UNSEAL = "/thingmarket.v1.QueryService/Unseal"
CANARIES = {kind: f"canary {kind.name}: Ada, 1 Sealed Street".encode() for kind in RetentionClass}
PATIENCE_S = 10.0


@pytest.fixture
def market(start_node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(node_process, "_PROGRAM", Path(__file__).with_name("run_snapshotting_node.py"))
    node = start_node()
    with RawClient(node) as client:
        yield SmallMarket.open(node, client)


def unseal(client: RawClient, who: Session, contract: bytes, part: Sealed) -> Answer:
    request = query_service_pb2.UnsealRequest(contract=contract, commitment=part.commitment)
    return client.call(UNSEAL, request, token=who.token)


def erase(client: RawClient, owner: Session) -> None:
    client.made(owner, TypeId.ERASE, erase_body(Erase(key=new_key())))


def data_of(answered: Answer) -> bytes:
    assert answered.code == 0, answered
    return query_service_pb2.UnsealResponse.FromString(answered.messages[0]).data


def keys_of(home: Path, owner: str) -> dict[str, bytes]:
    """The keys of an owner's sealed parts, wrapped as they stand in the file and unwrapped, by class."""
    master = (home / "vault.key").read_bytes()
    with closing(sqlite3.connect(f"file:{home / 'vault.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT class, key FROM vault_keys WHERE owner = ?", (owner,)).fetchall()
    found = {}
    for number, wrapped in rows:
        kind = RetentionClass(number)
        found[f"wrapped key {kind.name}"] = wrapped
        found[f"key {kind.name}"] = _decrypt(master, wrapped, _key_label(owner, kind))
    return found


def secrets_of(parts: tuple[Sealed, ...]) -> dict[str, bytes]:
    return {f"salt {part.retention.name}": part.salt for part in parts} | {
        f"text {part.retention.name}": part.data for part in parts
    }


def of_erased(secrets: dict[str, bytes]) -> dict[str, bytes]:
    names = {kind.name for kind in ERASED_AT_ONCE}
    return {name: secret for name, secret in secrets.items() if name.rpartition(" ")[2] in names}


def wait_until_erased(client: RawClient, who: Session, contract: bytes, part: Sealed) -> None:
    """The vault follows the log a moment later, and before that it still opens."""
    until = time.monotonic() + PATIENCE_S
    while (answered := unseal(client, who, contract, part)).code == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert answered.code == Code.ERASED, answered


def replayed(home: Path) -> tuple[int, bytes]:
    """Where a replay of the whole log ends; it compares every outcome on its way."""
    who = load_identity(Home(home))
    keys = NodeKeys(node=who.node, network_id=who.network_id, identity=who.identity, log=who.log)
    with closing(Journal.open(home / "journal.db", create=False, seal_key=who.seal_key)) as journal:
        core, _ = boot(keys, Now(0, 0), journal.read())
        assert journal.latest_snapshot() is not None, "there was a snapshot to look into"
    return core.durable_seq, core.state.state_root()


def test_what_was_sealed_is_on_no_disk_and_what_was_erased_is_gone(market: SmallMarket) -> None:
    client, home = market.client, market.node.home
    body, parts = sealed_purchase(market, CANARIES)
    contract = send_sealed(market, body, parts).submitted.reference
    by_kind = {part.retention: part for part in parts}

    for part in parts:  # before: both sides can open it, nobody else, and no file holds it
        assert data_of(unseal(client, market.shop, contract, part)) == CANARIES[part.retention]
        assert data_of(unseal(client, market.buyer, contract, part)) == CANARIES[part.retention]
        assert unseal(client, client.owner(), contract, part).code == Code.UNKNOWN_CONTRACT
    keys = keys_of(home, market.buyer.party)
    assert len(keys) == 2 * len(RetentionClass)
    unwrapped = {name: key for name, key in keys.items() if name.startswith("key ")}
    assert found_in(files_below(home), secrets_of(parts) | unwrapped) == []
    assert found_in(files_below(home), {"wrapped": keys["wrapped key CONSENT"]}) == ["wrapped in vault.db"]

    erase(client, market.buyer)
    for kind in ERASED_AT_ONCE:
        wait_until_erased(client, market.shop, contract, by_kind[kind])
        assert unseal(client, market.buyer, contract, by_kind[kind]).code == Code.ERASED
    gone = of_erased(secrets_of(parts) | keys)
    assert len(gone) == 4 * len(ERASED_AT_ONCE)
    assert found_in(files_below(home), gone | secrets_of(parts)) == []
    for kind in (RetentionClass.CONTRACT, RetentionClass.TAX):  # the law keeps these for a while
        assert data_of(unseal(client, market.shop, contract, by_kind[kind])) == CANARIES[kind]

    for _ in range(6):  # some more snapshots
        assert market.buy().code == 0
    assert send_sealed(market, body, parts).submitted.reference == contract, "asked again, told again"
    status = client.status()
    market.node.stop()
    assert found_in(files_below(home), gone | secrets_of(parts)) == []
    assert replayed(home) == (status.durable_seq, status.state_root)


def test_an_erasure_that_a_crash_interrupts_is_done_at_the_next_start(market: SmallMarket) -> None:
    node = market.node
    body, parts = sealed_purchase(market, CANARIES)
    contract = send_sealed(market, body, parts).submitted.reference
    keys = keys_of(node.home, market.buyer.party)
    erase(market.client, market.buyer)
    node.restart(kill=True)
    with RawClient(node) as client:
        shop = client.again(market.shop)
        for part in parts:
            if part.retention in ERASED_AT_ONCE:
                wait_until_erased(client, shop, contract, part)
    assert found_in(files_below(node.home), of_erased(secrets_of(parts) | keys)) == []


def test_a_look_for_canaries_finds_them(tmp_path: Path) -> None:
    secret = bytes(range(100, 132))
    for number, form in enumerate(
        (secret, secret.hex().encode(), *(base64.b64encode(bytes(n) + secret + b"tail") for n in range(3)))
    ):
        path = tmp_path / f"{number}"
        path.write_bytes(b"before " + form + b" after")
        assert found_in([path], {"it": secret}) == [f"it in {number}"]
    assert found_in([tmp_path / "0"], {"another": bytes(32)}) == []
