"""Frames of orders: what a party wants of the books, in one signed command, and what came of each order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import BOOK_REASON_BASE, Code, Refusal, code_name
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.market.order_views import SeatSeen
from thingmarket.matching.records import (
    EVENT_BYTES,
    POST_ONLY,
    Event,
    EventKind,
    Kind,
    Reason,
    Side,
    TimeInForce,
    unpack_events,
)
from thingmarket.policy.decision import Decision
from thingmarket.trading.commands import PlaceOrders, check_place_orders
from thingmarket.trading.frame import STATUS, Order, order_id_of, statuses_of
from thingmarket.wire.market_data import read_seat_response, seat_request
from thingmarket.wire.orders import place_orders_body
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.outbox import Answer, Letter
from thingmarket_client.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """Buy or sell so many lots at a price or better. GTC rests until cancelled, GTD until `expires_ms`."""

    market: int
    side: Side
    lots: int
    price_ticks: int
    tif: TimeInForce = TimeInForce.GTC
    expires_ms: int = 0
    post_only: bool = False

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(
            kind=Kind.NEW_LIMIT,
            side=self.side,
            tif=TimeInForce.GTD if self.expires_ms else self.tif,
            flags=POST_ONLY if self.post_only else 0,
            market=self.market,
            quantity=self.lots,
            price=self.price_ticks,
            order_id=order_id,
            expires_ms=self.expires_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrder:
    """Trade at once with whoever is there, at no worse a price than `worst_ticks`; buyers must name one."""

    market: int
    side: Side
    lots: int
    worst_ticks: int
    all_or_nothing: bool = False

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(
            kind=Kind.NEW_MARKET,
            side=self.side,
            tif=TimeInForce.FOK if self.all_or_nothing else TimeInForce.IOC,
            market=self.market,
            quantity=self.lots,
            price=self.worst_ticks,
            order_id=order_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Take a resting order back."""

    market: int
    order_id: int

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(kind=Kind.CANCEL, market=self.market, order_id=self.order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """Take all of one's own orders back, in a market or with 0 in all."""

    market: int = 0

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(kind=Kind.MASS_CANCEL, market=self.market)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceOrder:
    """Take so many lots off a resting order; it keeps its place."""

    market: int
    order_id: int
    lots: int

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(kind=Kind.REDUCE, market=self.market, quantity=self.lots, order_id=self.order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder:
    """Say anew what is to remain of a resting order, and at which price."""

    market: int
    side: Side
    order_id: int
    lots: int
    price_ticks: int
    expires_ms: int = 0
    post_only: bool = False

    def record(self, order_id: int) -> Order:
        """The order as it travels."""
        return Order(
            kind=Kind.REPLACE,
            side=self.side,
            tif=TimeInForce.GTD if self.expires_ms else TimeInForce.GTC,
            flags=POST_ONLY if self.post_only else 0,
            market=self.market,
            quantity=self.lots,
            price=self.price_ticks,
            order_id=self.order_id,
            expires_ms=self.expires_ms,
        )


AnyOrder = LimitOrder | MarketOrder | CancelOrder | CancelAll | ReduceOrder | ReplaceOrder


def status_name(status: int) -> str:
    """The refusal that a status is, in words; empty for 0."""
    reason = status - BOOK_REASON_BASE
    if reason in Reason._value2member_map_:
        return Reason(reason).name
    return code_name(status) if status else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Lots that traded at a price."""

    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """What came of one order; `status` 0: the book took it. `rests_lots` of it wait in the book now."""

    order: AnyOrder
    order_id: int
    status: int
    fills: tuple[Fill, ...] = ()
    rests_lots: int = 0

    @property
    def taken(self) -> bool:
        """Whether the book took it."""
        return not self.status

    @property
    def refusal(self) -> str:
        """The name of the refusal; empty when it was taken."""
        return status_name(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameAnswer:
    """What came of a frame, order by order; `receipt` proves that it is in the log.

    Events are told once: what a frame did that had to be sent again, or its events beyond the first 600
    (`events_cut`), is read from `orders()` and `trades()`.
    """

    frame: int
    orders: tuple[OrderAnswer, ...]
    receipt: Receipt | None
    decision: Decision | None
    events: tuple[Event, ...]
    events_cut: bool

    @property
    def refused(self) -> tuple[OrderAnswer, ...]:
        """Orders that were not taken; `decision` says by which rules."""
        return tuple(order for order in self.orders if order.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A frame on its way."""

    frame: int
    wanted: tuple[AnyOrder, ...]
    records: tuple[Order, ...]
    letter: Letter
    last_counter: int


class Frames:
    """Numbers a party's orders and frames, one frame at a time; where it stands, the node tells at the start.

    Nothing is stored: an order of yesterday that nobody heard of must not be placed today. What is placed
    after a frame that was refused takes that one's number, so that of both at most one is ever taken.
    """

    def __init__(self, session: Session, leaf: Callable[[], bytes], new_key: Callable[[], Key]) -> None:
        """Send by `session`, under the mandate `leaf`."""
        self._session, self._leaf, self._new_key = session, leaf, new_key
        self._seat: SeatSeen | None = None
        self._unanswered: _Sent | None = None
        self._refused_frame = 0  # a copy of it may still be on its way; 0: none was refused
        self._turn = asyncio.Lock()

    async def seat(self) -> SeatSeen:
        """Where the party stands, as the node says."""
        return read_seat_response(await self._session.ask(lambda stub: stub.GetSeat, seat_request()))

    async def place(self, orders: Sequence[AnyOrder]) -> FrameAnswer:
        """Send a frame (Unanswered: nobody knows what became of it until `again`).

        After a refusal, KEY_CONFLICT says that under its number another frame was taken: a copy of the one
        that had been refused, or somebody else's; `orders()` and `trades()` tell which.
        """
        async with self._turn:
            if self._unanswered is not None:
                reason = f"nobody knows yet what became of frame {self._unanswered.frame}: resend_orders()"
                raise Refusal(Code.WRONG_STATE, reason, "MKT-6")
            if self._seat is None:
                self._seat = await self.seat()
            return await self._send(self._framed(tuple(orders), self._seat), again=False)

    async def again(self) -> FrameAnswer | None:
        """Send the frame that was not answered again, byte for byte; None: there is none."""
        async with self._turn:
            return None if self._unanswered is None else await self._send(self._unanswered, again=True)

    def _framed(self, wanted: tuple[AnyOrder, ...], seat: SeatSeen) -> _Sent:
        counter, records = seat.last_counter, list[Order]()
        for one in wanted:
            counter += isinstance(one, LimitOrder | MarketOrder)
            records.append(one.record(order_id_of(seat.slot, counter)))
        key = self._new_key()
        packed = b"".join(record.pack() for record in records)
        body = PlaceOrders(key=key, frame=self._refused_frame or seat.last_frame + 1, orders=packed)
        check_place_orders(body)
        letter = Letter(
            key=key, type_id=TypeId.PLACE_ORDERS, body=place_orders_body(body), mandate_leaf=self._leaf()
        )
        return _Sent(
            frame=body.frame, wanted=wanted, records=tuple(records), letter=letter, last_counter=counter
        )

    async def _send(self, sent: _Sent, *, again: bool) -> FrameAnswer:
        self._unanswered = sent  # also when this is cancelled: from here on it may have arrived
        try:
            answer = (await self._session.submit(sent.letter, sent_before=again)).made()
        except RefusedByNode as refusal:
            if refusal.is_logged or not refusal.retryable:
                self._unanswered, self._seat = None, None  # it counts for nothing: learn anew where we stand
                gone = refusal.number in (Code.KEY_CONFLICT, Code.KEY_TOO_OLD)  # another has its number
                self._refused_frame = 0 if gone else sent.frame
            raise
        self._unanswered, self._refused_frame = None, 0
        found = _answer(sent, answer)
        assert self._seat is not None, "who sent a frame has a seat"
        self._seat = SeatSeen(
            slot=self._seat.slot,
            last_counter=sent.last_counter,
            last_frame=sent.frame,
            mandate_leaf=sent.letter.mandate_leaf,
            resting_orders=self._seat.resting_orders,
        )
        if any(order.status == Code.BAD_ID for order in found.orders):
            self._seat = None  # somebody else numbers orders of this party
        return found


def _answer(sent: _Sent, answer: Answer) -> FrameAnswer:
    """Lay events beside the orders that they are of (MALFORMED)."""
    if len(answer.statuses) != STATUS.size * len(sent.wanted) or len(answer.events) % EVENT_BYTES:
        raise Refusal(Code.MALFORMED, "the answer is not of this frame", "MKT-7")
    try:
        events = tuple(unpack_events(answer.events))
    except ValueError:
        raise Refusal(Code.MALFORMED, "an event of no known kind", "MKT-7") from None
    fills: dict[int, list[Fill]] = {}
    rests: dict[int, int] = {}
    for event in events:
        if event.kind is EventKind.TRADE:
            fills.setdefault(event.taker, []).append(Fill(price_ticks=event.price, lots=event.quantity))
        elif event.kind in (EventKind.NEW, EventKind.REDUCED):
            rests[event.taker] = event.quantity
        elif event.kind is EventKind.REPLACED:
            rests[event.taker] = event.quantity
            fills.pop(event.taker, None)
    orders = []
    for wanted, record, status in zip(sent.wanted, sent.records, statuses_of(answer.statuses), strict=True):
        name = record.order_id
        traded = () if status else tuple(fills.get(name, ()))
        left = 0 if status else rests.get(name, 0)
        if isinstance(wanted, ReplaceOrder):
            left = max(0, left - sum(fill.lots for fill in traded))
        orders.append(OrderAnswer(order=wanted, order_id=name, status=status, fills=traded, rests_lots=left))
    return FrameAnswer(
        frame=sent.frame,
        orders=tuple(orders),
        receipt=answer.receipt,
        decision=answer.decision,
        events=events,
        events_cut=answer.events_cut,
    )
