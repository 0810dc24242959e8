"""The blocking twins are what scripts/gen_blocking.py writes; nothing that can be awaited lacks a twin."""

import importlib.util
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.tidy.repository import ROOT
from thingmarket_client import Owner, Thing
from thingmarket_client.blocking import BlockingOwner, BlockingThing
from thingmarket_client.blocking.reads import BlockingReads
from thingmarket_client.blocking.trader import BlockingTrader
from thingmarket_client.blocking.wait import BlockingWait
from thingmarket_client.reads import Reads
from thingmarket_client.trader import Trader
from thingmarket_client.wait import Wait

TWINS = [
    (Trader, BlockingTrader),
    (Thing, BlockingThing),
    (Owner, BlockingOwner),
    (Reads, BlockingReads),
    (Wait, BlockingWait),
]


@pytest.fixture(scope="module")
def gen_blocking() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_blocking", ROOT / "scripts/gen_blocking.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def taken(function: Any) -> list[tuple[str, object, object]]:
    """Its parameters; their types are those of the source, of which the twins are fresh."""
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def public(kind: type) -> Iterator[tuple[str, object]]:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and name != "open":
            yield name, member


def test_the_twins_are_fresh(gen_blocking: ModuleType) -> None:
    fresh = gen_blocking.modules()
    stale = [file for file, text in fresh.items() if (gen_blocking.TARGET / file).read_text() != text]
    assert stale == [], "run scripts/gen_blocking.py"


@pytest.mark.parametrize(("original", "twin"), TWINS)
def test_every_method_has_a_twin_with_its_parameters_and_its_documentation(
    original: type, twin: type
) -> None:
    found = dict(public(twin))
    for name, member in public(original):
        assert name in found, name
        if name == "close":
            continue  # done by hand
        assert inspect.getdoc(found[name]) == inspect.getdoc(member), name
        if callable(member):
            assert not inspect.iscoroutinefunction(found[name])
            assert taken(found[name]) == taken(member), name


@pytest.mark.parametrize(("original", "twin"), [(Thing, BlockingThing), (Owner, BlockingOwner)])
def test_a_twin_is_made_as_the_original_is_opened(original: type, twin: type) -> None:
    assert taken(twin) == taken(original.open)  # type: ignore[attr-defined]
