"""Attacks with time and order: one entry after a long stop, and a node that starts from a snapshot."""

from tests.builders import World
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.entries import EntryKind
from thingmarket.time import UnixMs
from thingmarket.wire.standing import open_standing_order_body


def test_a_standing_order_buys_nothing_after_the_end_of_its_offer_however_late_the_node_wakes() -> None:
    world = World()
    ann, bob = world.owner("ann", fund=100_00), world.owner("bob")
    machine, shop = world.thing("machine", ann), world.thing("shop", bob)
    offer = world.offer(
        shop, valid_until_ms=world.time_ms + 2 * HOUR_MS, terms=Terms(settlement=SettlementKind.DVP)
    )
    wish = OpenStandingOrder(
        key=world.key(),
        offer=offer,
        quantity_steps=1,
        currency="EUR",
        total_max_minor=100_00,
        interval_ms=DAY_MS,
        occurrences_max=10,
        first_ms=world.time_ms + HOUR_MS,
    )
    world.send(machine, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))
    world.time_ms = UnixMs(world.time_ms + 30 * DAY_MS)  # the node was down
    world.apply(EntryKind.TIMERS_DUE)
    assert not world.state.contracts
