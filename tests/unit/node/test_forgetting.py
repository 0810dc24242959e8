"""Which sealed parts the node erases when an order ends: those that no contract needs."""

from tests.builders import World, limit
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import COMMAND_LIFE_MS, DAY_MS
from thingmarket.wire.standing import open_standing_order_body
from thingmarket_node.core import messages as m
from thingmarket_node.core.forgetting import forgettings, unneeded

ADDRESS = SealedRef(b"c" * 32, RetentionClass.CONTRACT)


class Home(World):
    """Alice's printer asks her above 20.00."""

    def __init__(self) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=500_00)
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)
        self.printer = self.thing("printer", self.alice, limits=(limit(cosign_above_minor=20_00),))

    def order(self) -> PendingId:
        return self.asked(self.printer, self.ink, 5, delivery=(ADDRESS,))

    def forgotten(self) -> list[m.ForgetSealed]:
        return list(forgettings(self.state, self.state.pendings.values()))


def test_parts_are_kept_while_an_order_waits_and_when_it_became_a_contract() -> None:  # [COS-12]
    world = Home()
    name = world.order()
    assert not world.forgotten()
    world.approve(world.alice, name)
    assert world.pending(name).contract and not world.forgotten()


def test_parts_of_an_order_that_came_to_nothing_are_erased() -> None:  # [COS-12]
    world = Home()
    asked_ms = world.time_ms
    world.approve(world.alice, world.order(), approved=False)
    expected = m.ForgetSealed((ADDRESS.commitment,), asked_ms - COMMAND_LIFE_MS)
    assert world.forgotten() == [expected]
    world.asked(world.printer, world.ink, 5)
    world.pass_time(DAY_MS)
    assert world.forgotten() == [expected], "the second one had nothing sealed"


def test_parts_of_a_standing_order_stay_for_its_next_times() -> None:  # [COS-12]
    world = Home()
    wish = OpenStandingOrder(
        key=world.key(),
        offer=world.ink,
        quantity_steps=5,
        currency="EUR",
        total_max_minor=100_00,
        interval_ms=DAY_MS,
        occurrences_max=3,
        delivery=(ADDRESS,),
    )
    world.send(world.printer, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))
    world.pass_time(1)
    (name,) = world.state.pendings
    world.approve(world.alice, name, approved=False)
    assert not world.forgotten()


def test_a_part_that_another_order_or_a_contract_needs_stays() -> None:  # [COS-12]
    world = Home()
    lost, other = world.order(), world.order()
    asked_ms = world.time_ms
    world.approve(world.alice, lost, approved=False)
    assert not world.forgotten(), "the other one waits, and needs the address"
    world.approve(world.alice, other)
    assert world.pending(other).contract and not world.forgotten(), "now its contract needs it"
    both = SealedRef(b"d" * 32, RetentionClass.CONTRACT)
    half = world.asked(world.printer, world.ink, 5, delivery=(ADDRESS, both))
    world.approve(world.alice, half, approved=False)
    assert world.forgotten() == [m.ForgetSealed((both.commitment,), asked_ms - COMMAND_LIFE_MS)]


def test_a_part_is_erased_with_the_last_order_that_needs_it() -> None:  # [COS-12]
    world = Home()
    for name in (world.order(), world.order()):
        assert not world.forgotten()
        world.approve(world.alice, name, approved=False)
    assert {one.commitments for one in world.forgotten()} == {(ADDRESS.commitment,)}


def test_a_part_is_spared_that_an_order_names_before_the_disk_has_the_end_of_the_first() -> None:  # [COS-12]
    world = Home()
    world.approve(world.alice, world.order(), approved=False)
    due = world.forgotten()
    assert due and list(unneeded(world.state, due)) == due
    world.order()
    assert not list(unneeded(world.state, due))
