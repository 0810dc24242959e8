"""Frames of orders: what each order must come to, and what the book then does with it. [ORD-4]"""

from collections import Counter
from dataclasses import dataclass, field

from thingmarket.errors import BOOK_REASON_BASE, Code
from thingmarket.identity.mandates import Action
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, INTEGER_MAX, ORDER_LIFE_MS
from thingmarket.market.entries import Command
from thingmarket.matching.records import POST_ONLY, Kind, MarketState, Reason, Side, TimeInForce
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import ORDER, Order, OrderStatus, order_id_of, slot_of
from thingmarket_node.sim.oracle import permits
from thingmarket_node.sim.oracle.book import Resting, Venue
from thingmarket_node.sim.oracle.budgets import month_of
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Count, Given, Seat
from thingmarket_node.sim.oracle.trades import InHand, settle

_NEW = (Kind.NEW_LIMIT, Kind.NEW_MARKET)
_RESTS = (TimeInForce.GTC, TimeInForce.GTD)
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
_TAKEN = 0


def may_place(memory: Memory, body: PlaceOrders, sender: PartyId, given: Given | None) -> bool:
    """Whether a frame is taken at all."""
    if given is not None and not permits.may_trade(memory, given):
        return False
    seat = memory.seats.get(sender)
    if seat is None:
        return True
    leaf = given.leaf if given is not None else b""
    rests = any(one.party == sender for one in memory.book.orders)
    return body.frame > seat.last_frame and (seat.leaf == leaf or not rests)


def place(memory: Memory, command: Command, body: PlaceOrders, entry: InHand) -> list[int]:
    """Take a frame: the statuses of its orders."""
    sender = command.header.sender
    owner, given = memory.acting(command)
    assert owner is not None, "judged before"
    seat = memory.seats.setdefault(sender, Seat())
    seat.last_frame, seat.leaf = body.frame, given.leaf if given is not None else b""
    frame = _Frame(memory, sender, owner, given, seat, entry.now_ms)
    statuses = [frame.place(Order.of(fields)) for fields in ORDER.iter_unpack(body.orders)]
    frame.count()
    settle(memory, entry)
    return statuses


