"""Kills under load: what a client was told is in the log, once, whenever the node died. [LOG-5] [LOG-12]"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import World
from tests.soak.conservation import violations
from tests.soak.dying_node import LYING_DISK, POINTS
from tests.soak.soak import Failed, passed, soak
from thingmarket.ids import Digest

PROGRAM = Path(__file__).parents[2] / "scripts/soak"
KILLS = 20


@pytest.mark.timeout(300)
def test_twenty_kills_lose_nothing_and_double_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--kills", str(KILLS), "--seed", "1", "--json"],
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, (report, done.stderr[-3_000:])
    assert (report["kills"], report["lost"], report["doubled"]) == (KILLS, 0, 0)
    assert report["money_conserved"] and report["replay_equal"] and report["projection_equal"]
    assert report["passed"], report
    assert report["contracts"] > 0, "there was a trade to lose"
    assert {"PURCHASE", "FULFIL", "ACCEPT_DELIVERY"} <= set(report["by_type"]), report["by_type"]
    assert len(set(report["kills_by_point"]) & set(POINTS)) >= 3, "kills struck inside the node too"


def test_a_soak_notices_what_does_not_add_up() -> None:
    world = World()
    ink, anna = world.owner("ink"), world.owner("anna", fund=100_00)
    shop, printer = world.thing("shop", ink), world.thing("printer", anna)
    offer = world.offer(shop)
    contract = world.contract(world.bought(printer, offer))
    state, leaf = world.state, Digest(contract.mandate_leaf)
    assert list(violations(state, 100_00, {leaf: contract.seq + 1}, {})) == []
    assert any("came in" in one for one in violations(state, 100_01, {}, {}))
    assert any("was revoked" in one for one in violations(state, 100_00, {leaf: contract.seq - 1}, {}))
    counter = state.spending[leaf, "EUR"]
    state.spending.put((leaf, "EUR"), replace(counter, total_minor=counter.total_minor - 1))
    assert any("budget" in one for one in violations(state, 100_00, {}, {}))
    state.contracts.put(contract.id, replace(contract, total_minor=contract.total_minor + 1))
    assert any("the units of" in one for one in violations(state, 100_00, {}, {}))


@pytest.mark.timeout(300)
def test_a_soak_notices_a_disk_that_lies(tmp_path: Path) -> None:
    try:
        report = soak(tmp_path, kills=6, clients=1, seed=1, points=[LYING_DISK])
    except Failed as failure:  # the clients noticed first: their node's log shrank
        assert "Forked" in str(failure)
    else:
        assert not passed(report) and report["lost"] > 0, report
