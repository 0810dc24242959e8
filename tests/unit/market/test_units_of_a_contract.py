"""Contracts in parts: milestones, partial delivery, lateness, delivery versus payment."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import World, replayed
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.contract import Contract, ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import Fulfil, FulfilStep, check_fulfil
from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    DAY_MS,
    FACTS_MAX,
    FACTS_OF_CONTRACT_MAX,
    HOUR_MS,
    LATE_CREDIT_PER_DAY_MAX,
    UNITS_MAX,
)
from thingmarket.market.state import State
from thingmarket.policy.decision import Fact
from thingmarket.settlement.escrow import EscrowState

PAYABLE = 1_190  # 10.00 and 19 % tax
FULL = 300_00


class Builder(World):
    """Alice has a house built by Bob; `terms` are those of his offer."""

    def __init__(self, **terms: Any) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=FULL)
        self.bob = self.owner("bob")
        self.house = self.thing("house", self.alice)
        self.crew = self.thing("crew", self.bob)
        self.work = self.offer(self.crew, terms=Terms(**terms))

    def states(self, contract: bytes) -> list[str]:
        """Where the goods of each unit are."""
        return [unit.fulfilment.value for unit in self.contract(contract).units]

    def paid(self) -> int:
        """What Bob has received."""
        return self.balance(self.bob)


def stage(share: int, days: int) -> Milestone:
    return Milestone(title="a stage", share_millionths=share, delivery_ms=days * DAY_MS)


STAGES = (stage(300_000, 1), stage(700_000, 2))


def test_each_milestone_is_delivered_accepted_and_paid_by_itself() -> None:  # [CON-4] [CON-5] [CON-2]
    world = Builder(milestones=STAGES)
    contract = world.bought(world.house, world.work, 4)
    first, second = world.contract(contract).units
    assert (first.quantity_steps, second.quantity_steps) == (1, 3)
    assert (first.total_minor, second.total_minor) == (1_428, 3_332)
    assert (first.milestone, second.milestone) == (1, 2)
    assert world.deliver(contract).code == world.accept(contract).code == 0
    assert world.paid() == 1_428 and world.stock(world.work) == 96
    assert world.contract(contract).state is ContractState.ACTIVE
    assert world.deliver(contract, unit=2).code == world.accept(contract, unit=2).code == 0
    assert world.paid() == 4 * PAYABLE
    assert world.contract(contract).state is ContractState.COMPLETED


def test_a_milestone_that_never_comes_is_paid_back_alone() -> None:  # [CON-2] [FUL-4]
    world = Builder(milestones=STAGES)
    contract = world.bought(world.house, world.work, 4)
    world.deliver(contract)
    world.pass_time(2 * DAY_MS)
    assert world.states(contract) == ["ACCEPTED", "FAILED"]
    done = world.contract(contract)
    assert (done.state, done.fulfilment) == (ContractState.COMPLETED, FulfilmentState.ACCEPTED)
    assert (world.paid(), world.balance(world.alice)) == (1_428, FULL - 1_428)
    assert world.stock(world.work) == 99


def test_milestones_may_come_in_any_order() -> None:  # [CON-4]
    world = Builder(milestones=STAGES)
    contract = world.bought(world.house, world.work, 4)
    assert world.deliver(contract, unit=2).code == 0
    assert world.accept(contract).code == 0  # the one that was delivered
    assert world.states(contract) == ["PLANNED", "ACCEPTED"]
    assert world.fail(contract).code == 0  # the one that is open
    assert world.contract(contract).state is ContractState.COMPLETED


def test_a_single_piece_may_be_paid_in_milestones() -> None:  # [CON-5]
    world = Builder(milestones=STAGES)
    contract = world.bought(world.house, world.work)
    assert [unit.quantity_steps for unit in world.contract(contract).units] == [0, 1]
    for _ in STAGES:
        assert world.deliver(contract).code == world.accept(contract).code == 0
    assert world.paid() == PAYABLE and world.stock(world.work) == 99
    assert world.deliver(contract, unit=1, quantity=1).code == Code.WRONG_STATE


def test_a_part_of_a_unit_may_be_delivered_and_the_rest_later() -> None:  # [FUL-6]
    world = Builder()
    contract = world.bought(world.house, world.work, 7)
    assert world.deliver(contract, quantity=3).code == 0
    assert world.states(contract) == ["DELIVERED", "PLANNED"]
    assert [unit.quantity_steps for unit in world.contract(contract).units] == [3, 4]
    assert world.accept(contract).code == 0
    assert world.paid() == 3 * PAYABLE and world.stock(world.work) == 93
    assert world.deliver(contract, quantity=4).code == 0  # all that is left
    world.pass_time(DAY_MS)
    assert world.states(contract) == ["ACCEPTED", "ACCEPTED"]
    assert world.paid() == 7 * PAYABLE


def test_no_more_of_a_unit_is_delivered_than_it_has() -> None:  # [FUL-6] [CON-4]
    world = Builder()
    contract = world.bought(world.house, world.work, 2)
    assert world.deliver(contract, quantity=3).code == Code.WRONG_QUANTITY
    assert world.deliver(contract, unit=2).code == Code.UNKNOWN_UNIT
    assert world.accept(contract, unit=2).code == Code.UNKNOWN_UNIT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unit": -1}, Code.OUT_OF_RANGE),
        ({"unit": UNITS_MAX + 1}, Code.OUT_OF_RANGE),
        ({"part_steps": -1}, Code.OUT_OF_RANGE),
        ({"part_steps": 1, "step": FulfilStep.READY}, Code.BAD_FIELD),
    ],
)
def test_a_report_of_what_no_unit_could_be_is_refused(changes: dict[str, Any], code: Code) -> None:  # [FUL-2]
    report = Fulfil(key=bytes(16), contract=bytes(16), step=FulfilStep.DELIVERED)
    check_fulfil(report)
    with pytest.raises(Refusal) as caught:
        check_fulfil(replace(report, **changes))
    assert caught.value.number == code


def test_a_contract_has_at_most_sixteen_units() -> None:  # [FUL-6]
    world = Builder()
    contract = world.bought(world.house, world.work, 20)
    for number in range(1, UNITS_MAX):
        assert world.deliver(contract, unit=number, quantity=1).code == 0
    assert world.deliver(contract, unit=UNITS_MAX, quantity=1).code == Code.FULL
    assert world.deliver(contract, unit=UNITS_MAX).code == 0
    world.pass_time(DAY_MS)
    assert world.paid() == 20 * PAYABLE


def test_a_divided_unit_that_fails_gives_all_its_goods_back() -> None:  # [FUL-6] [SET-4]
    world = Builder()
    contract = world.bought(world.house, world.work, 5)
    world.deliver(contract, quantity=2)
    world.pass_time(2 * DAY_MS)
    assert world.states(contract) == ["ACCEPTED", "FAILED"]
    assert world.stock(world.work) == 98
    assert world.balance(world.alice) == FULL - 2 * PAYABLE


LATE = {
    "grace_ms": 3 * DAY_MS,
    "late_credit_basis_points_per_day": 1_000,
    "late_credit_max_basis_points": 2_500,
}


@pytest.mark.parametrize(
    ("after_ms", "credit_minor"),
    [
        (2 * DAY_MS, 0),  # at the promised moment
        (2 * DAY_MS + 1, 0),  # a millisecond rounds down to nothing
        (2 * DAY_MS + 12 * HOUR_MS, 59),  # half of 119, rounded down
        (3 * DAY_MS, 119),
        (5 * DAY_MS - 1, 297),  # the most: a quarter, rounded down
    ],
)
def test_a_late_delivery_is_credited_by_the_time_that_it_was_late(after_ms: int, credit_minor: int) -> None:
    # [FUL-7]
    world = Builder(**LATE)
    contract = world.bought(world.house, world.work)
    world.pass_time(after_ms)
    assert world.deliver(contract).code == 0
    assert world.contract(contract).units[0].late_credit_minor == credit_minor
    assert world.accept(contract).code == 0
    assert (world.paid(), world.balance(world.alice)) == (
        PAYABLE - credit_minor,
        FULL - PAYABLE + credit_minor,
    )


def test_without_a_grace_late_is_never() -> None:  # [FUL-4] [FUL-7]
    world = Builder()
    contract = world.bought(world.house, world.work)
    world.pass_time(2 * DAY_MS)
    assert world.contract(contract).state is ContractState.CANCELLED


def test_after_its_grace_a_unit_has_failed() -> None:  # [FUL-7]
    world = Builder(**LATE)
    contract = world.bought(world.house, world.work)
    world.pass_time(5 * DAY_MS - 1)
    assert world.states(contract) == ["PLANNED"]
    world.pass_time(1)
    assert world.states(contract) == ["FAILED"]
    assert world.balance(world.alice) == FULL


def test_a_whole_price_may_be_credited() -> None:  # [FUL-7]
    world = Builder(
        grace_ms=DAY_MS, late_credit_basis_points_per_day=10_000, late_credit_max_basis_points=10_000
    )
    contract = world.bought(world.house, world.work)
    world.pass_time(3 * DAY_MS - 1)
    assert world.deliver(contract).code == 0
    world.pass_time(DAY_MS)
    assert world.paid() == 1  # a millisecond less than a day


def test_where_a_second_matters_all_may_be_credited_for_one() -> None:  # [FUL-7]
    world = Builder(
        grace_ms=DAY_MS,
        late_credit_basis_points_per_day=LATE_CREDIT_PER_DAY_MAX,
        late_credit_max_basis_points=10_000,
    )
    contract = world.bought(world.house, world.work)
    world.pass_time(2 * DAY_MS + 500)
    assert world.deliver(contract).code == 0
    assert world.contract(contract).units[0].late_credit_minor == PAYABLE // 2


def test_delivery_versus_payment_is_over_in_its_own_entry() -> None:  # [CON-8] [BUY-1]
    world = Builder(settlement=SettlementKind.DVP)
    contract = world.bought(world.house, world.work, 3)
    done = world.contract(contract)
    assert (done.state, done.fulfilment, done.escrow) == (
        ContractState.COMPLETED,
        FulfilmentState.ACCEPTED,
        EscrowState.RELEASED,
    )
    assert [event.cause for event in done.history] == ["Purchase", "Exchange"]
    assert (world.paid(), world.balance(world.alice)) == (3 * PAYABLE, FULL - 3 * PAYABLE)
    assert world.stock(world.work) == 97 and world.market.next_deadline_ms() is not None
    assert world.deliver(contract).code == world.accept(contract).code == Code.WRONG_STATE
    assert world.cancel(contract).code == Code.WRONG_STATE


def test_delivery_versus_payment_asks_for_goods_and_money_first() -> None:  # [CON-8] [BUY-5]
    world = Builder(settlement=SettlementKind.DVP)
    assert world.buy(world.house, world.work, 26).code != 0  # more than she has
    assert world.balance(world.alice) == FULL


def test_a_need_that_is_met_at_once_is_filled() -> None:  # [CON-8] [CAT-3]
    world = Builder(settlement=SettlementKind.DVP)
    need = world.need(world.house)
    contract = world.bought(world.house, world.work, need=need)
    assert (world.state.needs[need].word, world.state.needs[need].contract) == ("FILLED", contract)


def test_a_buyer_may_say_what_he_measured() -> None:  # [FUL-8]
    world = Builder()
    contract = world.bought(world.house, world.work)
    world.deliver(contract, facts=(Fact("weight.grams", 250),))
    assert world.accept(contract, facts=(Fact("weight.grams", 240),)).code == 0
    assert world.contract(contract).history[-1].facts == (Fact("weight.grams", 240),)


def test_a_contract_keeps_so_many_facts_and_no_more() -> None:  # [FUL-8]
    world = Builder()
    contract = world.bought(world.house, world.work, 10)
    facts = tuple(Fact(f"fact{n}", n) for n in range(FACTS_MAX))
    for number in range(1, FACTS_OF_CONTRACT_MAX // FACTS_MAX + 1):
        assert world.deliver(contract, facts=facts, unit=number, quantity=1).code == 0
    assert world.accept(contract, facts=facts[:1]).code == Code.FULL
    assert world.accept(contract).code == 0


def test_a_snapshot_knows_every_unit() -> None:
    world = Builder(milestones=STAGES, **LATE)
    contract = world.bought(world.house, world.work, 8)
    world.deliver(contract, quantity=1)
    world.pass_time(3 * DAY_MS)
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and again.state.state_root() == world.state.state_root()
    restored = State.restore(world.state.snapshot())
    assert restored.state_root() == world.state.state_root()
    kept: Contract = restored.contracts[world.contract(contract).id]
    assert kept == world.contract(contract)
