"""What the tests of the repository look at: the files that git tracks."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("marketplace/", "node/", "client/")
GENERATED = "marketplace/thingmarket/v1/"
MARKET = "marketplace/thingmarket/"
WIRE = "marketplace/thingmarket/wire/"


@cache
def tracked(*prefixes: str) -> tuple[str, ...]:
    """Tracked files that still exist, generated ones apart, below one of the prefixes."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    assert listed != [""], "git knows no files here"
    return tuple(
        name
        for name in sorted(listed)
        if name
        and name.startswith(prefixes or "")
        and not name.startswith(GENERATED)
        and (ROOT / name).is_file()
    )


@cache
def text_of(name: str) -> str:
    """The text of a file; a binary file has none."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def python_files(*prefixes: str) -> list[str]:
    """Python sources, programs without a suffix included."""
    return [n for n in tracked(*prefixes) if n.endswith(".py") or _is_program(n)]


def _is_program(name: str) -> bool:
    """A file without a suffix whose first line names Python."""
    return "." not in Path(name).name and "python" in text_of(name).partition("\n")[0]


@cache
def tree_of(name: str) -> ast.Module:
    """The parsed source of a file."""
    return ast.parse(text_of(name), filename=name)


def pure_files() -> list[str]:
    """Sources of the market and of the node's core that must not know the world."""
    market = [n for n in python_files(MARKET) if not n.startswith(WIRE)]
    return market + python_files("node/thingmarket_node/core/", "node/thingmarket_node/core.py")


def imports_of(name: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, at any depth."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports relatively"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def functions_of(
    tree: ast.AST, within: tuple[str, ...] = ()
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its qualified name, inner ones and methods included."""
    for node in ast.iter_child_nodes(tree):
        path = within
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            path = (*within, node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield ".".join(path), node
        yield from functions_of(node, path)


def listed_in(name: str) -> list[str]:
    """Lines of a list beside these tests, without comments."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / "tests/tidy" / name).read_text().splitlines())
    return [line for line in lines if line]
