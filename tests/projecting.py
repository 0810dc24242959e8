"""A projection of what a world of tests logged, and a market whose trades stand in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.builders import World
from tests.ordering import buy, sell, statuses
from thingmarket.market.market import Market
from thingmarket.wire.insight import Filter
from thingmarket.wire.log import outcome_bytes, read_entry
from thingmarket_node.core.messages import Published
from thingmarket_node.core.publishing import published
from thingmarket_node.projected import TABLES
from thingmarket_node.projection import Projection

EVER: Final = 2**53 - 1
POWER: Final = "26110000"


def everything(**changes: object) -> Filter:
    return Filter(**{"until_ms": EVER, "before_seq": EVER, "since_ms": 1, **changes})  # type: ignore[arg-type]


class Floor:
    """A market for power with a fee of 1 percent, where a house buys what a plant sells."""

    def __init__(self, world: World, **terms: Any) -> None:
        self.world = world
        self.anna, self.bob = world.owner("house owner", 100_000), world.owner("plant owner", 100_000)
        self.house = world.thing("house", self.anna)
        self.plant = world.thing("plant", self.bob)
        given = {"product_id": "power", "category": POWER, "unit": "WHR", "lot_steps": 100, **terms}
        self.market = world.market_of(market=7, **{"fee_basis_points": 100, **given})
        world.declare(self.bob, 100_000, 7)

    def deal(self, lots: int, price: int) -> int:
        """The plant offers, and the house takes it; the log position of the trade."""
        assert statuses(self.world.frame(self.plant, sell(lots, price, 7))) == (0,)
        assert statuses(self.world.frame(self.house, buy(lots, price, 7))) == (0,)
        return self.world.state.seq


def outcomes_of(world: World) -> Iterator[Published]:
    market = Market()
    for data in world.log:
        entry = read_entry(data)
        outcome = market.apply(entry)
        yield published(market.state, entry, outcome, outcome_bytes(outcome))


async def projected(world: World, path: Path) -> None:
    projection = await Projection.open(path)
    for one in outcomes_of(world):
        await projection.fill(one)
    await projection.close()


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as db:
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}
