"""One time of a standing order that waits is read and approved like any order, and hides no other."""

from dataclasses import replace

import pytest

from tests.builders import World, limit
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import DAY_MS
from thingmarket.market.indexes import Reader
from thingmarket.market.views import InboxPage
from thingmarket.market.waiting import inbox
from thingmarket.wire.inbox import inbox_message, read_inbox
from thingmarket.wire.standing import open_standing_order_body


class Home(World):
    """Ann's machine has to ask for each order; one came by itself, one by its standing order."""

    def __init__(self) -> None:
        super().__init__()
        self.ann = self.owner("ann", fund=500_00)
        offer = self.offer(self.thing("shop", self.owner("bob")))
        machine = self.thing("machine", self.ann, limits=(limit(cosign_above_minor=0),))
        self.asked(machine, offer, 5)
        wish = OpenStandingOrder(
            key=self.key(),
            offer=offer,
            quantity_steps=3,
            currency="EUR",
            total_max_minor=40_00,
            interval_ms=DAY_MS,
            occurrences_max=3,
        )
        self.send(machine, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))
        self.pass_time(1)

    def page(self) -> InboxPage:
        return inbox(self.state, Reader(self.ann.id, self.ann.id), 0, self.time_ms)


def test_an_inbox_with_a_time_of_a_standing_order_is_read_and_approved() -> None:  # [COS-7] [STO-4]
    home = Home()
    (by_itself, standing), _ = read_inbox(inbox_message(home.page()))
    assert (by_itself.purchase.quantity_steps, standing.purchase.quantity_steps) == (5, 3)
    assert standing.purchase.total_minor == 3 * 11_90
    assert home.approve(home.ann, standing.id, body_digest=standing.body_digest).code == 0
    assert home.pending(standing.id).contract


def test_a_time_that_costs_more_than_its_buyer_signed_is_not_shown() -> None:  # [COS-7]
    home = Home()
    page = home.page()
    order = page.waiting[1].order
    dearer = replace(order, purchase=replace(order.purchase, total_minor=40_01))
    shown = replace(page, waiting=(replace(page.waiting[1], order=dearer),))
    with pytest.raises(Refusal) as refused:
        read_inbox(inbox_message(shown))
    assert refused.value.number == Code.TAMPERED
