"""Orders that wait for somebody's word: begun, ended by a word, by silence or with their mandate. [COS-4]"""

from dataclasses import dataclass, replace
from typing import Any

from thingmarket.contract.approvals import (
    APPROVAL,
    Missing,
    PendingId,
    PendingOrder,
    PendingState,
    Word,
)
from thingmarket.contract.personas import NO_PERSONA, Persona
from thingmarket.contract.quiet import deadline_ms, quiet_spans
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import ContractId, Digest, PartyId, derived_id
from thingmarket.limits import (
    PENDING_KEPT_MS,
    PENDINGS_KEPT_PER_THING_MAX,
    PENDINGS_MAX,
    PENDINGS_PER_OWNER_MAX,
    PENDINGS_PER_THING_MAX,
)
from thingmarket.market import budgets
from thingmarket.market.authority import Authority
from thingmarket.market.contracts import Order
from thingmarket.market.denied import Denied
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.cosign import Cosign, yeses
from thingmarket.policy.decision import Decision, Fact
from thingmarket.policy.spending import Reservation
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why an order has to wait, what it reserves, what its buyer signed; `cause` as in `contracts.make`."""

    decision: Decision
    reservation: Reservation
    signed_bytes: bytes
    cause: bytes = b""


def ask(state: State, order: Order, authority: Authority, waiting: Waiting, seq: int) -> Result:
    """Let an order wait: its budget is reserved, neither goods nor money are held. [COS-4]"""
    mandate, now_ms, decision = authority.mandate, authority.now_ms, waiting.decision
    assert mandate is not None, "an owner who acts himself asks nobody"
    _check_room(state, mandate, order)
    persona = persona_of(state, mandate)
    spans, latency_ms = quiet_spans(persona.quiet), persona.approval_latency_ms
    willing = willing_of(state, mandate)
    words = _brought(authority.cosign, mandate, seq, now_ms)
    cosigners = tuple(sorted({*willing, *(word.party for word in words)}))
    check_quorum(mandate, cosigners, decision)
    pending = PendingOrder(
        id=_id_of(state, waiting, seq, now_ms),
        state=APPROVAL.start,
        purchase=order.purchase,
        body_digest=order.body_digest,
        signed_bytes=waiting.signed_bytes,
        buyer=order.buyer,
        thing=mandate.subjects[0],
        owner=authority.owner,
        mandate_leaf=mandate.leaf,
        seller_owner=order.listing.seller_owner,
        product_id=order.listing.offer.product_id,
        reservation=waiting.reservation,
        rule=decision.rules[0],
        facts=decision.facts,
        cosigners=cosigners,
        asked=_asked(persona, willing, mandate),
        quorum=mandate.cosign_quorum,
        asked_ms=now_ms,
        usual_ms=deadline_ms(now_ms, latency_ms, spans) if latency_ms else now_ms,
        deadline_ms=min(deadline_ms(now_ms, mandate.cosign_ttl_ms, spans), _useful_until_ms(order, mandate)),
        seq=seq,
        changed_seq=seq,
        words=words,
    )
    budgets.reserve(state, waiting.reservation)
    state.pendings.put(pending.id, pending)
    state.timers.set(pending.deadline_ms, TimerKind.APPROVAL, pending.id)
    return Result(reference=pending.id, decision=decision, notices=notices_of(pending), pending=True)


def _useful_until_ms(order: Order, mandate: EffectiveMandate) -> int:
    return min(order.listing.offer.valid_until_ms, mandate.expires_ms)


def _id_of(state: State, waiting: Waiting, seq: int, now_ms: UnixMs) -> PendingId:
    return PendingId(derived_id(now_ms, b"pending", state.network_id, seq.to_bytes(8, "big") + waiting.cause))


def _check_room(state: State, mandate: EffectiveMandate, order: Order) -> None:
    inbox, thing = state.inbox, mandate.subjects[0]
    of_owner = len(inbox.waiting_of.get(mandate.root_owner, ()))
    for held, most, what in (
        (inbox.waiting_of_thing.get(thing, 0), PENDINGS_PER_THING_MAX, "orders of this thing wait"),
        (of_owner, PENDINGS_PER_OWNER_MAX, "orders of this owner wait"),
        (
            inbox.unmade_of_thing.get(thing, 0),
            PENDINGS_KEPT_PER_THING_MAX,
            "orders of this week came to nothing",
        ),
        (inbox.unmade, PENDINGS_MAX, "orders wait at this node"),
    ):
        if held >= most:
            raise Refusal(Code.FULL, f"{held} {what} already", "COS-5")
    if order.purchase.need in inbox.waiting_for:
        raise Refusal(Code.WRONG_STATE, "an order for this need waits already: withdraw it first", "COS-5")


def is_willing(state: State, cosigner: PartyId, owner: PartyId) -> bool:
    """Whether a party may be asked about an owner's orders: he himself, and who agreed to it. [COS-13]"""
    return cosigner == owner or (cosigner, owner) in state.willing_cosigners


def willing_of(state: State, mandate: EffectiveMandate) -> tuple[PartyId, ...]:
    """Who may be asked about orders under a mandate: of those whose words count, all who agreed to it."""
    owner = mandate.root_owner
    return tuple(name for name in sorted({owner, *mandate.cosigners}) if is_willing(state, name, owner))


