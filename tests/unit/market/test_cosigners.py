"""Nobody is asked about another's orders before he agreed to it, nor after he took that back."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import GENEROUS, Actor, World, limit, replayed
from thingmarket.contract.approvals import AgreeToCosign, PendingState, check_agree_to_cosign
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import PartyId
from thingmarket.limits import COSIGNED_OWNERS_MAX, DAY_MS, HOUR_MS
from thingmarket.market import queries, waiting
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.wire.standing import open_standing_order_body


class Home(World):
    """Alice's printer asks her above 20.00, and names Ada and Eve who may approve besides her."""

    def __init__(self, **permits: Any) -> None:
        super().__init__()
        self.alice, self.ada, self.eve = (self.owner(name, fund=500_00) for name in ("alice", "ada", "eve"))
        self.ink = self.offer(self.thing("shop", self.owner("bob")))
        self.permits = {
            "limits": (limit(GENEROUS, cosign_above_minor=20_00),),
            "cosigners": tuple(sorted((self.ada.id, self.eve.id))),
            "cosign_ttl_ms": HOUR_MS,
            **permits,
        }
        self.printer = self.thing("printer", self.alice, **self.permits)

    def inbox_of(self, party: Actor) -> list[bytes]:
        reader = queries.reader_of(self.state, party.id)
        page = waiting.inbox(self.state, reader, 0, self.time_ms)
        return [view.order.id for view in page.waiting]


def test_a_stranger_fills_nobodys_inbox_and_nobodys_news() -> None:  # [COS-13]
    world = Home()
    for _ in range(3):
        outcome = world.buy(world.printer, world.ink, 5)
        assert outcome.pending and {notice.owner for notice in outcome.notices} == {world.alice.id}
    assert len(world.inbox_of(world.alice)) == 3
    assert not world.inbox_of(world.ada) and not world.inbox_of(world.eve)
    (name, *_) = world.inbox_of(world.alice)
    assert world.approve(world.ada, name).code == Code.UNKNOWN_ENTRY
    with pytest.raises(Refusal):
        waiting.pending_view(world.state, queries.reader_of(world.state, world.ada.id), name, world.time_ms)


def test_who_agreed_is_asked_about_the_orders_that_begin_from_then_on() -> None:  # [COS-13]
    world = Home()
    before = world.asked(world.printer, world.ink, 5)
    assert world.agree_to_cosign(world.ada, world.alice).code == 0
    after = world.asked(world.printer, world.ink, 5)
    assert world.inbox_of(world.ada) == [after] and world.inbox_of(world.alice) == [before, after]
    assert world.approve(world.ada, after).code == 0 and world.pending(after).contract


def test_who_agreed_for_one_owner_is_asked_about_no_others_orders() -> None:  # [COS-13]
    world = Home()
    world.agree_to_cosign(world.ada, world.eve)
    world.asked(world.printer, world.ink, 5)
    assert not world.inbox_of(world.ada)


def test_an_order_that_too_few_agreed_to_approve_is_refused_and_names_whom_to_ask() -> None:  # [COS-13]
    world = Home(cosign_quorum=2)
    outcome = world.buy(world.printer, world.ink, 5)
    first = min(world.ada.id, world.eve.id)
    assert (outcome.code, outcome.rule, outcome.pending) == (Code.NEED_COSIGN, "COS-13", False)
    assert outcome.reason == f"ask {first} to agree: thingmarket owner cosign-for OWNER"
    assert outcome.decision is not None and outcome.decision.rules == ("COS-1",)
    assert not world.state.pendings and not world.state.spending
    other = world.eve if first == world.ada.id else world.ada
    world.agree_to_cosign(other, world.alice)
    name = world.asked(world.printer, world.ink, 5)
    assert world.approve(world.alice, name).code == world.approve(other, name).code == 0
    assert world.pending(name).contract


def test_a_signed_approval_that_comes_along_counts_by_itself() -> None:  # [COS-13] [MAN-9]
    world = Home(cosign_quorum=2)
    body = world.purchase_body(world.ink, 5)
    word = world.approval(world.ada, body, world.printer.mandate_leaf)
    outcome = world.send(world.printer, TypeId.PURCHASE, body, word)
    assert outcome.pending and not world.inbox_of(world.ada)
    assert world.approve(world.alice, outcome.reference).code == 0
    assert world.pending(outcome.reference).contract


def test_who_agrees_no_more_loses_the_orders_of_that_owner_from_his_inbox() -> None:  # [COS-14]
    world = Home()
    world.agree_to_cosign(world.ada, world.alice)
    name = world.asked(world.printer, world.ink, 5)
    ended = world.agree_to_cosign(world.ada, world.alice, agreed=False)
    assert ended.code == 0 and {one.owner for one in ended.notices} == {world.alice.id, world.ada.id}
    assert not world.inbox_of(world.ada) and world.inbox_of(world.alice) == [name]
    assert world.approve(world.ada, name).code == Code.UNKNOWN_ENTRY
    assert world.approve(world.alice, name).code == 0 and world.pending(name).contract
    world.asked(world.printer, world.ink, 5)
    assert not world.inbox_of(world.ada)


