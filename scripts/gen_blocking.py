#!/usr/bin/env python3
"""Writes the blocking twins of the device SDK from its async classes; `--check` only says if they are fresh.

Nothing is imported: the twins follow from the source alone.
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CLIENT: Final = ROOT / "client"
PACKAGE: Final = "thingmarket_client"
TARGET: Final = CLIENT / PACKAGE / "blocking"

# What the twins do in their own way, by hand.
BY_HAND: Final = frozenset({"open", "close"})
# What an async party has that a twin keeps to itself.
INSIDE: Final = frozenset({"Session", "Post"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """A module of the client: its classes, and what each of its names stands for."""

    module: str
    classes: dict[str, ast.ClassDef]
    names: dict[str, str]  # name: the import that brings it

    @classmethod
    def read(cls, module: str) -> "Source":
        """Parse a module of the client."""
        text = (CLIENT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        tree = _Unquoted().visit(ast.parse(text))
        names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names |= {
                    one.asname or one.name: f"from {node.module} import {ast.unparse(one)}"
                    for one in node.names
                }
            elif isinstance(node, ast.Import):
                names |= {one.asname or one.name: f"import {ast.unparse(one)}" for one in node.names}
        for node in tree.body:
            for name in _defined(node):
                names[name] = f"from {module} import {name}"
        return cls(module, {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}, names)


class _Unquoted(ast.NodeTransformer):
    """Takes annotations out of their quotes: twins evaluate none."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._plain(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._plain(node)

    def _plain(self, node: Function) -> ast.AST:
        given = node.args
        for one in (*given.posonlyargs, *given.args, *given.kwonlyargs):
            one.annotation = _unquoted(one.annotation)
        node.returns = _unquoted(node.returns)
        return self.generic_visit(node)


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.Assign):
        yield from (one.id for one in node.targets if isinstance(one, ast.Name))


@dataclass(frozen=True, slots=True)
class Member:
    """A public method of a class or of one of its bases, and the module where it is written."""

    source: Source
    function: Function

    @property
    def docstring(self) -> str:
        """Its documentation as written, quotes apart."""
        found = ast.get_docstring(self.function, clean=False)
        assert found, f"{self.source.module}: {self.function.name} has no docstring"
        return found

    @property
    def decorators(self) -> list[str]:
        """What stands above it."""
        return [ast.unparse(one) for one in self.function.decorator_list]


def members(source: Source, name: str, until: frozenset[str] = frozenset()) -> dict[str, Member]:
    """Public methods of a class and of its bases in the client, the class first; `until` are known bases."""
    node = source.classes[name]
    found = {
        one.name: Member(source, one)
        for one in node.body
        if isinstance(one, Function) and not one.name.startswith("_")
    }
    for base in node.bases:
        text = ast.unparse(base).partition("[")[0]
        if text in until or text not in source.names:
            continue
        where = source.names[text].removeprefix("from ").partition(" import ")[0]
        if where.split(".")[0] == PACKAGE:
            home = source if where == source.module else Source.read(where)
            found = members(home, text, until) | found
    return found


# --- one twin


