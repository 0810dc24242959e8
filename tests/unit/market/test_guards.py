"""Guards: what is odd although the mandate allows it waits for the owner, or quarantines the thing."""

from typing import Any

import pytest

from tests.builders import World, replayed
from tests.support.things import guard, order, record_of, state_of
from thingmarket.contract.approvals import PendingId
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.things import ThingOrder, ThingState
from thingmarket.limits import (
    DAY_MS,
    GUARD_HISTORY_MAX,
    GUARD_ORDERS_MAX,
    GUARD_TIMES_MILLI_MAX,
    GUARD_TRADES_MAX,
    HOUR_MS,
)
from thingmarket.market.entries import Outcome
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.policy.decision import Fact, Verdict
from thingmarket.policy.guards import (
    NO_GUARDS,
    GuardAction,
    GuardRules,
    PriceGuard,
    QuantityGuard,
    RateGuard,
)

ASK, QUARANTINE = GuardAction.ASK, GuardAction.QUARANTINE
TYPE = TypeId.PURCHASE


def rate(orders_max: int = 2, window_ms: int = HOUR_MS, action: GuardAction = ASK) -> GuardRules:
    return GuardRules(rate=RateGuard(orders_max=orders_max, window_ms=window_ms, action=action))


def quantity(times_milli: int = 2_000, history_min: int = 3, action: GuardAction = ASK) -> GuardRules:
    return GuardRules(
        quantity=QuantityGuard(times_usual_milli=times_milli, history_min=history_min, action=action)
    )


def price(times_milli: int = 1_200, trades_min: int = 3, action: GuardAction = ASK) -> GuardRules:
    return GuardRules(price=PriceGuard(times_market_milli=times_milli, trades_min=trades_min, action=action))


class Kiosk(World):
    """A vending machine of anna's that restocks, and shops that sell it the same drink."""

    def __init__(self) -> None:
        super().__init__()
        self.anna = self.owner("anna", fund=100_000_00)
        self.machine = self.thing("machine", self.anna)
        self.shops = [self.thing(f"shop {n}", self.owner(f"seller {n}")) for n in range(3)]
        self.drink = self.drink_at(1_000)

    def drink_at(self, price_minor: int, shop: int = 0, **changes: Any) -> Any:
        found = {"product_id": "drink", "price_minor": price_minor, "stock_steps": 1_000, "max_steps": 1_000}
        return self.offer(self.shops[shop], **(found | changes))

    def guarded(self, guards: GuardRules) -> None:
        assert guard(self, self.anna, self.machine.id, guards).code == 0

    def held(self, outcome: Outcome, rule: str) -> dict[str, int | str]:
        """The facts of an order that waits for an approval because of a guard."""
        assert (outcome.code, outcome.pending) == (0, True), outcome
        assert outcome.decision and outcome.decision.verdict is Verdict.NEED_COSIGN
        assert outcome.decision.rules == (rule,)
        assert self.state.pendings[PendingId(outcome.reference)].rule == rule
        return {f.name: f.value for f in outcome.decision.facts if f.name.startswith("guard.")}


def test_too_many_orders_in_the_window_wait_for_the_owner() -> None:  # [GRD-1] [GRD-5]
    world = Kiosk()
    world.guarded(rate())
    for _ in range(2):
        made = world.buy(world.machine, world.drink)
        assert made.decision and made.decision.rules[-1] == "GRD-1"
    facts = world.held(world.buy(world.machine, world.drink), "GRD-1")
    assert facts == {"guard.rate.observed": 3, "guard.rate.allowed": 2, "guard.rate.window": HOUR_MS}
    world.pass_time(HOUR_MS - 1)
    world.held(world.buy(world.machine, world.drink), "GRD-1")
    world.pass_time(1)
    assert not world.buy(world.machine, world.drink).pending, "the window has moved on"


def test_an_unusual_quantity_waits_and_one_that_is_just_allowed_does_not() -> None:  # [GRD-2] [GRD-5]
    world = Kiosk()
    world.guarded(quantity())
    for steps in (10, 400, 10):  # before there is a history nobody knows what is usual
        assert not world.buy(world.machine, world.drink, steps).pending
    assert not world.buy(world.machine, world.drink, 20).pending
    facts = world.held(world.buy(world.machine, world.drink, 21), "GRD-2")
    assert facts == {
        "guard.quantity.observed": 21,
        "guard.quantity.usual": 10,
        "guard.quantity.allowed": 20,
    }


