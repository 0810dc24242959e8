"""Orders that rest in the book, as the desk knows them: what they hold follows from them alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest

from thingmarket.matching.records import Side
from thingmarket.trading.frame import slot_of
from thingmarket.trading.terms import MarketTerms


@dataclass(slots=True, kw_only=True)
class RestingOrder:
    """An order in the book. The desk changes it; everybody else reads it."""

    id: int
    owner: int
    market: int
    side: int
    price: int
    remaining: int


class RestingOrders:
    """All resting orders: by id, by the slot of their sender, by market and by owner."""

    __slots__ = ("_by_id", "_by_market", "_by_owner", "_by_slot")

    def __init__(self) -> None:
        """Start with none."""
        self._by_id: dict[int, RestingOrder] = {}
        self._by_slot: dict[int, set[int]] = {}
        self._by_market: dict[int, set[int]] = {}
        self._by_owner: dict[int, set[int]] = {}

    def get(self, order_id: int) -> RestingOrder | None:
        """A resting order."""
        return self._by_id.get(order_id)

    def of_slot(self, slot: int) -> tuple[int, ...]:
        """Ids of the orders of one sender, ascending."""
        return tuple(sorted(self._by_slot.get(slot, ())))

    def of_slot_after(self, slot: int, after: int, most: int) -> tuple[int, ...]:
        """The first ids of the orders of one sender behind one, ascending."""
        behind = (order_id for order_id in self._by_slot.get(slot, ()) if order_id > after)
        return tuple(nsmallest(most, behind))

    def of_market(self, market: int) -> tuple[int, ...]:
        """Ids of the orders in one market, ascending."""
        return tuple(sorted(self._by_market.get(market, ())))

    def count(self, slot: int) -> int:
        """How many orders of one sender rest."""
        return len(self._by_slot.get(slot, ()))

    def count_of_owner(self, owner: int) -> int:
        """How many orders of one owner rest, whichever of his things sent them."""
        return len(self._by_owner.get(owner, ()))

    def of_owner(self, owner: int) -> Iterator[RestingOrder]:
        """The orders of one owner, in no order that means anything."""
        return (self._by_id[order_id] for order_id in self._by_owner.get(owner, ()))

    def add(self, order: RestingOrder) -> None:
        """An order came to rest."""
        assert order.id not in self._by_id, "an id rests once"
        self._by_id[order.id] = order
        self._by_slot.setdefault(slot_of(order.id), set()).add(order.id)
        self._by_market.setdefault(order.market, set()).add(order.id)
        self._by_owner.setdefault(order.owner, set()).add(order.id)

    def remove(self, order: RestingOrder) -> None:
        """An order rests no more."""
        del self._by_id[order.id]
        for index, key in (
            (self._by_slot, slot_of(order.id)),
            (self._by_market, order.market),
            (self._by_owner, order.owner),
        ):
            index[key].remove(order.id)
            if not index[key]:
                del index[key]

    def __iter__(self) -> Iterator[RestingOrder]:
        """All of them, as they came."""
        return iter(self._by_id.values())


def money_hold(terms: MarketTerms, side: int, price: int, quantity: int) -> int:
    """What so many lots may cost their sender at his worst price: linear in the quantity. [ORD-9]"""
    cash = terms.cash(price, quantity)
    return max(0, cash if side == Side.BUY else -cash)


def goods_hold(terms: MarketTerms, side: int, quantity: int) -> int:
    """Steps of the goods that so many lots take from their sender. [ORD-9]"""
    return quantity * terms.lot_steps if side == Side.SELL else 0
