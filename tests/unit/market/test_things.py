"""The life of a thing at a node, every message in every state, and what each state lets it do."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.builders import GENEROUS, Actor, World, limit, replayed
from tests.support.things import (
    broken,
    claim,
    device,
    onboarded,
    order,
    record_of,
    register,
    register_device,
)
from thingmarket.errors import Code
from thingmarket.identity.claim_labels import device_tag
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import THINGS, Assurance, Probation, ThingOrder, ThingState, message_of
from thingmarket.limits import CLAIM_LIFE_MS, CLAIM_TRIES_MAX, DAY_MS
from thingmarket.market.market import Market
from thingmarket.market.queries import live_views, offer_view
from thingmarket.market.state import State
from thingmarket.policy.decision import Fact
from thingmarket.policy.malfunctions import Severity
from thingmarket.transitions import Role

PROBATION = Probation(orders_per_day=2, order_minor=50_00, deliveries=3)
S = ThingState


class Garage(World):
    """An owner with money, a shop, and a device that walks as far as a test wants it."""

    def __init__(self, probation: Probation = PROBATION) -> None:
        super().__init__(probation=probation)
        self.anna = self.owner("anna", fund=10_000_00)
        bob = self.owner("bob")
        self.shop = self.thing("shop", bob)
        self.ink = self.offer(self.shop)  # 11.90 with tax
        self.machine = device(self, "machine")

    def say(self, what: ThingOrder, who: Actor | None = None, reason: str = "") -> int:
        """A word on the machine, from its owner unless the operator says it."""
        if who is self.operator:
            return order(self, who, self.machine.id, what, owner=self.anna.id, reason=reason).code
        return order(self, who or self.anna, self.machine.id, what, reason=reason).code

    def walk(self, state: ThingState) -> None:
        """Bring the machine to a state."""
        steps: dict[ThingState, tuple[Callable[[], Any], ...]] = {
            S.FACTORY: (self._register_device,),
            S.CLAIMED: (self._register_device, self._claim),
            S.MANDATED: (self._register_device, self._claim, self._mandate),
            S.REGISTERED: (self._register_device, self._claim, self._mandate, self._register),
        }
        for step in steps.get(state, steps[S.REGISTERED]):
            step()
        later = {
            S.ACTIVE: (ThingOrder.ACTIVATE, self.operator),
            S.SUSPENDED: (ThingOrder.SUSPEND, self.anna),
            S.QUARANTINED: (ThingOrder.QUARANTINE, self.anna),
            S.DECOMMISSIONED: (ThingOrder.DECOMMISSION, self.anna),
        }
        if state in later:
            assert self.say(*later[state]) == 0
        assert self.state_now() is state

    def state_now(self) -> ThingState:
        found = self.state.things.get((self.anna.id, self.machine.id))
        return found.state if found else S.FACTORY

    def _register_device(self) -> None:
        assert register_device(self, self.machine).code == 0

    def _claim(self) -> None:
        assert claim(self, self.anna, self.machine.id).code == 0

    def _mandate(self) -> None:
        mandate = self.mandate(self.anna, self.machine.id)
        self.machine = self.present(replace(self.machine, owner=self.anna.id), mandate)

    def _register(self) -> None:
        assert register(self, self.machine).code == 0


ORDERS = {(message_of(what, role), role): what for what in ThingOrder for role in (Role.OWNER, Role.OPERATOR)}


def said(world: Garage, message: str, role: Role) -> int | None:
    """The code of the answer when somebody in that role sends that message; None when nobody can."""
    if (message, role) in ORDERS:
        return world.say(ORDERS[message, role], world.anna if role is Role.OWNER else world.operator)
    match message, role:
        case "Claim", Role.OWNER:
            return claim(world, world.anna, world.machine.id).code
        case "PresentMandate", Role.THING:
            link = world.mandate(world.anna, world.machine.id)
            return world.try_present(replace(world.machine, owner=world.anna.id), link).code
        case "Register", Role.THING:
            return register(world, world.machine).code if world.machine.mandate_leaf else None
        case "Malfunction", Role.NODE:
            return broken(world, world.anna, world.machine.id).code
    return None  # what guards and probation say has tests of its own


EVERYTHING = list(
    product(ThingState, (step for step in dict.fromkeys(s.message for s in THINGS.steps)), Role)
)


@pytest.mark.parametrize(("state", "message", "role"), EVERYTHING)
def test_every_message_in_every_state_moves_a_thing_as_the_table_says_or_not_at_all(
    state: ThingState, message: str, role: Role
) -> None:  # [THG-1] [THG-7] [TAB-1]
    world = Garage()
    world.walk(state)
    code = said(world, message, role)
    if code is None:
        return
    row = next((step for step in THINGS.steps if (step.state, step.message) == (state, message)), None)
    if row is not None and row.role is role:
        then = row.then
        if (message, role) == ("Unbar", Role.OPERATOR):
            assert code == Code.NOT_PERMITTED, "the owner suspended it"
            then = state
        # A word of a stranger's device that presents itself is a registration as well. [THG-5]
        assert world.state_now() is (S.REGISTERED if state is S.FACTORY and then is S.MANDATED else then)
    else:
        assert world.state_now() is state
        # Telling what is broken, and showing one more mandate, are fine in other states too.
        assert code or message in ("Malfunction", "PresentMandate")


def test_a_claimed_thing_walks_to_active_and_each_step_is_told() -> None:  # [THG-1] [THG-3] [THG-5]
    world = Garage(Probation())
    assert register_device(world, world.machine).reference == device_tag(world.machine.id)
    waiting = world.mandate(world.anna, world.machine.id)
    claimed = claim(world, world.anna, world.machine.id, mandate=waiting)
    assert [notice.state for notice in claimed.notices] == ["CLAIMED"]
    assert record_of(world, world.anna, world.machine.id).handed
    presented = world.try_present(replace(world.machine, owner=world.anna.id), waiting)
    assert [notice.state for notice in presented.notices] == ["ACTIVE", "MANDATED"]  # of mandate and thing
    assert not record_of(world, world.anna, world.machine.id).handed
    registered = register(world, replace(world.machine, mandate_leaf=presented.reference))
    assert [notice.state for notice in registered.notices] == ["ACTIVE"]
    record = record_of(world, world.anna, world.machine.id)
    assert (record.assurance, record.model, record.kind) == (Assurance.OWNER_BOUND, "VM-1", "vending machine")
    assert not world.state.devices


def test_a_thing_that_asserts_itself_is_admitted_in_the_entry_of_its_mandate() -> None:  # [THG-5]
    for probation, state in ((Probation(), S.ACTIVE), (PROBATION, S.REGISTERED)):
        world = World(probation=probation)
        anna = world.owner("anna")
        printer = world.thing("printer", anna)
        record = record_of(world, anna, printer.id)
        assert (record.state, record.assurance) == (state, Assurance.SELF_ASSERTED)


def test_a_wrong_code_is_counted_and_the_last_one_locks_until_the_device_registers_again() -> None:  # [THG-4]
    world = Garage()
    world.walk(S.FACTORY)
    wrong = bytes(16)
    for tried in range(CLAIM_TRIES_MAX):
        outcome = claim(world, world.anna, world.machine.id, wrong)
        assert (outcome.code, outcome.rule) == (Code.WRONG_CLAIM_CODE, "THG-4")
        assert outcome.decision and outcome.decision.facts[0] == Fact("claim.tries", tried)
    assert claim(world, world.anna, world.machine.id).code == Code.WRONG_STATE
    assert register_device(world, world.machine).code == 0
    assert claim(world, world.anna, world.machine.id).code == 0


def test_a_wrong_code_that_comes_again_is_counted_once() -> None:  # [THG-4] [ID-11]
    world = Garage()
    world.walk(S.FACTORY)
    world._counter, counter = 10_000, world._counter
    first = claim(world, world.anna, world.machine.id, bytes(16))
    world._counter = 10_000
    assert claim(world, world.anna, world.machine.id, bytes(16)) == replace(first, decision=None)
    world._counter = counter + 20_000
    assert world.state.devices[world.machine.id].tries == 1


def test_a_device_that_nobody_claims_is_forgotten() -> None:  # [THG-2]
    world = Garage()
    world.walk(S.FACTORY)
    world.pass_time(CLAIM_LIFE_MS)
    assert not world.state.devices and not world.state.owned.tagged
    assert claim(world, world.anna, world.machine.id).code == Code.UNKNOWN_THING
    assert register_device(world, world.machine).code == 0


def test_devices_that_wait_for_their_owners_fill_no_node(monkeypatch: pytest.MonkeyPatch) -> None:  # [THG-2]
    monkeypatch.setattr("thingmarket.market.things.UNCLAIMED_DEVICES_MAX", 2)
    world = World()
    first, second, third = (device(world, name) for name in ("one", "two", "three"))
    assert register_device(world, first).code == register_device(world, second).code == 0
    assert register_device(world, third).code == Code.FULL
    assert register_device(world, first).code == 0, "who waits already may say it anew"


def test_a_device_speaks_for_itself_and_an_owner_claims_it() -> None:  # [THG-2] [THG-3]
    world = Garage()
    assert register_device(world, world.anna).code == Code.NOT_PERMITTED
    assert register_device(world, world.shop).code == Code.ALREADY_KNOWN, "it has an owner"
    world.walk(S.FACTORY)
    assert claim(world, world.shop, world.machine.id).code == Code.NOT_PERMITTED
    assert claim(world, world.operator, world.machine.id).code == Code.NOT_PERMITTED
    assert claim(world, world.anna, device(world, "another").id).code == Code.UNKNOWN_THING


def test_a_claimed_thing_takes_no_mandate_of_another_owner() -> None:  # [THG-5]
    world = Garage()
    world.walk(S.CLAIMED)
    eve = world.owner("eve")
    outcome = world.try_present(world.machine, world.mandate(eve, world.machine.id))
    assert (outcome.code, outcome.rule) == (Code.NOT_PERMITTED, "THG-5")
    assert claim(world, eve, world.machine.id).code == Code.UNKNOWN_THING


def test_a_used_code_claims_nothing_a_second_time() -> None:  # [THG-2]
    world = Garage()
    world.walk(S.DECOMMISSIONED)
    assert register_device(world, world.machine).code == Code.NOT_PERMITTED
    assert register_device(world, world.machine, b"a new code label").code == 0
    assert claim(world, world.anna, world.machine.id, b"a new code label").code == Code.WRONG_STATE
    eve = world.owner("eve")
    assert claim(world, eve, world.machine.id, b"a new code label").code == 0


def test_who_suspended_a_thing_resumes_it() -> None:  # [THG-7]
    world = Garage()
    world.walk(S.REGISTERED)
    assert world.say(ThingOrder.SUSPEND, world.operator, "fraud?") == 0
    assert world.say(ThingOrder.RESUME) == Code.NOT_PERMITTED
    assert record_of(world, world.anna, world.machine.id).cause == "Bar: fraud?"
    assert world.say(ThingOrder.RESUME, world.operator) == 0
    assert world.state_now() is S.REGISTERED


def test_nobody_else_says_what_becomes_of_a_thing() -> None:  # [THG-7]
    world = Garage()
    world.walk(S.ACTIVE)
    assert world.say(ThingOrder.SUSPEND, world.owner("eve")) == Code.UNKNOWN_THING
    assert world.say(ThingOrder.SUSPEND, world.machine) == Code.NOT_PERMITTED
    eve = world.actors[world.anna.id]
    assert order(world, eve, world.machine.id, ThingOrder.SUSPEND, owner=world.shop.owner).code == (
        Code.NOT_PERMITTED
    )
    assert world.say(ThingOrder.ACTIVATE) == Code.WRONG_STATE


HELD = (S.SUSPENDED, S.QUARANTINED)


@pytest.mark.parametrize("state", HELD)
def test_a_thing_that_is_held_commits_to_nothing_and_completes_what_it_owes(state: ThingState) -> None:
    # [THG-6] [THG-12]
    world = Garage()
    world.walk(S.ACTIVE)
    contract = world.bought(world.machine, world.ink)
    assert world.deliver(contract).code == 0
    assert world.say(ThingOrder[{S.SUSPENDED: "SUSPEND", S.QUARANTINED: "QUARANTINE"}[state]]) == 0
    for outcome in (
        world.buy(world.machine, world.ink),
        world.try_offer(world.machine),
        world.try_need(world.machine),
    ):
        assert (outcome.code, outcome.rule) == (Code.DENIED, "THG-12")
        assert outcome.decision and outcome.decision.facts[0] == Fact("thing.state", state.value)
    assert world.accept(contract).code == 0
    assert world.say(ThingOrder.RESUME if state is S.SUSPENDED else ThingOrder.RELEASE) == 0
    assert world.state_now() is S.ACTIVE, "its probation is over"
    assert world.buy(world.machine, world.ink).code == 0


def test_nobody_buys_from_a_thing_that_is_held() -> None:  # [THG-6]
    world = Garage()
    world.walk(S.ACTIVE)
    bob = world.actors[world.shop.owner]
    assert order(world, bob, world.shop.id, ThingOrder.QUARANTINE).code == 0
    outcome = world.buy(world.machine, world.ink)
    assert (outcome.code, outcome.rule) == (Code.OFFER_ENDED, "THG-6")
    assert not live_views(world.state, [world.ink]) and offer_view(world.state, world.ink).state == "HELD"
    assert order(world, bob, world.shop.id, ThingOrder.RELEASE).code == 0
    assert live_views(world.state, [world.ink]) and world.buy(world.machine, world.ink).code == 0


def test_a_sub_agent_stands_and_falls_with_its_thing() -> None:  # [THG-6]
    world = Garage(Probation())
    key = world.mandate(world.anna, world.machine.id)
    world.machine = world.present(replace(world.machine, owner=world.anna.id), key)
    agent = replace(device(world, "agent"), owner=world.anna.id)
    agent = world.present(agent, key, world.delegated(key, world.machine, agent.id))
    assert world.buy(agent, world.ink).code == 0
    assert (world.anna.id, agent.id) not in world.state.things
    assert world.say(ThingOrder.QUARANTINE) == 0
    assert world.buy(agent, world.ink).rule == "THG-12"


def test_a_decommissioned_thing_has_no_mandate_any_more() -> None:  # [THG-7]
    world = Garage()
    world.walk(S.ACTIVE)
    offer = world.offer(world.machine)
    done = order(world, world.anna, world.machine.id, ThingOrder.DECOMMISSION)
    assert [notice.state for notice in done.notices] == ["DECOMMISSIONED", "REVOKED", "WITHDRAWN"]
    assert world.buy(world.machine, world.ink).code == Code.MANDATE_REVOKED
    assert world.state.offers[offer].state.value == "WITHDRAWN"
    world.pass_time(DAY_MS)
    again = world.try_present(world.machine, world.mandate(world.anna, world.machine.id))
    assert again.code == Code.WRONG_STATE


def test_a_thing_on_probation_orders_seldom_and_little() -> None:  # [THG-8] [THG-13] [THG-14]
    world = Garage()
    world.walk(S.REGISTERED)
    assert world.buy(world.machine, world.ink, 5).rule == "THG-14"
    assert [world.buy(world.machine, world.ink).code for _ in range(2)] == [0, 0]
    third = world.buy(world.machine, world.ink)
    assert (third.code, third.rule) == (Code.DENIED, "THG-13")
    assert third.decision and Fact("probation.orders", 2) in third.decision.facts
    world.pass_time(DAY_MS)
    assert world.buy(world.machine, world.ink).code == 0, "a new UTC day"


def test_accepted_deliveries_end_the_probation_of_either_side() -> None:  # [THG-8]
    world = Garage()
    world.walk(S.REGISTERED)
    states = []
    for _ in range(PROBATION.deliveries):
        contract = world.bought(world.machine, world.ink)
        assert world.deliver(contract).code == 0
        told = world.accept(contract).notices
        states.append([notice.state for notice in told if notice.kind.name == "THING"])
        world.pass_time(DAY_MS)
    assert states == [[], [], ["ACTIVE", "ACTIVE"]]
    assert record_of(world, world.anna, world.machine.id).cause == "ProbationOver"
    assert [world.buy(world.machine, world.ink, 5).code for _ in range(4)] == [0, 0, 0, 0]


def test_silence_that_accepts_a_delivery_counts_too_and_goods_that_never_came_do_not() -> None:  # [THG-8]
    world = Garage()
    world.walk(S.REGISTERED)
    delivered, _ = (world.bought(world.machine, world.ink) for _ in range(2))
    assert world.deliver(delivered).code == 0
    world.pass_time(10 * DAY_MS)
    assert record_of(world, world.anna, world.machine.id).deliveries == 1


def test_a_critical_malfunction_quarantines_and_a_lesser_one_is_noticed() -> None:  # [THG-9]
    world = Garage()
    world.walk(S.ACTIVE)
    warm = (Fact("temperature", 19),)
    lesser = broken(world, world.machine, world.machine.id, Severity.DEGRADED, warm)
    assert lesser.code == 0 and [notice.state for notice in lesser.notices] == ["MALFUNCTION DEGRADED"]
    assert world.state_now() is S.ACTIVE
    critical = broken(world, world.machine, world.machine.id)
    assert [notice.state for notice in critical.notices] == ["QUARANTINED"]
    record = record_of(world, world.anna, world.machine.id)
    assert (record.malfunctions, record.component, record.cause) == (
        2,
        "compressor",
        "Malfunction: compressor",
    )
    assert broken(world, world.shop, world.machine.id).code == Code.NOT_PERMITTED
    assert broken(world, world.actors[world.shop.owner], world.machine.id).code == Code.UNKNOWN_THING


def test_a_snapshot_and_a_replay_know_the_things_as_they_were() -> None:  # [LOG-4] [THG-1]
    world = Garage()
    world.walk(S.ACTIVE)
    other = onboarded(world, world.anna, "another", autonomy=Autonomy.ADAPTABLE, limits=[limit(GENEROUS)])
    assert world.buy(other, world.ink).code == 0
    replay, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and replay.state.state_root() == world.state.state_root()
    restored = Market(State.restore(world.state.snapshot()))
    assert restored.state.state_root() == world.state.state_root()
    assert restored.state.probation == PROBATION and restored.state.owned.is_owned(other.id)
