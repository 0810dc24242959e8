"""Signed commands: exact bytes to a value with its body, and back. [ID-9]"""

from collections.abc import Callable
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import KEY_BYTES, Key, checked_bytes, digest
from thingmarket.limits import COMMAND_BYTES_MAX, SIGNATURES_MAX
from thingmarket.market.entries import Command
from thingmarket.v1 import envelope_pb2 as pb
from thingmarket.wire import catalog, identity, trade
from thingmarket.wire.envelope import signed_bytes, signed_message, signed_value
from thingmarket.wire.handshake import header_message, read_header
from thingmarket.wire.strict import parse

READERS: Final[dict[TypeId, Callable[[bytes], Any]]] = {
    TypeId.ADMIT_PARTY: identity.read_admit_party,
    TypeId.PRESENT_MANDATE: identity.read_present_mandate,
    TypeId.REVOKE: identity.read_revoke,
    TypeId.PUBLISH_OFFER: catalog.read_publish_offer,
    TypeId.WITHDRAW_OFFER: catalog.read_withdraw_offer,
    TypeId.ANNOUNCE_NEED: catalog.read_announce_need,
    TypeId.WITHDRAW_NEED: catalog.read_withdraw_need,
    TypeId.PURCHASE: trade.read_purchase,
    TypeId.FULFIL: trade.read_fulfil,
    TypeId.ACCEPT_DELIVERY: trade.read_accept_delivery,
    TypeId.DEPOSIT: trade.read_deposit,
    TypeId.ERASE: trade.read_erase,
    TypeId.FUND_REQUEST: trade.read_fund_request,
}


def read_command(signed: Signed) -> Command:
    """Read a signed command strictly, header to body; its signatures are verified apart."""
    if signed.type_id not in READERS:
        raise Refusal(Code.WRONG_TYPE, f"type {signed.type_id} is no command")
    type_id = TypeId(signed.type_id)
    message = parse(pb.Command, signed.payload, COMMAND_BYTES_MAX)
    if not message.HasField("header"):
        raise Refusal(Code.MALFORMED, "a command has a header")
    if len(message.approvals) > SIGNATURES_MAX:
        raise Refusal(Code.TOO_LARGE, f"a command carries at most {SIGNATURES_MAX} approvals")
    body = READERS[type_id](message.body)
    approvals = tuple(_approval(signed_value(one)) for one in message.approvals)
    exact = signed_bytes(signed)
    return Command(
        type_id=type_id,
        header=read_header(message.header),
        body=body,
        key=Key(checked_bytes(body.key, KEY_BYTES, "key")),
        body_digest=digest(message.body),
        approvals=tuple((identity.read_approval(one.payload), one) for one in approvals),
        signed=signed,
        signed_digest=digest(exact),
        signed_bytes=exact,
    )


def _approval(signed: Signed) -> Signed:
    if signed.type_id != TypeId.APPROVAL:
        raise Refusal(Code.WRONG_TYPE, f"type {signed.type_id} is no approval")
    return signed


def sign_command(
    type_id: TypeId, header: Header, body: bytes, key: SigningKey, approvals: tuple[Signed, ...] = ()
) -> Signed:
    """Bind a stored body to a session and sign it; a retry does so again with the same body."""
    command = pb.Command(
        header=header_message(header), body=body, approvals=[signed_message(one) for one in approvals]
    )
    return sign(type_id, command.SerializeToString(deterministic=True), key)
