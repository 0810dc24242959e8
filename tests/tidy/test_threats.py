"""docs/threat-model.md names tests that exist, and each threat has one or says why not."""

import ast
import re
from functools import cache

from tests.tidy.repository import ROOT, functions_of, text_of

MODEL = "docs/threat-model.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)


@cache
def named_in(name: str) -> frozenset[str]:
    path = ROOT / "tests" / name
    if not path.is_file():
        return frozenset()
    return frozenset(function.rpartition(".")[2] for function, _ in functions_of(ast.parse(path.read_text())))


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = NAMED.findall(text_of(MODEL))
    assert len(named) > 50, "the table is no longer read"
    assert [f"{file}::{test}" for file, test in named if test not in named_in(file)] == []


def test_every_threat_has_a_test_or_says_why_not() -> None:
    rows = ROW.findall(text_of(MODEL))
    bare = [
        number
        for number, row in rows
        if not NAMED.search(row) and "later: " not in row and "no test: " not in row
    ]
    assert bare == []


def test_threats_are_numbered_without_gaps() -> None:
    numbers = [int(number) for number, _ in ROW.findall(text_of(MODEL))]
    assert numbers == list(range(1, len(numbers) + 1))
