"""Orders that wait, as queries tell of them: views to messages, and messages to what a client has checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thingmarket.contract.approvals import PENDING_ID_BYTES, Missing, PendingId, PendingState, Word
from thingmarket.contract.orders import Purchase
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did, envelope
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.parties import checked_party_id
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import DIGEST_BYTES, Digest, PartyId, checked_bytes
from thingmarket.limits import COSIGNERS_MAX, INBOX_PAGE_MAX, REASON_CHARS_MAX
from thingmarket.market.views import InboxPage, PendingView, PersonaView
from thingmarket.policy.decision import Fact
from thingmarket.v1 import approval_pb2 as pb
from thingmarket.v1 import envelope_pb2
from thingmarket.wire.approvals import windows_message, windows_value
from thingmarket.wire.envelope import fact_value, read_signed, signed_message, signed_value
from thingmarket.wire.strict import member

if TYPE_CHECKING:
    from thingmarket.market.entries import Command

_FACTS_MAX = 128
_WORDS_MAX = COSIGNERS_MAX + 2  # everybody who may, once, and the buyer who withdraws


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSeen:
    """An order that waits or waited, as a client reads it: what is to be bought is what the buyer signed.

    State, words and times are the node's word. Times in Unix milliseconds.
    """

    id: PendingId
    state: PendingState
    purchase: Purchase
    body_digest: Digest
    buyer: PartyId
    owner: PartyId
    seller_owner: PartyId
    mandate_leaf: Digest
    rule: str
    facts: tuple[Fact, ...]
    cosigners: tuple[PartyId, ...]
    quorum: int
    words: tuple[Word, ...]
    asked_ms: int
    usual_ms: int
    deadline_ms: int
    quiet_until_ms: int
    ended_ms: int
    usable_until_ms: int
    contract: bytes
    missing: Missing | None
    seq: int
    changed_seq: int
    signed: Signed

    @property
    def waits(self) -> bool:
        """Whether somebody's word is still waited for."""
        return self.state is PendingState.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaSeen:
    """An owner's wishes for a thing, as both of them read it."""

    approvers: tuple[PartyId, ...]
    quiet: tuple[WeeklyWindow, ...]
    approval_latency_ms: int
    cancel_window_ms: int
    quiet_until_ms: int


def pending_message(view: PendingView) -> pb.PendingView:
    """Write an order with the signed purchase that it is."""
    order = view.order
    missing = order.missing or Missing(code=0, reason="")
    signed = read_signed(order.signed_bytes)
    standing = signed.type_id == TypeId.OPEN_STANDING_ORDER
    return pb.PendingView(
        pending=order.id,
        state=order.state.value,
        purchase=signed_message(signed),
        buyer=order.buyer,
        owner=order.owner,
        seller_owner=order.seller_owner,
        mandate_leaf=order.mandate_leaf,
        rule=order.rule,
        facts=map(_fact_message, order.facts),
        cosigners=order.cosigners,
        quorum=order.quorum,
        words=map(_word_message, order.words),
        asked_ms=order.asked_ms,
        usual_ms=order.usual_ms,
        deadline_ms=order.deadline_ms,
        quiet_until_ms=view.quiet_until_ms if order.waits else 0,
        ended_ms=order.ended_ms,
        usable_until_ms=order.usable_until_ms,
        contract=order.contract,
        code=missing.code,
        reason=missing.reason,
        refused_rule=missing.rule,
        seq=order.seq,
        changed_seq=order.changed_seq,
        total_minor=order.purchase.total_minor if standing else 0,
        body_digest=order.body_digest if standing else b"",
    )


def pending_value(message: pb.PendingView) -> PendingSeen:
    """Read an order; the purchase must be signed by who is said to buy (BAD_SIGNATURE, TAMPERED)."""
    from thingmarket.wire.commands import read_command  # noqa: PLC0415  every reader, for who reads one

    if len(message.facts) > _FACTS_MAX or len(message.words) > _WORDS_MAX:
        raise Refusal(Code.TOO_LARGE, "more facts or words than an order has")
    signed = signed_value(message.purchase)
    command = read_command(signed)
    purchase, body_digest = _what(command, message)
    if command.header.sender != message.buyer or command.header.mandate_leaf != message.mandate_leaf:
        raise Refusal(Code.TAMPERED, "the purchase is another's than the one who is said to buy")
    envelope.verify(signed, did.decode(command.header.sender))
    return PendingSeen(
        id=PendingId(checked_bytes(message.pending, PENDING_ID_BYTES, "pending")),
        state=member(PendingState, message.state, "state"),
        purchase=purchase,
        body_digest=body_digest,
        buyer=command.header.sender,
        owner=checked_party_id(message.owner),
        seller_owner=checked_party_id(message.seller_owner),
        mandate_leaf=Digest(checked_bytes(message.mandate_leaf, DIGEST_BYTES, "mandate_leaf")),
        rule=_shown(message.rule),
        facts=tuple(map(fact_value, message.facts)),
        cosigners=tuple(map(checked_party_id, message.cosigners)),
        quorum=message.quorum,
        words=tuple(map(_word_value, message.words)),
        asked_ms=message.asked_ms,
        usual_ms=message.usual_ms,
        deadline_ms=message.deadline_ms,
        quiet_until_ms=message.quiet_until_ms,
        ended_ms=message.ended_ms,
        usable_until_ms=message.usable_until_ms,
        contract=message.contract,
        missing=_missing(message),
        seq=message.seq,
        changed_seq=message.changed_seq,
        signed=signed,
    )


