"""A real node for tests: a process of its own on a free port, in a folder of its own."""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from thingmarket.identity.cards import NodeCard
from thingmarket.ids import NetworkId, PartyId
from thingmarket.wire.handshake import read_node_card_text

_REPOSITORY: Final = Path(__file__).parents[2]
_PROGRAM: Final = Path(__file__).with_name("run_node.py")
_START_S: Final = 30.0  # a loaded machine takes a few seconds to import gRPC
_STOP_S: Final = 5.0  # a node stops in less than 3 s


@dataclass(slots=True)
class NodeProcess:
    """A node that serves; `restart` keeps its folder, and its port unless that is taken."""

    home: Path
    process: "subprocess.Popen[str]"
    address: str
    card_text: str
    card: NodeCard
    entries: int

    @classmethod
    def start(cls, home: Path, *, tls: bool = False, address: str = "127.0.0.1:0") -> Self:
        """Start a node (made when the folder is new) and wait until it serves."""
        home.mkdir(parents=True, exist_ok=True)
        flags = ["--address", address, *(["--tls"] if tls else [])]
        roots = [str(_REPOSITORY / name) for name in ("marketplace", "node", "client")]
        with (home / "node.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), str(home), *flags],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            ready = _first_line(process, home / "node.log")
        except BaseException:
            process.kill()
            process.wait()
            raise
        card = read_node_card_text(ready["card"])
        return cls(home, process, ready["address"], ready["card"], card, ready["entries"])

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def node_id(self) -> PartyId:
        return self.card.node_id

    @property
    def network_id(self) -> NetworkId:
        return NetworkId(self.card.key_event.network_id)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def log(self) -> str:
        """All that the node has logged, earlier runs in this folder included."""
        return (self.home / "node.log").read_text()

    @property
    def trouble(self) -> list[str]:
        """Lines of the log that no caller may be able to cause."""
        words = ("Traceback", "ERROR", "CRITICAL", "Error:", "exception")
        return [line for line in self.log.splitlines() if any(word in line for word in words)]

    def rss_bytes(self) -> int:
        """Resident memory of the process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)

    def kill(self) -> None:
        """End it without a word (SIGKILL), as a power cut would; nothing when it has ended."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def restart(self, *, kill: bool = False) -> None:
        """Start again in the same folder, after an orderly stop or after `kill`."""
        if not kill:
            assert self.stop() == 0, self.log[-2_000:]
        self.kill()
        again = type(self).start(self.home)
        self.process, self.address, self.entries = again.process, again.address, again.entries
        self.card_text, self.card = again.card_text, again.card


def _first_line(process: "subprocess.Popen[str]", log: Path) -> dict:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _START_S)
    line = process.stdout.readline() if readable else ""
    assert line, f"the node did not start within {_START_S:g} s: {log.read_text()[-2_000:]}"
    return json.loads(line)
