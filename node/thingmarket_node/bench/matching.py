"""`bench matching`: the engine on streams of orders, beside the plain Python book in the same run."""

import gc
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import Any, Final

from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND_BYTES, EVENT, EventKind
from thingmarket_node.bench.matching_peer import beside_peer
from thingmarket_node.bench.order_streams import SHAPES, made, read

BATCHES: Final = (1, 8, 64, 512, 4096)
USUAL_BATCH: Final = 512
ROUNDS_MIN: Final = 3
PERCENTILES: Final = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}
CHECK_FACTOR: Final = 1_000_003


def measure(seconds: float = 2.0, *, stream: Path | None = None, peer: Path | None = None) -> dict[str, Any]:
    """Play each stream for about `seconds` in the engine's batches, then once in the Python book.

    Rates are in commands per second of processor time, median of rounds, with packed records in and out.
    Latencies are of calls with one record each, the clock included. Both books must give equal events. `peer`
    is a Python that has the package matching-engine, which then plays them too.
    """
    streams = read(stream) if stream else {shape.name: made(shape) for shape in SHAPES}
    parts: dict[str, dict[str, Any]] = {"figures": {}, "references": {}, "ratios": {}}
    for name, commands in streams.items():
        measured = _of_stream(commands, seconds)
        if peer:
            for part, values in beside_peer(commands, peer, measured["figures"]).items():
                measured[part] |= values
        for part, values in measured.items():
            parts[part] |= {f"{name}_{key}": value for key, value in values.items()}
    return parts


def _of_stream(commands: bytes, seconds: float) -> dict[str, dict[str, Any]]:
    rates = {batch: _rate(commands, batch, seconds / len(BATCHES)) for batch in BATCHES}
    events, reference = _plain(commands)
    engine = Engine()
    assert _digest(engine.process(commands)) == _digest(events), "both kinds of book give equal events"
    return {
        "figures": {
            "kind": engine.kind,
            "commands": len(commands) // COMMAND_BYTES,
            **_trades(events),
            **{f"batch_{batch}_per_s": round(rate) for batch, rate in rates.items()},
            **{f"single_{key}_ns": value for key, value in _latencies(commands).items()},
        },
        "references": {"python_per_s": round(reference)},
        "ratios": {"engine_to_python": round(rates[USUAL_BATCH] / reference, 1)},
    }


def _cut(commands: bytes, batch: int) -> list[bytes]:
    size = batch * COMMAND_BYTES
    return [commands[at : at + size] for at in range(0, len(commands), size)]


def _rate(commands: bytes, batch: int, seconds: float) -> float:
    """Median commands per second over rounds that each begin with an empty book."""
    calls = _cut(commands, batch)
    rates: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(rates) < ROUNDS_MIN or time.perf_counter() < end_s:
        rates.append(len(commands) / COMMAND_BYTES / _cpu_s(Engine().process, calls))
    return median(rates)


def _cpu_s(process: Callable[[bytes], object], calls: list[bytes]) -> float:
    """Processor time of all calls, their events dropped as they come."""
    begin_s = time.process_time()
    for call in calls:
        process(call)
    return time.process_time() - begin_s


def _plain(commands: bytes) -> tuple[bytes, float]:
    """All events by the Python book, and its commands per second."""
    engine, events = Engine("python"), list[bytes]()
    taken_s = _cpu_s(lambda call: events.append(engine.process(call)), _cut(commands, USUAL_BATCH))
    return b"".join(events), len(commands) / COMMAND_BYTES / taken_s


def _latencies(commands: bytes) -> Mapping[str, int]:
    """Nanoseconds of calls with one record each, without the pauses of Python's garbage collection."""
    process, clock = Engine().process, time.perf_counter_ns
    taken: list[int] = []
    gc.disable()
    try:
        for call in _cut(commands, 1):
            begin_ns = clock()
            process(call)
            taken.append(clock() - begin_ns)
    finally:
        gc.enable()
    taken.sort()
    return {name: taken[int(share * len(taken))] for name, share in PERCENTILES.items()}


def _trades(events: bytes) -> dict[str, int]:
    """How many trades, over what quantity, and a checksum over them in their order."""
    trades = quantity = checksum = 0
    for kind, _, _, _, _, _, maker, taker, price, traded, _ in EVENT.iter_unpack(events):
        if kind == EventKind.TRADE:
            trades += 1
            quantity += traded
            checksum = (checksum * CHECK_FACTOR + maker * 31 + taker * 17 + price * 7 + traded) % 2**64
    return {"trades": trades, "traded_quantity": quantity, "trade_checksum": checksum}


def _digest(events: bytes) -> bytes:
    return blake2b(events, digest_size=16).digest()
