"""`thingmarket scenario`: whole stories, played by processes of their own."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

import click

from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option

PLOT_KINDS: Final = (".svg", ".png", ".pdf")


@click.group(cls=Group)
def scenario() -> None:
    """Run whole stories: a node, owners and things, each a process of its own, on free ports.

    \b
    Example:
      thingmarket scenario list
      thingmarket scenario run printer-ink
    """


@scenario.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the scenarios.

    \b
    Example:
      thingmarket scenario list --json
    """
    from thingmarket_node.scenarios.engine import MODULES, find

    found = [{"name": name, "title": find(name).title} for name in MODULES]
    output = Output(as_json=as_json)
    output.table("scenarios", ("name", "title"), [(one["name"], one["title"]) for one in found])
    output.end({"scenarios": found})


@scenario.command()
@click.argument("name")
@click.option("--keep", is_flag=True, help="Leave the node and the things running until Ctrl-C.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw what came of it into this file: .svg, .png or .pdf; for scenarios that have a picture.",
)
@json_option
def run(name: str, keep: bool, plot: Path | None, as_json: bool) -> None:
    """Play the scenario NAME and check what came of it; exit code 1 when something is not as it must be.

    \b
    Example:
      thingmarket scenario run printer-ink
      thingmarket scenario run announcer --json
      thingmarket scenario run neighbourhood-energy --plot day.svg
    """
    from thingmarket_node.scenarios.engine import find
    from thingmarket_node.scenarios.engine import run as play
    from thingmarket_node.scenarios.expectations import Report

    output = Output(as_json=as_json)
    found = find(name)
    if plot is not None and (found.draw is None or plot.suffix not in PLOT_KINDS):
        kinds = ", ".join(PLOT_KINDS)
        reason = f"{name} has no picture" if found.draw is None else f"{plot.name} is none of {kinds}"
        raise click.BadParameter(reason, param_hint="--plot")

    def linger(report: Report, folder: Path) -> None:
        output.say(
            f"\nThe node and the sellers still run. Look at them from another terminal:\n  cd {folder}"
        )
        for line in found.look:
            output.say(f"  {_program()} {line.format(contract=[*report.found.contracts, 'ID'][0])}")
        try:  # from the moment that it is said, it works
            output.say("Ctrl-C ends them.")
            signal.pause()
        except KeyboardInterrupt:
            output.say("\nending ...")

    signal.signal(signal.SIGTERM, _as_interrupt)
    report = play(found, output.say, linger=linger if keep else None)
    if plot is not None and found.draw is not None and report.found.figures:
        found.draw(plot, report.found.figures)
        output.say(f"drawn: {plot}")
    output.end(report.value())
    click.get_current_context().exit(0 if report.passed else 1)


def _program() -> str:
    """How this very program is called from another folder."""
    called = Path(sys.argv[0])
    if called.name == "thingmarket":
        return str(called.resolve())
    return f"{sys.executable} -m thingmarket_node.cli"


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """Let SIGTERM end a scenario as Ctrl-C does, so that it cleans up behind itself."""
    raise KeyboardInterrupt
