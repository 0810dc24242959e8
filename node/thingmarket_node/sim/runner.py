"""Many seeds, one after the other; what each came to, and one of them again with its trace."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from thingmarket.errors import Refusal
from thingmarket_node.sim.purchase import Run, hours
from thingmarket_node.sim.trading import TradingRun
from thingmarket_node.sim.world import Violation

SCENARIOS: Final = {"purchase": Run, "trading": TradingRun}
"""Scenarios by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One seed whose run broke an invariant."""

    seed: int
    event: int
    invariant: str
    detail: str
    trace_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one seed came to."""

    seed: int
    events: int
    hours: float
    marks: dict[str, int]
    trace_hash: str
    failure: Failure | None


@dataclass(slots=True)
class Summary:
    """What a range of seeds came to."""

    seeds: int = 0
    events: int = 0
    simulated_hours: float = 0.0
    duration_s: float = 0.0
    cpu_s: float = 0.0
    marks: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one more seed."""
        self.seeds += 1
        self.events += result.events
        self.simulated_hours += result.hours
        for mark, count in result.marks.items():
            self.marks[mark] = self.marks.get(mark, 0) + count
        if result.failure is not None:
            self.failures.append(result.failure)

    @property
    def as_json(self) -> dict[str, Any]:
        """The object that `sim run --json` prints."""
        return {
            "seeds": self.seeds,
            "events": self.events,
            "simulated_hours": round(self.simulated_hours, 1),
            "scenarios_per_s": round(self.seeds / self.duration_s, 1) if self.duration_s else 0.0,
            "scenarios_per_cpu_s": round(self.seeds / self.cpu_s, 1) if self.cpu_s else 0.0,
            "duration_s": round(self.duration_s, 1),
            "marks": dict(sorted(self.marks.items())),
            "failures": [asdict(failure) for failure in self.failures],
        }


def run_seed(
    scenario: str, seed: int, *, trace: Callable[[str], None] | None = None, until: int | None = None
) -> Result:
    """Run one seed to its end, or up to an event."""
    one = SCENARIOS[scenario](seed, trace)
    failure = None
    try:
        for _ in one.events():
            if until is not None and one.world.events >= until:
                break
    except (Violation, AssertionError, Refusal) as error:
        # A refusal is an answer; one that nobody takes as such would have stopped a node.
        found = error if isinstance(error, Violation) else Violation("asserts", str(error))
        failure = Failure(
            seed=seed,
            event=one.world.events,
            invariant=found.invariant,
            detail=found.detail,
            trace_hash=one.world.trace_hash,
        )
    return Result(
        seed=seed,
        events=one.world.events,
        hours=hours(one),
        marks=one.marks(),
        trace_hash=one.world.trace_hash,
        failure=failure,
    )


def run(scenario: str, seeds: Iterable[int], progress: Callable[[Summary], None] | None = None) -> Summary:
    """Run every seed; `progress` is called after each."""
    summary, started_s, started_cpu_s = Summary(), time.monotonic(), time.process_time()
    for seed in seeds:
        summary.add(run_seed(scenario, seed))
        summary.duration_s = time.monotonic() - started_s
        summary.cpu_s = time.process_time() - started_cpu_s
        if progress is not None:
            progress(summary)
    return summary


def replay(
    scenario: str, seed: int, until: int | None = None, trace: bool = True
) -> tuple[Result, list[str]]:
    """Run one seed again, up to an event, and give the lines of its trace."""
    lines: list[str] = []
    result = run_seed(scenario, seed, trace=lines.append if trace else None, until=until)
    return result, lines
