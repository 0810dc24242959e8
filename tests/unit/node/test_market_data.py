"""Trades that a node keeps, and watchers of a market, however slow they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    MARKET_TRADES_WAITING_MAX,
    MARKET_WATCHES_PER_SESSION_MAX,
    TRADES_PER_MARKET_MAX,
)
from thingmarket.market.entries import Outcome
from thingmarket.matching.records import Event, EventKind, MarketState
from thingmarket.wire.market_data import MarketNews
from thingmarket_client.live_book import LiveBook
from thingmarket_node.core.books import BookSeen, Levels
from thingmarket_node.core.frame_events import events_for
from thingmarket_node.core.messages import Published
from thingmarket_node.market_data import LogPlace, MarketData, MarketWatch, Row, Trades, Turn

OPEN = MarketState.CONTINUOUS


def trade(**fields: Any) -> Event:
    return Event(**{"kind": EventKind.TRADE, "last": True, "market": 1, "seq": 1, "side": 1} | fields)


def entry(seq: int, *events: Event) -> Published:
    packed = b"".join(event.pack() for event in events)
    return Published(
        seq=seq, time_ms=seq, sender="", body=b"", outcome=Outcome(seq=seq, events=packed), command=None
    )


def row(seq: int) -> Row:
    return Trades({}).take(entry(seq, trade(price=seq)))[0]


def book(seq: int, bids: Levels = (), asks: Levels = (), *, afresh: bool = False) -> BookSeen:
    return BookSeen(market=1, seq=seq, state=OPEN, bids=bids, asks=asks, afresh=afresh)


def watch(levels: int = 5, *, session: bytes = b"s", seq: int = 0) -> MarketWatch:
    return MarketWatch(market=1, levels=levels, session=session, seq=seq, state=OPEN)


def told(turn: Turn) -> MarketNews:
    return MarketNews(
        seq=turn.seq,
        snapshot=turn.snapshot,
        state=turn.state,
        bids=turn.bids,
        asks=turn.asks,
        trades=(),
        trades_missed=turn.missed,
    )


def test_trades_are_kept_in_the_order_of_the_log_and_those_that_were_dropped_are_named() -> None:
    """[MKT-14]"""
    trades = Trades({1: LogPlace(7, 7)})
    assert trades.forgotten(1) == (7, 7)
    assert trades.forgotten(3) == (0, 0), "a market that never traded has nothing that was forgotten"
    for seq in range(8, 8 + TRADES_PER_MARKET_MAX):
        trades.take(entry(seq, trade(), trade(market=2, kind=EventKind.NEW)))
    assert trades.forgotten(1) == (7, 7)
    trades.take(entry(2_000, trade(), trade()))
    assert trades.forgotten(1) == (9, 9)
    assert [found[0] for found in trades.after(1, 1_006, 0)] == [1_007, 2_000, 2_000]
    assert [found[:2] for found in trades.after(1, 2_000, 0)] == [(2_000, 1)]
    assert list(trades.after(2, 0, -1)) == []


def test_the_trades_of_all_markets_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-14]"""
    monkeypatch.setattr("thingmarket_node.market_data.TRADES_KEPT_MAX", 4)
    trades = Trades({})
    for seq, market in enumerate((1, 2, 1, 3, 2, 3), start=1):
        trades.take(entry(seq, trade(market=market)))
    # The market that has not traded for the longest time loses first.
    assert [len(list(trades.after(market, 0, -1))) for market in (1, 2, 3)] == [0, 2, 2]
    assert trades.forgotten(1) == (3, 3)


SIDES = st.dictionaries(st.integers(1, 12), st.tuples(st.integers(1, 9), st.integers(1, 3)), max_size=8)


def levels_of(found: dict[int, tuple[int, int]], *, best_high: bool) -> Levels:
    return tuple((price, *found[price]) for price in sorted(found, reverse=best_high))


