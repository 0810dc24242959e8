"""`bench choice`: the exact ten best of a million offers by eight attributes, beside a look at every one."""

import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final, NamedTuple

from thingmarket.catalog.blocks import Ask, Condition, Line, PlainBlocks, blocks_class

OFFERS: Final = 1_000_000
ATTRIBUTES: Final = 8
CATEGORY: Final = 1_000  # offers of the one category that is searched by itself
MOST: Final = 10
CONDITIONS: Final = 4
PASSED_BY_A_CONDITION: Final = 0.67  # so that a fifth of uniform offers meets all four
ASKS: Final = 200  # different ones: their conditions, weights and slopes are drawn
ASKS_HELD_AGAINST_A_SCAN: Final = 5
SAMPLE: Final = 20_000  # offers that plain Python looks at, which looks at every one
_CELL_MAX: Final = 1_000_000
_WHOLE: Final = 1_000_000

Offer = tuple[bytes, int, tuple[int, ...]]
"""Name, cost and attributes."""


class Asked(NamedTuple):
    """How long asking took, in milliseconds, and how many blocks were looked at."""

    times_ms: list[float]
    blocks: list[int]


def measure(seconds: float = 2.0, offers: int = OFFERS) -> dict[str, Any]:
    """Ask uniform and correlated offers for about `seconds` each, and one category of a thousand."""
    kind = blocks_class()
    figures: dict[str, Any] = {"kind": kind.kind, "offers": offers, "attributes": ATTRIBUTES, "best": MOST}
    references: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for shape, draw in (("uniform", _uniform), ("correlated", _correlated)):
        rng = random.Random(f"bench choice {shape}")  # noqa: S311 -- the same offers in every run
        rows: list[Offer] = [(rng.randbytes(32), rng.randrange(_CELL_MAX), draw(rng)) for _ in range(offers)]
        index, put_s = _filled(kind, rows)
        begin_s = time.perf_counter()
        index.settle()
        figures[f"{shape}_put_us"] = round(put_s / offers * 1e6, 2)
        figures[f"{shape}_build_s"] = round(time.perf_counter() - begin_s, 3)
        if kind is not PlainBlocks:
            figures["bytes_per_offer"] = round(index.nbytes / offers)
        asks = [_ask(rng, rows) for _ in range(ASKS)]
        figures |= _told(shape, _asked(index, asks, seconds))
        name, scan_ms = _scanned(index, rows, asks)
        references[f"{shape}_{name}_ms"] = round(scan_ms, 3)
        ratios[f"{shape}_scan_to_index"] = round(scan_ms / figures[f"{shape}_median_ms"], 1)
        if shape == "uniform":
            category, _ = _filled(kind, rows[:CATEGORY])
            figures |= _told("category", _asked(category, asks, seconds / 4))
    return {"figures": figures, "references": references, "ratios": ratios}


def _uniform(rng: random.Random) -> tuple[int, ...]:
    return tuple([rng.randrange(_CELL_MAX) for _ in range(ATTRIBUTES)])


