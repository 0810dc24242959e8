"""How people come to trust a thing: autonomy lowered at once, choices in the shadow, feedback, a preview."""

from typing import Any

import pytest

from tests.builders import Actor, World, limit
from tests.support.things import broken
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.contract.feedback import (
    AskFeedback,
    Better,
    FeedbackState,
    GiveFeedback,
    Measured,
    feedback_key,
)
from thingmarket.contract.shadow import NO_AGREEMENT, Agreement, Proposal, ProposalState, ProposeChoice
from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.effective import effective
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import ContractId, Digest
from thingmarket.limits import FEEDBACK_MS, HOUR_MS, PROPOSALS_PER_NEED_MAX
from thingmarket.market.entries import Outcome
from thingmarket.market.hindsight import past_acts
from thingmarket.market.indexes import Reader
from thingmarket.market.state import State
from thingmarket.market.trust_queries import feedback_of, shadow_of
from thingmarket.policy.decision import Verdict
from thingmarket.policy.preview import preview
from thingmarket.wire import trust
from thingmarket.wire.identity import read_mandate
from thingmarket.wire.log import read_entry

COLD = Attribute("temperature_max", ScaledInteger(8, 0, "CEL"))


class Kiosk(World):
    """Anna's machine buys of Bob's shop; the shop promises that drinks arrive at 8 degrees at most."""

    def __init__(self) -> None:
        super().__init__()
        self.anna, self.bob = self.owner("anna", fund=100_000), self.owner("bob")
        self.machine, self.shop = self.thing("machine", self.anna), self.thing("shop", self.bob)
        self.cola = self.offer(self.shop, attributes=(COLD,))

    def lower(self, level: Autonomy, by: Actor | None = None) -> Outcome:
        body = LowerAutonomy(key=self.key(), thing=self.machine.id, autonomy=level)
        return self.send(by or self.anna, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(body))

    def propose(self, need: bytes, offer: bytes, by: Actor | None = None) -> Outcome:
        body = ProposeChoice(key=self.key(), need=need, offer=offer, total_minor=1_190)
        return self.send(by or self.machine, TypeId.PROPOSE_CHOICE, trust.propose_choice_body(body))

    def judge(self, contract: bytes, by: Actor | None = None, **changes: Any) -> Outcome:
        minted = feedback_key(self.contract(contract))
        body = GiveFeedback(**{"key": self.key(), "contract": contract, "feedback_key": minted, **changes})
        return self.send(by or self.machine, TypeId.GIVE_FEEDBACK, trust.give_feedback_body(body))

    def ask_to_rate(self, contract: bytes, by: Actor | None = None) -> Outcome:
        body = trust.ask_feedback_body(AskFeedback(key=self.key(), contract=contract))
        return self.send(by or self.shop, TypeId.ASK_FEEDBACK, body)

    def delivered(self) -> ContractId:
        contract = self.bought(self.machine, self.cola)
        self.deliver(contract)
        self.accept(contract)
        return contract


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


# --- autonomy


def test_a_lowered_thing_is_held_to_the_new_level_from_the_next_entry_on(kiosk: Kiosk) -> None:
    """[TRU-1]"""
    assert kiosk.buy(kiosk.machine, kiosk.cola).code == 0
    assert kiosk.lower(Autonomy.ANNOUNCER).code == 0
    refused = kiosk.buy(kiosk.machine, kiosk.cola)
    assert (refused.code, refused.rule) == (Code.DENIED, "AUT-0")
    assert kiosk.try_need(kiosk.machine).code == 0, "an announcer still says what it needs"


def test_raising_takes_a_new_mandate_and_a_milder_lowering_raises_nothing(kiosk: Kiosk) -> None:
    """[TRU-1]"""
    kiosk.lower(Autonomy.ANNOUNCER)
    kiosk.lower(Autonomy.ADAPTABLE)
    assert kiosk.buy(kiosk.machine, kiosk.cola).code == Code.DENIED
    kiosk.pass_time(HOUR_MS)
    raised = kiosk.present(kiosk.machine, kiosk.mandate(kiosk.anna, kiosk.machine.id))
    assert kiosk.buy(raised, kiosk.cola).code == 0


