"""States of a market, and the call auction that uncrosses one."""

from typing import Final

from thingmarket.matching.auction import clearing
from thingmarket.matching.events import Fields
from thingmarket.matching.records import EventKind, MarketState, Reason, event_word
from thingmarket.matching.resting import CONTINUOUS, Market, Resting

_STATES: Final = frozenset(int(state) for state in MarketState)


def set_state(resting: Resting, fields: Fields) -> None:
    """SET_STATE. [BOK-19]"""
    new, number = fields[2], fields[4]
    if not number or new not in _STATES:
        return resting.events.rejected(fields, Reason.BAD_FIELD)
    market = resting.market(number)
    old = market.state
    if old == MarketState.CLOSED and new != old:
        return resting.events.rejected(fields, Reason.WRONG_STATE)
    if new == CONTINUOUS and market.is_crossed():
        return resting.events.rejected(fields, Reason.BOOK_CROSSED)
    market.state = new
    resting.keep(market)
    resting.forget_if_empty(number)
    return resting.events.state(number, new, old)


def uncross(resting: Resting, fields: Fields) -> None:
    """UNCROSS: what can trade trades at one price; the state stays. [BOK-20]"""
    number, reference = fields[4], fields[6]
    if not number:
        return resting.events.rejected(fields, Reason.BAD_FIELD)
    market = resting.market(number)
    if market.state != MarketState.AUCTION:
        return resting.events.rejected(fields, Reason.WRONG_STATE)
    cleared = clearing(market.buys.quantities(), market.sells.quantities(), reference)
    _fill(resting, market, cleared.price, cleared.volume)
    return resting.events.state(number, market.state, cleared.volume, cleared.price)


def _fill(resting: Resting, market: Market, price: int, volume: int) -> None:
    """Pair the best buy with the best sell until the volume is traded: all that one of both sides has."""
    word = event_word(EventKind.TRADE, market=market.number)
    while volume:
        (buy, bid), (sell, asked) = market.buys.first(), market.sells.first()
        traded = min(bid, asked)
        volume -= traded
        resting.events.trade(word, buy, sell, price, traded, bid - traded)
        for side, order_id, left in ((market.buys, buy, bid - traded), (market.sells, sell, asked - traded)):
            if left:
                side.resize(order_id, left)
            else:
                side.remove(order_id)
