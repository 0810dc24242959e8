"""A node with a market for ink, a house with money and a shop with ink, for tests of orders."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.network.node_process import NodeProcess
from tests.network.test_sdk_trade import owner_at, thing_at
from tests.ordering import INK
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.matching.records import Side
from thingmarket_client import Owner, Thing, spending_limit
from thingmarket_client.frames import LimitOrder
from thingmarket_client.operator import Operator
from thingmarket_node.cli.rate import open_operator

FUNDS = 1_000_00
STOCK = 10_000
LIMIT = spending_limit("EUR", per_order_minor=500_00, per_day_minor=900_00, total_minor=900_00)


def buy(lots: int, price: int, **more: Any) -> LimitOrder:
    return LimitOrder(market=more.pop("market", 1), side=Side.BUY, lots=lots, price_ticks=price, **more)


def sell(lots: int, price: int, **more: Any) -> LimitOrder:
    return LimitOrder(market=more.pop("market", 1), side=Side.SELL, lots=lots, price_ticks=price, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Who is on the floor: two owners, a thing of each, and the operator."""

    node: NodeProcess
    homes: Path
    operator: Operator
    anna: Owner
    bob: Owner
    printer: Thing  # buys for anna
    shop: Thing  # sells for bob


@asynccontextmanager
async def open_floor(node: NodeProcess, homes: Path, **terms: Any) -> AsyncIterator[Floor]:
    """Admit everybody, open market 1 and bring ink in."""
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(await open_operator(node.home))
        await operator.open_market(replace(INK, **terms))
        anna = await stack.enter_async_context(await owner_at(node, homes / "anna"))
        bob = await stack.enter_async_context(await owner_at(node, homes / "bob"))
        await anna.fund("EUR", FUNDS)
        printer = await thing_at(node, homes / "printer", anna, Autonomy.ADAPTABLE, limits=[LIMIT])
        shop = await thing_at(node, homes / "shop", bob, Autonomy.BOUND, actions=[Action.SELL])
        await stack.enter_async_context(printer)
        await stack.enter_async_context(shop)
        await shop.declare_goods(1, STOCK)
        yield Floor(node=node, homes=homes, operator=operator, anna=anna, bob=bob, printer=printer, shop=shop)
