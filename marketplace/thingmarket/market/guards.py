"""An owner's guards over a thing that may have gone wrong: set by him, asked before each purchase. [GRD-4]"""

from dataclasses import replace

from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.parties import is_thing
from thingmarket.identity.things import THINGS
from thingmarket.ids import PartyId
from thingmarket.market.denied import Counted
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.records import ThingRecord
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.cosign import Cosign, yeses
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.policy.guards import NO_GUARDS, GuardAction, SetGuards, judged
from thingmarket.policy.rules import RULES
from thingmarket.transitions import Role


def set_guards(state: State, command: Command, body: SetGuards) -> Result:
    """Put an owner's guards in place of those before. [GRD-4]"""
    owner = state.party(command.header.sender).id
    if is_thing(owner):
        raise Refusal(Code.NOT_PERMITTED, "an owner guards his things, no thing itself", "GRD-4")
    name = (owner, PartyId(body.thing))
    record = state.things.get(name)
    if record is None or THINGS.is_final(record.state):
        raise Refusal(Code.UNKNOWN_THING, "no such thing of this owner", "THG-5")
    guarded = body.guards != NO_GUARDS
    if guarded:
        state.guards.put(name, body.guards)
    elif name in state.guards:
        state.guards.drop(name)
    if guarded != record.guarded:
        state.things.put(name, replace(record, guarded=guarded))
    word = "GUARDED" if guarded else "UNGUARDED"
    return Result(
        reference=record.thing.encode(),
        notices=(Notice(owner, NoticeKind.THING, record.thing.encode(), word),),
    )


def guarded(
    state: State, record: ThingRecord, act: Act, decision: Decision, *, is_approved: bool
) -> Decision:
    """The decision with what the guards of the thing add to it. [GRD-5]

    A guard that asks makes NEED_COSIGN of a yes; one that quarantines refuses, and counts it against the
    thing (GUARD_TRIPPED). Neither stops an order that was approved as it is.
    """
    if decision.verdict is Verdict.DENY:
        return decision
    owner, thing = record.owner, record.thing
    found = judged(state.guards[owner, thing], act, state.experience.seen(owner, thing, act))
    facts = (*decision.facts, *found.facts)
    if is_approved and found.tripped:
        # Who was asked about this very order saw it and said yes: he knows better than any median.
        return Decision(decision.verdict, decision.rules, facts)
    if found.action is GuardAction.QUARANTINE:
        raise _tripped(state, record, act, Decision(Verdict.DENY, (found.tripped,), facts))
    if found.action is GuardAction.ASK:
        return Decision(Verdict.NEED_COSIGN, (found.tripped,), facts)
    if decision.verdict is Verdict.NEED_COSIGN:
        return Decision(decision.verdict, decision.rules, facts)
    return Decision(decision.verdict, decision.rules + found.rules, facts)


def is_approved(mandate: EffectiveMandate, cosign: Cosign) -> bool:
    """Whether as many said yes to this very order as the mandate asks for."""
    return len(yeses(cosign, mandate)) >= max(1, mandate.cosign_quorum)


def _tripped(state: State, record: ThingRecord, act: Act, decision: Decision) -> Counted:
    rule = decision.rules[0]
    row = replace(
        record,
        state=THINGS.after(record.state, "GuardTripped", Role.NODE),
        since_ms=act.time_ms,
        since_seq=state.seq + 1,
        cause=rule,
    )
    notice = Notice(record.owner, NoticeKind.GUARD, record.thing.encode(), row.state.value)
    reason = f"quarantined, not so: {RULES[rule]}"
    return Counted(Code.GUARD_TRIPPED, reason, decision, row=row, notices=(notice,))