@dataclass(slots=True)
class _Frame:
    """One frame: whose it is, and what its orders have reserved so far."""

    memory: Memory
    sender: PartyId
    owner: PartyId
    given: Given | None
    seat: Seat
    now_ms: int
    placed: int = 0
    admitted: Counter[str] = field(default_factory=Counter)
    funds: int = 0
    goods: dict[str, int] = field(default_factory=dict)
    room: "_Room | None" = None
    own: list[tuple[int, int, int]] = field(default_factory=list)  # market, side and price of what rests

    def __post_init__(self) -> None:
        """See what is free, and what counters leave, before the first order."""
        resting = self.memory.book.orders
        self.own = [(one.market, one.side, one.price) for one in resting if one.owner == self.owner]
        self.funds = self.memory.wallet(self.owner)
        self.goods = {
            venue.listed.product_id: self.memory.free_goods(self.owner, venue.listed.product_id)
            for venue in self.memory.venues.values()
        }
        self.room = None if self.given is None else _room(self.memory, self.given, self.now_ms)

    def count(self) -> None:
        """Count the orders that the book took, for every link."""
        if self.given is None or not self.placed:
            return
        day = self.now_ms // DAY_MS
        for link in self.given.links:
            count = self.memory.counts.setdefault(link, Count())
            count.orders[day] = count.orders.get(day, 0) + self.placed

    # --- one order

    def place(self, wish: Order) -> int:
        """Decide about an order, and do what it says."""
        book, memory = self.memory.book, self.memory
        if wish.kind > Kind.MASS_CANCEL or not wish.kind:
            return _book(Reason.UNKNOWN_KIND)
        named = 0
        if wish.kind in _NEW:
            self.seat.last_counter += 1
            named = order_id_of(memory.numbers[self.sender], self.seat.last_counter)
        venue = memory.venues.get(wish.market)
        if wish.kind == Kind.MASS_CANCEL and (venue is not None or not wish.market):
            own = [one for one in book.orders if one.party == self.sender]
            own = [one for one in own if wish.market in (0, one.market)]
            for order in sorted(own, key=lambda one: one.id):
                book.end(order)
            return _TAKEN if own else _book(Reason.UNKNOWN_ORDER)
        if venue is None:
            return OrderStatus.UNKNOWN_MARKET
        if wish.kind in _NEW:
            return self._new(wish, venue, named)
        present = book.find(wish.order_id) if self.given is None else None
        mine = slot_of(wish.order_id) == memory.numbers[self.sender]
        mine = mine or (present is not None and present.owner == self.owner)
        if wish.kind == Kind.REPLACE:
            return self._replace(wish, venue, mine=mine)
        if not mine:
            return OrderStatus.BAD_ID
        return self._less(wish)

    def _less(self, wish: Order) -> int:
        """CANCEL and REDUCE."""
        book = self.memory.book
        order, reason = book.find(wish.order_id), 0
        if order is None or order.market != wish.market:
            reason = Reason.UNKNOWN_ORDER
        elif order.owner != self.owner:
            reason = Reason.NOT_OWNER
        elif wish.kind == Kind.REDUCE and not 0 < wish.quantity < order.left:
            reason = Reason.BAD_QUANTITY
        if reason:
            book.refuse(wish, reason)
            return _book(reason)
        assert order is not None, "looked at above"
        if wish.kind == Kind.CANCEL:
            book.end(order)
        else:
            book.reduce(order, wish.quantity)
        return _TAKEN

    def _new(self, wish: Order, venue: Venue, named: int) -> int:
        book = self.memory.book
        status = _fields(wish) or (OrderStatus.BAD_ID if wish.order_id != named else 0)
        status = status or self._shape(wish, venue) or self._admit(wish, venue, None)
        status = status or self._with_himself(wish, venue)
        if status:
            return status
        order = self._order(wish, venue)
        flags = wish.flags & POST_ONLY | max(wish.flags & 6, venue.listed.self_trade << 1)
        reason = self._hindrance(order, wish, flags)
        if reason:
            book.refuse(wish, reason)
            return _book(reason)
        book.enter(order, rests=wish.tif in _RESTS, flags=flags)
        self.placed += 1
        self.own.append((wish.market, wish.side, wish.price))
        return _TAKEN

    def _with_himself(self, wish: Order, venue: Venue) -> int:
        """Whether an auction could let an order meet one of the same owner."""
        if venue.state not in (MarketState.PRE_OPEN, MarketState.AUCTION):
            return 0
        others = [price for market, side, price in self.own if market == wish.market and side != wish.side]
        buys = wish.side == Side.BUY
        meets = any(price <= wish.price if buys else price >= wish.price for price in others)
        return _book(Reason.SELF_TRADE) if meets else 0

    def _order(self, wish: Order, venue: Venue) -> Resting:
        return Resting(
            id=wish.order_id,
            party=self.sender,
            owner=self.owner,
            leaf=self.seat.leaf,
            venue=venue,
            side=wish.side,
            price=wish.price,
            left=wish.quantity,
            expires_ms=wish.expires_ms,
        )

    def _hindrance(self, order: Resting, wish: Order, flags: int) -> int:
        book, trades = self.memory.book, order.venue.state is MarketState.CONTINUOUS
        if wish.flags & POST_ONLY and trades and next(book.reached(order), None) is not None:
            return Reason.WOULD_CROSS
        if wish.tif == TimeInForce.FOK and not book.is_fillable(order, flags):
            return Reason.NOT_FILLABLE
        return 0

    def _replace(self, wish: Order, venue: Venue, *, mine: bool) -> int:
        book, present = self.memory.book, self.memory.book.find(wish.order_id)
        status = _fields(wish) or (0 if mine else OrderStatus.BAD_ID) or self._shape(wish, venue)
        reason, more = 0, False
        if present is None or present.market != wish.market:
            reason = Reason.UNKNOWN_ORDER
        elif present.owner != self.owner:
            reason = Reason.NOT_OWNER
        elif present.side != wish.side:
            reason = Reason.BAD_FIELD
        else:
            more = self._is_more(wish, venue, present)
            status = status or self._admit(wish, venue, present) or self._with_himself(wish, venue)
            reason = self._hindrance(self._order(wish, venue), wish, 0)
        if status:
            return status
        if reason:
            book.refuse(wish, reason)
            return _book(reason)
        assert present is not None, "looked at above"
        self.placed += more and present.party == self.sender
        book.replace(present, wish)
        self.own.append((wish.market, wish.side, wish.price))
        return _TAKEN

    def _is_more(self, wish: Order, venue: Venue, present: Resting) -> bool:
        return wish.quantity > present.left or self._order(wish, venue).money > present.money

    # --- what is looked at, in its order

    def _shape(self, wish: Order, venue: Venue) -> int:
        rests, at_once = wish.tif in _RESTS, wish.tif in _AT_ONCE and not wish.flags & POST_ONLY
        good = rests if wish.kind == Kind.REPLACE else at_once or (rests and wish.kind == Kind.NEW_LIMIT)
        if not good:
            return _book(Reason.BAD_TIF)
        latest_ms = self.now_ms + ORDER_LIFE_MS
        timed = self.now_ms < wish.expires_ms <= latest_ms
        if not (timed if wish.tif == TimeInForce.GTD else wish.expires_ms == 0):
            return OrderStatus.BAD_EXPIRY
        if not wish.quantity:
            return _book(Reason.BAD_QUANTITY)
        if wish.price <= 0 and (wish.price or wish.kind != Kind.NEW_MARKET or wish.side != Side.SELL):
            return _book(Reason.BAD_PRICE)
        much = max(abs(venue.cash(wish.price or 1, wish.quantity)), wish.quantity * venue.listed.lot_steps)
        if much > INTEGER_MAX:
            return OrderStatus.TOO_MUCH
        trades = venue.state is MarketState.CONTINUOUS
        gathers = venue.state in (MarketState.PRE_OPEN, MarketState.AUCTION) and rests
        return 0 if trades or gathers else _book(Reason.WRONG_STATE)

    def _admit(self, wish: Order, venue: Venue, present: Resting | None) -> int:
        """Permission, counters, band and funds; what is admitted is reserved, whatever the book says."""
        asked = self._order(wish, venue)
        more = present is None or self._is_more(wish, venue, present)
        cost, goods = asked.money, asked.goods
        status = self._permission(wish, venue, cost)
        if present is not None:
            cost, goods = max(0, cost - present.money), max(0, goods - present.goods)
        status = status or self._headroom(wish, cost, new=present is None, more=more)
        bound = venue.state is MarketState.CONTINUOUS and venue.reference
        low, high = venue.band(venue.last if bound else 0)
        if not status and not low <= (wish.price or 1) <= high:
            status = OrderStatus.OUTSIDE_BAND
        product = venue.listed.product_id
        if not status and cost > self.funds:
            status = OrderStatus.NO_FUNDS if cost else 0
        if not status and goods > self.goods[product]:
            status = OrderStatus.OUT_OF_STOCK if goods else 0
        if not status:
            self.funds -= cost
            self.goods[product] -= goods
            self.admitted["cost"] += cost
            self.admitted["orders"] += more
            if present is None:
                self.admitted["rests"] += wish.tif in _RESTS
        return status

    def _permission(self, wish: Order, venue: Venue, cost: int) -> int:
        given, listed = self.given, venue.listed
        if given is None:
            return 0
        action = Action.BUY if wish.side == Side.BUY else Action.SELL
        if not permits.may(self.memory, given, action, self.now_ms):
            return Code.DENIED
        if wish.side == Side.SELL:
            return 0
        full = self.room is not None and not self.room.rests  # what is traded stays open, rest or not
        limits = given.limits(listed.currency)
        if len(limits) < len(given.chain):
            return Code.DENIED
        if venue.is_escrow and full:
            return OrderStatus.OVER_OPEN_ORDERS
        dearest = min(one.per_item_minor for one in limits) * listed.lot_steps // listed.tick_minor
        if wish.price > listed.offset_ticks + dearest:
            return OrderStatus.OVER_PRICE
        if cost > min(one.per_order_minor for one in limits):
            return OrderStatus.OVER_ORDER
        return OrderStatus.NEED_COSIGN if cost > min(one.cosign_above_minor for one in limits) else 0

    def _headroom(self, wish: Order, cost: int, *, new: bool, more: bool) -> int:
        room = self.room
        if room is None:
            return 0
        if more and self.admitted["orders"] >= room.orders:
            return OrderStatus.OVER_DAY_ORDERS
        if new and wish.tif in _RESTS and self.admitted["rests"] >= room.rests:
            return OrderStatus.OVER_OPEN_ORDERS
        return OrderStatus.OVER_BUDGET if cost and self.admitted["cost"] + cost > room.minor else 0