def test_quantities_of_one_unit_compare_whatever_their_scale() -> None:  # [GRD-2]
    world = Kiosk()
    fine = world.drink_at(1_000, unit_scale=2, stock_steps=100_000, max_steps=100_000, price_base_steps=100)
    world.guarded(quantity())
    for _ in range(3):
        assert not world.buy(world.machine, world.drink, 10).pending
    assert not world.buy(world.machine, fine, 2_000).pending
    assert world.held(world.buy(world.machine, fine, 2_001), "GRD-2")["guard.quantity.usual"] == 1_000


def test_an_unusual_price_waits_and_says_what_the_market_pays() -> None:  # [GRD-3] [GRD-5]
    world = Kiosk()
    dear, fair = world.drink_at(1_201, 1), world.drink_at(1_200, 2)
    world.guarded(price())
    assert not world.buy(world.machine, dear).pending, "nothing is usual yet"
    for _ in range(3):
        assert not world.buy(world.machine, world.drink).pending
    assert not world.buy(world.machine, fair).pending
    facts = world.held(world.buy(world.machine, dear), "GRD-3")
    assert facts == {
        "guard.price.observed": 1_201,
        "guard.price.usual": 1_000,
        "guard.price.allowed": 1_200,
        "guard.price.trades": 4,  # of one buyer no more are kept
    }


def test_one_owner_never_makes_the_price_of_the_market() -> None:  # [GRD-6]
    world = Kiosk()
    honest = [world.thing(f"honest {n}", world.owner(f"buyer {n}", fund=1_000_00)) for n in range(5)]
    for buyer in honest:
        assert world.buy(buyer, world.drink_at(1_000, shop=1)).code == 0
    colluder = world.thing("colluder", world.owner("mallory", fund=100_000_00))
    for _ in range(40):  # a seller and his friend trade at ten times the price
        assert world.buy(colluder, world.drink_at(10_000, shop=2)).code == 0
    world.guarded(price())
    world.held(world.buy(world.machine, world.drink_at(2_000)), "GRD-3")


def test_a_guard_that_quarantines_refuses_and_holds_the_thing() -> None:  # [GRD-5] [THG-11]
    world = Kiosk()
    world.guarded(rate(1, action=QUARANTINE))
    assert world.buy(world.machine, world.drink).code == 0
    body = world.purchase_body(world.drink)
    tripped = world.send(world.machine, TYPE, body)
    assert (tripped.code, tripped.rule) == (Code.GUARD_TRIPPED, "GRD-1")
    assert tripped.decision and tripped.decision.verdict is Verdict.DENY
    assert Fact("guard.rate.observed", 2) in tripped.decision.facts
    assert [(n.kind.name, n.state) for n in tripped.notices] == [("GUARD", "QUARANTINED")]
    record = record_of(world, world.anna, world.machine.id)
    assert (record.state, record.cause) == (ThingState.QUARANTINED, "GRD-1")
    assert (record.since_seq, record.since_ms) == (tripped.seq, world.time_ms)
    assert world.send(world.machine, TYPE, body).code == Code.GUARD_TRIPPED, "the same answer, told again"
    assert world.buy(world.machine, world.drink).rule == "THG-12"
    assert order(world, world.anna, world.machine.id, ThingOrder.RELEASE).code == 0
    world.pass_time(HOUR_MS)
    assert world.buy(world.machine, world.drink).code == 0


def test_of_two_guards_the_one_that_quarantines_decides() -> None:  # [GRD-5]
    world = Kiosk()
    both = GuardRules(rate=rate(1).rate, quantity=quantity(1_000, 1, QUARANTINE).quantity)
    world.guarded(both)
    assert world.buy(world.machine, world.drink).code == 0
    assert world.buy(world.machine, world.drink, 2).rule == "GRD-2"


def test_what_the_owner_approved_passes_his_guards() -> None:  # [GRD-5]
    for action in GuardAction:
        world = Kiosk()
        world.guarded(rate(1, action=action))
        assert world.buy(world.machine, world.drink).code == 0
        body = world.purchase_body(world.drink)
        yes = world.approval(world.anna, body, world.machine.mandate_leaf)
        made = world.send(world.machine, TYPE, body, yes)
        assert (made.code, made.pending) == (0, False)
        assert made.decision and Fact("guard.rate.observed", 2) in made.decision.facts


