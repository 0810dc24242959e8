"""Waiting orders go through messages and come out the same; what a node could forge is found."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import World, limit
from thingmarket.contract.approvals import AgreeToCosign, Approve, Missing
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.contract.personas import Persona, SetPersona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import PartyId
from thingmarket.limits import HOUR_MS, INBOX_PAGE_MAX
from thingmarket.market import queries, waiting
from thingmarket.market.views import PendingView
from thingmarket.v1 import approval_pb2 as pb
from thingmarket.wire import inbox
from thingmarket.wire.approvals import (
    agree_to_cosign_body,
    approve_body,
    read_agree_to_cosign,
    read_approve,
    read_set_persona,
    set_persona_body,
)

NIGHT = WeeklyWindow(days_mask=127, start_minute=0, end_minute=7 * 60)
NOON = WeeklyWindow(days_mask=127, start_minute=12 * 60, end_minute=13 * 60)


class Home(World):
    """Alice's printer asks her, or Ada, above 20.00."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.ada = self.owner("alice", fund=500_00), self.owner("ada")
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)
        self.agree_to_cosign(self.ada, self.alice)
        budget = limit(cosign_above_minor=20_00)
        self.printer = self.thing("printer", self.alice, limits=(budget,), cosigners=(self.ada.id,))
        self.oven = self.thing("oven", self.alice)

    def view(self, name: bytes, by: PartyId | None = None) -> PendingView:
        reader = queries.reader_of(self.state, by or self.alice.id)
        return waiting.pending_view(self.state, reader, name, self.time_ms)

    def shown(self, name: bytes) -> inbox.PendingSeen:
        message = inbox.pending_message(self.view(name)).SerializeToString()
        return inbox.pending_value(pb.PendingView.FromString(message))


def test_a_waiting_order_reaches_its_owner_as_its_buyer_signed_it() -> None:  # [COS-7] [COS-8]
    world = Home()
    world.persona(world.alice, world.printer, quiet=(NOON,))
    name = world.asked(world.printer, world.ink, 5)
    order, seen = world.pending(name), world.shown(name)
    assert (seen.purchase, seen.body_digest) == (order.purchase, order.body_digest)
    assert (seen.buyer, seen.owner, seen.rule) == (world.printer.id, world.alice.id, "COS-1")
    assert (seen.facts, seen.cosigners, seen.deadline_ms) == (order.facts, order.cosigners, order.deadline_ms)
    assert seen.waits and seen.quiet_until_ms == world.time_ms + HOUR_MS


def test_what_became_of_an_order_reaches_those_whom_it_concerns() -> None:  # [COS-8]
    world = Home()
    name = world.asked(world.printer, world.ink, 5)
    world.withdraw_offer(world.shop, world.ink)
    world.approve(world.ada, name, reason="go on")
    seen = world.shown(name)
    assert seen.words == world.pending(name).words and seen.words[0].reason == "go on"
    assert seen.missing == world.pending(name).missing and isinstance(seen.missing, Missing)
    assert seen.usable_until_ms > world.time_ms and not seen.quiet_until_ms and not seen.contract


def test_strangers_and_sellers_see_no_order_that_waits() -> None:  # [COS-8]
    world = Home()
    name = world.asked(world.printer, world.ink, 5)
    for party in (world.alice, world.ada, world.printer):
        assert world.view(name, party.id).order.id == name
    for stranger in (world.shop, world.oven, world.owner("eve")):
        with pytest.raises(Refusal) as caught:
            world.view(name, stranger.id)
        assert caught.value.number == Code.UNKNOWN_ENTRY


def test_an_inbox_comes_in_pages_and_a_things_is_empty() -> None:  # [COS-8]
    world = Home()
    names = [world.asked(world.printer, world.ink, 5) for _ in range(3)]
    for party, found in ((world.alice, names), (world.ada, names), (world.printer, [])):
        reader = queries.reader_of(world.state, party.id)
        page = waiting.inbox(world.state, reader, 0, world.time_ms)
        orders, more = inbox.read_inbox(inbox.inbox_message(page))
        assert [order.id for order in orders] == found and not more
    after = world.pending(names[0]).seq
    page = waiting.inbox(world.state, queries.reader_of(world.state, world.alice.id), after, world.time_ms)
    assert [view.order.id for view in page.waiting] == names[1:]


