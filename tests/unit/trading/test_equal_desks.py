"""The readable and the compiled desk, step by step: equal values, ledger rows, digests and snapshots."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.trading.pit import BOOKS, EUR, INK, NOW_MS, OPERATOR, POWER, TERMS, Pit
from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX, ORDER_LIFE_MS, RESTING_PER_OWNER_MAX
from thingmarket.matching.engine import Asked
from thingmarket.matching.records import EventKind, Kind, MarketState, unpack_events
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.frame import (
    COUNTER_MAX,
    DEADLINE,
    ORDER,
    ORDER_BYTES,
    order_id_of,
    slot_of,
    touched,
)
from thingmarket.trading.front import new_desk, restored_desk
from thingmarket.trading.permits import OWNER_PERMIT, Effects, Headroom, Permit
from thingmarket.trading.terms import MarketTerms

pytest.importorskip("thingmarket.trading._desk", reason="there is no compiled desk here")

KINDS: Final[tuple[Asked, Asked]] = ("native", "python")
DEAR: Final = 4  # a market whose steps are so large that orders are soon too much
TWIN: Final = 5  # another market of the same money and goods
MARKETS: Final = (
    *TERMS.values(),
    MarketTerms(
        number=DEAR,
        product_id="land",
        currency="EUR",
        money_ledger=EUR,
        goods_ledger=2**32 + 9,
        tick_minor=2**40,
        lot_steps=2**50,
        offset_ticks=2**52,
        fee_basis_points=5_000,
        self_trade=3,
    ),
    MarketTerms(
        number=TWIN,
        product_id="ink",
        currency="EUR",
        money_ledger=EUR,
        goods_ledger=INK,
        offset_ticks=4,  # of one cent the fee is one cent
        self_trade=2,
        fee_basis_points=5_000,
    ),
)
SLOTS: Final = {1: 11, 2: 22, 3: 33, 4: 11, 2**24 - 1: 44}  # slot to owner
NUMBERS: Final = (0, 1, 2, 5, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63, 2**64 - 1)


class Pair:
    """Two desks of one history, each of its kind on a ledger of its kind."""

    def __init__(self, resting_max: int = RESTING_PER_OWNER_MAX) -> None:
        self.resting_max = resting_max
        self.pits = [Pit(*MARKETS, kind=kind, resting_max=resting_max) for kind in KINDS]
        self.counters = dict.fromkeys(SLOTS, 0)
        for pit in self.pits:
            assert pit.desk.kind == KINDS[self.pits.index(pit)]
            for owner in (11, 22, 33):
                for ledger in (EUR, INK, POWER, BOOKS, 2**32 + 9):
                    pit.give(owner, ledger, 2_000 if ledger == EUR else 300)

    def do(self, step: Callable[..., Any]) -> Any:
        """The same call to both; what it gives, or refuses with, is the same."""
        given = []
        for pit in self.pits:
            try:
                given.append(step(pit.desk))
            except Refusal as refused:
                given.append((refused.number, str(refused)))
        assert given[0] == given[1]
        if isinstance(given[0], Effects):
            for event in unpack_events(given[0].events):
                if event.kind is EventKind.TRADE:  # [ORD-14] [MKT-1]
                    assert SLOTS[slot_of(event.maker)] != SLOTS[slot_of(event.taker)]
        return given[0]

    def compare(self) -> None:
        """All that can be seen of either."""
        native, python = self.pits
        assert native.desk.digest == python.desk.digest
        assert native.ledger.take_changes() == python.ledger.take_changes()
        for market in (0, *(terms.number for terms in MARKETS), 99):
            self.do(lambda desk, market=market: (desk.best(market), desk.depth(market, 3)))
            for order_id in self.do(lambda desk, market=market: desk.orders_in(market)):
                self.do(lambda desk, order_id=order_id: desk.order(order_id))
        for slot in (0, *SLOTS, 77):
            ids, count = self.do(lambda desk, slot=slot: (desk.orders_of(slot), desk.count_of(slot)))
            assert count == len(ids)
            for after in (0, order_id_of(max(1, slot), 1), *ids[1:3], *(one + 1 for one in ids[-2:])):
                page = self.do(lambda desk, slot=slot, after=after: desk.orders_after(slot, after, 4))
                assert page == tuple(one for one in ids if one > after)[:4]
        for owner in (0, 11, 22, 33, 44, 2**63):
            slots = [slot for slot, other in SLOTS.items() if other == owner]
            resting = self.do(lambda desk, owner=owner: desk.count_of_owner(owner))
            assert resting == sum(python.desk.count_of(slot) for slot in slots)
            assert resting <= self.resting_max

    def compare_snapshots(self) -> None:
        """What both would be restored from; each keeps its own order."""
        native, python = self.pits
        assert native.desk.snapshot() == python.desk.snapshot()
        assert native.desk.state_hash == python.desk.state_hash
        assert native.ledger.snapshot() == python.ledger.snapshot()
        for pit in self.pits:
            pit.desk.check_invariants()

    def swap(self) -> None:
        """Each goes on from what the other one wrote."""
        saved = [(pit.desk.snapshot(), pit.ledger.snapshot()) for pit in self.pits]
        for pit, kind, (desk, ledger) in zip(self.pits, KINDS, reversed(saved), strict=True):
            pit.ledger = Ledger.restore(ledger, kind)
            pit.desk = restored_desk(
                desk,
                ledger=pit.ledger,
                operator=OPERATOR,
                terms=MARKETS,
                kind=kind,
                resting_per_owner_max=self.resting_max,
            )
            assert pit.desk.kind == kind
            pit.ledger.skip_changes()


# --- random days

Draw = random.Random


def _order(draw: Draw, slot: int, counter: int) -> tuple[int, ...]:
    """Mostly good; the prices are few, so that orders meet."""
    kind = draw.choice((1,) * 9 + (2, 2, 3, 3, 4, 5, 5, 5, 6, 0, 7, 9))
    market = draw.choice((1, 1, 2, 2, 3, 5, 5, DEAR, 99))
    middle = {2: 100, DEAR: 2**52}.get(market, 8)
    tif = draw.choice((3, 4)) if kind == Kind.NEW_MARKET else draw.choice((1, 1, 1, 1, 3, 4, 6))
    if kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET):
        order_id = order_id_of(slot, counter)
    else:
        order_id = order_id_of(draw.choice(tuple(SLOTS)), draw.randint(max(1, counter - 30), counter + 1))
    expires_ms = NOW_MS + draw.choice((0, 1, 5, ORDER_LIFE_MS, ORDER_LIFE_MS + 1)) if tif == 6 else 0
    fields = [
        kind,
        draw.choice((1, 2)),
        tif,
        draw.choice((0, 0, 0, 1, 2, 4, 6)),
        draw.choice((0, market)) if kind == Kind.MASS_CANCEL else market,
        draw.randint(1, 9),
        middle + draw.randint(-5, 5),
        order_id,
        expires_ms,
    ]
    if draw.random() < 0.04:  # something is odd about it
        place = draw.randrange(9)
        top = (255, 255, 255, 255, 2**32 - 1, 2**64 - 1, 2**63 - 1, 2**64 - 1, 2**64 - 1)[place]
        fields[place] = min(draw.choice((*NUMBERS, draw.randrange(256))), top)
        if place == 6 and draw.random() < 0.5:
            fields[place] = -fields[place]
    return tuple(fields)


def _frame(draw: Draw, pair: Pair, slot: int) -> bytes:
    counter, orders = pair.counters[slot], []
    for _ in range(draw.choice((1, 2, 3, 8, 40))):
        fields = _order(draw, slot, counter + 1)
        counter += fields[0] in (1, 2)
        orders.append(ORDER.pack(*fields))
    return b"".join(orders)


def _rights(draw: Draw, frame: bytes) -> dict[str, Any]:
    permits = dict.fromkeys(touched(frame), OWNER_PERMIT)
    if draw.random() < 0.3:
        for name in touched(frame):
            if draw.random() < 0.2:
                del permits[name]
            else:
                permits[name] = Permit(
                    refusal=draw.choice((0, 0, 0, Code.DENIED)),
                    price_low=draw.choice((1, 6, 98)),
                    price_high=draw.choice((9, 103, INTEGER_MAX)),
                    order_max_minor=draw.choice((5, 60, INTEGER_MAX)),
                    lots_max=draw.choice((3, INTEGER_MAX)),
                    cosign_above_minor=draw.choice((20, INTEGER_MAX)),
                )
    headroom = {}
    if draw.random() < 0.3:
        headroom[EUR] = Headroom(
            amount_left_minor=draw.choice((0, 50, INTEGER_MAX)),
            orders_left=draw.choice((0, 3, INTEGER_MAX)),
            open_left=draw.choice((0, 2, INTEGER_MAX)),
        )
    bands = {1: (6, 9), 2: (97, 110)} if draw.random() < 0.3 else {}
    return {"permits": permits, "headroom": headroom, "bands": bands}


def _place(draw: Draw, pair: Pair) -> None:
    slot = draw.choice(tuple(SLOTS))
    frame = _frame(draw, pair, slot)
    pair.do(lambda desk: desk.touched(frame))
    rights = _rights(draw, frame) | {
        "slot": slot,
        "owner_number": SLOTS[slot],
        "last_counter": pair.counters[slot],
        "now_ms": NOW_MS,
        "acts_for_owner": draw.random() < 0.3,
    }
    placed = pair.do(lambda desk: desk.place(frame, **rights))
    pair.counters[slot] = placed.last_counter


def _other(draw: Draw, pair: Pair) -> None:
    market = draw.choice((1, 2, 3, 4, 5, 99))
    some = draw.choice(tuple(SLOTS))
    ids = [order_id_of(draw.choice(tuple(SLOTS)), draw.randint(1, 60)) for _ in range(4)]
    ids += pair.pits[1].desk.orders_of(some)[:3]
    draw.shuffle(ids)
    states = (MarketState.AUCTION, MarketState.CONTINUOUS) * 4 + (MarketState.PRE_OPEN, MarketState.HALTED)
    state = draw.choice(states)
    match draw.randrange(6):
        case 0:
            pair.do(lambda desk: desk.cancel(some))
        case 1:
            pair.do(lambda desk: desk.cancel_orders(ids))
        case 2:
            pair.do(lambda desk: desk.expire(ids))
        case 3:
            pair.do(lambda desk: desk.uncross(market, draw_reference))
        case _:
            if state is MarketState.CONTINUOUS:
                pair.do(lambda desk: desk.uncross(market, draw_reference))
            pair.do(lambda desk: desk.set_state(market, state))


draw_reference = 7


@pytest.mark.parametrize("seed", range(12))
def test_long_random_days_are_equal_at_both_desks(seed: int) -> None:
    """Frames of many senders, cut anywhere, with cancels, expiries, states, auctions and restarts between.

    Every third day an owner has few orders that may rest. [ORD-6]
    """
    draw, pair = random.Random(seed), Pair(3 if seed % 3 == 2 else RESTING_PER_OWNER_MAX)
    for number in range(250):
        if draw.random() < 0.8:
            _place(draw, pair)
        else:
            _other(draw, pair)
        if number % 10 == 0:
            pair.compare()
        if number % 50 == 49:
            pair.compare_snapshots()
        if number % 70 == 69:
            pair.swap()
    pair.compare()
    pair.compare_snapshots()
    assert pair.pits[0].desk.digest != bytes(32)


def _random_records(draw: Draw) -> Iterator[bytes]:
    for _ in range(draw.randint(1, 30)):
        record = bytearray(draw.randbytes(ORDER_BYTES))
        record[0] = draw.choice((*range(1, 8), record[0]))
        if draw.random() < 0.7:
            record[4:8] = draw.choice((0, 1, 2, 4, 5)).to_bytes(4, "little")
        yield bytes(record)


@pytest.mark.parametrize("seed", range(6))
def test_random_bytes_are_answered_equally(seed: int) -> None:
    draw, pair = random.Random(1_000 + seed), Pair()
    for _ in range(60):
        slot = draw.choice(tuple(SLOTS))
        frame = b"".join(_random_records(draw))
        rights = _rights(draw, frame)
        pair.do(lambda desk, frame=frame: desk.touched(frame))
        pair.do(
            lambda desk, frame=frame, slot=slot, rights=rights: desk.place(
                frame,
                slot=slot,
                owner_number=SLOTS[slot],
                last_counter=COUNTER_MAX - 3,
                now_ms=NOW_MS,
                acts_for_owner=True,
                **rights,
            )
        )
    pair.compare()
    pair.compare_snapshots()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_short_random_days_are_equal_at_both_desks(draw: Draw, steps: int) -> None:
    pair = Pair()
    for _ in range(steps):
        if draw.random() < 0.8:
            _place(draw, pair)
        else:
            _other(draw, pair)
        pair.compare()
    pair.compare_snapshots()
    pair.swap()
    pair.compare()


# --- edges


def test_a_frame_that_is_no_frame_is_refused_alike() -> None:
    pair = Pair()
    for frame in (b"", bytes(39), bytes(41), bytes(40 * 1_001)):
        refused = pair.do(
            lambda desk, frame=frame: desk.place(
                frame,
                slot=1,
                owner_number=11,
                last_counter=0,
                permits={},
                headroom={},
                bands={},
                now_ms=NOW_MS,
                acts_for_owner=False,
            )
        )
        assert refused[0] in (Code.MALFORMED, Code.TOO_LARGE)
    pair.compare_snapshots()


def test_markets_are_opened_and_refused_alike() -> None:
    pair = Pair()
    fresh = replace(TERMS[1], number=2**32 - 1, goods_ledger=2**53 - 1)
    for terms in (fresh, fresh, replace(fresh, number=0), replace(fresh, number=7, goods_ledger=EUR)):
        pair.do(lambda desk, terms=terms: desk.open_market(terms))
    pair.do(lambda desk: (desk.terms(2**32 - 1), desk.terms(6), desk.state_of(6), desk.state_of(2**32 - 1)))
    pair.compare()


def test_a_damaged_snapshot_is_refused_by_both_kinds() -> None:
    """[ORD-13]"""
    draw, pair = random.Random(5), Pair()
    for _ in range(20):
        _place(draw, pair)
    data = pair.pits[0].desk.snapshot()
    cases = [data[:at] for at in (0, 7, 39, 40, 60, len(data) - 1)]
    cases += [data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :] for at in (0, 45, 90, len(data) - 5)]
    for kind, pit in zip(KINDS, pair.pits, strict=True):
        for case in cases:
            with pytest.raises(Refusal):
                restored_desk(case, ledger=pit.ledger, operator=OPERATOR, terms=MARKETS, kind=kind)
        empty = Ledger(kind)
        with pytest.raises(Refusal):
            restored_desk(data, ledger=empty, operator=OPERATOR, terms=MARKETS, kind=kind)


def test_expiries_that_change_within_a_frame_are_told_once() -> None:
    """The last one counts, in the place of the first; what rests no more is not told of."""
    pair = Pair()
    frame = b"".join(
        ORDER.pack(kind, 1, tif, 0, 1, lots, 5, order_id_of(1, counter), at and NOW_MS + at)
        for kind, counter, tif, lots, at in (
            (1, 1, 6, 4, 10),
            (1, 2, 6, 4, 20),
            (5, 1, 6, 3, 30),
            (5, 2, 1, 2, 0),
            (5, 1, 6, 2, 40),
            (1, 3, 6, 1, 50),
            (3, 3, 0, 0, 0),
        )
    )
    rights = {"permits": dict.fromkeys(touched(frame), OWNER_PERMIT), "headroom": {}, "bands": {}}
    placed = pair.do(
        lambda desk: desk.place(
            frame, slot=1, owner_number=11, last_counter=0, now_ms=NOW_MS, acts_for_owner=False, **rights
        )
    )
    assert not any(placed.statuses)
    told = [(order_id_of(1, 1), NOW_MS + 40), (order_id_of(1, 2), 0)]
    assert list(DEADLINE.iter_unpack(placed.deadlines)) == told


def test_who_rests_in_a_snapshot_has_his_accounts() -> None:
    """[ORD-13]"""
    pair = Pair()
    frame = ORDER.pack(1, 2, 1, 0, 1, 1, 5, order_id_of(1, 1), 0)
    pair.do(
        lambda desk: desk.place(
            frame,
            slot=1,
            owner_number=11,
            last_counter=0,
            permits={(1, 2): OWNER_PERMIT},
            headroom={},
            bands={},
            now_ms=NOW_MS,
            acts_for_owner=False,
        )
    )
    for kind, pit in zip(KINDS, pair.pits, strict=True):
        others = Pit(*MARKETS, kind=kind).ledger
        with pytest.raises(Refusal, match="has no accounts"):
            restored_desk(pit.desk.snapshot(), ledger=others, operator=OPERATOR, terms=MARKETS, kind=kind)


def test_a_native_desk_wants_native_accounts() -> None:
    assert new_desk(ledger=Ledger("python"), operator=OPERATOR).kind == "python"
    with pytest.raises(TypeError):
        new_desk(ledger=Ledger("python"), operator=OPERATOR, kind="native")
