"""The bytes of a snapshot: all of a state, or what has changed since the last one. [LOG-4]"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from thingmarket.canonical import pack_bytes, pack_int, unpack_bytes, unpack_int
from thingmarket.errors import Code, Refusal
from thingmarket.market.ledger_root import LedgerRoot
from thingmarket.roots import SUM_BYTES
from thingmarket.settlement.ledger import Ledger
from thingmarket.tables import Packed, Table
from thingmarket.time import UnixMs

_WHOLE: Final = b"tm-snapshot-4\n"
_CHANGES: Final = b"tm-changes-4\n"
_ROW: Final = Struct(">II")  # length of the name, length of the value
_GONE: Final = 2**32 - 1  # in the place of a length: the row is no more

Tables = Sequence[Table[Any, Any]]


def whole(
    head: bytes,
    tables: Tables,
    rows: list[Iterator[Packed]],
    money: tuple[Ledger, LedgerRoot],
    desk: bytes,
) -> Iterator[bytes]:
    """The parts of a whole snapshot; what an entry may change is taken here, before they are asked for."""
    heads = [_head_of(table, len(table)) for table in tables]
    ledger, ledger_root = money
    return _parts(_WHOLE + head, heads, rows, pack_bytes(desk) + ledger_root.sum, ledger.frozen())


def changes(head: bytes, tables: Tables, ledger_root: LedgerRoot, desk: bytes) -> Iterator[bytes]:
    """The parts of what the tables and the ledger have collected since they were asked last.

    The desk comes whole when anything happened at it, else as no bytes.
    """
    news = [table.take_news() for table in tables]
    heads = [_head_of(table, len(rows)) for table, rows in zip(tables, news, strict=True)]
    moved = ledger_root.take_news()
    ledger = iter((pack_int(len(moved)), *_rows(moved.items())))
    return _parts(
        _CHANGES + head,
        heads,
        [iter(rows.items()) for rows in news],
        pack_bytes(desk) + ledger_root.sum,
        ledger,
    )


def _head_of(table: Table[Any, Any], count: int) -> bytes:
    return pack_bytes(table.name.encode()) + table.root_sum + pack_int(count)


def _parts(
    head: bytes, heads: list[bytes], rows: list[Iterator[Packed]], sums: bytes, ledger: Iterator[bytes]
) -> Iterator[bytes]:
    yield head
    for table_head, table_rows in zip(heads, rows, strict=True):
        yield table_head
        yield from _rows(table_rows)
    yield sums
    yield from ledger


def _rows(rows: Iterable[Packed]) -> Iterator[bytes]:
    for name, value in rows:
        if value is None:
            yield _ROW.pack(len(name), _GONE) + name
        else:
            yield b"".join((_ROW.pack(len(name), len(value)), name, value))


@dataclass(slots=True)
class Loaded:
    """What a snapshot has of a table: its rows, and the sum that its root is the digest of."""

    name: str
    rows: dict[bytes, bytes]
    sum: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """What a snapshot has of a state, its head apart."""

    tables: list[Loaded]
    ledger: Ledger
    ledger_sum: bytes
    desk: bytes


def read(first: bytes, later: Iterable[bytes], read_head: Callable[["Reader"], UnixMs], tables: int) -> Parts:
    """Read a whole snapshot and the changes on top of it (MALFORMED)."""
    try:
        reader = Reader(first, _WHOLE)
        read_head(reader)
        found = [Loaded("", {}, b"") for _ in range(tables)]
        for table in found:
            reader.table(table)
        desk = reader.data()
        ledger_sum = reader.exactly(SUM_BYTES)
        ledger = Ledger.restore(reader.rest())
        for body in later:
            reader = Reader(body, _CHANGES)
            time_ms = read_head(reader)
            for table in found:
                reader.table(table)
            desk = reader.data() or desk
            ledger_sum = reader.exactly(SUM_BYTES)
            ledger.follow(reader.changes(), time_ms)
    except (ValueError, IndexError, StructError) as broken:
        raise Refusal(Code.MALFORMED, f"a snapshot cannot be read: {broken}") from broken
    return Parts(found, ledger, ledger_sum, desk)


class Reader:
    """Walks through the parts of one snapshot."""

    def __init__(self, body: bytes, magic: bytes) -> None:
        """Begin behind the magic (ValueError)."""
        if not body.startswith(magic):
            raise ValueError(f"it does not begin with {magic!r}")
        self._body, self._at = body, len(magic)

    def number(self) -> int:
        """The next number."""
        value, self._at = unpack_int(self._body, self._at)
        return value

    def data(self) -> bytes:
        """The next bytes of some length."""
        value, self._at = unpack_bytes(self._body, self._at)
        return value

    def exactly(self, size: int) -> bytes:
        """The next bytes, so many."""
        self._at += size
        return self._body[self._at - size : self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self._body[self._at :]

    def table(self, table: Loaded) -> None:
        """Put the rows of the next table in, and take out those that are gone."""
        table.name, table.sum = self.data().decode(), self.exactly(SUM_BYTES)
        rows = table.rows
        for name, value in self._rows(self.number()):
            if value is None:
                rows.pop(name, None)
            else:
                rows[name] = value

    def changes(self) -> dict[bytes, bytes | None]:
        """The rows that follow, in their order, up to the end (ValueError)."""
        found = dict(self._rows(self.number()))
        if self._at != len(self._body):
            raise ValueError("bytes are left over")
        return found

    def _rows(self, count: int) -> Iterator[Packed]:
        body, at, lengths = self._body, self._at, _ROW.unpack_from
        for _ in range(count):
            name_bytes, value_bytes = lengths(body, at)
            start = at + _ROW.size + name_bytes
            name = body[start - name_bytes : start]
            if value_bytes == _GONE:
                at = start
                yield name, None
            else:
                at = start + value_bytes
                yield name, body[start:at]
        self._at = at