def test_lowering_reaches_those_whom_the_thing_handed_its_authority_to(kiosk: Kiosk) -> None:
    """[TRU-1]"""
    link = kiosk.mandate(kiosk.anna, kiosk.machine.id)
    helper = kiosk.thing("helper", kiosk.anna)
    sub = kiosk.present(helper, link, kiosk.delegated(link, kiosk.machine, helper.id))
    assert kiosk.buy(sub, kiosk.cola).code == 0
    kiosk.lower(Autonomy.ANNOUNCER)
    assert kiosk.buy(sub, kiosk.cola).code == Code.DENIED
    assert kiosk.buy(kiosk.actors[helper.id], kiosk.cola).code in (0, Code.DENIED)


def test_a_seller_lowered_to_announcer_sells_nothing_more(kiosk: Kiosk) -> None:
    """[TRU-1]"""
    body = LowerAutonomy(key=kiosk.key(), thing=kiosk.shop.id, autonomy=Autonomy.ANNOUNCER)
    assert kiosk.send(kiosk.bob, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(body)).code == 0
    assert kiosk.buy(kiosk.machine, kiosk.cola).code == Code.OFFER_ENDED


def test_nobody_but_the_owner_lowers_and_the_highest_level_lowers_nothing(kiosk: Kiosk) -> None:
    """[TRU-1]"""
    assert kiosk.lower(Autonomy.BOUND, by=kiosk.machine).code == Code.NOT_PERMITTED
    kiosk.lower(Autonomy.ANNOUNCER, by=kiosk.bob)  # a stranger's word about this thing means nothing
    assert kiosk.buy(kiosk.machine, kiosk.cola).code == 0
    with pytest.raises(Refusal):
        kiosk.lower(Autonomy.AUTONOMOUS)


# --- shadow


@pytest.mark.parametrize(
    ("bought", "state"),
    [
        ("same", ProposalState.AGREED),
        ("product", ProposalState.SAME_PRODUCT),
        ("other", ProposalState.DIFFERED),
        ("nothing", ProposalState.NOT_BOUGHT),
    ],
)
def test_what_the_owner_did_is_compared_with_what_the_thing_proposed(
    kiosk: Kiosk, bought: str, state: ProposalState
) -> None:
    """[SHD-2]"""
    offers = {
        "same": kiosk.cola,
        "product": kiosk.offer(kiosk.shop, title="Another crate"),
        "other": kiosk.offer(kiosk.shop, product_id="lemonade"),
    }
    need = kiosk.need(kiosk.machine)
    assert kiosk.propose(need, kiosk.cola).code == 0
    if bought == "nothing":
        assert kiosk.withdraw_need(kiosk.machine, need).code == 0
    else:
        kiosk.bought(kiosk.anna, offers[bought], need=need)
    agreement, proposals = shadow_of(
        kiosk.state, Reader(kiosk.anna.id, kiosk.anna.id), kiosk.machine.id, after_seq=0
    )
    assert [one.state for one in proposals] == [state]
    assert agreement.decided == 1
    assert agreement == NO_AGREEMENT.after(state)


def test_what_the_thing_bought_itself_is_not_counted(kiosk: Kiosk) -> None:
    """[SHD-2]"""
    need = kiosk.need(kiosk.machine)
    kiosk.propose(need, kiosk.cola)
    kiosk.bought(kiosk.machine, kiosk.cola, need=need)
    assert kiosk.state.agreements.get((kiosk.anna.id, kiosk.machine.id)) is None
    assert len(kiosk.state.proposals) == 0


