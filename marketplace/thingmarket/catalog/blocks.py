"""The best of very many rows of whole numbers: exact, with conditions, weights and every part of a score.

This says what `_blocks` does compiled, and serves where there is no compiler: it looks at every row. The
compiled one keeps blocks of 512 rows that lie close together, each with what its cells come to at most, and
looks at the most promising blocks only; what both find is the same. [CAT-6]
"""

from bisect import insort
from collections.abc import Sequence
from enum import IntEnum, unique
from typing import Any, Final, NamedTuple

from thingmarket.ids import DIGEST_BYTES

CELL_MAX: Final = 2**62 - 1
"""Cells and the ends of wishes lie within this on both sides of zero: differences fit 64 bits."""
UNSTATED: Final = -(2**63)
"""Not known: meets no condition and fails none."""
OTHERWISE: Final = UNSTATED + 1
"""Stated as another kind of value than is asked for: fails every condition."""
ANYTHING: Final = UNSTATED + 2
"""A value that no cell can hold: taken for whatever suits, so that no row is ranked too low."""

WHOLE_BLOCK: Final = 512  # rows; few enough that bounds are close, and so many that bounds are few
COLUMNS_MAX: Final = 24  # the 16 facts that an offer may state, and what every offer has
CONDITIONS_MAX: Final = 48  # those of a need, of a search, and one of the market's own
WISHES_MAX: Final = 16
VALUES_MAX: Final = 64  # of one condition or wish
ROWS_MAX: Final = 1_000  # that one question may ask for


@unique
class Standing(IntEnum):
    """How a row stands before its score is looked at, the best first."""

    MEETS = 0
    UNSURE = 1
    FAILS = 2


class Condition(NamedTuple):
    """The cell lies from `low` to `high`; or, with `values`, is one of them; `but` turns that round.

    A row that fails a `strict` one is left out, and strict ones make nobody unsure; a row that fails
    another one stands behind all that do not.
    """

    column: int
    low: int = -CELL_MAX
    high: int = CELL_MAX
    values: tuple[int, ...] = ()
    but: bool = False
    strict: bool = False


class Line(NamedTuple):
    """A wish: `weight` at `worst` + `span` and beyond, in a straight line from nothing at `worst`.

    A span below 0 runs downwards.
    """

    column: int
    weight: int
    worst: int
    span: int


class OneOf(NamedTuple):
    """A wish: the whole weight for one of some values."""

    column: int
    weight: int
    values: tuple[int, ...]


Place = tuple[int, int, int, bytes]
"""Sorts the best first: standing, higher score (negative), lower cost, earlier name."""


class Ask(NamedTuple):
    """What is asked of the rows."""

    conditions: tuple[Condition, ...] = ()
    wishes: tuple[Line | OneOf, ...] = ()


class Row(NamedTuple):
    """A row that was found, where it stands, and what each wish added."""

    place: Place
    parts: tuple[int, ...]


class Found(NamedTuple):
    """The best rows in order; whether nothing can have been missed; how many blocks were looked at."""

    rows: tuple[Row, ...]
    whole: bool
    blocks: int


