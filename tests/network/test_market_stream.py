"""A market as a stream at a real node: a snapshot, then what changes, however slow the reader is."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from random import Random

import pytest

from tests.network.floor import Floor, buy, open_floor, sell
from tests.network.node_process import NodeProcess
from tests.network.test_sdk_trade import free_address
from thingmarket.errors import Code
from thingmarket.limits import MARKET_WATCHES_PER_SESSION_MAX
from thingmarket.matching.records import MarketState
from thingmarket.wire.market_data import MarketNews, read_market_news, watch_market_request
from thingmarket_client import RefusedByNode
from thingmarket_client.frames import CancelAll
from thingmarket_client.live_book import LiveBook
from thingmarket_client.thing import Thing

WAIT_S = 20


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    running = NodeProcess.start(tmp_path / "node", address=free_address())
    yield running
    running.kill()
    assert not running.trouble


@pytest.fixture
async def floor(node: NodeProcess, tmp_path: Path) -> AsyncGenerator[Floor]:
    async with open_floor(node, tmp_path) as opened:
        yield opened


async def messages_of(watcher: Thing, levels: int = 5) -> AsyncGenerator[MarketNews, None]:
    """The messages of a watch as they come."""
    request = watch_market_request(1, levels)
    async with aclosing(watcher.session.listen(request, lambda stub: stub.WatchMarket)) as messages:
        async for message in messages:
            yield read_market_news(message)


async def random_trading(floor: Floor, frames: int) -> None:
    """Buyer and seller place and cancel by chance."""
    chance = Random(4)
    for _ in range(frames):
        who, make = chance.choice(((floor.printer, buy), (floor.shop, sell)))
        wanted = [make(chance.randint(1, 9), chance.randint(90, 110)) for _ in range(chance.randint(1, 8))]
        await who.place_orders(wanted if chance.random() < 0.8 else [CancelAll()])


async def test_deltas_on_the_snapshot_equal_a_fresh_snapshot(floor: Floor) -> None:
    """[MKT-15]"""
    await floor.shop.place_orders([sell(5, 100), sell(2, 102)])
    news = messages_of(floor.printer)
    book = LiveBook(market=1).after(await anext(news))
    assert book.afresh and book.asks == ((100, 5, 1), (102, 2, 1))
    trading = asyncio.ensure_future(random_trading(floor, 40))
    deltas = trades = 0
    fresh = await floor.anna.depth(1, 5)
    while True:
        message = await asyncio.wait_for(anext(news), WAIT_S)
        book = book.after(message)
        deltas += not message.snapshot
        trades += len(message.trades) + message.trades_missed
        if trading.done():
            fresh = await floor.anna.depth(1, 5)
            if book.seq >= fresh.seq or (book.bids, book.asks) == (fresh.bids, fresh.asks):
                break
    assert deltas > 1
    assert (book.bids, book.asks) == (fresh.bids, fresh.asks)
    assert trades == len(await floor.anna.trades(1))
    await news.aclose()


async def test_who_does_not_read_for_long_ends_up_right(floor: Floor) -> None:
    """[MKT-15]"""
    news = messages_of(floor.printer, 100)
    book = LiveBook(market=1).after(await anext(news))
    await random_trading(floor, 60)
    await floor.shop.place_orders([CancelAll()])
    await floor.printer.place_orders([CancelAll()])
    end = await floor.shop.place_orders([sell(7, 111)])
    assert end.receipt is not None
    messages = 0
    while book.seq < end.receipt.seq:
        book = book.after(await asyncio.wait_for(anext(news), WAIT_S))
        messages += 1
    assert messages <= 63, "never more than one for an entry"
    assert (book.bids, book.asks) == ((), ((111, 7, 1),))
    await news.aclose()


async def test_an_auction_is_followed_by_a_snapshot(floor: Floor) -> None:
    """[MKT-15]"""
    await floor.operator.set_market_state(1, MarketState.AUCTION)
    await floor.shop.place_orders([sell(5, 100)])
    news = messages_of(floor.printer)
    assert (await anext(news)).state is MarketState.AUCTION
    await floor.printer.place_orders([buy(3, 104)])
    crossed = await asyncio.wait_for(anext(news), WAIT_S)
    assert not crossed.snapshot and crossed.bids == ((104, 3, 1),)
    await floor.operator.set_market_state(1, MarketState.CONTINUOUS, uncross=True)
    after = await asyncio.wait_for(anext(news), WAIT_S)
    assert after.snapshot and (after.bids, after.asks) == ((), ((100, 2, 1),))
    assert after.state is MarketState.CONTINUOUS
    assert [(trade.lots, trade.buy_order, trade.sell_order) for trade in after.trades] == [(3, 0, 0)]
    await news.aclose()


async def test_the_book_of_the_sdk_goes_on_after_the_node_was_killed(floor: Floor) -> None:
    """[MKT-15]"""
    await floor.shop.place_orders([sell(5, 100)])
    books = floor.printer.watch_market(1)
    assert (await anext(books)).asks == ((100, 5, 1),)
    floor.node.restart(kill=True)
    again = await asyncio.wait_for(anext(books), WAIT_S)
    assert again.afresh and again.asks == ((100, 5, 1),)
    await floor.shop.place_orders([sell(1, 99)])
    assert (await asyncio.wait_for(anext(books), WAIT_S)).asks == ((99, 1, 1), (100, 5, 1))
    await books.aclose()


async def test_a_session_watches_so_many_markets_at_once(floor: Floor) -> None:
    """[MKT-15]"""
    watches = [messages_of(floor.printer) for _ in range(MARKET_WATCHES_PER_SESSION_MAX)]
    for watch in watches:
        await anext(watch)
    one_more = messages_of(floor.printer)
    with pytest.raises((RefusedByNode, StopAsyncIteration)) as refused:
        await anext(one_more)
    if isinstance(refused.value, RefusedByNode):
        assert refused.value.number == Code.BUSY
    for watch in watches:
        await watch.aclose()
