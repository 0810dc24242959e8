"""Random lives of contracts in parts: whatever is delivered, late, cancelled or forgotten, money adds up."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import World, replayed
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.contract import OPEN_STATES, Contract, ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.limits import DAY_MS, HOUR_MS, UNITS_MAX
from thingmarket.market.cancelling import preview
from thingmarket.market.queries import reader_of
from thingmarket.market.records import TimerKind
from thingmarket.proportions import WHOLE_MILLIONTHS, parts
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.escrow import EscrowState

FUND = 1_000_000_00
DELIVERY_MS = 4 * DAY_MS
BASIS_POINTS = st.integers(0, 10_000)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Terms that an offer with four days of delivery may state."""
    if draw(st.booleans()) and draw(st.booleans()):
        return Terms(settlement=SettlementKind.DVP)
    weights = draw(st.lists(st.integers(1, 9), max_size=4))
    shares = parts(WHOLE_MILLIONTHS, weights) if weights else ()
    due = sorted(draw(st.integers(1, 4)) * DAY_MS for _ in shares)
    if due:
        due[-1] = DELIVERY_MS
    late = draw(st.booleans())
    return Terms(
        milestones=tuple(
            Milestone(title="a part", share_millionths=share, delivery_ms=ms)
            for share, ms in zip(shares, due, strict=True)
        ),
        grace_ms=draw(st.integers(1, 3 * DAY_MS)) if late else 0,
        late_credit_basis_points_per_day=draw(st.integers(1, 10_000)) if late else 0,
        late_credit_max_basis_points=draw(st.integers(1, 10_000)) if late else 0,
        cancel_window_ms=draw(st.sampled_from([0, HOUR_MS, 12 * HOUR_MS])),
        cancel_planned_basis_points=draw(st.none() | BASIS_POINTS),
        cancel_ready_basis_points=draw(st.none() | BASIS_POINTS),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """Something that somebody tries, at contract and unit numbers that may not exist."""

    what: str
    contract: int
    unit: int
    quantity: int
    wait_ms: int


STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["ready", "deliver", "part", "fail", "accept", "cancel", "wait", "buy"]),
        contract=st.integers(0, 2),
        unit=st.integers(0, 5),
        quantity=st.integers(1, 6),
        wait_ms=st.sampled_from([1, HOUR_MS, 13 * HOUR_MS, DAY_MS, 3 * DAY_MS]),
    ),
    max_size=25,
)


class Trade(World):
    """One buyer, one seller, one offer; fees of cancelling are noted as they were shown before."""

    def __init__(self, terms: Terms, price_minor: int) -> None:
        super().__init__()
        self.alice, self.bob = self.owner("alice", fund=FUND), self.owner("bob")
        self.buyer, self.shop = self.thing("buyer", self.alice), self.thing("shop", self.bob)
        changes: dict[str, Any] = {"price_minor": price_minor, "delivery_ms": DELIVERY_MS, "terms": terms}
        self.ware = self.offer(self.shop, **changes)
        self.made: list[bytes] = []
        self.fees_minor = 0

    def do(self, step: Step) -> None:
        """Try a step; what is refused changes nothing, which the world checks."""
        if step.what == "buy" or not self.made:
            outcome = self.buy(self.buyer, self.ware, step.quantity)
            self.made += [outcome.reference] if outcome.code == 0 else []
            return
        contract = self.made[step.contract % len(self.made)]
        match step.what:
            case "ready":
                self.ready(contract, unit=step.unit)
            case "deliver":
                self.deliver(contract, unit=step.unit)
            case "part":
                self.deliver(contract, unit=step.unit, quantity=step.quantity)
            case "fail":
                self.fail(contract, unit=step.unit)
            case "accept":
                self.accept(contract, unit=step.unit)
            case "cancel":
                self._cancel(contract)
            case _:
                self.pass_time(step.wait_ms)

    def _cancel(self, contract: bytes) -> None:
        self.pass_time(0)
        seen = preview(self.state, reader_of(self.state, self.buyer.id), contract, b"", 0)
        # The read speaks for the last entry; what costs nothing by now [CAN-4] is asked again as that.
        before = self.balance(self.bob)
        outcome = self.cancel(contract, most_minor=seen.now_minor or 0)
        if outcome.code == 0:
            fee_minor = self.balance(self.bob) - before
            assert fee_minor <= (seen.now_minor or 0)
            self.fees_minor += fee_minor

    def contracts(self) -> list[Contract]:
        """All that were made, as they stand now."""
        return [self.contract(name) for name in self.made]


