"""How orders leave or shrink without a trade: CANCEL, REDUCE, EXPIRE and MASS_CANCEL, in every state."""

from typing import Final

from thingmarket.matching.events import Fields
from thingmarket.matching.levels import Order
from thingmarket.matching.records import ALL_MARKETS, EventKind, Reason
from thingmarket.matching.resting import Market, Resting

_CANCELED: Final = int(EventKind.CANCELED)  # plain numbers: enums are slow here
_REDUCED: Final = int(EventKind.REDUCED)
_EXPIRED: Final = int(EventKind.EXPIRED)


def cancel(resting: Resting, fields: Fields) -> None:
    """CANCEL, by the account that entered the order."""
    order = resting.orders.get(fields[7])
    if order is None or order.market.number != fields[4]:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    if order.account != fields[8]:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    return _leave(resting, order, _CANCELED)


def expire(resting: Resting, fields: Fields) -> None:
    """EXPIRE, which asks for no account: the engine keeps no time, who calls it does."""
    order = resting.orders.get(fields[7])
    if order is None or order.market.number != fields[4]:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    return _leave(resting, order, _EXPIRED)


def reduce(resting: Resting, fields: Fields) -> None:
    """REDUCE by a quantity that leaves something; the place in the queue is kept."""
    _, _, _, _, number, quantity, _, order_id, account = fields
    order = resting.orders.get(order_id)
    if order is None or order.market.number != number:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    if order.account != account:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    if not 0 < quantity < order.remaining:
        return resting.events.rejected(fields, Reason.BAD_QUANTITY)
    order.market.own(order.side).reduce(order, quantity)
    return resting.events.changed(_REDUCED, order, order.remaining)


def mass_cancel(resting: Resting, fields: Fields) -> None:
    """MASS_CANCEL of all orders of an account, in one market or in all of them."""
    number, account = fields[4], fields[8]
    found = False
    for market in _markets(resting, number):
        for order in [order for order in market if order.account == account]:
            found = True
            _leave(resting, order, _CANCELED)
    if not found:
        resting.events.rejected(fields, Reason.UNKNOWN_ORDER)


def _markets(resting: Resting, number: int) -> list[Market]:
    if number == ALL_MARKETS:
        return resting.markets_ascending()
    return [resting.markets[number]] if number in resting.markets else []


def _leave(resting: Resting, order: Order, kind: int) -> None:
    resting.remove(order)
    resting.events.changed(kind, order, order.remaining)
    resting.forget_if_empty(order.market)
