"""Which sealed parts the node erases when an order ends: those that no contract needs."""

from tests.builders import World, limit
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.limits import COMMAND_LIFE_MS, DAY_MS
from thingmarket_node.core import messages as m
from thingmarket_node.core.telling import forgettings

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

    def forgotten(self) -> list[m.Effect]:
        return forgettings(self.state.pendings.values())


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
