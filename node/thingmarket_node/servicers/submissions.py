"""What is submitted, and what is answered to it: the same messages in a call and in a stream."""

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.limits import SEALED_PARTS_MAX
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.wire.envelope import fill_decision, signed_value
from thingmarket.wire.receipts import fill_receipt
from thingmarket_node.core import messages as m


def read_submit(request: pb.SubmitRequest) -> tuple[Signed, tuple[m.SealedPart, ...]]:
    """The signed command and the sealed parts that it names (TOO_LARGE, MALFORMED, WRONG_TYPE)."""
    if len(request.sealed_parts) > SEALED_PARTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"a command has at most {SEALED_PARTS_MAX} sealed parts", "PRI-2")
    sealed = tuple(
        m.SealedPart(salt=part.salt, data=part.data, retention=part.retention)
        for part in request.sealed_parts
    )
    return signed_value(request.command), sealed


def fill_submitted(message: pb.SubmitResponse, done: m.Accepted) -> None:
    """Write a yes where it stands: to make it apart and put it there costs a copy."""
    message.reference = done.reference
    message.pending = done.pending
    message.statuses, message.events, message.events_cut = done.statuses, done.events, done.events_cut
    fill_receipt(message.receipt, done.receipt)
    if done.decision is not None:
        fill_decision(message.decision, done.decision)
