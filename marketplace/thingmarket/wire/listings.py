"""Offers, needs and questions as queries answer them: to messages, and to what a client has checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from thingmarket.catalog.attributes import Attribute
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.questions import AnswerFacts, QuestionState, with_facts
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did, envelope
from thingmarket.identity.envelope import Signed
from thingmarket.identity.parties import checked_party_id, is_thing
from thingmarket.ids import DIGEST_BYTES, Digest, PartyId, checked_bytes
from thingmarket.limits import ANSWERED_FACTS_MAX
from thingmarket.market.views import NeedView, OfferView, QuestionView
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire.envelope import read_signed, signed_message, signed_value
from thingmarket.wire.strict import member
from thingmarket.wire.views import check_page

if TYPE_CHECKING:
    from thingmarket.market.entries import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSeen:
    """An offer as a client reads it: its terms are those of `digest`, stock and state the node's word.

    `seller` published it, and signed it when it is a thing; `seller_owner` is the node's word.
    """

    digest: Digest
    offer: Offer
    seller: PartyId
    seller_owner: PartyId
    stock_steps: int
    tax_basis_points: int
    seq: int
    state: str
    signed: Signed
    answers: tuple[Attribute, ...] = ()

    @property
    def stated(self) -> Offer:
        """The offer with the facts that its seller has answered since. [CAT-17]"""
        return with_facts(self.offer, self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSeen:
    """A question for facts as a client reads it; `asked_by_us` tells one's own from those to answer."""

    digest: Digest
    offer: Digest
    names: tuple[str, ...]
    deadline_ms: int
    state: QuestionState
    asked_by_us: bool
    seq: int

    @property
    def open(self) -> bool:
        """Whether an answer may still come."""
        return self.state is QuestionState.ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedSeen:
    """A need as a client reads it; `contract` is empty unless one fills it."""

    digest: Digest
    need: Need
    announcer: PartyId
    state: str
    contract: bytes
    seq: int


def offer_message(view: OfferView) -> pb.OfferView:
    """Write an offer with the signed command that published it."""
    return pb.OfferView(
        digest=view.digest,
        offer=signed_message(read_signed(view.signed_bytes)),
        seller=view.seller_owner,
        stock_steps=view.stock_steps,
        tax_basis_points=view.tax_basis_points,
        seq=view.seq,
        state=view.state,
        answers=[signed_message(read_signed(answer)) for answer in view.answers],
    )


def read_offer_view(message: pb.OfferView) -> OfferSeen:
    """Read an offer; the signed command must be the one that `digest` names.

    TAMPERED, BAD_SIGNATURE; OUT_OF_RANGE for a stock or tax that cannot be.
    """
    signed = signed_value(message.offer)
    offer, sender = _signed_body(signed, message.digest, Offer)
    if not 0 <= message.tax_basis_points <= WHOLE_BASIS_POINTS or message.stock_steps < 0:
        raise Refusal(Code.OUT_OF_RANGE, "a tax of 0 to 100 % and a stock of at least nothing")
    return OfferSeen(
        digest=Digest(message.digest),
        offer=offer,
        seller=sender,
        seller_owner=checked_party_id(message.seller),
        stock_steps=message.stock_steps,
        tax_basis_points=message.tax_basis_points,
        seq=message.seq,
        state=message.state,
        signed=signed,
        answers=_answers(message, Digest(message.digest), sender),
    )


def _answers(message: pb.OfferView, offer: Digest, seller: PartyId) -> tuple[Attribute, ...]:
    """Facts that the seller signed beside the offer, ascending by name (TAMPERED, BAD_SIGNATURE)."""
    if len(message.answers) > ANSWERED_FACTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.answers)} answers; at most {ANSWERED_FACTS_MAX}")
    facts: dict[str, Attribute] = {}
    for one in message.answers:
        signed = signed_value(one)
        command = _command(signed)
        answer, sender = command.body, checked_party_id(command.header.sender)
        if not isinstance(answer, AnswerFacts) or answer.offer != offer:
            raise Refusal(Code.TAMPERED, "the node shows facts of another offer", "CAT-17")
        if sender not in (seller, message.seller):
            raise Refusal(Code.TAMPERED, "the node shows facts that the seller did not state", "CAT-17")
        if is_thing(sender):
            envelope.verify(signed, did.decode(sender))
        facts |= {fact.name: fact for fact in answer.attributes if fact.name not in facts}
    return tuple(facts[name] for name in sorted(facts))


