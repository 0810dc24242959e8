"""The twelve traders of `robo-trader`: whose they are, where they trade and how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from thingmarket_node.scenarios.robots import (
    Collector,
    Doubter,
    Follower,
    Gambler,
    Maker,
    Patient,
    Robot,
)
from thingmarket_node.scenarios.stage import CURRENCY

HOURS, TILES = 1, 2
CATEGORY: Final = "81112000"  # data services
FEE_BASIS_POINTS: Final = 25
BAND_BASIS_POINTS: Final = 1_000
PER_ORDER_MINOR: Final = 300_00
DECLARED: Final = 400  # of what it sells, by each thing that may sell
PAYS_IN_MINOR: Final = 8_000_00

MARKETS: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "market": number,
        "title": title,
        "product_id": product,
        "category": CATEGORY,
        "unit": unit,
        "unit_scale": 0,
        "currency": CURRENCY,
        "tick_minor": 1,
        "lot_steps": 1,
        "fee_basis_points": FEE_BASIS_POINTS,
        "band_basis_points": BAND_BASIS_POINTS,
    }
    for number, title, product, unit in (
        (HOURS, "Hours of computing", "compute-hours", "HUR"),
        (TILES, "Tiles of a map", "map-tiles", "C62"),
    )
)
PRODUCTS: Final = {one["market"]: one["product_id"] for one in MARKETS}


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderPart:
    """A thing that trades for an owner in one market."""

    owner: str
    market: int
    robot: Callable[[], Robot]
    sells: bool = True


TRADERS: Final = {
    "avery-quotes": TraderPart(
        owner="avery", market=HOURS, robot=lambda: Maker(fair=1_000, half_spread=4, lots=6)
    ),
    "avery-follows": TraderPart(owner="avery", market=HOURS, robot=lambda: Follower(lots=4, slip=3)),
    "blake-quotes": TraderPart(
        owner="blake", market=TILES, robot=lambda: Maker(fair=250, half_spread=2, lots=20)
    ),
    "blake-gambles": TraderPart(
        owner="blake", market=TILES, robot=lambda: Gambler(seed=6, around=4, lots_most=12)
    ),
    "casey-quotes": TraderPart(
        owner="casey", market=HOURS, robot=lambda: Maker(fair=1_003, half_spread=6, lots=9)
    ),
    "casey-collects": TraderPart(owner="casey", market=HOURS, robot=lambda: Collector(lots=8, slip=6)),
    "drew-quotes": TraderPart(
        owner="drew", market=TILES, robot=lambda: Maker(fair=252, half_spread=3, lots=15)
    ),
    "drew-waits": TraderPart(owner="drew", market=HOURS, robot=lambda: Patient(lots=5, off=3)),
    "emery-doubts": TraderPart(owner="emery", market=HOURS, robot=lambda: Doubter(believes=1_000, lots=3)),
    "finley-gambles": TraderPart(
        owner="finley", market=HOURS, robot=lambda: Gambler(seed=17, around=8, lots_most=7)
    ),
    "gray-follows": TraderPart(owner="gray", market=TILES, robot=lambda: Follower(lots=10, slip=2)),
    # It only ever buys: its owner lets it do nothing else.
    "harper-collects": TraderPart(
        owner="harper", market=TILES, robot=lambda: Collector(lots=12, slip=1), sells=False
    ),
}
OWNERS: Final = tuple(dict.fromkeys(part.owner for part in TRADERS.values()))


def mandate_of(part: TraderPart) -> dict[str, Any]:
    """What its owner lets a trader do."""
    return {
        "owner": part.owner,
        "actions": ["BUY", "SELL"] if part.sells else ["BUY"],
        "categories": [CATEGORY],
        "limit": {
            "currency": CURRENCY,
            "per_order_minor": PER_ORDER_MINOR,
            "per_day_minor": PAYS_IN_MINOR,
            "total_minor": PAYS_IN_MINOR,
        },
    }
