"""`bench verify`: what the gate does to a signed purchase, against bare libsodium on the same bytes."""

import time
from collections.abc import Callable
from hashlib import sha256
from statistics import median
from typing import Any, Final

import nacl.bindings

from thingmarket.contract.orders import Purchase
from thingmarket.identity import did, keys
from thingmarket.identity.envelope import TypeId, signed_over
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import PartyId, make_key
from thingmarket.limits import COMMAND_BYTES_MAX, TIME_MIN_MS
from thingmarket.time import UnixMs
from thingmarket.v1 import envelope_pb2, trade_pb2
from thingmarket.wire import trade
from thingmarket.wire.envelope import signed_bytes, signed_value
from thingmarket.wire.signing import sign_command
from thingmarket.wire.strict import parse

COMMANDS: Final = 256
ROUNDS_MIN: Final = 5


def measure(seconds: float = 2.0) -> dict[str, Any]:
    """Alternate rounds of the gate's work and of bare verification for about `seconds`; medians."""
    key = SigningKey.from_seed(sha256(b"bench verify").digest())
    envelopes = [_envelope(key, number) for number in range(COMMANDS)]
    bare = [_bare(envelope) for envelope in envelopes]
    gate_rates: list[float] = []
    bare_rates: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(gate_rates) < ROUNDS_MIN or time.perf_counter() < end_s:
        gate_rates.append(_rate(lambda: [_gate(data, key.public) for data in envelopes]))
        bare_rates.append(_rate(lambda: [nacl.bindings.crypto_sign_open(data, key.public) for data in bare]))
    return {
        "figures": {"verifications_per_s": round(median(gate_rates))},
        "references": {"bare_verifications_per_s": round(median(bare_rates))},
        "ratios": {"gate_to_bare": round(median(gate_rates) / median(bare_rates), 3)},
    }


def _rate(work: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    work()
    return COMMANDS / (time.perf_counter() - begin_s)


def _gate(data: bytes, public_key: bytes) -> bool:
    """Envelope parse, strict parse of header and body, pre-authentication encoding, verification."""
    signed = signed_value(envelope_pb2.Signed.FromString(data))
    command = parse(envelope_pb2.Command, signed.payload, COMMAND_BYTES_MAX)
    parse(trade_pb2.Purchase, command.body, COMMAND_BYTES_MAX)
    message = signed_over(signed.type_id, signed.payload)
    return keys.verify(public_key, message, signed.signatures[0].signature)


def _bare(data: bytes) -> bytes:
    """What libsodium takes: the signature, then the signed bytes."""
    signed = signed_value(envelope_pb2.Signed.FromString(data))
    return signed.signatures[0].signature + signed_over(signed.type_id, signed.payload)


def _envelope(key: SigningKey, number: int) -> bytes:
    now_ms = UnixMs(TIME_MIN_MS + number)
    header = Header(
        network_id=bytes(16),
        audience=PartyId("tm:party:" + "z" * 47),
        sender=did.encode(key.public),
        mandate_leaf=bytes(32),
        session=bytes(16),
        sequence=number + 1,
        created_ms=now_ms,
        expires_ms=now_ms + 1_000,
        nonce=number.to_bytes(12, "big"),
    )
    purchase = Purchase(
        key=make_key(now_ms, sha256(b"%d" % number).digest()),
        offer=bytes(32),
        quantity_steps=1,
        currency="EUR",
        total_minor=1_190,
    )
    return signed_bytes(sign_command(TypeId.PURCHASE, header, trade.purchase_body(purchase), key))