def test_a_later_proposal_takes_the_place_of_the_earlier_one(kiosk: Kiosk) -> None:
    """[SHD-1]"""
    other = kiosk.offer(kiosk.shop, product_id="lemonade")
    need = kiosk.need(kiosk.machine)
    kiosk.propose(need, kiosk.cola)
    kiosk.propose(need, other)
    assert [one.offer for one in kiosk.state.proposals.values()] == [other]


def test_a_thing_leaves_the_proposals_of_the_others_alone(kiosk: Kiosk) -> None:
    """[SHD-1] [SHD-2]"""
    other = kiosk.offer(kiosk.shop, product_id="lemonade")
    sibling = kiosk.thing("sibling", kiosk.anna)
    need = kiosk.need(kiosk.machine)
    assert kiosk.propose(need, kiosk.cola).code == kiosk.propose(need, other, by=sibling).code == 0
    assert [one.offer for one in shadow_of_thing(kiosk, kiosk.machine)[1]] == [kiosk.cola]
    kiosk.bought(kiosk.anna, kiosk.cola, need=need)
    for thing, state in ((kiosk.machine, ProposalState.AGREED), (sibling, ProposalState.DIFFERED)):
        agreement, proposals = shadow_of_thing(kiosk, thing)
        assert [one.state for one in proposals] == [state] and agreement == NO_AGREEMENT.after(state)


def test_a_need_takes_the_proposals_of_so_many_things_only(kiosk: Kiosk) -> None:
    """[SHD-1]"""
    need = kiosk.need(kiosk.machine)
    things = [kiosk.thing(f"thing {number}", kiosk.anna) for number in range(PROPOSALS_PER_NEED_MAX)]
    for thing in things:
        assert kiosk.propose(need, kiosk.cola, by=thing).code == 0
    assert kiosk.propose(need, kiosk.cola).code == Code.FULL
    assert kiosk.propose(need, kiosk.cola, by=things[-1]).code == 0, "its own later one takes the place"


def shadow_of_thing(kiosk: Kiosk, thing: Actor) -> tuple[Agreement, tuple[Proposal, ...]]:
    return shadow_of(kiosk.state, Reader(kiosk.anna.id, kiosk.anna.id), thing.id, after_seq=0)


def test_a_proposal_is_of_an_open_need_of_ones_owner_and_a_live_offer(kiosk: Kiosk) -> None:
    """[SHD-1]"""
    need = kiosk.need(kiosk.machine)
    assert kiosk.propose(need, kiosk.cola, by=kiosk.shop).code == Code.UNKNOWN_NEED
    assert kiosk.propose(need, Digest(bytes(32))).code == Code.UNKNOWN_OFFER
    assert kiosk.propose(need, kiosk.cola, by=kiosk.anna).code == Code.NOT_PERMITTED
    kiosk.withdraw_offer(kiosk.shop, kiosk.cola)
    assert kiosk.propose(need, kiosk.cola).code == Code.OFFER_ENDED
    kiosk.withdraw_need(kiosk.machine, need)
    assert kiosk.propose(need, kiosk.cola).code == Code.NEED_ENDED


def test_a_thing_is_told_of_its_own_proposals_only(kiosk: Kiosk) -> None:
    """[SHD-4]"""
    need = kiosk.need(kiosk.machine)
    kiosk.propose(need, kiosk.cola)
    sibling = kiosk.thing("sibling", kiosk.anna)
    with pytest.raises(Refusal):
        shadow_of(kiosk.state, Reader(sibling.id, kiosk.anna.id), kiosk.machine.id, 0)
    own = shadow_of(kiosk.state, Reader(kiosk.machine.id, kiosk.anna.id), kiosk.machine.id, 0)
    assert len(own[1]) == 1
    assert shadow_of(kiosk.state, Reader(kiosk.bob.id, kiosk.bob.id), kiosk.machine.id, 0)[1] == ()


# --- feedback


