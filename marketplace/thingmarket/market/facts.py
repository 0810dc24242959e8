"""Entries about facts that were asked for: ask, answer, decline, expire. [CAT-15]"""

from dataclasses import replace

from thingmarket.catalog.offers import Offer
from thingmarket.catalog.questions import (
    QUESTION,
    AnswerFacts,
    AskFacts,
    QuestionState,
    check_deadline,
    with_facts,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import (
    ANSWERED_FACTS_MAX,
    QUESTIONS_MAX,
    QUESTIONS_PER_OFFER_MAX,
    QUESTIONS_PER_OWNER_MAX,
)
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.records import (
    ListingState,
    OfferFacts,
    OfferRecord,
    QuestionRecord,
    TimerKind,
)
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.time import UnixMs
from thingmarket.transitions import Role

_NO_FACTS = OfferFacts()


def stated(state: State, digest: Digest, offer: Offer) -> Offer:
    """The offer with all facts that its seller has answered since. [CAT-17]"""
    facts: OfferFacts | None = state.offer_facts.get(digest)
    return offer if facts is None else with_facts(offer, facts.attributes)


def ask(state: State, command: Command, body: AskFacts, authority: Authority, seq: int) -> Result:
    """Ask the seller of an offer for facts. [CAT-15]"""
    offer, listing = Digest(body.offer), state.offers.get(Digest(body.offer))
    if listing is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "CAT-15")
    if listing.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {listing.state.value}", "CAT-15")
    if listing.seller_owner == authority.owner:
        raise Refusal(Code.NOT_PERMITTED, "an owner knows the facts of his own offers", "CAT-15")
    check_deadline(body, listing.offer, authority.now_ms)
    act = Act(
        action=Action.ANNOUNCE,
        time_ms=authority.now_ms,
        node=state.node,
        category=listing.offer.category,
        counterparty=listing.seller_owner,
    )
    decision = permit(state, authority, act)
    _check_unknown(state, offer, listing, body)
    asked = state.asked
    if (
        len(state.questions) >= QUESTIONS_MAX
        or asked.open_of.get(authority.owner, 0) >= QUESTIONS_PER_OWNER_MAX
        or asked.open_at.get(offer, 0) >= QUESTIONS_PER_OFFER_MAX
    ):
        raise Refusal(Code.FULL, "too many open questions; wait for their answers", "CAT-15")
    digest = command.body_digest
    record = QuestionRecord(
        asker_owner=authority.owner,
        seller_owner=listing.seller_owner,
        offer=offer,
        names=body.names,
        deadline_ms=body.deadline_ms,
        state=QUESTION.start,
        seq=seq,
    )
    state.questions.put(digest, record)
    state.timers.set(body.deadline_ms, TimerKind.QUESTION, digest)
    return Result(reference=digest, decision=decision, notices=_notices(digest, record))


def answer(state: State, command: Command, body: AnswerFacts, authority: Authority) -> Result:
    """The seller answers, or declines; what he says counts as if the offer had stated it. [CAT-16]"""
    digest = Digest(body.question)
    record: QuestionRecord | None = state.questions.get(digest)
    listing = None if record is None else state.offers[record.offer]
    role = None if record is None or listing is None else _role(record, listing, command, authority)
    if record is None or listing is None or role is None:
        # The same answer for both, so that strangers learn nothing.
        raise Refusal(Code.UNKNOWN_QUESTION, "no such question to this party", "CAT-16")
    if body.offer != record.offer:
        raise Refusal(Code.BAD_FIELD, "the question is about another offer", "CAT-16")
    act = Act(action=Action.SELL, time_ms=authority.now_ms, node=state.node, category=listing.offer.category)
    decision = permit(state, authority, act)
    then = QUESTION.after(record.state, body.message, role)
    if listing.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {listing.state.value}", "CAT-16")
    _add_facts(state, command, body, record)
    notices = _ended(state, digest, record, then, authority.now_ms)
    return Result(reference=digest, decision=decision, notices=notices)


def question_due(state: State, digest: Digest, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Nobody answered in time; or the time is over for which a question that ended is kept."""
    record: QuestionRecord = state.questions[digest]
    if QUESTION.is_final(record.state):
        state.questions.drop(digest)
        return ()
    return _ended(state, digest, record, QUESTION.after_silence(record.state), now_ms)


def _check_unknown(state: State, offer: Digest, listing: OfferRecord, body: AskFacts) -> None:
    known = {fact.name for fact in stated(state, offer, listing.offer).attributes}
    for name in body.names:
        if name in known:
            raise Refusal(Code.ALREADY_KNOWN, f"the offer states {name} already", "CAT-15")
        if (offer, name) in state.asked.open_names:
            raise Refusal(Code.ALREADY_KNOWN, f"{name} is asked for already; wait for the answer", "CAT-15")


def _role(
    record: QuestionRecord, listing: OfferRecord, command: Command, authority: Authority
) -> Role | None:
    sender = command.header.sender
    if authority.owner == listing.seller_owner and sender in (listing.seller, listing.seller_owner):
        return Role.SELLER
    return Role.BUYER if authority.owner == record.asker_owner else None


def _add_facts(state: State, command: Command, body: AnswerFacts, record: QuestionRecord) -> None:
    if not body.attributes:
        return
    facts: OfferFacts = state.offer_facts.get(record.offer, _NO_FACTS)
    for fact in body.attributes:
        if fact.name not in record.names:
            raise Refusal(Code.BAD_FIELD, f"nobody asked for {fact.name}", "CAT-16")
    known = {fact.name: fact for fact in facts.attributes}
    known |= {fact.name: fact for fact in body.attributes}
    assert len(known) == len(facts.attributes) + len(body.attributes), "a known fact is never asked for"
    if len(known) > ANSWERED_FACTS_MAX:
        raise Refusal(Code.FULL, f"answers add at most {ANSWERED_FACTS_MAX} facts to one offer", "CAT-16")
    added = OfferFacts(
        attributes=tuple(known[name] for name in sorted(known)),
        answers=(*facts.answers, command.signed_bytes),
    )
    state.offer_facts.put(record.offer, added)


def _ended(
    state: State, digest: Digest, record: QuestionRecord, then: QuestionState, now_ms: UnixMs
) -> tuple[Notice, ...]:
    ended = replace(record, state=then)
    state.questions.put(digest, ended)
    state.timers.cancel(record.deadline_ms, TimerKind.QUESTION, digest)
    state.keep_for_now(TimerKind.QUESTION, digest, now_ms)
    return _notices(digest, ended)


def _notices(digest: Digest, record: QuestionRecord) -> tuple[Notice, ...]:
    owners: tuple[PartyId, ...] = (record.seller_owner, record.asker_owner)
    return tuple(Notice(owner, NoticeKind.FACTS, digest, record.state.value) for owner in owners)
