"""A book as a plain list of orders, the oldest first: what meets what, and what is told of it. [BOK-12]"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from thingmarket.ids import PartyId
from thingmarket.matching.records import Event, EventKind, MarketState, Reason, Side
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.frame import Order
from thingmarket.trading.terms import Settlement

Told = tuple[int, ...]
"""An event without its number: kind, reason, side, market, maker, taker, price, quantity, what is left."""

_PREVENTION = 6  # bits 1 and 2 of the flags
_MAKER_STAYS, _TAKER_STAYS = 1, 2
_WHOLE = 10_000


@dataclass(slots=True)
class Venue:
    """A market that was opened, and what it takes."""

    listed: ListedMarket
    state: MarketState
    auction_ms: int = 0
    last: int = 0
    reference: int = 0
    halts: bool = False
    resumes_ms: int = 0

    @property
    def is_escrow(self) -> bool:
        """Whether what is traded here is delivered afterwards."""
        return self.listed.settlement is Settlement.ESCROW

    def cash(self, price: int, quantity: int) -> int:
        """What a buyer pays."""
        return (price - self.listed.offset_ticks) * quantity * self.listed.tick_minor

    def fee(self, cash: int) -> int:
        """What the operator gets of it: half up."""
        return max(0, (2 * cash * self.listed.fee_basis_points + _WHOLE) // (2 * _WHOLE))

    def band(self, around: int) -> tuple[int, int]:
        """The prices that are near enough to one; all of them where nothing is limited."""
        width = abs(around - self.listed.offset_ticks) * self.listed.band_basis_points // _WHOLE or 1
        limited = self.listed.band_basis_points and around
        return (max(1, around - width), around + width) if limited else (0, 1 << 62)


@dataclass(slots=True, kw_only=True)
class Resting:
    """An order in the book, or on its way into it."""

    id: int
    party: PartyId
    owner: PartyId
    leaf: bytes
    venue: Venue
    side: int
    price: int
    left: int
    expires_ms: int = 0

    @property
    def market(self) -> int:
        """Where it rests."""
        return self.venue.listed.market

    @property
    def money(self) -> int:
        """What it may still cost, and holds."""
        cash = self.venue.cash(self.price or 1, self.left)
        return max(0, cash if self.side == Side.BUY else -cash)

    @property
    def goods(self) -> int:
        """What it may still deliver, and holds."""
        return self.left * self.venue.listed.lot_steps if self.side == Side.SELL else 0


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade; the orders are as they were when it was made."""

    buy: Resting
    sell: Resting
    price: int
    quantity: int