def test_an_order_that_lost_its_quorum_waits_for_its_deadline() -> None:  # [COS-14]
    world = Home(cosign_quorum=2)
    world.agree_to_cosign(world.ada, world.alice)
    name = world.asked(world.printer, world.ink, 5)
    world.agree_to_cosign(world.ada, world.alice, agreed=False)
    assert world.approve(world.alice, name).code == 0 and world.pending(name).waits
    world.pass_time(HOUR_MS)
    assert world.pending(name).state is PendingState.TIMED_OUT


def test_a_yes_stands_though_he_who_said_it_agrees_no_more() -> None:  # [COS-14]
    world = Home(cosign_quorum=2)
    world.agree_to_cosign(world.ada, world.alice)
    name = world.asked(world.printer, world.ink, 5)
    assert world.approve(world.ada, name).code == 0
    world.agree_to_cosign(world.ada, world.alice, agreed=False)
    assert not world.inbox_of(world.ada)
    assert world.approve(world.alice, name).code == 0 and world.pending(name).contract


def test_the_owner_is_asked_when_the_one_whom_he_wished_for_agrees_no_more() -> None:  # [COS-14] [PER-1]
    world = Home()
    world.agree_to_cosign(world.ada, world.alice)
    world.persona(world.alice, world.printer, approvers=(world.ada.id,))
    name = world.asked(world.printer, world.ink, 5)
    assert world.inbox_of(world.ada) == [name] and not world.inbox_of(world.alice)
    world.agree_to_cosign(world.ada, world.alice, agreed=False)
    assert world.inbox_of(world.alice) == [name] and not world.inbox_of(world.ada)


def test_only_an_owner_agrees_and_only_once_and_for_another_who_is_known() -> None:  # [COS-13] [COS-14]
    world = Home()
    for by in (world.printer, world.operator):
        assert world.agree_to_cosign(by, world.alice).code == Code.NOT_PERMITTED
    assert world.agree_to_cosign(world.alice, world.alice).code == Code.BAD_FIELD
    assert world.agree_to_cosign(world.ada, world.alice, agreed=False).code == Code.UNKNOWN_ENTRY
    assert world.agree_to_cosign(world.ada, world.alice).code == 0
    assert world.agree_to_cosign(world.ada, world.alice).code == Code.ALREADY_KNOWN
    stranger = World().owner("nobody here")
    assert world.agree_to_cosign(world.ada, stranger).code == Code.UNKNOWN_PARTY
    with pytest.raises(Refusal) as caught:
        check_agree_to_cosign(AgreeToCosign(key=bytes(16), owner=world.printer.id, agreed=True))
    assert caught.value.number == Code.BAD_ID


def test_nobody_agrees_for_more_owners_than_the_limit() -> None:  # [COS-13]
    world = Home()
    names = [(world.ada.id, PartyId(f"owner {number}")) for number in range(COSIGNED_OWNERS_MAX)]
    for name in names:
        world.state.willing_cosigners.put(name, 1)
    world.state.undo.forget()
    assert world.agree_to_cosign(world.ada, world.alice).code == Code.FULL
    world.state.willing_cosigners.drop(names[0])
    world.state.undo.forget()
    assert world.agree_to_cosign(world.ada, world.alice).code == 0


def test_who_agreed_is_known_after_a_restart() -> None:  # [COS-13] [LOG-6]
    world = Home()
    world.agree_to_cosign(world.ada, world.alice)
    world.market = Market(State.restore(world.state.snapshot()))
    name = world.asked(world.printer, world.ink, 5)
    assert world.inbox_of(world.ada) == [name]
    world.agree_to_cosign(world.ada, world.alice, agreed=False)
    assert not world.inbox_of(world.ada)
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and again.state.state_root() == world.state.state_root()


def test_a_standing_order_that_nobody_could_approve_is_not_opened() -> None:  # [COS-13] [STO-2]
    world = Home(cosign_quorum=2)
    wish = OpenStandingOrder(
        key=world.key(),
        offer=world.ink,
        quantity_steps=5,
        currency="EUR",
        total_max_minor=100_00,
        interval_ms=DAY_MS,
        occurrences_max=3,
    )
    outcome = world.send(world.printer, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))
    assert (outcome.code, outcome.rule) == (Code.NEED_COSIGN, "COS-13")
    assert not world.state.standing_orders
    world.agree_to_cosign(world.ada, world.alice)
    again = replace(wish, key=world.key())
    outcome = world.send(world.printer, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(again))
    assert outcome.code == 0
    world.pass_time(1)
    assert len(world.inbox_of(world.ada)) == 1
