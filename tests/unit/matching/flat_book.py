"""Price-time priority and the call auction by brute force: one list of orders, searched through each time."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from thingmarket.matching.records import POST_ONLY, SelfTrade, Side, TimeInForce

Fact = tuple[str | int, ...]  # a name, and numbers


@dataclass(slots=True)
class FlatOrder:
    """An order; `price` 0 takes any."""

    id: int
    account: int
    side: int
    price: int
    left: int

    def takes(self, maker: "FlatOrder") -> bool:
        """Whether the two would trade, as prices go."""
        if self.side == maker.side:
            return False
        if not self.price:
            return True
        return maker.price <= self.price if self.side == Side.BUY else maker.price >= self.price


class FlatBook:
    """One market that trades, for orders without a fault; the first in the list is the oldest."""

    def __init__(self) -> None:
        self.orders: list[FlatOrder] = []

    def order(self, id_: int) -> FlatOrder | None:
        return next((order for order in self.orders if order.id == id_), None)

    def new(self, order: FlatOrder, tif: int, flags: int) -> list[Fact]:
        rests = tif in (TimeInForce.GTC, TimeInForce.GTD)
        if self.order(order.id) is not None:
            return [("DUPLICATE_ID", order.id)]
        if flags & POST_ONLY and any(order.takes(maker) for maker in self.orders):
            return [("WOULD_CROSS", order.id)]
        if tif == TimeInForce.FOK and not self.would_fill(order, flags & 6):
            return [("NOT_FILLABLE", order.id)]
        facts = self.match(order, flags & 6)
        if order.left and rests:
            self.orders.append(order)
            facts.append(("NEW", order.id, order.left))
        elif order.left:
            facts.append(("CANCELED", order.id, order.left))
        return facts

    def would_fill(self, order: FlatOrder, self_trade: int) -> bool:
        """Try it on a copy: nothing of it may be cancelled, and nothing may be left."""
        facts = deepcopy(self).match(taker := deepcopy(order), self_trade)
        return not taker.left and not any(fact[0] == "CANCELED" and fact[1] == order.id for fact in facts)

    def match(self, taker: FlatOrder, self_trade: int) -> list[Fact]:
        facts: list[Fact] = []
        while taker.left and (makers := [maker for maker in self.orders if taker.takes(maker)]):
            maker = (min if taker.side == Side.BUY else max)(makers, key=lambda order: order.price)
            if self_trade and maker.account == taker.account:
                if self_trade in (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH):
                    facts.append(("CANCELED", maker.id, maker.left))
                    self.orders.remove(maker)
                if self_trade in (SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH):
                    facts.append(("CANCELED", taker.id, taker.left))
                    taker.left = 0
                continue
            quantity = min(maker.left, taker.left)
            maker.left -= quantity
            taker.left -= quantity
            facts.append(("TRADE", maker.id, taker.id, maker.price, quantity))
            self.orders = [order for order in self.orders if order.left]
        return facts

    def cancel(self, id_: int, account: int) -> list[Fact]:
        order = self.order(id_)
        if order is None or order.account != account:
            return [("UNKNOWN_ORDER" if order is None else "NOT_OWNER", id_)]
        self.orders.remove(order)
        return [("CANCELED", id_, order.left)]

    def reduce(self, id_: int, account: int, quantity: int) -> list[Fact]:
        order = self.order(id_)
        if order is None or order.account != account:
            return [("UNKNOWN_ORDER" if order is None else "NOT_OWNER", id_)]
        if quantity >= order.left:
            return [("BAD_QUANTITY", id_)]
        order.left -= quantity
        return [("REDUCED", id_, order.left)]

    def replace(self, order: FlatOrder, flags: int) -> list[Fact]:
        old = self.order(order.id)
        if old is None or old.account != order.account:
            return [("UNKNOWN_ORDER" if old is None else "NOT_OWNER", order.id)]
        if old.side != order.side:
            return [("BAD_FIELD", order.id)]
        if flags & POST_ONLY and any(order.takes(maker) for maker in self.orders):
            return [("WOULD_CROSS", order.id)]
        facts: list[Fact] = [("REPLACED", order.id, order.left)]
        if old.price == order.price and old.left >= order.left:
            old.left = order.left
            return facts
        self.orders.remove(old)
        facts += self.match(order, flags & 6)
        if order.left:
            self.orders.append(order)
        return facts

    def side(self, side: int) -> list[tuple[int, int, int]]:
        """Id, price and what is left of each order, the first to trade first."""
        sign = -1 if side == Side.BUY else 1
        own = [order for order in self.orders if order.side == side]
        own.sort(key=lambda order: sign * order.price)  # stable: the older one stays before
        return [(order.id, order.price, order.left) for order in own]


def cleared(
    buys: Sequence[tuple[int, int]], sells: Sequence[tuple[int, int]], reference: int
) -> tuple[int, int]:
    """Price and volume of a call auction over (price, quantity), by trying every tick."""
    best = None
    for price in range(min(at for at, _ in sells), max(at for at, _ in buys) + 1):
        bid = sum(quantity for at, quantity in buys if at >= price)
        asked = sum(quantity for at, quantity in sells if at <= price)
        distance = abs(price - reference) if reference > 0 else 0
        rank = (-min(bid, asked), abs(bid - asked), distance, price)
        if best is None or rank < best:
            best = rank
    return (best[3], -best[0]) if best else (0, 0)
