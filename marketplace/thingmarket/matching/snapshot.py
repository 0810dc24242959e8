"""The bytes that a book is hashed and kept as; both kinds write the same ones.

A snapshot, little-endian without padding:

- magic `tmbook01`, then `<QQQ` orders_max, levels_max, number of the last event;
- `<I` number of existing markets, then each of them, numbers ascending:
  `<IB` market, state; for its buys, then its sells, `<Q` count and, best price first, oldest first,
  `<QqQQ` order id, price, remaining quantity, account;
- BLAKE2b-256 over everything before.

The state hash is BLAKE2b-256 over the markets in the same form, then `<Q` number of the last event.
"""

from collections.abc import Iterator
from hashlib import blake2b
from struct import Struct
from struct import error as StructError
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import BOOK_ORDERS_CEILING, BOOK_PRICE_MAX, BOOK_QUANTITY_MAX
from thingmarket.matching.levels import BUY, SELL
from thingmarket.matching.records import MarketState
from thingmarket.matching.resting import CONTINUOUS, Market, Resting

_MAGIC: Final = b"tmbook01"
_HEAD: Final = Struct("<8sQQQ")  # magic, orders_max, levels_max, number of the last event
_MARKETS: Final = Struct("<I")
_MARKET: Final = Struct("<IB")  # number, state
_COUNT: Final = Struct("<Q")
_ORDER: Final = Struct("<QqQQ")  # order id, price, remaining quantity, account
_SEQ: Final = Struct("<Q")
_CHECK_BYTES: Final = 32
_STATES: Final = frozenset(int(state) for state in MarketState)


def state_hash(resting: Resting) -> bytes:
    """BLAKE2b-256 over every order in its place, every state, and the number of the last event. [BOK-22]"""
    digest = blake2b(digest_size=_CHECK_BYTES)
    for part in _markets(resting):
        digest.update(part)
    digest.update(_SEQ.pack(resting.events.seq))
    return digest.digest()


def pack(resting: Resting) -> bytes:
    """Write a snapshot."""
    head = _HEAD.pack(_MAGIC, resting.orders_max, resting.levels_max, resting.events.seq)
    body = b"".join((head, _MARKETS.pack(len(resting.markets)), *_markets(resting)))
    return body + _check(body)


def limits_of(data: bytes) -> tuple[int, int]:
    """The most orders and levels that the book of a snapshot holds; the rest is not looked at."""
    if len(data) < _HEAD.size:
        raise _bad("too short")
    magic, orders_max, levels_max, _ = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise _bad("no snapshot of an order book")
    return orders_max, levels_max


def unpack(
    data: bytes, orders_max: int, levels_max: int, fok_makers_max: int = BOOK_ORDERS_CEILING
) -> Resting:
    """Read a snapshot of a book with these limits, and believe nothing of it."""
    if limits_of(data) != (orders_max, levels_max):
        raise _bad("other limits")
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if _check(body) != check:
        raise _bad("the check at its end is wrong")
    resting = Resting(orders_max, levels_max, fok_makers_max)
    try:
        resting.events.seq = _HEAD.unpack_from(body)[3]
        end = _read_markets(resting, body, _HEAD.size)
    except StructError:
        raise _bad("it ends too early") from None
    if end != len(body):
        raise _bad("bytes behind its end")
    return resting


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES).digest()


def _bad(reason: str) -> Refusal:
    return Refusal(Code.MALFORMED, f"book snapshot: {reason}", rule="BOK-22")


def _markets(resting: Resting) -> Iterator[bytes]:
    for market in resting.markets_ascending():
        yield _MARKET.pack(market.number, market.state)
        for side in (market.buys, market.sells):
            orders = [
                _ORDER.pack(id_, price, remaining, account) for id_, account, _, price, remaining in side
            ]
            yield _COUNT.pack(len(orders))
            yield b"".join(orders)


def _read_markets(resting: Resting, body: bytes, at: int) -> int:
    """Fill an empty book with all markets and return where they end."""
    (count,) = _MARKETS.unpack_from(body, at)
    at += _MARKETS.size
    last = 0
    for _ in range(count):
        number, state = _MARKET.unpack_from(body, at)
        if number <= last:
            raise _bad("markets out of order")
        if state not in _STATES:
            raise _bad("unknown state of a market")
        last = number
        market = Market(number, resting.places)
        market.state = state
        at = _read_side(resting, market, BUY, body, at + _MARKET.size)
        at = _read_side(resting, market, SELL, body, at)
        _admit(resting, market)
    return at


def _admit(resting: Resting, market: Market) -> None:
    """Take a market that may stand so. [BOK-19] [BOK-21]"""
    if market.state == CONTINUOUS:
        if not market.buys.ranks and not market.sells.ranks:
            raise _bad("a market without orders or a state")
        if market.is_crossed():
            raise _bad("a crossed book")
    resting.keep(market)


def _read_side(resting: Resting, market: Market, side: int, body: bytes, at: int) -> int:
    """Fill an empty side, the best order first, and return where it ends."""
    (count,) = _COUNT.unpack_from(body, at)
    at += _COUNT.size
    if count > resting.orders_max - len(resting.places):
        raise _bad("too many orders")
    own = market.own(side)
    for _ in range(count):
        id_, price, remaining, account = _ORDER.unpack_from(body, at)
        at += _ORDER.size
        if not id_ or id_ in resting.places:
            raise _bad("an order id that is 0 or stands twice")
        if not 0 < remaining <= BOOK_QUANTITY_MAX or not 0 < price <= BOOK_PRICE_MAX:
            raise _bad("a quantity or price out of bounds")
        if own.ranks and price * own.sign > own.ranks[-1]:
            raise _bad("orders out of order")
        own.add_worst(id_, account, price, remaining)
    if len(own.ranks) > resting.levels_max:
        raise _bad("too many prices")
    own.ranks.reverse()
    return at
