"""What a node says of itself, as its caller reads it."""

from dataclasses import dataclass

from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import DIGEST_BYTES, PartyId, checked_bytes
from thingmarket.v1 import audit_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """The node's own word on what it is doing; times in Unix milliseconds, `cpu_ms` of one core."""

    node: PartyId
    network_id: bytes
    durable_seq: int
    time_ms: int
    rules: int
    state_root: bytes
    effects_root: bytes
    sessions: int
    waiting: int
    parties: int
    offers: int
    contracts_open: int
    contracts: int
    started_ms: int
    version: str
    resident_bytes: int
    cpu_ms: int


def status_request() -> pb.GetStatusRequest:
    """Ask a node what it is doing."""
    return pb.GetStatusRequest()


def read_status(message: pb.GetStatusResponse) -> NodeStatus:
    """Read what a node says of itself (BAD_ID)."""
    return NodeStatus(
        node=checked_party_id(message.node),
        network_id=message.network_id,
        durable_seq=message.durable_seq,
        time_ms=message.time_ms,
        rules=message.rules,
        state_root=checked_bytes(message.state_root, DIGEST_BYTES, "state_root"),
        effects_root=checked_bytes(message.effects_root, DIGEST_BYTES, "effects_root"),
        sessions=message.sessions,
        waiting=message.waiting,
        parties=message.parties,
        offers=message.offers,
        contracts_open=message.contracts_open,
        contracts=message.contracts,
        started_ms=message.started_ms,
        version=message.version,
        resident_bytes=message.resident_bytes,
        cpu_ms=message.cpu_ms,
    )
