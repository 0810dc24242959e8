"""`thingmarket sim`: search many seeds, look at one, and see what the search is worth."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from thingmarket_node.sim import hunting, runner
from thingmarket_node.sim.mutants import MUTANTS

_PROGRESS_S = 2.0

scenario_option = click.option(
    "--scenario",
    type=click.Choice(sorted(runner.SCENARIOS)),
    default="purchase",
    show_default=True,
    help="What the simulated devices do.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")


class Seeds(click.ParamType[range]):
    """A range of seeds: FIRST:END without END itself, or one number."""

    name = "FIRST:END"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """Read the range."""
        if isinstance(value, range):
            return value
        first, colon, end = str(value).partition(":")
        try:
            seeds = range(int(first), int(end) if colon else int(first) + 1)
        except ValueError:
            self.fail(f"{value!r} is no range like 0:2000", param, ctx)
        if len(seeds) == 0 or seeds.start < 0:
            self.fail(f"{value!r} holds no seed", param, ctx)
        return seeds


@click.group()
def sim() -> None:
    """Run the node's core in a simulated world and try to break it.

    The core, its codec and its recovery are the real ones; clock, network and disk are simulated and come
    from one seed. Messages get lost, doubled, late and overtaken; the disk is slow, fails and tears its last
    record; the node crashes while it writes; clocks jump; devices restart. Invariants are checked after
    every event. The same seed always gives the same run, so whatever is found can be looked at again.

    Search with `run --seeds 0:2000`, look at one run with `replay --seed 1047 --trace`, and see with
    `mutants` how many deliberately broken cores the search would find.
    """


@sim.command()
@scenario_option
@click.option("--seeds", type=Seeds(), default="0:200", show_default=True, help="Which seeds, END excluded.")
@json_option
def run(scenario: str, seeds: range, as_json: bool) -> None:
    """Run many seeds and list those that break an invariant; exit 1 if any does.

    JSON: seeds, events, simulated_hours, scenarios_per_s, scenarios_per_cpu_s, duration_s, marks (how often
    rare things came about) and failures, each with seed, event, invariant, detail and trace_hash.
    """
    summary = runner.run(scenario, seeds, _progress(len(seeds)))
    found = summary.as_json
    for failure in summary.failures:
        click.echo(
            f"seed {failure.seed} event {failure.event}: {failure.invariant}: {failure.detail}", err=True
        )
        click.echo(f"  thingmarket sim replay --scenario {scenario} --seed {failure.seed} --trace", err=True)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(
            f"{found['seeds']} seeds, {found['events']} events, {found['simulated_hours']} simulated hours, "
            f"{found['scenarios_per_s']} scenarios/s, {len(summary.failures)} failures"
        )
        click.echo(", ".join(f"{name} {count}" for name, count in found["marks"].items()))
    sys.exit(1 if summary.failures else 0)


def _progress(total: int) -> Callable[[runner.Summary], None]:
    said_s = time.monotonic()

    def tell(summary: runner.Summary) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= _PROGRESS_S:
            said_s = time.monotonic()
            failures = len(summary.failures)
            click.echo(f"{summary.seeds} of {total} seeds, {failures} failures", err=True)

    return tell


@sim.command()
@scenario_option
@click.option("--seed", type=click.IntRange(min=0), required=True, help="Which seed.")
@click.option("--until", type=click.IntRange(min=1), help="Stop at this event; without it, at the end.")
@click.option("--trace", is_flag=True, help="Print one line per event: number, virtual ms, what happened.")
@json_option
def replay(scenario: str, seed: int, until: int | None, trace: bool, as_json: bool) -> None:
    """Run one seed again, exactly as before; exit 1 if it breaks an invariant."""
    result, lines = runner.replay(scenario, seed, until, trace=trace)
    for line in lines:
        click.echo(line, err=as_json)
    failure = result.failure
    text = "held" if failure is None else f"broke {failure.invariant} at {failure.event}: {failure.detail}"
    if as_json:
        shown = {
            "seed": seed,
            "events": result.events,
            "trace_hash": result.trace_hash,
            "marks": result.marks,
        }
        failures = [] if failure is None else [{"invariant": failure.invariant, "detail": failure.detail}]
        click.echo(json.dumps({**shown, "failures": failures}))
    else:
        click.echo(f"seed {seed}: {result.events} events, trace {result.trace_hash}: {text}")
    sys.exit(0 if failure is None else 1)


@sim.command()
@click.option(
    "--seeds-max",
    type=click.IntRange(min=1),
    default=hunting.SEEDS_MAX,
    show_default=True,
    help="A mutant that lives through so many seeds survives.",
)
@json_option
def mutants(seeds_max: int, as_json: bool) -> None:
    """Break the core on purpose, each time in one way, and see whether the simulator notices.

    Exit 1 if a mutant survives. JSON: total, killed, survivors, and for each mutant the seed and the
    invariant that killed it.
    """
    wrong = {mutant.name: mutant.wrong for mutant in MUTANTS}

    def tell(verdict: hunting.Verdict) -> None:
        end = "SURVIVED" if verdict.seed is None else f"seed {verdict.seed}: {verdict.invariant}"
        click.echo(f"{verdict.mutant:28} {wrong[verdict.mutant]:55} {end}", err=True)

    found = hunting.run_mutants(seeds_max, tell)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"{found['killed']} of {found['total']} mutants killed")
    sys.exit(1 if found["survivors"] else 0)
