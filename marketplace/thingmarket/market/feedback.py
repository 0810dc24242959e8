"""Entries about feedback: asked for by the seller, given by the buyer, once for every contract. [FBK-1]"""

from dataclasses import replace

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.contract.contract import OPEN_STATES, Contract
from thingmarket.contract.feedback import (
    FEEDBACK,
    AskFeedback,
    Feedback,
    FeedbackState,
    GiveFeedback,
    compared,
    feedback_key,
    measured_by_the_node,
)
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId
from thingmarket.limits import FEEDBACK_MS
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.facts import stated
from thingmarket.market.promised import offer_of
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision
from thingmarket.transitions import Role


def give(state: State, command: Command, body: GiveFeedback, authority: Authority, seq: int) -> Result:
    """The buyer's side rates promised against measured, once, with the key that the contract minted."""
    contract, role = _ended(state, command, body.contract, authority)
    if role is not Role.BUYER:
        raise Refusal(Code.NOT_PERMITTED, "the buyer's side gives feedback", "FBK-1")
    decision = _permit(state, contract, authority)
    if body.feedback_key != feedback_key(contract):
        raise Refusal(Code.BAD_ID, "this is not the feedback key that the contract minted", "FBK-2")
    before = _of(state, contract, authority, seq)
    then = FEEDBACK.after(before.state, "GiveFeedback", Role.BUYER)
    units = tuple(unit for unit in contract.units if unit.fulfilment is not FulfilmentState.CANCELLED)
    if not units:
        raise Refusal(Code.WRONG_STATE, "the buyer cancelled it: nothing was to be delivered", "FBK-4")
    offer = stated(state, contract.offer, offer_of(state, contract))
    promised = {one.name: one.value for one in offer.attributes if isinstance(one.value, ScaledInteger)}
    levels = tuple(compared(one, promised) for one in body.measured)
    given = replace(
        before,
        state=then,
        by=command.header.sender,
        time_ms=authority.now_ms,
        seq=seq,
        levels=measured_by_the_node(units) + levels,
    )
    state.feedback.put(contract.id, given)
    return Result(reference=contract.id, decision=decision, notices=_notices(given))


def ask(state: State, command: Command, body: AskFeedback, authority: Authority, seq: int) -> Result:
    """The seller's side asks for feedback, once for each contract. [FBK-5]"""
    contract, role = _ended(state, command, body.contract, authority)
    if role is not Role.SELLER:
        raise Refusal(Code.NOT_PERMITTED, "the seller's side asks for feedback", "FBK-5")
    decision = _permit(state, contract, authority)
    before = _of(state, contract, authority, seq)
    asked = replace(before, state=FEEDBACK.after(before.state, "AskFeedback", Role.SELLER))
    state.feedback.put(contract.id, asked)
    return Result(reference=contract.id, decision=decision, notices=_notices(asked))


def _ended(state: State, command: Command, name: bytes, authority: Authority) -> tuple[Contract, Role]:
    contract: Contract | None = state.contracts.get(ContractId(name))
    role = contract.role_of(party=command.header.sender, owner=authority.owner) if contract else None
    if contract is None or role is None:
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such contract of this party", "CON-3")
    if contract.state in OPEN_STATES:
        raise Refusal(Code.WRONG_STATE, "the contract has not come to its end", "FBK-1")
    if authority.now_ms >= contract.history[-1].time_ms + FEEDBACK_MS:
        raise Refusal(Code.WRONG_STATE, "the time for feedback on this contract is over", "FBK-1")
    return contract, role


def _of(state: State, contract: Contract, authority: Authority, seq: int) -> Feedback:
    known: Feedback | None = state.feedback.get(contract.id)
    return known or Feedback(
        contract=contract.id,
        state=FeedbackState.OPEN,
        by=contract.buyer,
        by_owner=contract.buyer_owner,
        about=contract.seller_owner,
        product_id=offer_of(state, contract).product_id,
        time_ms=authority.now_ms,
        seq=seq,
    )


def _permit(state: State, contract: Contract, authority: Authority) -> Decision:
    category = offer_of(state, contract).category
    return permit(
        state,
        authority,
        Act(action=Action.FEEDBACK, time_ms=authority.now_ms, node=state.node, category=category),
    )


def _notices(feedback: Feedback) -> tuple[Notice, ...]:
    return tuple(
        Notice(owner, NoticeKind.FEEDBACK, feedback.contract, feedback.state.value)
        for owner in (feedback.by_owner, feedback.about)
    )
