"""Runs a scenario: opens a stage, lets it play, and holds what happened against what was expected."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.expectations import Expected, Report, judge
from thingmarket_node.scenarios.processes import PROGRAM, StepFailed, Tell
from thingmarket_node.scenarios.stage import PLAIN, Stage, Terms

# Name and module; a module is loaded when its scenario is looked at.
MODULES: Final = {
    "printer-ink": "printer_ink",
    "announcer": "announcer",
    "paper-towels": "paper_towels",
    "vending-machine": "vending_machine",
    "washer-detergent": "washer_detergent",
    "robo-trader": "robo_trader",
    "neighbourhood-energy": "neighbourhood_energy",
}

Sheets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story as data: who pays in how much, what is offered and needed, and what must come of it.

    `play` is the order of events. It takes offers and needs from here, so that a test can change one.
    """

    name: str
    title: str
    deposits_minor: Mapping[str, int]
    offers: Sheets
    needs: Sheets
    play: "Callable[[Stage, Scenario], None]"
    expected: Expected
    market: Terms = PLAIN
    stage: type[Stage] = Stage
    draw: Callable[[Path, Mapping[str, Any]], None] | None = None
    look: tuple[str, ...] = ("node status node",)

    @property
    def buyers(self) -> tuple[str, ...]:
        """Owners who pay in are those who buy."""
        return tuple(owner for owner, minor in self.deposits_minor.items() if minor)


def find(name: str) -> Scenario:
    """The scenario of a name (UNKNOWN_ENTRY)."""
    if name not in MODULES:
        raise Refusal(Code.UNKNOWN_ENTRY, f"no scenario {name!r}; see `thingmarket scenario list`")
    found = import_module(f"thingmarket_node.scenarios.{MODULES[name]}").SCENARIO
    assert isinstance(found, Scenario) and found.name == name, "a module holds the scenario of its name"
    return found


def run(
    scenario: Scenario,
    tell: Tell,
    *,
    node_command: Sequence[str] = PROGRAM,
    linger: Callable[[Report, Path], None] | None = None,
) -> Report:
    """Play a scenario in a temporary folder; every process that it started has ended afterwards.

    `linger` is called before they end, with the folder that they play in.
    """
    began_ns = time.monotonic_ns()
    with tempfile.TemporaryDirectory(prefix=f"thingmarket-{scenario.name}-") as folder:
        stage = scenario.stage(Path(folder), tell, node_command=node_command)
        try:
            _play(scenario, stage)
            report = Report(
                scenario=scenario.name,
                checks=judge(scenario.expected, stage.found),
                found=stage.found,
                duration_ms=(time.monotonic_ns() - began_ns) // 1_000_000,
            )
            _tell_end(report, tell, scenario.market.currency)
            if linger is not None:
                linger(report, Path(folder))
        finally:
            stage.close()
    return report


def _play(scenario: Scenario, stage: Stage) -> None:
    stage.tell(f"=== {scenario.name}: {scenario.title}")
    try:
        stage.open_market(scenario.market)
        stage.admit(*scenario.deposits_minor)
        stage.fund({owner: minor for owner, minor in scenario.deposits_minor.items() if minor})
        scenario.play(stage, scenario)
    except StepFailed as failure:
        stage.check("the story goes to its end", "yes", str(failure))
    try:
        stage.count_money(tuple(scenario.expected.points))
        stage.count_decisions(tuple(scenario.expected.decisions))
        stage.explain_trades(scenario.buyers)
    except StepFailed as failure:
        stage.check("the books can be read", "yes", str(failure))


def _tell_end(report: Report, tell: Tell, currency: str) -> None:
    found = report.found
    tell("")
    tell("In the end:")
    for owner, minor in found.balances_minor.items():
        tell(f"  {owner:<12} {written(minor, currency):>14}")
    deposits = sum(found.deposits_minor.values())
    tell(f"  {'in escrow':<12} {written(found.escrow_minor, currency):>14}")
    for name, minor in found.operator_minor.items():
        tell(f"  {name:<12} {written(minor, currency):>14}")
    tell(
        f"  {'together':<12} {written(found.held_minor, currency):>14}"
        f"   paid in: {written(deposits, currency)}"
    )
    for owner, points in found.points.items():
        tell(f"  {owner:<12} {points:>14} points")
    for check in report.checks:
        if not check.holds:
            tell(f"  NOT SO: {check.name}: expected {check.expected}, found {check.found}")
    verdict = "passed" if report.passed else "FAILED"
    held = sum(check.holds for check in report.checks)
    tell(
        f"{report.scenario} {verdict}: {held} of {len(report.checks)} checks hold,"
        f" {report.duration_ms / 1000:.1f} s"
    )
