"""Trades of books in the tables that people query: spending, income and fees, and each side its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import NETWORK, Actor, World
from tests.ordering import buy, sell
from tests.projecting import POWER, Floor, dump, everything, projected
from thingmarket.errors import Refusal
from thingmarket.ids import NetworkId
from thingmarket.limits import DAY_MS
from thingmarket.market.indexes import Reader
from thingmarket.trading.frame import slot_of
from thingmarket.trading.terms import BookShown, Settlement
from thingmarket.v1 import insight_pb2
from thingmarket.wire.insight import OrderRange, TradeRow, find_trades_request, read_orders
from thingmarket_node.insight import Insight

ALL = OrderRange()


async def test_trades_are_spending_of_who_bought_and_income_less_fees_of_who_sold(tmp_path: Path) -> None:
    """[INS-3]"""
    floor = Floor(World())
    floor.deal(3, 100)
    floor.deal(2, 50)
    async with insight_of(floor.world, tmp_path) as insight:
        (bought,) = await insight.spending(reader(floor.anna), everything())
        assert (bought.actor, bought.category, bought.currency) == (floor.house.id, POWER, "EUR")
        assert (bought.orders, bought.trades, bought.total_minor) == (0, 2, 400)
        assert (bought.income_minor, bought.fee_minor) == (0, 0)
        assert bought.day_ms == floor.world.time_ms // DAY_MS * DAY_MS
        (sold,) = await insight.spending(reader(floor.bob), everything())
        assert (sold.actor, sold.trades, sold.total_minor) == (floor.plant.id, 2, 0)
        assert (sold.income_minor, sold.fee_minor) == (400, 4)
        assert floor.world.money(floor.bob).free == 100_000 + 400 - 4
        assert await insight.spending(reader(floor.anna), everything(category="44")) == []
        assert await insight.spending(reader(floor.anna), everything(actor=floor.plant.id)) == []
        assert await insight.spending(reader(floor.anna), everything(until_ms=floor.world.time_ms)) == []


async def test_a_price_below_zero_is_income_of_who_bought(tmp_path: Path) -> None:
    """[INS-3]"""
    floor = Floor(World(), offset_ticks=100)
    floor.deal(3, 90)
    async with insight_of(floor.world, tmp_path) as insight:
        (bought,) = await insight.spending(reader(floor.anna), everything())
        assert (bought.total_minor, bought.income_minor, bought.fee_minor) == (0, 30, 0)
        (sold,) = await insight.spending(reader(floor.bob), everything())
        assert (sold.total_minor, sold.income_minor, sold.fee_minor) == (30, 0, 0)


async def test_contracts_and_trades_of_a_thing_stand_in_one_report(tmp_path: Path) -> None:
    """[INS-3]"""
    floor = Floor(World())
    world = floor.world
    world.bought(floor.house, world.offer(world.thing("shop", floor.bob), category=POWER), 1)
    floor.deal(2, 100)
    async with insight_of(world, tmp_path) as insight:
        spending = await insight.spending(reader(floor.anna), everything())
        assert [(row.orders, row.trades, row.total_minor) for row in spending] == [(1, 1, 1_190 + 200)]


async def test_a_trade_with_escrow_is_spending_once_as_a_contract(tmp_path: Path) -> None:
    """[INS-3] [INS-4]"""
    escrow = {"settlement": Settlement.ESCROW, "delivery_ms": DAY_MS, "inspection_ms": DAY_MS}
    floor = Floor(World(), fee_basis_points=0, tax_category="S", **escrow)
    floor.deal(3, 100)
    async with insight_of(floor.world, tmp_path) as insight:
        (spent,) = await insight.spending(reader(floor.anna), everything())
        assert (spent.orders, spent.trades, spent.total_minor) == (1, 0, 300)
        (trade,) = await trades(insight, floor.anna)
        (contract,) = await insight.contracts(reader(floor.anna), everything(), "")
        assert (trade.at_once, trade.contract) == (False, contract.id)


async def test_each_side_sees_its_own_trades_and_not_who_was_on_the_other(tmp_path: Path) -> None:
    """[INS-4]"""
    floor = Floor(World(), book=BookShown.CLOSED)
    seq = floor.deal(3, 100)
    async with insight_of(floor.world, tmp_path) as insight:
        (bought,) = await trades(insight, floor.anna)
        assert (bought.seq, bought.actor, bought.bought) == (seq, floor.house.id, True)
        assert (bought.market, bought.product_id, bought.category) == (7, "power", POWER)
        assert (bought.lots, bought.quantity_steps, bought.unit) == (3, 300, "WHR")
        assert (bought.price_ticks, bought.cash_minor, bought.fee_minor) == (100, 300, 0)
        assert (slot_of(bought.order), bought.at_once) == (floor.world.slot(floor.house), True)
        (sold,) = await trades(insight, floor.bob)
        assert (sold.actor, sold.bought, sold.fee_minor) == (floor.plant.id, False, 3)
        assert slot_of(sold.order) == floor.world.slot(floor.plant)
        assert floor.plant.id not in repr(bought) and floor.bob.id not in repr(bought)
        assert str(sold.order) not in repr(bought)
        assert await trades(insight, floor.house) == [bought]
        assert await trades(insight, floor.world.owner("nobody")) == []
        assert await trades(insight, floor.world.thing("toaster", floor.anna)) == []


async def test_trades_of_one_order_are_found_wherever_it_met_others(tmp_path: Path) -> None:
    """[INS-4]"""
    floor = Floor(World())
    world = floor.world
    world.frame(floor.plant, sell(5, 100, 7), sell(5, 120, 7))
    cheap, dear = world.rests(floor.plant)
    for lots in (2, 3, 4):
        world.frame(floor.house, buy(lots, 120, 7))
    async with insight_of(world, tmp_path) as insight:
        found = await trades(insight, floor.bob, OrderRange(first=cheap, last=cheap))
        assert [(row.order, row.lots, row.price_ticks) for row in found] == [(cheap, 3, 100), (cheap, 2, 100)]
        both = await trades(insight, floor.bob, OrderRange(first=cheap, last=dear))
        assert [row.order for row in both] == [dear, cheap, cheap]


async def test_pages_lose_no_trade_of_an_entry_that_made_many(tmp_path: Path) -> None:
    """[INS-4]"""
    floor = Floor(World())
    world = floor.world
    world.frame(floor.plant, *(sell(1, price, 7) for price in range(100, 107)))
    world.frame(floor.house, buy(5, 110, 7))
    world.frame(floor.house, buy(2, 110, 7))
    async with insight_of(world, tmp_path) as insight:
        for who in (floor.anna, floor.bob):
            found: list[TradeRow] = []
            before: dict[str, int] = {}
            while page := await trades(insight, who, ALL, limit=2, **before):
                found += page
                before = {"before_seq": page[-1].seq, "before_index": page[-1].index}
            assert [row.price_ticks for row in found] == [106, 105, 104, 103, 102, 101, 100]


async def test_trades_stay_with_the_owner_for_whom_a_thing_made_them(tmp_path: Path) -> None:
    """[INS-4]"""
    floor = Floor(World())
    world = floor.world
    floor.deal(3, 100)
    carol = world.owner("carol", 100_000)
    world.revoke(floor.anna, subject=floor.house.id)
    again = replace(floor.house, owner=carol.id)
    floor.house = world.present(again, world.mandate(carol, again.id))
    floor.deal(1, 100)
    async with insight_of(world, tmp_path) as insight:
        assert [row.lots for row in await trades(insight, floor.anna)] == [3]
        assert [row.lots for row in await trades(insight, carol)] == [1]
        assert [row.lots for row in await trades(insight, floor.house)] == [1]


async def test_an_entry_of_very_many_trades_is_written_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[INS-1]"""
    floor = Floor(World())
    floor.world.frame(floor.plant, *(sell(1, 100, 7) for _ in range(40)))
    floor.world.frame(floor.house, buy(40, 100, 7))
    await projected(floor.world, tmp_path / "whole.db")
    monkeypatch.setattr("thingmarket_node.projection.PROJECTION_ROWS_MAX", 7)
    monkeypatch.setattr("thingmarket_node.projection.PROJECTION_SLICE", 2)
    await projected(floor.world, tmp_path / "parts.db")
    assert dump(tmp_path / "parts.db") == dump(tmp_path / "whole.db")
    assert len(dump(tmp_path / "parts.db")["trades"]) == 40


@asynccontextmanager
async def insight_of(world: World, folder: Path) -> AsyncIterator[Insight]:
    await projected(world, folder / "projection.db")
    insight = await Insight.open(folder / "projection.db")
    try:
        yield insight
    finally:
        await insight.close()


def test_only_ids_that_an_order_can_have_are_asked_for() -> None:
    """[INS-4]"""
    for first, last in ((2**63, 0), (0, 2**64 - 1)):
        with pytest.raises(Refusal):
            read_orders(insight_pb2.FindTradesRequest(first_order=first, last_order=last))
    wanted = OrderRange(first=3, last=5)
    assert read_orders(find_trades_request(everything(), wanted)) == wanted
    assert read_orders(insight_pb2.FindTradesRequest()) == OrderRange()


def reader(actor: Actor) -> Reader:
    return Reader(actor.id, actor.owner)


async def trades(insight: Insight, who: Actor, orders: OrderRange = ALL, **wanted: object) -> list[TradeRow]:
    return await insight.trades(reader(who), everything(**wanted), orders, NetworkId(NETWORK))