def other_signature(message: pb.PendingView) -> None:
    payload = bytearray(message.purchase.payload)
    payload[payload.index(b"network of tests")] ^= 1
    message.purchase.payload = bytes(payload)


def other_buyer(message: pb.PendingView) -> None:
    message.buyer = message.owner


def other_mandate(message: pb.PendingView) -> None:
    message.mandate_leaf = bytes(32)


def no_state(message: pb.PendingView) -> None:
    message.state = "DONE"


def short_name(message: pb.PendingView) -> None:
    message.pending = b"short"


FORGED: dict[Callable[[pb.PendingView], None], Code] = {
    other_signature: Code.BAD_SIGNATURE,
    other_buyer: Code.TAMPERED,
    other_mandate: Code.TAMPERED,
    no_state: Code.BAD_FIELD,
    short_name: Code.BAD_ID,
}


@pytest.mark.parametrize("forge", FORGED)
def test_an_order_that_its_buyer_did_not_sign_is_not_shown(forge: Callable[[pb.PendingView], None]) -> None:
    # [COS-7]
    world = Home()
    message = inbox.pending_message(world.view(world.asked(world.printer, world.ink, 5)))
    forge(message)
    with pytest.raises(Refusal) as caught:
        inbox.pending_value(message)
    assert caught.value.number == FORGED[forge]


def test_a_page_that_is_too_long_is_not_read() -> None:
    message = pb.ListPendingResponse(pending=[pb.PendingView()] * (INBOX_PAGE_MAX + 1))
    with pytest.raises(Refusal) as caught:
        inbox.read_inbox(message)
    assert caught.value.number == Code.TOO_LARGE


def test_words_and_wishes_go_through_their_bytes() -> None:  # [COS-6] [PER-1]
    world = Home()
    word = Approve(key=b"k" * 16, pending=b"p" * 16, body_digest=b"d" * 32, approved=True, reason="why not")
    assert read_approve(approve_body(word)) == word
    for agreed in (True, False):
        agreement = AgreeToCosign(key=b"k" * 16, owner=world.alice.id, agreed=agreed)
        assert read_agree_to_cosign(agree_to_cosign_body(agreement)) == agreement
    wishes = SetPersona(
        key=b"k" * 16,
        thing=world.printer.id,
        persona=Persona(
            approvers=(world.ada.id,),
            quiet=(NIGHT, NOON),
            approval_latency_ms=HOUR_MS,
            cancel_window_ms=HOUR_MS,
            channels=SealedRef(b"c" * 32, RetentionClass.CONSENT),
        ),
    )
    assert read_set_persona(set_persona_body(wishes)) == wishes


@pytest.mark.parametrize(
    "changes",
    [{"key": b"k"}, {"pending": b"p" * 15}, {"body_digest": b""}, {"reason": "x" * 121}, {"reason": "a\nb"}],
)
def test_a_word_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "key": b"k" * 16,
        "pending": b"p" * 16,
        "body_digest": b"d" * 32,
        "approved": True,
        "reason": "",
    }
    with pytest.raises(Refusal):
        read_approve(approve_body(Approve(**(fields | changes))))


def test_an_owner_and_his_thing_read_his_wishes_and_no_other_thing_does() -> None:  # [PER-1]
    world = Home()
    world.persona(world.alice, world.printer, quiet=(NOON,), approvers=(world.ada.id,))
    for by, name in ((world.alice, world.printer.id), (world.printer, ""), (world.printer, world.printer.id)):
        view = waiting.persona_view(world.state, queries.reader_of(world.state, by.id), name, world.time_ms)
        seen = inbox.persona_value(inbox.persona_message(view))
        assert (seen.quiet, seen.approvers) == ((NOON,), (world.ada.id,))
        assert seen.quiet_until_ms == world.time_ms + HOUR_MS
    with pytest.raises(Refusal) as caught:
        reader = queries.reader_of(world.state, world.oven.id)
        waiting.persona_view(world.state, reader, world.printer.id, world.time_ms)
    assert caught.value.number == Code.NOT_PERMITTED
