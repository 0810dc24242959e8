"""Groups of commands: what their --help lists, and modules that are loaded when they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import click

_SENTENCE: Final = 200  # characters; click cuts what is longer

Sections = Mapping[str, Sequence[str]]
"""Titles, and the names of the commands below each."""


class Group(click.Group):
    """A group whose --help says the whole first sentence of each command, over as many lines as it takes."""

    def __init__(self, *arguments: Any, sections: Sections | None = None, **settings: Any) -> None:
        """Take the sections in which --help lists commands, in their order; without any it is one list."""
        super().__init__(*arguments, **settings)
        self.sections: Sections = sections or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, section by section; what is in none of them comes last."""
        named = {name for names in self.sections.values() for name in names}
        rest = tuple(name for name in self.list_commands(ctx) if name not in named)
        for title, names in {**self.sections, "Commands": rest}.items():
            rows = [(name, self.commands[name].get_short_help_str(_SENTENCE)) for name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


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
