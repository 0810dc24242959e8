"""Nodes as processes: `node` for a module's tests to share, `start_node` for those that need their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.network.node_process import NodeProcess


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A plaintext node of this module; killed at its end."""
    running = NodeProcess.start(tmp_path_factory.mktemp("node") / "home")
    yield running
    running.kill()


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
