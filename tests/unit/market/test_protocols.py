"""Every message in every state of every table, from every side: what is no row of it is refused."""

from itertools import product
from typing import Any

import pytest

from tests.builders import World
from thingmarket.catalog.needs import Comparison, Constraint
from thingmarket.contract.approvals import APPROVAL
from thingmarket.contract.contract import CONTRACT, ContractState
from thingmarket.contract.feedback import FEEDBACK
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.shadow import SHADOW
from thingmarket.contract.standing import STANDING
from thingmarket.errors import Code, Refusal
from thingmarket.identity.things import THINGS
from thingmarket.negotiation.dialogue import NEGOTIATION, NegotiationState
from thingmarket.settlement.escrow import ESCROW
from thingmarket.transitions import Protocol, Role

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (NEGOTIATION, CONTRACT, FULFILMENT, ESCROW, APPROVAL, THINGS, SHADOW, FEEDBACK, STANDING)
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_a_table_does_not_have_is_refused(name: str) -> None:  # [TAB-1]
    table: Protocol[Any] = PROTOCOLS[name]
    rows = {(row.state, row.message): row for row in table.steps}
    for state, message, role in product(table.states, table.messages, Role):
        row = rows.get((state, message))
        if row is not None and row.role is role:
            assert table.after(state, message, role) is row.then
            continue
        with pytest.raises(Refusal) as caught:
            table.after(state, message, role)
        assert caught.value.number == (Code.WRONG_STATE if row is None else Code.NOT_PERMITTED)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_state_is_reached_and_comes_to_an_end(name: str) -> None:  # [TAB-1]
    table: Protocol[Any] = PROTOCOLS[name]
    edges = {(row.state, row.then) for row in table.steps}
    edges |= {(silence.state, silence.then) for silence in table.silences.values()}
    reached = {table.start}
    while more := {then for state, then in edges if state in reached} - reached:
        reached |= more
    assert reached == set(table.states)
    ending = {state for state in table.states if table.is_final(state)}
    while more := {state for state, then in edges if then in ending} - ending:
        ending |= more
    assert ending == set(table.states)


def test_a_purchase_is_finalized_by_the_node_alone() -> None:  # [NEG-1] [CON-2]
    verified = NEGOTIATION.after(NegotiationState.AGREED, "Verify", Role.BUYER)
    assert NEGOTIATION.after(verified, "Finalize", Role.NODE) is NegotiationState.FINALIZED
    assert {row.role for table in (CONTRACT, ESCROW) for row in table.steps} == {Role.NODE}


class Sale(World):
    """A printer that bought ink of a shop."""

    def __init__(self) -> None:
        super().__init__()
        self.printer = self.thing("printer", self.owner("alice", fund=100_00))
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)


def test_each_side_says_its_own_messages_in_their_states_only() -> None:  # [FUL-1] [FUL-2] [FUL-3] [CON-1]
    world = Sale()
    first, second = (world.bought(world.printer, world.ink) for _ in range(2))
    assert first != second and len(first) == 16
    assert world.accept(first).code == Code.WRONG_STATE
    assert world.ready(first, by=world.printer).code == Code.NOT_PERMITTED
    assert world.deliver(first).code == 0
    assert world.contract(first).inspect_by_ms == world.state.time_ms + world.contract(first).inspection_ms
    assert world.ready(first).code == world.fail(first).code == Code.WRONG_STATE
    assert world.accept(first, by=world.shop).code == Code.NOT_PERMITTED
    assert world.accept(first).code == 0
    assert world.accept(first).code == Code.WRONG_STATE
    assert world.contract(first).state is ContractState.COMPLETED
    assert world.contract(second).fulfilment is FulfilmentState.PLANNED


def test_a_purchase_for_a_need_is_what_the_need_says() -> None:  # [BUY-3]
    world = Sale()
    two, dead = world.need(world.printer, quantity_steps=2), world.need(world.printer)
    strict = world.need(world.printer, must=(Constraint("colour", Comparison.EQUAL, ("red",)),))
    other = world.need(world.printer, product_id="another-product")
    assert world.withdraw_need(world.printer, dead).code == 0
    codes = [world.buy(world.printer, world.ink, need=need).code for need in (two, dead, strict, other)]
    assert codes == [Code.NEED_NOT_MET, Code.NEED_ENDED, Code.FACTS_MISSING, Code.NEED_NOT_MET]
    assert world.buy(world.printer, world.ink, 2, need=two).code == 0
