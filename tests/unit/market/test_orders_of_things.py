"""Orders of things under mandates: permits, budgets, counters, and what happens when authority ends."""

from typing import Final

import pytest

from tests.builders import Actor, World, limit
from tests.ordering import buy, cancel, events, sell, statuses
from tests.support.things import guard
from thingmarket.catalog.products import check_product_id
from thingmarket.errors import Code, code_name
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action, Autonomy, BoundItem
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.identity.terms import Week, WeeklyWindow
from thingmarket.identity.things import Probation, SetThingState, ThingOrder
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.entries import Outcome
from thingmarket.matching.records import EventKind, Kind
from thingmarket.policy.guards import GuardAction, GuardRules, RateGuard
from thingmarket.trading.frame import order_id_of
from thingmarket.wire import things as wire_things
from thingmarket.wire import trust

FUNDS: Final = 1_000_000


@pytest.fixture
def world() -> World:
    """A market for ink."""
    world = World()
    world.market_of()
    return world


def household(world: World, **permits: object) -> tuple[Actor, Actor]:
    """An owner with money, and a thing of his."""
    owner = world.owner("household", fund=FUNDS)
    return owner, world.thing("printer", owner, **permits)


def names(outcome: Outcome) -> list[str]:
    """The codes of a frame's orders."""
    return [code_name(status) for status in statuses(outcome)]


def why(outcome: Outcome) -> tuple[str, ...]:
    """The rules that refused orders of a frame."""
    return outcome.decision.rules if outcome.decision else ()


def counter(world: World, thing: Actor) -> tuple[int, int, int, int, int]:
    """What rests, how many, spent today, in total, orders today."""
    row = world.state.spending[Digest(thing.mandate_leaf), "EUR"]
    return row.book_minor, row.book_orders, row.day_minor, row.total_minor, row.day_orders


def test_a_thing_orders_as_its_mandate_lets_it(world: World) -> None:
    """[MKT-8]"""
    _, thing = household(world, limits=(limit(10_000, per_item_minor=300, per_order_minor=2_000),))
    assert names(world.frame(thing, buy(1, 300), buy(1, 301), buy(7, 300))) == [
        "OK",
        "OVER_PRICE",
        "OVER_ORDER",
    ]


def test_a_thing_that_may_not_sell_or_not_this_category_is_denied_with_the_rule(world: World) -> None:
    """[MKT-8] [MKT-7]"""
    _, thing = household(world, actions=(Action.BUY,))
    refused = world.frame(thing, sell(1, 100), buy(1, 100))
    assert names(refused) == ["DENIED", "OK"]
    assert refused.decision is not None and refused.decision.rules == ("ACT-1",)
    other = world.thing("fridge", world.owner("other", fund=FUNDS), categories=Scope(include=("50",)))
    refused = world.frame(other, buy(1, 100))
    assert names(refused) == ["DENIED"]
    assert refused.decision is not None and refused.decision.rules == ("CAT-1",)


def test_a_bound_thing_orders_agreed_items_at_agreed_prices_and_quantities(world: World) -> None:
    """[MKT-8]"""
    check_product_id("ink-black")
    item = BoundItem(
        product_id="ink-black",
        sellers=EVERYTHING,
        currency="EUR",
        max_unit_price_minor=250,
        max_quantity_steps=5,
        unit="C62",
        unit_scale=0,
    )
    _, thing = household(world, autonomy=Autonomy.BOUND, bound_items=(item,))
    world.market_of(market=2, product_id="toner")
    placed = world.frame(thing, buy(5, 250), buy(1, 251), buy(6, 250), buy(1, 1, market=2))
    assert names(placed) == ["OK", "OVER_PRICE", "OVER_ORDER", "DENIED"]


def test_an_order_above_the_threshold_waits_for_nobody_and_is_refused(world: World) -> None:
    """[MKT-8]"""
    _, thing = household(world, limits=(limit(cosign_above_minor=500),))
    assert names(world.frame(thing, buy(5, 100), buy(6, 100))) == ["OK", "NEED_COSIGN"]


