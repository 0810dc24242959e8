"""What an order must be by itself, before anybody's permission or money is looked at. [ORD-4]"""

from typing import Final

from thingmarket.limits import BOOK_PRICE_MAX, INTEGER_MAX, ORDER_LIFE_MS, ORDER_STEPS_MAX
from thingmarket.matching.records import FLAGS_KNOWN, POST_ONLY, Kind, MarketState, Side, TimeInForce
from thingmarket.trading.frame import (
    STATUS_BAD_FIELD,
    STATUS_BAD_PRICE,
    STATUS_BAD_QUANTITY,
    STATUS_BAD_TIF,
    STATUS_WRONG_STATE,
    Order,
    OrderStatus,
)
from thingmarket.trading.terms import MarketTerms

_RESTING: Final = frozenset((TimeInForce.GTC, TimeInForce.GTD))
_IMMEDIATE: Final = frozenset((TimeInForce.IOC, TimeInForce.FOK))
_TAKES_NONE: Final = frozenset((MarketState.HALTED, MarketState.CLOSED))
_GATHERS: Final = frozenset((MarketState.PRE_OPEN, MarketState.AUCTION))
_LEAST_PRICE: Final = 1


def worst_price(order: Order) -> int:
    """The price that is worst for the sender; a seller at any price may get the lowest. [ORD-9]"""
    return order.price or _LEAST_PRICE


def may_rest(order: Order) -> bool:
    """Whether an order stays in the book when it does not trade at once."""
    return order.tif in _RESTING


def check_fields(order: Order) -> int:
    """The status of side and flags, 0 when they are good."""
    if order.side not in (Side.BUY, Side.SELL) or order.flags & ~FLAGS_KNOWN:
        return STATUS_BAD_FIELD
    return 0


def check_terms(order: Order, terms: MarketTerms, state: int, now_ms: int) -> int:
    """The status of a new or replacing order, in the order of checks, 0 when it is good."""
    if not _is_good_tif(order):
        return STATUS_BAD_TIF
    if not _is_good_expiry(order, now_ms):
        return OrderStatus.BAD_EXPIRY
    if order.quantity == 0:
        return STATUS_BAD_QUANTITY
    if not _is_good_price(order):
        return STATUS_BAD_PRICE
    if _is_too_much(order, terms):
        return OrderStatus.TOO_MUCH
    if state in _TAKES_NONE or (state in _GATHERS and not may_rest(order)):
        return STATUS_WRONG_STATE
    return 0


def _is_good_tif(order: Order) -> bool:
    if order.kind == Kind.NEW_MARKET:
        return order.tif in _IMMEDIATE and not order.flags & POST_ONLY
    if order.kind == Kind.REPLACE:
        return may_rest(order)
    return may_rest(order) or (order.tif in _IMMEDIATE and not order.flags & POST_ONLY)


def _is_good_expiry(order: Order, now_ms: int) -> bool:
    """[ORD-3] A GTD order ends in the next 366 days, any other has no expiry."""
    if order.tif == TimeInForce.GTD:
        return now_ms < order.expires_ms <= now_ms + ORDER_LIFE_MS
    return order.expires_ms == 0


def _is_good_price(order: Order) -> bool:
    """Only a seller may leave the price to the market."""
    anything = order.kind == Kind.NEW_MARKET and order.side == Side.SELL
    return (0 if anything else 1) <= order.price <= BOOK_PRICE_MAX


def _is_too_much(order: Order, terms: MarketTerms) -> bool:
    """Fills stay between the worst prices of their two sides, so no fill is more than this either."""
    cash = terms.cash(worst_price(order), order.quantity)
    return abs(cash) > INTEGER_MAX or order.quantity * terms.lot_steps > ORDER_STEPS_MAX
