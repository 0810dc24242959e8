"""`bench recovery`: how fast a node comes up again over the log of a mixed load.

The log is made by a real node: whole trades, open contracts, needs, refusals. Then it is read back as a start
does it: once from its first entry (every entry is applied again, its outcome and the state root compared;
signatures were verified before the entry was written, and are not repeated), and once from a snapshot at its
end (the chain of all groups is checked and the tree rebuilt). Seconds are those of one processor. The
reference is a bare protobuf parse and one hash of the same entries.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from thingmarket.errors import Refusal
from thingmarket.market.state import State
from thingmarket.v1 import envelope_pb2, log_pb2
from thingmarket_node.bench.crowd import Buyer, Crowd, crowd
from thingmarket_node.bench.load import closed_loop
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load
from thingmarket_node.core.sequencer import Sequencer
from thingmarket_node.groups import Group
from thingmarket_node.journal_sqlite import SqliteLog

_ROUNDS: Final = 3  # of which the fastest counts: what is slower was disturbed


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Make a log for `seconds`, then come up from it."""
    with node_under_load() as node:
        asyncio.run(_mixed(node, seconds))
        node.stop()
        groups = _groups(node)
    entries = sum(len(group.entries) for group in groups)
    gc.disable()  # as a start of the node does
    replayed, from_start = _fastest(lambda: _replayed(groups))
    snapshot = replayed.market.state.snapshot()
    _, from_snapshot = _fastest(lambda: _restored(groups, snapshot))
    _, bare = _fastest(lambda: _bare(groups))
    gc.enable()
    return {
        "figures": {
            "entries": entries,
            "replayed_per_s": round(entries / from_start),
            "from_snapshot_per_s": round(entries / from_snapshot),
            "snapshot_mb": round(len(snapshot) / 1e6, 1),
        },
        "references": {"bare_parse_and_hash_per_s": round(entries / bare)},
        "ratios": {
            "replay_to_bare": round(bare / from_start, 3),
            "snapshot_to_bare": round(bare / from_snapshot, 3),
        },
    }


async def _mixed(node: NodeUnderLoad, seconds: float) -> None:
    market = await crowd(node.card)
    try:
        await closed_loop(market.buyers, lambda buyer: _some_trade(market, buyer), seconds)
    finally:
        await market.close()


async def _some_trade(market: Crowd, buyer: Buyer) -> None:
    """Two purchases, of which one is delivered and accepted; a need; a purchase that is refused."""
    await market.trade(buyer)
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


def _fastest(come_up: Callable[[], Sequencer]) -> tuple[Sequencer, float]:
    best: tuple[Sequencer, float] | None = None
    for _ in range(_ROUNDS):
        begin = time.thread_time()
        came_up = come_up()
        took_s = time.thread_time() - begin
        if best is None or took_s < best[1]:
            best = came_up, took_s
    assert best is not None, "there is a round"
    return best


def _replayed(groups: list[Group]) -> Sequencer:
    sequencer = Sequencer()
    for group in groups:
        sequencer.replay(group, apply=True)
    return sequencer


def _restored(groups: list[Group], snapshot: bytes) -> Sequencer:
    sequencer = Sequencer()
    sequencer.market.state = State.restore(snapshot)
    for group in groups:
        sequencer.replay(group, apply=False)
    assert sequencer.market.state.state_root() == groups[-1].state_root, "the snapshot is of this log"
    return sequencer


def _bare(groups: list[Group]) -> Sequencer:
    for group in groups:
        for data in group.entries:
            entry = log_pb2.LogEntry.FromString(data)
            if entry.kind == log_pb2.ENTRY_KIND_COMMAND:
                signed = envelope_pb2.Signed.FromString(entry.body)
                envelope_pb2.Command.FromString(signed.payload)
            sha256(data).digest()
    return Sequencer()
