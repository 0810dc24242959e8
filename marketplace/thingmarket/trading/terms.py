"""What a market trades, in which ledgers, and by which rules."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import FEE_BASIS_POINTS_MAX, INTEGER_MAX, MARKET_NUMBER_MAX
from thingmarket.proportions import WHOLE_BASIS_POINTS

_CANCEL_TAKER: Final = 1
_STRICTEST_SELF_TRADE: Final = 3


@unique
class Settlement(IntEnum):
    """How a fill is settled; the number is stored for ever."""

    DVP = 1  # delivery versus payment: money against goods, at once
    ESCROW = 2  # a contract whose money waits for the delivery


@unique
class BookShown(IntEnum):
    """Who sees depth and trades; the number is stored for ever."""

    OPEN = 1
    CLOSED = 2  # the operator alone; everybody sees the best prices and the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """What a desk needs of a market's terms, which stay as long as it does. [ORD-2]

    A lot is the least that is traded: `lot_steps` of the goods. An order names a price in ticks and a
    quantity in lots; a tick is `tick_minor` a lot, and the price `offset_ticks` costs nothing.
    """

    number: int
    product_id: str
    currency: str
    money_ledger: int
    goods_ledger: int
    tick_minor: int = 1
    lot_steps: int = 1
    offset_ticks: int = 0
    self_trade: int = _CANCEL_TAKER  # least self-trade prevention of an order, 1..3
    settlement: Settlement = Settlement.DVP
    fee_basis_points: int = 0  # of the cash of a fill, out of what the seller gets

    def cash(self, price: int, quantity: int) -> int:
        """What a buyer pays for so many lots at a price, in minor units; he is paid what is below 0."""
        return (price - self.offset_ticks) * quantity * self.tick_minor

    def fee(self, cash_minor: int) -> int:
        """What the operator gets of the cash of one fill: half up, nothing of what a seller pays. [ORD-11]"""
        if cash_minor <= 0:
            return 0
        return (cash_minor * self.fee_basis_points + WHOLE_BASIS_POINTS // 2) // WHOLE_BASIS_POINTS


def checked(terms: MarketTerms) -> MarketTerms:
    """Return terms that a desk can work with (OUT_OF_RANGE, BAD_FIELD). [ORD-2]"""
    for name, low, high in (
        ("number", 1, MARKET_NUMBER_MAX),
        ("money_ledger", 1, INTEGER_MAX),
        ("goods_ledger", 1, INTEGER_MAX),
        ("tick_minor", 1, INTEGER_MAX),
        ("lot_steps", 1, INTEGER_MAX),
        ("offset_ticks", 0, INTEGER_MAX),
        ("self_trade", _CANCEL_TAKER, _STRICTEST_SELF_TRADE),
        ("fee_basis_points", 0, FEE_BASIS_POINTS_MAX),
    ):
        value = getattr(terms, name)
        if not low <= value <= high:
            raise Refusal(Code.OUT_OF_RANGE, f"{name}={value} is not between {low} and {high}", "ORD-2")
    if terms.money_ledger == terms.goods_ledger:
        raise Refusal(Code.BAD_FIELD, "money and goods of a market are two ledgers", "ORD-2")
    if terms.settlement is Settlement.ESCROW and (terms.offset_ticks or terms.fee_basis_points):
        raise Refusal(
            Code.BAD_FIELD, "escrow knows no prices below zero, and fees are those of contracts", "ORD-2"
        )
    return terms
