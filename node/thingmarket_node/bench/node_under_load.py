"""A real node process for benchmarks, and what the operating system says it cost."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thingmarket.identity.cards import NodeCard
from thingmarket.wire.handshake import read_node_card_text

_START_S = 30.0
_STOP_S = 10.0
# Everything that a sale can cost: the operator's fee, a reserve, tax that he collects.
_SETTINGS = ("--fee", "200", "--reserve", "500", "--tax", "S=1900", "--tax", "DE:S=1900")
_PLAY_MONEY = "90071992547409.91"  # EUR: the most that a node may give


@dataclass(frozen=True, slots=True)
class NodeUnderLoad:
    """A running node: its card, its folder and its process."""

    card: NodeCard
    home: Path
    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self.process.pid

    def stop(self) -> None:
        """Stop it as an operator would, and wait."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_STOP_S)

    def cpu_s(self) -> float:
        """User and system seconds of the process so far, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Resident memory in megabytes."""
        return rss_mb(self.pid)


def rss_mb(pid: int) -> float:
    """Resident memory of a process in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def node_under_load() -> Iterator[NodeUnderLoad]:
    """Make a node in a temporary folder of the current disk, serve plaintext on loopback, clean up."""
    command = [sys.executable, "-m", "thingmarket_node.cli"]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        home = Path(folder) / "node"
        subprocess.run(  # noqa: S603  our own program, with our own words
            [*command, "node", "init", str(home), "--plaintext", "--play-money", _PLAY_MONEY, *_SETTINGS],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603  the same
                [*command, "node", "run", str(home)], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert process.stdout is not None, "asked for"
        try:
            if not select.select([process.stdout], [], [], _START_S)[0] or not process.stdout.readline():
                raise RuntimeError((Path(folder) / "log").read_text() or "the node did not start")
            yield NodeUnderLoad(read_node_card_text((home / "node.card").read_text().strip()), home, process)
        finally:
            process.kill()
            process.wait(_STOP_S)
            process.stdout.close()
