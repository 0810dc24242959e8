"""Resting orders of one side of one market: levels of one price each, first come first served."""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from thingmarket.matching.records import Kind, Side, TimeInForce, command_word, event_word

BUY: Final = int(Side.BUY)  # plain numbers: enums are slow here
SELL: Final = int(Side.SELL)

# Remaining quantity by order id, oldest first: a dict keeps the order in which its keys came. Finding its
# first key passes over those that were removed before it, which is quick while there are few of them; a level
# that grows to _LONG orders becomes an OrderedDict, which is slower but passes over nothing.
Level = dict[int, int]
_LONG: Final = 256


Place = tuple["BookSide", int, int]  # side, account and price of an order: a tuple is made quickly
Places = dict[int, Place]  # by order id


class Order(NamedTuple):
    """A resting order as it is shown."""

    id: int
    account: int
    side: int
    price: int
    remaining: int


class BookSide:
    """The levels of one side by price. `ranks` orders them, the best last: prices, those of sells negated.

    Words are first eight bytes of records: `word` of all events of its orders and `taker_word` of those that
    trade with them, but for kind and reason; `plain_word` of a NEW_LIMIT GTC without flags that rests here,
    `cancel_word` of a CANCEL.
    """

    __slots__ = (
        "cancel_word",
        "levels",
        "number",
        "places",
        "plain_word",
        "ranks",
        "side",
        "sign",
        "taker_word",
        "word",
    )

    def __init__(self, number: int, side: int, places: Places) -> None:
        self.number = number  # of its market; to point at it would leave a cycle to be collected
        self.side = side
        self.sign = 1 if side == BUY else -1
        self.places = places  # those of all markets
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []
        self.word = event_word(side=side, market=number)
        self.taker_word = event_word(side=SELL if side == BUY else BUY, market=number)
        self.cancel_word = command_word(Kind.CANCEL, market=number)
        self.plain_word = command_word(Kind.NEW_LIMIT, side, TimeInForce.GTC, market=number)

    def __iter__(self) -> Iterator[Order]:
        """All orders, best price first, oldest first; not to be changed meanwhile."""
        for price, level in self.best_first():
            for order_id, remaining in level.items():
                yield Order(order_id, self.places[order_id][1], self.side, price, remaining)

    def best_first(self) -> Iterator[tuple[int, Level]]:
        """Prices with their levels."""
        for rank in reversed(self.ranks):
            price = rank * self.sign
            yield price, self.levels[price]

    def quantities(self) -> list[tuple[int, int]]:
        """Prices with what all orders there have, best first."""
        return [(price, sum(level.values())) for price, level in self.best_first()]

    def best_price(self) -> int:
        """The price that trades first, 0 when there is none."""
        return self.ranks[-1] * self.sign if self.ranks else 0

    def first(self) -> tuple[int, int]:
        """Id and remaining quantity of the order that trades first, of a side that has one."""
        level = self.levels[self.ranks[-1] * self.sign]
        order_id = next(iter(level))
        return order_id, level[order_id]

    def reaches(self, price: int) -> bool:
        """Whether an order here would trade with an opposite one at `price`."""
        return bool(self.ranks) and self.ranks[-1] >= price * self.sign

    def remaining(self, order_id: int) -> int:
        """What is left of an order that rests here."""
        return self.levels[self.places[order_id][2]][order_id]

    def add(self, order_id: int, account: int, price: int, quantity: int) -> None:
        """Put an order at the end of the queue of its price."""
        level = self.levels.get(price)
        if level is None:
            self.levels[price] = {order_id: quantity}
            insort(self.ranks, price * self.sign)
        else:
            if len(level) == _LONG and not isinstance(level, OrderedDict):
                level = self.levels[price] = OrderedDict(level)
            level[order_id] = quantity
        self.places[order_id] = (self, account, price)

    def add_worst(self, order_id: int, account: int, price: int, quantity: int) -> None:
        """Put in an order that is no better than those before; `ranks` is to be reversed after the last."""
        if price not in self.levels:
            self.levels[price] = {}
            self.ranks.append(price * self.sign)
        self.add(order_id, account, price, quantity)

    def remove(self, order_id: int) -> int:
        """Take an order out, and its level if that was the last one; what remained of it is returned."""
        price = self.places.pop(order_id)[2]
        level = self.levels[price]
        remaining = level.pop(order_id)
        if not level:
            del self.levels[price]
            rank, ranks = price * self.sign, self.ranks
            if ranks[-1] == rank:
                ranks.pop()
            else:
                del ranks[bisect_left(ranks, rank)]
        return remaining

    def resize(self, order_id: int, quantity: int) -> None:
        """Leave an order with another quantity in its place."""
        self.levels[self.places[order_id][2]][order_id] = quantity