def test_what_rests_counts_against_every_budget_and_a_fill_moves_it_into_its_day(world: World) -> None:
    """[MKT-8]"""
    owner, thing = household(world, limits=(limit(per_day_minor=1_000),))
    seller = world.owner("seller")
    world.declare(seller, 100)
    assert names(world.frame(thing, buy(6, 100), buy(5, 100), buy(4, 100))) == ["OK", "OVER_BUDGET", "OK"]
    assert counter(world, thing) == (1_000, 2, 0, 0, 2)
    world.frame(seller, sell(6, 90))
    assert counter(world, thing) == (400, 1, 600, 600, 2), "the maker's price is paid"
    world.pass_time(DAY_MS)
    assert names(world.frame(thing, buy(6, 100))) == ["OK"], "another day, but what rests counts in it"
    assert names(world.frame(thing, buy(1, 100))) == ["OVER_BUDGET"]
    assert world.balance(owner) == FUNDS - 600


def test_a_thing_orders_in_the_hours_that_it_may_and_cancels_in_any(world: World) -> None:
    """[MKT-8]"""
    noon = Week(windows=(WeeklyWindow(days_mask=127, start_minute=720, end_minute=780),))
    _, thing = household(world, windows=noon)  # the world begins at noon
    assert names(world.frame(thing, buy(1, 100))) == ["OK"]
    world.pass_time(HOUR_MS)
    refused = world.frame(thing, buy(1, 100), cancel(world.rests(thing)[0]))
    assert names(refused) == ["DENIED", "OK"]
    assert why(refused) == ("TIM-3",)
    world.pass_time(23 * HOUR_MS)
    assert names(world.frame(thing, buy(1, 100))) == ["OK"]


def test_a_mandate_of_tomorrow_orders_nothing_today(world: World) -> None:
    """[MKT-8]"""
    tomorrow_ms = world.time_ms + DAY_MS
    _, thing = household(world, not_before_ms=tomorrow_ms, life_ms=9 * DAY_MS)
    assert why(world.frame(thing, buy(1, 100))) == ("TIM-1",)
    world.pass_time(DAY_MS)
    assert names(world.frame(thing, buy(1, 100))) == ["OK"]


def test_price_improvement_is_free_again(world: World) -> None:
    """[MKT-8]"""
    _, thing = household(world)
    seller = world.owner("seller")
    world.declare(seller, 100)
    world.frame(seller, sell(6, 90))
    world.frame(thing, buy(10, 100))
    assert counter(world, thing) == (400, 1, 540, 540, 1)


def test_resting_orders_count_against_a_purchase_too(world: World) -> None:
    """[MKT-8]"""
    seller = world.owner("seller")
    offer = world.offer(seller, price_minor=100, tax_category="Z")
    _, thing = household(world, limits=(limit(per_day_minor=1_000),))
    world.frame(thing, buy(9, 100))
    assert code_name(world.buy(thing, offer, 2).code) == "DENIED"
    assert world.buy(thing, offer, 1).code == 0


def test_the_number_of_orders_is_limited_by_day_and_at_rest(world: World) -> None:
    """[MKT-8]"""
    _, thing = household(world, limits=(limit(orders_per_day=3, max_open_orders=2),))
    placed = world.frame(thing, buy(1, 100), buy(1, 100), buy(1, 100))
    assert names(placed) == ["OK", "OK", "OVER_OPEN_ORDERS"]
    world.frame(thing, cancel(order_id_of(world.slot(thing), 1)))
    assert names(world.frame(thing, buy(1, 100), buy(1, 100))) == ["OK", "OVER_DAY_ORDERS"]


