"""Nodes as processes: `node` for a module's tests to share, `start_node` for those that need their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.network.node_process import NodeProcess
from tests.network.raw_client import RawClient
from tests.network.small_market import SmallMarket


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A plaintext node of this module; killed at its end."""
    running = NodeProcess.start(tmp_path_factory.mktemp("node") / "home")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def market(node: NodeProcess) -> Iterator[SmallMarket]:
    """That node with owners, things and an offer."""
    with RawClient(node) as client:
        yield SmallMarket.open(node, client)


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start a node of one's own: `start_node(tls=True)`; all are killed at the end of the test."""
    started: list[NodeProcess] = []

    def start(*, tls: bool = False) -> NodeProcess:
        running = NodeProcess.start(tmp_path / f"node{len(started)}", tls=tls)
        started.append(running)
        return running

    yield start
    for running in started:
        running.kill()
