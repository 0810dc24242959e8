"""Signed commands: exact bytes to a value with its body, and back. [ID-9]"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.headers import Header
from thingmarket.ids import KEY_BYTES, Digest, Key, checked_bytes, digest
from thingmarket.limits import COMMAND_BYTES_MAX, SIGNATURES_MAX
from thingmarket.market.entries import Command
from thingmarket.v1 import envelope_pb2 as pb
from thingmarket.wire import (
    approvals,
    billing,
    cancelling,
    catalog,
    identity,
    orders,
    standing,
    things,
    trade,
    trust,
)
from thingmarket.wire.envelope import signed_bytes, signed_value
from thingmarket.wire.handshake import read_header
from thingmarket.wire.strict import parse

READERS: Final[dict[TypeId, Callable[[bytes], Any]]] = {
    TypeId.ADMIT_PARTY: identity.read_admit_party,
    TypeId.PRESENT_MANDATE: identity.read_present_mandate,
    TypeId.REVOKE: identity.read_revoke,
    TypeId.PUBLISH_OFFER: catalog.read_publish_offer,
    TypeId.WITHDRAW_OFFER: catalog.read_withdraw_offer,
    TypeId.ANNOUNCE_NEED: catalog.read_announce_need,
    TypeId.WITHDRAW_NEED: catalog.read_withdraw_need,
    TypeId.ASK_FACTS: catalog.read_ask_facts,
    TypeId.ANSWER_FACTS: catalog.read_answer_facts,
    TypeId.PURCHASE: trade.read_purchase,
    TypeId.FULFIL: trade.read_fulfil,
    TypeId.ACCEPT_DELIVERY: trade.read_accept_delivery,
    TypeId.CANCEL: cancelling.read_cancel,
    TypeId.OPEN_STANDING_ORDER: standing.read_open_standing_order,
    TypeId.END_STANDING_ORDER: standing.read_end_standing_order,
    TypeId.DEPOSIT: trade.read_deposit,
    TypeId.ERASE: trade.read_erase,
    TypeId.FUND_REQUEST: trade.read_fund_request,
    TypeId.REFUND: billing.read_refund,
    TypeId.PUBLISH_RATE: billing.read_publish_rate,
    TypeId.CONVERT: billing.read_convert,
    TypeId.OPEN_PROGRAMME: billing.read_open_programme,
    TypeId.REGISTER_DEVICE: things.read_register_device,
    TypeId.CLAIM_THING: things.read_claim_thing,
    TypeId.REGISTER_THING: things.read_register_thing,
    TypeId.SET_THING_STATE: things.read_set_thing_state,
    TypeId.SET_GUARDS: things.read_set_guards,
    TypeId.REPORT_MALFUNCTION: things.read_report_malfunction,
    TypeId.APPROVE: approvals.read_approve,
    TypeId.AGREE_TO_COSIGN: approvals.read_agree_to_cosign,
    TypeId.SET_PERSONA: approvals.read_set_persona,
    TypeId.LOWER_AUTONOMY: trust.read_lower_autonomy,
    TypeId.PROPOSE_CHOICE: trust.read_propose_choice,
    TypeId.GIVE_FEEDBACK: trust.read_give_feedback,
    TypeId.ASK_FEEDBACK: trust.read_ask_feedback,
    TypeId.OPEN_MARKET: orders.read_open_market,
    TypeId.SET_MARKET_STATE: orders.read_set_market_state,
    TypeId.DECLARE_GOODS: orders.read_declare_goods,
    TypeId.WITHDRAW_GOODS: orders.read_withdraw_goods,
    TypeId.PLACE_ORDERS: orders.read_place_orders,
}
_KEY_TAG: Final = b"\x0a\x10"  # field 1, 16 bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A signed command whose header was read; its body, which may be dear to read, was not yet. [CMD-1]"""

    type_id: TypeId
    header: Header
    signed: Signed
    signed_bytes: bytes
    signed_digest: Digest
    _message: pb.Command

    @property
    def key(self) -> Key:
        """The key that every body begins with, or any bytes when the body is none."""
        return Key(self._message.body[len(_KEY_TAG) : len(_KEY_TAG) + KEY_BYTES])

    def read(self) -> Command:
        """Read the body and the approvals strictly."""
        message = self._message
        if len(message.approvals) > SIGNATURES_MAX:
            raise Refusal(Code.TOO_LARGE, f"a command carries at most {SIGNATURES_MAX} approvals")
        body = READERS[self.type_id](message.body)
        approvals = tuple(_approval(signed_value(one)) for one in message.approvals)
        return Command(
            type_id=self.type_id,
            header=self.header,
            body=body,
            key=Key(checked_bytes(body.key, KEY_BYTES, "key")),
            body_digest=digest(message.body),
            approvals=tuple((identity.read_approval(one.payload), one) for one in approvals),
            signed=self.signed,
            signed_digest=self.signed_digest,
            signed_bytes=self.signed_bytes,
        )


def open_command(signed: Signed) -> Opened:
    """Read a signed command strictly, as far as its header."""
    if signed.type_id not in READERS:
        raise Refusal(Code.WRONG_TYPE, f"type {signed.type_id} is no command")
    message = parse(pb.Command, signed.payload, COMMAND_BYTES_MAX)
    if not message.HasField("header"):
        raise Refusal(Code.MALFORMED, "a command has a header")
    exact = signed_bytes(signed)
    return Opened(TypeId(signed.type_id), read_header(message.header), signed, exact, digest(exact), message)


def read_command(signed: Signed) -> Command:
    """Read a signed command strictly, header to body; its signatures are verified apart."""
    return open_command(signed).read()


def _approval(signed: Signed) -> Signed:
    if signed.type_id != TypeId.APPROVAL:
        raise Refusal(Code.WRONG_TYPE, f"type {signed.type_id} is no approval")
    return signed
