"""Handshake, submit and audit as the caller sees them: requests from values, responses to values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.ids import checked_bytes
from thingmarket.limits import REASON_CHARS_MAX
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.v1 import audit_service_pb2, envelope_pb2, market_service_pb2, session_service_pb2, trade_pb2
from thingmarket.wire.envelope import fact_value, signed_message, signed_value
from thingmarket.wire.receipts import receipt_value
from thingmarket.wire.refusals import read_refusal_status
from thingmarket.wire.strict import member

SESSION_BYTES = 16
TOKEN_BYTES = 32
_RULES_MAX = 48  # all rules of a purchase with all guards are 35
_FACTS_MAX = 128  # and their facts, with who approved, about 90
_CONSISTENCY_HASHES_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A session as its party holds it: public id, secret token, end in Unix milliseconds."""

    session: bytes
    token: bytes = field(repr=False)
    expires_ms: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The durable yes to a command; `pending` when the reference is an order that waits for an approval.

    `statuses` and `events` are those of a frame of orders, packed. [MKT-7] [MKT-13]
    """

    reference: bytes
    receipt: Receipt
    decision: Decision | None
    pending: bool = False
    statuses: bytes = b""
    events: bytes = b""
    events_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal as it arrived; `receipt` proves that it is in the log, and is yet to be checked."""

    number: int
    reason: str
    rule: str
    receipt: Receipt | None
    decision: Decision | None


def read_hello_response(message: session_service_pb2.HelloResponse) -> Signed:
    """Take the signed challenge out (MALFORMED, WRONG_TYPE); who signed it is asked elsewhere."""
    challenge = signed_value(message.challenge)
    if challenge.type_id != TypeId.CHALLENGE:
        raise Refusal(Code.WRONG_TYPE, "a hello is answered with a challenge", "SES-1")
    return challenge


def prove_request(proof: Signed) -> session_service_pb2.ProveRequest:
    """Carry a signed proof."""
    return session_service_pb2.ProveRequest(proof=signed_message(proof))


def read_prove_response(message: session_service_pb2.ProveResponse) -> Granted:
    """Read a session (BAD_ID)."""
    return Granted(
        session=checked_bytes(message.session, SESSION_BYTES, "session"),
        token=checked_bytes(message.token, TOKEN_BYTES, "token"),
        expires_ms=message.expires_ms,
        known=message.known,
    )


def submit_request(
    command: Signed, sealed: Sequence[tuple[bytes, bytes, int]] = ()
) -> market_service_pb2.SubmitRequest:
    """Carry a signed command and its sealed parts, each as (salt, data, retention class)."""
    parts = [
        market_service_pb2.SealedPart(
            salt=salt, data=data, retention=trade_pb2.RetentionClass.ValueType(kind)
        )
        for salt, data, kind in sealed
    ]
    return market_service_pb2.SubmitRequest(command=signed_message(command), sealed_parts=parts)


def read_submit_response(message: market_service_pb2.SubmitResponse) -> Submitted:
    """Read a yes; its receipt is yet to be checked."""
    if not message.HasField("receipt"):
        raise Refusal(Code.MALFORMED, "a yes carries a receipt", "CMD-2")
    decision = decision_value(message.decision) if message.HasField("decision") else None
    return Submitted(
        reference=message.reference,
        receipt=receipt_value(message.receipt),
        decision=decision,
        pending=message.pending,
        statuses=message.statuses,
        events=message.events,
        events_cut=message.events_cut,
    )


def decision_value(message: envelope_pb2.Decision) -> Decision:
    """Read a decision with its reasons (BAD_FIELD, TOO_LARGE)."""
    if len(message.rules) > _RULES_MAX or len(message.facts) > _FACTS_MAX:
        raise Refusal(
            Code.TOO_LARGE, f"a decision has at most {_RULES_MAX} rules and {_FACTS_MAX} facts", "POL-1"
        )
    facts = tuple(fact_value(fact) for fact in message.facts)
    return Decision(member(Verdict, message.verdict, "verdict"), tuple(message.rules), facts)


def stream_message(
    attachments: Sequence[tuple[int, bytes]],
    commands: Sequence[tuple[int, int, market_service_pb2.SubmitRequest]],
) -> market_service_pb2.SubmitStreamRequest:
    """Put sessions, as (number, token), and commands, as (call, session, request), into one message."""
    message = market_service_pb2.SubmitStreamRequest()
    for number, token in attachments:
        message.attachments.add(session=number, token=token)
    for call, session, request in commands:
        message.commands.add(call=call, session=session, request=request)
    return message


def read_streamed_answer(message: market_service_pb2.StreamedAnswer) -> Submitted | Told:
    """Read a yes or a no; their receipts are yet to be checked (MALFORMED)."""
    if message.HasField("done"):
        return read_submit_response(message.done)
    if message.HasField("refusal") and message.refusal.code > 0:
        return _told(message.refusal)
    raise Refusal(Code.MALFORMED, "an answer is a yes or a no", "CMD-6")


def read_refusal(status: bytes) -> Told | None:
    """Read a refusal from `grpc-status-details-bin`; None when the bytes hold none."""
    detail = read_refusal_status(status)
    return None if detail is None or detail.code <= 0 else _told(detail)


def _told(detail: envelope_pb2.RefusalDetail) -> Told:
    return Told(
        number=detail.code,
        reason=_shown(detail.reason),
        rule=_shown(detail.rule),
        receipt=receipt_value(detail.receipt) if detail.HasField("receipt") else None,
        decision=decision_value(detail.decision) if detail.HasField("decision") else None,
    )


def _shown(text: str) -> str:
    """What a node says in words ends on somebody's terminal, which must take no orders from it."""
    return "".join(char if char.isprintable() else "?" for char in text[:REASON_CHARS_MAX])


def checkpoint_request() -> audit_service_pb2.GetCheckpointRequest:
    """Ask for the newest checkpoint."""
    return audit_service_pb2.GetCheckpointRequest()


def consistency_request(size1: int, size2: int) -> audit_service_pb2.ProveConsistencyRequest:
    """Ask for the proof that one tree is the beginning of another."""
    return audit_service_pb2.ProveConsistencyRequest(size1=size1, size2=size2)


def read_consistency(message: audit_service_pb2.ProveConsistencyResponse) -> tuple[bytes, ...]:
    """Read a consistency proof (TOO_LARGE)."""
    if len(message.proof) > _CONSISTENCY_HASHES_MAX:
        raise Refusal(Code.TOO_LARGE, "a consistency proof has at most 64 hashes", "LOG-10")
    return tuple(message.proof)
