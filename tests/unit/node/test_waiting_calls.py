"""A node takes as many calls as may wait, and no more. [CMD-3]"""

from collections.abc import Callable
from hashlib import sha256
from itertools import count

import pytest

from tests.builders import BEGIN_MS
from thingmarket.errors import Code
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.ids import NetworkId
from thingmarket.market.entries import RULES_NOW
from thingmarket.wire.handshake import proof_payload, read_challenge
from thingmarket.wire.identity import key_event_payload
from thingmarket.wire.log import genesis_body
from thingmarket_node.core import core as core_module
from thingmarket_node.core import messages as m
from thingmarket_node.core.boot import boot, genesis_group
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core

NETWORK = NetworkId(b"network of calls")
NOW = m.Now(BEGIN_MS, 0)
IDENTITY, LOG, TLS, THING = (SigningKey.from_seed(sha256(name).digest()) for name in (b"i", b"l", b"t", b"d"))
DRAFT = KeyEvent(
    role=Role.NODE,
    network_id=NETWORK,
    identity_key=IDENTITY.public,
    log_key=LOG.public,
    tls_key=TLS.public,
    created_ms=BEGIN_MS,
    nonce=bytes(12),
    signed_bytes=b"",
)
EVENT = sign(TypeId.KEY_EVENT, key_event_payload(DRAFT), IDENTITY)
NODE = party_id(EVENT.payload)
THING_ID = did.encode(THING.public)


def begun() -> Core:
    first = genesis_body(
        network_id=NETWORK, node=EVENT, currencies=("EUR",), tax_basis_points=(("S", 1_900),), rules=RULES_NOW
    )
    keys = NodeKeys(node=NODE, network_id=NETWORK, identity=IDENTITY, log=LOG)
    return boot(keys, NOW, [genesis_group(first, NOW)])[0]


def test_a_call_too_many_is_refused_until_one_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_module, "WAITING_MAX", 1)
    core, calls = begun(), count(1)
    say = _caller(core, calls)
    challenge = say()
    assert isinstance(challenge, m.Reply) and isinstance(challenge.answer, Signed)
    hello = Hello(network_id=NETWORK, node=NODE, party=THING_ID, nonce=bytes(32))
    payload = challenge.answer.payload
    proof = answer(hello, read_challenge(payload), payload, plaintext=True)
    waits = next(calls)
    core.step(NOW, m.ShowProof(waits, sign(TypeId.PROOF, proof_payload(proof), THING), bytes(16), bytes(32)))
    assert core.waiting == 1
    refused = say()
    assert isinstance(refused, m.Refuse)
    assert (refused.refusal.number, refused.refusal.rule) == (Code.BUSY, "CMD-3")
    core.step(NOW, m.Verified(waits, True))
    assert isinstance(say(), m.Reply)


def _caller(core: Core, calls: "count[int]") -> Callable[[], m.Effect]:
    """Says hello, and gives back the one effect that answers it."""

    def say() -> m.Effect:
        number = next(calls)
        hello = Hello(network_id=NETWORK, node=NODE, party=THING_ID, nonce=bytes(32))
        said = core.step(NOW, m.SayHello(number, hello, number.to_bytes(32, "big")))
        (effect,) = (each for each in said if isinstance(each, m.Reply | m.Refuse) and each.call == number)
        return effect

    return say