def _what(command: "Command", message: pb.PendingView) -> tuple[Purchase, Digest]:
    """What waits, and what a word about it names: a purchase, or one time of a signed standing order."""
    body = command.body
    if isinstance(body, Purchase):
        return body, command.body_digest
    if not isinstance(body, OpenStandingOrder):
        raise Refusal(Code.TAMPERED, "what waits is no purchase")
    if not 0 < message.total_minor <= body.total_max_minor:
        raise Refusal(Code.TAMPERED, "this time of a standing order costs more than its buyer signed")
    purchase = Purchase(
        key=body.key,
        offer=body.offer,
        quantity_steps=body.quantity_steps,
        currency=body.currency,
        total_minor=message.total_minor,
        delivery=body.delivery,
    )
    return purchase, Digest(checked_bytes(message.body_digest, DIGEST_BYTES, "body_digest"))


def inbox_message(page: InboxPage) -> pb.ListPendingResponse:
    """Write a page of orders that wait."""
    return pb.ListPendingResponse(pending=map(pending_message, page.waiting), more=page.more)


def read_inbox(message: pb.ListPendingResponse) -> tuple[tuple[PendingSeen, ...], bool]:
    """Read a page of orders that wait, and whether there are more (TOO_LARGE)."""
    if len(message.pending) > INBOX_PAGE_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.pending)} orders in one page")
    return tuple(map(pending_value, message.pending)), message.more


def persona_message(view: PersonaView) -> pb.GetPersonaResponse:
    """Write an owner's wishes."""
    persona = view.persona
    return pb.GetPersonaResponse(
        approvers=persona.approvers,
        quiet=windows_message(persona.quiet),
        approval_latency_ms=persona.approval_latency_ms,
        cancel_window_ms=persona.cancel_window_ms,
        quiet_until_ms=view.quiet_until_ms,
    )


def persona_value(message: pb.GetPersonaResponse) -> PersonaSeen:
    """Read an owner's wishes (BAD_ID, OUT_OF_RANGE, TOO_LARGE)."""
    return PersonaSeen(
        approvers=tuple(map(checked_party_id, message.approvers)),
        quiet=windows_value(message.quiet),
        approval_latency_ms=message.approval_latency_ms,
        cancel_window_ms=message.cancel_window_ms,
        quiet_until_ms=message.quiet_until_ms,
    )


def inbox_request(after_seq: int = 0, after_pending: bytes = b"") -> pb.ListPendingRequest:
    """Ask for the orders that wait for the caller's word, behind the last one of the page before."""
    return pb.ListPendingRequest(after_seq=after_seq, after_pending=after_pending)


def pending_request(pending: bytes) -> pb.GetPendingRequest:
    """Ask for one order."""
    return pb.GetPendingRequest(pending=pending)


def persona_request(thing: str = "") -> pb.GetPersonaRequest:
    """Ask for an owner's wishes."""
    return pb.GetPersonaRequest(thing=thing)


def _missing(message: pb.PendingView) -> Missing | None:
    if not message.code:
        return None
    return Missing(code=message.code, reason=_shown(message.reason), rule=_shown(message.refused_rule))


def _word_message(word: Word) -> pb.ApprovalWord:
    return pb.ApprovalWord(
        party=word.party, approved=word.approved, seq=word.seq, time_ms=word.time_ms, reason=word.reason
    )


def _word_value(message: pb.ApprovalWord) -> Word:
    return Word(
        party=checked_party_id(message.party),
        approved=message.approved,
        seq=message.seq,
        time_ms=message.time_ms,
        reason=_shown(message.reason),
    )


def _fact_message(fact: Fact) -> envelope_pb2.Fact:
    if isinstance(fact.value, int):
        return envelope_pb2.Fact(name=fact.name, integer=fact.value)
    return envelope_pb2.Fact(name=fact.name, text=fact.value)


def _shown(text: str) -> str:
    """What a node says in words ends on somebody's terminal, which must take no orders from it."""
    return "".join(char if char.isprintable() else "?" for char in text[:REASON_CHARS_MAX])