class PlainBlocks:
    """Rows of a name of 32 bytes, a cost and one cell per column; looked at one by one."""

    kind: Final = "python"

    def __init__(self, columns: int = 0) -> None:
        """Begin with no rows."""
        assert 0 <= columns <= COLUMNS_MAX, "an index has at most 24 columns"
        self.columns = columns
        self._rows: dict[bytes, tuple[int, tuple[int, ...]]] = {}

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def __contains__(self, name: bytes) -> bool:
        """Whether there is a row of that name."""
        return name in self._rows

    def widen(self) -> int:
        """Add a column in which no row states anything, and say its number."""
        assert self.columns < COLUMNS_MAX, "an index has at most 24 columns"
        self.columns += 1
        self._rows = {name: (cost, (*cells, UNSTATED)) for name, (cost, cells) in self._rows.items()}
        return self.columns - 1

    def put(self, name: bytes, cost: int, cells: Sequence[int]) -> None:
        """Add a row that is not there."""
        assert len(name) == DIGEST_BYTES and name not in self._rows, "a row is added once"
        assert len(cells) == self.columns, "a row has one cell per column"
        assert all(-CELL_MAX <= one <= CELL_MAX or UNSTATED <= one <= ANYTHING for one in (cost, *cells))
        self._rows[name] = cost, tuple(cells)

    def drop(self, name: bytes) -> None:
        """Take out a row that must be there."""
        del self._rows[name]

    def settle(self) -> None:
        """Put all rows in order; these need none."""

    def best(self, ask: Ask, most: int, *, after: Place | None = None, blocks_max: int = 0) -> Found:
        """The best `most` rows, or of those that stand behind `after`.

        `blocks_max`, unless 0, is how many blocks may be looked at; when they do not do, `whole` is False.
        """
        check_ask(ask, most, self.columns)
        blocks = -(-len(self._rows) // WHOLE_BLOCK)
        if blocks_max and blocks > blocks_max:
            return Found((), whole=False, blocks=0)
        kept: list[Row] = []
        for name, (cost, cells) in self._rows.items():
            standing = _standing(ask.conditions, cells)
            if standing is None:
                continue
            parts = tuple(_points(wish, cells[wish.column]) for wish in ask.wishes)
            row = Row((standing, -sum(parts), cost, name), parts)
            if (after is None or row.place > after) and (len(kept) < most or row < kept[-1]):
                insort(kept, row)
                del kept[most:]
        return Found(tuple(kept), whole=True, blocks=blocks)


def check_ask(ask: Ask, most: int, columns: int) -> None:
    """What is asked comes from code that was checked: hold it to the sizes that the compiled one has."""
    assert 0 < most <= ROWS_MAX, "between one row and a thousand are asked for"
    assert len(ask.conditions) <= CONDITIONS_MAX and len(ask.wishes) <= WISHES_MAX, "too much is asked"
    for one in (*ask.conditions, *ask.wishes):
        assert 0 <= one.column < columns, "a column that is there is asked about"
    for condition in ask.conditions:
        assert len(condition.values) <= VALUES_MAX, "a condition has at most 64 values"
        ends = condition.low, condition.high, *condition.values
        assert all(-CELL_MAX <= end <= CELL_MAX for end in ends), "a condition is about cells"
    for wish in ask.wishes:
        assert 0 < wish.weight <= 1_000_000, "a wish weighs up to a million"
        if isinstance(wish, Line):
            ends = wish.worst, wish.worst + wish.span
            assert wish.span and all(-CELL_MAX <= end <= CELL_MAX for end in ends), "a line has two ends"
        else:
            assert 0 < len(wish.values) <= VALUES_MAX, "a wish has up to 64 values"
            assert all(-CELL_MAX <= one <= CELL_MAX for one in wish.values), "a wish is about cells"


def _standing(conditions: Sequence[Condition], cells: Sequence[int]) -> Standing | None:
    """The worst of all findings; None for a row that is left out."""
    worst = Standing.MEETS
    for condition in conditions:
        finding = _finding(condition, cells[condition.column])
        if not condition.strict:
            worst = max(worst, finding)
        elif finding is Standing.FAILS:
            return None
    return worst


def _finding(condition: Condition, cell: int) -> Standing:
    if cell == UNSTATED:
        return Standing.UNSURE
    if cell == ANYTHING:
        return Standing.MEETS
    if cell == OTHERWISE:
        return Standing.FAILS
    met = cell in condition.values if condition.values else condition.low <= cell <= condition.high
    return Standing.FAILS if met is condition.but else Standing.MEETS


def _points(wish: Line | OneOf, cell: int) -> int:
    if cell in (UNSTATED, OTHERWISE):
        return 0
    if cell == ANYTHING:
        return wish.weight
    if isinstance(wish, OneOf):
        return wish.weight if cell in wish.values else 0
    way, span = cell - wish.worst, wish.span
    if span < 0:
        way, span = -way, -span
    return wish.weight * min(max(way, 0), span) // span


def blocks_class() -> Any:
    """The compiled class, or this one where it could not be compiled."""
    try:
        from thingmarket.catalog._blocks import Blocks  # noqa: PLC0415 -- may be missing
    except ImportError:
        return PlainBlocks
    return Blocks