def test_an_order_that_is_made_whole_after_each_fill_is_an_order_each_time(world: World) -> None:
    """[ORD-6] [LIM-6]"""
    owner, thing = household(world, limits=(limit(100_000, orders_per_day=3),))
    seller = world.owner("seller")
    world.declare(seller, 100)
    world.frame(thing, buy(10, 100))
    assert refills(world, thing, seller, 3) == ["OK", "OK", "OVER_DAY_ORDERS"]
    assert world.goods(owner).free == 27
    assert counter(world, thing)[4] == 3
    world.check_booked()


def refills(world: World, thing: Actor, seller: Actor, times: int) -> list[str]:
    """What is told each time that ten are wanted again of an order of which nine were bought."""
    told = []
    (mine,) = world.rests(thing)
    for _ in range(times):
        world.frame(seller, sell(9, 100))
        told += names(world.frame(thing, buy(10, 100, kind=Kind.REPLACE, order_id=mine)))
    return told


def test_every_link_of_a_chain_is_counted(world: World) -> None:
    """[MKT-8]"""
    owner = world.owner("household", fund=FUNDS)
    root = world.thing("hub", owner)
    above = world.mandate(owner, root.id)
    hub = world.present(root, above)
    agent = world.thing("agent", world.owner("maker"))
    below = world.delegated(above, hub, agent.id, limits=(limit(5_000),))
    helper = world.present(agent, above, below)
    world.frame(helper, buy(5, 100))
    links = world.state.mandates[Digest(helper.mandate_leaf)].effective.links
    assert [world.state.spending[link, "EUR"].book_minor for link in links] == [500, 500]


def test_a_revoked_mandate_has_no_orders_left_in_its_very_entry(world: World) -> None:
    """[MKT-10]"""
    owner, thing = household(world)
    world.frame(thing, buy(5, 100), buy(5, 99))
    revoked = world.revoke(owner, mandate=thing.mandate_leaf)
    assert [one.kind for one in events(revoked)] == [EventKind.CANCELED, EventKind.CANCELED]
    assert world.rests(thing) == ()
    assert world.money(owner).debits_pending == 0
    assert counter(world, thing)[:2] == (0, 0)
    assert world.frame(thing, buy(1, 1)).code == Code.MANDATE_REVOKED


def test_an_expired_mandate_has_no_orders_left(world: World) -> None:
    """[MKT-10]"""
    _, thing = household(world, life_ms=HOUR_MS)
    world.frame(thing, buy(5, 100))
    world.pass_time(HOUR_MS)
    assert world.rests(thing) == ()


def test_a_suspended_thing_has_no_orders_left_and_places_none(world: World) -> None:
    """[MKT-10] [THG-12]"""
    owner, thing = household(world)
    world.frame(thing, buy(5, 100))
    order = SetThingState(key=world.key(), thing=thing.id, order=ThingOrder.SUSPEND, reason="odd")
    outcome = world.send(owner, TypeId.SET_THING_STATE, wire_things.set_thing_state_body(order))
    assert outcome.code == 0
    assert [one.kind for one in events(outcome)] == [EventKind.CANCELED]
    assert world.rests(thing) == ()
    refused = world.frame(thing, buy(5, 100))
    assert (refused.code, refused.rule) == (Code.DENIED, "THG-12")


def test_a_thing_that_a_guard_quarantines_has_no_orders_left(world: World) -> None:
    """[MKT-10] [THG-11]"""
    owner, thing = household(world)
    offer = world.offer(world.owner("seller"), price_minor=10)
    once = RateGuard(orders_max=1, window_ms=DAY_MS, action=GuardAction.QUARANTINE)
    assert guard(world, owner, thing.id, GuardRules(rate=once)).code == 0
    world.frame(thing, buy(5, 100, expires_ms=world.time_ms + HOUR_MS))
    assert world.buy(thing, offer).code == 0
    tripped = world.buy(thing, offer)
    assert tripped.code == Code.GUARD_TRIPPED
    assert [one.kind for one in events(tripped)] == [EventKind.CANCELED]
    assert world.rests(thing) == ()


