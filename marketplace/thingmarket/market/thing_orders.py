"""What owners, the operator and things themselves say about a thing that is there. [THG-7]"""

from dataclasses import replace

from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import is_thing
from thingmarket.identity.things import THINGS, SetThingState, ThingOrder, ThingState, message_of
from thingmarket.ids import PartyId
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.parties import end_mandates_of
from thingmarket.market.records import ThingRecord
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.market.things import moved, thing_notice
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


def set_state(state: State, command: Command, body: SetThingState, seq: int, now_ms: UnixMs) -> Result:
    """An owner's or the operator's word moves a thing, as the table says. [THG-7]"""
    sender = state.party(command.header.sender)
    if is_thing(sender.id):
        raise Refusal(Code.NOT_PERMITTED, "no thing decides about a thing", "THG-7")
    role = Role.OPERATOR if sender.id == state.node else Role.OWNER
    owner = PartyId(body.owner) if role is Role.OPERATOR else sender.id
    if role is Role.OWNER and body.owner not in ("", sender.id):
        raise Refusal(Code.NOT_PERMITTED, "an owner decides about his own things", "THG-7")
    record = _own(state, owner, body.thing)
    if body.order is ThingOrder.RESUME and record.state is ThingState.SUSPENDED:
        who = Role.OPERATOR if record.barred else Role.OWNER
        if role is not who:
            raise Refusal(Code.NOT_PERMITTED, f"the {who.value} suspended it, so he resumes it", "THG-7")
    if body.order is ThingOrder.ACTIVATE:
        record = replace(record, probation_over=True)
    record = replace(record, barred=body.order is ThingOrder.SUSPEND and role is Role.OPERATOR)
    after = moved(
        state, record, message_of(body.order, role), role, reason=body.reason, seq=seq, now_ms=now_ms
    )
    notices: tuple[Notice, ...] = (thing_notice(after),)
    if THINGS.is_final(after.state):
        if after.thing in state.claims:
            state.claims.drop(after.thing)
        notices += end_mandates_of(state, owner, after.thing, now_ms)
    return Result(reference=after.thing.encode(), notices=notices)


def malfunction(state: State, command: Command, body: ReportMalfunction, seq: int, now_ms: UnixMs) -> Result:
    """A thing or its owner says what is broken; what is critical quarantines the thing. [THG-9]"""
    sender = state.party(command.header.sender).id
    owner = sender
    if is_thing(sender):
        mandate = state.mandate(command.header.mandate_leaf)
        if mandate.subject != sender or sender != body.thing:
            raise Refusal(Code.NOT_PERMITTED, "a thing reports of itself, under its mandate", "THG-9")
        owner = mandate.root_owner
    record = replace(
        (found := _own(state, owner, body.thing)),
        malfunctions=found.malfunctions + 1,
        component=body.component,
        severity=body.severity,
        reported_ms=now_ms,
    )
    trading = record.state in (ThingState.REGISTERED, ThingState.ACTIVE)
    if body.severity is Severity.CRITICAL and trading:
        after = moved(state, record, "Malfunction", Role.NODE, reason=body.component, seq=seq, now_ms=now_ms)
        return Result(reference=after.thing.encode(), notices=(thing_notice(after),))
    state.things.put((owner, record.thing), record)
    notice = Notice(owner, NoticeKind.THING, record.thing.encode(), f"MALFUNCTION {body.severity.name}")
    return Result(reference=record.thing.encode(), notices=(notice,))


def _own(state: State, owner: PartyId, thing: str) -> ThingRecord:
    record: ThingRecord | None = state.things.get((owner, PartyId(thing)))
    if record is None:
        raise Refusal(Code.UNKNOWN_THING, "no such thing of this owner", "THG-7")
    return record
