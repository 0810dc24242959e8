"""S15 `neighbourhood-energy`: houses sell each other their sun, block by block, in call auctions."""

from collections.abc import Mapping
from typing import Any, Final

from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.energy_curves import QUARTERS, STEP_WH
from thingmarket_node.scenarios.energy_house import (
    FEE_BASIS_POINTS,
    FEED_IN_TICKS,
    RETAIL_TICKS,
    House,
    clock,
    grid_cost,
)
from thingmarket_node.scenarios.energy_plot import draw
from thingmarket_node.scenarios.energy_rehearsal import PaperDay, bills, rehearse
from thingmarket_node.scenarios.energy_street import HOUSES, house
from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Expected, Refused, Turnover
from thingmarket_node.scenarios.floor_stage import FloorStage
from thingmarket_node.scenarios.gateway import thing_of
from thingmarket_node.scenarios.processes import Event, Running
from thingmarket_node.scenarios.stage import Stage, Terms

MONEY: Final = "XTS"
UTILITY: Final = "utility"
_CATEGORY: Final = "83101800"  # electric utilities
_STREET: Final = 5  # houses of one gateway
_AUCTIONS_FROM, _GRID_FROM = 1_000, 5_000  # numbers of the blocks' markets
_RETAIL_MINOR: Final = RETAIL_TICKS * 1_000 // STEP_WH  # a kilowatt-hour
_UTILITY_WH: Final = 400_000  # what the utility would sell or buy of any block
_HOUSE_PAYS_IN: Final = 20_000_000
_UTILITY_PAYS_IN: Final = 500_000_000
_MANDATE: Final = {
    "actions": ["BUY", "SELL"],
    "categories": [_CATEGORY],
    # Nobody pays more than the retail price: that is what the owners' mandates say.
    "limit": {
        "currency": MONEY,
        "per_order_minor": 10_000_000,
        "per_item_minor": _RETAIL_MINOR,
        "per_day_minor": 40_000_000,
        "total_minor": 100_000_000,
    },
}
_CLOSED_GATE: Final = "bids when the gate is closed"
_TOO_DEAR: Final = "bids more than the retail price"


def energy_day(houses: int, blocks: int) -> Scenario:
    """The story with so many houses and blocks a day; what must come of it was reckoned on paper."""
    street = tuple(house(number, blocks) for number in range(houses))
    paper = rehearse(street)
    deposits = {one.name: _HOUSE_PAYS_IN for one in street} | {UTILITY: _UTILITY_PAYS_IN}
    balances = bills(paper, deposits)
    balances[UTILITY] += paper.grid_minor
    return Scenario(
        name="neighbourhood-energy",
        title=f"{houses} houses sell each other their sun in {blocks} call auctions of a day",
        deposits_minor=deposits,
        offers={},
        needs={},
        play=_Day(street, paper).play,
        market=Terms(currency=MONEY),
        stage=FloorStage,
        draw=draw,
        expected=Expected(
            trades=(),
            refusals=(
                Refused(who=thing_of(street[0]), what=_TOO_DEAR, code="OVER_PRICE", rule="LIM-1"),
                Refused(who=thing_of(street[0]), what=_CLOSED_GATE, code="WRONG_STATE", rule="BOK-4"),
            ),
            balances_minor=balances,
            operator_minor={"fees": sum(one.fee_minor for one in paper.traded)},
            turnover={
                f"{kind} {clock(block, blocks)}": found
                for kind, rows in (("auction", paper.traded), ("utility", paper.grid))
                for block, found in enumerate(rows)
            },
            goods=dict.fromkeys(deposits, 0),  # what was bought was used up, what was sold was there
        ),
        look=("node status node", "node books node"),
    )