def test_an_order_that_a_guard_stopped_is_made_when_the_owner_says_yes() -> None:  # [GRD-5] [COS-6]
    world = Kiosk()
    world.guarded(rate(1))
    assert world.buy(world.machine, world.drink).code == 0
    waiting = world.buy(world.machine, world.drink)
    world.held(waiting, "GRD-1")
    assert world.approve(world.anna, waiting.reference).code == 0
    assert len(world.state.contracts) == 2


def test_a_thing_that_is_quarantined_meanwhile_gets_nothing_by_an_old_approval() -> None:  # [THG-6] [COS-6]
    world = Kiosk()
    world.guarded(rate(1))
    assert world.buy(world.machine, world.drink).code == 0
    waiting = world.buy(world.machine, world.drink)
    assert order(world, world.anna, world.machine.id, ThingOrder.QUARANTINE).code == 0
    world.approve(world.anna, waiting.reference)
    assert len(world.state.contracts) == 1


def test_a_refused_purchase_teaches_nothing() -> None:  # [GRD-6]
    world = Kiosk()
    world.guarded(rate(1))
    assert world.buy(world.machine, world.drink, total_minor=1).code == Code.WRONG_TOTAL
    assert world.buy(world.machine, world.drink_at(1_000, stock_steps=1), 2).code == Code.OUT_OF_STOCK
    assert not world.buy(world.machine, world.drink).pending


def test_guards_are_the_owners_word_on_his_own_thing() -> None:  # [GRD-4]
    world = Kiosk()
    thing = world.machine.id
    assert guard(world, world.machine, thing, rate()).code == Code.NOT_PERMITTED
    assert guard(world, world.actors[world.shops[0].owner], thing, rate()).code == Code.UNKNOWN_THING
    world.guarded(rate(1))
    assert world.buy(world.machine, world.drink).code == 0
    world.guarded(NO_GUARDS)
    assert not world.state.guards and not record_of(world, world.anna, thing).guarded
    assert not world.buy(world.machine, world.drink).pending
    world.guarded(NO_GUARDS)
    assert order(world, world.anna, thing, ThingOrder.DECOMMISSION).code == 0
    assert guard(world, world.anna, thing, rate()).code == Code.UNKNOWN_THING


@pytest.mark.parametrize(
    "guards",
    [
        rate(0),
        rate(GUARD_ORDERS_MAX + 1),
        rate(1, 999),
        rate(1, 32 * DAY_MS),
        quantity(999),
        quantity(GUARD_TIMES_MILLI_MAX + 1),
        quantity(2_000, 0),
        quantity(2_000, GUARD_HISTORY_MAX + 1),
        price(999),
        price(GUARD_TIMES_MILLI_MAX + 1),
        price(1_200, 0),
        price(1_200, GUARD_TRADES_MAX + 1),
    ],
)
def test_a_guard_that_could_not_work_is_refused_before_the_log(guards: GuardRules) -> None:  # [GRD-4]
    world = Kiosk()
    entries = len(world.log)
    with pytest.raises(Refusal, match="is not between") as told:
        guard(world, world.anna, world.machine.id, guards)
    assert told.value.number == Code.OUT_OF_RANGE and len(world.log) == entries


def test_what_was_learnt_survives_a_snapshot_and_a_replay() -> None:  # [GRD-6] [LOG-4]
    world = Kiosk()
    for steps in range(1, GUARD_HISTORY_MAX + 5):
        assert world.buy(world.machine, world.drink, steps).code == 0
        if steps % 3:
            world.pass_time(1_000)
    restored = State.restore(world.state.snapshot())
    replay, _ = replayed(world.log)
    for state in (restored, replay.state):
        for name in ("_orders_ms", "_quantities", "_prices"):
            assert getattr(state.experience, name) == getattr(world.state.experience, name)
    world.guarded(quantity())
    (kept,) = world.state.experience._quantities.values()
    assert len(kept) == GUARD_HISTORY_MAX
    again = Market(State.restore(world.state.snapshot()))
    assert again.state.state_root() == world.state.state_root()


def test_the_state_of_a_guarded_thing_is_active_still() -> None:  # [GRD-4]
    world = Kiosk()
    world.guarded(rate())
    assert state_of(world, world.anna, world.machine.id) is ThingState.ACTIVE