def released(contract: Contract) -> int:
    """What the seller got of a contract's accepted units, minor units."""
    return sum(
        unit.total_minor - unit.late_credit_minor
        for unit in contract.units
        if unit.escrow is EscrowState.RELEASED
    )


def agrees(world: Trade) -> None:
    """Wallets, escrow, stock, deadlines and states say the same."""
    contracts = world.contracts()
    held = sum(contract.held_minor for contract in contracts)
    paid = sum(map(released, contracts)) + world.fees_minor
    assert world.balance(world.bob) == paid
    assert world.balance(world.alice) == FUND - paid - held
    gone = sum(
        unit.quantity_steps
        for contract in contracts
        for unit in contract.units
        if unit.escrow is not EscrowState.REFUNDED
    )
    if contracts or world.ware in world.state.offers:  # else nobody bought, and it was forgotten
        assert world.stock(world.ware) == 100 - gone
    for contract in contracts:
        assert len(contract.units) <= UNITS_MAX
        assert [unit.number for unit in contract.units] == list(range(1, len(contract.units) + 1))
        _escrow_agrees(world, contract)
        _state_agrees(contract)
    _deadlines_agree(world, contracts)


def _escrow_agrees(world: World, contract: Contract) -> None:
    """Captured = released + refunded + held, by the ledger's own columns."""
    state = world.state
    account = state.ledger.find(
        owner=state.party(contract.buyer_owner).number,
        ledger=978,
        kind=AccountKind.ESCROW,
        reference=contract.id,
    )
    row = state.ledger.balance(account) if account else None
    captured, left = (row.credits_posted, row.debits_posted) if row else (0, 0)
    final = sum(unit.total_minor for unit in contract.units if unit.escrow is not EscrowState.HELD)
    if state.offers[contract.offer].offer.terms.settlement is SettlementKind.DVP:
        assert captured == left == 0
        return
    assert captured == contract.total_minor and left == final
    assert captured == left + contract.held_minor


def _state_agrees(contract: Contract) -> None:
    accepted = any(unit.fulfilment is FulfilmentState.ACCEPTED for unit in contract.units)
    assert (contract.state in OPEN_STATES) == (not contract.over)
    if contract.over:
        assert contract.state is (ContractState.COMPLETED if accepted else ContractState.CANCELLED)
    for unit in contract.units:
        assert unit.final == (unit.escrow is not EscrowState.HELD)
        assert 0 <= unit.late_credit_minor <= unit.total_minor


def _deadlines_agree(world: World, contracts: list[Contract]) -> None:
    """Each unit that is open waits for exactly one thing, and nothing else does."""
    waiting = sum(not unit.final for contract in contracts for unit in contract.units)
    starting = sum(contract.state is ContractState.PENDING for contract in contracts)
    kinds = [kind for _, kind, _ in world.state.timers.table]
    assert sum(kind in (TimerKind.DELIVERY, TimerKind.INSPECTION) for kind in kinds) == waiting
    assert kinds.count(TimerKind.START) == starting


@settings(deadline=None, max_examples=150)
@given(terms=all_terms(), price_minor=st.sampled_from([1, 7, 1_000, 123_457]), script=STEPS)
def test_whatever_happens_to_parts_of_contracts_everything_adds_up(
    terms: Terms, price_minor: int, script: list[Step]
) -> None:  # [CON-4] [CON-5] [CON-2] [FUL-4] [FUL-6] [FUL-7] [CAN-2] [SET-4]
    world = Trade(terms, price_minor)
    for step in script:
        world.do(step)
        agrees(world)
    world.pass_time(60 * DAY_MS)
    agrees(world)
    assert all(contract.over for contract in world.contracts()), "silence brings everything to an end"
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and again.state.state_root() == world.state.state_root()
