"""How orders leave or shrink without a trade: CANCEL, REDUCE, EXPIRE and MASS_CANCEL, in every state."""

from typing import Final

from thingmarket.matching.events import Fields
from thingmarket.matching.levels import Place
from thingmarket.matching.records import ALL_MARKETS, EventKind, Reason
from thingmarket.matching.resting import Market, Resting

_CANCELED: Final = int(EventKind.CANCELED)  # plain numbers: enums are slow here
_REDUCED: Final = int(EventKind.REDUCED)
_EXPIRED: Final = int(EventKind.EXPIRED)


def cancel(resting: Resting, fields: Fields) -> None:
    """CANCEL, by the account that entered the order."""
    place = resting.places.get(fields[7])
    if place is None or place[0].number != fields[4]:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    if place[1] != fields[8]:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    return leave(resting, fields[7], place, _CANCELED)


def expire(resting: Resting, fields: Fields) -> None:
    """EXPIRE, which asks for no account: the engine keeps no time, who calls it does."""
    place = resting.places.get(fields[7])
    if place is None or place[0].number != fields[4]:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    return leave(resting, fields[7], place, _EXPIRED)


def reduce(resting: Resting, fields: Fields) -> None:
    """REDUCE by a quantity that leaves something; the place in the queue is kept."""
    _, _, _, _, number, quantity, _, order_id, account = fields
    place = resting.places.get(order_id)
    if place is None or place[0].number != number:
        return resting.events.rejected(fields, Reason.UNKNOWN_ORDER)
    side, owner, price = place
    if owner != account:
        return resting.events.rejected(fields, Reason.NOT_OWNER)
    left = side.remaining(order_id) - quantity
    if not quantity or left <= 0:
        return resting.events.rejected(fields, Reason.BAD_QUANTITY)
    side.resize(order_id, left)
    return resting.events.told(_REDUCED | side.word, order_id, price, left)


def mass_cancel(resting: Resting, fields: Fields) -> None:
    """MASS_CANCEL of all orders of an account, in one market or in all of them."""
    number, account = fields[4], fields[8]
    found = False
    for market in _markets(resting, number):
        for order_id in [order.id for order in market if order.account == account]:
            found = True
            leave(resting, order_id, resting.places[order_id], _CANCELED)
    if not found:
        resting.events.rejected(fields, Reason.UNKNOWN_ORDER)


def _markets(resting: Resting, number: int) -> list[Market]:
    if number == ALL_MARKETS:
        return resting.markets_ascending()
    return [resting.markets[number]] if number in resting.markets else []


def leave(resting: Resting, order_id: int, place: Place, kind: int) -> None:
    """Take an order out and tell it by an event of this kind."""
    side, _, price = place
    resting.events.told(kind | side.word, order_id, price, side.remove(order_id))
    if not side.ranks:
        resting.forget_if_empty(side.number)