@dataclass(slots=True)
class Book:
    """All orders that rest, what was told since the entry began, and what was traded in the call in hand."""

    orders: list[Resting] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    events: int = 0  # ever told

    def find(self, order_id: int) -> Resting | None:
        """An order that rests."""
        return next((one for one in self.orders if one.id == order_id), None)

    def makers(self, market: int, side: int) -> list[Resting]:
        """Orders of one side of a market, the best price first, then the oldest."""
        there = [one for one in self.orders if one.market == market and one.side == side]
        return sorted(there, key=lambda one: -one.price if side == Side.BUY else one.price)

    # --- one by one

    def enter(self, taker: Resting, *, rests: bool, flags: int, told_new: bool = True) -> None:
        """An order comes in: it trades where it may, and its rest waits or is cancelled."""
        if taker.venue.state is MarketState.CONTINUOUS:
            self._match(taker, (flags & _PREVENTION) >> 1)
        if not taker.left:
            return
        if rests:
            self.orders.append(taker)
            if told_new:
                self.tell(EventKind.NEW, taker, taker.left)
        else:
            self.tell(EventKind.CANCELED, taker, taker.left, Reason.IMMEDIATE_REMAINDER)

    def _match(self, taker: Resting, prevention: int) -> None:
        for maker in list(self.reached(taker)):
            if not taker.left:
                return
            if prevention and maker.owner == taker.owner:
                if prevention != _MAKER_STAYS:
                    self.end(maker, Reason.SELF_TRADE)
                if prevention != _TAKER_STAYS:
                    self.tell(EventKind.CANCELED, taker, taker.left, Reason.SELF_TRADE)
                    taker.left = 0
                continue
            self._trade(taker, maker)

    def reached(self, taker: Resting) -> Iterator[Resting]:
        """The orders that one would meet, in their turn."""
        for maker in self.makers(taker.market, Side.BUY + Side.SELL - taker.side):
            buy, sell = (taker, maker) if taker.side == Side.BUY else (maker, taker)
            if not taker.price or buy.price >= sell.price:
                yield maker

    def _trade(self, taker: Resting, maker: Resting) -> None:
        quantity = min(taker.left, maker.left)
        buy, sell = (taker, maker) if taker.side == Side.BUY else (maker, taker)
        self.trades.append(Trade(buy, sell, maker.price, quantity))
        taker.left -= quantity
        maker.left -= quantity
        if not maker.left:
            self.orders.remove(maker)
        self.told.append(
            (
                EventKind.TRADE,
                0,
                taker.side,
                taker.market,
                maker.id,
                taker.id,
                maker.price,
                quantity,
                maker.left,
            )
        )

    def is_fillable(self, taker: Resting, flags: int) -> bool:
        """Whether all of an order would trade at once."""
        wanted, prevention = taker.left, (flags & _PREVENTION) >> 1
        for maker in self.reached(taker):
            if prevention and maker.owner == taker.owner:
                if prevention != _TAKER_STAYS:
                    return False
                continue
            wanted -= maker.left
            if wanted <= 0:
                return True
        return False

    def end(self, order: Resting, reason: int = 0, kind: EventKind = EventKind.CANCELED) -> None:
        """An order leaves the book."""
        self.orders.remove(order)
        self.tell(kind, order, order.left, reason)

    def reduce(self, order: Resting, quantity: int) -> None:
        """Take something off an order."""
        order.left -= quantity
        self.tell(EventKind.REDUCED, order, order.left)

    def replace(self, order: Resting, wish: Order) -> None:
        """The same order at another price, or of another quantity; it may lose its place."""
        stays = wish.price == order.price and wish.quantity <= order.left
        order.price, order.left, order.expires_ms = wish.price, wish.quantity, wish.expires_ms
        self.tell(EventKind.REPLACED, order, order.left)
        if not stays:
            self.orders.remove(order)
            prevention = max(wish.flags & _PREVENTION, order.venue.listed.self_trade << 1)
            self.enter(order, rests=True, flags=prevention, told_new=False)

    # --- all at once

    def uncross(self, venue: Venue) -> None:
        """Hold an auction: every price between is tried."""
        market = venue.listed.market
        buys, sells = self.makers(market, Side.BUY), self.makers(market, Side.SELL)
        volume = price = 0
        if buys and sells and buys[0].price >= sells[0].price:
            ranks = [_rank(buys, sells, at, venue.last) for at in range(sells[0].price, buys[0].price + 1)]
            less, _, _, price = min(ranks)
            volume = -less
        left = volume
        while left:
            buy, sell = self.makers(market, Side.BUY)[0], self.makers(market, Side.SELL)[0]
            quantity = min(buy.left, sell.left, left)
            self.trades.append(Trade(buy, sell, price, quantity))
            for order in (buy, sell):
                order.left -= quantity
                if not order.left:
                    self.orders.remove(order)
            left -= quantity
            self.told.append((EventKind.TRADE, 0, 0, market, buy.id, sell.id, price, quantity, buy.left))
        self.told.append((EventKind.STATE, 0, 0, market, 0, 0, price, venue.state, volume))

    # --- telling

    def tell(self, kind: EventKind, order: Resting, quantity: int, reason: int = 0) -> None:
        """Note what happened to one order."""
        self.told.append((kind, reason, order.side, order.market, 0, order.id, order.price, quantity, 0))

    def refuse(self, wish: Order, reason: int) -> None:
        """Note what the book would not do."""
        named = (wish.market, 0, wish.order_id, wish.price, wish.quantity, 0)
        self.told.append((EventKind.REJECTED, reason, wish.side, *named))


def _rank(buys: list[Resting], sells: list[Resting], price: int, last: int) -> tuple[int, int, int, int]:
    """The largest volume first, then the smallest imbalance, the nearest to the last price, the lowest."""
    bid = sum(one.left for one in buys if one.price >= price)
    asked = sum(one.left for one in sells if one.price <= price)
    return -min(bid, asked), abs(bid - asked), abs(price - last) if last else 0, price


def told_of(event: Event) -> Told:
    """An event of the real book, to be compared."""
    return (
        event.kind,
        event.reason,
        event.side,
        event.market,
        event.maker,
        event.taker,
        event.price,
        event.quantity,
        event.maker_left,
    )
