"""Plays a stream of commands in one book and tells its processor time; run as a file, by any interpreter.

Nothing is imported here that the interpreter of a peer does not have: thingmarket only where it is played.
Usage: python -P peer_engine.py BOOK [check] < commands. It writes one line of JSON.
"""

import gc
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module, metadata
from struct import Struct
from typing import Any, Final, NamedTuple

# As in thingmarket.matching.records, which the interpreter of a peer does not have.
COMMAND: Final = Struct("<BBBBIQqQQ")
EVENT: Final = Struct("<BBBBIQQQqQQ")
NEW_LIMIT, CANCEL, BUY, GTC = 1, 3, 1, 1
TRADE: Final = 2
BATCH_BYTES: Final = 512 * COMMAND.size
CHECK_FACTOR: Final = 1_000_003
PEER: Final = "matching_engine"

TradeFields = tuple[int, int, int, int]  # maker, taker, price, quantity
Calls = Iterable[tuple[Callable[[Any], Any], Any]]


class Played(NamedTuple):
    """What one book can do with a stream: calls to be timed, and trades to be checked."""

    version: str
    calls: Callable[[bytes], Calls]
    trades: Callable[[Any], Iterator[TradeFields]]


def own() -> Played:
    """Our plain Python book: packed commands in batches of 512 in, packed events out."""
    engine_class = import_module("thingmarket.matching").Engine

    def calls(commands: bytes) -> Calls:
        process = engine_class("python").process
        return [(process, commands[at : at + BATCH_BYTES]) for at in range(0, len(commands), BATCH_BYTES)]

    def trades(events: bytes) -> Iterator[TradeFields]:
        for kind, _, _, _, _, _, maker, taker, price, quantity, _ in EVENT.iter_unpack(events):
            if kind == TRADE:
                yield maker, taker, price, quantity

    return Played("", calls, trades)


def peer_packed() -> Played:
    """The package matching-engine from the same packed commands: making its objects is in its time."""
    made = _peer_maker()

    def calls(commands: bytes) -> Calls:
        process = _peer_markets(commands)
        return (
            (process[record[4]], made(seq, record))
            for seq, record in enumerate(COMMAND.iter_unpack(commands), 1)
        )

    return Played(metadata.version("matching-engine"), calls, _peer_trades())


def peer_ready() -> Played:
    """The same with all commands made as objects beforehand: its matching alone."""
    packed = peer_packed()
    return packed._replace(calls=lambda commands: list(packed.calls(commands)))


def _peer_markets(commands: bytes) -> dict[int, Callable[[Any], Any]]:
    """An engine for each market, there before the clock runs."""
    engine_class = import_module(f"{PEER}.engine").MatchingEngine
    markets = {record[4] for record in COMMAND.iter_unpack(commands)}
    return {market: engine_class().process for market in sorted(markets)}


def _peer_maker() -> Callable[[int, tuple[int, ...]], Any]:
    """Makes the peer's object for a command: orders of one account may trade with each other, as in ours."""
    domain: Any = import_module(f"{PEER}.domain")
    sequenced, new, cancel = domain.SequencedCommand, domain.NewOrder, domain.CancelOrder
    buy, sell, limit, gtc = domain.Side.BUY, domain.Side.SELL, domain.OrderType.LIMIT, domain.TimeInForce.GTC
    trade_anyway = domain.SelfTradePrevention.NONE

    def made(seq: int, record: tuple[int, ...]) -> Any:
        kind, side, tif, flags, _, quantity, price, order_id, account = record
        if kind == CANCEL:
            return sequenced(seq, 0, cancel(order_id, account))
        if kind != NEW_LIMIT or tif != GTC or flags:
            raise ValueError("a peer is measured on orders that rest until cancelled, and on cancels")
        side_of_peer = buy if side == BUY else sell
        return sequenced(
            seq,
            0,
            new(order_id, account, side_of_peer, price, quantity, limit, gtc, False, trade_anyway),
        )

    return made


def _peer_trades() -> Callable[[Any], Iterator[TradeFields]]:
    trade_class = import_module(f"{PEER}.events").Trade

    def trades(events: list[Any]) -> Iterator[TradeFields]:
        for event in events:
            if type(event) is trade_class:
                yield event.maker_order_id, event.taker_order_id, event.price, event.qty

    return trades


BOOKS: Final = {"own": own, "peer_packed": peer_packed, "peer_ready": peer_ready}


def checked(played: Played, commands: bytes) -> dict[str, int]:
    """Trades and their checksum in order, outside of any measured time."""
    count = checksum = traded = 0
    for process, call in played.calls(commands):
        for maker, taker, price, quantity in played.trades(process(call)):
            count += 1
            traded += quantity
            checksum = (checksum * CHECK_FACTOR + maker * 31 + taker * 17 + price * 7 + quantity) % 2**64
    return {"trades": count, "traded_quantity": traded, "trade_checksum": checksum}


def cpu_s(calls: Calls) -> float:
    """Processor time of the calls only; what they give is dropped as it comes."""
    gc.collect()
    gc.freeze()  # what was made beforehand is none of the collector's business
    begin_s = time.process_time()
    for process, call in calls:
        process(call)
    taken_s = time.process_time() - begin_s
    gc.unfreeze()
    return taken_s


def main(name: str, check: bool) -> None:
    """Play what comes on standard input once."""
    commands = sys.stdin.buffer.read()
    played = BOOKS[name]()
    told = {
        "python": platform.python_version(),
        "version": played.version,
        "cpu_s": cpu_s(played.calls(commands)),
        **(checked(played, commands) if check else {}),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], check=sys.argv[2:] == ["check"])
