"""Scenarios of many traders pass as they are, and notice when anything is not as they say."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.network.test_scenarios import check_report, children_below, failed, in_silence
from thingmarket_node.scenarios import engine
from thingmarket_node.scenarios.expectations import Report, judge
from thingmarket_node.scenarios.neighbourhood_energy import energy_day
from thingmarket_node.scenarios.processes import PROGRAM, environment

WEAKENED = (sys.executable, "-P", str(Path(__file__).with_name("weakened_floor.py")))
ROBO_CODES = [
    "OVER_ORDER",
    "DENIED",
    "OUTSIDE_BAND",
    "WOULD_CROSS",
    "NOT_FILLABLE",
    "OUT_OF_STOCK",
    "WRONG_STATE",
    "MANDATE_REVOKED",
]


def check_notices(scenario: engine.Scenario, report: Report, market: str, owner: str) -> None:
    """Whatever is expected otherwise, or found otherwise, is told by its name and by nothing else."""
    expected, found = scenario.expected, report.found
    book, goods = expected.turnover[market], next(iter(expected.goods))
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"refusals": (*expected.refusals[:-1], expected.refusals[0])}, f"refusal {len(expected.refusals)}"),
        (
            {"balances_minor": {**expected.balances_minor, owner: expected.balances_minor[owner] + 1}},
            f"balance of {owner}, minor units",
        ),
        ({"operator_minor": {"fees": expected.operator_minor["fees"] - 1}}, "the node's fees, minor units"),
        (
            {"turnover": {**expected.turnover, market: replace(book, cash_minor=book.cash_minor + 1)}},
            f"turnover of {market}",
        ),
        (
            {"turnover": {**expected.turnover, market: replace(book, trades=book.trades + 1)}},
            f"turnover of {market}",
        ),
        ({"goods": {**expected.goods, goods: expected.goods[goods] + 1}}, f"goods of {goods}"),
    )
    for changes, name in cases:
        checks = judge(replace(expected, **changes), found)
        assert {check.name for check in checks if not check.holds} == {name}
    money = "all money together, minor units"
    wallets = "all wallets, as the node adds them up"
    off = replace(found, balances_minor={**found.balances_minor, owner: found.balances_minor[owner] - 1})
    wrong = {check.name for check in judge(expected, off) if not check.holds}
    assert wrong == {f"balance of {owner}, minor units", money, wallets}


def test_robo_trader_passes_and_notices_whatever_is_not_as_it_says() -> None:
    scenario = engine.find("robo-trader")
    report = engine.run(scenario, in_silence)
    assert not failed(report)
    check_report(json.dumps(report.value()), "robo-trader", trades=0, codes=ROBO_CODES)
    check_notices(scenario, report, "map-tiles", "harper")


def test_a_neighbourhood_passes_and_notices_whatever_is_not_as_it_says() -> None:
    scenario = energy_day(houses=6, blocks=24)
    report = engine.run(scenario, in_silence)
    assert not failed(report)
    codes = ["OVER_PRICE", "WRONG_STATE"]
    check_report(json.dumps(report.value()), "neighbourhood-energy", trades=0, codes=codes)
    check_notices(scenario, report, "auction 12:00", "house-03")
    figures = report.found.figures
    assert sum(figures["saved_minor"].values()) > 0 and min(figures["saved_minor"].values()) >= 0


def test_a_fee_of_a_hundredth_of_a_percent_more_does_not_pass() -> None:
    report = engine.run(energy_day(houses=6, blocks=6), in_silence, node_command=WEAKENED)
    assert not report.passed
    wrong = failed(report)
    assert {"the node's fees, minor units", "what the houses say that they paid"} <= wrong
    assert any(name.startswith("turnover of auction") for name in wrong)
    assert not any(name.startswith(("turnover of utility", "goods of", "refusal")) for name in wrong)
    assert report.found.money_conserved, "what is taken too much is still somewhere"


@pytest.mark.long  # the neighbourhood notices the same in every run
def test_traders_notice_a_fee_of_a_hundredth_of_a_percent_more() -> None:
    report = engine.run(engine.find("robo-trader"), in_silence, node_command=WEAKENED)
    assert not report.passed and report.found.money_conserved
    wrong = failed(report)
    assert {"the node's fees, minor units", "turnover of compute-hours", "turnover of map-tiles"} <= wrong
    assert not any(name.startswith(("goods of", "refusal", "executions")) for name in wrong)


@pytest.mark.long  # thirty houses and ninety-six blocks
def test_a_whole_neighbourhood_passes_and_draws_its_day(tmp_path: Path) -> None:
    plot = tmp_path / "day.svg"
    done = subprocess.run(
        [*PROGRAM, "scenario", "run", "neighbourhood-energy", "--plot", str(plot), "--json"],
        cwd=tmp_path,
        env={**environment(os.environ), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    check_report(done.stdout, "neighbourhood-energy", trades=0, codes=["OVER_PRICE", "WRONG_STATE"])
    assert list(tmp_path.iterdir()) == [plot]
    assert "<svg" in plot.read_text()
    assert children_below(tmp_path) == []


def test_a_scenario_without_a_picture_says_so(tmp_path: Path) -> None:
    for name, file in (("announcer", "day.svg"), ("neighbourhood-energy", "day.txt")):
        done = subprocess.run(
            [*PROGRAM, "scenario", "run", name, "--plot", file],
            cwd=tmp_path,
            env=environment(os.environ),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "--plot" in done.stderr
    assert list(tmp_path.iterdir()) == []
