"""Cancelling: for nothing in its time, at a named price after it, never after delivery."""

from typing import Any

import pytest

from tests.builders import TAXES, World
from thingmarket.catalog.terms import Milestone, Terms
from thingmarket.contract.contract import ContractState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.cancelling import preview
from thingmarket.market.queries import reader_of
from thingmarket.market.records import ListingState
from thingmarket.market.views import CancelPreview
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire.cancelling import preview_message, read_preview

PAYABLE = 1_190
FULL = 100_00
PRICED: dict[str, Any] = {"cancel_planned_basis_points": 1_000, "cancel_ready_basis_points": 5_000}


class Tailor(World):
    """Alice's wardrobe orders suits of Bob; `terms` are those of his offer."""

    def __init__(self, taxes: Any = TAXES, jurisdiction: str = "", **terms: Any) -> None:
        super().__init__(taxes=taxes)
        self.alice = self.owner("alice", fund=FULL)
        self.bob = self.owner("bob")
        self.wardrobe = self.thing("wardrobe", self.alice)
        self.shop = self.thing("shop", self.bob)
        self.suit = self.offer(self.shop, terms=Terms(**terms), jurisdiction=jurisdiction)

    def preview(self, contract: bytes = b"", offer: bytes = b"", quantity: int = 0) -> CancelPreview:
        """What the wardrobe is told, as it comes through the wire."""
        reader = reader_of(self.state, self.wardrobe.id)
        found = preview(self.state, reader, contract, offer, quantity)
        message = pb.PreviewCancelResponse.FromString(preview_message(found).SerializeToString())
        assert read_preview(message) == found
        return found


