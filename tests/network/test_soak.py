"""Kills under load: what a client was told is in the log, once, whenever the node died. [LOG-5] [LOG-12]"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.dying_node import LYING_DISK, POINTS
from tests.soak.soak import Failed, passed, soak

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
    assert report["money_conserved"] and report["replay_equal"] and report["passed"]
    assert report["contracts"] > 0, "there was a trade to lose"
    assert len(set(report["kills_by_point"]) & set(POINTS)) >= 3, "kills struck inside the node too"


@pytest.mark.timeout(300)
def test_a_soak_notices_a_disk_that_lies(tmp_path: Path) -> None:
    try:
        report = soak(tmp_path, kills=6, clients=1, seed=1, points=[LYING_DISK])
    except Failed as failure:  # the clients noticed first: their node's log shrank
        assert "Forked" in str(failure)
    else:
        assert not passed(report) and report["lost"] > 0, report
