"""A thing comes to its owner by its label, goes wrong, and is held: with real processes, end to end."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from thingmarket_node.scenarios.processes import PROGRAM, Running, environment

OFFER = {
    "product_id": "cola-can",
    "title": "Cola, can",
    "category": "50202306",
    "currency": "EUR",
    "price_minor": 100,
    "stock_steps": 500,
}
SPEND = "order=200.00,day=500.00,total=900.00"


class Street:
    """A node, an owner with money, and a shop that is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ExitStack() as programs:  # what was started ends, too, when opening fails
            self.programs = programs
            self._open()
            self.programs = programs.pop_all()

    def _open(self) -> None:
        self.do("node", "init", "market", "--play-money", "20000.00")
        self.node = self.start("node", "node", "run", "market")
        self.node.wait_for("ready")
        for owner in ("anna", "bob"):
            self.do("owner", "init", owner, "--node", "market")
        self.do("owner", "fund", "anna", "900.00")
        self.do("thing", "init", "shop", "--node", "market")
        self.do("owner", "mandate", "bob", "shop", "--autonomy", "bound", "--may", "sell")
        (self.folder / "cola.json").write_text(json.dumps(OFFER))
        self.shop = self.start("shop", "thing", "run", "seller", "shop", "--sell", "cola.json")
        self.offer: str = self.shop.wait_for("selling")["offer"]

    def start(self, name: str, *arguments: str) -> Running:
        running = Running.start(name, [*PROGRAM, *arguments, "--json"], self.folder, lambda line: None)
        self.programs.callback(running.stop)
        return running

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """All that a command tells programs, the result last."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def do(self, *arguments: str) -> dict[str, Any]:
        return self.lines(*arguments)[-1]

    def refused(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 1, done.stdout + done.stderr
        refusal: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["refused"]
        return refusal

    def close(self) -> None:
        self.programs.close()


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    built = Street(tmp_path_factory.mktemp("street"))
    yield built
    built.close()


def test_a_thing_walks_to_active_by_its_label_and_the_owner_sees_every_step(street: Street) -> None:
    # [THG-1] [THG-3] [THG-5] [THG-10]
    machine = street.start(
        "machine", "thing", "factory", "machine", "--node", "market", "--model", "VM-1",
        "--kind", "vending machine", "--wait",
    )  # fmt: skip
    label = machine.wait_for("label")
    code = label["code"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    mistyped = street.refused("thing", "claim", wrong, "--owner", "anna")
    assert (mistyped["name"], "mistyped" in mistyped["reason"]) == ("BAD_FIELD", True)
    *steps, done = street.lines(
        "thing", "claim", code, "--owner", "anna", "--autonomy", "adaptable", "--spend", SPEND
    )
    walked = [step["state"] for step in steps if step.get("event") == "step"]
    assert walked == ["FACTORY", "CLAIMED", "MANDATED", "REGISTERED", "ACTIVE"]
    assert (done["thing"], done["state"], done["assurance"]) == (label["thing"], "ACTIVE", 1)
    assert machine.wait_for("owned")["state"] == "ACTIVE"
    machine.stop()
    (mine,) = street.do("owner", "things", "anna")["things"]
    assert (mine["model"], mine["kind"], mine["cause"]) == ("VM-1", "vending machine", "Register")
    again = street.refused("thing", "claim", code, "--owner", "bob")
    assert again["name"] == "UNKNOWN_THING"


def test_a_broken_thing_is_held_until_its_owner_releases_it(street: Street) -> None:  # [THG-9] [THG-12]
    lesser = street.do("thing", "report-malfunction", "machine", "lamp", "--severity", "minor")
    assert lesser["state"] == "ACTIVE"
    critical = street.do(
        "thing", "report-malfunction", "machine", "compressor", "--severity", "critical",
        "--fact", "temperature=19",
    )  # fmt: skip
    assert critical["state"] == "QUARANTINED"
    denied = street.refused("thing", "buy", "machine", "--offer", street.offer, "--quantity", "1")
    assert (denied["name"], denied["rule"]) == ("DENIED", "THG-12")
    assert street.do("owner", "release", "anna", "machine")["state"] == "ACTIVE"
    assert street.do("owner", "suspend", "anna", "machine", "--reason", "holidays")["state"] == "SUSPENDED"
    assert street.do("owner", "resume", "anna", "machine")["state"] == "ACTIVE"


def test_a_tripped_guard_quarantines_and_explain_says_why(street: Street) -> None:  # [GRD-1] [GRD-5]
    set_to = street.do("owner", "guards", "anna", "machine", "--rate", "1/1h", "--then", "quarantine")
    assert set_to["guards"] == "1 orders in 1 h, else quarantine"
    buying = ("thing", "buy", "machine", "--offer", street.offer, "--quantity", "1")
    street.do(*buying)
    tripped = street.refused(*buying)
    assert (tripped["name"], tripped["rule"]) == ("GUARD_TRIPPED", "GRD-1")
    (mine,) = street.do("owner", "things", "anna")["things"]
    assert (mine["state"], mine["cause"]) == ("QUARANTINED", "GRD-1")
    entry = str(mine["since_seq"])
    why = street.do("explain", "--entry", entry, "--home", "anna")
    assert (why["name"], why["rules"]) == ("GUARD_TRIPPED", ["GRD-1"])
    assert {"name": "guard.rate.observed", "value": 2} in why["facts"]
    told = street.run("explain", "--entry", entry, "--home", "machine").stdout
    assert "its order no. 2 within 60 minutes" in told
    assert street.refused("explain", "--entry", entry, "--home", "bob")["name"] == "UNKNOWN_ENTRY"
    assert street.do("owner", "decommission", "anna", "machine")["state"] == "DECOMMISSIONED"
