"""A device that has seen a log is not shown another one."""

from hashlib import sha256

import pytest

from tests.builders import NETWORK
from thingmarket.audit.merkle import Tree
from thingmarket.audit.notes import Checkpoint, log_origin, sign_checkpoint
from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.ids import NetworkId
from thingmarket.wire.handshake import node_card
from thingmarket.wire.identity import key_event_payload
from thingmarket_client.errors import Forked
from thingmarket_client.witness import Witness, remembered


def key(name: str) -> SigningKey:
    return SigningKey.from_seed(sha256(name.encode()).digest())


def card() -> NodeCard:
    event = KeyEvent(
        role=Role.NODE,
        network_id=NETWORK,
        identity_key=key("identity").public,
        log_key=key("log").public,
        tls_key=key("tls").public,
        created_ms=1_800_000_000_000,
        nonce=bytes(12),
        signed_bytes=b"",
    )
    signed = sign(TypeId.KEY_EVENT, key_event_payload(event), key("identity"))
    return node_card(address="127.0.0.1:1", plaintext=True, signed_key_event=signed)


CARD = card()


def tree(size: int, branch: bytes = b"") -> Tree:
    grown = Tree()
    for number in range(size):
        grown.append(sha256(branch + bytes([number])).digest())
    return grown


def note(log: Tree, size: int | None = None, signer: str = "log") -> bytes:
    size = log.size if size is None else size
    origin = log_origin(NetworkId(NETWORK), CARD.node_id)
    return sign_checkpoint(Checkpoint(origin, size, log.root(size)), key(signer))


def receipt(log: Tree, seq: int) -> Receipt:
    return Receipt(
        seq=seq,
        time_ms=1,
        leaf_hash=log.leaf(seq - 1),
        tree_size=log.size,
        proof=log.inclusion(seq - 1, log.size),
        checkpoint=note(log),
    )


def test_the_newest_checkpoint_is_remembered() -> None:
    witness = Witness(CARD)
    witness.receipt(receipt(tree(5), 2), 0)
    witness.receipt(receipt(tree(3), 1), 0)  # it was overtaken on the way
    assert (witness.size, witness.note) == (5, note(tree(5)))


def test_a_log_that_shrank_since_the_question_was_asked_is_a_fork() -> None:  # [LOG-10]
    witness = Witness(CARD, note(tree(5)))
    with pytest.raises(Forked, match="shrank from 5 to 3") as caught:
        witness.observe(note(tree(3)), floor=5)
    assert (caught.value.ours, caught.value.theirs) == (note(tree(5)), note(tree(3)))
    assert caught.value.number == Code.TAMPERED


def test_two_logs_of_one_size_are_a_fork() -> None:
    witness = Witness(CARD, note(tree(5)))
    with pytest.raises(Forked, match="two different logs of 5"):
        witness.observe(note(tree(5, b"other")), floor=0)


def test_growth_is_proven_from_the_last_proven_checkpoint() -> None:
    witness, log = Witness(CARD, note(tree(5))), tree(9)
    witness.observe(note(log), 5)
    assert witness.sizes() == (5, 9)
    witness.grown(note(log), log.consistency(5, 9))
    assert witness.sizes() == (9, 9)


def test_a_log_that_was_rewritten_is_a_fork() -> None:
    witness, log = Witness(CARD, note(tree(5))), tree(9, b"other")
    witness.observe(note(log), 5)
    with pytest.raises(Forked, match="rewrote"):
        witness.grown(note(log), log.consistency(5, 9))


def test_a_receipt_that_proves_nothing_is_refused() -> None:
    log = tree(5)
    good = receipt(log, 2)
    for bad in (
        Receipt(**{**fields(good), "leaf_hash": bytes(32)}),
        Receipt(**{**fields(good), "seq": 3}),
        Receipt(**{**fields(good), "checkpoint": note(log, signer="another")}),
    ):
        with pytest.raises(Refusal) as caught:
            Witness(CARD).receipt(bad, 0)
        assert caught.value.number in (Code.TAMPERED, Code.BAD_SIGNATURE)


def test_a_checkpoint_of_another_node_is_not_gone_on_from() -> None:
    assert remembered(CARD, note(tree(5), signer="another")).size == 0
    assert remembered(CARD, note(tree(5))).size == 5


def fields(value: Receipt) -> dict:
    return {name: getattr(value, name) for name in Receipt.__slots__}
