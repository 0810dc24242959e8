"""Commands as their senders sign them, and the bytes of the log entries that they become. [ID-9, LOG-1]"""

from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.limits import ENTRY_BYTES_MAX
from thingmarket.market.entries import EntryKind
from thingmarket.v1 import envelope_pb2, log_pb2
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.handshake import header_message


def sign_command(
    type_id: TypeId, header: Header, body: bytes, key: SigningKey, approvals: tuple[Signed, ...] = ()
) -> Signed:
    """Bind a stored body to a session and sign it; a retry does so again with the same body."""
    command = envelope_pb2.Command(
        header=header_message(header), body=body, approvals=[signed_message(one) for one in approvals]
    )
    return sign(type_id, command.SerializeToString(deterministic=True), key)


def entry_bytes(*, seq: int, time_ms: int, kind: EntryKind, body: bytes) -> bytes:
    """Write an entry; these are the bytes that the tree hashes."""
    message = log_pb2.LogEntry(seq=seq, time_ms=time_ms, kind=log_pb2.EntryKind.ValueType(kind), body=body)
    data = message.SerializeToString(deterministic=True)
    assert len(data) <= ENTRY_BYTES_MAX, "the gate admits no command that an entry cannot hold"
    return data
