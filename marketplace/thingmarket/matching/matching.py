"""The matching loop: an order that comes in meets those that rest, best price first, oldest first."""

from typing import Final

from thingmarket.matching.levels import BookSide, Order
from thingmarket.matching.records import EventKind, Reason, SelfTrade
from thingmarket.matching.resting import Resting

_CANCELED: Final = int(EventKind.CANCELED)  # plain numbers: enums are slow here
_SELF_TRADE: Final = int(Reason.SELF_TRADE)
TRADE: Final = int(SelfTrade.TRADE)
_CANCEL_TAKER: Final = int(SelfTrade.CANCEL_TAKER)
_CANCEL_MAKER: Final = int(SelfTrade.CANCEL_MAKER)
_NO_CAP: Final = -(2**63)  # below every rank


def limit_rank(makers: BookSide, price: int) -> int:
    """The rank that makers must have at least to trade at `price`; 0 takes every price."""
    return price * makers.sign if price else _NO_CAP


def is_fillable(taker: Order, makers: BookSide, self_trade: int) -> bool:
    """Whether the whole order would trade now. [BOK-10]"""
    wanted, limit = taker.remaining, limit_rank(makers, taker.price)
    for price, level in makers.best_first():
        if price * makers.sign < limit:
            return False
        for maker in level:
            if maker.account == taker.account and self_trade != TRADE:
                if self_trade != _CANCEL_MAKER:
                    return False
                continue
            wanted -= maker.remaining
            if wanted <= 0:
                return True
    return False


def match(resting: Resting, taker: Order, self_trade: int) -> None:
    """Trade until the order is filled, finds no maker at its price, or is cancelled by its own flags.

    What is left of it is its `remaining`; its market may be left empty.
    """
    makers = taker.market.opposite(taker.side)
    ranks, levels, sign = makers.ranks, makers.levels, makers.sign
    events, orders, account = resting.events, resting.orders, taker.account
    limit = limit_rank(makers, taker.price)
    while taker.remaining and ranks and ranks[-1] >= limit:
        level = levels[ranks[-1] * sign]
        maker = level.oldest
        assert maker is not None, "a level without orders is taken out"
        if self_trade and maker.account == account:
            _prevent(resting, taker, maker, self_trade)
            continue
        traded = min(taker.remaining, maker.remaining)
        taker.remaining -= traded
        maker.remaining -= traded
        level.quantity -= traded
        events.trade(taker, maker, traded)
        if not maker.remaining:
            makers.remove(maker)
            del orders[maker.id]


def _prevent(resting: Resting, taker: Order, maker: Order, self_trade: int) -> None:
    """Cancel what the flags of the incoming order say, so that no owner trades with himself. [BOK-12]"""
    if self_trade != _CANCEL_TAKER:
        resting.events.changed(_CANCELED, maker, maker.remaining, _SELF_TRADE)
        resting.remove(maker)
    if self_trade != _CANCEL_MAKER:
        resting.events.changed(_CANCELED, taker, taker.remaining, _SELF_TRADE)
        taker.remaining = 0
