"""The best of many rows: compiled and plain find the same, which is what a full sort puts first. [CAT-6]"""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thingmarket.catalog.blocks import (
    ANYTHING,
    CELL_MAX,
    COLUMNS_MAX,
    OTHERWISE,
    UNSTATED,
    WHOLE_BLOCK,
    Ask,
    Condition,
    Line,
    OneOf,
    PlainBlocks,
    Row,
    Standing,
    blocks_class,
)
from thingmarket.ids import digest

COLUMNS = 4
KINDS: list[Any] = [PlainBlocks] if blocks_class() is PlainBlocks else [PlainBlocks, blocks_class()]
compiled = pytest.mark.skipif(len(KINDS) == 1, reason="the compiled index is not built here")

small = st.integers(-6, 6)
wide = st.one_of(small, st.integers(-CELL_MAX, CELL_MAX), st.sampled_from([CELL_MAX, -CELL_MAX]))
cells = st.one_of(small, small, wide, st.sampled_from([UNSTATED, OTHERWISE, ANYTHING]))
columns = st.integers(0, COLUMNS - 1)
values = st.lists(small, min_size=1, max_size=4).map(tuple)
between = st.builds(
    lambda column, low, high, but, strict: Condition(column, low, high, but=but, strict=strict),
    columns,
    wide,
    wide,
    st.booleans(),
    st.booleans(),
)
among = st.builds(
    lambda column, values, but, strict: Condition(column, values=values, but=but, strict=strict),
    columns,
    values,
    st.booleans(),
    st.booleans(),
)
lines = st.builds(
    lambda column, weight, worst, ideal: Line(column, weight, worst, (ideal - worst) or 1),
    columns,
    st.integers(1, 1_000_000),
    wide.filter(lambda one: one < CELL_MAX),
    wide,
)
favourites = st.builds(OneOf, columns, st.integers(1, 1_000_000), values)
asks = st.builds(
    Ask,
    st.lists(st.one_of(between, among), max_size=3).map(tuple),
    st.lists(st.one_of(lines, favourites), max_size=4).map(tuple),
)
costs = st.one_of(small, st.just(ANYTHING))


def name_of(number: int) -> bytes:
    return digest(b"row %d" % number)


@compiled
@settings(max_examples=300)
@given(
    table=st.lists(st.tuples(costs, st.tuples(*[cells] * COLUMNS)), max_size=40),
    gone=st.sets(st.integers(0, 39)),
    ask=asks,
    most=st.integers(1, 12),
    copies=st.sampled_from([1, 1, 1, 40]),
    settled=st.booleans(),
)
def test_the_compiled_index_finds_what_a_look_at_every_row_finds(
    *, table: list[Any], gone: set[int], ask: Ask, most: int, copies: int, settled: bool
) -> None:
    plain, native = (kind(COLUMNS) for kind in KINDS)
    rows = table * copies  # enough of the same for many blocks, so that only the name tells them apart
    for number, (cost, row) in enumerate(rows):
        for index in (plain, native):
            index.put(name_of(number), cost, row)
    for number in sorted(gone):
        if number < len(rows):
            for index in (plain, native):
                index.drop(name_of(number))
    if settled:
        native.settle()
    assert len(native) == len(plain)
    after = None
    for _ in range(3):  # page by page
        expected, found = (index.best(ask, most, after=after) for index in (plain, native))
        assert found.rows == expected.rows and found.whole
        if not found.rows:
            break
        after = found.rows[-1].place


