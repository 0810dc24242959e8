"""Loops that press on a node, and what they measured."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

B = TypeVar("B")
Act = Callable[[B], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timed:
    """Latencies in seconds, and the time that all of it took."""

    latencies_s: list[float]
    duration_s: float

    @property
    def count(self) -> int:
        """Acts that were done."""
        return len(self.latencies_s)

    @property
    def per_s(self) -> float:
        """Acts per second."""
        return self.count / self.duration_s

    def percentile_ms(self, percent: int) -> float:
        """A percentile of the latencies, in milliseconds."""
        ranked = sorted(self.latencies_s)
        return round(ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] * 1000, 2)


async def closed_loop(buyers: Sequence[B], act: Act[B], seconds: float) -> Timed:
    """Each buyer acts again as soon as he was answered."""
    latencies: list[float] = []
    begin = time.perf_counter()

    async def one(buyer: B) -> None:
        while (sent := time.perf_counter()) - begin < seconds:
            await act(buyer)
            latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*map(one, buyers))
    return Timed(latencies, time.perf_counter() - begin)


async def open_loop(buyers: Sequence[B], act: Act[B], per_s: float, seconds: float) -> Timed:
    """Each buyer starts at even intervals, whether or not the node keeps up; timed from when he meant to."""
    latencies: list[float] = []
    begin, gap = time.perf_counter(), len(buyers) / per_s

    async def at(buyer: B, due: float) -> None:
        await act(buyer)
        latencies.append(time.perf_counter() - due)

    async def one(buyer: B, first: float) -> None:
        async with asyncio.TaskGroup() as calls:
            due = begin + first
            while due - begin < seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                calls.create_task(at(buyer, due))
                due += gap

    await asyncio.gather(*(one(buyer, gap * n / len(buyers)) for n, buyer in enumerate(buyers)))
    return Timed(latencies, time.perf_counter() - begin)


def own_cpu_s() -> float:
    """Processor time of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
