"""Orders of one owner never cross while a market gathers, so that no auction lets them meet. [ORD-14]"""

from collections.abc import Iterable

from thingmarket.matching.records import MarketState, Side
from thingmarket.trading.floor import Floor
from thingmarket.trading.frame import Order
from thingmarket.trading.terms import MarketTerms

_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class OwnPrices:
    """The best prices of an owner, by market and side: at the start of a frame, and of what it brought since.

    What the frame takes out of the book counts after it, as with funds. [ORD-7]
    """

    __slots__ = ("_best", "_gathering")

    def __init__(self, floor: Floor, owner: int, markets: Iterable[MarketTerms]) -> None:
        """Look at what rests of the owner in those of the markets that gather."""
        self._best: dict[tuple[int, int], int] = {}
        self._gathering = {
            terms.number for terms in markets if floor.state_of(terms.number) < MarketState.CONTINUOUS
        }
        if self._gathering:
            for order in floor.orders.of_owner(owner):
                self.add(order.market, order.side, order.price)

    def add(self, market: int, side: int, price: int) -> None:
        """An order of the owner rests; only those in markets that gather count."""
        if market in self._gathering:
            better = max if side == Side.BUY else min
            self._best[market, side] = better(price, self._best.get((market, side), price))

    def cross(self, order: Order) -> bool:
        """Whether an order would trade with one of the same owner in an auction."""
        best = self._best.get((order.market, _OPPOSITE[Side(order.side)]))
        if best is None:
            return False
        return order.price >= best if order.side == Side.BUY else order.price <= best