def test_a_thing_that_is_lowered_to_announcer_has_no_orders_left(world: World) -> None:
    """[MKT-10] [TRU-1]"""
    owner, thing = household(world)
    world.frame(thing, buy(5, 100))
    word = LowerAutonomy(key=world.key(), thing=thing.id, autonomy=Autonomy.ANNOUNCER)
    assert world.send(owner, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(word)).code == 0
    assert world.rests(thing) == ()
    assert names(world.frame(thing, buy(1, 1))) == ["DENIED"]


@pytest.mark.parametrize(
    ("level", "rest"), [(Autonomy.BOUND, 0), (Autonomy.ADAPTABLE, 1)], ids=["bound", "adaptable"]
)
def test_a_thing_that_is_lowered_begins_anew_where_only_agreed_items_are_left(
    world: World, level: Autonomy, rest: int
) -> None:
    """[MKT-10] [TRU-1] An ADAPTABLE thing buys in books what an AUTONOMOUS one does."""
    owner, thing = household(world, autonomy=Autonomy.AUTONOMOUS)
    world.frame(thing, buy(5, 100))
    word = LowerAutonomy(key=world.key(), thing=thing.id, autonomy=level)
    assert world.send(owner, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(word)).code == 0
    assert len(world.rests(thing)) == rest
    assert names(world.frame(thing, buy(1, 1))) == (["OK"] if rest else ["DENIED"])


def test_orders_of_an_agent_leave_with_the_thing_above_it(world: World) -> None:
    """[MKT-10]"""
    owner = world.owner("household", fund=FUNDS)
    root = world.thing("hub", owner)
    above = world.mandate(owner, root.id)
    hub = world.present(root, above)
    agent = world.thing("agent", world.owner("maker"))
    helper = world.present(agent, above, world.delegated(above, hub, agent.id))
    world.frame(helper, buy(5, 100))
    order = SetThingState(key=world.key(), thing=hub.id, order=ThingOrder.SUSPEND, reason="odd")
    assert world.send(owner, TypeId.SET_THING_STATE, wire_things.set_thing_state_body(order)).code == 0
    assert world.rests(helper) == ()


def test_a_thing_trades_under_one_mandate_at_a_time(world: World) -> None:
    """[MKT-6]"""
    owner, thing = household(world)
    world.frame(thing, buy(5, 100))
    again = world.present(thing, world.mandate(owner, thing.id))
    refused = world.frame(again, buy(1, 100))
    assert (refused.code, refused.rule) == (Code.WRONG_STATE, "MKT-6")
    world.frame(thing, cancel(world.rests(thing)[0]))
    assert names(world.frame(again, buy(1, 100))) == ["OK"]


def test_a_frame_that_was_refused_may_be_taken_yet_but_of_its_number_only_one_is(world: World) -> None:
    """[MKT-6]"""
    owner, thing = household(world)
    world.frame(thing, buy(5, 100))
    again = world.present(thing, world.mandate(owner, thing.id))
    late, instead = (world.frame_body(again, [buy(1, price)], number=2) for price in (90, 91))
    for body in (late, instead):
        assert world.send(again, TypeId.PLACE_ORDERS, body).code == Code.WRONG_STATE
    world.frame(owner, cancel(world.rests(thing)[0]))
    assert world.send(again, TypeId.PLACE_ORDERS, late).code == 0, "a copy that was on its way"
    refused = world.send(again, TypeId.PLACE_ORDERS, instead)
    assert (refused.code, refused.rule) == (Code.KEY_CONFLICT, "MKT-6")
    assert len(world.rests(thing)) == 1


def test_an_owner_cancels_orders_of_his_things_and_nobody_elses(world: World) -> None:
    """[MKT-6]"""
    owner, thing = household(world)
    stranger = world.owner("stranger", fund=FUNDS)
    world.frame(thing, buy(5, 100))
    (resting,) = world.rests(thing)
    assert names(world.frame(stranger, cancel(resting), cancel(resting + 1))) == ["BAD_ID", "BAD_ID"]
    assert names(world.frame(owner, cancel(resting))) == ["OK"]
    assert world.rests(thing) == ()


