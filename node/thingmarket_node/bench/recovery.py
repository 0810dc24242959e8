"""`bench recovery`: how fast a node comes up again over the log of a mixed load.

The log is made by a real node: whole trades, open contracts, needs, refusals. Then the node is killed, and
comes up as it really does: the newest snapshot that the projection has reached, the chain of all groups, the
tree, the groups behind the snapshot applied again, the projection filled. And once from its first entry,
without snapshots, every entry applied again. Outcomes and state roots of what is applied are compared;
signatures were verified before the entry was written, and are not repeated.

Seconds are those of the processor, of all threads, from the opened files to the core that serves. The
reference is a bare protobuf parse and one hash of the same entries.
"""

import asyncio
import gc
import itertools
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from thingmarket.errors import Refusal
from thingmarket.limits import ANSWERS_PER_SENDER_MAX
from thingmarket.v1 import envelope_pb2, log_pb2
from thingmarket_node.bench.crowd import Buyer, Crowd, crowd
from thingmarket_node.bench.load import closed_loop
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load
from thingmarket_node.core.boot import Replay
from thingmarket_node.groups import Group
from thingmarket_node.home import Home, load_identity
from thingmarket_node.journal import Journal
from thingmarket_node.journal_sqlite import SqliteLog
from thingmarket_node.node import come_up, node_keys
from thingmarket_node.projection import Projection

_DELIVERIES_MAX: Final = ANSWERS_PER_SENDER_MAX - 96  # there is one seller
_ROUNDS: Final = 3  # of which the fastest counts: what is slower was disturbed


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Make a log for `seconds`, kill the node, then come up."""
    with node_under_load() as node:
        asyncio.run(_mixed(node, seconds))
        node.process.kill()
        node.process.wait()
        restarts = [asyncio.run(_restarted(node.home)) for _ in range(_ROUNDS)]
        groups = _groups(node)
    restart, entries = min(restarts, key=lambda one: one.seconds), groups[-1].last_seq
    gc.disable()  # as a start of the node does
    from_start = _fastest(lambda: _replay(groups))
    bare = _fastest(lambda: _bare(groups))
    gc.enable()
    return {
        "figures": {
            "entries": entries,
            "restarted_per_s": round(entries / restart.seconds),
            "tail_entries": entries - restart.snapshot_seq,
            "snapshot_mb": round(restart.snapshot_bytes / 1e6, 1),
            "replayed_per_s": round(entries / from_start),
        },
        "references": {"bare_parse_and_hash_per_s": round(entries / bare)},
        "ratios": {
            "restart_to_bare": round(bare / restart.seconds, 3),
            "replay_to_bare": round(bare / from_start, 3),
        },
    }


@dataclass(frozen=True, slots=True)
class Restart:
    """What one restart took, and what it had to begin with."""

    seconds: float
    snapshot_seq: int
    snapshot_bytes: int


async def _restarted(home: Path) -> Restart:
    """Come up from a copy of the folder, as the node does."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        copy = Home(Path(shutil.copytree(home, Path(folder) / "node")))
        identity = load_identity(copy)
        journal = Journal.open(copy.journal, create=False, seal_key=identity.seal_key)
        projection = await Projection.open(copy.projection)
        snapshot = journal.latest_snapshot(projection.head())
        begin = time.process_time()
        core = await come_up(journal, node_keys(identity, None), projection)
        took_s = time.process_time() - begin
        assert core.durable_seq == journal.head.next_seq - 1, "it came up to the end of its log"
        await projection.close()
        journal.close()
    if snapshot is None:
        return Restart(took_s, 0, 0)
    return Restart(took_s, snapshot.head.next_seq - 1, sum(map(len, snapshot.bodies)))


async def _mixed(node: NodeUnderLoad, seconds: float) -> None:
    market = await crowd(node.card)
    try:
        delivered = itertools.count()
        await closed_loop(market.buyers, lambda buyer: _some_trade(market, buyer, next(delivered)), seconds)
    finally:
        await market.close()


async def _some_trade(market: Crowd, buyer: Buyer, number: int) -> None:
    """Two purchases, of which one is delivered and accepted; a need; a purchase that is refused."""
    if number < _DELIVERIES_MAX:
        await market.trade(buyer)
    else:
        await market.buy(buyer)
    await market.buy(buyer)
    await market.announce(buyer)
    try:
        await market.buy_for(buyer, total_minor=1)
    except Refusal:
        return
    raise AssertionError("nobody buys for one cent")


def _groups(node: NodeUnderLoad) -> list[Group]:
    log = SqliteLog.open(node.home / "journal.db")
    try:
        return list(log.read(1, log.head().number))
    finally:
        log.close()


def _fastest(act: Callable[[], None]) -> float:
    best_s = math.inf
    for _ in range(_ROUNDS):
        begin = time.process_time()
        act()
        best_s = min(best_s, time.process_time() - begin)
    return best_s


def _replay(groups: list[Group]) -> None:
    for _ in Replay(groups).outcomes():
        pass


def _bare(groups: list[Group]) -> None:
    for group in groups:
        for data in group.entries:
            entry = log_pb2.LogEntry.FromString(data)
            if entry.kind == log_pb2.ENTRY_KIND_COMMAND:
                signed = envelope_pb2.Signed.FromString(entry.body)
                envelope_pb2.Command.FromString(signed.payload)
            sha256(data).digest()
