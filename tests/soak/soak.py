"""Load, SIGKILL, restart, reconnect, over and over; then what clients were told is held against the log.

Progress goes to stderr; with --json the last line of stdout is one object. Exit 1 when anything is wrong.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from tests.soak.comparison import Comparison
from tests.soak.conservation import resting_of
from tests.soak.dying_node import POINTS
from tests.soak.evidence import EvidenceReader
from tests.soak.load import FOLDER_OF_EVIDENCE
from tests.soak.nursery import Child, Nursery
from tests.soak.trading import MARKET
from thingmarket.billing.charges import Charges
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import NetworkId
from thingmarket.market.state import State
from thingmarket.v1 import audit_service_pb2 as audit
from thingmarket.v1.audit_service_pb2_grpc import AuditServiceStub
from thingmarket_node.cli.rate import open_operator
from thingmarket_node.config import Config
from thingmarket_node.home import Home, init_node, load_config

REPOSITORY: Final = Path(__file__).parents[2]
START_S: Final = 30.0
LIFE_S: Final = (0.05, 1.2)  # a node's life before a random kill, after it serves
INJECTED_S: Final = 2.0  # within this an injected kill strikes, or a random one does
GROUPS_MAX: Final = 25  # an injected kill strikes within so many groups
DRAIN_S: Final = 60.0
PLAY_MONEY_MINOR: Final = 10**15
RANDOM: Final = "random"
STARTING: Final = "while-starting"
START_LIFE_S: Final = (0.0, 0.3)  # a node's life when it is killed before it serves, or just then
Report = dict[str, Any]


def start(module: str, *arguments: str, log: Path, listens: bool = False) -> "subprocess.Popen[bytes]":
    """Start one of the programs beside this one."""
    roots = [str(REPOSITORY / name) for name in ("", "marketplace", "node", "client")]
    with log.open("a") as stderr:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", f"tests.soak.{module}", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
            stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )


def free_port() -> int:
    """A port that was free a moment ago; the node keeps it through all its lives."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def say(words: str) -> None:
    """Progress."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


class Failed(Exception):
    """The run cannot go on; the words say why."""


@dataclass(slots=True)
class Life:
    """One life of the node: its process, and the moment at which it is to die."""

    process: Child
    point: str


class Run:
    """One soak: a node, its clients, and their comparison."""

    def __init__(self, folder: Path, *, clients: int, seed: int) -> None:
        """Make the node's home."""
        self.folder = folder
        self.home = Home(folder / "node")
        self.chance = random.Random(seed)
        init_node(
            self.home.folder,
            Config(address=f"127.0.0.1:{free_port()}", plaintext=True, play_money_max_minor=PLAY_MONEY_MINOR),
            network_id=NetworkId(self.chance.randbytes(16)),
            now_ms=time.time_ns() // 1_000_000,
            currencies=("EUR",),
            tax_basis_points=(("DE:S", 1_900), ("S", 1_900), ("Z", 0)),
            charges=Charges(fee_basis_points=250, reserve_basis_points=1_000, reserve_days=1),
        )
        self.nursery = Nursery(start("dying_node", "--nursery", log=folder / "node.log", listens=True))
        self.names = [f"client{number}" for number in range(clients)]
        self.evidence = EvidenceReader([folder / name / FOLDER_OF_EVIDENCE for name in self.names])
        self.comparison = Comparison(self.home.journal)
        self.clients: list[subprocess.Popen[bytes]] = []
        self.struck: Counter[str] = Counter()
        self.last = ""
        self.node: Life | None = None

    def live(self, point: str) -> Life:
        """Start the node and wait until it serves; an injected death may come before that."""
        plan = "" if point in (RANDOM, STARTING) else f"{point}:{self.chance.randint(1, GROUPS_MAX)}"
        child = self.nursery.bear(self.home.folder, plan)
        self.node = Life(child, point)
        if point != STARTING and not child.serves(START_S) and child.returncode != -signal.SIGKILL:
            child.kill()
            raise Failed(f"the node did not start: {self.tail('node')}")
        return self.node

    def begin(self) -> None:
        """Start the clients, which do all else by themselves."""
        card = self.live(RANDOM).process.card
        asyncio.run(self._open_market())
        for name in self.names:
            (self.folder / name).mkdir()
            self.clients.append(start("load", str(self.folder / name), card, log=self.folder / f"{name}.log"))

    async def _open_market(self) -> None:
        async with await open_operator(self.home.folder) as operator:
            await operator.open_market(MARKET)

    def die(self) -> None:
        """Wait for the injected death, or kill; then look at what is there."""
        life = self.node
        assert life is not None, "only the living die"
        lives = {RANDOM: LIFE_S, STARTING: START_LIFE_S}.get(life.point, (INJECTED_S, INJECTED_S))
        try:
            life.process.wait(self.chance.uniform(*lives))
        except subprocess.TimeoutExpired:
            life.process.kill()
            life.point = STARTING if life.point == STARTING else RANDOM
        if life.process.wait(DRAIN_S) != -signal.SIGKILL:
            raise Failed(f"the node ended by itself: {self.tail('node')}")
        self.node = None
        self.struck[life.point] += 1
        self.last = life.point
        self.comparison.look(self.evidence.added())
        for name, client in zip(self.names, self.clients, strict=True):
            if client.poll() is not None and self.comparison.found.nothing:
                raise Failed(f"{name} gave up: {self.tail(name)}")

    def end(self) -> Report:
        """Let everybody finish, stop the node in order, replay, compare."""
        assert self.live(RANDOM).process.card, "a life without a plan begins"
        for client in self.clients:
            client.send_signal(signal.SIGTERM)
        for name, client in zip(self.names, self.clients, strict=True):
            if client.wait(DRAIN_S) != 0:
                raise Failed(f"{name} did not come to an end: {self.tail(name)}")
        seq, root = self._status()
        assert self.node is not None, "it was started above"
        self.node.process.send_signal(signal.SIGTERM)
        if self.node.process.wait(DRAIN_S) != 0:
            raise Failed(f"the node did not stop in order: {self.tail('node')}")
        self.node = None
        self.comparison.look(self.evidence.added())
        return self.report(self.comparison.end(self.home, seq=seq, state_root=root))

    def report(self, state: State | None = None) -> Report:
        """What was found; without a replayed state when the run was broken off."""
        found, told = self.comparison.found, self.comparison.acknowledged.values()
        return {
            "kills": self.struck.total(),
            "kills_by_point": dict(sorted(self.struck.items())),
            "acknowledged": len(told),
            "trades": self.comparison.trades,
            "resting": sum(map(len, resting_of(state).values())) if state else None,
            "refused": sum(one.code != 0 for one in told),
            "contracts": len(state.contracts) if state else None,
            "entries": state.seq if state else None,
            "lost": len(found.lost),
            "doubled": len(found.doubled),
            "waited": sum(one.pending for one in told),
            "by_type": dict(sorted(Counter(TypeId(one.type_id).name for one in told).items())),
            "money_conserved": not found.unsound if state else None,
            "replay_equal": not found.other if state else None,
            "projection_equal": not found.projection if state else None,
            "findings": found.all[:20],
        }

    def _status(self) -> tuple[int, bytes]:
        with grpc.insecure_channel(load_config(self.home).address) as channel:
            status = AuditServiceStub(channel).GetStatus(audit.GetStatusRequest(), timeout=10.0)
            return status.durable_seq, status.state_root

    def tail(self, name: str) -> str:
        """The end of a program's log."""
        return (self.folder / f"{name}.log").read_text()[-2_000:]

    def clear(self) -> None:
        """End what still runs."""
        if self.node is not None:
            self.node.process.kill()
        self.nursery.close()
        for process in self.clients:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def soak(
    folder: Path, *, kills: int, clients: int, seed: int, points: Sequence[str] = (*POINTS, STARTING)
) -> Report:
    """One whole run, broken off at the first finding (Failed when it could not be carried through)."""
    began = time.monotonic()
    run = Run(folder, clients=clients, seed=seed)
    try:
        run.begin()
        for number in range(kills):
            if run.node is None:
                # Half of the deaths are random, the others go round the injected points.
                run.live(points[number // 2 % len(points)] if number % 2 else RANDOM)
            run.die()
            found = run.comparison.found
            say(
                f"kill {number + 1}/{kills} ({run.last}): {len(run.comparison.acknowledged)} acknowledged, "
                f"{len(found.lost)} lost, {len(found.doubled)} doubled"
            )
            if not found.nothing:
                break
        report = run.end() if run.comparison.found.nothing else run.report()
    finally:
        run.clear()
    return {**report, "duration_s": round(time.monotonic() - began, 1), "seed": seed}


def passed(report: Report) -> bool:
    """Whether a run proves what it is for."""
    right = report["money_conserved"] and report["replay_equal"] and report["projection_equal"]
    return bool(right) and not report["lost"] and not report["doubled"] and report["acknowledged"] > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often the node is killed (20)")
    parser.add_argument("--clients", type=int, default=2, help="client processes, six parties each (2)")
    parser.add_argument("--seed", type=int, default=None, help="of the moments of death; a fresh one if none")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of stdout")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="thingmarket-soak-"))
    try:
        report = soak(folder, kills=given.kills, clients=given.clients, seed=seed)
    except Failed as failure:
        report = {"kills": given.kills, "seed": seed, "failure": str(failure)}
    good = "failure" not in report and passed(report)
    if good:
        shutil.rmtree(folder)
    else:
        say(f"{report.get('failure', 'not all is well')}\nall that is left of this run is in {folder}")
    told = {**report, "passed": good}
    lines = [json.dumps(told)] if given.json else [f"{name}: {value}" for name, value in told.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
