"""Random frames of several owners on several markets, held against a reckoning from the events alone."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.trading.pit import ANN, BOB, BOOKS, EUR, EVE, INK, NOW_MS, OPERATOR, POWER, TERMS, Pit
from tests.unit.trading.reckoning import OPERATOR as FEES
from tests.unit.trading.reckoning import Pot, Reckoning
from thingmarket.errors import Refusal
from thingmarket.matching.records import Kind, MarketState
from thingmarket.settlement.accounts import AccountKind
from thingmarket.trading.frame import Order, order_id_of, statuses_of
from thingmarket.trading.front import restored_desk
from thingmarket.trading.permits import Effects, Headroom, Placed

SLOTS = {1: ANN, 2: BOB, 3: EVE, 4: ANN}  # slot to owner; the first and the last are of one owner
LEDGERS = {"EUR": EUR, "ink": INK, "power": POWER, "books": BOOKS}
START_MINOR, START_STEPS = 300, 24  # a frame of eight orders may well want more
COUNTERS = st.integers(1, 12)
KINDS = (Kind.NEW_LIMIT,) * 8 + (Kind.NEW_MARKET, Kind.CANCEL, Kind.REDUCE, Kind.REPLACE, Kind.REPLACE)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Mostly good ones, of few prices, so that they meet."""
    kind = draw(st.sampled_from((*KINDS, Kind.MASS_CANCEL)))
    market = draw(st.sampled_from((1, 2, 2, 3)))
    tif = draw(st.sampled_from((3, 4) if kind == Kind.NEW_MARKET else (1, 1, 1, 3, 4, 6)))
    middle = 100 if market == 2 else 6
    return Order(
        kind=kind,
        side=draw(st.sampled_from((1, 2))),
        tif=tif,
        flags=draw(st.sampled_from((0, 0, 0, 1, 2, 4, 6))),
        market=draw(st.sampled_from((0, market))) if kind == Kind.MASS_CANCEL else market,
        quantity=draw(st.integers(0, 9)),
        price=middle + draw(st.integers(-5, 5)),
        order_id=order_id_of(draw(st.sampled_from((1, 2, 3, 4))), draw(COUNTERS)),
        expires_ms=NOW_MS + 1 if tif == 6 else 0,
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """Orders of one sender."""

    slot: int
    orders: list[Order]
    acts_for_owner: bool


@dataclass(frozen=True, slots=True)
class State:
    """A market is told what to take."""

    market: int
    state: MarketState


@dataclass(frozen=True, slots=True)
class Auction:
    """A market is uncrossed."""

    market: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """Orders, some of them unknown, have had their time."""

    order_ids: list[int]


Step = Frame | State | Auction | Expiry

frames = st.builds(
    Frame, st.sampled_from(tuple(SLOTS)), st.lists(orders(), min_size=1, max_size=8), st.booleans()
)
markets = st.sampled_from(tuple(TERMS))
states = st.builds(
    State,
    markets,
    st.sampled_from(
        (*[MarketState.AUCTION, MarketState.CONTINUOUS] * 3, MarketState.PRE_OPEN, MarketState.HALTED)
    ),
)
ids = st.builds(order_id_of, st.sampled_from(tuple(SLOTS)), COUNTERS)
expiries = st.builds(Expiry, st.lists(ids, max_size=3))
steps = st.lists(
    st.one_of(frames, frames, frames, states, st.builds(Auction, markets), expiries), max_size=14
)


class Play:
    """A desk and a reckoning that hears nothing but its events."""

    def __init__(self) -> None:
        self.pit = Pit()
        self.reckoning = Reckoning(markets=dict(TERMS), owners=SLOTS)
        self.counted: Counter[tuple[int, str]] = Counter()  # sums of the tallies by slot
        self.fees_minor = 0
        for owner in (ANN, BOB, EVE):
            for name, ledger in LEDGERS.items():
                amount = START_MINOR if ledger == EUR else START_STEPS
                self.pit.give(owner, ledger, amount)
                self.reckoning.has[owner, name] = amount

    def frame(self, frame: Frame, headroom: Headroom) -> Placed:
        """Send a frame; new orders carry the ids that they must."""
        self.pit.send(
            frame.slot,
            *map(_unnumbered, frame.orders),
            owner=SLOTS[frame.slot],
            acts_for_owner=frame.acts_for_owner,
            headroom=headroom,
        )
        self.hear(self.pit.last)
        return self.pit.last

    def hear(self, effects: Effects) -> None:
        """Let the reckoning follow, and settle what escrow markets hand on by hand."""
        self.reckoning.read(effects.events)
        for tally in effects.tallies:
            self.counted[tally.slot, "held"] += tally.held_minor
            self.counted[tally.slot, "open"] += tally.opened - tally.ended
            self.counted[tally.slot, "fills"] += tally.fills
        self.fees_minor += sum(traded.fee_minor for traded in effects.traded)
        promised = Counter[Pot]()
        for fill in effects.fills:
            terms = TERMS[fill.market]
            promised[fill.buyer_owner, terms.currency] += fill.cash_minor
            promised[fill.seller_owner, terms.product_id] += fill.quantity * terms.lot_steps
        assert promised == self.reckoning.promised
        for (owner, name), amount in promised.items():
            balance = self.pit.has(int(str(owner)), LEDGERS[name]) - self.pit.held(
                int(str(owner)), LEDGERS[name]
            )
            assert balance >= amount, "what a fill needs is free for its contract"
        self.reckoning.promised.clear()
        self.check()

    def check(self) -> None:
        """Balances, holds, sums and counters are what the events imply."""
        has, held = self.reckoning.has, self.reckoning.held()
        for owner in (ANN, BOB, EVE):
            for name, ledger in LEDGERS.items():
                assert self.pit.has(owner, ledger) == has[owner, name]
                assert self.pit.held(owner, ledger) == held[owner, name]
                assert has[owner, name] >= held[owner, name] >= 0
        assert self.pit.fees() == has[FEES, "EUR"] == self.fees_minor
        for name, ledger in LEDGERS.items():
            total = sum(amount for (_, what), amount in has.items() if what == name)
            assert total == 3 * (START_MINOR if name == "EUR" else START_STEPS)
            clearing = self.pit.account(OPERATOR, ledger, AccountKind.CLEARING)
            assert clearing
            pending = self.pit.ledger.balance(clearing).credits_pending
            assert pending == sum(amount for (_, what), amount in held.items() if what == name)
        for market in TERMS:
            resting = [id_ for id_, order in self.reckoning.open.items() if order.market == market]
            assert self.pit.desk.orders_in(market) == tuple(sorted(resting))
        for slot, owner in SLOTS.items():
            mine = [id_ for id_ in self.reckoning.open if id_ >> 40 == slot]
            assert self.pit.desk.orders_of(slot) == tuple(sorted(mine))
            assert self.counted[slot, "open"] == len(mine)
            assert self.counted[slot, "fills"] == self.reckoning.fills[slot]
            if owner != ANN:
                assert self.counted[slot, "held"] == held[owner, "EUR"]
        self.pit.desk.check_invariants()

    def take(self, step: Step) -> None:
        """Carry out one step of a script; what is refused changes nothing."""
        desk = self.pit.desk
        try:
            match step:
                case Frame():
                    self.frame(step, Headroom())
                case State():
                    self.hear(desk.set_state(step.market, step.state))
                case Auction():
                    self.hear(desk.uncross(step.market))
                case Expiry():
                    self.hear(desk.expire(step.order_ids))
        except Refusal:
            self.check()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_balances_and_holds_are_what_the_events_imply(script: list[Step]) -> None:
    """[ORD-9] [ORD-10] Money and goods stay, no balance goes below zero, holds are the resting orders'."""
    play = Play()
    for step in script:
        play.take(step)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.integers(0, 14))
