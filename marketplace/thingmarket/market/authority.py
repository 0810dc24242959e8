"""For whom a sender acts, and whether he may: from a command's header to a decision."""

from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action
from thingmarket.identity.parties import Role, is_thing
from thingmarket.ids import PartyId
from thingmarket.market.denied import Denied
from thingmarket.market.entries import Command
from thingmarket.market.guards import guarded, is_approved
from thingmarket.market.state import State
from thingmarket.market.thing_standing import standing
from thingmarket.policy.acts import Act
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import NOBODY_SPOKE, Cosign, cosign_of
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.policy.rules import RULES
from thingmarket.policy.spending import Reservation
from thingmarket.time import UnixMs
from thingmarket.values import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who acts for which owner, under which mandate (None: the owner himself), at what entry time.

    `cosign` is what the signed approvals say that came with the command.
    """

    owner: PartyId
    mandate: EffectiveMandate | None
    now_ms: UnixMs
    cosign: Cosign = NOBODY_SPOKE


def authority_of(state: State, command: Command, now_ms: UnixMs) -> Authority:
    """Find for whom the sender acts (UNKNOWN_PARTY, UNKNOWN_MANDATE, MANDATE_REVOKED, NOT_PERMITTED)."""
    header = command.header
    record = state.party(header.sender)
    if not is_thing(record.id):
        if record.role != Role.OWNER:
            raise Refusal(Code.NOT_PERMITTED, "the operator does not trade on his own node", "MAN-4")
        if header.mandate_leaf:
            raise Refusal(
                Code.BAD_FIELD, "an owner acts without a mandate: leave mandate_leaf empty", "MAN-4"
            )
        return Authority(owner=record.id, mandate=None, now_ms=now_ms)
    if not header.mandate_leaf:
        raise Refusal(Code.UNKNOWN_MANDATE, "a thing acts under a mandate: name its leaf", "MAN-4")
    mandate = state.mandate(header.mandate_leaf)
    if mandate.subject != header.sender:
        raise Refusal(Code.NOT_PERMITTED, "this mandate was given to another thing", "MAN-4")
    cosign = NOBODY_SPOKE
    if command.approvals:
        words = [approval for approval, _ in command.approvals]
        cosign = cosign_of(words, mandate, body_digest=command.body_digest, time_ms=now_ms)
    return Authority(owner=mandate.root_owner, mandate=mandate, now_ms=now_ms, cosign=cosign)


def decide(state: State, authority: Authority, act: Act, reserved: Reservation | None = None) -> Decision:
    """Ask the thing's standing, the owner's rules and his guards (DENIED, GUARD_TRIPPED)."""
    mandate, cosign = authority.mandate, authority.cosign
    record = None if mandate is None else standing(state, mandate, act)
    decision = authorize(mandate, act, state.spending, cosign, reserved)
    if record is None or mandate is None or not record.guarded or act.action is not Action.BUY:
        return decision
    return guarded(state, record, act, decision, is_approved=is_approved(mandate, cosign))


def permit(state: State, authority: Authority, act: Act) -> Decision:
    """Ask the owner's rules; only an allowing decision is returned (DENIED, NEED_COSIGN)."""
    decision = decide(state, authority, act)
    if decision.verdict is Verdict.ALLOW:
        return decision
    raise denied_by(decision)


def denied_by(decision: Decision) -> Denied:
    """The refusal that a decision without a yes is (DENIED, NEED_COSIGN)."""
    rule = decision.rules[0]
    if decision.verdict is Verdict.NEED_COSIGN:
        return Denied(Code.NEED_COSIGN, "ask the owner to sign an Approval of this body", rule, decision)
    return Denied(Code.DENIED, f"not so: {RULES[rule]}", rule, decision)
