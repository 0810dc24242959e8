"""Attacks on what an owner forbade: one moment for many orders, one word for many orders."""

from typing import Any

from tests.builders import Actor, World, limit
from tests.support.things import guard, order, state_of
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.things import Probation, ThingOrder, ThingState
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.entries import Outcome
from thingmarket.policy.guards import GuardAction, GuardRules, RateGuard
from thingmarket.wire.standing import open_standing_order_body


class Street(World):
    """Ann's machine, Bob's shop, and a stranger of whom it is known only that he answers for Ann."""

    def __init__(self, **world: Any) -> None:
        super().__init__(**world)
        self.ann = self.owner("ann", fund=100_000_00)
        self.carl = self.owner("carl")
        self.machine = self.thing("machine", self.ann)
        self.shop = self.thing("shop", self.owner("bob"))
        self.drink = self.offer(self.shop, terms=Terms(settlement=SettlementKind.DVP))

    def stand(self, buyer: Actor, offer: Digest, first_ms: int) -> Outcome:
        """Open a daily standing order."""
        wish = OpenStandingOrder(
            key=self.key(),
            offer=offer,
            quantity_steps=1,
            currency="EUR",
            total_max_minor=100_00,
            interval_ms=DAY_MS,
            occurrences_max=10,
            first_ms=first_ms,
        )
        return self.send(buyer, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))


def test_standing_orders_of_one_moment_do_not_pass_a_guard_on_the_rate_together() -> None:
    street = Street()
    rules = GuardRules(rate=RateGuard(orders_max=2, window_ms=HOUR_MS, action=GuardAction.QUARANTINE))
    assert guard(street, street.ann, street.machine.id, rules).code == 0
    moment = street.time_ms + HOUR_MS
    for _ in range(5):
        assert street.stand(street.machine, street.drink, moment).code == 0
    street.pass_time(2 * HOUR_MS)
    assert len(street.state.contracts) == 2
    assert state_of(street, street.ann, street.machine.id) is ThingState.QUARANTINED


def test_standing_orders_of_one_moment_do_not_pass_a_probation_together() -> None:
    street = Street(probation=Probation(orders_per_day=2, order_minor=100_00, deliveries=9))
    moment = street.time_ms + HOUR_MS
    for _ in range(5):
        assert street.stand(street.machine, street.drink, moment).code == 0
    street.pass_time(2 * HOUR_MS)
    assert len(street.state.contracts) == 2


def test_a_word_said_under_one_mandate_counts_under_no_other() -> None:
    street = Street()
    asks = limit(cosign_above_minor=0)
    street.agree_to_cosign(street.carl, street.ann)
    street.machine = street.thing("machine", street.ann, limits=[asks], cosigners=(street.carl.id,))
    pending = street.asked(street.machine, street.drink)
    street.withdraw_offer(street.shop, street.drink)
    assert street.approve(street.carl, pending).code == 0  # approved, and nothing to buy
    again = street.offer(street.shop, terms=Terms(settlement=SettlementKind.DVP))
    street.revoke(street.ann, mandate=street.machine.mandate_leaf)
    street.machine = street.thing(
        "machine", street.ann, limits=[asks], cosigners=(street.carl.id,), cosign_quorum=2
    )
    for _ in range(2):  # one word of Carl's, for as many orders as one likes
        waiting = street.asked(street.machine, again, approved_by=pending)
        assert not street.pending(waiting).words
        assert street.approve(street.ann, waiting).code == 0
        assert street.pending(waiting).waits


def test_a_yes_for_a_revoked_mandate_buys_nothing_under_the_next() -> None:
    street = Street()
    asks = limit(cosign_above_minor=0)
    street.machine = street.thing("machine", street.ann, limits=[asks])
    pending = street.asked(street.machine, street.drink)
    street.withdraw_offer(street.shop, street.drink)
    assert street.approve(street.ann, pending).code == 0
    again = street.offer(street.shop, terms=Terms(settlement=SettlementKind.DVP))
    assert street.revoke(street.ann, mandate=street.machine.mandate_leaf).code == 0
    street.machine = street.thing("machine", street.ann, limits=[asks])
    assert street.buy(street.machine, again, approved_by=pending).pending


def test_a_yes_for_five_pieces_buys_no_five_hundredths_of_a_piece() -> None:
    street = Street()
    street.machine = street.thing("machine", street.ann, limits=[limit(cosign_above_minor=0)])
    pieces = street.offer(street.shop, product_id="drink")
    pending = street.asked(street.machine, pieces, 5)
    street.withdraw_offer(street.shop, pieces)
    assert street.approve(street.ann, pending).code == 0
    again = {"product_id": "drink", "price_minor": 1_000, "price_base_steps": 1}
    crumbs = street.offer(street.shop, **again, unit_scale=2)  # 5 steps are 0.05 pieces, for the same money
    grams = street.offer(street.shop, **again, unit="GRM")
    at_once = street.offer(street.shop, **again, terms=Terms(settlement=SettlementKind.DVP))
    for worse in (crumbs, grams, at_once):
        assert street.buy(street.machine, worse, 5, approved_by=pending).pending
    same = street.offer(street.shop, **again)
    assert not street.buy(street.machine, same, 5, approved_by=pending).pending


def test_a_quarantined_thing_does_not_go_on_as_the_sub_agent_of_another() -> None:
    street = Street()
    own = street.mandate(street.ann, street.machine.id)
    boss = street.present(street.machine, own)
    robot = street.thing("robot", street.ann)
    lent = street.present(robot, own, street.delegated(own, boss, robot.id))
    selling = street.offer(lent, product_id="scrap")
    assert not street.buy(lent, street.drink).code
    assert not order(street, street.ann, robot.id, ThingOrder.QUARANTINE).code
    assert street.buy(robot, street.drink).rule == "THG-12"
    assert street.buy(lent, street.drink).rule == "THG-12"
    assert street.buy(street.actors[street.carl.id], selling).rule == "THG-6"
    assert not street.buy(boss, street.drink).code
    assert not order(street, street.ann, robot.id, ThingOrder.RELEASE).code
    assert not street.buy(lent, street.drink).code
