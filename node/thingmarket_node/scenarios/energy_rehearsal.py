"""The same day on paper: a call auction by its rule and a bill for each house, without node or ledger.

What the node comes to is held against this, to the last millionth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket_node.scenarios.energy_curves import STEP_WH
from thingmarket_node.scenarios.energy_house import FEE_BASIS_POINTS, Bid, House, grid_cost
from thingmarket_node.scenarios.expectations import Turnover

_NOBODY: Final[tuple[str, Bid]] = ("", Bid(sells=False, wh=0, ticks=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTrade:
    """Lots from a seller to a buyer at the one price of an auction."""

    buyer: str
    seller: str
    ticks: int
    lots: int

    @property
    def cash(self) -> int:
        """What the buyer pays."""
        return self.ticks * self.lots

    @property
    def fee(self) -> int:
        """What the operator gets of it."""
        return (self.cash * FEE_BASIS_POINTS + WHOLE_BASIS_POINTS // 2) // WHOLE_BASIS_POINTS


@dataclass(slots=True, kw_only=True)
class PaperDay:
    """What a day came to, by house; money in minor units, `paid` below 0 for who earned."""

    paid: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    traded: list[Turnover] = field(default_factory=list)  # of each block's auction
    grid: list[Turnover] = field(default_factory=list)  # of each block's settlement
    grid_minor: int = 0  # what the utility got on balance
    prices: list[int] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)  # what is in batteries without a market
    saved: dict[str, int] = field(default_factory=dict)


def clear(bids: Sequence[tuple[str, Bid]]) -> tuple[int, list[PaperTrade]]:
    """The price of a call auction and its trades: most volume, least left over, the lowest."""
    buys = sorted((one for one in bids if not one[1].sells), key=lambda one: -one[1].ticks)
    sells = sorted((one for one in bids if one[1].sells), key=lambda one: one[1].ticks)
    if not buys or not sells or buys[0][1].ticks < sells[0][1].ticks:
        return 0, []
    low, high = sells[0][1].ticks, buys[0][1].ticks
    # Demand and supply change at these prices alone; of each stretch between them the lowest tick is as good.
    candidates = {one.ticks for _, one in sells} | {one.ticks + 1 for _, one in buys}

    def rank(ticks: int) -> tuple[int, int, int]:
        demand = sum(one.wh for _, one in buys if one.ticks >= ticks)
        supply = sum(one.wh for _, one in sells if one.ticks <= ticks)
        return -min(demand, supply), abs(demand - supply), ticks

    price = min((ticks for ticks in candidates if low <= ticks <= high), key=rank)
    return price, _pairs(
        [(name, one.wh // STEP_WH) for name, one in buys if one.ticks >= price],
        [(name, one.wh // STEP_WH) for name, one in sells if one.ticks <= price],
        price,
    )


def _pairs(buys: list[tuple[str, int]], sells: list[tuple[str, int]], price: int) -> list[PaperTrade]:
    found = []
    while buys and sells:
        (buyer, wanted), (seller, offered) = buys[0], sells[0]
        lots = min(wanted, offered)
        found.append(PaperTrade(buyer=buyer, seller=seller, ticks=price, lots=lots))
        buys = ([(buyer, wanted - lots)] if wanted > lots else []) + buys[1:]
        sells = ([(seller, offered - lots)] if offered > lots else []) + sells[1:]
    return found


def rehearse(houses: Sequence[House]) -> PaperDay:
    """Let a day pass, block by block, with a market and without."""
    names = [house.name for house in houses]
    day = PaperDay(paid=dict.fromkeys(names, 0), alone=dict.fromkeys(names, 0))
    here, alone = {one.name: one for one in houses}, {one.name: one for one in houses}
    for block in range(houses[0].blocks):
        price, trades = clear([(name, bid) for name in names for bid in here[name].bids(block)])
        day.prices.append(price)
        day.traded.append(turnover(trades))
        _settle(day, here, block, trades)
        for name in names:
            alone[name], metered = alone[name].after(block, 0)
            day.alone[name] += grid_cost(metered)
    for name in names:
        day.kept[name] = alone[name].stored_minor
        day.saved[name] = day.alone[name] - day.paid[name] + here[name].stored_minor - day.kept[name]
    return day


def _settle(day: PaperDay, here: dict[str, House], block: int, trades: Sequence[PaperTrade]) -> None:
    bought = dict.fromkeys(here, 0)
    for one in trades:
        bought[one.buyer] += one.lots * STEP_WH
        bought[one.seller] -= one.lots * STEP_WH
        day.paid[one.buyer] += one.cash
        day.paid[one.seller] -= one.cash - one.fee
    deviations = []
    for name, house in here.items():
        here[name], metered = house.after(block, bought[name])
        deviations.append(metered - bought[name])
        day.paid[name] += grid_cost(deviations[-1])
        day.grid_minor += grid_cost(deviations[-1])
    settled = [one for one in deviations if one]
    day.grid.append(
        Turnover(
            trades=len(settled),
            lots=sum(abs(one) // STEP_WH for one in settled),
            cash_minor=sum(abs(grid_cost(one)) for one in settled),
            fee_minor=0,
        )
    )


def turnover(trades: Sequence[PaperTrade]) -> Turnover:
    """What trades come to."""
    return Turnover(
        trades=len(trades),
        lots=sum(one.lots for one in trades),
        cash_minor=sum(one.cash for one in trades),
        fee_minor=sum(one.fee for one in trades),
    )


def bills(day: PaperDay, deposits_minor: Mapping[str, int]) -> dict[str, int]:
    """What is in every wallet when the day is over."""
    return {name: minor - day.paid.get(name, 0) for name, minor in deposits_minor.items()}
