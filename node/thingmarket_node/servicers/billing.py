"""The part of QueryService that reads the books: invoices, tax, points, exchange rates."""

from typing import Any

from thingmarket.ids import PartyId
from thingmarket.limits import PAGE_BYTES_MAX
from thingmarket.market import billing, exchange
from thingmarket.market.billed import packed_name
from thingmarket.market.holdings import list_holdings
from thingmarket.v1 import billing_pb2 as pb
from thingmarket.wire import books
from thingmarket.wire.holdings import holdings_message
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell


class BillingQueries:
    """Answers from durable state."""

    _shell: Shell

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: Any) -> pb.ListInvoicesResponse:
        """Invoices that the caller's owner wrote or got."""
        after = (request.after_seq, request.after_name)
        page, numbers = await self._shell.read(
            token_of(context),
            lambda state, reader: (
                (found := billing.list_invoices(state, reader, after)),
                [state.party(PartyId(one.seller)).number for one in found.invoices],
            ),
        )
        response = books.invoices_message(page)
        while response.ByteSize() > PAGE_BYTES_MAX:
            del response.invoices[len(response.invoices) // 2 :]
            last = response.invoices[-1]
            response.next_after_seq = last.seq
            response.next_after_name = packed_name((numbers[len(response.invoices) - 1], last.number))
        return response

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: Any) -> pb.GetInvoiceResponse:
        """One invoice of the caller's owner."""
        invoice = await self._shell.read(
            token_of(context),
            lambda state, reader: billing.invoice_view(state, reader, request.seller, request.number),
        )
        return pb.GetInvoiceResponse(invoice=books.invoice_message(invoice))

    async def TaxStatement(self, request: pb.TaxStatementRequest, context: Any) -> pb.TaxStatementResponse:
        """A part of a tax statement."""
        after = (request.after_seq, request.after_name)
        part = await self._shell.read(
            token_of(context),
            lambda state, reader: billing.tax_statement(
                state, reader, from_ms=request.from_ms, to_ms=request.to_ms, after=after
            ),
        )
        return books.statement_message(part)

    async def Points(self, request: pb.PointsRequest, context: Any) -> pb.PointsResponse:
        """Points of the caller's owner."""
        return books.points_message(await self._shell.read(token_of(context), billing.points_view))

    async def ListHoldings(self, request: pb.ListHoldingsRequest, context: Any) -> pb.ListHoldingsResponse:
        """What a part of all accounts holds, for the operator."""
        page = await self._shell.look(
            token_of(context), lambda state, party: list_holdings(state, party, request.after)
        )
        return holdings_message(page)

    async def ListRates(self, request: pb.ListRatesRequest, context: Any) -> pb.ListRatesResponse:
        """Live exchange rates."""
        rates = await self._shell.read(
            token_of(context),
            lambda state, _: exchange.live_rates(state, request.from_currency, request.to_currency),
        )
        return books.rates_message(rates)
