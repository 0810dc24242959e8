"""Replacing an order: smaller at the same price keeps the place, everything else is as if it came anew."""

from typing import Final

from thingmarket.limits import BOOK_PRICE_MAX, BOOK_QUANTITY_MAX
from thingmarket.matching.entering import rests, takes_no_order, would_cross
from thingmarket.matching.events import Fields
from thingmarket.matching.levels import Order
from thingmarket.matching.matching import match
from thingmarket.matching.records import FLAGS_KNOWN, SELF_TRADE_MASK, EventKind, MarketState, Reason
from thingmarket.matching.resting import Resting

_REPLACED: Final = int(EventKind.REPLACED)
_FLAGS_UNKNOWN: Final = 0xFF ^ FLAGS_KNOWN


def replace(resting: Resting, fields: Fields) -> None:
    """REPLACE. [BOK-17]"""
    _, side, tif, flags, number, quantity, price, order_id, account = fields
    order = resting.orders.get(order_id)
    if order is None or order.market.number != number:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    if order.account != account:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    if side != order.side or flags & _FLAGS_UNKNOWN:
        return resting.events.rejected(fields, Reason.BAD_FIELD)
    reason = _hindrance(resting, order, tif, flags, price=price, quantity=quantity)
    if reason:
        return resting.events.rejected(fields, reason)
    if _keeps_place(order, price, quantity):
        order.market.own(side).reduce(order, order.remaining - quantity)
        return resting.events.changed(_REPLACED, order, quantity)
    return _come_anew(resting, order, price, quantity, flags)


def _keeps_place(order: Order, price: int, quantity: int) -> bool:
    return price == order.price and quantity <= order.remaining


def _hindrance(resting: Resting, order: Order, tif: int, flags: int, *, price: int, quantity: int) -> int:
    """The reason against the new terms of a resting order, 0 for none."""
    if not rests(tif):
        return Reason.BAD_TIF
    if not 0 < quantity <= BOOK_QUANTITY_MAX:
        return Reason.BAD_QUANTITY
    if not 0 < price <= BOOK_PRICE_MAX:
        return Reason.BAD_PRICE
    if takes_no_order(order.market, tif):
        return Reason.WRONG_STATE
    if not _has_room(resting, order, price):
        return Reason.BOOK_FULL
    if would_cross(order.market, order.side, price, flags):
        return Reason.WOULD_CROSS
    return Reason.NONE


def _has_room(resting: Resting, order: Order, price: int) -> bool:
    """Whether the new price has a level, or one is left: the order's own, if nobody else is in it."""
    if order.market.own(order.side).levels[order.price].count == 1:
        return True
    return resting.has_room(order.market, order.side, price)


def _come_anew(resting: Resting, order: Order, price: int, quantity: int, flags: int) -> None:
    """Take an order out and let it come in under its id, without a NEW."""
    market = order.market
    resting.remove(order)
    order.price, order.remaining = price, quantity
    resting.events.changed(_REPLACED, order, quantity)
    if market.state == MarketState.CONTINUOUS:
        match(resting, order, flags & SELF_TRADE_MASK)
    if order.remaining:
        resting.add(order)
    else:
        resting.forget_if_empty(market)
