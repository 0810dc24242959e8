"""Tables that were loaded: rows that are yet to be read behave as any others. [LOG-4]"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket.tables import Table, UndoLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    number: int
    name: str
    late: bytes = b""


class Log:
    """A table, what its watcher was told, and its undo log."""

    def __init__(self, *, reads: tuple[str, ...] | None = None) -> None:
        self.undo = UndoLog()
        self.table: Table[str, Row] = Table(name="rows", key=str, value=Row, undo=self.undo)
        self.seen: dict[str, int] = {}
        self.table.watch(self._changed, reads=reads)

    def _changed(self, key: str, old: Row | None, new: Row | None) -> None:
        assert self.seen.pop(key, None) == (old.number if old else None)
        if new is not None:
            self.seen[key] = new.number

    def loaded(self, *, reads: tuple[str, ...] | None = ("number",)) -> "Log":
        """The same table out of its snapshot."""
        twin = Log(reads=reads)
        rows = {name: value for name, value in self.table.frozen() if value is not None}
        twin.table.load(rows, self.table.root_sum)
        return twin


def row(number: int) -> Row:
    return Row(number=number, name=f"name {number}", late=b"x" * (number % 3))


def filled() -> Log:
    log = Log()
    for number in range(5):
        log.table.put(f"k{number}", row(number))
    log.undo.forget()
    return log


def test_loaded_rows_are_read_when_they_are_asked_for() -> None:
    log = filled()
    twin = log.loaded()
    assert twin.table.root() == log.table.root()
    assert twin.seen == log.seen
    assert twin.table.get("k1") == twin.table["k1"] == row(1)
    assert twin.table.get("none") is None
    assert dict(twin.table) == dict(log.table) and len(twin.table) == 5 and "k4" in twin.table
    assert list(twin.table.dump()) == list(log.table.dump())


def test_a_change_of_a_loaded_row_is_taken_back() -> None:
    twin = filled().loaded()
    before = (twin.table.root(), dict(twin.seen), list(twin.table.dump()))
    twin.table.put("k1", row(9))
    twin.table.drop("k2")
    twin.table.put("new", row(3))
    assert twin.table.root() != before[0]
    twin.undo.roll_back()
    assert (twin.table.root(), twin.seen, sorted(twin.table.dump())) == before


def test_a_watcher_that_says_what_it_reads_cannot_read_more() -> None:
    with pytest.raises(AttributeError):
        filled().loaded(reads=("name",))


def test_a_row_whose_bytes_are_no_row_is_refused_when_it_is_asked_for() -> None:
    table: Table[str, Row] = Table(name="rows", key=str, value=Row, undo=UndoLog())
    log = filled()
    rows = {name: (value or b"")[:-1] for name, value in log.table.frozen()}
    table.load(rows, log.table.root_sum)
    with pytest.raises(Refusal) as told:
        table.get("k0")
    assert told.value.number == Code.MALFORMED


@pytest.mark.parametrize("value", [b"", b"bytes"])
def test_a_table_of_bytes_is_not_taken_for_one_of_rows(value: bytes) -> None:
    table: Table[str, bytes] = Table(name="rows", key=str, value=bytes, undo=UndoLog())
    table.put("k", value)
    twin: Table[str, bytes] = Table(name="rows", key=str, value=bytes, undo=UndoLog())
    twin.load({name: packed for name, packed in table.frozen() if packed is not None}, table.root_sum)
    assert twin["k"] == twin.get("k") == value and twin.root() == table.root()


def put(table: Table[str, Row], key: str, number: int) -> None:
    table.put(key, row(number))


def drop(table: Table[str, Row], key: str, _: int) -> None:
    if key in table:
        table.drop(key)


def fold(table: Table[str, Row], _key: str, _: int) -> None:
    table.root()


ACTS: list[Callable[[Table[str, Row], str, int], Any]] = [put, put, drop, fold]
changes = st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(["k1", "k2", "new"]), st.integers(0, 9)))


@given(changes, changes)
def test_news_on_top_of_a_snapshot_are_the_table(first: Any, second: Any) -> None:
    log = filled()
    log.table.follow_news()
    rows = {name: value for name, value in log.table.frozen() if value is not None}
    for part in (first, second):
        for act, key, number in part:
            act(log.table, key, number)
        for name, value in log.table.take_news().items():
            if value is None:
                rows.pop(name, None)
            else:
                rows[name] = value
    twin = Log(reads=("number",))
    twin.table.load(rows, log.table.root_sum)
    assert dict(twin.table) == dict(log.table)
    assert (twin.table.root(), twin.seen) == (log.table.root(), log.seen)
    again = Table[str, Row](name="rows", key=str, value=Row, undo=UndoLog())
    for key, found in log.table.items():
        again.put(key, found)
    assert again.root() == twin.table.root()
