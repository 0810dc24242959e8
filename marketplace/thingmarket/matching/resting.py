"""All resting orders: markets, each with two sides and a state, and the orders by their ids."""

from collections.abc import Iterator
from typing import Final

from thingmarket.matching.events import Events
from thingmarket.matching.levels import BUY, SELL, BookSide, Order
from thingmarket.matching.records import MarketState

CONTINUOUS: Final = int(MarketState.CONTINUOUS)


class Market:
    """The book of one market."""

    __slots__ = ("buys", "number", "sells", "state")

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = CONTINUOUS
        self.buys = BookSide(BUY)
        self.sells = BookSide(SELL)

    def __iter__(self) -> Iterator[Order]:
        """All orders: buys before sells, best price first, oldest first; not to be changed meanwhile."""
        yield from self.buys
        yield from self.sells

    def own(self, side: int) -> BookSide:
        """Where an order of this side rests."""
        return self.buys if side == BUY else self.sells

    def opposite(self, side: int) -> BookSide:
        """What an order of this side trades with."""
        return self.sells if side == BUY else self.buys

    def is_crossed(self) -> bool:
        """Whether the best buy and the best sell would trade."""
        return self.buys.reaches(self.sells.best_price()) and bool(self.sells.ranks)


class Resting:
    """What a book knows: its markets, its orders, its limits, and the events it writes."""

    __slots__ = ("events", "levels_max", "markets", "orders", "orders_max")

    def __init__(self, orders_max: int, levels_max: int) -> None:
        self.orders_max = orders_max
        self.levels_max = levels_max
        self.markets: dict[int, Market] = {}  # those with an order or a state of their own
        self.orders: dict[int, Order] = {}
        self.events = Events()

    def market(self, number: int) -> Market:
        """A market; one that does not exist yet comes to be with its first order or state."""
        return self.markets.get(number) or Market(number)

    def markets_ascending(self) -> list[Market]:
        """Every market that exists, by number."""
        return [self.markets[number] for number in sorted(self.markets)]

    def add(self, order: Order) -> None:
        """Let an order rest at the end of its queue."""
        market = order.market
        market.own(order.side).add(order)
        self.orders[order.id] = order
        self.markets[market.number] = market

    def remove(self, order: Order) -> None:
        """Take an order out; its market may be left empty."""
        order.market.own(order.side).remove(order)
        del self.orders[order.id]

    def forget_if_empty(self, market: Market) -> None:
        """[BOK-21] A market without orders in CONTINUOUS is as if it had never been."""
        if market.state == CONTINUOUS and not market.buys.ranks and not market.sells.ranks:
            self.markets.pop(market.number, None)

    def has_room(self, market: Market, side: int, price: int) -> bool:
        """Whether a side may hold an order of this price."""
        own = market.own(side)
        return len(own.ranks) < self.levels_max or price in own.levels
