"""A decision that looked at all that can be looked at is read by the device that it is for."""

from dataclasses import replace

from tests.builders import World, limit
from tests.support.things import guard, order
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.identity import did
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import BoundItem
from thingmarket.identity.scopes import EVERYTHING
from thingmarket.identity.terms import GeoBox, Place, Places, Week, WeeklyWindow
from thingmarket.identity.things import ThingOrder
from thingmarket.limits import DAY_MS, HOUR_MS, REASON_CHARS_MAX
from thingmarket.market.entries import Outcome
from thingmarket.policy.decision import Decision
from thingmarket.policy.guards import GuardAction, GuardRules, PriceGuard, QuantityGuard, RateGuard
from thingmarket.v1 import envelope_pb2
from thingmarket.wire.calls import decision_value
from thingmarket.wire.envelope import fill_decision

RATE = RateGuard(orders_max=9, window_ms=HOUR_MS, action=GuardAction.ASK)
QUANTITY = QuantityGuard(times_usual_milli=2_000, history_min=1, action=GuardAction.ASK)
PRICE = PriceGuard(times_market_milli=2_000, trades_min=1, action=GuardAction.ASK)
EUROPE = Place(520_000_000, 130_000_000)
FACTS = (
    Attribute("certificate.ce", True),
    Attribute("co2", ScaledInteger(5, 0, "GRM")),
    Attribute("warranty", ScaledInteger(730, 0, "DAY")),
)


def read_back(outcome: Outcome) -> Decision:
    message = envelope_pb2.Decision()
    assert outcome.decision is not None
    fill_decision(message, outcome.decision)
    return decision_value(message)


def test_a_purchase_under_everything_that_a_mandate_can_say_is_read_by_its_buyer() -> None:
    world = World()
    ann, bob = world.owner("ann", fund=100_000_00), world.owner("bob")
    others = [world.owner(f"cosigner {number}") for number in range(8)]
    for one in others:
        world.agree_to_cosign(one, ann)
    robot = world.thing("robot", ann)
    shop = world.thing("shop", bob)
    item = BoundItem(
        product_id="ink-black",
        sellers=EVERYTHING,
        currency="EUR",
        max_unit_price_minor=1_000,
        max_quantity_steps=50,
        unit="C62",
        unit_scale=0,
    )
    tight = limit(
        100_000,
        cosign_above_minor=0,
        per_month_minor=90_000,
        orders_per_day=50,
        max_open_orders=50,
        max_open_holds=50,
        liability_cap_minor=90_000,
    )
    root = world.mandate(
        ann,
        robot.id,
        limits=(tight,),
        bound_items=(item,),
        cosigners=tuple(sorted(one.id for one in others)),
        cosign_quorum=3,
        deny_counterparties=(others[0].id,),
        required_certificates=("ce",),
        delivery_max_ms=30 * DAY_MS,
        warranty_min_days=365,
        co2_max_grams=10,
        geo=Places(boxes=(GeoBox(south_e7=0, west_e7=0, north_e7=900_000_000, east_e7=900_000_000),)),
        windows=Week(windows=(WeeklyWindow(days_mask=127, start_minute=0, end_minute=1_440),)),
    )
    boss = world.present(robot, root)
    key = SigningKey.from_seed(b"s" * 32)
    agent = replace(boss, id=did.encode(key.public), key=key, mandate_leaf=b"")
    chain = (root, world.delegated(root, boss, agent.id))
    agent = world.present(agent, *chain)
    guards = GuardRules(rate=RATE, quantity=QUANTITY, price=PRICE)
    assert guard(world, ann, robot.id, guards).code == 0
    ink = world.offer(shop, attributes=FACTS)
    for quantity in (1, 1, 9):  # the last one trips a guard that was approved away
        body = world.purchase_body(ink, quantity, place=EUROPE)
        words = [world.approval(one, body, agent.mandate_leaf) for one in (ann, *others[1:3])]
        outcome = world.send(agent, TypeId.PURCHASE, body, *words)
        assert outcome.code == 0 and not outcome.pending
        assert read_back(outcome) == outcome.decision
        pending = world.asked(agent, ink, quantity, place=EUROPE)
        for cosigner in (ann, *others[:2]):
            outcome = world.approve(cosigner, pending)
        assert world.pending(pending).contract
        assert read_back(outcome) == outcome.decision


def test_a_refusal_for_a_reason_of_full_length_is_read_by_the_thing_that_it_stops() -> None:
    world = World()
    ann = world.owner("ann", fund=100_00)
    robot = world.thing("robot", ann)
    ink = world.offer(world.thing("shop", world.owner("bob")))
    reason = "r" * REASON_CHARS_MAX
    assert order(world, ann, robot.id, ThingOrder.QUARANTINE, reason=reason).code == 0
    outcome = world.buy(robot, ink)
    assert outcome.rule == "THG-12" and read_back(outcome) == outcome.decision
