"""The front of the books: which kind one gets."""

import sys
from typing import Any

import pytest

from tests.unit.matching.conftest import Kind, native_is_built
from tests.unit.matching.floor import ANN, BOB, Floor
from thingmarket.matching import Engine, book


def test_the_engine_tells_its_kind(kind: Kind) -> None:
    engine = Engine(kind)
    assert engine.kind == kind
    assert Engine.restore(engine.snapshot(), kind).kind == kind


def test_one_gets_the_native_kind_where_it_was_built() -> None:
    wanted = "native" if native_is_built() else "python"
    assert Engine().kind == wanted
    assert Engine.restore(Engine().snapshot()).kind == wanted


def test_without_the_extension_the_plain_kind_stands_in_and_the_native_one_is_an_import_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "thingmarket.matching._book", None)  # as where it was never built
    engine = Engine()
    assert engine.kind == "python"
    assert Engine.restore(engine.snapshot()).kind == "python"
    with pytest.raises(ImportError):
        Engine("native")
    with pytest.raises(ImportError):
        Engine.restore(engine.snapshot(), "native")


def test_a_call_of_the_engine_is_a_call_of_the_book() -> None:
    engine: Any = Engine("python")
    assert isinstance(engine.process.__self__, book.Book)


@pytest.mark.parametrize("limits", [{"orders_max": 0}, {"orders_max": 2**31}, {"levels_max": 0}])
def test_a_book_without_room_is_a_mistake_of_the_program(kind: Kind, limits: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        Engine(kind, **limits)


def test_two_engines_share_nothing(kind: Kind) -> None:
    one, other = Floor(kind), Floor(kind)
    one.buy(1, 5, 100, ANN)
    assert other.rests() == {}
    assert other.sell(1, 5, 100, BOB) == ["NEW side=2 taker=1 price=100 quantity=5"]