def test_feedback_holds_promised_against_measured(kiosk: Kiosk) -> None:
    """[FBK-1] [FBK-3] [FBK-4] [FBK-6]"""
    contract = kiosk.delivered()
    warm = Measured("temperature_max", ScaledInteger(11, 0, "CEL"), Better.LOWER)
    assert kiosk.judge(contract, measured=(warm,)).code == 0
    (row,) = feedback_of(kiosk.state, Reader(kiosk.bob.id, kiosk.bob.id), received=True, after_seq=0)
    assert [(level.name, level.promised_steps, level.measured_steps, level.met) for level in row.levels] == [
        ("delivery.quantity", 1, 1, True),
        ("delivery.late_ms", 0, 0, True),
        ("temperature_max", 8, 11, False),
    ]
    assert row.satisfaction_millionths == 666_666
    given = feedback_of(kiosk.state, Reader(kiosk.anna.id, kiosk.anna.id), received=False, after_seq=0)
    assert given == (row,)


def test_goods_that_never_came_are_no_kept_promise(kiosk: Kiosk) -> None:
    """[FBK-4]"""
    contract = kiosk.bought(kiosk.machine, kiosk.cola, 3)
    kiosk.fail(contract)
    assert kiosk.judge(contract).code == 0
    (row,) = kiosk.state.feedback.values()
    assert row.satisfaction_millionths == 0


def test_feedback_is_given_once_by_the_buyer_with_the_key_of_the_contract(kiosk: Kiosk) -> None:
    """[FBK-1] [FBK-2]"""
    open_one = kiosk.bought(kiosk.machine, kiosk.cola)
    assert kiosk.judge(open_one).code == Code.WRONG_STATE
    contract = kiosk.delivered()
    assert kiosk.judge(contract, feedback_key=bytes(16)).code == Code.BAD_ID
    assert kiosk.judge(contract, by=kiosk.shop).code == Code.NOT_PERMITTED
    assert kiosk.judge(contract, by=kiosk.owner("carol")).code == Code.UNKNOWN_CONTRACT
    assert kiosk.judge(contract).code == 0
    assert kiosk.judge(contract, by=kiosk.anna).code == Code.WRONG_STATE


def test_nothing_is_measured_that_was_not_promised(kiosk: Kiosk) -> None:
    """[FBK-3]"""
    contract = kiosk.delivered()
    for name, value in (
        ("noise", ScaledInteger(40, 0, "2N")),
        ("temperature_max", ScaledInteger(11, 0, "FAH")),
        ("temperature_max", ScaledInteger(110, 1, "CEL")),
    ):
        measured = (Measured(name, value, Better.LOWER),)
        assert kiosk.judge(contract, measured=measured).code == Code.NOT_PROMISED


def test_a_seller_asks_once_and_not_for_what_was_given(kiosk: Kiosk) -> None:
    """[FBK-5]"""
    contract = kiosk.delivered()
    assert kiosk.ask_to_rate(contract, by=kiosk.machine).code == Code.NOT_PERMITTED
    asked = kiosk.ask_to_rate(contract)
    assert {notice.owner for notice in asked.notices} == {kiosk.anna.id, kiosk.bob.id}
    assert kiosk.ask_to_rate(contract).code == Code.WRONG_STATE
    assert kiosk.state.feedback[contract].state is FeedbackState.ASKED
    assert kiosk.judge(contract).code == 0
    assert kiosk.ask_to_rate(contract).code == Code.WRONG_STATE


def test_the_time_for_feedback_ends(kiosk: Kiosk) -> None:
    """[FBK-1]"""
    kiosk = Kiosk()
    contract = kiosk.delivered()
    kiosk.pass_time(FEEDBACK_MS)
    assert kiosk.judge(contract, by=kiosk.anna).code == Code.WRONG_STATE


# --- preview


