"""Envelopes, decisions, facts and refusals: messages to values and back."""

from typing import Final

from thingmarket.errors import Code, Refusal, code_name
from thingmarket.identity.envelope import Signature, Signed, TypeId
from thingmarket.limits import COMMAND_BYTES_MAX, SIGNATURES_MAX
from thingmarket.policy.decision import Decision, Fact
from thingmarket.v1 import envelope_pb2 as pb
from thingmarket.wire.strict import parse

_TYPE_IDS: Final = frozenset(map(int, TypeId))


def signed_value(message: pb.Signed) -> Signed:
    """Read an envelope; its payload stays the exact bytes (MALFORMED, WRONG_TYPE, TOO_LARGE)."""
    type_id, payload, signatures = message.type_id, message.payload, message.signatures
    if not 1 <= len(signatures) <= SIGNATURES_MAX:
        raise Refusal(Code.MALFORMED, f"an envelope has 1 to {SIGNATURES_MAX} signatures")
    if type_id not in _TYPE_IDS:
        raise Refusal(Code.WRONG_TYPE, f"unknown type id {type_id}")
    if len(payload) > COMMAND_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"payload has {len(payload)} bytes; at most {COMMAND_BYTES_MAX}")
    return Signed(type_id, payload, tuple(map(_signature, signatures)))


def _signature(message: pb.Signature) -> Signature:
    hint, signature = message.key_hint, message.signature
    if len(hint) != 8 or len(signature) != 64:
        raise Refusal(Code.MALFORMED, "a signature is 8 bytes of hint and 64 bytes")
    return Signature(hint, signature)


def signed_message(value: Signed) -> pb.Signed:
    """Write an envelope."""
    return pb.Signed(
        type_id=value.type_id,
        payload=value.payload,
        signatures=[pb.Signature(key_hint=s.key_hint, signature=s.signature) for s in value.signatures],
    )


def signed_bytes(value: Signed) -> bytes:
    """The one byte form of an envelope, as it stands in the log."""
    return signed_message(value).SerializeToString(deterministic=True)


def read_signed(data: bytes) -> Signed:
    """Read an envelope from its one byte form (MALFORMED, NOT_STRICT, TOO_LARGE)."""
    return signed_value(parse(pb.Signed, data, COMMAND_BYTES_MAX + 1024))


def fill_decision(message: pb.Decision, decision: Decision) -> None:
    """Write a decision where it stands: to make it apart and put it there costs a copy."""
    message.verdict = pb.Verdict.ValueType(decision.verdict)
    message.rules.extend(decision.rules)
    add = message.facts.add  # half the time of building a list of facts first
    for fact in decision.facts:
        if isinstance(fact.value, int):
            add(name=fact.name, integer=fact.value)
        else:
            add(name=fact.name, text=fact.value)


def fact_message(fact: Fact) -> pb.Fact:
    """Write a fact."""
    if isinstance(fact.value, int):
        return pb.Fact(name=fact.name, integer=fact.value)
    return pb.Fact(name=fact.name, text=fact.value)


def fact_value(message: pb.Fact) -> Fact:
    """Read one fact (BAD_FIELD)."""
    if not 1 <= len(message.name) <= 64 or len(message.text) > 128:
        raise Refusal(Code.BAD_FIELD, "a fact has a name of 1 to 64 and a text of at most 128 characters")
    kind = message.WhichOneof("value")
    if kind is None:
        raise Refusal(Code.BAD_FIELD, f"fact {message.name} has no value")
    return Fact(message.name, message.integer if kind == "integer" else message.text)


def fill_detail(message: pb.RefusalDetail, refusal: Refusal) -> None:
    """Write a refusal where it stands."""
    message.code, message.name = refusal.number, code_name(refusal.number)
    message.reason, message.rule = refusal.reason, refusal.rule
    message.retryable = refusal.retryable
