"""A day at two order books: the part of the golden story that trades on its own."""

from tests.builders import Actor, limit
from tests.golden.daily_life import DailyLife
from tests.ordering import buy, cancel, sell
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId
from thingmarket.limits import HOUR_MS, MINUTE_MS
from thingmarket.market.entries import NoticeKind
from thingmarket.matching.records import Kind, MarketState, TimeInForce
from thingmarket.trading.commands import LeastSelfTrade
from thingmarket.trading.frame import Order
from thingmarket.trading.terms import Settlement

_POWER, _HEAT, _WOOD = 1, 2, 3


class TradingDay(DailyLife):
    """Dora trades power by a battery and a panel, Emil by himself; heat is sold by auction."""

    def a_trading_day(self) -> None:
        """Every kind of order; a breaker, an auction, halts, expiries, refusals, the end of a mandate."""
        dora, emil = self.owner("dora", fund=900_00), self.owner("emil", fund=300_00)
        battery = self.thing("battery", dora, limits=(limit(200_00, cosign_above_minor=90_00),))
        panel = self.thing("panel", dora, actions=(Action.SELL,))
        self.market_of(
            market=_POWER,
            title="Power",
            product_id="power",
            unit="KWH",
            unit_scale=3,
            lot_steps=100,
            offset_ticks=50,
            fee_basis_points=25,
            self_trade=LeastSelfTrade.CANCEL_MAKER,
            band_basis_points=2_000,
            halt_ms=MINUTE_MS,
        )
        self.market_of(
            market=_HEAT,
            title="Heat",
            product_id="heat",
            auction_every_ms=HOUR_MS,
            tick_minor=10,
            offset_ticks=32,
        )
        self.try_market(emil, market=3)  # refused: he is not the operator
        self.declare(emil, 5_000)
        self.declare(panel, 5_000)
        self.take_out(emil, 500)
        self.take_out(emil, 50_000)  # refused: he has not so much
        self.orders_of_every_kind(battery, panel, emil)
        self.heat_by_auction(battery, emil)
        self.a_breaker(battery, emil)
        self.wood_that_is_delivered(battery, emil)
        self.frame(battery, buy(2, 110), buy(1, 110, expires_ms=self.time_ms + HOUR_MS))
        self.pass_time(2 * HOUR_MS)
        self.revoke(dora, mandate=battery.mandate_leaf)  # takes its orders out of the book
        self.put_market(_HEAT, MarketState.CLOSED)
        self.put_market(_HEAT, MarketState.AUCTION)  # refused: closed for ever

    def orders_of_every_kind(self, battery: Actor, panel: Actor, emil: Actor) -> None:
        """New, at market, reduced, replaced, cancelled one by one and all; a price below zero."""
        self.frame(panel, sell(4, 101), sell(9, 40))
        self.frame(emil, sell(5, 100), sell(5, 102), sell(99, 100))
        first = self.rests(emil)[0]
        taken = self.frame_body(battery, (buy(3, 100), buy(1, 99, market=9), buy(1, 100_000), buy(2, 95)))
        for _ in range(2):  # the second time it is answered from memory
            self.send(battery, TypeId.PLACE_ORDERS, taken)
        (resting,) = self.rests(battery)
        self.frame(battery, Order(kind=Kind.NEW_MARKET, side=1, tif=3, market=_POWER, quantity=1, price=105))
        self.frame(battery, Order(kind=Kind.REDUCE, market=_POWER, quantity=1, order_id=resting))
        self.frame(battery, buy(3, 94, kind=Kind.REPLACE, order_id=resting))
        whole = TimeInForce.FOK
        # Refused: it is not his, too far from 100, more than is there.
        self.frame(emil, cancel(first), cancel(resting), buy(2, 45), buy(99, 90, tif=whole))
        self.frame(emil, Order(kind=Kind.MASS_CANCEL))
        self.frame(panel, Order(kind=Kind.MASS_CANCEL, market=_POWER), number=1)  # refused: an old number

    def heat_by_auction(self, battery: Actor, emil: Actor) -> None:
        """What came before is traded at one price, at which heat is worth less than nothing."""
        self.declare(emil, 40, _HEAT)
        self.frame(emil, sell(20, 30, _HEAT), sell(20, 34, _HEAT))
        self.frame(battery, buy(15, 33, _HEAT), buy(2, 31, _HEAT))
        self.pass_time(HOUR_MS)

    def wood_that_is_delivered(self, battery: Actor, emil: Actor) -> None:
        """Two trades become contracts: one is delivered and accepted, one never comes."""
        self.market_of(
            market=_WOOD,
            title="Wood",
            product_id="wood",
            settlement=Settlement.ESCROW,
            delivery_ms=HOUR_MS,
            inspection_ms=HOUR_MS,
            tax_category="S",
            jurisdiction="DE",
        )
        self.declare(emil, 10, _WOOD)
        self.frame(emil, sell(2, 500, _WOOD), sell(3, 510, _WOOD))
        traded = self.frame(battery, buy(4, 510, _WOOD))
        there = dict.fromkeys(one.reference for one in traded.notices if one.kind is NoticeKind.CONTRACT)
        first, _ = map(ContractId, there)
        self.deliver(first, by=emil)
        self.accept(first, by=battery)
        self.pass_time(2 * HOUR_MS)

    def a_breaker(self, battery: Actor, emil: Actor) -> None:
        """Prices drift too far, the market halts, and goes on by an auction."""
        self.frame(emil, sell(1, 100), sell(1, 108), sell(1, 115))
        for price in (100, 108, 115):
            self.frame(battery, buy(1, price))
        self.frame(emil, sell(1, 110))  # refused: halted
        self.put_market(_POWER, MarketState.PRE_OPEN)
        self.put_market(_POWER, MarketState.HALTED)
        self.pass_time(HOUR_MS)
        self.put_market(_POWER, MarketState.CONTINUOUS)
