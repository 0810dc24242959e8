"""Scenarios pass as they are, and notice when anything is not as they say."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from thingmarket_node.scenarios import engine
from thingmarket_node.scenarios.expectations import Report, judge
from thingmarket_node.scenarios.processes import PROGRAM, environment

WEAKENED = (sys.executable, "-P", str(Path(__file__).with_name("weakened_node.py")))


def in_silence(line: str) -> None:
    """Nobody listens to these stories."""


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if not check.holds}


def children_below(folder: Path) -> list[str]:
    """Processes that play in a folder, by their working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:  # it has ended, or is somebody else's
            continue
        if where.is_relative_to(folder):
            found.append(process.name)
    return found


def check_report(stdout: str, name: str, trades: int, codes: list[str]) -> None:
    """What programs read of a scenario that passed."""
    report: dict[str, Any] = json.loads(stdout.splitlines()[-1])
    assert (report["scenario"], report["passed"], report["money_conserved"]) == (name, True, True)
    assert (report["trades"], report["refusals"]) == (trades, len(codes))
    assert [refusal["code"] for refusal in report["refused"]] == codes
    assert report["duration_s"] > 0
    assert all({"name", "expected", "found"} <= set(check) for check in report["checks"])


def test_printer_ink_passes_from_any_folder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "scenario", "run", "printer-ink", "--json"],
        cwd=tmp_path,
        env={**environment(os.environ), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    codes = ["NEED_ENDED", "DENIED", "DENIED", "DENIED", "MANDATE_REVOKED"]
    check_report(done.stdout, "printer-ink", trades=3, codes=codes)
    assert "printer-ink passed" in done.stderr, "the story goes to stderr when JSON is asked for"
    assert list(tmp_path.iterdir()) == []
    assert children_below(tmp_path) == []


def test_announcer_passes_and_what_was_kept_running_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "scenario", "run", "announcer", "--keep", "--json"],
        env={**environment(os.environ), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        told = []
        for line in running.stderr:
            told.append(line)
            if line.startswith("Ctrl-C"):
                break
        assert any("node status node" in line for line in told), "it says how to look at what still runs"
        assert children_below(tmp_path) != []
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
        check_report(running.stdout.read(), "announcer", trades=1, codes=["DENIED", "DENIED"])
    assert children_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "trades", "codes"),
    [
        (
            "washer-detergent",
            5,
            ["NEED_ENDED", "WRONG_STATE", "FEE_TOO_HIGH", "FEE_TOO_HIGH", "WRONG_TOTAL", "DENIED"],
        ),
        ("paper-towels", 1, ["WRONG_STATE"]),
    ],
)
def test_it_passes(name: str, trades: int, codes: list[str]) -> None:
    report = engine.run(engine.find(name), in_silence)
    assert not failed(report)
    check_report(json.dumps(report.value()), name, trades, codes)


def test_vending_machine_passes_and_notices_whatever_is_not_as_it_says() -> None:
    scenario = engine.find("vending-machine")
    report = engine.run(scenario, in_silence)
    assert not failed(report)
    codes = ["DENIED", "DENIED", "OFFER_ENDED", "MANDATE_REVOKED"]
    check_report(json.dumps(report.value()), "vending-machine", trades=5, codes=codes)
    expected, found = scenario.expected, report.found
    late = replace(expected.trades[3], late_credit_minor=456)
    for changes, names in (
        ({"trades": (*expected.trades[:3], late, expected.trades[4])}, {"trade 4"}),
        ({"refusals": expected.refusals[:-1]}, {"number of refusals", "refusal 4"}),
        ({"balances_minor": {**expected.balances_minor, "vera": 14_937}}, {"balance of vera, minor units"}),
        ({"operator_minor": {**expected.operator_minor, "fees": 331}}, {"the node's fees, minor units"}),
        ({"points": {**expected.points, "pia": 19}}, {"points of pia"}),
        ({"decisions": {"vera": {"allow": 12}}}, {"decisions for vera"}),
    ):
        checks = judge(replace(expected, **changes), found)
        assert {check.name for check in checks if not check.holds} == names
    for changed, names in (
        ({"escrow_minor": 1}, {"all money together, minor units", "all escrows, as the node adds them up"}),
        ({"points": {**found.points, "vera": -31}}, {"points of vera", "points given less points held"}),
        ({"trades": [*found.trades, late]}, {"number of trades", "trade 6"}),
    ):
        checks = judge(expected, replace(found, **changed))
        assert {check.name for check in checks if not check.holds} == names


@pytest.mark.long  # the vending machine is held against broken expectations in every run
def test_a_changed_price_does_not_pass() -> None:
    scenario = engine.find("announcer")
    relay = {**scenario.offers["relay-for-fz200"], "price_minor": 2_491}
    report = engine.run(replace(scenario, offers={**scenario.offers, "relay-for-fz200": relay}), in_silence)
    assert not report.passed and not report.value()["passed"]
    balances = {f"balance of {owner}, minor units" for owner in ("carla", "coolparts")}
    assert failed(report) == balances | {"trade 1"}


def test_a_rule_that_is_left_out_does_not_pass() -> None:
    report = engine.run(engine.find("printer-ink"), in_silence, node_command=WEAKENED)
    assert not report.passed
    assert "number of refusals" in failed(report)
    assert ("DENIED", "ITM-2") not in {(refusal.code, refusal.rule) for refusal in report.found.refusals}
    assert report.found.money_conserved, "what a rule allows too much is still paid"


@pytest.mark.long  # the vending machine is held against broken expectations in every run
def test_a_balance_that_is_off_by_one_does_not_pass() -> None:
    scenario = engine.find("announcer")
    off = {**scenario.expected.balances_minor, "coolparts": 2_964}
    report = engine.run(
        replace(scenario, expected=replace(scenario.expected, balances_minor=off)), in_silence
    )
    assert not report.passed
    assert failed(report) == {"balance of coolparts, minor units"}


def test_a_scenario_that_is_stopped_while_it_plays_cleans_up_too(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "scenario", "run", "announcer"],
        env={**environment(os.environ), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        next(line for line in running.stdout if "A node opens" in line)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 130
    assert children_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
