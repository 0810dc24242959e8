"""Names, comments and handlers that the style guide rules out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.tidy.repository import (
    PACKAGES,
    functions_of,
    listed_in,
    python_files,
    text_of,
    tracked,
    tree_of,
)

SAY_NOTHING = re.compile(r"(^|_)(base|common|handlers?|helpers?|managers?|misc|utils?|v\d+)(_|$)")
# Put together, so that this file does not contain what it looks for.
REGISTRY = re.compile(
    "|".join(rf"{name}\.(org|io|com)" for name in ("pypi", "npmjs", "debian", "crates"))
    + "|python"
    + "hosted"
)
SOMEBODYS_PATH = re.compile(r"(?<![\w.~})-])/(" + "|".join(("home", "root", "Users", "work")) + r")/\w")
UNNUMBERED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b(?!\(#\d+\))")


def lines_with(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    """Where a pattern stands."""
    return [
        f"{name}:{number} {line.strip()[:80]}"
        for name in names
        for number, line in enumerate(text_of(name).splitlines(), 1)
        if pattern.search(line)
    ]


def own_texts() -> list[str]:
    """Everything written here; vectors come from elsewhere and stay as they came."""
    return [name for name in tracked() if not name.startswith("tests/vectors/")]


def test_every_module_is_named_for_its_idea() -> None:
    names = [*python_files(), *tracked("proto/thingmarket/v1/")]
    parts = {(name, part) for name in names for part in name.removeprefix("proto/thingmarket/v1/").split("/")}
    found = [name for name, part in sorted(parts) if SAY_NOTHING.search(Path(part).stem)]
    assert found == [], "\n".join(found)


def test_no_text_names_the_host_of_a_package_registry() -> None:
    found = lines_with(REGISTRY, own_texts())
    assert found == [], "\n".join(found)


def test_no_text_holds_a_path_of_one_machine() -> None:
    found = lines_with(SOMEBODYS_PATH, own_texts())
    assert found == [], "\n".join(found)


def test_what_is_left_to_do_has_an_issue_number() -> None:
    found = lines_with(UNNUMBERED, [*python_files(), *tracked("proto/", "scripts/", ".ci/")])
    assert found == [], "\n".join(found)


def catches_everything(node: ast.AST) -> bool:
    """`except:`, `except Exception`, `suppress(Exception)`, unless the handler ends by raising it again."""
    match node:
        case ast.ExceptHandler(body=[*_, ast.Raise(exc=None)]):
            return False
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as caught):
            return bool(
                {n.id for n in ast.walk(caught) if isinstance(n, ast.Name)} & {"Exception", "BaseException"}
            )
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=caught):
            return any(isinstance(a, ast.Name) and a.id in {"Exception", "BaseException"} for a in caught)
    return False


def catchers(names: list[str]) -> Iterator[str]:
    """`path::function` of whatever catches everything; `path` alone at the top of a module."""
    for name in names:
        tree = tree_of(name)
        everywhere = {node for node in ast.walk(tree) if catches_everything(node)}
        inside = {
            node: function
            for function, body in functions_of(tree)
            for node in ast.walk(body)
            if node in everywhere
        }
        yield from (f"{name}::{inside[node]}" if node in inside else name for node in everywhere)


def test_only_the_outermost_loops_catch_everything() -> None:
    found, allowed = set(catchers(python_files(*PACKAGES, "scripts/"))), set(listed_in("outermost_loops.txt"))
    assert found - allowed == set(), "\n".join(sorted(found - allowed))
    assert allowed - found == set(), "outermost_loops.txt names what is no longer there"