@given(st.lists(st.tuples(SIDES, SIDES, st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_deltas_on_the_snapshot_equal_the_book_whatever_was_skipped(steps: list[Any]) -> None:
    """[MKT-15]"""
    watched, seen = watch(3), LiveBook(market=1)
    watched.start((), ())
    for seq, (bids, asks, afresh, reads) in enumerate(steps, start=1):
        newest = book(seq, levels_of(bids, best_high=True), levels_of(asks, best_high=False), afresh=afresh)
        watched.take(newest, ())
        if reads or seq == len(steps):
            turn = watched.turn()
            assert turn is not None
            seen = seen.after(told(turn))
            assert (seen.seq, seen.bids, seen.asks) == (seq, newest.bids[:3], newest.asks[:3])
    assert watched.turn() is None


def test_a_slow_watcher_has_one_book_and_so_many_trades_waiting() -> None:
    """[MKT-15]"""
    watched = watch()
    watched.start(((9, 1, 1),), ())
    behind = 10
    for seq in range(1, MARKET_TRADES_WAITING_MAX + behind + 1):
        watched.take(book(seq, ((seq, 1, 1),)), [row(seq)])
    turn = watched.turn()
    assert turn is not None
    assert turn.bids == ((9, 0, 0), (MARKET_TRADES_WAITING_MAX + behind, 1, 1))
    assert (turn.missed, len(turn.trades), turn.trades[0][0]) == (
        behind,
        MARKET_TRADES_WAITING_MAX,
        behind + 1,
    )


def test_an_auction_is_followed_by_a_snapshot_even_when_more_has_happened_since() -> None:
    """[MKT-15]"""
    watched = watch()
    watched.start(((9, 1, 1), (8, 1, 1)), ())
    watched.take(book(1, ((8, 1, 1),), afresh=True), ())
    watched.take(book(2, ((8, 1, 1), (7, 1, 1))), ())
    turn = watched.turn()
    assert turn is not None and turn.snapshot and turn.bids == ((8, 1, 1), (7, 1, 1))
    watched.take(book(3, ((8, 1, 1),)), ())
    turn = watched.turn()
    assert turn is not None and not turn.snapshot and turn.bids == ((7, 0, 0),)


def test_what_the_first_snapshot_holds_is_not_told_again() -> None:
    """[MKT-15]"""
    watched = watch(seq=5)
    watched.take(book(5, ((1, 1, 1),)), [row(5)])
    assert watched.turn() is None


def test_only_watched_markets_are_looked_at_and_only_as_deep_as_somebody_wants() -> None:
    """[MKT-15]"""
    wanted: dict[int, int] = {}
    data = MarketData(wanted, {})
    shallow, deep = watch(2), watch(50)
    data.open(shallow)
    data.open(deep)
    assert wanted == {1: 50}
    data.close_one(deep)
    assert wanted == {1: 2}
    data.close_one(shallow)
    assert wanted == {} and data.watches == 0


def test_a_session_watches_so_many_markets_and_a_node_has_so_many_watchers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[MKT-15]"""
    data = MarketData({}, {})
    for _ in range(MARKET_WATCHES_PER_SESSION_MAX):
        data.open(watch())
    with pytest.raises(Refusal) as refused:
        data.open(watch())
    assert refused.value.number == Code.BUSY
    monkeypatch.setattr("thingmarket_node.market_data.MARKET_WATCHES_MAX", MARKET_WATCHES_PER_SESSION_MAX)
    with pytest.raises(Refusal) as refused:
        data.open(watch(session=b"another"))
    assert refused.value.number == Code.BUSY
    data.close()
    with pytest.raises(Refusal) as refused:
        data.open(watch(session=b"another"))
    assert refused.value.number == Code.UNAVAILABLE


def test_an_answer_names_the_makers_that_are_the_senders_own_and_no_others() -> None:
    """[MKT-13]"""
    own, other = 7 << 40 | 1, 8 << 40 | 1
    taker = 7 << 40 | 2
    events = (
        trade(maker=other, taker=taker, price=5, quantity=1, maker_left=3),
        trade(maker=own, taker=taker, price=5, quantity=1, maker_left=4),
        Event(kind=EventKind.NEW, last=True, market=1, seq=3, taker=taker, price=5, quantity=1),
    )
    packed = b"".join(event.pack() for event in events)
    seen, cut = events_for(packed, 7)
    assert not cut
    assert seen == trade(maker=0, taker=taker, price=5, quantity=1).pack() + packed[56:]
