"""Resting orders of one side of one market: levels of one price each, first come first served."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from thingmarket.matching.records import Side

if TYPE_CHECKING:
    from thingmarket.matching.resting import Market

BUY: Final = int(Side.BUY)  # plain numbers: enums are slow here
SELL: Final = int(Side.SELL)


class Order:
    """An order with its neighbours in the queue of its level, while it rests."""

    __slots__ = ("account", "id", "market", "newer", "older", "price", "remaining", "side")

    def __init__(  # noqa: PLR0917  arguments by name cost more
        self, id_: int, account: int, market: "Market", side: int, price: int, remaining: int
    ) -> None:
        self.id = id_
        self.account = account
        self.market = market
        self.side = side
        self.price = price
        self.remaining = remaining
        self.older: Order | None = None
        self.newer: Order | None = None


class Level:
    """The orders of one price, a queue linked through them; `quantity` and `count` are their sums."""

    __slots__ = ("count", "newest", "oldest", "quantity")

    def __init__(self) -> None:
        self.oldest: Order | None = None
        self.newest: Order | None = None
        self.quantity = 0
        self.count = 0

    def __iter__(self) -> Iterator[Order]:
        order = self.oldest
        while order is not None:
            following = order.newer  # the order may be taken out meanwhile
            yield order
            order = following

    def append(self, order: Order) -> None:
        """Put an order behind all others."""
        last = self.newest
        order.older = last
        order.newer = None
        if last is None:
            self.oldest = order
        else:
            last.newer = order
        self.newest = order
        self.quantity += order.remaining
        self.count += 1

    def remove(self, order: Order) -> None:
        """Take an order out, wherever it stands."""
        older, newer = order.older, order.newer
        if older is None:
            self.oldest = newer
        else:
            older.newer = newer
        if newer is None:
            self.newest = older
        else:
            newer.older = older
        self.quantity -= order.remaining
        self.count -= 1


class BookSide:
    """The levels of one side by price. `ranks` orders them, the best last: prices, those of sells negated."""

    __slots__ = ("levels", "ranks", "sign")

    def __init__(self, side: int) -> None:
        self.sign = 1 if side == BUY else -1
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []

    def __iter__(self) -> Iterator[Order]:
        """All orders, best price first, oldest first; not to be changed meanwhile."""
        for _, level in self.best_first():
            yield from level

    def best_first(self) -> Iterator[tuple[int, Level]]:
        """Prices with their levels."""
        for rank in reversed(self.ranks):
            price = rank * self.sign
            yield price, self.levels[price]

    def best_price(self) -> int:
        """The price that trades first, 0 when there is none."""
        return self.ranks[-1] * self.sign if self.ranks else 0

    def first(self) -> Order:
        """The order that trades first, of a side that has one."""
        order = self.levels[self.best_price()].oldest
        assert order is not None, "a level without orders is taken out"
        return order

    def reaches(self, price: int) -> bool:
        """Whether an order here would trade with an opposite one at `price`."""
        return bool(self.ranks) and self.ranks[-1] >= price * self.sign

    def add(self, order: Order) -> None:
        """Put an order at the end of the queue of its price."""
        price = order.price
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.ranks, price * self.sign)
        level.append(order)

    def append_worst(self, order: Order) -> None:
        """Put in an order that is no better than those before; `ranks` is to be reversed after the last."""
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level()
            self.ranks.append(order.price * self.sign)
        level.append(order)

    def remove(self, order: Order) -> None:
        """Take an order out, and its level if that was the last one."""
        price = order.price
        level = self.levels[price]
        level.remove(order)
        if not level.count:
            del self.levels[price]
            rank, ranks = price * self.sign, self.ranks
            if ranks[-1] == rank:
                ranks.pop()
            else:
                del ranks[bisect_left(ranks, rank)]

    def reduce(self, order: Order, quantity: int) -> None:
        """Make an order smaller by `quantity`, in its place."""
        order.remaining -= quantity
        self.levels[order.price].quantity -= quantity
