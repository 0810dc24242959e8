"""Entries about things: registered, claimed, mandated, tried, suspended, broken, scrapped. [THG-1]"""

from dataclasses import replace

from thingmarket.errors import Code, Refusal
from thingmarket.identity.claim_labels import device_tag
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.parties import Role as PartyRole
from thingmarket.identity.parties import is_thing, known_party
from thingmarket.identity.things import (
    NO_PROBATION,
    THINGS,
    Assurance,
    ClaimThing,
    RegisterDevice,
    RegisterThing,
    ThingState,
    claim_commitment,
)
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import (
    CLAIM_LIFE_MS,
    CLAIM_TRIES_MAX,
    THINGS_MAX,
    THINGS_PER_OWNER_MAX,
    UNCLAIMED_DEVICES_MAX,
)
from thingmarket.market.denied import Counted
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.promised import seller_leaf
from thingmarket.market.records import DeviceRecord, ThingRecord, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.market.thing_standing import name_of, orders_of_day
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.time import UnixMs, utc_day
from thingmarket.transitions import Role

# --- from the factory to its owner


def register_device(state: State, command: Command, body: RegisterDevice, seq: int, now_ms: UnixMs) -> Result:
    """Take note of a device that waits for its owner; a stranger's first and only word here. [THG-2]"""
    device = command.header.sender
    if not is_thing(device):
        raise Refusal(Code.NOT_PERMITTED, "a device registers itself", "THG-2")
    known_party(device)
    if state.owned.is_owned(device):
        raise Refusal(Code.ALREADY_KNOWN, "this thing has an owner; he decommissions it first", "THG-2")
    for owner in sorted(state.owned.owners_of.get(device, ())):
        used = state.things[owner, device].claim_code
        if used and claim_commitment(body.salt, used) == body.claim_commitment:
            # A code that was used stands in the log: whoever reads it could claim the thing.
            raise Refusal(Code.NOT_PERMITTED, "this claim code was used once; print a new one", "THG-2")
    before = state.devices.get(device)
    if before is not None:
        state.timers.cancel(before.claim_by_ms, TimerKind.CLAIM, device.encode())
    elif len(state.devices) >= UNCLAIMED_DEVICES_MAX:
        raise Refusal(Code.FULL, f"{UNCLAIMED_DEVICES_MAX} devices wait for their owners already", "THG-2")
    record = DeviceRecord(
        device=device,
        model=body.model,
        serial_commitment=body.serial_commitment,
        claim_commitment=body.claim_commitment,
        salt=body.salt,
        claim_by_ms=now_ms + CLAIM_LIFE_MS,
        seq=seq,
    )
    state.devices.put(device, record)
    state.timers.set(record.claim_by_ms, TimerKind.CLAIM, device.encode())
    return Result(reference=device_tag(device))


def unclaimed(state: State, device: bytes) -> None:
    """Nobody claimed a device in time: nothing of it is kept, and it may register again. [THG-2]"""
    state.devices.drop(PartyId(device.decode()))


def claim(state: State, command: Command, body: ClaimThing, seq: int, now_ms: UnixMs) -> Result:
    """Bind a device to the owner who knows the code of its label. [THG-3]"""
    owner, thing = state.party(command.header.sender), PartyId(body.thing)
    if owner.role != PartyRole.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "an owner claims things", "THG-3")
    device = state.devices.get(thing)
    if device is None:
        raise Refusal(Code.UNKNOWN_THING, "no such device waits for its owner; let it register", "THG-3")
    _check_code(device, body.code)
    if (owner.id, thing) in state.things:
        raise Refusal(Code.WRONG_STATE, "this owner decommissioned this thing for good", "THG-3")
    _check_room(state, owner.id)
    record = ThingRecord(
        thing=thing,
        owner=owner.id,
        state=THINGS.after(ThingState.FACTORY, "Claim", Role.OWNER),
        assurance=Assurance.OWNER_BOUND,
        seq=seq,
        since_ms=now_ms,
        since_seq=seq,
        cause="Claim",
        model=device.model,
        serial_commitment=device.serial_commitment,
        claim_code=body.code,
        handed=body.mandate,
    )
    _forget_device(state, device)
    state.things.put((owner.id, thing), record)
    state.claims.put(thing, owner.id)
    return Result(reference=thing.encode(), notices=(thing_notice(record),))


def _check_code(device: DeviceRecord, code: bytes) -> None:
    facts = (Fact("claim.tries", device.tries), Fact("claim.tries_allowed", CLAIM_TRIES_MAX))
    if device.tries >= CLAIM_TRIES_MAX:
        raise Refusal(Code.WRONG_STATE, "too many wrong codes; let the device register again", "THG-4")
    if claim_commitment(device.salt, code) != device.claim_commitment:
        row = replace(device, tries=device.tries + 1)
        decision = Decision(Verdict.DENY, ("THG-4",), facts)
        raise Counted(Code.WRONG_CLAIM_CODE, "this is not the code of that device", decision, row=row)


def _check_room(state: State, owner: PartyId) -> None:
    held = state.owned.of.get(owner)
    if len(state.things) >= THINGS_MAX or (held is not None and len(held) >= THINGS_PER_OWNER_MAX):
        raise Refusal(Code.FULL, "too many things at this node or of this owner", "THG-3")


