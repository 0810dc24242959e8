"""Nodes by the hundred: one process has imported everything, and forks each life of the node off itself.

A life is a process of its own, with its own sockets, files and threads; what is shared is only code.
"""

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any


class Nursery:
    """Talks to `dying_node.py --nursery`, which has one child at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Take a process that was just started, with pipes to and from it."""
        assert process.stdin is not None and process.stdout is not None, "it was started with pipes"
        self._process, self._orders, self._news = process, process.stdin, process.stdout
        self._read = b""

    def bear(self, home: Path, plan: str) -> "Child":
        """Begin a life of the node of this home, with the death that is planned for it."""
        self._orders.write(json.dumps({"home": str(home), "die": plan}).encode() + b"\n")
        self._orders.flush()
        born = self.news(60.0)
        assert born is not None and "pid" in born, "a nursery that is alive bears"
        return Child(self, born["pid"])

    def news(self, timeout_s: float) -> dict[str, Any] | None:
        """The next that is told of the child: it was born, it serves, it is gone; None when nothing is."""
        until_s = time.monotonic() + timeout_s
        while b"\n" not in self._read:
            left_s = max(0.0, until_s - time.monotonic())
            if not select.select([self._news], [], [], left_s)[0]:
                return None
            data = os.read(self._news.fileno(), 65_536)
            assert data, "the nursery ended"
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it, once its child is gone."""
        self._orders.close()
        self._news.close()
        self._process.wait()


class Child:
    """One life."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        """Begin."""
        self._nursery, self._pid = nursery, pid
        self.card = ""
        self.returncode: int | None = None

    def serves(self, timeout_s: float) -> bool:
        """Wait until it serves; False when it was gone before that."""
        news = self._nursery.news(timeout_s)
        self._hear(news)
        return bool(self.card)

    def wait(self, timeout_s: float) -> int:
        """Wait until it is gone, and how it ended (subprocess.TimeoutExpired)."""
        until_s = time.monotonic() + timeout_s
        while self.returncode is None:
            news = self._nursery.news(max(0.0, until_s - time.monotonic()))
            if news is None:
                raise subprocess.TimeoutExpired("node", timeout_s)
            self._hear(news)
        return self.returncode

    def _hear(self, news: dict[str, Any] | None) -> None:
        if news is not None and "card" in news:
            self.card = news["card"]
        elif news is not None:
            self.returncode = news["exit"]

    def send_signal(self, number: int) -> None:
        """Signal it, if it is there."""
        if self.returncode is None:
            os.kill(self._pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)
