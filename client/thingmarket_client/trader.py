"""What things and owners have in common: they announce, search, choose, buy, sell and fulfil."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.choice import Choice
from thingmarket.catalog.fit import steps_in_offer
from thingmarket.catalog.needs import Need, WithdrawNeed, check_need
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer, check_offer
from thingmarket.catalog.questions import AnswerFacts, AskFacts, check_answer_facts, check_ask_facts
from thingmarket.catalog.wishes import wishes_of, without
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.orders import RetentionClass
from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.terms import Place
from thingmarket.ids import ContractId, Digest, Key, PartyId, digest
from thingmarket.limits import DAY_MS
from thingmarket.wire import books, catalog
from thingmarket.wire.books import PointsSeen
from thingmarket.wire.listings import NeedSeen, OfferSeen, QuestionSeen
from thingmarket.wire.reads import Explanation
from thingmarket.wire.views import ContractSeen
from thingmarket_client.approvals import NeedsApproval, Pending, Speaker, Waiting
from thingmarket_client.choosing import Bars, Chosen, OwnBars, barred_by, choose_among
from thingmarket_client.decisions import ChoiceRecord, from_note, load_record, record_of, save_record
from thingmarket_client.errors import FateUnknown
from thingmarket_client.floor_trader import FloorTrader
from thingmarket_client.insight import Insight
from thingmarket_client.orders import Bought, Order, approved, make_order
from thingmarket_client.outbox import Answer, Letter, Outbox
from thingmarket_client.performing import Performer
from thingmarket_client.post import Flushed, Post
from thingmarket_client.reads import Change, Reads
from thingmarket_client.replenishing import Replenisher
from thingmarket_client.session.session import PATIENCE_MS, Caller, Session
from thingmarket_client.trust import Trust
from thingmarket_client.wait import Wait
from thingmarket_client.watching import Watch
from thingmarket_client.witness import remembered

OUTBOX_FILE: Final = "outbox.db"
LISTING_LIFE_MS: Final = 7 * DAY_MS
BEST: Final = 20  # offers that are asked for and checked when the node ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why a contract was made: what the node's log says, and the buyer's own record if it is here."""

    explanation: Explanation
    record: ChoiceRecord | None

    @property
    def record_proven(self) -> bool:
        """True when the contract committed to exactly this record."""
        contract = self.explanation.contract
        return self.record is not None and contract is not None and contract.choice == self.record.commitment


