"""Refusals as gRPC statuses with a typed detail, and back. [ERR-1]"""

from typing import Final

from google.protobuf.message import DecodeError

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.policy.decision import Decision
from thingmarket.v1 import envelope_pb2 as pb
from thingmarket.wire.envelope import fill_decision, fill_detail, signed_message
from thingmarket.wire.receipts import fill_receipt

DETAILS_KEY: Final = "grpc-status-details-bin"
"""Metadata key where gRPC tools look for a google.rpc.Status."""

GRPC_NUMBERS: Final = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "OUT_OF_RANGE": 11,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
    "UNAUTHENTICATED": 16,
}


def refusal_status(
    refusal: Refusal,
    *,
    receipt: Receipt | None = None,
    decision: Decision | None = None,
    node_time: Signed | None = None,
) -> pb.RichStatus:
    """Write a refusal, with what proves and explains it."""
    detail = pb.RefusalDetail()
    fill_refusal(detail, refusal, receipt=receipt, decision=decision, node_time=node_time)
    status = pb.RichStatus(code=GRPC_NUMBERS[refusal.grpc_status], message=str(refusal))
    status.details.add().Pack(detail)
    return status


def fill_refusal(
    detail: pb.RefusalDetail,
    refusal: Refusal,
    *,
    receipt: Receipt | None = None,
    decision: Decision | None = None,
    node_time: Signed | None = None,
) -> None:
    """Write a refusal where it stands, with what proves and explains it."""
    fill_detail(detail, refusal)
    if receipt is not None:
        fill_receipt(detail.receipt, receipt)
    if decision is not None:
        fill_decision(detail.decision, decision)
    if node_time is not None:
        detail.node_time.CopyFrom(signed_message(node_time))


def read_refusal_status(data: bytes) -> pb.RefusalDetail | None:
    """The typed detail of a status; None when there is none that can be read."""
    status, detail = pb.RichStatus(), pb.RefusalDetail()
    try:
        status.ParseFromString(data)
        found = any(one.Unpack(detail) for one in status.details)
    except DecodeError:
        return None
    return detail if found else None