def read_best_page(message: pb.SearchOffersResponse) -> tuple[tuple[OfferSeen, ...], int, bool]:
    """Read the best offers, where the next rows begin, and whether lower ranks are missing (TOO_LARGE)."""
    offers, next_after_seq = read_offers_page(message)
    return offers, next_after_seq, message.cut


def read_offers_page(message: pb.SearchOffersResponse) -> tuple[tuple[OfferSeen, ...], int]:
    """Read found offers, and where the next page begins: 0 when there is none (TOO_LARGE)."""
    check_page(len(message.offers))
    return tuple(map(read_offer_view, message.offers)), message.next_after_seq


def question_message(view: QuestionView) -> pb.QuestionView:
    """Write a question; who asked it is not told."""
    return pb.QuestionView(
        digest=view.digest,
        offer=view.offer,
        names=view.names,
        deadline_ms=view.deadline_ms,
        state=view.state.value,
        asked_by_us=view.asked_by_us,
        seq=view.seq,
    )


def read_questions(message: pb.ListQuestionsResponse) -> tuple[QuestionSeen, ...]:
    """Read questions, oldest first (TOO_LARGE, BAD_FIELD)."""
    check_page(len(message.questions))
    return tuple(
        QuestionSeen(
            digest=Digest(checked_bytes(one.digest, DIGEST_BYTES, "digest")),
            offer=Digest(checked_bytes(one.offer, DIGEST_BYTES, "offer")),
            names=tuple(one.names),
            deadline_ms=one.deadline_ms,
            state=member(QuestionState, one.state, "state"),
            asked_by_us=one.asked_by_us,
            seq=one.seq,
        )
        for one in message.questions
    )


def need_message(view: NeedView) -> pb.NeedView:
    """Write a need with the signed command that announced it."""
    return pb.NeedView(
        digest=view.digest,
        need=signed_message(read_signed(view.signed_bytes)),
        state=view.state,
        contract=view.contract,
        seq=view.seq,
    )


def read_need_view(message: pb.NeedView) -> NeedSeen:
    """Read a need; the signed command must be the one that `digest` names (TAMPERED, BAD_SIGNATURE)."""
    need, sender = _signed_body(signed_value(message.need), message.digest, Need)
    return NeedSeen(
        digest=Digest(message.digest),
        need=need,
        announcer=sender,
        state=message.state,
        contract=message.contract,
        seq=message.seq,
    )


def read_needs(message: pb.ListNeedsResponse) -> tuple[NeedSeen, ...]:
    """Read needs, oldest first (TOO_LARGE)."""
    check_page(len(message.needs))
    return tuple(map(read_need_view, message.needs))


B = TypeVar("B", Offer, Need)


def _signed_body(signed: Signed, named: bytes, kind: type[B]) -> tuple[B, PartyId]:
    command = _command(signed)
    if not isinstance(command.body, kind):
        raise Refusal(Code.WRONG_TYPE, f"the signed command is no {kind.__name__}")
    if command.body_digest != checked_bytes(named, DIGEST_BYTES, "digest"):
        raise Refusal(Code.TAMPERED, "the node shows another body than the one it names")
    sender = checked_party_id(command.header.sender)
    if is_thing(sender):  # a thing's id is its key; an owner's key event the client would have to know
        envelope.verify(signed, did.decode(sender))
    return command.body, sender


def _command(signed: Signed) -> "Command":
    from thingmarket.wire.commands import read_command  # noqa: PLC0415  every reader, for who reads one

    return read_command(signed)
