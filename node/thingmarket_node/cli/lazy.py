"""Groups of commands: what their --help lists, and modules that are loaded when they are called."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import click

_SENTENCE: Final = 200  # characters; click cuts what is longer


class Group(click.Group):
    """A group whose --help says the whole first sentence of each command, over as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        found = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(_SENTENCE)) for name, one in found])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands, and the one line that a list of commands shows of it."""

    module: str
    attribute: str
    line: str

    @property
    def exists(self) -> bool:
        """True when this installation has it."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # not even its package is there
            return False


class LazyGroup(click.Group):
    """A group that knows its commands by name and place."""

    def __init__(self, places: dict[str, Place], **settings: object) -> None:
        """Take `places` in the order in which --help lists them."""
        super().__init__(**settings)  # type: ignore[arg-type]  # click types each of its settings
        self._places = {name: place for name, place in places.items() if place.exists}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        command = getattr(import_module(place.module), place.attribute)
        assert isinstance(command, click.Command), f"{place.module}.{place.attribute} is no command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.line) for name, place in self._places.items()])