def _correlated(rng: random.Random) -> tuple[int, ...]:
    """What is good in one respect is good in most: seven tenths of each attribute are the same."""
    same = 7 * rng.randrange(_CELL_MAX)
    return tuple([(same + 3 * rng.randrange(_CELL_MAX)) // 10 for _ in range(ATTRIBUTES)])


def _ask(rng: random.Random, rows: list[Offer]) -> Ask:
    """Four attributes must reach what two thirds of a sample reach; all eight are weighed."""
    sample = [rows[rng.randrange(len(rows))][2] for _ in range(200)]
    conditions = []
    for column in rng.sample(range(ATTRIBUTES), CONDITIONS):
        least = sorted(cells[column] for cells in sample)[round((1 - PASSED_BY_A_CONDITION) * len(sample))]
        conditions.append(Condition(column, low=least, strict=True))
    drawn = [rng.randrange(1, 1_000) for _ in range(ATTRIBUTES)]
    weights = [_WHOLE * one // sum(drawn) for one in drawn]
    lines = [
        Line(column, max(weight, 1), -rng.randrange(1_000), _CELL_MAX + rng.randrange(10_000))
        for column, weight in enumerate(weights)
    ]
    return Ask(tuple(conditions), tuple(lines))


def _filled(kind: Any, rows: list[Offer]) -> tuple[Any, float]:
    """An index into which the rows came one by one, and the seconds that this took."""
    index = kind(ATTRIBUTES)
    begin_s = time.perf_counter()
    for name, cost, cells in rows:
        index.put(name, cost, cells)
    return index, time.perf_counter() - begin_s


def _asked(index: Any, asks: list[Ask], seconds: float) -> Asked:
    asked = Asked([], [])
    end_s = time.perf_counter() + seconds
    while len(asked.times_ms) < len(asks) or time.perf_counter() < end_s:
        ask = asks[len(asked.times_ms) % len(asks)]
        begin_s = time.perf_counter()
        found = index.best(ask, MOST)
        asked.times_ms.append((time.perf_counter() - begin_s) * 1e3)
        asked.blocks.append(found.blocks)
        if index.kind == PlainBlocks.kind and time.perf_counter() > end_s:
            break  # a look at every row takes long enough to be measured once
    return asked


def _told(shape: str, asked: Asked) -> dict[str, Any]:
    times_ms = sorted(asked.times_ms)
    return {
        f"{shape}_median_ms": round(median(times_ms), 4),
        f"{shape}_p99_ms": round(times_ms[len(times_ms) * 99 // 100], 4),
        f"{shape}_blocks": round(median(asked.blocks)),
        f"{shape}_blocks_max": max(asked.blocks),
    }


def _scanned(index: Any, rows: list[Offer], asks: list[Ask]) -> tuple[str, float]:
    """The name of the reference and the milliseconds of a look at every offer; both must find the same."""
    try:
        scan, name = _numpy_scan(rows), "numpy_scan"
    except ImportError:  # then plain Python looks at a part, and the time is made that of all
        sample = rows[:SAMPLE]
        plain, _ = _filled(PlainBlocks, sample)
        index, _ = _filled(type(index), sample)
        scan, name = lambda ask: _places(plain, ask), "plain_scan"
    times_ms = []
    for ask in asks[:ASKS_HELD_AGAINST_A_SCAN]:
        begin_s = time.perf_counter()
        found = scan(ask)
        times_ms.append((time.perf_counter() - begin_s) * 1e3)
        if found != _places(index, ask):
            raise RuntimeError("the index and a look at every offer found different offers")
    return name, median(times_ms) * (1 if name == "numpy_scan" else max(1.0, len(rows) / SAMPLE))


def _places(index: Any, ask: Ask) -> list[tuple[int, int]]:
    return [(row.place[1], row.place[2]) for row in index.best(ask, MOST).rows]


def _numpy_scan(rows: list[Offer]) -> Callable[[Ask], list[tuple[int, int]]]:
    import numpy as np  # noqa: PLC0415 -- comes with the plots, which a node can do without

    columns = [np.array([row[2][column] for row in rows], np.int64) for column in range(ATTRIBUTES)]
    costs = np.array([row[1] for row in rows], np.int64)

    def scan(ask: Ask) -> list[tuple[int, int]]:
        met = np.ones(len(costs), np.bool_)
        for condition in ask.conditions:
            met &= columns[condition.column] >= condition.low
        places = np.flatnonzero(met)
        score = np.zeros(len(places), np.int64)
        for wish in ask.wishes:
            assert isinstance(wish, Line), "all wishes of this bench are lines"
            way = columns[wish.column][places] - wish.worst
            score += wish.weight * np.clip(way, 0, wish.span) // wish.span
        if len(places) > MOST:  # no more than those that score at least as the tenth does
            least = np.partition(score, len(score) - MOST)[len(score) - MOST]
            places, score = places[score >= least], score[score >= least]
        order = np.lexsort((costs[places], -score))[:MOST]
        return [(-int(score[at]), int(costs[places[at]])) for at in order]

    return scan
