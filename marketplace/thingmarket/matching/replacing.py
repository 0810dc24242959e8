"""Replacing an order: smaller at the same price keeps the place, everything else is as if it came anew."""

from typing import Final

from thingmarket.limits import BOOK_PRICE_MAX, BOOK_QUANTITY_MAX
from thingmarket.matching.entering import rests, takes_no_order, would_cross
from thingmarket.matching.events import Fields
from thingmarket.matching.levels import BookSide
from thingmarket.matching.matching import match
from thingmarket.matching.records import FLAGS_KNOWN, SELF_TRADE_MASK, EventKind, MarketState, Reason
from thingmarket.matching.resting import Resting

_REPLACED: Final = int(EventKind.REPLACED)
_FLAGS_UNKNOWN: Final = 0xFF ^ FLAGS_KNOWN


def replace(resting: Resting, fields: Fields) -> None:
    """REPLACE. [BOK-17]"""
    _, side, _, flags, number, quantity, price, order_id, account = fields
    place = resting.places.get(order_id)
    if place is None or place[0].number != number:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    own, owner, old_price = place
    if owner != account:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    if side != own.side or flags & _FLAGS_UNKNOWN:
        return resting.events.rejected(fields, Reason.BAD_FIELD)
    reason = _hindrance(resting, own, old_price, fields)
    if reason:
        return resting.events.rejected(fields, reason)
    if price == old_price and quantity <= own.remaining(order_id):
        own.resize(order_id, quantity)
        return resting.events.told(_REPLACED | own.word, order_id, price, quantity)
    return _come_anew(resting, own, fields)


def _hindrance(resting: Resting, own: BookSide, old_price: int, fields: Fields) -> int:
    """The reason against the new terms of a resting order, 0 for none."""
    _, side, tif, flags, _, quantity, price, _, _ = fields
    if not rests(tif):
        return Reason.BAD_TIF
    if not 0 < quantity <= BOOK_QUANTITY_MAX:
        return Reason.BAD_QUANTITY
    if not 0 < price <= BOOK_PRICE_MAX:
        return Reason.BAD_PRICE
    market = resting.markets[own.number]
    if takes_no_order(market, tif):
        return Reason.WRONG_STATE
    alone = len(own.levels[old_price]) == 1  # its level goes and leaves room for the new one
    if not alone and not resting.has_room(own, price):
        return Reason.BOOK_FULL
    if would_cross(market, side, price, flags):
        return Reason.WOULD_CROSS
    return Reason.NONE


def _come_anew(resting: Resting, own: BookSide, fields: Fields) -> None:
    """Take an order out and let it come in under its id, without a NEW."""
    _, side, _, flags, _, quantity, price, order_id, account = fields
    market, left = resting.markets[own.number], quantity
    own.remove(order_id)
    resting.events.told(_REPLACED | own.word, order_id, price, quantity)
    if market.state == MarketState.CONTINUOUS:
        makers, self_trade = market.opposite(side), flags & SELF_TRADE_MASK
        left = match(resting, makers, order_id, account, price, quantity, self_trade)
    if left:
        own.add(order_id, account, price, left)
    else:
        resting.forget_if_empty(market.number)
