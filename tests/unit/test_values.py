"""Quick values behave as the dataclasses that they are."""

from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.contract.contract import Contract
from thingmarket.values import changed, quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    number: int
    name: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    number: int
    name: str = "none"


@quick
@dataclass(frozen=True, slots=True)
class Pair:
    first: int
    second: int = 2


def test_a_quick_value_is_made_as_any_other() -> None:
    assert (Row(number=1).name, Row(number=1, name="x").name) == ("none", "x")
    assert repr(Row(number=1)) == "Row(number=1, name='none')"
    assert Row(number=1) == Row(number=1) != Row(number=2)
    assert hash(Row(number=1)) == hash(Row(number=1))
    assert Pair(1) == Pair(1, 2) == Pair(first=1, second=2)


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        (Row, (), {}),
        (Row, (1,), {}),
        (Row, (), {"number": 1, "other": 2}),
        (Pair, (), {}),
        (Pair, (1, 2, 3), {}),
    ],
)
def test_a_field_that_is_missing_or_unknown_is_noticed(
    kind: Any, given: tuple[int, ...], named: dict[str, int]
) -> None:
    with pytest.raises(TypeError):
        kind(*given, **named)


def test_a_quick_value_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Row(number=1).number = 2  # type: ignore[misc]


@given(st.integers(), st.text(), st.integers())
def test_a_change_is_that_of_dataclasses(number: int, name: str, other: int) -> None:
    values: tuple[Any, ...] = (Row(number=number, name=name), Plain(number=number, name=name))
    for value in values:
        new = changed(value, number=other)
        assert new == replace(value, number=other)
        assert (value.number, value.name) == (number, name)
        assert changed(value) == value


def test_a_change_of_an_unknown_field_is_noticed() -> None:
    with pytest.raises(KeyError):
        changed(Row(number=1), other=2)


def test_what_checks_itself_is_not_made_quickly() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        number: int

        def __post_init__(self) -> None:
            assert self.number

    with pytest.raises(AssertionError):
        quick(Checked)
    with pytest.raises(AssertionError):
        changed(Checked(1), number=0)


def test_rows_of_the_market_are_quick() -> None:
    init: Any = Contract.__init__
    assert "set_id" in init.__globals__