def test_a_desk_restored_in_the_middle_does_the_same(script: list[Step], at: int) -> None:
    """[ORD-13]"""
    straight, broken = Play(), Play()
    for number, step in enumerate(script):
        straight.take(step)
        if number == at:
            ledger = type(broken.pit.ledger).restore(broken.pit.ledger.snapshot())
            broken.pit.desk = restored_desk(
                broken.pit.desk.snapshot(), ledger=ledger, operator=OPERATOR, terms=TERMS.values()
            )
            broken.pit.ledger = ledger
        broken.take(step)
    assert straight.pit.desk.digest == broken.pit.desk.digest
    assert straight.pit.desk.snapshot() == broken.pit.desk.snapshot()
    assert straight.pit.ledger.state_digest() == broken.pit.ledger.state_digest()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(frames, max_size=6), st.data())
def test_cuts_of_frames_do_not_change_the_book(script: list[Frame], data: st.DataObject) -> None:
    """[ORD-7] With money and goods for everything, frames cut in two give the same events and balances."""
    whole, cut = Play(), Play()
    for play in (whole, cut):
        for owner in (ANN, BOB, EVE):
            for name, ledger in LEDGERS.items():
                play.pit.give(owner, ledger, 10**6)
                play.reckoning.has[owner, name] += 10**6
    for frame in script:
        some = frame.orders
        at = data.draw(st.integers(0, len(some)))
        for play, pieces in ((whole, (some,)), (cut, (some[:at], some[at:]))):
            for piece in filter(None, pieces):
                play.pit.send(
                    frame.slot,
                    *map(_unnumbered, piece),
                    owner=SLOTS[frame.slot],
                    acts_for_owner=frame.acts_for_owner,
                )
    assert whole.pit.desk.state_hash == cut.pit.desk.state_hash
    assert whole.pit.ledger.state_digest() == cut.pit.ledger.state_digest()


def _unnumbered(order: Order) -> Order:
    return replace(order, order_id=0) if order.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET) else order


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(frames, max_size=8), st.integers(0, 80), st.integers(0, 4))
def test_a_frame_never_reserves_more_than_its_headroom(script: list[Frame], amount: int, count: int) -> None:
    """[ORD-6] What a frame adds to holds and pays is within what was left, as are its orders."""
    play = Play()
    headroom = Headroom(amount_left_minor=amount, orders_left=count, open_left=max(0, count - 1))
    for frame in script:
        placed, slot = play.frame(frame, headroom), frame.slot
        mine = [tally for tally in placed.tallies if tally.slot == slot]
        assert sum(tally.placed for tally in mine) <= count
        assert sum(tally.opened for tally in mine) <= headroom.open_left
        own = [tally for tally in placed.tallies if SLOTS[tally.slot] == SLOTS[slot]]
        assert sum(tally.held_minor + tally.paid_minor for tally in own) <= amount


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(frames, min_size=1, max_size=8))
def test_every_order_has_one_status_and_events_count_without_a_gap(
    script: list[Frame],
) -> None:
    """[ORD-4]"""
    play, numbers = Play(), [0]
    for frame in script:
        before = play.pit.counters.get(frame.slot, 0)
        placed = play.frame(frame, Headroom())
        assert len(statuses_of(placed.statuses)) == len(frame.orders)
        fresh = sum(order.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET) for order in frame.orders)
        assert placed.last_counter == before + fresh
        numbers += [event.seq for event in play.pit.events()]
    assert all(after == before + 1 for before, after in pairwise(numbers))
