"""The word of a cosigner, and what follows from it: the contract, or what was missing for it. [COS-6]"""

from dataclasses import replace

from thingmarket.contract.approvals import APPROVAL, Approve, PendingId, PendingOrder, Word
from thingmarket.errors import Code, Refusal
from thingmarket.ids import ContractId, PartyId
from thingmarket.market import approvals, budgets, contracts
from thingmarket.market.authority import Authority, decide, denied_by
from thingmarket.market.denied import Denied
from thingmarket.market.entries import Command, Notice
from thingmarket.market.purchases import act_of, checked_order
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.cosign import Cosign
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


def answer(state: State, command: Command, body: Approve, seq: int, now_ms: UnixMs) -> Result:
    """Take a yes or no; the yes that completes the quorum decides the order anew. [COS-6]"""
    sender = state.party(command.header.sender).id
    order = _order(state, body, sender)
    role = Role.COSIGNER if sender in order.cosigners else Role.BUYER
    if role is Role.BUYER and body.approved:
        raise Refusal(Code.NOT_PERMITTED, "nobody approves his own order: he may withdraw it", "COS-6")
    word = Word(party=sender, approved=body.approved, seq=seq, time_ms=now_ms, reason=body.reason)
    message = "Withdraw" if role is Role.BUYER else "Approve" if body.approved else "Reject"
    then = APPROVAL.after(order.state, message, role)
    if body.approved and sender in order.approved_by:
        raise Refusal(Code.ALREADY_KNOWN, "this party has approved the order before", "COS-6")
    order = replace(order, words=(*order.words, word), changed_seq=seq)
    if not body.approved:
        ended = approvals.end(state, order, then, seq=seq, now_ms=now_ms)
        return Result(reference=order.id, notices=approvals.notices_of(ended))
    if len(order.approved_by) < order.quorum:
        state.pendings.put(order.id, order)
        return Result(reference=order.id, notices=approvals.notices_of(order))
    return _completed(state, order, seq, now_ms)


def _order(state: State, body: Approve, sender: PartyId) -> PendingOrder:
    order: PendingOrder | None = state.pendings.get(PendingId(body.pending))
    if order is None or sender not in (*order.cosigners, order.buyer):
        # The same answer for both, so that strangers learn nothing.
        raise Refusal(Code.UNKNOWN_ENTRY, "no such order waits for this party", "COS-6")
    if order.body_digest != body.body_digest:
        raise Refusal(Code.BAD_FIELD, "the word is about another purchase than the one that waits", "COS-7")
    return order


def _completed(state: State, order: PendingOrder, seq: int, now_ms: UnixMs) -> Result:
    """All have said yes: the same purchase is decided again, and made if nothing is missing by now."""
    then = APPROVAL.after(order.state, "QuorumReached", Role.NODE)
    mark = state.undo.mark
    try:
        contract, decision, made = _made(state, order, seq, now_ms)
    except Refusal as refusal:
        state.undo.roll_back(mark)
        ended = approvals.end(
            state,
            order,
            then,
            seq=seq,
            now_ms=now_ms,
            missing=approvals.missing(refusal),
            usable_until_ms=_usable_until_ms(state, order, now_ms),
        )
        why = refusal.decision if isinstance(refusal, Denied) else None
        return Result(reference=order.id, decision=why, notices=approvals.notices_of(ended))
    ended = approvals.end(state, order, then, seq=seq, now_ms=now_ms, contract=contract)
    return Result(reference=order.id, decision=decision, notices=approvals.notices_of(ended) + made)


def _made(
    state: State, order: PendingOrder, seq: int, now_ms: UnixMs
) -> tuple[ContractId, Decision, tuple[Notice, ...]]:
    authority = Authority(
        owner=order.owner,
        mandate=state.mandate(order.mandate_leaf),
        now_ms=now_ms,
        cosign=Cosign(approved=order.approved_by),
    )
    checked = checked_order(state, order.buyer, order.purchase, order.body_digest, authority)
    decision = decide(state, authority, act_of(state, checked, authority), order.reservation)
    decision = replace(decision, facts=decision.facts + approvals.approval_facts(order))
    if decision.verdict is not Verdict.ALLOW:
        raise denied_by(decision)
    # Before the contract, which may be over in this very entry.
    budgets.commit(state, order.reservation, amount_minor=checked.price.total_minor)
    contract, notices = contracts.make(state, checked, authority, seq)
    return contract.id, decision, notices


def _usable_until_ms(state: State, order: PendingOrder, now_ms: UnixMs) -> int:
    """The buyer has as long to find another seller's offer as the approvers had to answer. [COS-10]"""
    mandate = state.mandate(order.mandate_leaf)
    return min(now_ms + mandate.cosign_ttl_ms, mandate.expires_ms)
