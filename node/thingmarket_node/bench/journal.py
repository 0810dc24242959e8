"""`bench journal`: durable records through the journal, against a plain file that is appended and synced."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

import uvloop

from thingmarket.limits import GROUP_ENTRIES_MAX, GROUPS_IN_FLIGHT_MAX
from thingmarket_node.groups import EMPTY, NO_HASH, Group, Head
from thingmarket_node.journal import Journal, Writer

RECORD: Final = bytes(range(128))
IN_FLIGHT: Final = 256  # callers that each wait for their record before they send the next
_ROUND_S: Final = 2 / 3  # long enough for the journal to fold its write-ahead log within a round
_WARM_UP_S: Final = 0.1


class Engine(Protocol):
    """What the harness drives; the journal and the plain file."""

    @property
    def in_flight(self) -> int:
        """Groups appended and not yet durable."""

    def append(self, group: Group) -> None:
        """Hand over the next group."""


class PlainFile:
    """Append and fdatasync of the same bytes, by the same thread and the same callbacks."""

    def __init__(
        self, path: Path, durable: Callable[[int], None], failed: Callable[[Exception], None]
    ) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._durable = durable
        self.in_flight = 0
        self._writer = Writer(self, self._became_durable, failed)

    def append(self, group: Group) -> None:
        """Queue one group."""
        self.in_flight += 1
        self._writer.put(group)

    def write(self, group: Group) -> None:
        """Append one group and wait for the disk."""
        body = group.encode()
        assert os.write(self._descriptor, body) == len(body), "a short write"
        os.fdatasync(self._descriptor)

    def housekeeping(self, *, idle: bool) -> float | None:
        """A plain file needs none."""
        return None

    def close(self) -> None:
        """End the thread and close the file."""
        self._writer.stop()
        os.close(self._descriptor)

    def _became_durable(self, number: int) -> None:
        self.in_flight -= 1
        self._durable(number)


@dataclass(slots=True)
class Harness:
    """Callers in a closed loop; whatever waits when a group may start is that group, as in the node."""

    engine: Engine | None = None
    head: Head = EMPTY
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    groups: dict[int, list[asyncio.Future[None]]] = field(default_factory=dict)
    scheduled: bool = False

    def submit(self) -> asyncio.Future[None]:
        """Let one record wait for the next group."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.waiting.append(future)
        if not self.scheduled:  # after everything that has already arrived
            self.scheduled = True
            loop.call_soon(self.form_group)
        return future

    def form_group(self) -> None:
        """Make all that waits the next group, when one more may be in flight."""
        self.scheduled = False
        assert self.engine is not None, "the engine is set before anything is submitted"
        if not self.waiting or self.engine.in_flight >= GROUPS_IN_FLIGHT_MAX:
            return
        taken = self.waiting[:GROUP_ENTRIES_MAX]
        del self.waiting[:GROUP_ENTRIES_MAX]
        group = Group(
            number=self.head.number + 1,
            first_seq=self.head.next_seq,
            entries=(RECORD,) * len(taken),
            outcome_hash=NO_HASH,
            state_root=NO_HASH,
            previous=self.head.chain,
        )
        self.head = Head.at(group)
        self.groups[group.number] = taken
        self.engine.append(group)

    def durable(self, number: int) -> None:
        """Answer the callers of a group and start the next one."""
        for future in self.groups.pop(number):
            future.set_result(None)
        self.form_group()

    def failed(self, error: Exception) -> None:
        """Stop the measurement."""
        for group in self.groups.values():
            for future in group:
                future.set_exception(error)

    async def round(self, seconds: float) -> tuple[float, list[int]]:
        """Run all callers for a while; returns records per second and each record's nanoseconds."""
        latencies_ns: list[int] = []
        start_ns = time.perf_counter_ns()
        end_ns = start_ns + int(seconds * 1e9)

        async def caller() -> None:
            now_ns = time.perf_counter_ns()
            while now_ns < end_ns:
                sent_ns = now_ns
                await self.submit()
                now_ns = time.perf_counter_ns()
                latencies_ns.append(now_ns - sent_ns)

        async with asyncio.TaskGroup() as callers:
            for _ in range(IN_FLIGHT):
                callers.create_task(caller())
        elapsed_s = (time.perf_counter_ns() - start_ns) / 1e9
        return len(latencies_ns) / elapsed_s, latencies_ns


def measure(seconds: float = 2.0) -> dict[str, Any]:
    """Run journal and plain file in turn on the disk of the current folder, `seconds` each; medians."""
    with (
        tempfile.TemporaryDirectory(prefix=".bench-journal-", dir=Path.cwd()) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_measure(Path(folder), seconds))


async def _measure(folder: Path, seconds: float) -> dict[str, Any]:
    rounds = max(3, round(seconds / _ROUND_S))
    ours, plain = Harness(), Harness()
    journal = Journal.open(folder / "journal.db")
    journal.start(ours.durable, ours.failed)
    ours.engine = journal
    plain.engine = plain_file = PlainFile(folder / "plain.log", plain.durable, plain.failed)
    rates: list[float] = []
    raw_rates: list[float] = []
    p50s: list[float] = []
    p99s: list[float] = []
    for harness in (ours, plain):
        await harness.round(_WARM_UP_S)
    for _ in range(rounds):
        rate, latencies_ns = await ours.round(seconds / rounds)
        rates.append(rate)
        latencies_ns.sort()
        p50s.append(latencies_ns[len(latencies_ns) // 2] / 1e6)
        p99s.append(latencies_ns[len(latencies_ns) * 99 // 100] / 1e6)
        raw_rates.append((await plain.round(seconds / rounds))[0])
    journal.close()
    plain_file.close()
    return {
        "figures": {
            "journal_records_per_s": round(median(rates)),
            "p50_ms": round(median(p50s), 3),
            "p99_ms": round(median(p99s), 3),
        },
        "references": {"raw_records_per_s": round(median(raw_rates))},
        "ratios": {"journal_to_raw": round(median(rates) / median(raw_rates), 3)},
    }
