"""The plain Python book beside a peer: the package matching-engine in an interpreter of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import thingmarket
from thingmarket.matching.records import COMMAND_BYTES
from thingmarket_node.bench import peer_engine

ROUNDS: Final = 3  # interleaved, so that a busy minute of the machine meets all of them
TIMEOUT_S: Final = 600  # a million commands take seconds
CHECKED: Final = ("trades", "traded_quantity", "trade_checksum")


def beside_peer(commands: bytes, python: Path, expected: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Rates of our Python book here and in the peer's interpreter, and of the peer, all by the same script.

    ChildProcessError if the interpreter does not run or has no peer, or if trades are not those `expected`.
    """
    runs = {
        "own": (sys.executable, "own"),
        "own_there": (str(python), "own"),
        "peer_ready": (str(python), "peer_ready"),
        "peer_packed": (str(python), "peer_packed"),
    }
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    for turn in range(ROUNDS):
        for name, (interpreter, book) in runs.items():
            told[name].append(_played(interpreter, book, commands, check=turn == 0))
    for name, (first, *_) in told.items():
        found = {key: first[key] for key in CHECKED}
        if found != {key: expected[key] for key in CHECKED}:
            raise ChildProcessError(f"{name} has other trades than our book: {found}")
    rates = {
        name: len(commands) / COMMAND_BYTES / median(run["cpu_s"] for run in each)
        for name, each in told.items()
    }
    return {
        "references": {
            **{f"python_{name}_per_s": round(rate) for name, rate in rates.items()},
            "python_here": told["own"][0]["python"],
            "python_there": told["own_there"][0]["python"],
            "peer": f"matching-engine {told['peer_ready'][0]['version']}",
        },
        "ratios": {
            f"python_{own}_to_{peer}": round(rates[own] / rates[peer], 2)
            for own in ("own", "own_there")
            for peer in ("peer_ready", "peer_packed")
        },
    }


def _played(interpreter: str, book: str, commands: bytes, *, check: bool) -> dict[str, Any]:
    """One run of the script in a process of its own. Only our book finds our packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if book == "own":
        environment["PYTHONPATH"] = str(Path(thingmarket.__file__).parent.parent)
    words = [interpreter, "-P", peer_engine.__file__, book, *(["check"] if check else [])]
    try:
        done = subprocess.run(  # noqa: S603  the interpreter that the caller named, without a shell
            words, input=commands, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except OSError as error:
        raise ChildProcessError(f"{interpreter} does not run: {error}") from None
    if done.returncode:
        *_, last = done.stderr.decode(errors="replace").splitlines() or ["no word of why"]
        raise ChildProcessError(f"{interpreter} cannot play {book}: {last}")
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ChildProcessError(f"{interpreter} is no Python: it told nothing") from None
    return told
