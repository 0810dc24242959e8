"""What a node tells of its books: the last trades, and how each watched market goes on. [MKT-14] [MKT-15]"""

import asyncio
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    MARKET_TRADES_WAITING_MAX,
    MARKET_WATCHES_MAX,
    MARKET_WATCHES_PER_SESSION_MAX,
    TRADES_KEPT_MAX,
    TRADES_PER_MARKET_MAX,
)
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EVENT_BYTES, EventKind, MarketState
from thingmarket.time import UnixMs
from thingmarket_node.core.books import BookSeen, Levels
from thingmarket_node.core.messages import Published

Row = tuple[int, int, UnixMs, tuple[int, ...]]
"""Log position, place in the entry, entry time, fields of the event."""


class LogPlace(NamedTuple):
    """An entry of the log and its time."""

    seq: int
    time_ms: int


NOWHERE: Final = LogPlace(0, 0)


def traded_before(state: State) -> dict[int, LogPlace]:
    """Markets that traded up to now, of which a node that starts keeps nothing. [MKT-14]"""
    here = LogPlace(state.seq, state.time_ms)
    return {number: here for number, record in state.markets.items() if record.last_ticks}


class Trades:
    """The last trades of each market, in the order of the log; all of them durable."""

    def __init__(self, forgotten: Mapping[int, LogPlace]) -> None:
        """Start with none; `forgotten` says up to where which markets had traded before."""
        self._of: dict[int, deque[Row]] = {}  # the market that traded last is last
        self._forgotten = dict(forgotten)
        self._count = 0

    def take(self, entry: Published) -> list[Row]:
        """Keep the trades of a durable entry, and name them."""
        events = entry.outcome.events
        rows: list[Row] = [
            (entry.seq, index, UnixMs(entry.time_ms), EVENT.unpack_from(events, index * EVENT_BYTES))
            for index, kind in enumerate(events[::EVENT_BYTES])  # the kind is the first byte of each
            if kind == EventKind.TRADE
        ]
        for row in rows:
            self._keep(row)
        while self._count > TRADES_KEPT_MAX:
            market = next(iter(self._of))
            self._drop(market, self._of[market])
        return rows

    def after(self, market: int, seq: int, index: int) -> Iterator[Row]:
        """Trades of a market behind a place of the log, oldest first."""
        kept = self._of.get(market, ())
        first = bisect_right(kept, (seq, index), key=itemgetter(0, 1))
        return (kept[place] for place in range(first, len(kept)))

    def forgotten(self, market: int) -> LogPlace:
        """Up to where trades of a market are not kept any more; NOWHERE: it keeps all there ever were."""
        return self._forgotten.get(market, NOWHERE)

    def _keep(self, row: Row) -> None:
        market = row[3][4]
        kept = self._of.pop(market, None)
        if kept is None:
            kept = deque()
        self._of[market] = kept
        if len(kept) >= TRADES_PER_MARKET_MAX:
            self._drop(market, kept)
        kept.append(row)
        self._count += 1

    def _drop(self, market: int, kept: deque[Row]) -> None:
        seq, _, time_ms, _ = kept.popleft()
        self._forgotten[market] = LogPlace(seq, time_ms)
        self._count -= 1
        if not kept:
            del self._of[market]


