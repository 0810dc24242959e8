"""What a command says: to people in lines and tables, to programs as one JSON object at the end."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

_WIDE: Final = 1_000  # characters

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="End with one JSON object on standard output."
)


class Output:
    """Where a command's words go; with JSON only the object goes to standard output."""

    def __init__(self, *, as_json: bool) -> None:
        """Speak to a program or to people."""
        self.as_json = as_json

    def say(self, line: str = "") -> None:
        """Tell what happens, as it happens."""
        print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show rows to people."""
        if self.as_json:
            return
        from rich.console import Console
        from rich.table import Table

        found = list(rows)
        print(title)
        if not found:
            print("  none", flush=True)
            return
        table = Table(show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(column, no_wrap=True)
        for row in found:
            table.add_row(*map(str, row))
        console = Console(markup=False, emoji=False)  # did:key: is no key, and a title means nothing
        # Ids stay whole, so that they can be copied; a narrow terminal breaks the lines itself.
        console.width = max(
            console.width, console.measure(table, options=console.options.update(width=_WIDE)).maximum
        )
        with console.capture() as drawn:
            console.print(table)
        print("\n".join(line.rstrip() for line in drawn.get().splitlines()), flush=True)

    def event(self, name: str, line: str, **facts: Any) -> None:
        """Tell one step of a long command: a line for people, an object of its own for programs."""
        if self.as_json:
            print(json.dumps({"event": name, "text": line, **facts}), flush=True)
        else:
            print(line, flush=True)

    def end(self, value: dict[str, Any]) -> None:
        """Give the result to programs; it must be the last thing that is said."""
        if self.as_json:
            print(json.dumps(value), flush=True)
