"""A node that kills itself with SIGKILL at one chosen moment; nothing of this is in the product.

Started as `dying_node.py HOME [--die POINT:COUNT]`, or as `dying_node.py --nursery`: see `nursery.py`.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from thingmarket_node import node
from thingmarket_node.groups import Group
from thingmarket_node.home import Home
from thingmarket_node.journal import Journal
from thingmarket_node.journal_sqlite import SqliteLog
from thingmarket_node.vault import Vault

POINTS: Final = {
    "before-append": "applied, not yet in the journal",
    "after-append": "in the journal, the event loop not yet told",
    "before-answer": "durable, nobody told",
    "after-answer": "answers released, not yet on the wire",
    "after-seal": "sealed parts in the vault, their command not yet in the log",
    "while-saving": "in the middle of a snapshot",
    "while-folding": "while the write-ahead log is folded into the journal",
}
LYING_DISK: Final = "lying-disk"
"""From some group on nothing is written, though the node is told so; dead a moment later. No node survives
this: it is there to see that a soak notices."""
SNAPSHOT_EVERY: Final = 150  # entries; a real node takes one every 256
LIE_S: Final = 0.3  # long enough for clients to be told
SNAPSHOT_PART_BYTES: Final = 4_096  # so that there is a middle
WAL_PAGES_MAX: Final = 64  # so that it is folded under load, and often
FOLD_S: Final = 0.002  # what folding so few pages takes at most


class Death:
    """Strikes the `count`-th time that somebody comes by."""

    def __init__(self, count: int) -> None:
        """Wait for so many."""
        self._left = count

    def is_next(self) -> bool:
        """Count down; true at the end."""
        self._left -= 1
        return self._left <= 0

    def comes_by(self) -> None:
        """Count down; at the end this process is gone."""
        if self.is_next():
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, death: Death) -> None:
    """Put `death` in the way of the node's own code."""
    if point in ("before-append", "after-append"):
        _around(SqliteLog, "write", death, before=point == "before-append")
    elif point in ("before-answer", "after-answer"):
        start = Journal.start

        def started(self: Journal, durable: Callable[[int], None], failed: Any) -> None:
            def told(number: int) -> None:
                if point == "before-answer":
                    death.comes_by()
                durable(number)
                if point == "after-answer":
                    death.comes_by()

            start(self, told, failed)

        Journal.start = started  # type: ignore[method-assign]
    elif point == "after-seal":
        _around(Vault, "seal_all", death, before=False)
    elif point == "while-folding":
        _fold(death)
    elif point == LYING_DISK:
        _lie(death)
    else:
        housekeeping = SqliteLog.housekeeping

        def kept(self: SqliteLog, *, idle: bool) -> float | None:
            if self._saving is not None:
                death.comes_by()
            return housekeeping(self, idle=idle)

        SqliteLog.housekeeping = kept  # type: ignore[method-assign]


def _fold(death: Death) -> None:
    """Another thread strikes while SQLite is at it."""
    opened = SqliteLog.open.__func__  # type: ignore[attr-defined]

    def open_log(cls: type[SqliteLog], path: Path, seal_key: bytes = b"") -> SqliteLog:
        log: SqliteLog = opened(cls, path, seal_key)

        def begins(statement: str) -> None:
            if "wal_checkpoint" in statement and death.is_next():
                delay_s = random.uniform(0, FOLD_S)
                threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGKILL)).start()

        log._db.set_trace_callback(begins)
        return log

    SqliteLog.open = classmethod(open_log)  # type: ignore[assignment,method-assign]


def _lie(death: Death) -> None:
    write = SqliteLog.write
    lies: list[bool] = []

    def pretend(self: SqliteLog, group: Group) -> None:
        if not lies and not death.is_next():
            write(self, group)
        elif not lies:
            lies.append(True)
            threading.Timer(LIE_S, os.kill, (os.getpid(), signal.SIGKILL)).start()

    SqliteLog.write = pretend  # type: ignore[method-assign]


def _around(owner: type, name: str, death: Death, *, before: bool) -> None:
    original = getattr(owner, name)

    def around(*given: Any, **named: Any) -> Any:
        if before:
            death.comes_by()
        result = original(*given, **named)
        if not before:
            death.comes_by()
        return result

    setattr(owner, name, around)


def live(home: Path, plan: str) -> int:
    """Serve until death or SIGTERM."""
    if plan:
        point, _, count = plan.partition(":")
        assert point in (*POINTS, LYING_DISK), f"{point} is none of {', '.join(POINTS)}"
        arm(point, Death(int(count)))
    node.SNAPSHOT_EVERY_ENTRIES = SNAPSHOT_EVERY  # type: ignore[attr-defined]
    sys.modules["thingmarket_node.journal_sqlite"].WAL_PAGES_MAX = WAL_PAGES_MAX  # type: ignore[attr-defined]
    snapshots: Any = sys.modules["thingmarket_node.journal_snapshots"]
    snapshots.SNAPSHOT_PART_BYTES = SNAPSHOT_PART_BYTES

    def ready(served: node.Ready) -> None:
        tell(card=served.card, entries=served.entries)

    return asyncio.run(node.run_node(Home(home), ready=ready))


def tell(**news: Any) -> None:
    """Say something to whoever started this, in one write."""
    os.write(sys.stdout.fileno(), json.dumps(news).encode() + b"\n")


def bear() -> None:
    """Fork one life after the other, as they are ordered on stdin; imports are done once."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            random.seed()
            os._exit(live(Path(order["home"]), order["die"]))
        tell(pid=pid)
        _, status = os.waitpid(pid, 0)
        tell(exit=os.waitstatus_to_exitcode(status))


def main() -> int:
    """Live once, or be the nursery of many lives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--die", default="")
    parser.add_argument("--nursery", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not given.nursery:
        return live(given.home, given.die)
    bear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
