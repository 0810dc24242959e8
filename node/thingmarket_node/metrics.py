"""What the node counts of itself, for Prometheus. Names and meanings stand in docs/operating.md, too."""

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from thingmarket.matching.records import EVENT_BYTES, EventKind
from thingmarket.trading.frame import statuses_of
from thingmarket_node.core.messages import Published

_ENTRIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096)
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Gauges(Protocol):
    """Numbers that are read when somebody asks; each must be quick and safe to read from a thread."""

    def gauges(self) -> dict[str, int]:
        """Current values by the names of GAUGES."""


GAUGES: Final = {
    "log_entries": "Durable entries of the log.",
    "waiting_commands": "Commands that wait for their place in the log.",
    "sessions": "Open sessions.",
    "parties": "Known parties: owners, things, the operator.",
    "offers_live": "Offers that can be bought.",
    "contracts_open": "Contracts that are not final.",
    "contracts": "Contracts ever made that the state holds.",
    "markets": "Markets that were opened.",
    "market_watches": "Streams of market data.",
    "projection_lag_entries": "Durable entries that the projection does not have yet.",
}


class Metrics:
    """Counters that the shell feeds, in a registry of their own: two nodes in one process stay apart."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        self.commands: Final = Counter(
            "thingmarket_commands",
            "Commands that became entries, by type and by what they came to (0: done, else the refusal).",
            ("type", "code"),
            registry=self.registry,
        )
        self.orders: Final = Counter(
            "thingmarket_orders",
            "Orders of frames that were taken, by status (0: the book took it, else the refusal).",
            ("status",),
            registry=self.registry,
        )
        self.trades: Final = Counter("thingmarket_trades", "Trades of the books.", registry=self.registry)
        self.group_entries: Final = Histogram(
            "thingmarket_group_entries", "Entries of one group.", buckets=_ENTRIES, registry=self.registry
        )
        self.group_seconds: Final = Histogram(
            "thingmarket_group_seconds",
            "From a group that was formed to the same group on the disk.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.loop_lag_seconds: Final = Histogram(
            "thingmarket_loop_lag_seconds",
            "How late the event loop woke a task, sampled every second.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._formed: dict[int, float] = {}

    def appended(self, number: int, entries: int) -> None:
        """A group went to the journal."""
        self.group_entries.observe(entries)
        self._formed[number] = time.perf_counter()

    def durable(self, number: int) -> None:
        """Everything up to a group is on the disk."""
        now = time.perf_counter()
        for formed in [one for one in self._formed if one <= number]:
            self.group_seconds.observe(now - self._formed.pop(formed))

    def told(self, outcomes: Iterable[Published]) -> None:
        """Outcomes of a durable group."""
        outcomes = tuple(outcomes)
        tally = Tally(
            (one.command.type_id.name, one.outcome.code) for one in outcomes if one.command is not None
        )
        for (name, code), count in tally.items():
            self.commands.labels(name, code).inc(count)
        for status, count in Tally(chain.from_iterable(map(_statuses, outcomes))).items():
            self.orders.labels(status).inc(count)
        if trades := sum(trades_of(one) for one in outcomes):
            self.trades.inc(trades)

    def serve(self, address: str, source: Gauges) -> WSGIServer:
        """Answer GET /metrics at host:port from a thread; the caller shuts the server down."""
        self.registry.register(_Gauges(source))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        host, _, port = address.rpartition(":")
        server, _ = start_http_server(int(port), host.strip("[]"), registry=self.registry)
        return server


def _statuses(one: Published) -> tuple[int, ...]:
    return statuses_of(one.outcome.statuses)


def trades_of(one: Published) -> int:
    """How many trades the books had in an entry: the kind is the first byte of an event."""
    return one.outcome.events[::EVENT_BYTES].count(EventKind.TRADE)


class _Gauges(Collector):
    def __init__(self, source: Gauges) -> None:
        self._source = source

    def collect(self) -> Iterator[GaugeMetricFamily]:
        values = self._source.gauges()
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(f"thingmarket_{name}", meaning, value=values[name])
