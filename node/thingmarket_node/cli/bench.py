"""`thingmarket bench`: one part of the node beside the raw limit of the same machine."""

import os
import platform
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

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


def _cells(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values; what is measured in parts takes a row for each."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{part}", one) for part, one in value.items())
        else:
            yield key, value


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

    \b
    auction   call auctions of many markets at once
    choice    the ten best of a million offers
    desk      frames of orders checked, matched and settled
    idle      what a node costs that has nothing to do
    journal   durable records
    ledger    transfers in memory
    matching  the matching engine on streams of orders
    orders    signed frames of 100 orders, end to end
    purchase  signed purchases, end to end
    recovery  how fast a node comes up again over its log
    verify    what the gate does to a signed purchase

    \b
    Example:
      thingmarket bench journal --seconds 5
    """
    given = {"offers": offers, "orders": orders, "stream": stream, "peer": peer}
    sizes = _sizes(name, given)
    output = Output(as_json=as_json)
    output.say(f"measuring {name} for about {seconds:g} s on {machine()['cpus']} processors ...")
    measured = import_module(f"thingmarket_node.bench.{name}").measure(seconds, **sizes)
    rows = [
        (part, key, value)
        for part in ("figures", "references", "ratios")
        for key, value in _cells(measured[part])
    ]
    output.table(f"bench {name}", ("", "what", "value"), rows)
    output.end({"bench": name, **measured, "machine": machine()})


def _sizes(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What was given to a bench, when it takes that."""
    sizes = {option: value for option, value in given.items() if value is not None}
    for option in sizes:
        if name not in _OPTIONS_OF[option]:
            raise click.UsageError(f"--{option} is for {' and '.join(_OPTIONS_OF[option])}")
    return sizes
