"""Entries about who takes part and with what authority: admit, present, revoke, expire, erase."""

from dataclasses import replace

from thingmarket.errors import Code, Refusal
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.effective import EffectiveMandate, effective
from thingmarket.identity.parties import Role, is_thing, known_party
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import MANDATES_MAX, PARTIES_MAX
from thingmarket.market import approvals, standing_orders
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.listings import end_offer
from thingmarket.market.records import ListingState, MandateRecord, MandateState, PartyRecord, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.market.things import mandated
from thingmarket.time import UnixMs


def admit(state: State, command: Command, body: AdmitParty, seq: int) -> Result:
    """Make an owner known under the hash of his key event. [ID-8]"""
    event = body.event
    if event.network_id != state.network_id:
        raise Refusal(Code.WRONG_NETWORK, "the key event is of another network", "ID-3")
    if event.role is not Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only owners are admitted by themselves", "ID-8")
    party = known_party(event)
    if party.id != command.header.sender:
        raise Refusal(Code.NOT_PERMITTED, "an owner admits himself only", "ID-8")
    if party.id in state.parties:
        raise Refusal(Code.ALREADY_KNOWN, "this owner is known already", "ID-8")
    _add_party(state, party.id, party.public_key, Role.OWNER, seq)
    return Result(reference=state.parties[party.id].number.to_bytes(8, "big"))


def _add_party(state: State, party: PartyId, public_key: bytes, role: int, seq: int) -> None:
    if len(state.parties) >= PARTIES_MAX:
        raise Refusal(Code.FULL, f"this node knows {PARTIES_MAX} parties already")
    record = PartyRecord(id=party, number=len(state.parties) + 1, public_key=public_key, role=role, seq=seq)
    state.parties.put(party, record)


def present(state: State, command: Command, body: PresentMandate, seq: int, now_ms: UnixMs) -> Result:
    """Take a chain whose signatures were verified; its subject becomes known with it. [MAN-3]"""
    mandate = effective(body.mandates, network_id=state.network_id)
    if mandate.subject != command.header.sender:
        raise Refusal(Code.NOT_PERMITTED, "a mandate is presented by the subject of its last link", "MAN-3")
    owner = state.party(mandate.root_owner)
    if owner.role != Role.OWNER:
        raise Refusal(Code.CHAIN_BROKEN, "the root of a chain is an owner", "MAN-3")
    if mandate.leaf in state.mandates:
        raise Refusal(Code.ALREADY_KNOWN, "this mandate was presented already", "MAN-3")
    if any(name != state.node for name in mandate.budget_authorities):
        reason = "budget_authority: budgets of another node are not enforced in this version"
        raise Refusal(Code.MANDATE_FIELD_UNSUPPORTED, reason, "MAN-6")
    _check_not_ended(state, mandate, now_ms)
    if len(state.mandates) >= MANDATES_MAX:
        raise Refusal(Code.FULL, f"this node holds {MANDATES_MAX} mandates already")
    if mandate.subject not in state.parties:
        _add_party(state, mandate.subject, known_party(mandate.subject).public_key, 0, seq)
    record = MandateRecord(effective=mandate, state=MandateState.ACTIVE, seq=seq)
    state.mandates.put(mandate.leaf, record)
    state.timers.set(mandate.expires_ms, TimerKind.MANDATE, mandate.leaf)
    notices = (_notice(record), *mandated(state, mandate, seq, now_ms))
    return Result(reference=mandate.leaf, notices=notices)


def _check_not_ended(state: State, mandate: EffectiveMandate, now_ms: UnixMs) -> None:
    if mandate.expires_ms <= now_ms:
        raise Refusal(Code.MANDATE_EXPIRED, "this mandate has expired", "TIM-2")
    epoch = state.epochs.get(mandate.root_owner) or 0
    if mandate.revocation_epoch != epoch:
        raise Refusal(
            Code.MANDATE_REVOKED, f"epoch {mandate.revocation_epoch}, the owner's is {epoch}", "MAN-8"
        )
    if any((mandate.root_owner, link) in state.revoked_links for link in mandate.links):
        raise Refusal(Code.MANDATE_REVOKED, "a link of this chain was revoked", "MAN-8")
    for subject in mandate.subjects:
        ended_ms = state.revoked_subjects.get((mandate.root_owner, subject))
        if ended_ms is not None and mandate.not_before_ms <= ended_ms:
            raise Refusal(
                Code.MANDATE_REVOKED, "issued before its subject was revoked; issue a new one", "MAN-8"
            )


