"""Numbers that the compiled modules state once more are those of the readable ones."""

import re
from enum import IntEnum
from typing import Final

import pytest

from tests.tidy.repository import MARKET, text_of
from thingmarket.catalog import blocks
from thingmarket.ids import DIGEST_BYTES
from thingmarket.limits import BOOK_PRICE_MAX, BOOK_QUANTITY_MAX, INTEGER_MAX
from thingmarket.matching import records
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.trading import frame

NAMED: Final = re.compile(r"^    ([A-Z][A-Z_]*) = (0x[0-9A-F]+|[0-9]+)(?: *#.*)?$", re.MULTILINE)
ENUM: Final = "cdef enum {}:.*\n((?:    .*\n)+)"


def enum_of(file: str, name: str) -> dict[str, int]:
    """Names and numbers of an enum in C, none of which may be written otherwise."""
    found = re.search(ENUM.format(name), text_of(MARKET + file))
    assert found, f"{file} has an enum {name}"
    values = {key: int(value, 0) for key, value in NAMED.findall(found[1])}
    assert len(values) == len(found[1].splitlines()), f"{file} states every number of {name} plainly"
    return values


def enum_without_a_name(file: str) -> dict[str, int]:
    return {key: int(value, 0) for key, value in NAMED.findall(text_of(MARKET + file))}


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("CommandKind", records.Kind),
        ("TimeInForce", records.TimeInForce),
        ("MarketState", records.MarketState),
        ("EventKind", records.EventKind),
        ("Reason", records.Reason),
    ],
)
def test_the_compiled_book_counts_as_the_readable_one(name: str, readable: type[IntEnum]) -> None:
    found = enum_of("matching/_book.pxd", name)
    if name == "Reason":
        found["NONE"] = found.pop("NO_REASON")
    assert found == {one.name: int(one) for one in readable}


def test_the_flags_of_the_compiled_book_are_those_of_records() -> None:
    assert enum_of("matching/_book.pxd", "CommandFlags") == {
        "POST_ONLY": records.POST_ONLY,
        "UNKNOWN_FLAGS": 0xFF ^ records.FLAGS_KNOWN,
    }
    at_own = enum_of("matching/_book.pxd", "SelfTrade")
    at_own["TRADE"] = at_own.pop("TRADE_WITH_OWN")
    assert {key: value << 1 for key, value in at_own.items()} == {one.name: one for one in records.SelfTrade}


def test_the_bounds_of_the_compiled_book_are_the_limits() -> None:
    rules = text_of(MARKET + "matching/_rules.pxi")
    assert BOOK_QUANTITY_MAX == (1 << 32) - 1
    assert "QUANTITY_MAX = (<uint64_t> 1 << 32) - 1\n" in rules
    assert BOOK_PRICE_MAX == (1 << 53) - 1
    assert "PRICE_MAX = (<int64_t> 1 << 53) - 1\n" in rules


def test_the_numbers_of_the_compiled_desk_are_those_of_the_readable_one() -> None:
    desk = text_of(MARKET + "trading/_desk.pyx")
    assert INTEGER_MAX + 1 == 1 << 53
    assert "TM_BEYOND (((int64_t) 1) << 53)" in desk
    assert f"+ {WHOLE_BASIS_POINTS // 2}) / {WHOLE_BASIS_POINTS})" in desk
    numbers = enum_without_a_name("trading/_desk.pyx")
    assert numbers["ORDER_BYTES"] == frame.ORDER_BYTES
    assert numbers["EVENT_BYTES"] == records.EVENT_BYTES
    assert numbers["COUNTER_BITS"] == frame.COUNTER_BITS
    assert numbers["SELF_TRADE_BITS"] == records.SELF_TRADE_MASK


def test_the_compiled_index_has_the_sizes_of_the_readable_one() -> None:
    numbers = enum_without_a_name("catalog/_bounds.pxi")
    sizes = {
        name: numbers[name] for name in ("BLOCK", "COLUMNS", "CONDITIONS", "WISHES", "VALUES", "KEPT", "NAME")
    }
    assert sizes == {
        "BLOCK": blocks.WHOLE_BLOCK,
        "COLUMNS": blocks.COLUMNS_MAX,
        "CONDITIONS": blocks.CONDITIONS_MAX,
        "WISHES": blocks.WISHES_MAX,
        "VALUES": blocks.VALUES_MAX,
        "KEPT": blocks.ROWS_MAX,
        "NAME": DIGEST_BYTES,
    }
