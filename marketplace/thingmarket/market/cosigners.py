"""Who agreed to approve for whom: nobody is asked about a stranger's orders against his will. [COS-13]"""

from dataclasses import replace

from thingmarket.contract.approvals import AgreeToCosign, PendingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import Role
from thingmarket.ids import PartyId
from thingmarket.limits import COSIGNED_OWNERS_MAX
from thingmarket.market.approvals import is_willing, notices_of
from thingmarket.market.entries import Command, Notice
from thingmarket.market.result import Result
from thingmarket.market.state import State


def agree(state: State, command: Command, body: AgreeToCosign, seq: int) -> Result:
    """Remember that a party may be asked about an owner's orders, or that it is to be asked no more."""
    cosigner, owner = state.party(command.header.sender), state.party(PartyId(body.owner))
    if cosigner.role != Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only an owner agrees to approve for another", "COS-13")
    if cosigner.id == owner.id:
        raise Refusal(Code.BAD_FIELD, "an owner approves his own orders without agreeing to it", "COS-13")
    name = (cosigner.id, owner.id)
    if not body.agreed:
        if name not in state.willing_cosigners:
            raise Refusal(Code.UNKNOWN_ENTRY, "this party has not agreed to approve for that owner", "COS-14")
        state.willing_cosigners.drop(name)
        return Result(notices=_taken_out(state, cosigner.id, owner.id, seq))
    if name in state.willing_cosigners:
        raise Refusal(Code.ALREADY_KNOWN, "this party has agreed to approve for that owner before", "COS-13")
    if state.inbox.cosigned_by.get(cosigner.id, 0) >= COSIGNED_OWNERS_MAX:
        reason = f"this party approves for {COSIGNED_OWNERS_MAX} owners already"
        raise Refusal(Code.FULL, reason, "COS-13")
    state.willing_cosigners.put(name, seq)
    return Result()


def _taken_out(state: State, cosigner: PartyId, owner: PartyId, seq: int) -> tuple[Notice, ...]:
    """Take who agrees no more out of the orders that wait; a yes that he said before stands. [COS-14]"""
    timeline = state.inbox.waiting_of.get(owner)
    told: dict[Notice, None] = {}
    for name in [name for _, name in timeline.after(0)] if timeline else ():
        order = state.pendings[name]
        if cosigner in order.cosigners:
            less = _without(state, order, cosigner, seq)
            state.pendings.put(name, less)
            told.update(dict.fromkeys((*notices_of(order), *notices_of(less))))
    return tuple(told)


def _without(state: State, order: PendingOrder, cosigner: PartyId, seq: int) -> PendingOrder:
    has_spoken = cosigner in order.approved_by
    cosigners = tuple(name for name in order.cosigners if name != cosigner or has_spoken)
    asked = tuple(name for name in order.asked if name != cosigner)
    if len(asked) < order.quorum:  # those whom the owner wished for are not enough any more
        asked = tuple(name for name in cosigners if is_willing(state, name, order.owner))
    return replace(order, cosigners=cosigners, asked=asked, changed_seq=seq)