def check_quorum(mandate: EffectiveMandate, cosigners: tuple[PartyId, ...], decision: Decision) -> None:
    """An order that can never be approved would only tie up budget: say who has to agree first. [COS-13]"""
    if len(cosigners) < mandate.cosign_quorum:
        name = next(name for name in mandate.cosigners if name not in cosigners)
        reason = f"ask {name} to agree: thingmarket owner cosign-for OWNER"
        raise Denied(Code.NEED_COSIGN, reason, "COS-13", decision)


def _asked(persona: Persona, willing: tuple[PartyId, ...], mandate: EffectiveMandate) -> tuple[PartyId, ...]:
    """Who is asked: the approvers that the owner wishes for, when they are enough; they are told alone."""
    wished = tuple(name for name in willing if name in persona.approvers)
    return wished if len(wished) >= mandate.cosign_quorum else willing


def _brought(cosign: Cosign, mandate: EffectiveMandate, seq: int, now_ms: UnixMs) -> tuple[Word, ...]:
    """The signed approvals that came with the order itself and were not enough."""
    return tuple(Word(party=name, approved=True, seq=seq, time_ms=now_ms) for name in yeses(cosign, mandate))


def persona_of(state: State, mandate: EffectiveMandate) -> Persona:
    """What the owner wishes for the thing at the root of a chain."""
    return state.personas.get((mandate.root_owner, mandate.subjects[0]), NO_PERSONA)


def end(
    state: State, order: PendingOrder, then: PendingState, *, seq: int, now_ms: UnixMs, **changes: Any
) -> PendingOrder:
    """An order waits no more: without a contract its budget is free again, and it is forgotten in a week."""
    ended = replace(order, state=then, changed_seq=seq, ended_ms=now_ms, **changes)
    state.timers.cancel(order.deadline_ms, TimerKind.APPROVAL, order.id)
    if not ended.contract:
        budgets.release(state, order.reservation)
        forget_ms = max(now_ms + PENDING_KEPT_MS, ended.usable_until_ms)
        state.timers.set(forget_ms, TimerKind.APPROVAL, order.id)
    state.pendings.put(order.id, ended)
    return ended


def deadline(state: State, name: bytes, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Nobody spoke in time; or the time is over for which an order without a contract is kept."""
    order = state.pendings[PendingId(name)]
    if not order.waits:
        state.pendings.drop(order.id)
        return ()
    return notices_of(end(state, order, APPROVAL.after_silence(order.state), seq=seq, now_ms=now_ms))


def mandate_ended(
    state: State, leaf: Digest, seq: int, now_ms: UnixMs, *, revoked: bool
) -> tuple[Notice, ...]:
    """What was sent under a mandate that ends waits no more; its budget is free. [COS-9]"""
    waiting = state.inbox.waiting_under.get(leaf)
    notices: tuple[Notice, ...] = ()
    for name in [name for _, name in waiting.after(0)] if waiting else ():
        order = state.pendings[name]
        if revoked:
            then = APPROVAL.after(order.state, "MandateRevoked", Role.NODE)
        else:
            then = APPROVAL.after_silence(order.state)
        notices += notices_of(end(state, order, then, seq=seq, now_ms=now_ms))
    return notices


def earlier(state: State, order: Order, authority: Authority) -> PendingOrder | None:
    """The approval that a purchase names, when it is its buyer's own and this one is not worse. [COS-10]"""
    name = order.purchase.approved_by
    if not name:
        return None
    found: PendingOrder | None = state.pendings.get(PendingId(name))
    if found is None or found.buyer != order.buyer or found.owner != authority.owner:
        raise Refusal(Code.UNKNOWN_ENTRY, "no such order of this buyer was approved", "COS-10")
    if authority.mandate is None or authority.mandate.leaf != found.mandate_leaf:
        return None  # what was said under one mandate, with its quorum and its limits, is said under no other
    was, now = state.offers[Digest(found.purchase.offer)].offer, order.listing.offer
    if (was.unit, was.unit_scale, was.terms) != (now.unit, now.unit_scale, now.terms):
        return None  # as many steps may be a hundredth of the goods, or be paid for before they come
    serves = found.serves(
        seller_owner=order.listing.seller_owner,
        product_id=order.listing.offer.product_id,
        purchase=order.purchase,
        now_ms=authority.now_ms,
    )
    return found if serves else None


def cosign_with(cosign: Cosign, order: PendingOrder) -> Cosign:
    """What came with a purchase, and what was said about the order whose place it takes."""
    return replace(cosign, approved=cosign.approved + order.approved_by)


def use(state: State, order: PendingOrder, contract: ContractId, seq: int) -> None:
    """An approval serves one contract, and is kept with it."""
    forget_ms = max(order.ended_ms + PENDING_KEPT_MS, order.usable_until_ms)
    state.timers.cancel(forget_ms, TimerKind.APPROVAL, order.id)
    state.pendings.put(order.id, replace(order, contract=contract, changed_seq=seq))


def approval_facts(order: PendingOrder) -> tuple[Fact, ...]:
    """Who approved and when, as facts of the decision that follows from it. [COS-11]"""
    facts = [Fact("approval.order", order.id.hex())]
    for word in order.words:
        facts += [Fact("approval.by", word.party), Fact("approval.at", word.time_ms)]
    return tuple(facts)


def missing(refusal: Refusal) -> Missing:
    """What an approved order lacked."""
    return Missing(code=refusal.number, reason=refusal.reason, rule=refusal.rule)


def notices_of(order: PendingOrder) -> tuple[Notice, ...]:
    """Tell the owner with his things, and those who are asked."""
    told = dict.fromkeys((order.owner, *order.asked))
    return tuple(Notice(party, NoticeKind.APPROVAL, order.id, order.state.value) for party in told)
