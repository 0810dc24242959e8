"""The bench of matching beside a peer: both are played by one script, and must come to the same trades."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from thingmarket_node.bench import matching, peer_engine
from thingmarket_node.bench.matching_peer import beside_peer
from thingmarket_node.bench.order_streams import Shape, made

# A Python that has the package matching-engine, which needs 3.12.
PEER_PYTHON = os.environ.get("THINGMARKET_PEER_PYTHON", "")
SHORT = Shape("short", 2_000, 3, 200)


def expected_of(commands: bytes) -> dict[str, int]:
    return peer_engine.checked(peer_engine.own(), commands)


def test_the_script_counts_the_trades_that_the_bench_counts(tmp_path: Path) -> None:
    commands = made(SHORT)
    found = expected_of(commands)
    assert found["trades"] > 100
    (tmp_path / "short.bin").write_bytes(commands)
    figures = matching.measure(0.1, stream=tmp_path)["figures"]
    assert found == {name: figures[f"short_{name}"] for name in found}


def test_an_interpreter_without_the_peer_is_told() -> None:
    with pytest.raises(ChildProcessError, match=r"cannot play peer_ready: .*matching_engine"):
        beside_peer(made(SHORT), Path(sys.executable), expected_of(made(SHORT)))


def test_a_file_that_is_no_interpreter_is_told(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("no program")
    with pytest.raises(ChildProcessError, match="does not run"):
        beside_peer(made(SHORT), tmp_path / "python", {})


def test_a_program_that_is_no_python_is_told() -> None:
    with pytest.raises(ChildProcessError, match="is no Python"):
        beside_peer(made(SHORT), Path("/bin/true"), expected_of(made(SHORT)))


def test_the_script_runs_where_nothing_of_ours_is_found() -> None:
    """What a peer's interpreter runs may not import thingmarket before it is asked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    words = [sys.executable, "-S", "-P", peer_engine.__file__, "own"]
    done = subprocess.run(words, input=b"", env=environment, capture_output=True, text=False, timeout=60)
    last = done.stderr.decode().splitlines()[-1]
    assert last == "ModuleNotFoundError: No module named 'thingmarket'"


@pytest.mark.skipif(not PEER_PYTHON, reason="THINGMARKET_PEER_PYTHON names no Python with matching-engine")
def test_the_peer_comes_to_the_same_trades_and_other_trades_are_told() -> None:
    commands = made(SHORT)
    expected = expected_of(commands)
    measured = beside_peer(commands, Path(PEER_PYTHON), expected)
    assert measured["references"]["peer"].startswith("matching-engine ")
    assert all(ratio > 0 for ratio in measured["ratios"].values())
    with pytest.raises(ChildProcessError, match="other trades"):
        beside_peer(commands, Path(PEER_PYTHON), expected | {"trade_checksum": 0})


@pytest.mark.skipif(not PEER_PYTHON, reason="THINGMARKET_PEER_PYTHON names no Python with matching-engine")
def test_a_peer_is_not_measured_on_what_it_would_do_otherwise() -> None:
    commands = made(SHORT)
    immediate = commands[:2] + b"\x03" + commands[3:]
    with pytest.raises(ChildProcessError, match="on orders that rest"):
        beside_peer(immediate, Path(PEER_PYTHON), expected_of(immediate))
