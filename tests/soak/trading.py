"""Things that trade at an order book all the time: frames of orders, each answered once and for all."""

import asyncio
from dataclasses import replace
from typing import Final

from tests.soak.client import PAUSE_S, Client, check_passing, patient
from tests.soak.evidence import Acknowledged
from thingmarket.identity.envelope import TypeId
from thingmarket.market.order_views import OrderSeen
from thingmarket.matching.records import Kind, Side, TimeInForce
from thingmarket.trading.commands import DeclareGoods, ListedMarket, PlaceOrders
from thingmarket.trading.frame import Order, order_id_of
from thingmarket.wire.orders import declare_goods_body, place_orders_body
from thingmarket_client import RefusedByNode, Thing, Unanswered
from thingmarket_client.outbox import Answer, Letter

MARKET: Final = ListedMarket(
    market=1,
    title="Power",
    product_id="power",
    category="44103105",
    unit="KWH",
    unit_scale=0,
    currency="EUR",
    tick_minor=5,
    lot_steps=1,
    fee_basis_points=100,
)
_USUAL: Final = 100  # ticks
_LIFE_MS: Final = 3_000
_GOODS: Final = 1_000


class Trading:
    """One thing, its place at the book, and the last frame that it was told of."""

    def __init__(self, client: Client, thing: Thing) -> None:
        """Begin with no order."""
        self.client, self.thing = client, thing
        self.frame = self.counter = 0

    async def run(self) -> None:
        """Bring goods, then place one frame after the other until it is time to stop."""
        wish = DeclareGoods(key=b"", market=MARKET.market, quantity_steps=_GOODS)
        answer = await self.client.say(
            self.thing, TypeId.DECLARE_GOODS, lambda key: declare_goods_body(replace(wish, key=key))
        )
        assert not answer.code, f"goods are brought in: {answer}"
        while not self.client.stopping.is_set():
            await self._place()
            await self.client.pause()

    async def _place(self) -> None:
        seat = await patient(self.thing.seat)
        # What was acknowledged before the node was killed still stands, and nothing was taken twice.
        stands, told = (seat.last_frame, seat.last_counter), (self.frame, self.counter)
        assert stands == told, f"the node knows of frame and order {stands}, we were told of {told}"
        resting = await patient(self.thing.orders)
        orders, counter = b"", self.counter
        for _ in range(self.client.chance.randint(1, 8)):
            order = self._order(resting)
            if order.kind == Kind.NEW_LIMIT:
                counter += 1
                order = replace(order, order_id=order_id_of(seat.slot, counter))
            orders += order.pack()
        key = self.thing.new_key()
        body = place_orders_body(PlaceOrders(key=key, frame=self.frame + 1, orders=orders))
        letter = Letter(key=key, type_id=TypeId.PLACE_ORDERS, body=body, mandate_leaf=self.thing.leaf)
        answer = await self._answered(letter)
        assert not answer.code, f"a frame is taken: {answer}"
        self.frame, self.counter = self.frame + 1, counter
        await asyncio.to_thread(self.client.evidence.write, Acknowledged.of(self.thing.id, letter, answer))

    async def _answered(self, letter: Letter) -> Answer:
        """Send the same bytes until somebody answers."""
        sent_before = False
        while True:
            try:
                return await self.thing.session.submit(letter, sent_before=sent_before)
            except (Unanswered, RefusedByNode) as trouble:
                check_passing(trouble)
                sent_before = True
                await asyncio.sleep(PAUSE_S)

    def _order(self, resting: tuple[OrderSeen, ...]) -> Order:
        """A new order, one that ends soon, or something about one that rests."""
        chance, market = self.client.chance, MARKET.market
        chosen = chance.randrange(10)
        if chosen == 0:
            return Order(kind=Kind.MASS_CANCEL)
        if chosen < 4 and resting:
            one = chance.choice(resting)
            if chosen == 1:
                return Order(kind=Kind.CANCEL, market=market, order_id=one.order_id)
            return Order(
                kind=Kind.REPLACE,
                side=one.side,
                tif=TimeInForce.GTC,
                market=market,
                quantity=chance.randint(1, 5),
                price=one.price_ticks + chance.randint(-2, 2),
                order_id=one.order_id,
            )
        order = Order(
            kind=Kind.NEW_LIMIT,
            side=chance.choice((Side.BUY, Side.SELL)),
            tif=chance.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
            market=market,
            quantity=chance.randint(1, 5),
            price=_USUAL + chance.randint(-4, 4),
        )
        if chosen == 9:
            ends_ms = self.thing.session.now_ms + _LIFE_MS
            order = replace(order, tif=TimeInForce.GTD, expires_ms=ends_ms)
        return order