def _forget_device(state: State, device: DeviceRecord) -> None:
    state.devices.drop(device.device)
    state.timers.cancel(device.claim_by_ms, TimerKind.CLAIM, device.device.encode())


def mandated(state: State, mandate: EffectiveMandate, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A chain was presented: the thing at its root takes a step, or asserts itself at once. [THG-5]"""
    name = owner, thing = name_of(mandate)
    record = state.things.get(name)
    claimed_by = state.claims.get(thing)
    if claimed_by is not None and claimed_by != owner:
        raise Refusal(Code.NOT_PERMITTED, "another owner claimed this thing", "THG-5")
    if record is not None and record.state is not ThingState.CLAIMED:
        if THINGS.is_final(record.state):
            raise Refusal(Code.WRONG_STATE, "its owner decommissioned this thing for good", "THG-5")
        return ()
    if record is not None:
        then = THINGS.after(record.state, "PresentMandate", Role.THING)
        cause = "PresentMandate"
        shown = replace(record, state=then, since_ms=now_ms, since_seq=seq, cause=cause, handed=b"")
        state.things.put(name, shown)
        return (thing_notice(shown),)
    _check_room(state, owner)
    device = state.devices.get(thing)
    if device is not None:
        _forget_device(state, device)
    mandated_state = THINGS.after(ThingState.FACTORY, "PresentMandate", Role.THING)
    asserted = ThingRecord(
        thing=thing,
        owner=owner,
        state=THINGS.after(mandated_state, "Register", Role.THING),
        assurance=Assurance.SELF_ASSERTED,
        seq=seq,
        since_ms=now_ms,
        since_seq=seq,
        cause="PresentMandate",
        model=device.model if device else "",
        serial_commitment=device.serial_commitment if device else b"",
    )
    asserted = _tried(state, asserted)
    state.things.put(name, asserted)
    return (thing_notice(asserted),)


def register_thing(state: State, command: Command, body: RegisterThing, seq: int, now_ms: UnixMs) -> Result:
    """A claimed thing with its mandate takes part from now on, on probation where there is one. [THG-5]"""
    header = command.header
    mandate = state.mandate(header.mandate_leaf)
    if header.sender != mandate.subject or len(mandate.subjects) > 1:
        raise Refusal(Code.NOT_PERMITTED, "a thing registers itself, under its owner's mandate", "THG-5")
    record = replace(state.things[name_of(mandate)], kind=body.kind)
    after = moved(state, record, "Register", Role.THING, seq=seq, now_ms=now_ms)
    return Result(reference=after.thing.encode(), notices=(thing_notice(after),))


def moved(
    state: State,
    record: ThingRecord,
    message: str,
    role: Role,
    *,
    reason: str = "",
    seq: int,
    now_ms: UnixMs,
) -> ThingRecord:
    """Move a thing by one message of the table, and on when its probation is over."""
    cause = f"{message}: {reason}" if reason else message
    then = THINGS.after(record.state, message, role)
    after = _tried(state, replace(record, state=then, since_ms=now_ms, since_seq=seq, cause=cause))
    state.things.put((record.owner, record.thing), after)
    return after


def _tried(state: State, record: ThingRecord) -> ThingRecord:
    """A REGISTERED thing becomes ACTIVE once it has shown enough, or where nothing is asked. [THG-8]"""
    over = record.probation_over or record.deliveries >= state.probation.deliveries
    if record.state is not ThingState.REGISTERED or not over:
        return record
    then = THINGS.after(record.state, "ProbationOver", Role.NODE)
    return replace(record, state=then, probation_over=True)


# --- its probation


def learn(state: State, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Count what the entry that now stands made and completed, for the things that are on probation."""
    made, completed = state.experience.take()
    if state.probation == NO_PROBATION:
        return ()
    for contract in made:
        record = _on_probation(state, contract.mandate_leaf)
        if record is not None and not contract.market:  # an order of a book was counted when it was placed
            orders, day = orders_of_day(record, now_ms) + 1, utc_day(now_ms)
            state.things.put((record.owner, record.thing), replace(record, orders_of_day=orders, day=day))
    notices = list[Notice]()
    for contract in completed:
        for leaf in (contract.mandate_leaf, seller_leaf(state, contract)):
            record = _on_probation(state, leaf)
            if record is None:
                continue
            shown = _tried(state, replace(record, deliveries=record.deliveries + 1))
            if shown.state is not record.state:
                shown = replace(shown, since_ms=now_ms, since_seq=seq, cause="ProbationOver")
                notices.append(thing_notice(shown))
            state.things.put((record.owner, record.thing), shown)
    return tuple(notices)


def _on_probation(state: State, mandate_leaf: bytes) -> ThingRecord | None:
    """The thing that acted under a leaf, while what it does is counted."""
    if not mandate_leaf:
        return None
    record: ThingRecord = state.things[name_of(state.mandates[Digest(mandate_leaf)].effective)]
    return None if record.probation_over or THINGS.is_final(record.state) else record


def thing_notice(record: ThingRecord) -> Notice:
    """Tell the owner what state his thing came to."""
    return Notice(record.owner, NoticeKind.THING, record.thing.encode(), record.state.value)
