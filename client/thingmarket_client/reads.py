"""What a party can read: offers, its contracts and needs, reasons, and changes as they happen."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from thingmarket.audit.receipts import check_receipt
from thingmarket.catalog.needs import Constraint, Need
from thingmarket.errors import Code, Refusal
from thingmarket.limits import SEARCH_RESULTS_MAX
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.views import CancelPreview, MoneyBalance, SpendingView, Wanted
from thingmarket.wire import listings, views
from thingmarket.wire import reads as wire
from thingmarket.wire.cancelling import read_preview
from thingmarket.wire.listings import NeedSeen, OfferSeen, QuestionSeen
from thingmarket.wire.reads import Explanation
from thingmarket.wire.standing import StandingSeen, read_standing_orders
from thingmarket.wire.views import ContractSeen
from thingmarket_client.errors import Unanswered
from thingmarket_client.retry import FIRST_DELAY_MS, LONGEST_DELAY_MS
from thingmarket_client.session.session import Session, pause
from thingmarket_client.watching import Watch

if TYPE_CHECKING:
    from thingmarket.market.order_views import TradeSeen

PAGES_MAX: Final = 100  # of 100 rows: who looks at more than 10,000 rows should ask more narrowly


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something of the party's owner changed at a log position; `state` is its new state in words.

    Of a FILL `trades` are those of the party's orders, or of its things', and it says if there were others.
    """

    seq: int
    kind: NoticeKind
    reference: bytes
    state: str
    trades: "tuple[TradeSeen, ...]" = ()
    trades_more: bool = False