def test_a_preview_names_the_past_decisions_that_would_change_and_why(kiosk: Kiosk) -> None:
    """[PRE-1] [PRE-2]"""
    for quantity in (1, 5, 1):
        kiosk.bought(kiosk.machine, kiosk.cola, quantity)
        kiosk.pass_time(HOUR_MS)
    stricter = kiosk.mandate(
        kiosk.anna, kiosk.machine.id, limits=(limit(5_000, per_day_minor=2_000, cosign_above_minor=5_000),)
    )
    mandate = effective([read_mandate(stricter.payload)], network_id=kiosk.state.network_id)
    entries = [read_entry(data) for data in kiosk.log]
    found = preview(mandate, past_acts(entries, kiosk.anna.id))
    assert found.looked_at == 3
    assert [(one.past.act.quantity_steps, one.past.verdict, one.now.rules) for one in found.changes] == [
        (5, Verdict.ALLOW, ("LIM-2",)),
        (1, Verdict.ALLOW, ("LIM-3",)),
    ]


def test_a_preview_of_the_same_mandate_changes_nothing(kiosk: Kiosk) -> None:
    """[PRE-1]"""
    same = kiosk.mandate(kiosk.anna, kiosk.machine.id)
    kiosk.bought(kiosk.machine, kiosk.cola, 2)
    kiosk.bought(kiosk.machine, kiosk.cola, 1)
    mandate = effective([read_mandate(same.payload)], network_id=kiosk.state.network_id)
    found = preview(mandate, past_acts([read_entry(data) for data in kiosk.log], kiosk.anna.id))
    assert (found.looked_at, found.changes) == (2, ())
    strangers = past_acts([read_entry(data) for data in kiosk.log], kiosk.bob.id)
    assert strangers == ()


def test_a_preview_leaves_alone_what_the_state_of_the_thing_stopped(kiosk: Kiosk) -> None:
    """[PRE-1]"""
    kiosk.bought(kiosk.machine, kiosk.cola, 1)
    assert broken(kiosk, kiosk.machine, kiosk.machine.id).code == 0
    assert kiosk.buy(kiosk.machine, kiosk.cola, 1).code == Code.DENIED
    same = kiosk.mandate(kiosk.anna, kiosk.machine.id)
    mandate = effective([read_mandate(same.payload)], network_id=kiosk.state.network_id)
    found = preview(mandate, past_acts([read_entry(data) for data in kiosk.log], kiosk.anna.id))
    assert (found.looked_at, found.changes) == (2, ())


def test_a_preview_counts_what_was_bought_by_a_later_yes(kiosk: Kiosk) -> None:
    """[PRE-1]"""
    careful = kiosk.thing("careful", kiosk.anna, limits=(limit(5_000, cosign_above_minor=2_000),))
    pending = kiosk.asked(careful, kiosk.cola, 2)
    assert kiosk.approve(kiosk.anna, pending).code == 0
    kiosk.bought(careful, kiosk.cola, 1)
    less = kiosk.mandate(
        kiosk.anna, careful.id, limits=(limit(5_000, per_day_minor=3_000, cosign_above_minor=2_000),)
    )
    mandate = effective([read_mandate(less.payload)], network_id=kiosk.state.network_id)
    past = past_acts([read_entry(data) for data in kiosk.log], kiosk.anna.id)
    assert [(one.verdict, one.bought) for one in past] == [(Verdict.NEED_COSIGN, True), (Verdict.ALLOW, True)]
    assert [one.now.rules for one in preview(mandate, past).changes] == [("LIM-3",)]


def test_what_was_learnt_about_trust_survives_a_snapshot(kiosk: Kiosk) -> None:
    """[LOG-6]"""
    need = kiosk.need(kiosk.machine)
    kiosk.propose(need, kiosk.cola)
    kiosk.judge(kiosk.delivered())
    kiosk.lower(Autonomy.BOUND)
    again = State.restore(kiosk.state.snapshot())
    assert again.state_root() == kiosk.state.state_root()
    anna = Reader(kiosk.anna.id, kiosk.anna.id)
    assert feedback_of(again, anna, received=False, after_seq=0) == feedback_of(
        kiosk.state, anna, received=False, after_seq=0
    )
    assert shadow_of(again, anna, kiosk.machine.id, 0) == shadow_of(kiosk.state, anna, kiosk.machine.id, 0)
