"""What blocking things and owners have in common.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from thingmarket.limits import DAY_MS
from thingmarket_client.blocking.insight import BlockingInsight
from thingmarket_client.blocking.party import BlockingParty
from thingmarket_client.blocking.reads import BlockingReads
from thingmarket_client.blocking.trust import BlockingTrust
from thingmarket_client.blocking.wait import BlockingWait
from thingmarket_client.blocking.waiting import BlockingWaiting
from thingmarket_client.blocking.watching import BlockingWatch
from thingmarket_client.floor_trader import LEVELS
from thingmarket_client.trader import BEST, Trader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from thingmarket.catalog.attributes import AttributeValue
    from thingmarket.catalog.needs import Need
    from thingmarket.catalog.offers import Offer
    from thingmarket.contract.orders import RetentionClass
    from thingmarket.contract.standing import StandingId
    from thingmarket.identity.envelope import Signed
    from thingmarket.identity.terms import Place
    from thingmarket.ids import Digest, Key
    from thingmarket.market.order_views import (
        DepthSeen,
        GoodsSeen,
        OrderSeen,
        SeatSeen,
        TradeSeen,
        TradesSeen,
    )
    from thingmarket.market.views import CancelPreview
    from thingmarket.policy.decision import Fact
    from thingmarket.wire.books import PointsSeen
    from thingmarket.wire.inbox import PendingSeen
    from thingmarket.wire.listings import NeedSeen, OfferSeen, QuestionSeen
    from thingmarket.wire.standing import StandingSeen
    from thingmarket.wire.views import ContractSeen
    from thingmarket_client.approvals import Pending
    from thingmarket_client.choosing import Bars, Chosen
    from thingmarket_client.frames import AnyOrder, FrameAnswer
    from thingmarket_client.live_book import LiveBook, Market
    from thingmarket_client.orders import Bought, Order
    from thingmarket_client.post import Flushed
    from thingmarket_client.reads import Change
    from thingmarket_client.trader import Reasons

P = TypeVar("P", bound=Trader)


class BlockingTrader(BlockingParty[P]):
    """A party at one node. Commands go through the outbox; queries go straight."""

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, P]]) -> None:
        """Open the party and what it can be asked."""
        super().__init__(opening)
        self.reads = BlockingReads(self._calls, self._party.reads, self._watches)
        self.insight = BlockingInsight(self._calls, self._party.insight)
        self.waiting = BlockingWaiting(self._calls, self._party.waiting, self._watches)
        self.trust = BlockingTrust(self._calls, self._party.trust)
        self.wait = BlockingWait(self._calls, self._party.wait)

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        return self._calls.call(lambda: self._party.leaf)

    def place_orders(self, wanted: Sequence[AnyOrder]) -> FrameAnswer:
        """Place 1 to 1,000 orders in one command; each is answered by itself.

        Unanswered: nobody knows what became of them until `resend_orders`. RefusedByNode: none was placed.
        """
        return self._calls.run(lambda: self._party.place_orders(wanted))

    def resend_orders(self) -> FrameAnswer | None:
        """Send the last orders again if they were not answered, byte for byte: they are placed once."""
        return self._calls.run(self._party.resend_orders)

    def seat(self) -> SeatSeen:
        """Its number among those who place orders, and how far it has counted."""
        return self._calls.run(self._party.seat)

    def orders(self, of: str = "") -> tuple[OrderSeen, ...]:
        """Its own orders that rest in the books, oldest first; an owner's question may be `of` his thing."""
        return self._calls.run(lambda: self._party.orders(of))

    def declare_goods(self, market: int, quantity_steps: int) -> None:
        """Bring goods of a market's product into the owner's account: sell orders are held from it."""
        self._calls.run(lambda: self._party.declare_goods(market, quantity_steps))

    def withdraw_goods(self, market: int, quantity_steps: int) -> None:
        """Take free goods out again."""
        self._calls.run(lambda: self._party.withdraw_goods(market, quantity_steps))

    def goods(self) -> tuple[GoodsSeen, ...]:
        """What the owner has in the markets, by product: all, held by orders and contracts, and free."""
        return self._calls.run(self._party.goods)

    def market(self, number: int) -> Market:
        """One market (UNKNOWN_MARKET)."""
        return self._calls.run(lambda: self._party.market(number))

    def markets(self) -> tuple[Market, ...]:
        """All markets, by number."""
        return self._calls.run(self._party.markets)

    def depth(self, market: int, levels: int = LEVELS) -> DepthSeen:
        """The best levels of an open book (NOT_PERMITTED for a closed one)."""
        return self._calls.run(lambda: self._party.depth(market, levels))

    def trades(self, market: int, since_seq: int = 0) -> tuple[TradeSeen, ...]:
        """Trades behind a log position that the node still keeps, oldest first; one's own name one's orders.

        Those of a closed book are one's own alone.
        """
        return self._calls.run(lambda: self._party.trades(market, since_seq))

    def trades_known(self, market: int, since_seq: int = 0) -> TradesSeen:
        """The same, with the log position and time up to which the node keeps no trades of this market.

        What a node keeps is lost when it starts again, and of much trade it keeps the last.
        """
        return self._calls.run(lambda: self._party.trades_known(market, since_seq))

    def watch_market(self, market: int, levels: int = LEVELS) -> BlockingWatch[LiveBook]:
        """The best levels of an open book, again whenever they change; reconnects by itself.

        Who is slow gets fewer and newer ones. Ends only by a refusal.
        """
        return BlockingWatch(self._calls, self._watches, lambda: self._party.watch_market(market, levels))

    def announce(self, need: Need) -> Digest:
        """Announce a need; the same one again is the same need."""
        return self._calls.run(lambda: self._party.announce(need))

    def replenish(self, need: Need) -> NeedSeen:
        """Announce a need of a slot, unless one is open there: then that one (SLOT_TAKEN for another order).

        It may be called whenever stock is low, as often as one likes.
        """
        return self._calls.run(lambda: self._party.replenish(need))

    def stand(
        self,
        seen: OfferSeen,
        quantity_steps: int,
        *,
        interval_ms: int,
        occurrences_max: int,
        total_max_minor: int | None = None,
        first_ms: int = 0,
        slot: str = "",
        delivery: Mapping[RetentionClass, bytes] | None = None,
    ) -> StandingId:
        """Buy again every `interval_ms`, for at most today's total unless told otherwise."""
        return self._calls.run(
            lambda: self._party.stand(
                seen,
                quantity_steps,
                interval_ms=interval_ms,
                occurrences_max=occurrences_max,
                total_max_minor=total_max_minor,
                first_ms=first_ms,
                slot=slot,
                delivery=delivery,
            )
        )

    def end_standing(self, standing_order: bytes) -> None:
        """End a standing order; what it bought stands."""
        self._calls.run(lambda: self._party.end_standing(standing_order))

    def standing_orders(self) -> tuple[StandingSeen, ...]:
        """Standing orders of the owner and his things; of a thing, its own."""
        return self._calls.run(self._party.standing_orders)

    def ready(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Report, as the seller, that the goods of a unit are ready to go."""
        self._calls.run(lambda: self._party.ready(contract, facts, unit=unit))

    def delivered(
        self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0, part_steps: int = 0
    ) -> None:
        """Report that a unit, or so many steps of it, was handed over; facts without personal data."""
        self._calls.run(lambda: self._party.delivered(contract, facts, unit=unit, part_steps=part_steps))

    def failed(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Report that a unit cannot be delivered; the buyer is refunded."""
        self._calls.run(lambda: self._party.failed(contract, facts, unit=unit))

    def accept(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Accept, as the buyer, what was delivered, and say what was measured; escrow is released."""
        self._calls.run(lambda: self._party.accept(contract, facts, unit=unit))

    def preview_cancel(
        self, *, contract: bytes = b"", offer: bytes = b"", quantity_steps: int = 0
    ) -> CancelPreview:
        """What cancelling costs: a contract now, or a purchase of an offer before it is made."""
        return self._calls.run(
            lambda: self._party.preview_cancel(contract=contract, offer=offer, quantity_steps=quantity_steps)
        )

    def cancel(self, contract: bytes, *, max_fee_minor: int = 0) -> None:
        """Cancel, as the buyer, what was not delivered yet, for at most so much (FEE_TOO_HIGH)."""
        self._calls.run(lambda: self._party.cancel(contract, max_fee_minor=max_fee_minor))

    def pending(self, pending: bytes) -> PendingSeen:
        """An order that waits or waited, as it stands now (UNKNOWN_ENTRY)."""
        return self._calls.run(lambda: self._party.pending(pending))

    def outcome_of(self, pending: Pending | bytes) -> PendingSeen:
        """Wait until somebody has spoken, or the time for it is over; through all reconnections."""
        return self._calls.run(lambda: self._party.outcome_of(pending))

    def withdraw(self, pending: bytes, reason: str = "") -> PendingSeen:
        """Take back an own order that waits; its budget is free again."""
        return self._calls.run(lambda: self._party.withdraw(pending, reason))

    def speak(self, order: PendingSeen, *, approved: bool, reason: str) -> PendingSeen:
        """Say yes or no to an order as it was read, and read what it came to."""
        return self._calls.run(lambda: self._party.speak(order, approved=approved, reason=reason))

    def flush(self) -> Flushed:
        """Send again, in order, what is unanswered."""
        return self._calls.run(self._party.flush)

    def new_key(self) -> Key:
        """A fresh idempotency key: hand the same one in again, and nothing happens twice."""
        return self._calls.call(self._party.new_key)

    def need(self, *, title: str, category: str, quantity_steps: int, unit: str = "C62", **more: Any) -> Need:
        """Put a need together; `more` are other fields of `Need`. It lasts a week unless told otherwise."""
        return self._calls.call(
            lambda: self._party.need(
                title=title, category=category, quantity_steps=quantity_steps, unit=unit, **more
            )
        )

    def withdraw_need(self, need: bytes) -> None:
        """End a need."""
        self._calls.run(lambda: self._party.withdraw_need(need))

    def needs(self) -> tuple[NeedSeen, ...]:
        """Needs of the owner and all his things."""
        return self._calls.run(self._party.needs)

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
        return self._calls.call(
            lambda: self._party.offer(
                product_id=product_id,
                title=title,
                category=category,
                currency=currency,
                price_minor=price_minor,
                stock_steps=stock_steps,
                **more,
            )
        )

    def sell(self, offer: Offer) -> Digest:
        """Publish an offer; the same one again is the same offer."""
        return self._calls.run(lambda: self._party.sell(offer))

    def withdraw_offer(self, offer: bytes) -> None:
        """End an offer; contracts made from it stand."""
        self._calls.run(lambda: self._party.withdraw_offer(offer))

    def search(self, need: Need, text: str = "") -> tuple[OfferSeen, ...]:
        """Live offers that might meet a need and have all words of `text`; each is what its seller signed."""
        return self._calls.run(lambda: self._party.search(need, text))

    def choose(self, need: Need, offers: Sequence[OfferSeen] | None = None) -> Chosen:
        """Choose among offers, all that are found unless others are given.

        `choice` holds the parts of every score, why each other offer lost, and what each wish cost.
        What the owner's rules forbid is never chosen.
        """
        return self._calls.run(lambda: self._party.choose(need, offers))

    def choose_best(self, need: Need, currency: str, most: int = BEST) -> Chosen:
        """The same choice as `choose` in one currency, out of the best `most` that the node names.

        Far less is sent than for a look at every offer: for the need, and for it without each of its
        wishes, the node ranks and the device checks. It looks at all of them where its owner's rules
        forbid each of the best.
        """
        return self._calls.run(lambda: self._party.choose_best(need, currency, most))

    def bars(self) -> Bars:
        """What the owner's rules forbid this party to buy; nobody buys of himself."""
        return self._calls.call(self._party.bars)

    def ask_facts(self, offer: bytes, names: Sequence[str], *, wait_ms: int = DAY_MS) -> Digest:
        """Ask the seller of an offer for facts by their names; a notice tells when he has answered."""
        return self._calls.run(lambda: self._party.ask_facts(offer, names, wait_ms=wait_ms))

    def answer_facts(self, question: QuestionSeen, facts: Mapping[str, AttributeValue]) -> None:
        """Answer, as the seller; facts count as if the offer stated them. None of them: decline."""
        self._calls.run(lambda: self._party.answer_facts(question, facts))

    def questions(self, after_seq: int = 0) -> tuple[QuestionSeen, ...]:
        """Questions for facts that the owner and his things asked or were asked, oldest first."""
        return self._calls.run(lambda: self._party.questions(after_seq))

    def order(
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
        return self._calls.run(
            lambda: self._party.order(
                wanted,
                quantity_steps,
                need=need,
                delivery=delivery,
                key=key,
                approved_by=approved_by,
                points=points,
                place=place,
            )
        )

    def points(self) -> tuple[PointsSeen, ...]:
        """Points that the owner has, owes or gave, by seller. [PTS-5]"""
        return self._calls.run(self._party.points)

    def place(self, order: Order, *approvals: Signed) -> Bought:
        """Buy what was ordered, once; approvals must be of this very order (NeedsApproval, DENIED, ...)."""
        return self._calls.run(lambda: self._party.place(order, *approvals))

    def purchase(self, order: Order, *approvals: Signed) -> Bought | Pending:
        """The same, for who is prepared to wait: an order above the threshold is not bought yet. [COS-4]"""
        return self._calls.run(lambda: self._party.purchase(order, *approvals))

    def buy(
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
        return self._calls.run(
            lambda: self._party.buy(
                wanted, quantity_steps, need=need, delivery=delivery, key=key, points=points
            )
        )

    def contracts(self, since: int = 0) -> tuple[ContractSeen, ...]:
        """Contracts that changed after a log position."""
        return self._calls.run(lambda: self._party.contracts(since))

    def contract(self, contract: bytes) -> ContractSeen:
        """One contract."""
        return self._calls.run(lambda: self._party.contract(contract))

    def unseal(self, contract: bytes, commitment: bytes) -> bytes:
        """The bytes behind a commitment of a contract, for the seller and the buyer's owner."""
        return self._calls.run(lambda: self._party.unseal(contract, commitment))

    def watch(self, since: int | None = None) -> BlockingWatch[Change]:
        """Changes as they become durable, through all reconnections; heard from when entered by `with`."""
        return BlockingWatch(self._calls, self._watches, lambda: self._party.watch(since))

    def explain(self, contract: bytes) -> Reasons:
        """Why a contract was made, and among what this device chose."""
        return self._calls.run(lambda: self._party.explain(contract))
