"""`bench idle`: what a node costs that has nothing to do, and what things add that are connected and silent.

The things are known to the market already. They connect, each with a session of its own, and read one row:
first on shared lines, as the things of one process do, then each on a connection of its own, as devices do.
Then each buys one piece, which opens streams, and 1,000 contracts are part of what is added. The reference is
a bare Python process that has imported gRPC and waits.
"""

import asyncio
import subprocess
import sys
import time
from typing import Any, Final

from thingmarket_node.bench.crowd import crowd
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load, rss_mb

THINGS: Final = 1_000
_BARE: Final = "import grpc.aio, sys; print(flush=True); sys.stdin.read()"


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Let a node rest, alone, with 1,000 things on shared lines, with as many on lines of their own."""
    figures: dict[str, Any] = {}
    for kind, alone in (("shared", False), ("alone", True)):
        with node_under_load() as node:
            figures |= asyncio.run(_measured(node, kind, seconds / 4, alone=alone))
    return {"figures": figures, "references": {"bare_grpc_process_mb": round(_bare_mb(), 1)}, "ratios": {}}


async def _measured(node: NodeUnderLoad, kind: str, seconds: float, *, alone: bool) -> dict[str, Any]:
    rest_mb, rest_cpu = node.rss_mb(), await _cpu_percent(node, seconds)
    market = await crowd(node.card, things=THINGS)
    known_mb = node.rss_mb()
    await market.reconnect(alone=alone)
    try:
        for buyer in market.buyers:
            await market.look(buyer)
        connected_mb, connected_cpu = node.rss_mb(), await _cpu_percent(node, seconds)
        for buyer in market.buyers:
            await market.buy(buyer)
        return {
            f"at_rest_mb_{kind}": round(rest_mb, 1),
            f"at_rest_cpu_percent_{kind}": round(rest_cpu, 2),
            f"connected_add_mb_{kind}": round(connected_mb - known_mb, 1),
            f"connected_cpu_percent_{kind}": round(connected_cpu, 2),
            f"one_purchase_each_adds_mb_{kind}": round(node.rss_mb() - connected_mb, 1),
        }
    finally:
        await market.close()


async def _cpu_percent(node: NodeUnderLoad, seconds: float) -> float:
    begin_s, used_s = time.perf_counter(), node.cpu_s()
    await asyncio.sleep(seconds)
    return (node.cpu_s() - used_s) / (time.perf_counter() - begin_s) * 100


def _bare_mb() -> float:
    with subprocess.Popen(  # noqa: S603  our own words
        [sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None, "asked for"
        process.stdout.readline()
        found = rss_mb(process.pid)
        process.kill()
    return found
