"""What docs/protocol.md says in tables and diagrams is what the code does."""

import importlib.util
from types import ModuleType

import pytest

from tests.tidy.repository import ROOT
from thingmarket.contract.fulfilment import FULFILMENT
from thingmarket.errors import Code


@pytest.fixture(scope="module")
def gen_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_docs", ROOT / "scripts/gen_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_protocol_is_fresh(gen_docs: ModuleType) -> None:
    text = gen_docs.DOCUMENT.read_text(encoding="utf-8")
    assert gen_docs.fresh(text) == text, "run scripts/gen_docs.py"


def test_a_changed_table_is_stale_and_becomes_what_it_was(gen_docs: ModuleType) -> None:
    text = gen_docs.DOCUMENT.read_text(encoding="utf-8")
    changed = text.replace(f"| {Code.MALFORMED.value} | `MALFORMED` |", "| 30001 | `MISFORMED` |")
    assert changed != text
    assert gen_docs.fresh(changed) == text


def test_every_limit_and_every_step_is_in_the_document(gen_docs: ModuleType) -> None:
    text = gen_docs.DOCUMENT.read_text(encoding="utf-8")
    names = [name for name in vars(gen_docs.limits) if name.isupper()]
    assert [name for name in names if f"\n| `{name}` |" not in text] == []
    assert [row for row in FULFILMENT.steps if f": {row.message} ({row.role.value})\n" not in text] == []


def test_a_part_that_is_missing_is_named(gen_docs: ModuleType) -> None:
    text = gen_docs.DOCUMENT.read_text(encoding="utf-8").replace("<!-- generated: limits -->", "")
    with pytest.raises(SystemExit, match="limits"):
        gen_docs.fresh(text)


def test_every_limit_that_the_text_names_exists(gen_docs: ModuleType) -> None:
    text = gen_docs.DOCUMENT.read_text(encoding="utf-8")
    words = {word for word in text.split("`") if word.isupper() and word.endswith(("_MAX", "_MS", "_BYTES"))}
    assert [word for word in sorted(words) if not hasattr(gen_docs.limits, word)] == []
