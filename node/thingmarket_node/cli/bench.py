"""`thingmarket bench`: one part of the node beside the raw limit of the same machine."""

import os
import platform
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from thingmarket_node.cli.figures import tell_measured
from thingmarket_node.cli.output import Output, json_option

NAMES: Final = (
    "auction",
    "choice",
    "desk",
    "idle",
    "journal",
    "ledger",
    "matching",
    "orders",
    "purchase",
    "recovery",
    "verify",
)
_OPTIONS_OF: Final = {
    "offers": ("choice",),
    "orders": ("auction",),
    "stream": ("desk", "matching"),
    "peer": ("matching",),
}


def machine() -> dict[str, Any]:
    """What it was measured on; processors are those that this process may use."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


@click.command()
@click.argument("name", type=click.Choice(NAMES), metavar="NAME")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=2.0, show_default=True, help="How long.")
@click.option("--offers", type=click.IntRange(1_000, 1_000_000), help="For choice: how many.")
@click.option("--orders", type=click.IntRange(1_000, 1_000_000), help="For auction: how many.")
@click.option(
    "--stream",
    type=click.Path(exists=True, path_type=Path),
    help="For matching and desk: a file of packed commands, or a folder of such files (*.bin).",
)
@click.option(
    "--peer",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For matching: a Python that has the package matching-engine, to compare with.",
)
@json_option
def bench(
    name: str,
    seconds: float,
    offers: int | None,
    orders: int | None,
    stream: Path | None,
    peer: Path | None,
    as_json: bool,
) -> None:
    """Measure NAME for some seconds, beside a reference measured in the same run.

    Figures are of the node's own code, references of something simpler that does as much of the work as it
    can, ratios set the one against the other and are what different machines may be compared by. /s is per
    second; half of the calls took no longer than p50, 99 of 100 no longer than p99; us is a millionth of a
    second, ns a thousandth of that. `native` code is compiled, `python` is what runs where it is not.

    \b
    auction   call auctions of many markets at once: processor time of a round, and
              of an order; beside the book in plain Python
    choice    the ten best of a million offers: time of a question, and blocks of
              offers looked at for it; beside a look at every offer
    desk      frames of orders checked, matched and settled: processor time of one
    idle      what a node costs that has nothing to do: memory and share of one
              processor, alone and with 1,000 things connected
    journal   durable records, and how long one waits; beside bare writes
    ledger    transfers in memory; beside bare sums
    matching  the matching engine on streams of orders: commands a second of
              processor time by how many a call has, then the time of one a call
    orders    signed frames of 100 orders, end to end: closed loop is as fast as it
              can, p50 and p99 are at half of that rate; beside a bare gRPC echo
    purchase  signed purchases, end to end, likewise; beside reads
    recovery  how fast a node comes up again over its log, in entries; tail are
              those behind the snapshot; beside a bare parse and hash
    verify    what the gate does to a signed purchase; beside bare signatures

    \b
    Example:
      thingmarket bench journal --seconds 5
    """
    given = {"offers": offers, "orders": orders, "stream": stream, "peer": peer}
    sizes = _sizes(name, given)
    output = Output(as_json=as_json)
    output.say(f"measuring {name} for about {seconds:g} s on {machine()['cpus']} processors ...")
    measured = import_module(f"thingmarket_node.bench.{name}").measure(seconds, **sizes)
    if not as_json:
        tell_measured(output, name, measured)
    output.end({"bench": name, **measured, "machine": machine()})


def _sizes(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What was given to a bench, when it takes that."""
    sizes = {option: value for option, value in given.items() if value is not None}
    for option in sizes:
        if name not in _OPTIONS_OF[option]:
            raise click.UsageError(f"--{option} is for {' and '.join(_OPTIONS_OF[option])}")
    return sizes
