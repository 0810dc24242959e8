"""Things that trade at three order books, beside what they buy, and the operator who opened them."""

from dataclasses import replace
from functools import partial
from typing import Final

from thingmarket.identity.envelope import TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId, Key, PartyId
from thingmarket.limits import MINUTE_MS, SECOND_MS
from thingmarket.matching.records import POST_ONLY, Kind, MarketState, Side, TimeInForce
from thingmarket.trading.commands import (
    DeclareGoods,
    LeastSelfTrade,
    ListedMarket,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)
from thingmarket.trading.frame import Order, order_id_of
from thingmarket.trading.terms import Settlement
from thingmarket.wire import orders as wire
from thingmarket_node.sim import deliveries
from thingmarket_node.sim.actors import Outcome, Place
from thingmarket_node.sim.buyers import Buyer
from thingmarket_node.sim.owners import Owner
from thingmarket_node.sim.people import CATEGORY, Person, Square, seed_of
from thingmarket_node.sim.sellers import Seller
from thingmarket_node.sim.world import BEGIN_MS

SPOT: Final = 1
CALL: Final = 2
WOOD: Final = 3
_MARKETS: Final = (SPOT, CALL, WOOD)
_NOWHERE: Final = 9
_USUAL: Final = 100  # ticks, about which prices are told
_BANDS: Final = 600  # of a thousand spot markets have a breaker


class Operator(Person):
    """The node itself: opens the markets, and now and then puts one into another state."""

    def __init__(self, place: Place) -> None:
        """Act with the identity key of the node."""
        super().__init__(place, "operator", place.node, SigningKey.from_seed(seed_of("node")))

    def begin(self) -> None:
        """Open a market that trades all the time, one that holds auctions, and one that delivers later."""
        world = self.world
        spot = ListedMarket(
            market=SPOT,
            title="Power",
            product_id="power",
            category=CATEGORY,
            unit="KWH",
            unit_scale=0,
            currency="EUR",
            tick_minor=world.between(1, 12),
            lot_steps=world.between(1, 3),
            fee_basis_points=world.between(0, 500),
            self_trade=LeastSelfTrade(world.between(1, 3)),
        )
        if world.chance(_BANDS):
            halt_ms = world.between(5, 60) * SECOND_MS if world.chance(700) else 0
            spot = replace(spot, band_basis_points=world.between(150, 600), halt_ms=halt_ms)
        call = replace(
            spot,
            market=CALL,
            title="Heat",
            product_id="heat",
            offset_ticks=world.between(0, 1) * world.between(90, 105),
            band_basis_points=0,
            halt_ms=0,
            auction_every_ms=world.between(10, 120) * SECOND_MS,
            closes_ms=BEGIN_MS + world.between(6, 25) * MINUTE_MS,
        )
        for terms in (spot, call, self._with_escrow(spot)):
            self.tell(TypeId.OPEN_MARKET, OpenMarket(key=b"", terms=terms), wire.open_market_body)
        for _ in range(world.between(0, 3)):
            self.later(30, 400, self._interfere)

    def _with_escrow(self, spot: ListedMarket) -> ListedMarket:
        """What is traded there is delivered afterwards, or not; its tax is in the price."""
        world = self.world
        jurisdiction = "" if world.chance(500) else ("DE", "FR")[world.between(0, 1)]
        return replace(
            spot,
            market=WOOD,
            title="Wood",
            product_id="wood",
            fee_basis_points=0,
            settlement=Settlement.ESCROW,
            delivery_ms=world.between(20, 400) * SECOND_MS,
            inspection_ms=world.between(20, 400) * SECOND_MS,
            tax_category="S" if jurisdiction or world.chance(500) else "Z",
            jurisdiction=jurisdiction,
        )

    def _interfere(self) -> None:
        """Halt a market, let it go on, or gather orders for one more auction."""
        state, uncross = (
            (MarketState.HALTED, False),
            (MarketState.AUCTION, False),
            (MarketState.CONTINUOUS, False),
            (MarketState.CONTINUOUS, True),
            (MarketState.AUCTION, True),
        )[self.world.between(0, 4)]
        market = SPOT if self.world.chance(700) else WOOD
        body = SetMarketState(key=b"", market=market, state=state, uncross=uncross)

        def then(outcome: Outcome) -> None:
            if state is not MarketState.CONTINUOUS:
                self.later(5, 60, partial(self._go_on, market, uncross=state is MarketState.AUCTION))

        self.tell(TypeId.SET_MARKET_STATE, body, wire.set_market_state_body, then)

    def _go_on(self, market: int, *, uncross: bool) -> None:
        body = SetMarketState(key=b"", market=market, state=MarketState.CONTINUOUS, uncross=uncross)
        self.tell(TypeId.SET_MARKET_STATE, body, wire.set_market_state_body)


