"""One frame of orders on its way through the book. [ORD-4]"""

from typing import Final

from thingmarket.matching.records import (
    ALL_MARKETS,
    COMMAND,
    EVENT,
    SELF_TRADE_MASK,
    EventKind,
    Kind,
    TimeInForce,
)
from thingmarket.trading.admission import Admission, Sender, asks_more
from thingmarket.trading.floor import Floor
from thingmarket.trading.frame import (
    COUNTER_MAX,
    DEADLINE,
    KINDS_NEW,
    KINDS_TAKEN,
    ORDER,
    STATUS,
    STATUS_SELF_TRADE,
    STATUS_UNKNOWN_KIND,
    STATUS_UNKNOWN_ORDER,
    Order,
    OrderStatus,
    book_status,
    order_id_of,
    slot_of,
)
from thingmarket.trading.own_prices import OwnPrices
from thingmarket.trading.permits import Placed
from thingmarket.trading.resting import RestingOrder
from thingmarket.trading.settling import Settling
from thingmarket.trading.shape import check_fields, check_terms
from thingmarket.trading.terms import MarketTerms

_SELF_TRADE_SHIFT: Final = 1
_TAKEN: Final = int(OrderStatus.TAKEN)


class Placing:
    """A frame that is being placed: order by order through shape, admission, book and settlement."""

    __slots__ = (
        "_admission",
        "_counter",
        "_deadlines",
        "_floor",
        "_now_ms",
        "_own_prices",
        "_sender",
        "_settling",
    )

    def __init__(
        self,
        floor: Floor,
        sender: Sender,
        admission: Admission,
        own_prices: OwnPrices,
        *,
        last_counter: int,
        now_ms: int,
    ) -> None:
        """Begin a frame."""
        self._own_prices = own_prices
        self._floor = floor
        self._sender = sender
        self._admission = admission
        self._settling = Settling(floor.markets, floor.rows, floor.orders)
        self._counter = last_counter
        self._deadlines: dict[int, int] = {}
        self._now_ms = now_ms

    def place(self, orders: bytes) -> Placed:
        """Place all orders of a frame, one after the other."""
        statuses = [self._place(Order.of(fields)) for fields in ORDER.iter_unpack(orders)]
        effects = self._settling.effects()
        resting = [(id_, at_ms) for id_, at_ms in self._deadlines.items() if self._floor.orders.get(id_)]
        return Placed(
            events=effects.events,
            tallies=effects.tallies,
            fills=effects.fills,
            traded=effects.traded,
            statuses=b"".join(map(STATUS.pack, statuses)),
            last_counter=self._counter,
            deadlines=b"".join(DEADLINE.pack(id_, at_ms) for id_, at_ms in resting),
        )

    def _place(self, order: Order) -> int:
        if order.kind not in KINDS_TAKEN:
            return STATUS_UNKNOWN_KIND
        next_id = self._next_id() if order.kind in KINDS_NEW else 0
        terms = self._floor.markets.get(order.market)
        if order.kind == Kind.MASS_CANCEL:
            return self._cancel_all(order.market)
        if terms is None:
            return OrderStatus.UNKNOWN_MARKET
        if order.kind in KINDS_NEW:
            return self._enter(order, terms, next_id)
        if order.kind == Kind.REPLACE:
            return self._replace(order, terms)
        return self._to_book(order) if self._is_own(order.order_id) else OrderStatus.BAD_ID

    def _next_id(self) -> int:
        """[ORD-3] Each new order takes the next counter, whatever becomes of it; 0 when none is left."""
        if self._counter == COUNTER_MAX:
            return 0
        self._counter += 1
        return order_id_of(self._sender.slot, self._counter)

    def _is_own(self, order_id: int) -> bool:
        """[ORD-3] A thing names its own orders, an owner those of his things, too.

        He is not told which of the others' ids rest: that would say who trades where.
        """
        if slot_of(order_id) == self._sender.slot:
            return True
        present = self._floor.orders.get(order_id) if self._sender.acts_for_owner else None
        return present is not None and present.owner == self._sender.owner

    def _enter(self, order: Order, terms: MarketTerms, next_id: int) -> int:
        status = check_fields(order)
        if not status and (not next_id or order.order_id != next_id):
            status = OrderStatus.BAD_ID
        status = status or check_terms(order, terms, self._floor.state_of(order.market), self._now_ms)
        is_full = self._floor.is_full_for(self._sender.owner)
        status = status or self._admission.admit(order, terms, None, is_full=is_full)
        status = status or self._check_own(order)
        if status:
            return status
        self._floor.rows.open_for(self._sender.owner, terms)
        status = self._to_book(order, terms.self_trade)
        if status == _TAKEN:
            self._settling.placed(order.order_id, order.market)
            self._own_prices.add(order.market, order.side, order.price)
            if order.tif == TimeInForce.GTD:
                self._deadlines[order.order_id] = order.expires_ms
        return status

    def _replace(self, order: Order, terms: MarketTerms) -> int:
        status = check_fields(order)
        if not status and not self._is_own(order.order_id):
            status = OrderStatus.BAD_ID
        status = status or check_terms(order, terms, self._floor.state_of(order.market), self._now_ms)
        present = self._floor.orders.get(order.order_id)
        there = present is not None and self._stands_for(order, present)
        anew = False
        if not status and there and present:
            anew = asks_more(order, terms, present)
            status = self._admission.admit(order, terms, present) or self._check_own(order)
        if status:
            return status
        status = self._to_book(order, terms.self_trade)
        assert there or status, "the book replaces no order that is not the sender's"
        if status == _TAKEN:
            if anew and slot_of(order.order_id) == self._sender.slot:
                self._settling.placed(order.order_id, order.market)
            self._own_prices.add(order.market, order.side, order.price)
            self._deadlines[order.order_id] = order.expires_ms
        return status

    def _check_own(self, order: Order) -> int:
        """[ORD-14] An auction does not look at whose orders meet, so an owner's never cross before it."""
        return STATUS_SELF_TRADE if self._own_prices.cross(order) else 0

    def _stands_for(self, order: Order, present: RestingOrder) -> bool:
        return (order.market, order.side, self._sender.owner) == (
            present.market,
            present.side,
            present.owner,
        )

    def _cancel_all(self, market: int) -> int:
        """[ORD-3] The sender's own orders, in ascending id."""
        if market != ALL_MARKETS and market not in self._floor.markets:
            return OrderStatus.UNKNOWN_MARKET
        own = [
            order
            for order in map(self._floor.orders.get, self._floor.orders.of_slot(self._sender.slot))
            if order and market in (ALL_MARKETS, order.market)
        ]
        for order in own:
            self._to_book(Order(kind=Kind.CANCEL, market=order.market, order_id=order.id))
        return _TAKEN if own else STATUS_UNKNOWN_ORDER

    def _to_book(self, order: Order, self_trade: int = 0) -> int:
        """Let the book decide and settle what it says; the market's least self-trade prevention holds."""
        chosen = (order.flags & SELF_TRADE_MASK) >> _SELF_TRADE_SHIFT
        flags = order.flags & ~SELF_TRADE_MASK | max(chosen, self_trade) << _SELF_TRADE_SHIFT
        events = self._floor.engine.process(
            COMMAND.pack(
                order.kind,
                order.side,
                order.tif,
                flags,
                order.market,
                order.quantity,
                order.price,
                order.order_id,
                self._sender.owner,
            )
        )
        self._settling.apply(events, self._sender.owner)
        kind, reason, *_ = EVENT.unpack_from(events)
        return book_status(reason) if kind == EventKind.REJECTED else _TAKEN
