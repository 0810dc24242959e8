"""New orders: what is asked of them, in the order in which the first no is told, and what becomes of them."""

from typing import Final

from thingmarket.limits import BOOK_PRICE_MAX, BOOK_QUANTITY_MAX
from thingmarket.matching.events import Fields
from thingmarket.matching.levels import BUY, SELL
from thingmarket.matching.matching import is_fillable, match
from thingmarket.matching.records import (
    FLAGS_KNOWN,
    POST_ONLY,
    SELF_TRADE_MASK,
    EventKind,
    Kind,
    MarketState,
    Reason,
    TimeInForce,
    event_word,
)
from thingmarket.matching.resting import Market, Resting

_NEW_MARKET: Final = int(Kind.NEW_MARKET)  # plain numbers: enums are slow here
_NEW: Final = int(EventKind.NEW)
_REMAINDER: Final = event_word(EventKind.CANCELED, Reason.IMMEDIATE_REMAINDER, market=0)
_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_FOK, _GTD = int(TimeInForce.FOK), int(TimeInForce.GTD)
_CONTINUOUS: Final = int(MarketState.CONTINUOUS)
_HALTED: Final = int(MarketState.HALTED)  # this state and the next one take no order
_ACCEPTED: Final = int(Reason.NONE)
_FLAGS_UNKNOWN: Final = 0xFF ^ FLAGS_KNOWN


def enter(resting: Resting, fields: Fields) -> None:
    """NEW_LIMIT and NEW_MARKET."""
    _, side, tif, flags, number, quantity, price, order_id, account = fields
    reason = _fault(fields)
    if reason:
        return resting.events.rejected(fields, reason)
    market = resting.market(number)
    reason = _hindrance(resting, market, fields)
    if reason:
        return resting.events.rejected(fields, reason)
    own, left = market.own(side), quantity
    if market.state == _CONTINUOUS:
        makers, self_trade = market.opposite(side), flags & SELF_TRADE_MASK
        left = match(resting, makers, order_id, account, price, quantity, self_trade)
    if left and rests(tif):
        own.add(order_id, account, price, left)
        resting.keep(market)
        return resting.events.told(_NEW | own.word, order_id, price, left)
    if left:
        resting.events.told(_REMAINDER | own.word, order_id, price, left)
    return resting.forget_if_empty(number)


def rests(tif: int) -> bool:
    """Whether what does not trade stays in the book."""
    return tif in (_GTC, _GTD)


def wrong_tif(tif: int, flags: int, *, market_order: bool = False) -> bool:
    """Whether an order may not be given so: only one that can rest may be post-only."""
    if rests(tif):
        return market_order
    return tif not in (_IOC, _FOK) or bool(flags & POST_ONLY)


def takes_no_order(market: Market, tif: int) -> bool:
    """Whether the state of a market keeps this order out: before an auction only what can rest comes in."""
    return market.state != _CONTINUOUS and (market.state >= _HALTED or not rests(tif))


def would_cross(market: Market, side: int, price: int, flags: int) -> bool:
    """Whether an order that is to make would take. [BOK-11]"""
    return bool(flags & POST_ONLY) and market.state == _CONTINUOUS and market.opposite(side).reaches(price)


def _fault(fields: Fields) -> int:
    """What is wrong with the record itself."""
    kind, side, tif, flags, number, quantity, price, order_id, _ = fields
    if not number or side not in (BUY, SELL) or flags & _FLAGS_UNKNOWN or not order_id:
        return Reason.BAD_FIELD
    if wrong_tif(tif, flags, market_order=kind == _NEW_MARKET):
        return Reason.BAD_TIF
    if not 0 < quantity <= BOOK_QUANTITY_MAX:
        return Reason.BAD_QUANTITY
    if not (0 if kind == _NEW_MARKET else 1) <= price <= BOOK_PRICE_MAX:
        return Reason.BAD_PRICE
    return _ACCEPTED


def _hindrance(resting: Resting, market: Market, fields: Fields) -> int:
    """What in the book stands against a sound order."""
    _, side, tif, flags, _, quantity, price, order_id, account = fields
    if takes_no_order(market, tif):
        return Reason.WRONG_STATE
    if order_id in resting.places:
        return Reason.DUPLICATE_ID
    makers, self_trade = market.opposite(side), flags & SELF_TRADE_MASK
    if rests(tif):
        full = len(resting.places) >= resting.orders_max
        if full or not resting.has_room(market.own(side), price):
            return Reason.BOOK_FULL
        if would_cross(market, side, price, flags):
            return Reason.WOULD_CROSS
    elif tif == _FOK and not is_fillable(
        makers, account, price, quantity, self_trade, room=resting.fok_makers_max
    ):
        return Reason.NOT_FILLABLE
    return _ACCEPTED