@dataclass(slots=True, kw_only=True, eq=False)
class MarketWatch:
    """One reader of one market: what he has been told, and what is to be told next.

    However long he takes, no more than one book and so many trades wait for him.
    """

    market: int
    levels: int
    session: bytes
    seq: int
    state: MarketState
    bids: dict[int, tuple[int, int]] = field(default_factory=dict)
    asks: dict[int, tuple[int, int]] = field(default_factory=dict)
    newest: BookSeen | None = None
    afresh: bool = False  # the next message is a snapshot
    trades: deque[Row] = field(default_factory=lambda: deque(maxlen=MARKET_TRADES_WAITING_MAX))
    missed: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    ended: Refusal | None = None

    def take(self, seen: BookSeen, trades: Iterable[Row]) -> None:
        """The market went on: the newer book takes the place of one that still waits."""
        if seen.seq <= self.seq:
            return  # it is in what was told first
        self.newest, self.afresh = seen, self.afresh or seen.afresh
        for row in trades:
            if row[0] > self.seq:
                self.missed += len(self.trades) == self.trades.maxlen
                self.trades.append(row)
        self.grown.set()

    def start(self, bids: Levels, asks: Levels) -> None:
        """These levels were told as the first snapshot."""
        self.bids, self.asks = _by_price(bids), _by_price(asks)

    def turn(self) -> "Turn | None":
        """What to tell now, which counts as told then; None: nothing."""
        self.grown.clear()
        if self.newest is None:
            return None
        seen, trades = self.newest, tuple(self.trades)
        bids, asks = seen.bids[: self.levels], seen.asks[: self.levels]
        turn = Turn(
            seq=seen.seq,
            state=seen.state,
            snapshot=self.afresh,
            bids=bids if self.afresh else _changed(self.bids, bids),
            asks=asks if self.afresh else _changed(self.asks, asks),
            trades=trades,
            missed=self.missed,
        )
        self.start(bids, asks)
        self.seq, self.state = seen.seq, seen.state
        self.newest, self.afresh, self.missed = None, False, 0
        self.trades.clear()
        return turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a watch; in what is no snapshot a level with 0 lots is gone."""

    seq: int
    state: MarketState
    snapshot: bool
    bids: Levels
    asks: Levels
    trades: tuple[Row, ...] = ()
    missed: int = 0


class MarketData:
    """The trades that are kept, and all who watch markets."""

    def __init__(self, wanted: dict[int, int], forgotten: Mapping[int, LogPlace]) -> None:
        """Say in `wanted` how many levels of which market are to be looked at after each group."""
        self.trades = Trades(forgotten)
        self._wanted = wanted
        self._of_market: dict[int, dict[MarketWatch, None]] = defaultdict(dict)
        self._of_session: dict[bytes, int] = defaultdict(int)
        self._count = 0
        self._closed = False

    @property
    def watches(self) -> int:
        """How many watch a market."""
        return self._count

    def open(self, watch: MarketWatch) -> None:
        """Begin to watch (BUSY when there are too many, UNAVAILABLE while shutting down)."""
        if self._closed:
            raise Refusal(Code.UNAVAILABLE, "the node is shutting down")
        if self._of_session[watch.session] >= MARKET_WATCHES_PER_SESSION_MAX:
            most = MARKET_WATCHES_PER_SESSION_MAX
            raise Refusal(Code.BUSY, f"a session watches at most {most} markets", "MKT-15")
        if self.watches >= MARKET_WATCHES_MAX:
            raise Refusal(Code.BUSY, f"{MARKET_WATCHES_MAX} watch markets of this node already", "MKT-15")
        self._of_market[watch.market][watch] = None
        self._of_session[watch.session] += 1
        self._count += 1
        self._want(watch.market)

    def close_one(self, watch: MarketWatch) -> None:
        """Stop watching."""
        del self._of_market[watch.market][watch]
        if not self._of_market[watch.market]:
            del self._of_market[watch.market]
        self._of_session[watch.session] -= 1
        self._count -= 1
        if not self._of_session[watch.session]:
            del self._of_session[watch.session]
        self._want(watch.market)

    def tell(self, entries: Iterable[Published], books: Iterable[BookSeen]) -> list[Row]:
        """A group is durable: keep and name its trades, and pass on what its markets came to."""
        found: list[Row] = []
        traded: dict[int, list[Row]] = defaultdict(list)
        for entry in entries:
            if entry.outcome.events:
                found += self.trades.take(entry)
        for row in found:
            traded[row[3][4]].append(row)
        for seen in books:
            for watch in self._of_market.get(seen.market, ()):
                watch.take(seen, traded.get(seen.market, ()))
        return found

    def close(self) -> None:
        """End every watch: the node is shutting down."""
        self._closed = True
        for watches in self._of_market.values():
            for watch in watches:
                watch.ended = Refusal(Code.UNAVAILABLE, "the node is shutting down")
                watch.grown.set()

    def _want(self, market: int) -> None:
        watches = self._of_market.get(market)
        if watches:
            self._wanted[market] = max(watch.levels for watch in watches)
        else:
            self._wanted.pop(market, None)


def _by_price(levels: Levels) -> dict[int, tuple[int, int]]:
    return {price: (lots, orders) for price, lots, orders in levels}


def _changed(old: dict[int, tuple[int, int]], levels: Levels) -> Levels:
    """Levels that are new or other than they were, and those that are gone or too far down, with 0 lots."""
    new = _by_price(levels)
    gone = tuple((price, 0, 0) for price in old if price not in new)
    return gone + tuple((price, *rest) for price, rest in new.items() if old.get(price) != rest)