@dataclass(slots=True)
class Twin:
    """A module with one blocking class, as text."""

    subject: str  # the attribute that holds the async half
    imports: set[str] = field(default_factory=set)
    typed: set[str] = field(default_factory=set)  # imports for annotations alone, which a device never loads
    body: list[str] = field(default_factory=list)

    def add(self, member: Member) -> None:
        """Write the twin of one method."""
        function, head = member.function, _signature(member.function)
        forwarded = f"self.{self.subject}.{function.name}"
        listens, arguments = _listens(function), _arguments(function)
        if "property" in member.decorators:
            self.body.append("@property")
            forwarded = f"lambda: {forwarded}"
        elif arguments:
            forwarded = f"lambda: {forwarded}({arguments})"
        returned = "None" if function.returns is None else ast.unparse(function.returns)
        if listens is not None:
            self.imports.add("from thingmarket_client.blocking.watching import BlockingWatch")
            returned = f"BlockingWatch[{listens}]"
            call = f"BlockingWatch(self._calls, self._watches, {forwarded})"
        elif isinstance(function, ast.AsyncFunctionDef):
            call = f"self._calls.run({forwarded})"
        else:
            call = f"self._calls.call({forwarded})"
        answer = call if returned == "None" else f"return {call}"
        self._bring(member)
        self.body += [
            f"def {function.name}({head}) -> {returned}:",
            f'    """{member.docstring}"""',
            f"    {answer}",
            "",
        ]

    def add_opening(self, name: str, member: Member) -> None:
        """Write the constructor that opens."""
        function = member.function
        forwarded = f"{name}.open({_arguments(function)})"
        self._bring(member)
        self.imports.add(member.source.names[name])
        self.body += [
            f"def __init__(self, {_signature(function)}) -> None:",
            f'    """{member.docstring}"""',
            f"    super().__init__(lambda: {forwarded})",
            "",
        ]

    def _bring(self, member: Member) -> None:
        given = member.function.args
        defaults = [one for one in (*given.defaults, *given.kw_defaults) if one is not None]
        annotated = [one.annotation for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        known = member.source.names
        self.imports |= {known[name] for name in used_names(defaults) & known.keys()}
        self.typed |= {known[name] for name in used_names([*annotated, *_returned(member)]) & known.keys()}


def _returned(member: Member) -> list[ast.expr | None]:
    """Annotations of what is returned and of what takes the rest of the arguments."""
    given = member.function.args
    rest = [one.annotation for one in (given.vararg, given.kwarg) if one is not None]
    return [member.function.returns, *rest]


def used_names(parts: Iterable[ast.expr | None]) -> set[str]:
    """Names in expressions, but for the watches, which become blocking ones."""
    nodes = (node for part in parts if part is not None for node in ast.walk(part))
    return {node.id for node in nodes if isinstance(node, ast.Name)} - {"Watch"}


def _signature(function: Function) -> str:
    return ast.unparse(function.args)


def _arguments(function: Function) -> str:
    given = function.args
    plain = [one.arg for one in (*given.posonlyargs, *given.args) if one.arg != "self"]
    if given.vararg is not None:
        plain.append(f"*{given.vararg.arg}")
    plain += [f"{one.arg}={one.arg}" for one in given.kwonlyargs]
    if given.kwarg is not None:
        plain.append(f"**{given.kwarg.arg}")
    return ", ".join(plain)


def _listens(function: Function) -> str | None:
    """What a watch gives that is returned, None for any other function."""
    returned = function.returns
    if isinstance(returned, ast.Subscript) and ast.unparse(returned.value) == "Watch":
        return ast.unparse(returned.slice)
    return None


# --- all twins


def parts_of(trader: Source) -> dict[str, str]:
    """Attributes of a party through which it is asked, with their classes: `reads` and its like."""
    found = {}
    for node in ast.walk(trader.classes["Trader"]):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target, made = ast.unparse(node.targets[0]), ast.unparse(node.value.func)
            listed = trader.names.get(made, "").startswith(f"from {PACKAGE}.")
            if target.startswith("self.") and target[5] != "_" and listed and made not in INSIDE:
                found[target[5:]] = made
    return found


def modules() -> dict[str, str]:
    """Every generated module by its file name."""
    trader = Source.read(f"{PACKAGE}.trader")
    parts = parts_of(trader)
    written = {}
    for attribute, name in parts.items():
        source = Source.read(trader.names[name].removeprefix("from ").partition(" import ")[0])
        written[f"{attribute}.py"] = _part(attribute, name, source)
    written["trader.py"] = _trader(trader, parts)
    for name in ("Thing", "Owner"):
        written[f"{name.lower()}.py"] = _party(name, Source.read(f"{PACKAGE}.{name.lower()}"))
    return {file: formatted(file, text) for file, text in written.items()}


def _part(attribute: str, name: str, source: Source) -> str:
    twin = Twin("_part")
    twin.imports |= {
        f"from {source.module} import {name}",
        "from thingmarket_client.blocking.calls import Calls",
    }
    found = members(source, name)
    watches = any(_listens(one.function) for one in found.values())
    twin.body += [
        f"def __init__(self, calls: Calls, part: {name}"
        + (", watches: WeakSet[BlockingWatch[Any]]" if watches else "")
        + ") -> None:",
        '    """Part of a blocking party."""',
        "    self._calls = calls",
        "    self._part = part",
        *(["    self._watches = watches"] if watches else []),
        "",
    ]
    if watches:
        twin.imports |= {"from weakref import WeakSet", "from typing import Any"}
    for member in found.values():
        twin.add(member)
    return _module(f"`{attribute}` of a blocking party.", "", source, name, twin)


def _trader(source: Source, parts: dict[str, str]) -> str:
    twin = Twin("_party")
    twin.imports |= {
        "from collections.abc import Callable, Coroutine",
        "from typing import Any",
        "from typing import TypeVar",
        "from thingmarket_client.trader import Trader",
        "from thingmarket_client.blocking.party import BlockingParty",
        *(f"from thingmarket_client.blocking.{one} import Blocking{name}" for one, name in parts.items()),
    }
    twin.body += [
        "def __init__(self, opening: Callable[[], Coroutine[Any, Any, P]]) -> None:",
        '    """Open the party and what it can be asked."""',
        "    super().__init__(opening)",
    ]
    for attribute, name in parts.items():
        home = Source.read(source.names[name].removeprefix("from ").partition(" import ")[0])
        listens = any(_listens(one.function) for one in members(home, name).values())
        more = ", self._watches" if listens else ""
        twin.body.append(f"    self.{attribute} = Blocking{name}(self._calls, self._party.{attribute}{more})")
    twin.body.append("")
    for name, member in members(source, "Trader").items():
        if name not in BY_HAND:
            twin.add(member)
    what = "What blocking things and owners have in common."
    text = _module(what, "BlockingParty[P]", source, "Trader", twin)
    return text.replace("\n\n\nclass ", '\n\nP = TypeVar("P", bound=Trader)\n\n\nclass ', 1)


def _party(name: str, source: Source) -> str:
    twin = Twin("_party")
    twin.imports |= {
        f"from {source.module} import {name}",
        "from thingmarket_client.blocking.trader import BlockingTrader",
    }
    found = members(source, name, frozenset({"Trader"}))
    twin.add_opening(name, found["open"])
    for method, member in found.items():
        if method not in BY_HAND:
            assert not {"staticmethod", "classmethod"} & set(member.decorators), f"{method}: how to twin it?"
            twin.add(member)
    base = f"BlockingTrader[{name}]"
    return _module(f"The blocking twin of {name}.", base, source, name, twin)


def _module(what: str, base: str, source: Source, original: str, twin: Twin) -> str:
    name = f"Blocking{original}"
    said = (ast.get_docstring(source.classes[original]) or "").partition("\n")[0].rstrip(".")
    said = said.partition(": `async with")[0]  # how a blocking one is used stands in the package
    header = f"class {name}({base}):" if base else f"class {name}:"
    lines = [f"    {line}" if line else "" for line in "\n".join(twin.body).split("\n")]
    return "\n".join(
        [
            f'"""{what}',
            "",
            "Written by scripts/gen_blocking.py: change the async class, then run it.",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            *sorted({*twin.imports, "from typing import TYPE_CHECKING"}),
            "",
            *(["if TYPE_CHECKING:", *(f"    {line}" for line in sorted(twin.typed - twin.imports))]),
            "",
            "",
            header,
            f'    """{said}."""',
            "",
            *lines,
        ]
    )


def formatted(file: str, text: str) -> str:
    """The text as ruff would have it, with its imports in order."""
    for command in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format"]):
        done = subprocess.run(
            ["ruff", *command, "--stdin-filename", str(TARGET / file), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            raise SystemExit(f"ruff {command[0]} of {file}: {done.stderr}")
        text = done.stdout
    return text


def main() -> int:
    """Write the twins, or only look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is stale")
    check = parser.parse_args().check
    stale = []
    for file, text in modules().items():
        path = TARGET / file
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(file)
        if not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'stale' if check else 'wrote'}: {', '.join(stale)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