class Trader(Speaker, Performer, Replenisher, FloorTrader):
    """A party at one node. Commands go through the outbox; queries go straight."""

    def __init__(
        self, home: Path, outbox: Outbox, card: NodeCard, caller: Caller, patience_ms: int = PATIENCE_MS
    ) -> None:
        """Prepare a session with the node of `card`; must be made inside the event loop."""
        self.home = home
        self.id: PartyId = caller.party
        witness = remembered(card, outbox.checkpoint(card.node_id))
        self.session = Session(card, caller, witness, patience_ms=patience_ms)
        self.post = Post(self.session, outbox, self._answered)
        self.reads = Reads(self.session)
        self.insight = Insight(self.session)
        self.waiting = Waiting(self.session)
        self.trust = Trust(self.session, self._tell, self.new_key)
        self.wait = Wait(self.post, self.reads, self.choose)

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        return b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; what is unanswered waits in the outbox."""
        await self.post.close()

    async def flush(self) -> Flushed:
        """Send again, in order, what is unanswered."""
        return await self.post.flush()

    def new_key(self) -> Key:
        """A fresh idempotency key: hand the same one in again, and nothing happens twice."""
        return self.post.new_key()

    def _answered(self, letter: Letter, answer: Answer) -> None:
        """Runs aside, before the answer is stored, and may run again after a crash."""
        if letter.type_id == TypeId.PURCHASE and not answer.code and letter.note:
            save_record(self.home, answer.reference, from_note(letter.note))

    async def _tell(self, type_id: TypeId, key: Key, body: bytes) -> Answer:
        letter = Letter(key=key, type_id=type_id, body=body, mandate_leaf=self.leaf)
        return (await self.post.deliver(letter)).made()

    # --- needs and offers

    def need(self, *, title: str, category: str, quantity_steps: int, unit: str = "C62", **more: Any) -> Need:
        """Put a need together; `more` are other fields of `Need`. It lasts a week unless told otherwise."""
        fields = {"valid_until_ms": self.session.now_ms + LISTING_LIFE_MS, "key": self.new_key(), **more}
        need = Need(title=title, category=category, quantity_steps=quantity_steps, unit=unit, **fields)
        check_need(need)
        return need

    async def announce(self, need: Need) -> Digest:
        """Announce a need; the same one again is the same need."""
        body = catalog.announce_need_body(need)
        return Digest((await self._tell(TypeId.ANNOUNCE_NEED, Key(need.key), body)).reference)

    async def withdraw_need(self, need: bytes) -> None:
        """End a need."""
        key = self.new_key()
        body = catalog.withdraw_need_body(WithdrawNeed(key=key, need=need))
        await self._tell(TypeId.WITHDRAW_NEED, key, body)

    async def needs(self) -> tuple[NeedSeen, ...]:
        """Needs of the owner and all his things."""
        return await self.reads.needs()

    def offer(
        self,
        *,
        product_id: str,
        title: str,
        category: str,
        currency: str,
        price_minor: int,
        stock_steps: int,
        **more: Any,
    ) -> Offer:
        """Put an offer together; `more` are other fields of `Offer`.

        Unless told otherwise: whole pieces, standard tax, delivered by people within 2 days, inspected
        within one, valid for a week.
        """
        fields: dict[str, Any] = {
            "unit": "C62",
            "price_base_steps": 1,
            "tax_category": "S",
            "min_steps": 1,
            "max_steps": stock_steps,
            "valid_until_ms": self.session.now_ms + LISTING_LIFE_MS,
            "fulfilment": FulfilmentKind.HUMAN,
            "delivery_ms": 2 * DAY_MS,
            "inspection_ms": DAY_MS,
            "key": self.new_key(),
            **more,
        }
        offer = Offer(
            product_id=product_id,
            title=title,
            category=category,
            currency=currency,
            price_minor=price_minor,
            stock_steps=stock_steps,
            **fields,
        )
        check_offer(offer)
        return offer

    async def sell(self, offer: Offer) -> Digest:
        """Publish an offer; the same one again is the same offer."""
        body = catalog.publish_offer_body(offer)
        return Digest((await self._tell(TypeId.PUBLISH_OFFER, Key(offer.key), body)).reference)

    async def withdraw_offer(self, offer: bytes) -> None:
        """End an offer; contracts made from it stand."""
        key = self.new_key()
        body = catalog.withdraw_offer_body(WithdrawOffer(key=key, offer=offer))
        await self._tell(TypeId.WITHDRAW_OFFER, key, body)

    async def search(self, need: Need, text: str = "") -> tuple[OfferSeen, ...]:
        """Live offers that might meet a need and have all words of `text`; each is what its seller signed."""
        return await self.reads.offers(category=need.category, product_id=need.product_id, text=text)

    async def choose(self, need: Need, offers: Sequence[OfferSeen] | None = None) -> Chosen:
        """Choose among offers, all that are found unless others are given.

        `choice` holds the parts of every score, why each other offer lost, and what each wish cost.
        What the owner's rules forbid is never chosen.
        """
        return choose_among(need, await self.search(need) if offers is None else offers, self.bars())

    async def choose_best(self, need: Need, currency: str, most: int = BEST) -> Chosen:
        """The same choice as `choose` in one currency, out of the best `most` that the node names.

        Far less is sent than for a look at every offer: for the need, and for it without each of its
        wishes, the node ranks and the device checks. It looks at all of them where its owner's rules
        forbid each of the best.
        """
        bars, found = self.bars(), dict[bytes, OfferSeen]()
        for leave_out in range(1 + wishes_of(need)):
            asked = without(need, leave_out - 1) if leave_out else need
            best = await self.reads.best(need, currency, most, leave_out=leave_out)
            rules = barred_by(asked, best, bars)
            if len(best) >= most and all(rules.get(seen.digest) for seen in best):
                wanted = await self.reads.offers(
                    category=need.category, product_id=need.product_id, currency=currency
                )
                return choose_among(need, wanted, bars)
            found |= {seen.digest: seen for seen in best}
        return choose_among(need, tuple(found.values()), bars)

    def bars(self) -> Bars:
        """What the owner's rules forbid this party to buy; nobody buys of himself."""
        return OwnBars(self.id)

    # --- facts that an offer does not state

    async def ask_facts(self, offer: bytes, names: Sequence[str], *, wait_ms: int = DAY_MS) -> Digest:
        """Ask the seller of an offer for facts by their names; a notice tells when he has answered."""
        question = AskFacts(
            key=self.new_key(),
            offer=offer,
            names=tuple(sorted(names)),
            deadline_ms=self.session.now_ms + wait_ms,
        )
        check_ask_facts(question)
        body = catalog.ask_facts_body(question)
        return Digest((await self._tell(TypeId.ASK_FACTS, Key(question.key), body)).reference)

    async def answer_facts(self, question: QuestionSeen, facts: Mapping[str, AttributeValue]) -> None:
        """Answer, as the seller; facts count as if the offer stated them. None of them: decline."""
        answer = AnswerFacts(
            key=self.new_key(),
            question=question.digest,
            offer=question.offer,
            attributes=tuple(Attribute(name, facts[name]) for name in sorted(facts)),
        )
        check_answer_facts(answer)
        await self._tell(TypeId.ANSWER_FACTS, Key(answer.key), catalog.answer_facts_body(answer))

    async def questions(self, after_seq: int = 0) -> tuple[QuestionSeen, ...]:
        """Questions for facts that the owner and his things asked or were asked, oldest first."""
        return await self.reads.questions(after_seq)

    # --- buying

    async def order(
        self,
        wanted: Need | Chosen | OfferSeen,
        quantity_steps: int | None = None,
        *,
        need: bytes = b"",
        delivery: Mapping[RetentionClass, bytes] | None = None,
        key: Key | None = None,
        approved_by: bytes = b"",
        points: int = 0,
        place: Place | None = None,
    ) -> Order:
        """Make an order of a need (searching and choosing), of a choice or of one offer; nothing is sent.

        `need` is the digest of an announced need that this fills; for a need that this party announced
        it is known. `delivery` is sealed: only its commitment stands in the log. `approved_by` names an
        order that was approved but could not be made: what is not worse needs no new approval. `points` of
        the seller are redeemed before tax. `place` is where it is bought for, coarse.
        """
        choice: Choice | None = None
        if isinstance(wanted, Need):
            wanted = await self.choose(wanted)
        if isinstance(wanted, Chosen):
            chosen, seen = wanted, wanted.offer
            choice = chosen.choice
            quantity_steps = quantity_steps or steps_in_offer(chosen.need, seen.offer)
            need = need or await self._announced(chosen.need)
        else:
            seen = wanted
        if quantity_steps is None:
            raise Refusal(Code.WRONG_QUANTITY, "say how many steps to buy")
        quantity = str(ScaledInteger(quantity_steps, seen.offer.unit_scale, seen.offer.unit))
        record = record_of(
            need=need, offer=seen.digest, quantity_steps=quantity_steps, choice=choice, quantity=quantity
        )
        return make_order(
            key or self.new_key(),
            seen,
            quantity_steps,
            mandate_leaf=self.leaf,
            record=record,
            need=need,
            delivery=delivery,
            approved_by=approved_by,
            points=points,
            point_value_minor=await self._point_value(seen) if points else 0,
            place=place,
        )

    async def points(self) -> tuple[PointsSeen, ...]:
        """Points that the owner has, owes or gave, by seller. [PTS-5]"""
        response = await self.session.ask(lambda stub: stub.Points, books.points_request())
        return books.read_points(response)

    async def _point_value(self, seen: OfferSeen) -> int:
        for programme in await self.points():
            if (programme.issuer, programme.currency) == (seen.seller_owner, seen.offer.currency):
                return programme.value_minor
        raise Refusal(Code.UNKNOWN_PROGRAMME, "the owner has no points of this seller", "PTS-4")

    async def place(self, order: Order, *approvals: Signed) -> Bought:
        """Buy what was ordered, once; approvals must be of this very order (NeedsApproval, DENIED, ...)."""
        return _bought(await self.purchase(order, *approvals))

    async def purchase(self, order: Order, *approvals: Signed) -> Bought | Pending:
        """The same, for who is prepared to wait: an order above the threshold is not bought yet. [COS-4]"""
        return _made(await self.post.deliver(approved(order, *approvals), order.sealed))

    async def buy(
        self,
        wanted: Need | Chosen | OfferSeen,
        quantity_steps: int | None = None,
        *,
        need: bytes = b"",
        delivery: Mapping[RetentionClass, bytes] | None = None,
        key: Key | None = None,
        points: int = 0,
    ) -> Bought:
        """Order and place. With a `key` that was used before, the first order is what counts."""
        if key is not None and (known := await self._ordered_before(key)) is not None:
            return _bought(_made(known))
        made = await self.order(wanted, quantity_steps, need=need, delivery=delivery, key=key, points=points)
        return await self.place(made)

    async def _ordered_before(self, key: Key) -> Answer | None:
        posted = await asyncio.to_thread(self.post.outbox.find, key)
        return None if posted is None else await self.post.deliver(posted.letter, posted.sealed)

    async def _announced(self, need: Need) -> bytes:
        """The digest of a need that this party announced; empty for one that it kept to itself."""
        try:
            answer = await self.post.answer_to(Key(need.key))
        except FateUnknown:
            return b""
        announced = answer is not None and not answer.code
        return digest(catalog.announce_need_body(need)) if announced else b""

    # --- contracts

    async def contracts(self, since: int = 0) -> tuple[ContractSeen, ...]:
        """Contracts that changed after a log position."""
        return await self.reads.contracts(since)

    async def contract(self, contract: bytes) -> ContractSeen:
        """One contract."""
        return await self.reads.contract(contract)

    async def unseal(self, contract: bytes, commitment: bytes) -> bytes:
        """The bytes behind a commitment of a contract, for the seller and the buyer's owner."""
        return await self.reads.unseal(contract, commitment)

    def watch(self, since: int | None = None) -> Watch[Change]:
        """Changes as they become durable, through all reconnections; heard from when entered by `with`."""
        return self.reads.watch(since)

    async def explain(self, contract: bytes) -> Reasons:
        """Why a contract was made, and among what this device chose."""
        explanation = await self.reads.explain(contract=contract)
        record = await asyncio.to_thread(load_record, self.home, contract)
        if record is None and explanation.approval is not None:  # it was chosen when the order began to wait
            record = await asyncio.to_thread(load_record, self.home, explanation.approval.id)
        return Reasons(explanation=explanation, record=record)


def _bought(made: Bought | Pending) -> Bought:
    if isinstance(made, Pending):
        raise NeedsApproval(made)
    return made


def _made(answer: Answer) -> Bought | Pending:
    answer.made()
    assert answer.receipt is not None, "the session takes no yes without a receipt"
    if answer.pending:
        return Pending(id=PendingId(answer.reference), receipt=answer.receipt, decision=answer.decision)
    return Bought(contract=ContractId(answer.reference), receipt=answer.receipt, decision=answer.decision)
