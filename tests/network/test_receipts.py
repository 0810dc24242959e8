"""Receipts of a real node: each proves its own entry, and the log only grows. [LOG-8] [LOG-9]"""

from dataclasses import replace

import pytest

from tests.network.raw_client import Answer, RawClient
from tests.network.small_market import SmallMarket
from thingmarket.audit.merkle import leaf_hash, verify_consistency
from thingmarket.audit.notes import Checkpoint, NoteKey, log_origin, open_checkpoint
from thingmarket.audit.receipts import Receipt, check_receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.market.entries import EntryKind
from thingmarket.v1 import audit_service_pb2
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.receipts import receipt_value
from thingmarket.wire.signing import entry_bytes

CHECKPOINT = "/thingmarket.v1.AuditService/GetCheckpoint"
CONSISTENCY = "/thingmarket.v1.AuditService/ProveConsistency"
ROUNDS = 3


def vkey_of(market: SmallMarket) -> str:
    event = market.node.card.key_event
    return NoteKey(log_origin(market.node.network_id, market.node.node_id), event.log_key).vkey


def receipt_of(answered: Answer) -> Receipt:
    """A yes and a logged no carry one alike."""
    if answered.detail is not None:
        return receipt_value(answered.detail.receipt)
    return receipt_value(answered.submitted.receipt)


def checkpoint(client: RawClient, vkey: str) -> Checkpoint:
    answered = client.call(CHECKPOINT, b"")
    note = audit_service_pb2.GetCheckpointResponse.FromString(answered.messages[0]).checkpoint
    return open_checkpoint(note, vkey)


def test_every_command_gets_a_receipt_that_proves_exactly_its_entry(start_node) -> None:
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        vkey = vkey_of(market)
        bodies = {
            "a yes": (TypeId.PURCHASE, market.purchase()),
            "a logged no": (TypeId.PURCHASE, market.purchase(total_minor=1)),
            "another yes": (TypeId.PURCHASE, market.purchase(quantity_steps=2, total_minor=2_380)),
        }
        receipts = []
        for name, (type_id, body) in bodies.items():
            command = client.command(market.printer, type_id, body)
            answered = client.submit(market.printer, command)
            assert (answered.code == 0) is ("yes" in name), answered
            receipt = receipt_of(answered)
            check_receipt(receipt, vkey)
            entry = entry_bytes(
                seq=receipt.seq,
                time_ms=receipt.time_ms,
                kind=EntryKind.COMMAND,
                body=signed_bytes(command),
            )
            assert receipt.leaf_hash == leaf_hash(entry), "it is of the very bytes that were signed"
            assert receipt_of(client.submit(market.printer, command)).leaf_hash == receipt.leaf_hash
            receipts.append(receipt)
        assert_nothing_else_is_proven(receipts, vkey)


def assert_nothing_else_is_proven(receipts: list[Receipt], vkey: str) -> None:
    """A receipt in which anything was changed is worth nothing."""
    mine, other = receipts[-1], receipts[0]
    flipped = bytes((mine.leaf_hash[0] ^ 1,)) + mine.leaf_hash[1:]
    note = mine.checkpoint
    changed = {
        "leaf": replace(mine, leaf_hash=flipped),
        "leaf of another": replace(mine, leaf_hash=other.leaf_hash),
        "seq": replace(mine, seq=mine.seq - 1),
        "size": replace(mine, tree_size=mine.tree_size + 1),
        "proof": replace(mine, proof=mine.proof[:-1]),
        "checkpoint": replace(mine, checkpoint=other.checkpoint),
        "signature": replace(mine, checkpoint=note[:-4] + bytes((note[-4] ^ 1,)) + note[-3:]),
    }
    for what, receipt in changed.items():
        with pytest.raises(Refusal) as told:
            check_receipt(receipt, vkey)
        assert told.value.number in (Code.TAMPERED, Code.BAD_SIGNATURE, Code.MALFORMED), what


def test_the_log_only_grows_through_restarts_too(start_node) -> None:
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        vkey = vkey_of(market)
    seen: list[Checkpoint] = []
    for number in range(ROUNDS):
        with RawClient(node) as client:
            printer = client.again(market.printer)
            for _ in range(5):
                answered = client.send(printer, TypeId.PURCHASE, market.purchase())
                seen.append(open_checkpoint(receipt_of(answered).checkpoint, vkey))
            seen.append(checkpoint(client, vkey))
            for old in seen:
                request = audit_service_pb2.ProveConsistencyRequest(size1=old.size, size2=seen[-1].size)
                proof = audit_service_pb2.ProveConsistencyResponse.FromString(
                    client.call(CONSISTENCY, request).messages[0]
                ).proof
                assert verify_consistency(old.size, seen[-1].size, old.root, seen[-1].root, list(proof))
                if proof:
                    assert not verify_consistency(old.size, seen[-1].size, old.root, bytes(32), list(proof))
        node.restart(kill=number % 2 == 0)
    assert [one.size for one in seen] == sorted(one.size for one in seen)
    with RawClient(node) as client:
        assert checkpoint(client, vkey) == seen[-1], "a restart adds nothing and takes nothing away"
