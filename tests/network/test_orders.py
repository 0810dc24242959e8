"""Orders of things at a real node: placed in frames, answered one by one, seen again after a restart."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.network.floor import FUNDS, STOCK, Floor, buy, open_floor, sell
from tests.network.node_process import NodeProcess
from tests.network.test_sdk_trade import free_address, money
from thingmarket.errors import Code, Refusal
from thingmarket.identity.things import ThingOrder
from thingmarket.limits import FRAME_EVENTS_MAX, ORDERS_PER_FRAME_MAX
from thingmarket.market.entries import NoticeKind
from thingmarket.matching.records import EventKind, MarketState, Reason, Side
from thingmarket.trading.frame import book_status
from thingmarket.trading.terms import BookShown
from thingmarket_client import RefusedByNode, Thing
from thingmarket_client.blocking import BlockingThing
from thingmarket_client.frames import (
    CancelAll,
    CancelOrder,
    Fill,
    MarketOrder,
    ReduceOrder,
    ReplaceOrder,
)
from thingmarket_client.reads import Change


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    running = NodeProcess.start(tmp_path / "node", address=free_address())
    yield running
    running.kill()
    assert not running.trouble


@pytest.fixture
async def floor(node: NodeProcess, tmp_path: Path) -> AsyncIterator[Floor]:
    async with open_floor(node, tmp_path) as opened:
        yield opened


async def test_a_frame_is_answered_order_by_order(floor: Floor) -> None:
    """[MKT-5] [MKT-7] [MKT-13]"""
    offered = await floor.shop.place_orders([sell(5, 20), sell(5, 25), sell(5, 0)])
    assert [one.status for one in offered.orders] == [0, 0, book_status(Reason.BAD_PRICE)]
    assert [one.rests_lots for one in offered.orders] == [5, 5, 0]
    assert offered.receipt is not None and offered.decision is not None

    taken = await floor.printer.place_orders([buy(7, 25), buy(1, 10)])
    assert taken.orders[0].fills == (Fill(price_ticks=20, lots=5), Fill(price_ticks=25, lots=2))
    assert (taken.orders[0].rests_lots, taken.orders[1].rests_lots) == (0, 1)
    trades = [event for event in taken.events if event.kind is EventKind.TRADE]
    assert {event.maker for event in trades} == {0}, "whose orders they were is not told"

    assert await floor.anna.balances() == money(FUNDS - 5 * 20 - 2 * 25 - 10)
    assert await floor.bob.balances() == money(5 * 20 + 2 * 25)


async def test_resting_orders_are_reduced_replaced_and_cancelled(floor: Floor) -> None:
    """[ORD-3]"""
    placed = await floor.shop.place_orders([sell(9, 30), sell(9, 31), sell(9, 32)])
    first, second, _ = (one.order_id for one in placed.orders)
    changed = await floor.shop.place_orders(
        [
            ReduceOrder(market=1, order_id=first, lots=4),
            ReplaceOrder(market=1, side=Side.SELL, order_id=second, lots=3, price_ticks=29),
            CancelOrder(market=1, order_id=second + 7),
        ]
    )
    assert [one.refusal for one in changed.orders] == ["", "", "UNKNOWN_ORDER"]
    assert [one.rests_lots for one in changed.orders] == [5, 3, 0]
    assert [(one.price_ticks, one.lots) for one in await floor.shop.orders()] == [(30, 5), (29, 3), (32, 9)]
    assert await floor.bob.orders(of=floor.shop.id) == await floor.shop.orders()
    await floor.shop.place_orders([CancelAll()])
    assert await floor.shop.orders() == ()
    await floor.bob.withdraw_goods(1, STOCK)


async def test_orders_of_others_are_not_shown(floor: Floor) -> None:
    """[MKT-12]"""
    for asker, of in ((floor.anna, floor.shop.id), (floor.printer, floor.shop.id)):
        with pytest.raises(RefusedByNode) as refused:
            await asker.orders(of=of)
        assert refused.value.number == Code.NOT_PERMITTED


async def test_an_owner_trades_for_himself_and_a_market_order_takes_what_is_there(floor: Floor) -> None:
    """[ORD-9]"""
    await floor.bob.place_orders([sell(3, 20)])
    done = await floor.anna.place_orders([MarketOrder(market=1, side=Side.BUY, lots=5, worst_ticks=22)])
    assert done.orders[0].fills == (Fill(price_ticks=20, lots=3),)
    assert done.orders[0].rests_lots == 0
    naked = await floor.anna.place_orders([MarketOrder(market=1, side=Side.BUY, lots=5, worst_ticks=0)])
    assert naked.orders[0].refusal == "BAD_PRICE"


async def test_fills_of_resting_orders_are_told_by_the_watch_and_read_as_trades(floor: Floor) -> None:
    """[MKT-7] [MKT-14]"""
    offered = await floor.shop.place_orders([sell(5, 20)])
    async with floor.shop.watch() as changes:
        await floor.printer.place_orders([buy(1, 5)])
        await floor.printer.place_orders([buy(2, 20)])
        change = await asyncio.wait_for(anext(changes), 20)
    assert (change.kind, change.state) == (NoticeKind.FILL, "TRADED")
    (trade,) = await floor.shop.trades(1)
    assert change.trades == (trade,) and not change.trades_more, "the notice tells the price itself"
    assert (trade.price_ticks, trade.lots, trade.cash_minor) == (20, 2, 40)
    assert (trade.sell_order, trade.buy_order) == (offered.orders[0].order_id, 0)
    (same,) = await floor.printer.trades(1)
    assert same.contract == trade.contract
    assert same.sell_order == 0 and same.buy_order
    assert await floor.shop.trades(1, trade.seq) == ()


async def test_a_thing_hears_of_its_owners_own_fill_without_the_trades(floor: Floor) -> None:
    """[MKT-7] They are told to the party that placed the order and to its owner, though others may watch."""
    await floor.bob.place_orders([sell(2, 20)])
    async with floor.shop.watch() as heard_by_thing, floor.bob.watch() as heard_by_owner:
        await floor.printer.place_orders([buy(2, 20)])
        of_thing, of_owner = [
            await asyncio.wait_for(anext(heard), 20) for heard in (heard_by_thing, heard_by_owner)
        ]
    assert of_thing.kind is of_owner.kind is NoticeKind.FILL
    assert of_thing.trades == () and not of_thing.trades_more
    assert [trade.lots for trade in of_owner.trades] == [2]


async def test_counting_goes_on_after_a_restart_of_either_side(floor: Floor) -> None:
    """[MKT-6]"""
    first = await floor.shop.place_orders([sell(5, 20), sell(5, 21)])
    floor.node.restart(kill=True)
    second = await floor.shop.place_orders([sell(5, 22)])
    async with await Thing.open(floor.shop.home) as again:
        third = await again.place_orders([sell(5, 23)])
        assert [one.order_id for one in (*first.orders, *second.orders, *third.orders)] == list(
            range(first.orders[0].order_id, first.orders[0].order_id + 4)
        )
        assert (first.frame, second.frame, third.frame) == (1, 2, 3)
        assert len(await again.orders()) == 4
    # Who does not know that somebody else counted on is refused once, and learns it by that.
    with pytest.raises(RefusedByNode) as refused:
        await floor.shop.place_orders([sell(5, 24)])
    assert refused.value.number == Code.KEY_CONFLICT
    assert (await floor.shop.place_orders([sell(5, 24)])).orders[0].taken


async def test_a_frame_that_was_not_answered_is_sent_again_and_placed_once(floor: Floor) -> None:
    """[MKT-6] [CMD-4]"""
    await floor.shop.seat()
    placing = asyncio.ensure_future(floor.shop.place_orders([sell(5, 20)]))
    while not floor.shop._floor().frames._unanswered:
        await asyncio.sleep(0)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    with pytest.raises(Refusal) as refused:
        await floor.shop.place_orders([sell(5, 20)])
    assert refused.value.number == Code.WRONG_STATE
    answer = await floor.shop.resend_orders()
    assert answer is not None and answer.orders[0].taken
    assert await floor.shop.resend_orders() is None
    again = await floor.shop.place_orders([sell(1, 21)])
    assert again.orders[0].order_id == answer.orders[0].order_id + 1
    assert len(await floor.shop.orders()) == 2


async def test_after_a_refusal_the_next_frame_takes_its_number(floor: Floor) -> None:
    """[MKT-6]"""
    await floor.shop.place_orders([sell(5, 20)])
    await refused_while_held(floor)
    assert (await floor.shop.place_orders([sell(5, 22)])).frame == 2
    await refused_while_held(floor)
    async with await Thing.open(floor.shop.home) as other:  # in the place of a copy that was on its way
        assert (await other.place_orders([sell(5, 21)])).frame == 3
    with pytest.raises(RefusedByNode) as refused:
        await floor.shop.place_orders([sell(5, 23)])
    assert refused.value.number == Code.KEY_CONFLICT, "else both would stand"
    assert (await floor.shop.place_orders([sell(5, 24)])).frame == 4


async def refused_while_held(floor: Floor) -> None:
    """A frame of the shop is refused as a whole, and then it could be taken."""
    await floor.bob.say(floor.shop.id, ThingOrder.SUSPEND)
    with pytest.raises(RefusedByNode) as refused:
        await floor.shop.place_orders([sell(5, 21)])
    assert refused.value.is_logged
    await floor.bob.say(floor.shop.id, ThingOrder.RESUME)


async def test_the_answer_to_a_full_frame_fits_and_says_what_it_leaves_out(floor: Floor) -> None:
    """[MKT-13]"""
    many = await floor.shop.place_orders([sell(1, 20 + place) for place in range(ORDERS_PER_FRAME_MAX)])
    assert many.events_cut and len(many.events) == FRAME_EVENTS_MAX
    assert not many.refused
    found = await floor.shop.orders()
    assert [one.order_id for one in found] == [one.order_id for one in many.orders]
    refused = await floor.shop.place_orders([sell(0, 20)] * ORDERS_PER_FRAME_MAX)
    assert len(refused.refused) == ORDERS_PER_FRAME_MAX
    with pytest.raises(Refusal) as error:
        await floor.shop.place_orders([sell(1, 20)] * (ORDERS_PER_FRAME_MAX + 1))
    assert error.value.number == Code.TOO_LARGE


async def test_markets_are_listed_with_prices_in_money(floor: Floor) -> None:
    """[MKT-12]"""
    await floor.shop.place_orders([sell(5, 20)])
    (market,) = await floor.printer.markets()
    assert market == await floor.operator.market(1)
    assert (market.state, market.seen.ask_ticks, market.seen.ask_lots) == (MarketState.CONTINUOUS, 20, 5)
    assert (market.ticks("0.20"), market.money(20), market.lots(3)) == (20, Decimal("0.20"), 3)
    with pytest.raises(Refusal):
        market.ticks("0.205")
    with pytest.raises(Refusal):
        market.lots("1.5")
    with pytest.raises(RefusedByNode) as refused:
        await floor.printer.market(2)
    assert refused.value.number == Code.UNKNOWN_MARKET


async def test_nobody_but_the_operator_opens_markets_or_changes_their_state(floor: Floor) -> None:
    """[MKT-2] [MKT-3]"""
    await floor.operator.set_market_state(1, MarketState.HALTED)
    assert (await floor.anna.market(1)).state is MarketState.HALTED
    answer = await floor.printer.place_orders([buy(1, 5)])
    assert answer.orders[0].refusal == "WRONG_STATE"
    with pytest.raises(RefusedByNode) as refused:
        await type(floor.operator).set_market_state(floor.anna, 1, MarketState.CONTINUOUS)  # type: ignore[arg-type]
    assert refused.value.number == Code.OPERATOR_ONLY


async def test_a_closed_book_shows_its_depth_to_nobody(node: NodeProcess, tmp_path: Path) -> None:
    """[MKT-12] [MKT-14] [MKT-15]"""
    async with open_floor(node, tmp_path, book=BookShown.CLOSED) as floor:
        await floor.shop.place_orders([sell(5, 20), sell(5, 30)])
        await floor.printer.place_orders([buy(1, 20)])
        for asker in (floor.anna, floor.shop):
            with pytest.raises(RefusedByNode) as refused:
                await asker.depth(1)
            assert refused.value.number == Code.NOT_PERMITTED
            with pytest.raises(RefusedByNode) as refused:
                await anext(asker.watch_market(1))
            assert refused.value.number == Code.NOT_PERMITTED
        assert (await floor.anna.market(1)).seen.last_ticks == 20
        assert len(await floor.anna.trades(1)) == len(await floor.bob.trades(1)) == 1
        assert (await floor.operator.depth(1)).asks == ((20, 4, 1), (30, 5, 1))


async def test_wrong_wishes_of_market_data_are_refused(floor: Floor) -> None:
    """[MKT-12]"""
    for levels in (0, 101):
        with pytest.raises(RefusedByNode) as refused:
            await floor.anna.depth(1, levels)
        assert refused.value.number == Code.OUT_OF_RANGE
    with pytest.raises(RefusedByNode) as refused:
        await floor.anna.trades(9)
    assert refused.value.number == Code.UNKNOWN_MARKET


async def test_orders_and_a_live_book_are_there_without_asyncio(floor: Floor) -> None:
    """[MKT-15]"""

    def trade() -> tuple[bool, int]:
        with BlockingThing(floor.shop.home) as shop:
            answer = shop.place_orders([sell(5, 20)])
            with shop.watch_market(1) as books:
                book = books.wait(20_000)
            assert book is not None
            return answer.orders[0].taken, book.asks[0][0]

    assert await asyncio.to_thread(trade) == (True, 20)


async def test_a_fill_between_entering_a_blocking_watch_and_its_first_question_is_told(floor: Floor) -> None:
    """[MKT-14]"""
    await floor.printer.place_orders([buy(2, 20)])

    def trade() -> Change | None:
        with BlockingThing(floor.printer.home) as printer, printer.watch() as changes:
            with BlockingThing(floor.shop.home) as shop:
                shop.place_orders([sell(2, 20)])
            return changes.wait(20_000)

    change = await asyncio.to_thread(trade)
    assert change is not None and [one.lots for one in change.trades] == [2]
