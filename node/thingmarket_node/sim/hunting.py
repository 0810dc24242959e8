"""Runs broken cores until the simulator notices, and says which seed and which invariant did it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from thingmarket_node.sim.mutants import MUTANTS, Mutant, Patches
from thingmarket_node.sim.runner import run_seed

SEEDS_MAX: Final = 500
"""A mutant that lives through so many seeds has survived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which seed killed a mutant, and by which invariant; None when it survived."""

    mutant: str
    seed: int | None
    invariant: str = ""
    detail: str = ""


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Break the core for a while."""
    patches = Patches()
    try:
        mutant.apply(patches)
        yield
    finally:
        patches.undo()


def hunt(mutant: Mutant, seeds: range) -> Verdict:
    """Look for the first seed that tells the mutant from the real core."""
    with applied(mutant):
        for seed in seeds:
            failure = run_seed(mutant.scenario, seed).failure
            if failure is not None:
                return Verdict(
                    mutant=mutant.name, seed=seed, invariant=failure.invariant, detail=failure.detail
                )
    return Verdict(mutant=mutant.name, seed=None)


def run_mutants(
    seeds_max: int = SEEDS_MAX, progress: Callable[[Verdict], None] | None = None
) -> dict[str, Any]:
    """Hunt every mutant from seed 0 on."""
    verdicts = []
    for mutant in MUTANTS:
        verdict = hunt(mutant, range(seeds_max))
        verdicts.append(verdict)
        if progress is not None:
            progress(verdict)
    survivors = [verdict.mutant for verdict in verdicts if verdict.seed is None]
    return {
        "total": len(verdicts),
        "killed": len(verdicts) - len(survivors),
        "survivors": survivors,
        "mutants": [asdict(verdict) for verdict in verdicts],
    }
