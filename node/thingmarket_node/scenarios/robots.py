"""How the robots of a story trade: what each wants, when it sees a market as it is; chance has a seed."""

import random
from dataclasses import dataclass, field
from typing import Protocol

from thingmarket.limits import HOUR_MS
from thingmarket.market.order_views import OrderSeen
from thingmarket.matching.records import Side, TimeInForce
from thingmarket_client.frames import (
    AnyOrder,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ReduceOrder,
    ReplaceOrder,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A market as a robot finds it when it is its turn; prices in ticks, 0: none."""

    market: int
    now_ms: int
    bid: int
    ask: int
    last: int
    own: tuple[OrderSeen, ...]

    def resting(self, side: Side) -> OrderSeen | None:
        """Its oldest order of a side."""
        return next((one for one in self.own if one.side == side), None)


class Robot(Protocol):
    """Something that trades."""

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """The orders that it places now, in one frame; none at all is an answer too."""


@dataclass(slots=True, kw_only=True)
class Maker:
    """Quotes both sides around what it thinks is fair, only ever as a maker, and follows the last price."""

    fair: int
    half_spread: int
    lots: int

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """A quote that is missing anew, one that lies wrong replaced."""
        if sight.last:
            self.fair += (sight.last - self.fair) // 2
        prices = {Side.BUY: self.fair - self.half_spread, Side.SELL: self.fair + self.half_spread}
        if sight.ask:
            prices[Side.BUY] = min(prices[Side.BUY], sight.ask - 1)
        if sight.bid:
            prices[Side.SELL] = max(prices[Side.SELL], sight.bid + 1)
        found = [self._quote(sight, side, price) for side, price in prices.items()]
        return [one for one in found if one is not None]

    def _quote(self, sight: Sight, side: Side, price: int) -> AnyOrder | None:
        rests = sight.resting(side)
        if rests is None:
            return LimitOrder(
                market=sight.market, side=side, lots=self.lots, price_ticks=price, post_only=True
            )
        if (rests.price_ticks, rests.lots) == (price, self.lots):
            return None
        return ReplaceOrder(
            market=sight.market,
            side=side,
            order_id=rests.order_id,
            lots=self.lots,
            price_ticks=price,
            post_only=True,
        )


@dataclass(slots=True, kw_only=True)
class Follower:
    """Runs after the price: buys when it rose since its last turn, sells when it fell, at once or not."""

    lots: int
    slip: int
    _before: int = 0

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """An order at market with a worst price."""
        before, self._before = self._before or sight.last, sight.last
        if sight.last == before or not (sight.bid and sight.ask):
            return []
        if sight.last > before:
            return [self._order(sight, Side.BUY, sight.ask + self.slip)]
        return [self._order(sight, Side.SELL, max(1, sight.bid - self.slip))]

    def _order(self, sight: Sight, side: Side, worst: int) -> AnyOrder:
        return MarketOrder(market=sight.market, side=side, lots=self.lots, worst_ticks=worst)


@dataclass(slots=True, kw_only=True)
class Doubter:
    """Believes in one price: sells what is dearer, buys what is cheaper, and never waits."""

    believes: int
    lots: int

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """A limit order that is immediate or cancelled."""
        if sight.bid > self.believes:
            side, price = Side.SELL, sight.bid
        elif 0 < sight.ask < self.believes:
            side, price = Side.BUY, sight.ask
        else:
            return []
        order = LimitOrder(
            market=sight.market, side=side, lots=self.lots, price_ticks=price, tif=TimeInForce.IOC
        )
        return [order]


@dataclass(slots=True, kw_only=True)
class Collector:
    """Wants all of a basket or nothing, and sells it again as a whole."""

    lots: int
    slip: int
    _has: bool = False
    _turn: int = 0

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """Every other turn fill or kill."""
        self._turn += 1
        if self._turn % 2 or not (sight.bid and sight.ask):
            return []
        side = Side.SELL if self._has else Side.BUY
        price = sight.bid - self.slip if self._has else sight.ask + self.slip
        self._has = not self._has
        order = LimitOrder(
            market=sight.market, side=side, lots=self.lots, price_ticks=price, tif=TimeInForce.FOK
        )
        return [order]


@dataclass(slots=True, kw_only=True)
class Patient:
    """Waits a little off the best prices for an hour, takes the oldest back when three wait, halves one."""

    lots: int
    off: int
    _turn: int = 0

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """Good till a date; now and then a cancel or a reduce."""
        self._turn += 1
        if len(sight.own) >= 3:
            return [CancelOrder(market=sight.market, order_id=sight.own[0].order_id)]
        if sight.own and sight.own[0].lots == self.lots and not self._turn % 3:
            return [
                ReduceOrder(
                    market=sight.market, order_id=sight.own[0].order_id, lots=self.lots - self.lots // 2
                )
            ]
        if not (sight.bid and sight.ask):
            return []
        side = Side.BUY if self._turn % 2 else Side.SELL
        price = sight.bid - self.off if side is Side.BUY else sight.ask + self.off
        order = LimitOrder(
            market=sight.market,
            side=side,
            lots=self.lots,
            price_ticks=price,
            expires_ms=sight.now_ms + HOUR_MS,
        )
        return [order]


@dataclass(slots=True, kw_only=True)
class Gambler:
    """Buys and sells by the dice, around the last price."""

    seed: int
    around: int
    lots_most: int
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Take the dice."""
        self._dice = random.Random(self.seed)  # noqa: S311  a story must repeat itself

    def wants(self, sight: Sight) -> list[AnyOrder]:
        """One limit order, that rests when nobody takes it; the oldest of more than four is taken back."""
        side = Side.BUY if self._dice.randint(0, 1) else Side.SELL
        price = (sight.last or sight.bid or sight.ask) + self._dice.randint(-self.around, self.around)
        lots = self._dice.randint(1, self.lots_most)
        orders: list[AnyOrder] = []
        if len(sight.own) > 4:
            orders.append(CancelOrder(market=sight.market, order_id=sight.own[0].order_id))
        if price > self.around:
            orders.append(LimitOrder(market=sight.market, side=side, lots=lots, price_ticks=price))
        return orders
