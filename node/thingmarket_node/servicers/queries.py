"""QueryService: what the market holds, as far as it is the caller's to see."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.limits import PAGE_BYTES_MAX
from thingmarket.market import cancelling, queries, standing_orders
from thingmarket.market.entries import Command
from thingmarket.market.indexes import Reader
from thingmarket.market.searching import Search
from thingmarket.market.state import State
from thingmarket.v1 import log_pb2, query_service_pb2_grpc
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire import cancelling as cancelling_wire
from thingmarket.wire import listings, reads, standing, views
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.log import notice_message, read_entry
from thingmarket.wire.receipts import receipt_message
from thingmarket_node.core.frame_events import events_for
from thingmarket_node.gate import token_of
from thingmarket_node.servicers.billing import BillingQueries
from thingmarket_node.servicers.inbox import InboxQueries
from thingmarket_node.servicers.insight import InsightQueries
from thingmarket_node.servicers.orders import OrderQueries
from thingmarket_node.servicers.things import ThingQueries
from thingmarket_node.servicers.trust import TrustQueries
from thingmarket_node.shell import Shell
from thingmarket_node.watches import News, Told
from thingmarket_node.watches import Watch as Watcher

SIGN_OF_LIFE_S = 15.0
VIEWS_AT_ONCE = 16  # offers turned into messages at a stretch, about half a millisecond
NOTICES_PER_MESSAGE = 1_000  # of at most about 130 bytes each


@dataclass(frozen=True, slots=True)
class Logged:
    """A command of the log with its entry time."""

    command: Command
    time_ms: int


class QueryServicer(
    BillingQueries,
    InsightQueries,
    InboxQueries,
    OrderQueries,
    ThingQueries,
    TrustQueries,
    query_service_pb2_grpc.QueryServiceServicer,
):
    """Answers reads of a session."""

    def __init__(self, shell: Shell) -> None:
        """Read through `shell`, which waits until what was seen is durable."""
        self._shell = shell

    async def SearchOffers(self, request: pb.SearchOffersRequest, context: Any) -> pb.SearchOffersResponse:
        """Live offers by category, product, words and conditions, or the best for a need."""

        def begun(state: State, _: Reader) -> Search:
            wanted = reads.wanted_value(request)
            search = Search(wanted, limit=request.limit, after_seq=request.after_seq)
            search.step(state)
            return search

        search = await self._shell.read(token_of(context), begun)
        while not search.done:
            await asyncio.sleep(0)  # a step takes less than a millisecond; others have their turn
            search.step(self._shell.core.state)
        page = pb.SearchOffersResponse(next_after_seq=search.next_after_seq)
        for first in range(0, len(search.found), VIEWS_AT_ONCE):
            found = queries.live_views(self._shell.core.state, search.found[first : first + VIEWS_AT_ONCE])
            page.offers.extend(map(listings.offer_message, found))
            await asyncio.sleep(0)
        await self._shell.durable(self._shell.core.state.seq)
        return _cut(page, ranked=request.HasField("need"))

    async def GetOffer(self, request: pb.GetOfferRequest, context: Any) -> pb.GetOfferResponse:
        """One offer by its digest."""
        view = await self._shell.read(
            token_of(context), lambda state, _: queries.offer_view(state, request.digest)
        )
        return pb.GetOfferResponse(offer=listings.offer_message(view))

    async def ListQuestions(self, request: pb.ListQuestionsRequest, context: Any) -> pb.ListQuestionsResponse:
        """Questions that the caller's owner asked or was asked."""
        questions = await self._shell.read(
            token_of(context), lambda state, reader: queries.list_questions(state, reader, request.after_seq)
        )
        return pb.ListQuestionsResponse(questions=map(listings.question_message, questions))

    async def ListNeeds(self, request: pb.ListNeedsRequest, context: Any) -> pb.ListNeedsResponse:
        """Needs of the caller's owner."""
        needs = await self._shell.read(
            token_of(context), lambda state, reader: queries.list_needs(state, reader, request.after_seq)
        )
        response = pb.ListNeedsResponse()
        for need in needs:
            message = listings.need_message(need)
            if response.needs and response.ByteSize() + message.ByteSize() > PAGE_BYTES_MAX:
                break
            response.needs.append(message)
        return response

    async def GetContract(self, request: pb.GetContractRequest, context: Any) -> pb.GetContractResponse:
        """One contract of the caller."""
        contract = await self._shell.read(
            token_of(context), lambda state, reader: queries.contract_view(state, reader, request.contract)
        )
        return pb.GetContractResponse(contract=views.contract_message(contract))

    async def ListStandingOrders(
        self, request: pb.ListStandingOrdersRequest, context: Any
    ) -> pb.ListStandingOrdersResponse:
        """Standing orders of the caller."""
        orders = await self._shell.read(
            token_of(context),
            lambda state, reader: standing_orders.listed(state, reader, request.after_seq),
        )
        return standing.standing_orders_message(orders)

    async def PreviewCancel(self, request: pb.PreviewCancelRequest, context: Any) -> pb.PreviewCancelResponse:
        """What cancelling costs."""
        preview = await self._shell.read(
            token_of(context),
            lambda state, reader: cancelling.preview(
                state, reader, request.contract, request.offer, request.quantity_steps
            ),
        )
        return cancelling_wire.preview_message(preview)

    async def ListContracts(self, request: pb.ListContractsRequest, context: Any) -> pb.ListContractsResponse:
        """Contracts of the caller, in the order of their last change."""
        page = await self._shell.read(
            token_of(context),
            lambda state, reader: queries.list_contracts(
                state, reader, request.changed_after_seq, request.after_contract
            ),
        )
        response = views.contracts_page_message(page)
        while response.ByteSize() > PAGE_BYTES_MAX:
            del response.contracts[len(response.contracts) // 2 :]
            response.more = True
        return response

    async def GetBalances(self, request: pb.GetBalancesRequest, context: Any) -> pb.GetBalancesResponse:
        """Balances of an owner."""
        return views.balances_message(await self._shell.read(token_of(context), queries.balances))

    async def Spending(self, request: pb.SpendingRequest, context: Any) -> pb.SpendingResponse:
        """What was spent under a mandate."""
        view = await self._shell.read(
            token_of(context), lambda state, reader: queries.spending(state, reader, request.mandate)
        )
        return views.spending_message(view)

    async def Explain(self, request: pb.ExplainRequest, context: Any) -> pb.ExplainResponse:
        """Why a command was decided as it was: its outcome, its bytes, its proof."""
        token = token_of(context)
        self._shell.session_of(token)  # who has none makes the node read nothing
        contract = None
        if request.contract:
            contract = await self._shell.read(
                token, lambda state, reader: queries.contract_view(state, reader, request.contract)
            )
        seq = queries.explained_seq(contract) if contract else request.seq
        command = await self._command(seq)
        await self._shell.read(
            token, lambda state, reader: queries.may_explain(state, reader, command.command)
        )
        body = await self._shell.outcome(seq)
        if body is None:
            raise Refusal(Code.UNKNOWN_ENTRY, "the outcome is not at hand yet; ask again")
        approval = await self.approval_of(token, command.command)
        slot = self._shell.core.state.party(command.command.header.sender).number
        response = pb.ExplainResponse(
            outcome=_shortened(log_pb2.Outcome.FromString(body), slot),
            command=signed_message(command.command.signed),
            receipt=receipt_message(self._shell.core.receipts.of(seq, command.time_ms)),
            mandate_leaf=command.command.header.mandate_leaf,
        )
        if approval is not None:
            response.approval.CopyFrom(approval)
            response.mandate_leaf = approval.mandate_leaf
        if contract is not None:
            response.contract.CopyFrom(views.contract_message(contract))
        return response

    async def _command(self, seq: int) -> Logged:
        durable = self._shell.core.durable_seq
        if not 1 <= seq <= durable:
            raise Refusal(Code.UNKNOWN_ENTRY, f"the log ends at entry {durable}; there is no {seq}", "LOG-9")
        entry = read_entry((await self._shell.entries(seq, 1))[0])
        if not isinstance(entry.content, Command):
            raise Refusal(Code.UNKNOWN_ENTRY, "no such command of this party", "QRY-5")
        return Logged(entry.content, entry.time_ms)

    async def Unseal(self, request: pb.UnsealRequest, context: Any) -> pb.UnsealResponse:
        """The bytes behind a commitment of a contract."""
        await self._shell.read(
            token_of(context),
            lambda state, reader: queries.may_unseal(state, reader, request.contract, request.commitment),
        )
        return pb.UnsealResponse(data=await self._shell.unsealed(request.commitment))

    async def Watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        """Where the log stands now, then each change as it becomes durable."""
        token = token_of(context)
        reader = await self._shell.read(token, lambda _, reader: reader)
        watch = self._shell.watches.open(reader.owner, self._shell.session_of(token).id)
        try:
            told = self._shell.core.durable_seq
            yield pb.WatchResponse(seq=told)
            while True:
                seq, news = await self._next(watch, token)
                for number, part in _parts(told, seq, news):
                    notices = [notice_message(one.notice) for one in part]
                    trades = self._fill_trades(reader.party, part)
                    yield pb.WatchResponse(seq=number, notices=notices, trades=trades)
                told = seq
        finally:
            self._shell.watches.close_one(watch)

    async def _next(self, watch: Watcher, token: bytes) -> Told:
        try:
            seq, news = await asyncio.wait_for(watch.queue.get(), SIGN_OF_LIFE_S)
        except TimeoutError:
            seq, news = self._shell.core.durable_seq, ()
        if watch.ended is not None and watch.queue.empty():
            raise watch.ended
        # An ended session watches no longer, and a thing hears of the owner that it has now.
        reader = await self._shell.read(token, lambda _, reader: reader)
        if reader.owner != watch.owner:
            raise Refusal(Code.BUSY, "this thing has another owner now; watch again", "QRY-1")
        return seq, news


def _parts(told: int, seq: int, news: tuple[News, ...]) -> Iterator[Told]:
    """One entry may end thousands of offers: only the last message says that all is told up to `seq`."""
    while len(news) > NOTICES_PER_MESSAGE:
        part, news = news[:NOTICES_PER_MESSAGE], news[NOTICES_PER_MESSAGE:]
        yield told, part
    yield seq, news


def _cut(page: pb.SearchOffersResponse, *, ranked: bool) -> pb.SearchOffersResponse:
    """Keep a page below what one message may hold; the rest is on the next one, or ranks too low."""
    while page.ByteSize() > PAGE_BYTES_MAX:
        del page.offers[len(page.offers) // 2 :]
        if ranked:
            page.cut = True
        else:
            page.next_after_seq = page.offers[-1].seq
    return page


def _shortened(outcome: log_pb2.Outcome, slot: int) -> log_pb2.Outcome:
    """Leave out what one message cannot tell, and of trades what is the other side's. [MKT-13]"""
    del outcome.notices[NOTICES_PER_MESSAGE:]
    outcome.events, _ = events_for(outcome.events, slot)
    return outcome
