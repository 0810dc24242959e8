"""Every integer of every signed body at its edges: what is out of range is refused and changes nothing.

The fields are found in the message descriptors, so a new one is tried the day that it is added. [ID-6]
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.network.market_bodies import renumbered
from tests.network.raw_client import Answer, Session, new_key, now_ms
from tests.network.small_market import SmallMarket
from tests.network.whole_bodies import MAKERS
from tests.support.wire_bytes import ENUM, INTEGERS, places
from thingmarket.errors import Code
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import LIMIT_FIELDS, Mandate, SpendingLimit
from thingmarket.limits import HOUR_MS
from thingmarket.v1 import identity_pb2
from thingmarket.wire import identity
from thingmarket.wire.commands import READERS
from thingmarket_node.home import Home, load_identity

EDGES = {"-1": -1, "0": 0, "2^53": 2**53, "2^63-1": 2**63 - 1, "-2^63": -(2**63), "2^64-1": 2**64 - 1}
# Facts and attributes are any whole number up to 2^53-1 either way; edges of a place lie on the globe.
MAY_BE_NEGATIVE = {"integer", "steps", "south_e7", "west_e7", "north_e7", "east_e7"}
MAY_BE_ZERO = {
    *MAY_BE_NEGATIVE,
    *("unit_scale", "scale", "sequence", "revocation_epoch", "depth", "max_depth"),
    *LIMIT_FIELDS,
    *("min_assurance", "warranty_min_days", "delivery_max_ms", "co2_max_grams", "data_retention_days"),
    *("start_minute", "points", "idle_days"),
    *("unit", "part_steps", "max_fee_minor", "first_ms", "grace_ms", "cancel_window_ms"),
    *("late_credit_basis_points_per_day", "late_credit_max_basis_points"),
    *("approval_latency_ms",),
    *("cancel_planned_basis_points", "cancel_ready_basis_points"),
    *("offset_ticks", "fee_basis_points", "band_basis_points", "halt_ms", "auction_every_ms"),
    *("opens_ms", "closes_ms", "MarketTerms.delivery_ms", "MarketTerms.inspection_ms"),
}
# What is refused for another reason than its range.
OTHER_CODES = {
    "sequence": Code.BAD_FIELD,  # only event 0 of a party is known
    "version": Code.MANDATE_FIELD_UNSUPPORTED,
    "scale": Code.BAD_FIELD,
    "unit_scale": Code.BAD_FIELD,
}
ENFORCED = {
    "Mandate": {field.name for field in fields(Mandate)} | {"version"},
    "SpendingLimit": {field.name for field in fields(SpendingLimit)},
}


@dataclass(frozen=True)
class Subject:
    """A good body, and how bytes in its place are sent."""

    body: Message
    send: Callable[[bytes], Answer]


def mandate(market: SmallMarket, subject: Session) -> identity_pb2.Mandate:
    signed = market.client.mandate(market.buyer, subject.party)
    body = identity_pb2.Mandate.FromString(signed.payload)
    body.bound_items.add(
        product_id="ink",
        sellers=identity_pb2.Scope(any=True),
        currency="EUR",
        max_unit_price_minor=1,
        max_quantity_steps=1,
        unit="C62",
    )
    body.geo.CopyFrom(identity_pb2.Places(boxes=[identity_pb2.GeoBox(north_e7=1, east_e7=1)]))
    window = identity_pb2.WeeklyWindow(days_mask=127, start_minute=1, end_minute=2)
    body.windows.CopyFrom(identity_pb2.Week(windows=[window]))
    return body


SENDERS = {
    TypeId.PUBLISH_OFFER: "shop",
    TypeId.ANNOUNCE_NEED: "printer",
    TypeId.PURCHASE: "printer",
    TypeId.FULFIL: "shop",
    TypeId.ACCEPT_DELIVERY: "buyer",
    TypeId.CANCEL: "buyer",
    TypeId.OPEN_STANDING_ORDER: "buyer",
    TypeId.FUND_REQUEST: "buyer",
    TypeId.REVOKE: "somebody else",
    TypeId.DEPOSIT: "operator",
    TypeId.REFUND: "shop",
    TypeId.PUBLISH_RATE: "buyer",
    TypeId.CONVERT: "buyer",
    TypeId.OPEN_PROGRAMME: "somebody else",
    TypeId.SET_GUARDS: "buyer",
    TypeId.REPORT_MALFUNCTION: "printer",
    TypeId.SET_PERSONA: "buyer",
    TypeId.PROPOSE_CHOICE: "printer",
    TypeId.GIVE_FEEDBACK: "buyer",
    TypeId.ASK_FACTS: "printer",
    TypeId.ANSWER_FACTS: "shop",
    TypeId.OPEN_MARKET: "operator",
    TypeId.SET_MARKET_STATE: "operator",
    TypeId.DECLARE_GOODS: "shop",
    TypeId.WITHDRAW_GOODS: "shop",
    TypeId.PLACE_ORDERS: "printer",
}
WITH_ENUMS_ALONE = {
    TypeId.SET_THING_STATE: "buyer",
    TypeId.LOWER_AUTONOMY: "buyer",
}
WITHOUT_NUMBERS = {
    *(TypeId.WITHDRAW_OFFER, TypeId.WITHDRAW_NEED, TypeId.END_STANDING_ORDER, TypeId.ERASE),
    *(TypeId.REGISTER_DEVICE, TypeId.REGISTER_THING, TypeId.APPROVE, TypeId.AGREE_TO_COSIGN),
    TypeId.ASK_FEEDBACK,
}
WITH_DOCUMENTS = {TypeId.ADMIT_PARTY, TypeId.PRESENT_MANDATE, TypeId.CLAIM_THING}


def test_every_command_is_tried() -> None:
    assert set(READERS) == {*SENDERS, *WITH_ENUMS_ALONE, *WITHOUT_NUMBERS, *WITH_DOCUMENTS}


@pytest.fixture(scope="module")
def operator(market: SmallMarket) -> Session:
    known = load_identity(Home(market.node.home))
    return market.client.open(known.node, known.identity)


def bodies(market: SmallMarket, operator: Session, type_id: TypeId) -> Subject:
    who = {**SENDERS, **WITH_ENUMS_ALONE}[type_id]
    others = {"operator": lambda: operator, "somebody else": market.client.owner}
    sender = others[who]() if who in others else getattr(market, who)
    body = MAKERS[type_id](market)
    if type_id is TypeId.OPEN_MARKET:  # for good: the next one needs another number
        return Subject(body, lambda data: market.client.send(sender, type_id, renumbered(data)))
    return Subject(body, lambda data: market.client.send(sender, type_id, data))


def mandates(market: SmallMarket) -> Subject:
    thing = market.client.stranger()

    def send(payload: bytes) -> Answer:
        link = sign(TypeId.MANDATE, payload, market.buyer.key)
        body = identity.present_mandate_body(new_key(), [link])
        return market.client.send(thing, TypeId.PRESENT_MANDATE, body)

    return Subject(mandate(market, thing), send)


def key_events(market: SmallMarket) -> Subject:
    key = SigningKey.from_seed(secrets.token_bytes(32))
    event: Signed = market.client.key_event(key)

    def send(payload: bytes) -> Answer:
        body = identity.admit_party_body(new_key(), sign(TypeId.KEY_EVENT, payload, key))
        return market.client.send(market.buyer, TypeId.ADMIT_PARTY, body)

    return Subject(identity_pb2.KeyEvent.FromString(event.payload), send)


def approvals(market: SmallMarket) -> Subject:
    yes = identity_pb2.Approval(
        network_id=market.client.network_id,
        body_digest=bytes(32),
        mandate_leaf=market.printer.leaf,
        owner=market.buyer.party,
        approved=True,
        expires_ms=now_ms() + HOUR_MS,
        nonce=bytes(12),
    )

    def send(payload: bytes) -> Answer:
        return market.buy(approvals=(sign(TypeId.APPROVAL, payload, market.buyer.key),))

    return Subject(yes, send)


def expected(field: Any, value: int) -> Code | None:
    """The refusal of a value; None when it may be good, or wrong for a reason of the market."""
    name = field.name
    if name not in ENFORCED.get(field.containing_type.name, {name}):
        return Code.MANDATE_FIELD_UNSUPPORTED if value else None
    if value == 0 and {name, f"{field.containing_type.name}.{name}"} & MAY_BE_ZERO:
        return None
    if value == -1 and name in MAY_BE_NEGATIVE:
        return None
    return OTHER_CODES.get(name, Code.OUT_OF_RANGE)


def try_edges(market: SmallMarket, subject: Subject) -> int:
    """Put every edge into every integer of a body, one at a time; how many were tried."""
    tried = 0
    for path, holder, field in places(subject.body, INTEGERS):
        good = getattr(holder, field.name)
        for name, value in EDGES.items():
            low = 0 if field.type == FieldDescriptor.TYPE_UINT64 else -(2**63)
            if not low <= value < low + 2**64:
                continue
            before = market.look()
            setattr(holder, field.name, value)
            if subject.body.DESCRIPTOR.fields_by_name.get("key"):
                subject.body.key = new_key()  # type: ignore[attr-defined]
            answered = subject.send(subject.body.SerializeToString(deterministic=True))
            code = expected(field, value)
            assert code is None or answered.code == code, f"{path} = {name}: {answered}"
            assert answered.code >= 0, answered
            if answered.code:
                market.check_unharmed(before)
            tried += 1
        setattr(holder, field.name, good)
    return tried


@pytest.mark.parametrize("type_id", SENDERS, ids=lambda type_id: type_id.name)
def test_an_integer_at_the_edge_of_a_command_is_refused(
    market: SmallMarket, operator: Session, type_id: TypeId
) -> None:
    assert try_edges(market, bodies(market, operator, type_id))
    subject = bodies(market, operator, type_id)
    answered = subject.send(subject.body.SerializeToString(deterministic=True))
    assert answered.code == 0, f"without an edge it is good: {answered}"


@pytest.mark.parametrize("document", [mandates, key_events, approvals])
def test_an_integer_at_the_edge_of_a_signed_document_is_refused(market: SmallMarket, document: Any) -> None:
    assert try_edges(market, document(market))


@pytest.mark.parametrize(
    "type_id",
    [one for one in (*SENDERS, *WITH_ENUMS_ALONE) if one is not TypeId.DEPOSIT],
    ids=lambda type_id: type_id.name,
)
def test_an_enum_that_is_unspecified_or_that_nobody_named_is_refused(
    market: SmallMarket, operator: Session, type_id: TypeId
) -> None:
    subject = bodies(market, operator, type_id)
    for path, holder, field in places(subject.body, frozenset({ENUM})):
        good = getattr(holder, field.name)
        for value in (0, max(field.enum_type.values_by_number) + 1, -1, 2**31 - 1, -(2**31)):
            setattr(holder, field.name, value)
            subject.body.key = new_key()  # type: ignore[attr-defined]
            data = subject.body.SerializeToString(deterministic=True)
            assert market.refused(Code.BAD_FIELD, subject.send, data), path
        setattr(holder, field.name, good)
