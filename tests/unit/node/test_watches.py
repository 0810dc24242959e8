"""Who is told of which fills, and how many at a time."""

import pytest

from thingmarket.ids import PartyId
from thingmarket.market.entries import Notice, NoticeKind, Outcome
from thingmarket.matching.records import EVENT, EventKind
from thingmarket.trading.frame import order_id_of
from thingmarket_node.core.messages import Published
from thingmarket_node.market_data import Trades
from thingmarket_node.watches import News, Watch, Watches

ANNA, BOB = PartyId("anna"), PartyId("bob")
ANNAS, BOBS, EVES = 7, 8, 9


def trade(maker: int, taker: int) -> bytes:
    ids = order_id_of(maker, 1), order_id_of(taker, 1)
    return EVENT.pack(EventKind.TRADE, 0, 1, 1, 1, 1, *ids, 20, 3, 0)


def fill(owner: PartyId, slot: int) -> Notice:
    return Notice(owner, NoticeKind.FILL, slot.to_bytes(8, "big"), "TRADED")


def entry(seq: int, events: bytes, *notices: Notice) -> Published:
    outcome = Outcome(seq=seq, events=events, notices=notices)
    return Published(seq=seq, time_ms=seq, sender="", body=b"", outcome=outcome)


def told(watches: Watches, watch: Watch, *entries: Published) -> tuple[News, ...]:
    kept = Trades({})
    watches.tell(entries[-1].seq, entries, [row for one in entries for row in kept.take(one)])
    seq, news = watch.queue.get_nowait()
    assert seq == entries[-1].seq
    return news


def test_a_fill_is_told_with_the_trades_of_its_slot_in_its_entry() -> None:
    """[MKT-7]"""
    watches = Watches()
    watch = watches.open(ANNA, b"s")
    news = told(
        watches,
        watch,
        entry(
            1, trade(ANNAS, EVES) + trade(BOBS, EVES) + trade(ANNAS, EVES), fill(ANNA, ANNAS), fill(BOB, BOBS)
        ),
        entry(2, trade(BOBS, ANNAS), fill(BOB, BOBS)),  # her own frame, which answers her itself
        entry(3, trade(ANNAS, EVES), fill(ANNA, ANNAS), Notice(ANNA, NoticeKind.OFFER, b"o", "ENDED")),
    )
    assert [[row[:2] for row in one.trades] for one in news] == [[(1, 0), (1, 2)], [(3, 0)], []]
    assert not any(one.more for one in news)


def test_of_many_fills_the_first_are_told_and_that_there_were_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-7]"""
    monkeypatch.setattr("thingmarket_node.watches.FILL_TRADES_TOLD_MAX", 2)
    watches = Watches()
    watch = watches.open(ANNA, b"s")
    one, two = trade(ANNAS, EVES), trade(ANNAS, EVES) * 2
    notice = fill(ANNA, ANNAS)
    news = told(watches, watch, entry(1, one, notice), entry(2, two, notice), entry(3, one, notice))
    assert [(len(seen.trades), seen.more) for seen in news] == [(1, False), (1, True), (0, True)]
