"""Need slots: a thing asks again and again, and at most one order of a slot is open."""

import pytest

from tests.builders import World
from tests.unit.catalog.samples import a_need
from thingmarket.catalog.needs import check_need
from thingmarket.catalog.terms import Terms
from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS, HOUR_MS


class Washer(World):
    """Alice's washing machine needs detergent, which Bob sells."""

    def __init__(self) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=300_00)
        self.washer = self.thing("washer", self.alice)
        self.shop = self.thing("shop", self.owner("bob"))
        terms = Terms(cancel_window_ms=HOUR_MS)
        self.powder = self.offer(self.shop, terms=terms)


def test_a_want_that_is_open_is_not_announced_a_second_time() -> None:  # [SLT-1] [SLT-2]
    world = Washer()
    first = world.need(world.washer, slot="detergent")
    again = world.try_need(world.washer, slot="detergent")
    assert (again.code, again.rule) == (Code.SLOT_TAKEN, "SLT-2")
    assert again.reason.endswith(f"need {first.hex()}")
    world.need(world.washer, slot="softener")
    world.need(world.washer)  # one that names no slot
    assert world.try_need(world.thing("dryer", world.alice), slot="detergent").code == 0


def test_while_its_order_is_open_nothing_more_is_asked_for() -> None:  # [SLT-2] [SLT-3]
    world = Washer()
    need = world.need(world.washer, slot="detergent")
    contract = world.bought(world.washer, world.powder, need=need)
    again = world.try_need(world.washer, slot="detergent")
    assert again.code == Code.SLOT_TAKEN and again.reason.endswith(f"order {contract.hex()}")
    world.pass_time(HOUR_MS)
    world.deliver(contract)
    assert world.try_need(world.washer, slot="detergent").code == Code.SLOT_TAKEN
    world.accept(contract)
    assert world.need(world.washer, slot="detergent") != need


@pytest.mark.parametrize("how", ["fail", "cancel", "silence"])
def test_an_order_that_comes_to_nothing_opens_its_need_again(how: str) -> None:  # [SLT-3] [CAT-3]
    world = Washer()
    need = world.need(world.washer, slot="detergent")
    contract = world.bought(world.washer, world.powder, need=need)
    if how == "fail":
        world.fail(contract)
    elif how == "cancel":
        world.cancel(contract)
    else:
        world.pass_time(2 * DAY_MS)
    again = world.try_need(world.washer, slot="detergent")
    assert again.code == Code.SLOT_TAKEN and again.reason.endswith(f"need {need.hex()}")
    world.bought(world.washer, world.powder, need=need)


@pytest.mark.parametrize("how", ["withdrawn", "expired", "expired while its order was open"])
def test_a_want_that_has_ended_leaves_its_slot(how: str) -> None:  # [SLT-3]
    world = Washer()
    need = world.need(world.washer, slot="detergent", valid_until_ms=world.time_ms + DAY_MS)
    if how == "withdrawn":
        world.withdraw_need(world.washer, need)
    elif how == "expired":
        world.pass_time(DAY_MS)
    else:
        contract = world.bought(world.washer, world.powder, need=need)
        world.pass_time(DAY_MS)
        world.fail(contract)
    assert world.try_need(world.washer, slot="detergent").code == 0


@pytest.mark.parametrize("slot", ["Detergent", "a b", "x" * 65])
def test_a_slot_is_a_plain_name(slot: str) -> None:  # [SLT-1]
    check_need(a_need(slot="toner.black_2"))
    with pytest.raises(Refusal) as caught:
        check_need(a_need(slot=slot))
    assert caught.value.number == Code.BAD_FIELD