class Reads:
    """Queries of one session; all answers are durable. What is not one's own is as if not there."""

    def __init__(self, session: Session) -> None:
        """Ask by `session`."""
        self._session = session

    async def offers(
        self,
        *,
        category: str = "",
        product_id: str = "",
        text: str = "",
        must: tuple[Constraint, ...] = (),
        currency: str = "",
    ) -> tuple[OfferSeen, ...]:
        """Live offers within a UNSPSC prefix, of a product, with all words of a text, or all.

        What fails a condition of `must` is left out; what does not state the fact is found. Each offer
        is what its seller signed.
        """
        wanted = Wanted(category=category, product_id=product_id, text=text, must=must, currency=currency)
        found: list[OfferSeen] = []
        after_seq = 0
        for _ in range(PAGES_MAX):
            request = wire.search_request(wanted, limit=SEARCH_RESULTS_MAX, after_seq=after_seq)
            response = await self._session.ask(lambda stub: stub.SearchOffers, request)
            page, after_seq = listings.read_offers_page(response)
            found += page
            if after_seq == 0:
                break
        return tuple(found)

    async def best(
        self, need: Need, currency: str, most: int, *, leave_out: int = 0
    ) -> tuple[OfferSeen, ...]:
        """The best `most` offers for a need, ranked by the node out of all; in no certain order.

        They are what a full search would rank first, as far as the node is honest about what it leaves
        out: each is what its seller signed. `leave_out` is the number of a wish not looked at.
        """
        wanted = Wanted(
            category=need.category,
            product_id=need.product_id,
            currency=currency,
            need=need,
            leave_out=leave_out,
        )
        found: list[OfferSeen] = []
        after_seq = 0
        for _ in range(PAGES_MAX):
            request = wire.search_request(wanted, limit=most, after_seq=after_seq)
            response = await self._session.ask(lambda stub: stub.SearchOffers, request)
            page, after_seq, cut = listings.read_best_page(response)
            if cut:
                raise Refusal(Code.TOO_LARGE, f"{most} of these offers do not fit into one message", "QRY-7")
            found += page
            if after_seq == 0:
                break
        return tuple(found)

    async def questions(self, after_seq: int = 0) -> tuple[QuestionSeen, ...]:
        """Questions for facts that the party's owner asked or was asked, oldest first."""
        found: list[QuestionSeen] = []
        for _ in range(PAGES_MAX):
            request = wire.questions_request(found[-1].seq if found else after_seq)
            response = await self._session.ask(lambda stub: stub.ListQuestions, request)
            page = listings.read_questions(response)
            if not page:
                break
            found += page
        return tuple(found)

    async def offer(self, digest: bytes) -> OfferSeen:
        """One offer, whatever its state (UNKNOWN_OFFER)."""
        response = await self._session.ask(lambda stub: stub.GetOffer, wire.offer_request(digest))
        seen = listings.read_offer_view(response.offer)
        if seen.digest != digest:
            raise Refusal(Code.TAMPERED, "the node shows another offer than the one asked for")
        return seen

    async def needs(self) -> tuple[NeedSeen, ...]:
        """Needs of the party's owner, oldest first."""
        found: list[NeedSeen] = []
        for _ in range(PAGES_MAX):
            request = wire.needs_request(found[-1].seq if found else 0)
            page = listings.read_needs(await self._session.ask(lambda stub: stub.ListNeeds, request))
            if not page:
                break
            found += page
        return tuple(found)

    async def contract(self, contract: bytes) -> ContractSeen:
        """One contract (UNKNOWN_CONTRACT)."""
        response = await self._session.ask(lambda stub: stub.GetContract, wire.contract_request(contract))
        seen = views.contract_value(response.contract)
        if seen.id != contract:
            raise Refusal(Code.TAMPERED, "the node shows another contract than the one asked for")
        return seen

    async def contracts(self, since: int = 0) -> tuple[ContractSeen, ...]:
        """Contracts that changed after a log position, in the order of their last change."""
        found: list[ContractSeen] = []
        for _ in range(PAGES_MAX):
            request = wire.contracts_request(since)
            if found:
                request = wire.contracts_request(found[-1].changed_seq, found[-1].id)
            response = await self._session.ask(lambda stub: stub.ListContracts, request)
            page, more = views.read_contracts(response)
            found += page
            if not (more and page):
                break
        return tuple(found)

    async def preview_cancel(
        self, *, contract: bytes = b"", offer: bytes = b"", quantity_steps: int = 0
    ) -> CancelPreview:
        """What cancelling costs: a contract, or a purchase before it is made (UNKNOWN_CONTRACT, ...)."""
        request = wire.preview_cancel_request(contract=contract, offer=offer, quantity_steps=quantity_steps)
        return read_preview(await self._session.ask(lambda stub: stub.PreviewCancel, request))

    async def standing_orders(self) -> tuple[StandingSeen, ...]:
        """Standing orders of an owner and his things, or of the thing itself, oldest first."""
        found: list[StandingSeen] = []
        for _ in range(PAGES_MAX):
            request = wire.standing_orders_request(found[-1].seq if found else 0)
            page = read_standing_orders(
                await self._session.ask(lambda stub: stub.ListStandingOrders, request)
            )
            if not page:
                break
            found += page
        return tuple(found)

    async def balances(self) -> tuple[MoneyBalance, ...]:
        """Balances of an owner who asks himself (NOT_PERMITTED)."""
        response = await self._session.ask(lambda stub: stub.GetBalances, wire.balances_request())
        return views.read_balances(response)

    async def explain(self, *, contract: bytes = b"", seq: int = 0) -> Explanation:
        """Why a contract was made, or a command of one's own decided as it was; the proof is verified."""
        request = wire.explain_request(contract=contract, seq=seq)
        found = wire.read_explanation(await self._session.ask(lambda stub: stub.Explain, request))
        if found.receipt is not None:
            check_receipt(found.receipt, self._session.witness.vkey)
        return found

    async def spending(self, mandate: bytes) -> SpendingView:
        """What was spent under a mandate, and whether it lives (UNKNOWN_MANDATE)."""
        response = await self._session.ask(lambda stub: stub.Spending, wire.spending_request(mandate))
        return views.read_spending(response)

    async def unseal(self, contract: bytes, commitment: bytes) -> bytes:
        """The bytes behind a commitment of a contract (UNKNOWN_CONTRACT, ERASED)."""
        request = wire.unseal_request(contract, commitment)
        data: bytes = (await self._session.ask(lambda stub: stub.Unseal, request)).data
        return data

    def watch(self, since: int | None = None) -> Watch[Change]:
        """Changes as they become durable; reconnects by itself, and catches up on contracts.

        Begins after the log position `since`; without it when entered by `with`, else at the first question.
        A change may be told twice, none of a contract is left out. Ends only by a refusal.
        """
        return Watch(lambda listens: self._changes(since, listens), self._session.patience_ms)

    async def _changes(self, since: int | None, listens: Callable[[], None]) -> AsyncGenerator[Change, None]:
        last, failures = since, 0
        while True:
            first = True
            with suppress(Unanswered):  # it waited long enough in there
                async with aclosing(self._session.listen(wire.watch_request())) as messages:
                    async for message in messages:
                        seq, notices = wire.read_watch(message)
                        # The first message says that the node listens: what changed before is listed.
                        listens()
                        if first and last is not None and seq > last:
                            for change in await self._missed(last, seq, notices):
                                yield change
                        for change in _changes(seq, notices, message):
                            yield change
                        first, last, failures = False, max(seq, last or 0), 0
            failures += 1
            await pause(min(FIRST_DELAY_MS << min(failures, 10), LONGEST_DELAY_MS))

    async def _missed(self, last: int, seq: int, told: tuple[Notice, ...]) -> list[Change]:
        """Contracts that changed since `last`, other than by what is being told."""
        now_told = {notice.reference for notice in told}
        return [
            Change(
                seq=contract.changed_seq,
                kind=NoticeKind.CONTRACT,
                reference=contract.id,
                state=contract.fulfilment.value,
            )
            for contract in await self.contracts(last)
            if contract.changed_seq <= seq and contract.id not in now_told
        ]


def _changes(seq: int, notices: tuple[Notice, ...], message: Any) -> list[Change]:
    """What a message tells, with the trades of fills, which are read by who trades in markets alone."""
    trades: dict[int, tuple[tuple[TradeSeen, ...], bool]] = {}
    if message.trades:
        from thingmarket.wire.market_data import read_notice_trades  # noqa: PLC0415  as in `FloorTrader`

        trades = read_notice_trades(message.trades)
    return [
        Change(
            seq=seq,
            kind=one.kind,
            reference=one.reference,
            state=one.state,
            trades=trades[place][0] if place in trades else (),
            trades_more=place in trades and trades[place][1],
        )
        for place, one in enumerate(notices)
    ]
