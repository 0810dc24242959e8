"""`bench auction`: call auctions of many markets at once, beside the plain Python book in the same run."""

import time
from hashlib import blake2b
from random import Random
from statistics import median
from typing import Any, Final

from thingmarket.matching import Engine
from thingmarket.matching.engine import Asked
from thingmarket.matching.records import (
    COMMAND,
    EVENT,
    EventKind,
    Kind,
    MarketState,
    Side,
    TimeInForce,
)

ORDERS: Final = 1_000_000
ORDERS_A_MARKET: Final = 1_000
PYTHON_SHARE: Final = 10  # of the orders, in as many fewer markets: all would take the Python book long
ROUNDS_MIN: Final = 3
MID: Final = 100_000
SPREAD: Final = 100  # ticks on both sides of MID
QUANTITY_MAX: Final = 100
ACCOUNTS: Final = 1_009  # an order's account is its id modulo this
_NO_PRICE: Final = 0

# The prices of buys and of sells. Where both are drawn from the same prices half of everything trades; where
# every buy is above every sell, all of it.
SHAPES: Final = {
    "half": (range(MID - SPREAD, MID + SPREAD), range(MID - SPREAD, MID + SPREAD)),
    "all": (range(MID, MID + SPREAD), range(MID - SPREAD, MID)),
}


def measure(seconds: float = 2.0, orders: int = ORDERS) -> dict[str, Any]:
    """Uncross `orders` orders again and again for about `seconds` of each shape, every time from a new book.

    The time is that of the UNCROSS of all markets, a call each, their events in hand; not that of the orders
    before. Both books uncross a tenth as many orders as well, and must give equal events of them.
    """
    parts: dict[str, dict[str, Any]] = {
        "figures": {"kind": Engine().kind, "orders": orders, "markets": _markets(orders)},
        "references": {},
        "ratios": {},
    }
    for shape in SHAPES:
        for part, values in _of_shape(shape, orders, seconds).items():
            parts[part] |= {f"{shape}_{key}": value for key, value in values.items()}
    return parts


def _of_shape(shape: str, orders: int, seconds: float) -> dict[str, dict[str, Any]]:
    commands, times_ms, events = _collected(shape, orders), list[float](), b""
    end_s = time.perf_counter() + seconds
    while len(times_ms) < ROUNDS_MIN or time.perf_counter() < end_s:
        taken_ms, events = _uncrossed("auto", commands, orders)
        times_ms.append(taken_ms)
    fewer = max(orders // PYTHON_SHARE, ORDERS_A_MARKET)
    some = _collected(shape, fewer)
    python_ms, python_events = _uncrossed("python", some, fewer)
    assert _digest(python_events) == _digest(_uncrossed("auto", some, fewer)[1]), (
        "both books give equal events"
    )
    an_order_us = median(times_ms) / orders * 1_000
    return {
        "figures": {
            **_trades(events),
            "rounds": len(times_ms),
            "uncross_ms": round(median(times_ms), 3),
            "uncross_least_ms": round(min(times_ms), 3),
            "uncross_most_ms": round(max(times_ms), 3),
            "us_an_order": round(an_order_us, 4),
        },
        "references": {"python_orders": fewer, "python_us_an_order": round(python_ms / fewer * 1_000, 3)},
        "ratios": {"engine_to_python": round(python_ms / fewer * 1_000 / an_order_us, 1)},
    }


def _markets(orders: int) -> int:
    return max(orders // ORDERS_A_MARKET, 1)


def _collected(shape: str, orders: int) -> bytes:
    """All markets set to AUCTION, then buys and sells, each for a drawn market."""
    chance, markets = Random(f"bench auction {shape}"), _markets(orders)  # noqa: S311 -- the same in every run
    prices = dict(zip((Side.BUY, Side.SELL), SHAPES[shape], strict=True))
    parts = [
        COMMAND.pack(Kind.SET_STATE, 0, MarketState.AUCTION, 0, each, 0, 0, 0, 0) for each in _all(markets)
    ]
    for order_id in range(1, orders + 1):
        side = Side.BUY if order_id % 2 else Side.SELL
        market, price = chance.randrange(markets) + 1, chance.choice(prices[side])
        quantity, account = chance.randrange(QUANTITY_MAX) + 1, order_id % ACCOUNTS
        parts.append(
            COMMAND.pack(Kind.NEW_LIMIT, side, TimeInForce.GTC, 0, market, quantity, price, order_id, account)
        )
    return b"".join(parts)


def _all(markets: int) -> range:
    return range(1, markets + 1)


def _uncrossed(kind: Asked, commands: bytes, orders: int) -> tuple[float, bytes]:
    """Processor time in milliseconds of the auctions of all markets, and their events."""
    engine = Engine(kind, orders_max=orders)
    engine.process(commands)
    calls = [COMMAND.pack(Kind.UNCROSS, 0, 0, 0, each, 0, _NO_PRICE, 0, 0) for each in _all(_markets(orders))]
    process = engine.process
    begin_s = time.process_time()
    told = [process(call) for call in calls]
    taken_ms = (time.process_time() - begin_s) * 1_000
    return taken_ms, b"".join(told)


def _trades(events: bytes) -> dict[str, int]:
    """How many trades, and over what quantity."""
    traded = [fields[9] for fields in EVENT.iter_unpack(events) if fields[0] == EventKind.TRADE]
    return {"trades": len(traded), "volume": sum(traded)}


def _digest(events: bytes) -> bytes:
    return blake2b(events, digest_size=16).digest()
