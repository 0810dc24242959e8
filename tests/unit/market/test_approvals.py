"""Orders that wait for somebody's word: every message in every state, and what each of them leads to."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.builders import GENEROUS, World, limit, replayed
from tests.support.things import order
from thingmarket.contract.approvals import APPROVAL, PendingId, PendingState
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.things import ThingOrder
from thingmarket.ids import ContractId
from thingmarket.limits import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PENDING_KEPT_MS,
    PENDINGS_PER_THING_MAX,
)
from thingmarket.market.entries import NoticeKind
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.policy.decision import Verdict
from thingmarket.settlement.transfers import Status
from thingmarket.transitions import Role

THRESHOLD = 20_00
FIVE = 59_50  # five at 10.00 and 19 % tax


class Home(World):
    """Alice's printer asks her above 20.00; her partner Ada may approve too. Bob's shop sells ink."""

    def __init__(self, *, fund: int = 500_00, quorum: int = 1, **permits: Any) -> None:
        super().__init__()
        self.alice, self.ada, self.eve = (self.owner(name, fund=fund) for name in ("alice", "ada", "eve"))
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)
        self.agree_to_cosign(self.ada, self.alice)
        budget = {"cosign_above_minor": THRESHOLD, **permits.pop("budget", {})}
        self.permits = {
            "limits": (limit(GENEROUS, **budget),),
            "cosigners": (self.ada.id,),
            "cosign_quorum": quorum,
            "cosign_ttl_ms": HOUR_MS,
            **permits,
        }
        self.printer = self.thing("printer", self.alice, **self.permits)

    def state_of(self, pending: bytes) -> PendingState:
        return self.pending(pending).state

    def reserved(self) -> int:
        return sum(counter.reserved_minor for counter in self.state.spending.values())

    def spent(self) -> int:
        return self.state.spending[self.printer.mandate_leaf, "EUR"].total_minor  # type: ignore[index]


# --- the table


def test_what_the_table_does_not_have_is_refused() -> None:  # [COS-6] [TAB-1]
    rows = {(row.state, row.message): row for row in APPROVAL.steps}
    for state, message, role in product(APPROVAL.states, APPROVAL.messages, Role):
        row = rows.get((state, message))
        if row is not None and row.role is role:
            assert APPROVAL.after(state, message, role) is row.then
            continue
        with pytest.raises(Refusal) as caught:
            APPROVAL.after(state, message, role)
        assert caught.value.number == (Code.WRONG_STATE if row is None else Code.NOT_PERMITTED)
    assert APPROVAL.after_silence(PendingState.PENDING) is PendingState.TIMED_OUT


def rejected(world: Home, pending: PendingId) -> None:
    assert world.approve(world.alice, pending, approved=False).code == 0


def approved(world: Home, pending: PendingId) -> None:
    assert world.approve(world.alice, pending).code == 0


def timed_out(world: Home, _: PendingId) -> None:
    world.pass_time(HOUR_MS)


def withdrawn(world: Home, pending: PendingId) -> None:
    assert world.approve(world.printer, pending, approved=False).code == 0


def revoked(world: Home, _: PendingId) -> None:
    assert world.revoke(world.alice, mandate=world.printer.mandate_leaf).code == 0


ENDS: dict[Callable[[Home, PendingId], None], PendingState] = {
    rejected: PendingState.REJECTED,
    approved: PendingState.APPROVED,
    timed_out: PendingState.TIMED_OUT,
    withdrawn: PendingState.WITHDRAWN,
    revoked: PendingState.WITHDRAWN,
}


@pytest.mark.parametrize("ended", ENDS)
@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("who", ["alice", "ada", "printer"])
def test_an_order_that_waits_no_more_hears_nobody(
    ended: Callable[[Home, PendingId], None], yes: bool, who: str
) -> None:  # [COS-6]
    world = Home()
    pending = world.asked(world.printer, world.ink, 5)
    ended(world, pending)
    assert world.state_of(pending) is ENDS[ended] and world.reserved() == 0
    before = world.state.effects_root()
    outcome = world.approve(getattr(world, who), pending, approved=yes)
    assert outcome.code in {Code.WRONG_STATE, Code.NOT_PERMITTED}
    assert world.state.effects_root() == before


# --- asking


def test_an_order_above_the_threshold_waits_and_holds_nothing_but_budget() -> None:  # [COS-4]
    world = Home()
    outcome = world.buy(world.printer, world.ink, 5)
    assert (outcome.code, outcome.pending) == (0, True)
    assert outcome.decision is not None and outcome.decision.verdict is Verdict.NEED_COSIGN
    assert not world.state.contracts and world.stock(world.ink) == 100
    assert world.balance(world.alice) == 500_00 and world.reserved() == world.spent() == FIVE
    told = {(notice.owner, notice.kind, notice.state) for notice in outcome.notices}
    assert told == {(party.id, NoticeKind.APPROVAL, "PENDING") for party in (world.alice, world.ada)}


def test_asking_again_with_the_same_body_is_answered_with_the_same_order() -> None:  # [COS-4] [ID-11]
    world = Home()
    body = world.purchase_body(world.ink, 5)
    first, again = (world.send(world.printer, TypeId.PURCHASE, body) for _ in range(2))
    assert (first.reference, first.seq, first.pending) == (again.reference, again.seq, again.pending)
    assert len(world.state.pendings) == 1


def test_what_waits_counts_as_spent() -> None:  # [COS-4] [MAN-7]
    world = Home(budget={"per_day_minor": 100_00})
    pending = world.asked(world.printer, world.ink, 5)
    outcome = world.buy(world.printer, world.ink, 5)
    assert (outcome.code, outcome.rule) == (Code.DENIED, "LIM-3")
    rejected(world, pending)
    world.asked(world.printer, world.ink, 5)


def test_an_inbox_takes_no_more_orders_than_somebody_can_read() -> None:  # [COS-5]
    world = Home()
    first, *_ = [world.asked(world.printer, world.ink, 5) for _ in range(PENDINGS_PER_THING_MAX)]
    outcome = world.buy(world.printer, world.ink, 5)
    assert (outcome.code, outcome.rule) == (Code.FULL, "COS-5")
    other = world.thing("oven", world.alice, **world.permits)
    world.asked(other, world.ink, 5)
    withdrawn(world, first)
    world.asked(world.printer, world.ink, 5)


def test_one_order_at_a_time_waits_for_a_need() -> None:  # [COS-5] [CAT-3]
    world = Home()
    need = world.need(world.printer, quantity_steps=5)
    pending = world.asked(world.printer, world.ink, 5, need=need)
    assert world.buy(world.printer, world.ink, 5, need=need).code == Code.WRONG_STATE
    withdrawn(world, pending)
    pending = world.asked(world.printer, world.ink, 5, need=need)
    approved(world, pending)
    assert world.state.needs[need].contract == world.pending(pending).contract


# --- answering


def test_the_approving_entry_makes_the_contract() -> None:  # [COS-6] [COS-11]
    world = Home()
    pending = world.asked(world.printer, world.ink, 5)
    outcome = world.approve(world.alice, pending, reason="for the holidays")
    waited = world.pending(pending)
    assert outcome.reference == pending and waited.state is PendingState.APPROVED and not waited.missing
    contract = world.contract(waited.contract)
    assert (contract.buyer, contract.seq) == (world.printer.id, outcome.seq)
    assert world.balance(world.alice) == 500_00 - FIVE and world.reserved() == 0 and world.spent() == FIVE
    assert outcome.decision is not None and outcome.decision.verdict is Verdict.ALLOW
    facts = {fact.name: fact.value for fact in outcome.decision.facts}
    assert facts["approval.order"] == pending.hex() and facts["approval.by"] == world.alice.id
    assert (waited.words[0].reason, waited.words[0].time_ms) == ("for the holidays", facts["approval.at"])


@pytest.mark.parametrize("who", ["printer", "shop", "eve", "operator"])
def test_nobody_else_approves(who: str) -> None:  # [COS-6]
    world = Home()
    pending = world.asked(world.printer, world.ink, 5)
    refused = world.approve(getattr(world, who), pending)
    assert refused.code == (Code.NOT_PERMITTED if who == "printer" else Code.UNKNOWN_ENTRY)
    assert world.state_of(pending) is PendingState.PENDING


def test_a_quorum_takes_different_people() -> None:  # [COS-6]
    world = Home(quorum=2)
    pending = world.asked(world.printer, world.ink, 5)
    assert world.approve(world.ada, pending).code == 0
    assert world.state_of(pending) is PendingState.PENDING and not world.state.contracts
    assert world.approve(world.ada, pending).code == Code.ALREADY_KNOWN
    approved(world, pending)
    waited = world.pending(pending)
    assert waited.approved_by == (world.ada.id, world.alice.id) and waited.contract


def test_one_rejection_rejects() -> None:  # [COS-6]
    world = Home(quorum=2)
    pending = world.asked(world.printer, world.ink, 5)
    assert world.approve(world.ada, pending).code == 0
    rejected(world, pending)
    assert world.state_of(pending) is PendingState.REJECTED and not world.state.contracts


def test_a_word_about_another_purchase_counts_for_nothing() -> None:  # [COS-7]
    world = Home()
    small, large = (world.asked(world.printer, world.ink, steps) for steps in (2, 50))
    swapped = world.approve(world.alice, large, body_digest=world.pending(small).body_digest)
    assert (swapped.code, swapped.rule) == (Code.BAD_FIELD, "COS-7")
    assert world.state_of(large) is PendingState.PENDING


def test_signed_approvals_that_come_along_count_toward_the_quorum() -> None:  # [MAN-9] [COS-4]
    world = Home(quorum=2)
    body, leaf = world.purchase_body(world.ink, 5), world.printer.mandate_leaf
    one = world.send(world.printer, TypeId.PURCHASE, body, world.approval(world.ada, body, leaf))
    assert one.pending
    approved(world, PendingId(one.reference))
    assert world.pending(one.reference).contract
    body = world.purchase_body(world.ink, 5)
    both = [world.approval(by, body, leaf) for by in (world.ada, world.alice)]
    assert not world.send(world.printer, TypeId.PURCHASE, body, *both).pending


# --- what is missing by then


def sold_out(world: Home) -> None:
    assert world.deposit(world.eve, 1_000_00).code == 0
    world.bought(world.eve, world.ink, 98)


def without_money(world: Home) -> None:
    other = world.offer(world.shop, price_minor=100_00)
    world.bought(world.alice, other, 4)


def offer_ended(world: Home) -> None:
    assert world.withdraw_offer(world.shop, world.ink).code == 0


def thing_suspended(world: Home) -> None:
    assert order(world, world.alice, world.printer.id, ThingOrder.SUSPEND).code == 0


MISSING: dict[Callable[[Home], None], int] = {
    sold_out: Code.OUT_OF_STOCK,
    without_money: LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS,
    offer_ended: Code.OFFER_ENDED,
    thing_suspended: Code.DENIED,
}


@pytest.mark.parametrize("happened", MISSING)
def test_what_is_missing_is_named_and_the_budget_is_free(happened: Callable[[Home], None]) -> None:
    # [COS-6]
    world = Home()
    pending = world.asked(world.printer, world.ink, 5)
    happened(world)
    contracts = len(world.state.contracts)
    approved(world, pending)
    waited = world.pending(pending)
    assert waited.state is PendingState.APPROVED and not waited.contract
    assert waited.missing is not None and waited.missing.code == MISSING[happened]
    assert world.reserved() == world.spent() == 0 and len(world.state.contracts) == contracts


def test_an_approval_asks_no_budget_twice_not_even_on_the_next_day() -> None:  # [COS-6] [MAN-7]
    world = Home(budget={"per_day_minor": 70_00, "orders_per_day": 1}, cosign_ttl_ms=2 * DAY_MS)
    pending = world.asked(world.printer, world.ink, 5)
    world.pass_time(DAY_MS)
    world.bought(world.printer, world.ink, 1)
    approved(world, pending)
    assert world.pending(pending).contract
    counter = world.state.spending[world.printer.mandate_leaf, "EUR"]  # type: ignore[index]
    assert (counter.day_minor, counter.total_minor) == (11_90, FIVE + 11_90)


# --- other prices


def ended_by_price(world: Home) -> PendingId:
    """An approved order whose offer has ended meanwhile: the seller asks another price now."""
    pending = world.asked(world.printer, world.ink, 5)
    offer_ended(world)
    approved(world, pending)
    return pending


@pytest.mark.parametrize(
    ("price", "quantity", "waits"),
    [
        (9_00, 5, False),
        (10_00, 5, False),
        (10_00, 4, False),
        (10_01, 5, True),
        (10_00, 6, True),
        (12_00, 4, True),
    ],
)
def test_a_better_price_needs_no_new_approval_and_a_worse_one_does(
    price: int, quantity: int, waits: bool
) -> None:  # [COS-10]
    world = Home()
    pending = ended_by_price(world)
    now = world.offer(world.shop, price_minor=price)
    outcome = world.buy(world.printer, now, quantity, approved_by=pending)
    assert (outcome.code, outcome.pending) == (0, waits)
    assert bool(world.pending(pending).contract) is not waits
    assert bool(world.state.contracts) is not waits


def test_an_approval_serves_once() -> None:  # [COS-10]
    world = Home()
    pending = ended_by_price(world)
    now = world.offer(world.shop)
    assert not world.buy(world.printer, now, 5, approved_by=pending).pending
    assert world.buy(world.printer, now, 5, approved_by=pending).pending


def test_an_approval_serves_its_buyer_this_product_this_seller_and_a_while() -> None:  # [COS-10]
    world = Home()
    pending = ended_by_price(world)
    other_product = world.offer(world.shop, product_id="ink-red")
    other_seller = world.offer(world.eve)
    now = world.offer(world.shop)
    assert world.buy(world.printer, other_product, 5, approved_by=pending).pending
    assert world.buy(world.printer, other_seller, 5, approved_by=pending).pending
    oven = world.thing("oven", world.alice, **world.permits)
    assert world.buy(oven, now, 5, approved_by=pending).code == Code.UNKNOWN_ENTRY
    assert world.buy(world.printer, now, 5, approved_by=bytes(16)).code == Code.UNKNOWN_ENTRY
    world.pass_time(HOUR_MS)
    assert world.buy(world.printer, now, 5, approved_by=pending).pending


# --- silence


def test_the_deadline_is_the_earliest_of_patience_offer_and_mandate() -> None:  # [COS-9]
    world = Home()
    short = world.offer(world.shop, valid_until_ms=world.time_ms + 10 * MINUTE_MS)
    soon = world.thing("fax", world.alice, **world.permits, life_ms=20 * MINUTE_MS)
    left = {
        name: world.pending(world.asked(by, offer, 5)).deadline_ms - world.time_ms
        for name, by, offer in (
            ("patience", world.printer, world.ink),
            ("offer", world.printer, short),
            ("mandate", soon, world.ink),
        )
    }
    assert left == {"patience": HOUR_MS, "offer": 10 * MINUTE_MS, "mandate": 20 * MINUTE_MS}
    world.pass_time(HOUR_MS)
    assert {order.state for order in world.state.pendings.values()} == {PendingState.TIMED_OUT}
    assert world.reserved() == 0


def test_a_revoked_mandate_takes_its_orders_along_and_no_others() -> None:  # [COS-9] [MAN-8]
    world = Home()
    oven = world.thing("oven", world.alice, **world.permits)
    pending, other = world.asked(world.printer, world.ink, 5), world.asked(oven, world.ink, 5)
    revoked(world, pending)
    assert world.state_of(pending) is PendingState.WITHDRAWN
    assert world.state_of(other) is PendingState.PENDING and world.reserved() == FIVE


def test_what_came_to_nothing_is_forgotten_in_a_week_and_what_was_bought_is_not() -> None:  # [COS-9]
    world = Home()
    lost, made = (world.asked(world.printer, world.ink, 5) for _ in range(2))
    rejected(world, lost)
    approved(world, made)
    world.pass_time(PENDING_KEPT_MS - 1)
    assert lost in world.state.pendings
    world.pass_time(1)
    assert lost not in world.state.pendings and made in world.state.pendings


# --- as always


def test_a_restart_between_question_and_answer_changes_nothing() -> None:  # [LOG-6]
    world = Home(quorum=2)
    pending = world.asked(world.printer, world.ink, 5)
    assert world.approve(world.ada, pending).code == 0
    world.market = Market(State.restore(world.state.snapshot()))
    approved(world, pending)
    assert ContractId(world.pending(pending).contract) in world.state.contracts
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert again.state.state_root() == world.state.state_root()


def test_a_sub_agent_asks_the_owner_and_reserves_in_every_budget_above_it() -> None:  # [COS-4] [MAN-7]
    world = Home()
    root = world.mandate(world.alice, world.printer.id, **world.permits)
    agent = world.thing("tray", world.alice)
    tray = world.present(agent, root, world.delegated(root, world.printer, agent.id))
    pending = world.asked(tray, world.ink, 5)
    assert world.pending(pending).thing == world.printer.id
    assert world.reserved() == 2 * FIVE
    approved(world, pending)
    assert world.pending(pending).contract