def test_an_order_with_an_expiry_leaves_the_book_then(world: World) -> None:
    """[MKT-10]"""
    owner, thing = household(world)
    at_ms = world.time_ms + HOUR_MS
    placed = world.frame(thing, buy(5, 100, expires_ms=at_ms), buy(1, 50, expires_ms=world.time_ms - 1))
    assert names(placed) == ["OK", "BAD_FIELD"]
    world.pass_time(HOUR_MS - 1)
    assert len(world.rests(thing)) == 1
    world.pass_time(1)
    assert world.rests(thing) == ()
    assert world.money(owner).debits_pending == 0
    assert len(world.state.expiries) == 0


def test_an_order_that_was_cancelled_leaves_no_deadline(world: World) -> None:
    """[MKT-10]"""
    _, thing = household(world)
    deadlines = len(world.state.timers.table)
    world.frame(thing, buy(5, 100, expires_ms=world.time_ms + HOUR_MS))
    world.frame(thing, cancel(world.rests(thing)[0]))
    assert len(world.state.timers.table) == deadlines
    assert len(world.state.expiries) == 0


def test_on_probation_orders_are_few_and_small() -> None:
    """[THG-13] [THG-14]"""
    world = World(probation=Probation(orders_per_day=2, order_minor=500, deliveries=1))
    world.market_of()
    _, thing = household(world)
    placed = world.frame(thing, buy(1, 501), buy(1, 500), buy(1, 100), buy(1, 100))
    assert names(placed) == ["OVER_ORDER", "OK", "OK", "OVER_DAY_ORDERS"]
    assert names(world.frame(thing, buy(1, 100))) == ["OVER_DAY_ORDERS"]


def test_on_probation_an_order_is_not_made_larger_again_and_again() -> None:
    """[THG-13] [ORD-6]"""
    world = World(probation=Probation(orders_per_day=2, order_minor=1_000, deliveries=1))
    world.market_of()
    _, thing = household(world)
    seller = world.owner("seller")
    world.declare(seller, 100)
    world.frame(thing, buy(10, 100))
    assert refills(world, thing, seller, 2) == ["OK", "OVER_DAY_ORDERS"]


def test_the_rule_that_leaves_least_is_named(world: World) -> None:
    """[MKT-7]"""
    limits = {
        "LIM-3": limit(per_day_minor=400),
        "LIM-4": limit(per_day_minor=900, total_minor=400),
        "LIM-5": limit(per_month_minor=400),
        "LIM-9": limit(liability_cap_minor=400),
    }
    owner = world.owner("household", fund=FUNDS)
    for rule, one in limits.items():
        thing = world.thing(rule, owner, limits=(one,))
        assert why(world.frame(thing, buy(1, 300), buy(1, 101))) == (rule,)
    few = world.thing("few", owner, limits=(limit(max_open_orders=9, max_open_holds=1),))
    assert why(world.frame(few, buy(1, 1), buy(1, 1))) == ("LIM-8",)
    item = BoundItem(
        product_id="ink-black",
        sellers=EVERYTHING,
        currency="EUR",
        max_unit_price_minor=250,
        max_quantity_steps=5,
        unit="C62",
        unit_scale=0,
    )
    bound = world.thing("bound", owner, autonomy=Autonomy.BOUND, bound_items=(item,))
    assert why(world.frame(bound, buy(1, 251))) == ("ITM-3",)
    assert why(world.frame(bound, buy(6, 1))) == ("ITM-4",)


def test_the_reasons_of_many_refused_orders_are_bounded(world: World) -> None:
    """[MKT-7]"""
    _, thing = household(world, limits=(limit(10_000, per_item_minor=10),))
    refused = world.frame(thing, *[buy(1, 11)] * 200)
    assert names(refused) == ["OVER_PRICE"] * 200
    assert refused.decision is not None and len(refused.decision.facts) < 100
    assert refused.decision.facts[0].value == "OVER_PRICE LIM-1"
