"""Attacks with time and order: one entry after a long stop, and a node that starts from a snapshot."""

from tests.builders import Actor, World, limit
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.entries import EntryKind, Outcome
from thingmarket.market.indexes import Reader
from thingmarket.market.waiting import inbox
from thingmarket.time import UnixMs
from thingmarket.wire.standing import open_standing_order_body


def stand(world: World, buyer: Actor, offer: Digest, first_ms: int) -> Outcome:
    """Open a daily standing order."""
    wish = OpenStandingOrder(
        key=world.key(),
        offer=offer,
        quantity_steps=1,
        currency="EUR",
        total_max_minor=100_00,
        interval_ms=DAY_MS,
        occurrences_max=10,
        first_ms=first_ms,
    )
    return world.send(buyer, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))


def test_a_standing_order_buys_nothing_after_the_end_of_its_offer_however_late_the_node_wakes() -> None:
    world = World()
    ann, bob = world.owner("ann", fund=100_00), world.owner("bob")
    machine, shop = world.thing("machine", ann), world.thing("shop", bob)
    offer = world.offer(
        shop, valid_until_ms=world.time_ms + 2 * HOUR_MS, terms=Terms(settlement=SettlementKind.DVP)
    )
    assert stand(world, machine, offer, world.time_ms + HOUR_MS).code == 0
    world.time_ms = UnixMs(world.time_ms + 30 * DAY_MS)  # the node was down
    world.apply(EntryKind.TIMERS_DUE)
    assert not world.state.contracts


def test_an_inbox_shows_all_that_one_entry_asked_for() -> None:
    world = World()
    shop, carl = world.thing("shop", world.owner("bob")), world.owner("carl")
    offer = world.offer(shop)
    moment = world.time_ms + HOUR_MS
    for name in ("ann", "eve"):
        owner = world.owner(name, fund=100_000_00)
        world.agree_to_cosign(carl, owner)
        for number in range(2):
            asks = {"limits": [limit(cosign_above_minor=0)], "cosigners": (carl.id,)}
            machine = world.thing(f"machine {number} of {name}", owner, **asks)
            for _ in range(32):
                assert stand(world, machine, offer, moment).code == 0
    world.pass_time(2 * HOUR_MS)
    reader, seen = Reader(carl.id, carl.id), list[bytes]()
    page = inbox(world.state, reader, 0, world.time_ms)
    while page.more:
        seen += [view.order.id for view in page.waiting]
        last = page.waiting[-1].order
        page = inbox(world.state, reader, last.seq, world.time_ms, last.id)
    seen += [view.order.id for view in page.waiting]
    assert len(world.state.pendings) == 128 and sorted(seen) == sorted(world.state.pendings)
