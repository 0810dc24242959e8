"""`bench purchase`: signed purchases end to end over gRPC, each answered durably with a funded contract.

A node process and one load process share the machine. 64 things under a full mandate, each with a session of
its own, buy one piece each time: closed loop with one purchase in flight for the rate, then open loop at half
of that rate, timed from the intended moment, for the latencies; then whole trades, with delivery and
acceptance, in the closed loop. The reference is QueryService.GetOffer in the same closed loop: a call of the
same session that reads one row.
"""

import asyncio
from typing import Any

from thingmarket_node.bench.crowd import crowd
from thingmarket_node.bench.layers import cpu_us_by_layer
from thingmarket_node.bench.load import closed_loop, open_loop, own_cpu_s
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load

_WARM_UP_S = 0.5


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Run the loads: three quarters of `seconds` for purchases in both loops, the rest for the others."""
    with node_under_load() as node:
        found = asyncio.run(_measured(node, seconds))
        node.stop()
        layers = cpu_us_by_layer(node.home / "journal.db")
    layers["rest"] = max(0.0, found["figures"]["node_cpu_us"] - sum(layers.values()))
    found["figures"]["node_cpu_by_layer_us"] = {name: round(value, 1) for name, value in layers.items()}
    return found


async def _measured(node: NodeUnderLoad, seconds: float) -> dict[str, Any]:
    market = await crowd(node.card)
    try:
        await closed_loop(market.buyers, market.buy, _WARM_UP_S)  # connections and caches warm up
        reads = await closed_loop(market.buyers, market.look, seconds / 8)
        node_cpu, own_cpu = node.cpu_s(), own_cpu_s()
        rate = await closed_loop(market.buyers, market.buy, seconds * 3 / 8)
        node_us = (node.cpu_s() - node_cpu) / rate.count * 1e6
        client_us = (own_cpu_s() - own_cpu) / rate.count * 1e6
        paced = await open_loop(market.buyers, market.buy, rate.per_s / 2, seconds * 3 / 8)
        trades = await closed_loop(market.buyers, market.trade, seconds / 8)
    finally:
        await market.close()
    return {
        "figures": {
            "purchases_per_s": round(rate.per_s),
            "closed_loop_p50_ms": rate.percentile_ms(50),
            "closed_loop_p99_ms": rate.percentile_ms(99),
            "p50_ms": paced.percentile_ms(50),
            "p99_ms": paced.percentile_ms(99),
            "trades_per_s": round(trades.per_s),
            "node_cpu_us": round(node_us, 1),
            "client_cpu_us": round(client_us, 1),
            "node_rss_mb": round(node.rss_mb(), 1),
        },
        "references": {"reads_per_s": round(reads.per_s)},
        "ratios": {"purchases_to_reads": round(rate.per_s / reads.per_s, 3)},
    }
