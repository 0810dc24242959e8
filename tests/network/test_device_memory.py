"""What the SDK costs a device that does nothing: a fresh process with one connected session and a watch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.network.node_process import NodeProcess
from thingmarket.identity.mandates import Autonomy
from thingmarket_client import Owner, Thing, create_owner, create_thing

IDLE_KB_MAX = 55 * 1_024
NODES_OWN = (
    "thingmarket.market.state",
    "thingmarket.matching",
    "thingmarket.settlement.accounts",
    "thingmarket.settlement._accounts",
    "thingmarket.trading",
    "thingmarket.wire.commands",
    "thingmarket.wire.orders",
)
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("idle_device.py")


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read as Linux tells it"
)


@pytest.fixture(params=[False, True], ids=["plaintext", "tls"])
async def home(request: pytest.FixtureRequest, start_node, tmp_path: Path) -> Path:
    """The folder of a sensor that is known to a node that runs."""
    node: NodeProcess = start_node(tls=request.param)
    create_owner(tmp_path / "ada", node.network_id)
    subject = create_thing(tmp_path / "sensor")
    async with (
        await Owner.open(tmp_path / "ada", node.card) as ada,
        await Thing.open(tmp_path / "sensor", node.card) as sensor,
    ):
        await ada.admit()
        await sensor.adopt([ada.mandate(subject, Autonomy.ANNOUNCER)])
        await sensor.present()
    return tmp_path / "sensor"


def measured(home: Path, form: str) -> dict[str, Any]:
    roots = [str(ROOT / name) for name in ("marketplace", "client")]
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), str(home), form],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_an_idle_device_needs_at_most_55_megabytes(home: Path, form: str) -> None:
    assert measured(home, form)["idle_kb"] <= IDLE_KB_MAX


async def test_a_device_does_not_load_what_is_an_owners(home: Path) -> None:
    assert not {"thingmarket_client.owner", "thingmarket_client.blocking"} & set(
        measured(home, "async")["modules"]
    )
    assert "thingmarket_client.owner" not in measured(home, "blocking")["modules"]


@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_a_device_does_not_load_the_state_machine_the_books_or_the_stubs(home: Path, form: str) -> None:
    loaded = measured(home, form)["modules"]
    assert [name for name in loaded if name.startswith(NODES_OWN) or name.endswith("_pb2_grpc")] == []