def test_in_its_time_cancelling_costs_nothing_and_the_seller_does_not_begin() -> None:  # [CAN-1]
    world = Tailor(cancel_window_ms=HOUR_MS, **PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    assert world.contract(contract).state is ContractState.PENDING
    assert world.deliver(contract).code == world.ready(contract).code == Code.WRONG_STATE
    world.pass_time(HOUR_MS - 1)
    assert world.cancel(contract).code == 0
    done = world.contract(contract)
    assert (done.state, done.history[-1].cause) == (ContractState.CANCELLED, "Cancel")
    assert (world.balance(world.alice), world.balance(world.bob)) == (FULL, 0)
    assert world.stock(world.suit) == 100
    world.pass_time(HOUR_MS)  # the start that was waited for does not come any more


def test_when_the_time_is_over_the_seller_begins_and_the_price_counts() -> None:  # [CAN-1] [CAN-2] [CAN-3]
    world = Tailor(cancel_window_ms=HOUR_MS, **PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    world.pass_time(HOUR_MS)
    assert world.contract(contract).state is ContractState.ACTIVE
    assert world.cancel(contract).code == world.cancel(contract, most_minor=118).code == Code.FEE_TOO_HIGH
    assert world.cancel(contract, most_minor=119).code == 0
    assert (world.balance(world.alice), world.balance(world.bob)) == (FULL - 119, 119)
    assert world.contract(contract).state is ContractState.CANCELLED


def test_the_seller_may_give_up_while_the_buyer_may_still_cancel() -> None:  # [CAN-1]
    world = Tailor(cancel_window_ms=HOUR_MS)
    contract = world.bought(world.wardrobe, world.suit)
    assert world.fail(contract).code == 0
    assert world.contract(contract).state is ContractState.CANCELLED


def test_each_state_has_its_own_price_and_what_is_delivered_none() -> None:  # [CAN-3] [FUL-1]
    world = Tailor(**PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    world.ready(contract)
    assert world.cancel(contract, most_minor=594).code == Code.FEE_TOO_HIGH
    assert world.cancel(contract, most_minor=595).code == 0
    late = world.bought(world.wardrobe, world.suit)
    world.deliver(late)
    assert world.cancel(late, most_minor=FULL).code == Code.WRONG_STATE


def test_an_offer_that_names_no_price_is_not_cancelled() -> None:  # [CAN-3]
    world = Tailor(cancel_planned_basis_points=0)
    contract = world.bought(world.wardrobe, world.suit)
    world.ready(contract)
    assert world.cancel(contract, most_minor=FULL).code == Code.NOT_CANCELLABLE
    plain = Tailor()
    other = plain.bought(plain.wardrobe, plain.suit)
    assert plain.cancel(other, most_minor=FULL).code == Code.NOT_CANCELLABLE


def test_who_is_late_has_no_claim() -> None:  # [CAN-4]
    world = Tailor(grace_ms=DAY_MS, **PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    world.pass_time(2 * DAY_MS)
    assert world.cancel(contract).code == Code.FEE_TOO_HIGH
    world.pass_time(1)
    assert world.cancel(contract).code == 0
    assert world.balance(world.alice) == FULL


def test_only_the_buyers_side_cancels_and_only_who_may() -> None:  # [CAN-2] [CON-3]
    world = Tailor(**PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    assert world.cancel(contract, world.shop, most_minor=FULL).code == Code.NOT_PERMITTED
    assert world.cancel(contract, world.bob, most_minor=FULL).code == Code.NOT_PERMITTED
    stranger = world.thing("stranger", world.owner("carol"))
    assert world.cancel(contract, stranger, most_minor=FULL).code == Code.UNKNOWN_CONTRACT
    tied = world.thing("tied", world.alice, actions=(Action.BUY, Action.ACCEPT_DELIVERY))
    own = world.bought(tied, world.suit)
    assert world.cancel(own, most_minor=FULL).code == Code.DENIED
    assert world.cancel(own, world.alice, most_minor=FULL).code == 0  # the owner always may


def test_what_was_delivered_stays_and_the_rest_is_cancelled() -> None:  # [CAN-2] [CON-2]
    world = Tailor(**PRICED)
    contract = world.bought(world.wardrobe, world.suit, 4)
    world.deliver(contract, quantity=1)
    assert world.cancel(contract, most_minor=3 * 119).code == 0
    assert world.contract(contract).state is ContractState.ACTIVE
    world.pass_time(DAY_MS)
    done = world.contract(contract)
    assert done.state is ContractState.COMPLETED
    assert [unit.fulfilment.value for unit in done.units] == ["ACCEPTED", "CANCELLED"]
    assert world.balance(world.bob) == PAYABLE + 3 * 119
    assert world.stock(world.suit) == 99


def test_a_need_is_open_again_when_its_contract_is_cancelled() -> None:  # [CAT-3] [CAN-2]
    world = Tailor(cancel_window_ms=HOUR_MS)
    need = world.need(world.wardrobe)
    contract = world.bought(world.wardrobe, world.suit, need=need)
    assert world.cancel(contract).code == 0
    assert world.state.needs[need].state is ListingState.LIVE


def test_what_cancelling_costs_is_known_before_the_purchase() -> None:  # [CAN-5]
    world = Tailor(cancel_window_ms=HOUR_MS, **PRICED)
    seen = world.preview(offer=world.suit, quantity=3)
    assert [(each.state, each.fee_minor) for each in seen.by_state] == [("PLANNED", 357), ("READY", 1_785)]
    assert (seen.total_minor, seen.now_minor, seen.back_minor) == (3 * PAYABLE, 0, 3 * PAYABLE)
    assert seen.free_until_ms == world.state.time_ms + HOUR_MS
    never = Tailor()
    assert never.preview(offer=never.suit, quantity=1).now_minor is None


def test_the_tax_of_the_offers_own_jurisdiction_is_in_the_price_that_is_shown() -> None:  # [CAN-5]
    world = Tailor(taxes=(("DE:S", 700), ("S", 1_900)), jurisdiction="DE", **PRICED)
    seen = world.preview(offer=world.suit, quantity=3)
    assert (seen.total_minor, seen.now_minor) == (3_210, 321)


@pytest.mark.parametrize("shares", [(1_000_000,), (333_333, 333_333, 333_334)])
def test_the_price_that_is_shown_is_the_price_that_is_taken(shares: tuple[int, ...]) -> None:  # [CAN-5]
    parts = tuple(Milestone(title="a part", share_millionths=s, delivery_ms=2 * DAY_MS) for s in shares)
    world = Tailor(milestones=parts, **PRICED)
    before = world.preview(offer=world.suit, quantity=7)
    contract = world.bought(world.wardrobe, world.suit, 7)
    assert world.preview(contract=contract) == before
    world.ready(contract)
    seen = world.preview(contract=contract)
    assert seen.now_minor is not None and seen.free_until_ms == 0
    assert world.cancel(contract, most_minor=seen.now_minor - 1).code == Code.FEE_TOO_HIGH
    assert world.cancel(contract, most_minor=seen.now_minor).code == 0
    assert world.balance(world.alice) == FULL - 7 * PAYABLE + seen.back_minor
    over = world.preview(contract=contract)
    assert (over.now_minor, over.total_minor) == (None, 0)


def test_a_price_is_shown_of_one_thing_and_to_its_sides_only() -> None:  # [CAN-5] [QRY-1]
    world = Tailor(**PRICED)
    contract = world.bought(world.wardrobe, world.suit)
    stranger = world.thing("stranger", world.owner("carol"))
    reader = reader_of(world.state, stranger.id)
    for asked, code in (
        ((contract, b"", 0), Code.UNKNOWN_CONTRACT),
        ((contract, world.suit, 1), Code.BAD_FIELD),
        ((b"", b"", 0), Code.BAD_FIELD),
        ((b"", bytes(32), 1), Code.UNKNOWN_OFFER),
        ((b"", world.suit, 101), Code.WRONG_QUANTITY),
    ):
        with pytest.raises(Refusal) as caught:
            preview(world.state, reader, *asked)
        assert caught.value.number == code
