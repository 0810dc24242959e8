"""Orders that rest in the book, as the desk knows them: what they hold follows from them alone."""

from dataclasses import dataclass

from thingmarket.matching.records import Side
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


def money_hold(terms: MarketTerms, side: int, price: int, quantity: int) -> int:
    """What so many lots may cost their sender at his worst price: linear in the quantity. [ORD-9]"""
    cash = terms.cash(price, quantity)
    return max(0, cash if side == Side.BUY else -cash)


def goods_hold(terms: MarketTerms, side: int, quantity: int) -> int:
    """Steps of the goods that so many lots take from their sender. [ORD-9]"""
    return quantity * terms.lot_steps if side == Side.SELL else 0