class _Day:
    """The order of events."""

    def __init__(self, street: tuple[House, ...], paper: PaperDay) -> None:
        self._street, self._paper = street, paper
        self._blocks = street[0].blocks
        self._prices: list[int] = []
        self._paid = dict.fromkeys((one.name for one in street), 0)
        self._neighbours_wh: list[int] = []

    def play(self, stage: Stage, scenario: Scenario) -> None:
        """The day, block by block, then its bill."""
        assert isinstance(stage, FloorStage), "many parties act here"
        gateways = self._move_in(stage)
        stage.found.goods |= dict.fromkeys(scenario.expected.goods, 0)
        retail, feed_in = _cents(RETAIL_TICKS), _cents(FEED_IN_TICKS)
        stage.tell(f"The utility sells at {retail} and buys at {feed_in} a kilowatt-hour.")
        for block in range(self._blocks):
            self._pass_block(stage, gateways, block)
        self._bill(stage, gateways)

    def _move_in(self, stage: FloorStage) -> list[Running]:
        rows = {
            f"street-{first // _STREET + 1}": [one.number for one in self._street[first : first + _STREET]]
            for first in range(0, len(self._street), _STREET)
        }
        started = stage.programs(
            "gateway", {name: ("node", str(self._blocks), *map(str, row)) for name, row in rows.items()}
        )
        programs: dict[str, Running] = {}
        for running in started.values():
            ids = stage.ask(running, "hello")["ids"]
            stage.ids |= ids
            programs |= dict.fromkeys(ids, running)
        stage.empower({thing_of(one): {"owner": one.name, **_MANDATE} for one in self._street}, programs)
        stage.tell(f"{len(programs)} houses behind {len(started)} gateways may trade for their owners.")
        return list(started.values())

    # --- one block

    def _pass_block(self, stage: FloorStage, gateways: list[Running], block: int) -> None:
        market, grid, name = _AUCTIONS_FROM + block, _GRID_FROM + block, clock(block, self._blocks)
        self._open(stage, market, grid, name)
        if not block:
            self._try(stage, gateways[0], _TOO_DEAR, market, RETAIL_TICKS + 1)
        asked = stage.ask_all({one: {"cue": "bid", "market": market, "block": block} for one in gateways})
        refused = sum(row["refused"] for answer in asked for row in answer["houses"].values())
        stage.check(f"bids for {name} that were refused", 0, refused)
        stage.ask(stage.office, "set_state", market=market, state="CLOSED", uncross=True)
        if not block:
            self._try(stage, gateways[0], _CLOSED_GATE, market, RETAIL_TICKS)
        told = {"cue": "settle", "market": market, "grid": grid, "block": block}
        settled = stage.ask_all(dict.fromkeys(gateways, told))
        rows: dict[str, Event] = {}
        for answer in settled:
            rows |= answer["houses"]
        stage.ask(stage.office, "set_state", market=grid, state="CLOSED")
        self._count(stage, block, rows, market, grid)
        # The utility has what it declared less what the houses took on balance, and not a watt-hour more.
        steps = _UTILITY_WH - sum(row["deviation_wh"] for row in rows.values())
        left = stage.ask(stage.office, "take_out", owner=UTILITY, market=grid, steps=steps)
        stage.found.goods[UTILITY] += left["more"]

    def _open(self, stage: FloorStage, market: int, grid: int, name: str) -> None:
        terms = {
            "product_id": f"energy-{name.replace(':', '')}",
            "category": _CATEGORY,
            "unit": "KWH",
            "unit_scale": 3,
            "currency": MONEY,
            "tick_minor": 1,
            "lot_steps": STEP_WH,
        }
        auction = {**terms, "market": market, "title": f"Energy from {name}"}
        utility = {**terms, "market": grid, "title": f"Energy from {name}, with the utility"}
        stage.ask(
            stage.office, "open_markets", markets=[{**auction, "fee_basis_points": FEE_BASIS_POINTS}, utility]
        )
        stage.ask(stage.office, "set_state", market=market, state="AUCTION")
        stage.ask(stage.office, "declare", owner=UTILITY, market=grid, steps=_UTILITY_WH)
        lots = _UTILITY_WH // STEP_WH
        quotes = [
            {"type": "limit", "market": grid, "side": side, "lots": lots, "price_ticks": ticks}
            for side, ticks in (("SELL", RETAIL_TICKS), ("BUY", FEED_IN_TICKS))
        ]
        stage.ask(stage.office, "place", owner=UTILITY, orders=quotes)

    def _try(self, stage: FloorStage, gateway: Running, what: str, market: int, ticks: int) -> None:
        who = thing_of(self._street[0])
        answer = stage.ask(gateway, "try_to_bid", name=who, market=market, ticks=ticks)
        (order,), facts = answer["orders"], answer["facts"]
        if order["status"]:
            stage.note_refusal(who, what, order["refusal"], str(facts["order.0"]).partition(" ")[2])

    def _count(
        self, stage: FloorStage, block: int, rows: Mapping[str, Event], market: int, grid: int
    ) -> None:
        name = clock(block, self._blocks)
        for house_name, row in rows.items():
            self._paid[house_name] += row["paid_minor"] + grid_cost(row["deviation_wh"])
            stage.found.goods[house_name] += row["goods_left"]
        trades = {kind: _trades(stage, number) for kind, number in (("auction", market), ("utility", grid))}
        for kind, found in trades.items():
            stage.found.turnover[f"{kind} {name}"] = _turnover(found)
        prices = sorted({one["price"] for one in trades["auction"]})
        on_paper = self._paper.prices[block]
        stage.check(f"the one price from {name}", [on_paper] if on_paper else [], prices)
        dearest = max((one["price"] for found in trades.values() for one in found), default=0)
        stage.check(f"nobody pays more than retail from {name}", True, dearest <= RETAIL_TICKS)
        self._prices.append(max(prices, default=0))
        self._neighbours_wh.append(sum(one["lots"] for one in trades["auction"]) * STEP_WH)
        if self._prices[-1]:
            stage.tell(
                f"  {name} {self._neighbours_wh[-1] / 1_000:8.2f} kWh among neighbours at"
                f" {_cents(self._prices[-1])}, {sum(one['lots'] for one in trades['utility']) / 100:8.2f} kWh"
                " with the utility"
            )

    # --- the bill

    def _bill(self, stage: FloorStage, gateways: list[Running]) -> None:
        stored: dict[str, int] = {}
        for answer in stage.ask_all({one: {"cue": "end"} for one in gateways}):
            stored |= answer["stored_minor"]
        alone, kept = dict(self._paper.alone), self._paper.kept
        saved = {name: alone[name] - self._paid[name] + stored[name] - kept[name] for name in self._paid}
        stage.check("what the houses say that they paid", self._paper.paid, self._paid)
        stage.check("what each house saved", self._paper.saved, saved)
        stage.check("nobody pays more than without a market", True, min(saved.values()) >= 0)
        stage.tell("\nWithout a market, with it, and saved (what is left in batteries counts):")
        for name in self._paid:
            stage.tell(_row(name, alone[name], self._paid[name], saved[name]))
        sums = sum(alone.values()), sum(self._paid.values()), sum(saved.values())
        stage.tell(_row("together", *sums))
        stage.found.figures |= {
            "begins": [clock(block, self._blocks) for block in range(self._blocks)],
            "price_ticks": self._prices,
            "neighbours_wh": self._neighbours_wh,
            "utility_wh": [one.lots * STEP_WH for one in self._turnovers(stage, "utility")],
            "alone_minor": alone,
            "paid_minor": self._paid,
            "saved_minor": saved,
        }

    def _turnovers(self, stage: FloorStage, kind: str) -> list[Turnover]:
        return [stage.found.turnover[f"{kind} {clock(block, self._blocks)}"] for block in range(self._blocks)]


def _trades(stage: FloorStage, market: int) -> list[Event]:
    found: list[Event] = stage.ask(stage.office, "trades", market=market)["trades"]
    return found


def _turnover(trades: list[Any]) -> Turnover:
    return Turnover(
        trades=len(trades),
        lots=sum(one["lots"] for one in trades),
        cash_minor=sum(one["cash_minor"] for one in trades),
        fee_minor=sum(one["fee_minor"] for one in trades),
    )


def _row(name: str, *minors: int) -> str:
    return f"  {name:<12}" + "".join(f"{written(minor, MONEY):>18}" for minor in minors)


def _cents(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02} ct"


SCENARIO: Final = energy_day(HOUSES, QUARTERS)