class Trader(Buyer):
    """Buys now and then, and sends frames of orders: good ones, dear ones, wrong ones."""

    actions = tuple(sorted((*Buyer.actions, Action.SELL)))
    haste = 6

    def __init__(self, place: Place, name: str, owner: Owner, square: Square, sellers: list[Seller]) -> None:
        """Have a number of frames to send, one after the other."""
        super().__init__(place, name, owner, square, sellers)
        self.wishes = place.world.between(0, 3)
        self.frames = place.world.between(5, 30)

    def work(self) -> None:
        """Bring goods, then trade."""
        super().work()
        for market in _MARKETS:
            self.later(1, 10, partial(self._declare, market, self.world.between(5, 60)))
        self.later(3, 20, self._trade)
        if self.world.chance(500):
            self.later(30, 300, self._withdraw)
        if self.world.chance(400):
            self.later(30, 300, self._owner_acts)

    def _declare(self, market: int, steps: int) -> None:
        body = DeclareGoods(key=b"", market=market, quantity_steps=steps)

        def declared(outcome: Outcome) -> None:
            if outcome.code and self.world.chance(700):  # the market may not be open yet
                self.later(2, 20, partial(self._declare, market, steps))

        self.tell(TypeId.DECLARE_GOODS, body, wire.declare_goods_body, declared)

    def _withdraw(self) -> None:
        body = WithdrawGoods(
            key=b"", market=_MARKETS[self.world.between(0, 2)], quantity_steps=self.world.between(1, 40)
        )
        self.tell(TypeId.WITHDRAW_GOODS, body, wire.withdraw_goods_body)

    def _owner_acts(self) -> None:
        """Its owner cancels an order of it, or all of his own, or trades himself."""
        self.owner.send(
            TypeId.PLACE_ORDERS, partial(self._frame, self.owner.party, of_owner=True), self._traded
        )

    # --- frames

    def _trade(self) -> None:
        """Send the next frame, which is made when it is first sent: from the log as it then is."""
        if self.frames <= 0:
            return
        self.frames -= 1
        make = partial(self._frame, self.party, of_owner=False)

        def placed(outcome: Outcome) -> None:
            self._traded(outcome)
            self.later(0, 25, self._trade)

        self.send(TypeId.PLACE_ORDERS, make, placed)

    def _frame(self, sender: PartyId, key: Key, *, of_owner: bool) -> bytes:
        world, record = self.world, self.state.parties.get(sender)
        seat = self.memory.seats.get(sender)
        slot = 0 if record is None else record.number
        counter, packed = seat.last_counter if seat else 0, b""
        for _ in range(world.between(1, 6)):
            order = self._order(of_owner=of_owner)
            if order.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET):
                counter += 1 + world.chance(20)
                order = replace(order, order_id=order_id_of(slot, counter))
            packed += order.pack()
        number = (seat.last_frame if seat else 0) + (1 if world.chance(970) else 0)
        return wire.place_orders_body(PlaceOrders(key=key, frame=max(1, number), orders=packed))

    def _order(self, *, of_owner: bool) -> Order:
        """A new order, or something about one of those that rest."""
        world = self.world
        party = self.owner.party if of_owner and world.chance(400) else self.party
        book = self.memory.book.orders
        mine = book if world.chance(80) else [one for one in book if one.party == party]
        chosen = world.between(0, 19)
        if chosen == 0:
            return Order(kind=Kind.MASS_CANCEL, market=(0, *_MARKETS, _NOWHERE)[world.between(0, 4)])
        if chosen > 8 or not mine:
            return self._new()
        order = mine[world.between(0, len(mine) - 1)]
        named = {"market": order.market, "order_id": order.id}
        if chosen < 4:
            return Order(kind=Kind.CANCEL, **named)
        if chosen < 6:
            return Order(kind=Kind.REDUCE, quantity=world.between(1, 4), **named)
        return self._timed(
            Order(
                kind=Kind.REPLACE,
                side=order.side,
                tif=TimeInForce.GTC,
                flags=world.between(0, 7) if world.chance(300) else 0,
                quantity=max(1, order.left + world.between(-2, 3)),
                price=order.price + (world.between(-4, 4) if world.chance(700) else 0),
                **named,
            )
        )

    def _new(self) -> Order:
        world = self.world
        side = Side.BUY if world.chance(500) else Side.SELL
        market = SPOT if world.chance(500) else (CALL, WOOD, WOOD)[world.between(0, 2)]
        venue = self.memory.venues.get(market)
        about = (venue.last if venue and world.chance(800) else 0) or _USUAL  # prices drift
        order = Order(
            kind=Kind.NEW_LIMIT,
            side=side,
            tif=TimeInForce.GTC,
            flags=world.between(0, 7) if world.chance(300) else 0,
            market=market,
            quantity=world.between(1, 5),
            price=about + world.between(-5, 5) + (world.between(-40, 40) if world.chance(60) else 0),
        )
        match world.between(0, 24):
            case 0:
                return replace(order, market=_NOWHERE)
            case 1:
                return replace(order, quantity=world.between(0, 1) * 4_000)
            case 2:
                price = 0 if side == Side.SELL and world.chance(500) else order.price
                return replace(
                    order,
                    kind=Kind.NEW_MARKET,
                    tif=TimeInForce.IOC,
                    flags=order.flags & ~POST_ONLY,
                    price=price,
                )
            case 3 | 4 | 5:
                tif = TimeInForce.IOC if world.chance(600) else TimeInForce.FOK
                return replace(order, tif=tif)
            case 6:
                return replace(order, side=world.between(0, 3), tif=world.between(0, 6))
            case _:
                return self._timed(order)

    def _timed(self, order: Order) -> Order:
        """Some orders end by themselves; a few would have ended before."""
        world = self.world
        if not world.chance(250):
            return order
        now_ms = max(self.state.time_ms, world.now_ms)
        ends_ms = now_ms + (world.between(1, 300) * SECOND_MS if world.chance(950) else -MINUTE_MS)
        return replace(order, tif=TimeInForce.GTD, expires_ms=ends_ms)

    # --- what was traded with escrow

    def _tell_seller(self, contract: bytes) -> None:
        if not self.state.contracts[ContractId(contract)].market:  # else who placed the frame tells both
            super()._tell_seller(contract)

    def _traded(self, outcome: Outcome) -> None:
        """Let both sides of each new contract of a market go on."""
        for name, made in self.state.contracts.items():
            if made.market and name not in self.square.traded:
                self.square.traded.add(name)
                self._deal(name, self.square.people[made.buyer], self.square.people[made.seller])

    def _deal(self, contract: ContractId, buyer: Person, seller: Person) -> None:
        world = self.world
        arrived = partial(deliveries.find_parcel, buyer, contract)
        seller.later(0, 5, partial(deliveries.ordered, seller, contract, arrived))
        if world.chance(150):  # which is refused: nobody cancels what was traded
            buyer.later(0, 60, partial(deliveries.cancel, buyer, contract))
        if world.chance(300):
            buyer.later(60, 900, partial(deliveries.rate, buyer, contract))