def revoke(state: State, command: Command, body: Revoke, now_ms: UnixMs) -> Result:
    """End mandates at this place of the log, and the live offers made under them. [MAN-8]"""
    owner = state.party(command.header.sender)
    if owner.role != Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only an owner revokes", "MAN-8")
    if body.mandate is not None:
        # A link that was never presented may be revoked beforehand, by its own owner only: it is his word.
        if (owner.id, body.mandate) in state.revoked_links:
            raise Refusal(Code.ALREADY_KNOWN, "this link was revoked before", "MAN-8")
        state.beforehand.check_room(state.revoked_links, (owner.id, body.mandate), "MAN-8")
        state.revoked_links.put((owner.id, body.mandate), now_ms)
    elif body.subject is not None:
        state.beforehand.check_room(state.revoked_subjects, (owner.id, body.subject), "MAN-8")
        state.revoked_subjects.put((owner.id, body.subject), now_ms)
    else:
        _raise_epoch(state, owner.id, body.epoch or 0)
    notices: list[Notice] = []
    for leaf in sorted(state.indexes.mandates_from.get(owner.id, ())):
        record = state.mandates[leaf]
        if body.ends(record.effective):
            notices += _end(state, record, MandateState.REVOKED, now_ms)
    return Result(notices=tuple(notices))


def _raise_epoch(state: State, owner: PartyId, epoch: int) -> None:
    current = state.epochs.get(owner) or 0
    if epoch <= current:
        raise Refusal(Code.WRONG_STATE, f"the epoch is {current} already; it only grows", "MAN-8")
    state.epochs.put(owner, epoch)


def _end(state: State, record: MandateRecord, how: MandateState, now_ms: UnixMs) -> list[Notice]:
    leaf = record.effective.leaf
    ended = replace(record, state=how)
    state.mandates.put(leaf, ended)
    state.timers.cancel(record.effective.expires_ms, TimerKind.MANDATE, leaf)
    notices = [_notice(ended)]
    notices += [
        end_offer(state, digest, ListingState.WITHDRAWN, now_ms) for digest in state.indexes.live_under(leaf)
    ]
    revoked = how is MandateState.REVOKED
    notices += approvals.mandate_ended(state, leaf, state.seq + 1, now_ms, revoked=revoked)
    notices += standing_orders.mandate_ended(state, leaf, state.seq + 1, now_ms)
    return notices


def end_mandates_of(state: State, owner: PartyId, thing: PartyId, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A thing is done for with its owner: every chain of his that holds it ends, as by a revocation."""
    state.revoked_subjects.put((owner, thing), now_ms)
    notices: list[Notice] = []
    for leaf in sorted(state.indexes.mandates_from.get(owner, ())):
        record = state.mandates[leaf]
        if thing in record.effective.subjects:
            notices += _end(state, record, MandateState.REVOKED, now_ms)
    return tuple(notices)


def mandate_expired(state: State, leaf: Digest, now_ms: UnixMs) -> list[Notice]:
    """The deadline of a mandate came: it ends as if revoked, under another name."""
    return _end(state, state.mandates[leaf], MandateState.EXPIRED, now_ms)


def erase(state: State, command: Command, now_ms: UnixMs) -> Result:
    """Log that an owner asked for erasure; the node destroys the keys once this is durable. [PRI-4]"""
    owner = state.party(command.header.sender)
    if is_thing(owner.id):
        raise Refusal(Code.NOT_PERMITTED, "only an owner asks for erasure", "PRI-4")
    state.erasures.put(owner.id, now_ms)
    return Result()


def _notice(record: MandateRecord) -> Notice:
    mandate = record.effective
    return Notice(mandate.root_owner, NoticeKind.MANDATE, mandate.leaf, record.state.value)
