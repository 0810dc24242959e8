"""The one byte form of stored values. [LOG-4]"""

from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from typing import Any, NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.canonical import glancer, packer, unpacker
from thingmarket.errors import Code, Refusal

Name = NewType("Name", str)
Names = NewType("Names", Name)
NOBODY = Names(Name(""))


class Colour(Enum):
    RED = "RED"
    BLUE = "BLUE"


class Kind(IntEnum):
    ONE = 1
    MANY = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    number: int = 7
    name: Names = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    count: int
    data: bytes
    name: Name
    flag: bool
    colour: Colour
    kind: Kind
    pair: tuple[int, bytes]
    many: tuple[Inner, ...]
    kinds: frozenset[Kind]
    maybe: int | None = None
    either: int | str = 0
    late: int = 5
    words: str = "as ever"
    proof: bytes = b"none"
    inner: Inner = field(default=Inner())


INNERS = st.builds(Inner, number=st.integers(-(2**70), 2**70), name=st.text(max_size=300))
ROWS = st.builds(
    Row,
    count=st.integers(-(2**70), 2**70),
    data=st.binary(max_size=600),
    name=st.text(max_size=300),
    flag=st.booleans(),
    colour=st.sampled_from(Colour),
    kind=st.sampled_from(Kind),
    pair=st.tuples(st.integers(), st.binary()),
    many=st.lists(INNERS, max_size=3).map(tuple),
    kinds=st.frozensets(st.sampled_from(Kind)),
    maybe=st.none() | st.integers(),
    either=st.integers() | st.text(),
    late=st.integers(0, 9),
    words=st.sampled_from(["as ever", "", "other"]),
    proof=st.sampled_from([b"none", b"", b"other"]),
    inner=INNERS,
)
PLAIN = Row(
    count=1,
    data=b"",
    name=Name("n"),
    flag=True,
    colour=Colour.RED,
    kind=Kind.ONE,
    pair=(2, b"b"),
    many=(),
    kinds=frozenset(),
)


@given(ROWS)
def test_what_was_written_is_read_again(row: Row) -> None:
    assert unpacker(Row)(packer(Row)(row)) == row


@given(ROWS, ROWS)
def test_two_rows_have_one_form_only_when_they_are_equal(one: Row, other: Row) -> None:
    assert (packer(Row)(one) == packer(Row)(other)) == (one == other)


def test_a_field_that_equals_its_default_is_left_out() -> None:
    required = sum(1 for each in fields(Row) if each.name in {"count", "data", "name", "flag", "colour"}) + 4
    packed = packer(Row)(PLAIN)
    assert packed[0] == required
    assert packer(Inner)(Inner()) == b"\x00"
    assert packer(Inner)(Inner(number=8)) == b"\x01\x00\x01\x08"
    assert packer(Inner)(Inner(name=Names(Name("ab")))) == b"\x01\x01\x00\x00\x00\x02ab"


def test_numbers_and_names_have_the_form_that_they_have_alone() -> None:
    @dataclass(frozen=True)
    class Three:
        number: int
        text: str
        data: bytes

    alone = packer(int)(-129), packer(str)("\u20ac" * 100), packer(bytes)(bytes(256))
    parts = b"".join(bytes((k,)) + each for k, each in enumerate(alone))
    assert packer(Three)(Three(-129, "\u20ac" * 100, bytes(256))) == b"\x03" + parts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\x00",
        b"\x02\x00\x01\x08",  # a field too few
        b"\x01\x00\x01\x08\x00",  # bytes left over
        b"\x01\x02\x01\x08",  # no such field
        b"\x02\x01\x00\x00\x00\x01a\x00\x01\x08",  # out of order
        b"\x02\x00\x01\x08\x00\x01\x09",  # a field twice
        b"\x01\x01\x00\x00\x00\x09a",  # text that ends early
        b"\x01\x01\x00\x00\x00\x01\xff",  # no UTF-8
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        unpacker(Inner)(data)
    assert caught.value.number == Code.MALFORMED


@pytest.mark.parametrize("kind", [Row, Inner, tuple[int, ...], Colour, int | None])
def test_no_cut_off_value_is_read(kind: Any) -> None:
    value = {Row: PLAIN, Inner: Inner(number=9), tuple[int, ...]: (1, 2), Colour: Colour.BLUE}.get(kind, 5)
    packed = packer(kind)(value)
    for length in range(len(packed)):
        with pytest.raises(Refusal):
            unpacker(kind)(packed[:length])


@given(ROWS, st.frozensets(st.sampled_from([each.name for each in fields(Row)])))
def test_a_glance_reads_the_fields_that_are_asked_for_and_no_other(row: Row, wanted: frozenset[str]) -> None:
    seen = glancer(Row, wanted)(packer(Row)(row))
    assert {name: getattr(seen, name) for name in wanted} == {name: getattr(row, name) for name in wanted}
    for other in {each.name for each in fields(Row)} - wanted:
        with pytest.raises(AttributeError):
            getattr(seen, other)
