"""All resting orders: markets, each with two sides and a state, and the places of orders by their ids."""

from collections.abc import Iterator
from typing import Final

from thingmarket.matching.events import Events
from thingmarket.matching.levels import BUY, SELL, BookSide, Order, Places
from thingmarket.matching.records import MarketState

CONTINUOUS: Final = int(MarketState.CONTINUOUS)


class Market:
    """The book of one market."""

    __slots__ = ("buys", "number", "sells", "state")

    def __init__(self, number: int, places: Places) -> None:
        self.number = number
        self.state = CONTINUOUS
        self.buys = BookSide(number, BUY, places)
        self.sells = BookSide(number, SELL, places)

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
    """What a book knows: its markets, its orders, its limits, and the events it writes.

    `plain` has, for each market that exists and is in CONTINUOUS, how a NEW_LIMIT GTC without flags begins,
    with the side where such an order rests and the side that it meets.
    """

    __slots__ = ("events", "fok_makers_max", "levels_max", "markets", "orders_max", "places", "plain")

    def __init__(self, orders_max: int, levels_max: int, fok_makers_max: int) -> None:
        self.orders_max = orders_max
        self.levels_max = levels_max
        self.fok_makers_max = fok_makers_max
        self.markets: dict[int, Market] = {}  # those with an order or a state of their own
        self.plain: dict[int, tuple[BookSide, BookSide]] = {}
        self.places: Places = {}
        self.events = Events()

    def market(self, number: int) -> Market:
        """A market; one that does not exist yet comes to be with its first order or state."""
        return self.markets.get(number) or Market(number, self.places)

    def markets_ascending(self) -> list[Market]:
        """Every market that exists, by number."""
        return [self.markets[number] for number in sorted(self.markets)]

    def keep(self, market: Market) -> None:
        """Let a market exist that now has an order or a state."""
        self.markets[market.number] = market
        for own, makers in ((market.buys, market.sells), (market.sells, market.buys)):
            if market.state == CONTINUOUS:
                self.plain[own.plain_word] = (own, makers)
            else:
                self.plain.pop(own.plain_word, None)

    def forget_if_empty(self, number: int) -> None:
        """[BOK-21] A market without orders in CONTINUOUS is as if it had never been."""
        market = self.markets.get(number)
        if market and market.state == CONTINUOUS and not market.buys.ranks and not market.sells.ranks:
            del self.markets[number]
            self.plain.pop(market.buys.plain_word, None)
            self.plain.pop(market.sells.plain_word, None)

    def has_room(self, side: BookSide, price: int) -> bool:
        """Whether a side may hold an order of this price."""
        return len(side.ranks) < self.levels_max or price in side.levels
