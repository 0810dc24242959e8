"""Houses of one street, each a thing with keys of its own: `gateway NODE BLOCKS NUMBER...`."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from thingmarket.errors import Code
from thingmarket.identity.cards import NodeCard
from thingmarket.matching.records import Side
from thingmarket.wire.envelope import read_signed
from thingmarket_client import RefusedByNode, Thing, create_thing
from thingmarket_client.frames import FrameAnswer, LimitOrder, MarketOrder
from thingmarket_node.cli.cards import card_of
from thingmarket_node.scenarios.energy_curves import STEP_WH
from thingmarket_node.scenarios.energy_house import FEED_IN_TICKS, RETAIL_TICKS, Bid, House
from thingmarket_node.scenarios.energy_street import house
from thingmarket_node.scenarios.floor_orders import answered
from thingmarket_node.scenarios.hearing import Line, listen

_THING: Final = "-gateway"


class Meter:
    """A house at the node: it bids before a block, and settles with the utility what it did not foresee."""

    def __init__(self, house: House, thing: Thing) -> None:
        """Trade for a house as its thing."""
        self.house, self.thing = house, thing
        self._declared_wh = 0

    async def bid(self, market: int, block: int) -> Line:
        """Place what the house wants of a block."""
        bids = self.house.bids(block)
        self._declared_wh = sum(one.wh for one in bids if one.sells)
        if self._declared_wh:
            await self.thing.declare_goods(market, self._declared_wh)
        if not bids:
            return {"refused": 0}
        return {"refused": len((await self._place(market, bids)).refused)}

    async def _place(self, market: int, bids: tuple[Bid, ...]) -> FrameAnswer:
        return await self.thing.place_orders(
            [
                LimitOrder(
                    market=market,
                    side=Side.SELL if one.sells else Side.BUY,
                    lots=one.wh // STEP_WH,
                    price_ticks=one.ticks,
                )
                for one in bids
            ]
        )

    async def settle(self, market: int, grid: int, block: int) -> Line:
        """Read what was bought and sold, let the block pass, and trade the rest with the utility."""
        bought_wh, paid, ticks = 0, 0, 0
        for trade in await self.thing.trades(market):
            if trade.buy_order:
                bought_wh, paid = bought_wh + trade.lots * STEP_WH, paid + trade.cash_minor
            elif trade.sell_order:
                bought_wh -= trade.lots * STEP_WH
                paid -= trade.cash_minor - trade.fee_minor
            ticks = trade.price_ticks
        self.house, metered_wh = self.house.after(block, bought_wh)
        deviation_wh = metered_wh - bought_wh
        rest_wh = await self._even_out(grid, self._declared_wh + bought_wh, deviation_wh)
        if rest_wh:  # what was used up, or was declared and did not come
            await self.thing.withdraw_goods(grid, rest_wh)
        return {
            "bought_wh": bought_wh,
            "paid_minor": paid,
            "ticks": ticks,
            "metered_wh": metered_wh,
            "deviation_wh": deviation_wh,
            "goods_left": await self._goods_left(grid),
        }

    async def _even_out(self, grid: int, goods_wh: int, deviation_wh: int) -> int:
        """Buy what is missing at retail, sell what is left at feed-in; what is in its account then."""
        if not deviation_wh:
            return goods_wh
        buys = deviation_wh > 0
        produced_wh = 0 if buys else max(0, -deviation_wh - goods_wh)
        if produced_wh:
            await self.thing.declare_goods(grid, produced_wh)
        order = MarketOrder(
            market=grid,
            side=Side.BUY if buys else Side.SELL,
            lots=abs(deviation_wh) // STEP_WH,
            worst_ticks=RETAIL_TICKS if buys else FEED_IN_TICKS,
            all_or_nothing=True,
        )
        placed = await self.thing.place_orders([order])
        assert not placed.refused, f"the utility always trades: {placed.refused}"
        return goods_wh + produced_wh + deviation_wh

    async def _goods_left(self, market: int) -> int:
        """Nothing, when not even one more watt-hour can be taken out."""
        try:
            await self.thing.withdraw_goods(market, 1)
        except RefusedByNode as refusal:
            if refusal.number != Code.OUT_OF_STOCK:
                raise
            return 0
        return 1

    async def try_to_bid(self, market: int, ticks: int) -> Line:
        """Bid for one lot at some price, and tell all of the answer."""
        order = LimitOrder(market=market, side=Side.BUY, lots=1, price_ticks=ticks)
        return answered(await self.thing.place_orders([order]))


class Gateway:
    """Does for all its houses at the same time what it is told."""

    def __init__(self, meters: dict[str, Meter]) -> None:
        """Work for these houses, by the names of their things."""
        self._meters = meters

    async def hear(self, cue: str, told: Line) -> Line:
        """Do what a line says."""
        found: Line = await getattr(self, f"_{cue}")(**told)
        return found

    async def _hello(self) -> Line:
        return {"ids": {name: meter.thing.id for name, meter in self._meters.items()}}

    async def _adopt(self, links: dict[str, str]) -> Line:
        async def take(name: str, link: str) -> None:
            thing = self._meters[name].thing
            await thing.adopt([read_signed(bytes.fromhex(link))])
            await thing.present()

        await asyncio.gather(*(take(name, link) for name, link in links.items()))
        return {}

    async def _bid(self, market: int, block: int) -> Line:
        return await self._each("bid", market, block)

    async def _settle(self, market: int, grid: int, block: int) -> Line:
        return await self._each("settle", market, grid, block)

    async def _each(self, method: str, *told: int) -> Line:
        found = await asyncio.gather(*(getattr(meter, method)(*told) for meter in self._meters.values()))
        return {"houses": dict(zip((one.house.name for one in self._meters.values()), found, strict=True))}

    async def _try_to_bid(self, name: str, market: int, ticks: int) -> Line:
        return await self._meters[name].try_to_bid(market, ticks)

    async def _end(self) -> Line:
        """What is stored when the day is over."""
        return {"stored_minor": {one.house.name: one.house.stored_minor for one in self._meters.values()}}


def thing_of(house: House) -> str:
    """The name of the thing that trades for a house."""
    return house.name + _THING


async def _meter(house: House, card: NodeCard, stack: AsyncExitStack) -> Meter:
    home = Path(thing_of(house))
    create_thing(home)
    return Meter(house, await stack.enter_async_context(await Thing.open(home, card)))


async def _main(node: str, blocks: int, numbers: list[int]) -> None:
    card: Any = card_of(node)
    async with AsyncExitStack() as stack:
        meters = [await _meter(house(number, blocks), card, stack) for number in numbers]
        await listen(Gateway({thing_of(one.house): one for one in meters}).hear)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), [int(text) for text in sys.argv[3:]]))