def random_rows(random: Random, count: int) -> list[tuple[int, tuple[int, ...]]]:
    """Rows of unlike columns: a wide one, a correlated one, a few names, yes and no."""
    rows = []
    for _ in range(count):
        first = random.randrange(1_000_000)
        row = (first, first // 2 + random.randrange(1_000), random.randrange(5), random.randrange(2))
        holes = (UNSTATED, OTHERWISE, ANYTHING)
        filled = tuple(random.choice(holes) if random.random() < 0.03 else cell for cell in row)
        rows.append((random.randrange(50), filled))
    return rows


def random_ask(random: Random) -> Ask:
    wishes: list[Line | OneOf] = [
        Line(0, 400_000, *random.choice([(1_000_000, -900_000), (100_000, 500_000)])),
        Line(1, 300_000, 0, random.choice([1, 77, 400_000])),
        OneOf(2, 200_000, (1, 3)),
        OneOf(3, 100_000, (random.randrange(2),)),
    ]
    conditions = [
        Condition(0, low=random.randrange(900_000), strict=random.random() < 0.5),
        Condition(2, values=(0, 1), but=random.random() < 0.5),
        Condition(1, high=random.randrange(500_000)),
    ]
    return Ask(tuple(random.sample(conditions, 2)), tuple(random.sample(wishes, random.randrange(5))))


@compiled
def test_while_rows_come_and_go_by_the_thousand_both_find_the_same() -> None:
    random = Random(3)
    plain, native = (kind(COLUMNS) for kind in KINDS)
    names: list[bytes] = []
    number = skipped = 0
    for _ in range(12):
        for cost, row in random_rows(random, random.choice([10, 700, 3_000])):
            names.append(name_of(number))
            number += 1
            for index in (plain, native):
                index.put(names[-1], cost, row)
        random.shuffle(names)
        for _ in range(random.choice([0, 5, len(names) // 2])):
            name = names.pop()
            for index in (plain, native):
                index.drop(name)
            assert name not in native
        for _ in range(4):
            ask, most = random_ask(random), random.choice([1, 10, 100])
            expected, found = (index.best(ask, most) for index in (plain, native))
            assert found.rows == expected.rows
            skipped += expected.blocks - found.blocks
        assert all(name in native for name in names[:100])
    assert skipped > 0  # blocks that could not hold anything were not looked at
    assert native.nbytes < 200 * max(len(native), 10_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_is_told_part_by_part(kind: Any) -> None:  # [CAT-6]
    index = kind(3)
    index.put(name_of(1), 900, (15, 2, UNSTATED))
    index.put(name_of(2), 800, (30, 7, OTHERWISE))
    index.put(name_of(3), 700, (10, UNSTATED, 1))
    ask = Ask(
        (Condition(0, low=11), Condition(1, values=(2, 7), strict=True)),
        (Line(0, 600_000, 10, 15), OneOf(1, 300_000, (2,)), Line(2, 100_000, 5, -4)),
    )
    assert index.best(ask, 9).rows == (
        Row((Standing.MEETS, -600_000, 800, name_of(2)), (600_000, 0, 0)),
        Row((Standing.MEETS, -500_000, 900, name_of(1)), (200_000, 300_000, 0)),
        Row((Standing.FAILS, -100_000, 700, name_of(3)), (0, 0, 100_000)),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_equal_stand_by_cost_and_then_by_name(kind: Any) -> None:  # [CAT-6]
    index = kind(1)
    for number in range(3 * WHOLE_BLOCK):
        index.put(name_of(number), number // WHOLE_BLOCK % 2, (1,))
    found = index.best(Ask((), (Line(0, 1_000_000, 0, 2),)), 1_000).rows
    cheap = [name_of(number) for number in range(3 * WHOLE_BLOCK) if number // WHOLE_BLOCK != 1]
    assert [row.place[3] for row in found] == sorted(cheap)[:1_000]
    assert {row.place[1] for row in found} == {-500_000}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [1, -1])
def test_a_long_line_is_scored_to_the_last_point(kind: Any, way: int) -> None:  # [CAT-6]
    span, weight = 2**40, 1_000_000
    for score in range(1, weight, 9_973):
        index = kind(1)
        for cost, points in enumerate((score - 1, score)):  # the cheaper one is seen first, and is one behind
            index.put(name_of(cost), cost, (way * -(-points * span // weight),))
        ask = Ask((), (Line(0, weight, 0, way * span),))
        assert [row.place[1] for row in index.best(ask, 1).rows] == [-score]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_comes_later_is_unstated_in_the_rows_before(kind: Any) -> None:
    index = kind()
    index.put(name_of(1), 5, ())
    assert index.widen() == 0 and index.columns == 1
    index.put(name_of(2), 9, (4,))
    rows = index.best(Ask((Condition(0, low=3),)), 9).rows
    assert [(row.place[0], row.place[3]) for row in rows] == [
        (Standing.MEETS, name_of(2)),
        (Standing.UNSURE, name_of(1)),
    ]
    for _ in range(COLUMNS_MAX - 1):
        index.widen()
    with pytest.raises(AssertionError):
        index.widen()


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_that_may_not_look_at_enough_blocks_says_so(kind: Any) -> None:
    index = kind(1)
    for number in range(4 * WHOLE_BLOCK):
        index.put(name_of(number), 0, (1,))
    ask = Ask((), (OneOf(0, 1, (1,)),))
    assert not index.best(ask, 1, blocks_max=2).whole
    assert index.best(ask, 1, blocks_max=4).whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "ask",
    [
        Ask((Condition(1),)),
        Ask((Condition(-1),)),
        Ask((Condition(0, values=(CELL_MAX + 1,)),)),
        Ask((), (OneOf(0, 1, (-CELL_MAX - 1,)),)),
        Ask((Condition(0, high=CELL_MAX + 1),)),
        Ask((), (Line(0, 1, 0, 0),)),
        Ask((), (Line(0, 0, 0, 1),)),
        Ask((), (Line(0, 1_000_001, 0, 1),)),
        Ask((), (Line(0, 1, CELL_MAX, 1),)),
        Ask((), (OneOf(0, 1, ()),)),
        Ask((Condition(0, values=tuple(range(65))),)),
        Ask((Condition(0),) * 49),
        Ask((), (OneOf(0, 1, (1,)),) * 17),
    ],
)
def test_what_cannot_be_asked_is_a_bug_of_the_asker(kind: Any, ask: Ask) -> None:
    with pytest.raises(AssertionError):
        kind(1).best(ask, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "cost", "row"),
    [
        (b"short", 0, (1,)),
        (bytes(32), 0, ()),
        (bytes(32), 0, (CELL_MAX + 1,)),
        (bytes(32), CELL_MAX + 1, (1,)),
    ],
)
def test_a_row_that_is_none_changes_nothing(kind: Any, name: bytes, cost: int, row: tuple[int, ...]) -> None:
    index = kind(1)
    with pytest.raises(AssertionError):
        index.put(name, cost, row)
    assert len(index) == 0 and name not in index
    index.put(name_of(1), 0, (1,))
    for again in (name_of(1),):
        with pytest.raises(AssertionError):
            index.put(again, 0, (1,))
    with pytest.raises(KeyError):
        index.drop(name_of(2))
    index.drop(name_of(1))
    assert len(index) == 0 and not index.best(Ask(), 1).rows