@dataclass(frozen=True, slots=True)
class _Room:
    """What the counters of a chain leave."""

    minor: int
    orders: int
    rests: int


def _room(memory: Memory, given: Given, now_ms: int) -> _Room:
    limits = given.limits("EUR")
    if len(limits) < len(given.chain):
        return _Room(0, INTEGER_MAX, INTEGER_MAX)
    day, month = now_ms // DAY_MS, month_of(now_ms)
    minor, orders, rests = [], [], []
    for link, limit in zip(given.links, limits, strict=True):
        count, booked = memory.counts.get(link) or Count(), memory.booked(link)
        spent = (
            limit.per_day_minor - count.days.get(day, 0),
            limit.per_month_minor - count.months.get(month, 0),
            limit.total_minor - count.total,
            limit.liability_cap_minor - count.open_minor,
        )
        minor.append(min(spent) - booked.minor)
        orders.append(limit.orders_per_day - count.orders.get(day, 0))
        rests.append(limit.max_open_orders - count.open_orders - booked.orders)
        rests.append(limit.max_open_holds - count.open_holds - booked.orders)
    return _Room(max(0, min(minor)), max(0, min(orders)), max(0, min(rests)))


def _fields(wish: Order) -> int:
    bad = wish.side not in (Side.BUY, Side.SELL) or wish.flags > 7
    return _book(Reason.BAD_FIELD) if bad else 0


def _book(reason: int) -> int:
    return BOOK_REASON_BASE + reason
