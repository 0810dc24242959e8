"""The matching loop: an order that comes in meets those that rest, best price first, oldest first."""

from typing import Final

from thingmarket.matching.levels import BookSide
from thingmarket.matching.records import EventKind, Reason, SelfTrade, event_word
from thingmarket.matching.resting import Resting

_TRADE: Final = int(EventKind.TRADE)
_SELF_TRADE: Final = event_word(EventKind.CANCELED, Reason.SELF_TRADE, market=0)
TRADE: Final = int(SelfTrade.TRADE)  # plain numbers: enums are slow here
_CANCEL_TAKER: Final = int(SelfTrade.CANCEL_TAKER)
_CANCEL_MAKER: Final = int(SelfTrade.CANCEL_MAKER)
_NO_CAP: Final = -(2**63)  # below every rank


def limit_rank(makers: BookSide, price: int) -> int:
    """The rank that makers must have at least to trade at `price`; 0 takes every price."""
    return price * makers.sign if price else _NO_CAP


def is_fillable(
    makers: BookSide, account: int, price: int, wanted: int, self_trade: int, *, room: int
) -> bool:
    """Whether the whole order would trade now, with `room` makers at most. [BOK-10]"""
    limit = limit_rank(makers, price)
    for level_price, level in makers.best_first():
        if level_price * makers.sign < limit:
            return False
        for maker, left in level.items():
            if not room:  # it trades nothing and pays nothing: its sender could look for hours
                return False
            room -= 1
            if self_trade != TRADE and makers.places[maker][1] == account:
                if self_trade != _CANCEL_MAKER:
                    return False
                continue
            wanted -= left
            if wanted <= 0:
                return True
    return False


def match(  # noqa: PLR0917  arguments by name cost more
    resting: Resting, makers: BookSide, order_id: int, account: int, price: int, wanted: int, self_trade: int
) -> int:
    """Trade until an order is filled, finds no maker at its price, or is cancelled by its own flags.

    What is left of it is returned; the market may be left empty.
    """
    ranks, levels, sign = makers.ranks, makers.levels, makers.sign
    trade, limit = resting.events.trade, limit_rank(makers, price)
    word = _TRADE | makers.taker_word
    while wanted and ranks and ranks[-1] >= limit:
        level_price = ranks[-1] * sign
        level = levels[level_price]
        maker = next(iter(level))  # the oldest
        left = level[maker]
        if self_trade and makers.places[maker][1] == account:
            wanted = _prevent(resting, makers, maker, order_id, price, wanted, self_trade)
        elif left > wanted:
            level[maker] = left = left - wanted
            trade(word, maker, order_id, level_price, wanted, left)
            return 0
        else:
            trade(word, maker, order_id, level_price, left, 0)
            makers.remove(maker)
            wanted -= left
    return wanted


def _prevent(  # noqa: PLR0917  as above
    resting: Resting, makers: BookSide, maker: int, taker: int, price: int, wanted: int, self_trade: int
) -> int:
    """Cancel what the flags of the incoming order say, so that no owner trades with himself. [BOK-12]"""
    if self_trade != _CANCEL_TAKER:
        maker_price = makers.best_price()
        resting.events.told(_SELF_TRADE | makers.word, maker, maker_price, makers.remove(maker))
    if self_trade == _CANCEL_MAKER:
        return wanted
    resting.events.told(_SELF_TRADE | makers.taker_word, taker, price, wanted)
    return 0
