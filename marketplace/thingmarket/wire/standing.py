"""Standing orders: bodies of their commands, and how their owner sees them, to values and back. [STO-1]"""

from collections.abc import Iterable
from dataclasses import dataclass

from thingmarket.contract.standing import (
    STANDING_ID_BYTES,
    EndStandingOrder,
    OpenStandingOrder,
    StandingId,
    StandingOrder,
    StandingState,
    check_end_standing_order,
    check_open_standing_order,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import PartyId, checked_bytes
from thingmarket.limits import COMMAND_BYTES_MAX, SEARCH_RESULTS_MAX
from thingmarket.v1 import query_service_pb2 as queries
from thingmarket.v1 import trade_pb2 as pb
from thingmarket.wire.strict import member, parse
from thingmarket.wire.trade import sealed_message, sealed_value


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSeen:
    """A standing order as a client reads it; the fields are those of `StandingOrder`."""

    id: StandingId
    state: StandingState
    wish: OpenStandingOrder
    buyer: PartyId
    next_ms: int
    made: int
    skipped: int
    last: bytes
    code: int
    reason: str
    rule: str
    cause: str
    seq: int


def read_open_standing_order(body: bytes) -> OpenStandingOrder:
    """Read and check a standing order."""
    return _wish(parse(pb.OpenStandingOrder, body, COMMAND_BYTES_MAX))


def open_standing_order_body(wish: OpenStandingOrder) -> bytes:
    """Write the body of a standing order."""
    return _wish_message(wish).SerializeToString(deterministic=True)


def read_end_standing_order(body: bytes) -> EndStandingOrder:
    """Read and check the end of a standing order."""
    message = parse(pb.EndStandingOrder, body, COMMAND_BYTES_MAX)
    wish = EndStandingOrder(key=message.key, standing_order=message.standing_order)
    check_end_standing_order(wish)
    return wish


def end_standing_order_body(wish: EndStandingOrder) -> bytes:
    """Write the end of a standing order."""
    message = pb.EndStandingOrder(key=wish.key, standing_order=wish.standing_order)
    return message.SerializeToString(deterministic=True)


def standing_orders_message(orders: Iterable[StandingOrder]) -> queries.ListStandingOrdersResponse:
    """Write standing orders."""
    return queries.ListStandingOrdersResponse(standing_orders=map(_view, orders))


def read_standing_orders(message: queries.ListStandingOrdersResponse) -> tuple[StandingSeen, ...]:
    """Read standing orders, oldest first (TOO_LARGE, BAD_FIELD)."""
    if len(message.standing_orders) > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.standing_orders)} rows; at most {SEARCH_RESULTS_MAX}")
    return tuple(map(_seen, message.standing_orders))


def _view(record: StandingOrder) -> queries.StandingOrderView:
    return queries.StandingOrderView(
        standing_order=record.id,
        state=record.state.value,
        wish=_wish_message(record.wish),
        buyer=record.buyer,
        next_ms=record.next_ms,
        made=record.made,
        skipped=record.skipped,
        last=record.last,
        code=record.code,
        reason=record.reason,
        rule=record.rule,
        cause=record.cause,
        seq=record.seq,
    )


def _seen(message: queries.StandingOrderView) -> StandingSeen:
    return StandingSeen(
        id=StandingId(checked_bytes(message.standing_order, STANDING_ID_BYTES, "standing_order")),
        state=member(StandingState, message.state, "state"),
        wish=_wish(message.wish),
        buyer=checked_party_id(message.buyer),
        next_ms=message.next_ms,
        made=message.made,
        skipped=message.skipped,
        last=message.last,
        code=message.code,
        reason=message.reason,
        rule=message.rule,
        cause=message.cause,
        seq=message.seq,
    )


def _wish(message: pb.OpenStandingOrder) -> OpenStandingOrder:
    wish = OpenStandingOrder(
        key=message.key,
        offer=message.offer,
        quantity_steps=message.quantity_steps,
        currency=message.currency,
        total_max_minor=message.total_max_minor,
        interval_ms=message.interval_ms,
        occurrences_max=message.occurrences_max,
        first_ms=message.first_ms,
        slot=message.slot,
        delivery=tuple(map(sealed_value, message.delivery)),
    )
    check_open_standing_order(wish)
    return wish


def _wish_message(wish: OpenStandingOrder) -> pb.OpenStandingOrder:
    return pb.OpenStandingOrder(
        key=wish.key,
        offer=wish.offer,
        quantity_steps=wish.quantity_steps,
        currency=wish.currency,
        total_max_minor=wish.total_max_minor,
        interval_ms=wish.interval_ms,
        occurrences_max=wish.occurrences_max,
        first_ms=wish.first_ms,
        slot=wish.slot,
        delivery=map(sealed_message, wish.delivery),
    )
