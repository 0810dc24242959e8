"""Entries of shadow mode: what a thing would buy, compared with what its owner bought. [SHD-1]"""

from dataclasses import replace

from thingmarket.catalog.offers import Offer
from thingmarket.contract.shadow import NO_AGREEMENT, SHADOW, Proposal, ProposalState, ProposeChoice
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId, Digest
from thingmarket.limits import PROPOSALS_PER_NEED_MAX
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.promised import offer_of
from thingmarket.market.records import ListingState
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.transitions import Role


def propose_choice(
    state: State, command: Command, body: ProposeChoice, authority: Authority, seq: int
) -> Result:
    """Keep what a thing would buy for an open need; its own later proposal takes the place. [SHD-1]"""
    if authority.mandate is None:
        raise Refusal(Code.NOT_PERMITTED, "a thing proposes; an owner buys", "SHD-1")
    offer = _offer_for_need(state, body, authority)
    act = Act(
        action=Action.ANNOUNCE,
        time_ms=authority.now_ms,
        node=state.node,
        category=offer.category,
    )
    decision = permit(state, authority, act)
    name = (Digest(body.need), command.header.sender)
    earlier = state.proposals.get(name)
    if earlier is None and len(state.track_record.proposed_for.get(name[0], ())) >= PROPOSALS_PER_NEED_MAX:
        raise Refusal(Code.FULL, f"{PROPOSALS_PER_NEED_MAX} things have proposed for this need", "SHD-1")
    current = ProposalState.PROPOSED if earlier is None else earlier.state
    proposal = Proposal(
        need=name[0],
        thing=name[1],
        owner=authority.owner,
        offer=Digest(body.offer),
        total_minor=body.total_minor,
        currency=offer.currency,
        time_ms=authority.now_ms,
        seq=seq,
        state=SHADOW.after(current, "Propose", Role.THING),
        choice=body.choice,
    )
    state.proposals.put(name, proposal)
    notice = Notice(authority.owner, NoticeKind.SHADOW, proposal.need, proposal.state.value)
    return Result(reference=proposal.need, decision=decision, notices=(notice,))


def _offer_for_need(state: State, body: ProposeChoice, authority: Authority) -> Offer:
    """The offer that is proposed, which lives as the need does (UNKNOWN_NEED, UNKNOWN_OFFER and kin)."""
    need, listing = state.needs.get(Digest(body.need)), state.offers.get(Digest(body.offer))
    if need is None or need.owner != authority.owner:
        raise Refusal(Code.UNKNOWN_NEED, "no such need of this owner", "SHD-1")
    if need.state is not ListingState.LIVE:
        raise Refusal(Code.NEED_ENDED, f"the need is {need.word}", "SHD-1")
    if listing is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "SHD-1")
    if listing.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {listing.state.value}; look for another", "SHD-1")
    return listing.offer


def need_ended(state: State, digest: Digest, contract: bytes) -> None:
    """Compare what things proposed with what became of the need; what a thing bought says nothing. [SHD-2]"""
    for thing in sorted(state.track_record.proposed_for.get(digest, ())):
        _compare(state, state.proposals[digest, thing], contract)


def _compare(state: State, proposal: Proposal, contract: bytes) -> None:
    if proposal.state is not ProposalState.PROPOSED:
        return
    if not contract:
        _count(state, proposal, SHADOW.after_silence(proposal.state), b"")
        return
    bought = state.contracts[ContractId(contract)]
    if bought.buyer != proposal.owner:
        state.proposals.drop((proposal.need, proposal.thing))
        return
    message = "BuyOther"
    if bought.offer == proposal.offer:
        message = "BuyThis"
    elif offer_of(state, bought).product_id == state.offers[proposal.offer].offer.product_id:
        message = "BuySameProduct"
    _count(state, proposal, SHADOW.after(proposal.state, message, Role.OWNER), contract)


def forget_proposals(state: State, digest: Digest) -> None:
    """The need is forgotten; what it taught about the thing stays counted."""
    for thing in sorted(state.track_record.proposed_for.get(digest, ())):
        state.proposals.drop((digest, thing))


def _count(state: State, proposal: Proposal, then: ProposalState, contract: bytes) -> None:
    state.proposals.put((proposal.need, proposal.thing), replace(proposal, state=then, contract=contract))
    key = (proposal.owner, proposal.thing)
    state.agreements.put(key, state.agreements.get(key, NO_AGREEMENT).after(then))
