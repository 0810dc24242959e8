"""The part of QueryService that reads the projection: orders, trades, decisions, contracts, spending."""

from typing import Any

from thingmarket.market.indexes import Reader
from thingmarket.v1 import insight_pb2 as pb
from thingmarket.wire.insight import check_report, read_filter, read_orders, row_message
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell


class InsightQueries:
    """Answers once the projection has what the caller could already know."""

    _shell: Shell

    async def ListOrders(self, request: pb.ListOrdersRequest, context: Any) -> pb.ListOrdersResponse:
        """Purchases as they were ordered."""
        wanted, reader = read_filter(request.filter), await self._reader(context)
        rows = await self._shell.insight.orders(reader, wanted)
        return pb.ListOrdersResponse(rows=[row_message(row, pb.OrderRow) for row in rows])

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Any) -> pb.ListDecisionsResponse:
        """What the owner's rules decided."""
        wanted, reader = read_filter(request.filter), await self._reader(context)
        rows = await self._shell.insight.decisions(reader, wanted)
        return pb.ListDecisionsResponse(rows=[row_message(row, pb.DecisionRow) for row in rows])

    async def FindContracts(self, request: pb.FindContractsRequest, context: Any) -> pb.FindContractsResponse:
        """Contracts from either side."""
        wanted, reader = read_filter(request.filter), await self._reader(context)
        rows = await self._shell.insight.contracts(reader, wanted, request.state)
        return pb.FindContractsResponse(rows=[row_message(row, pb.ContractRow) for row in rows])

    async def FindTrades(self, request: pb.FindTradesRequest, context: Any) -> pb.FindTradesResponse:
        """Trades of own orders in books."""
        wanted, orders = read_filter(request.filter), read_orders(request)
        reader, network = await self._reader(context), self._shell.core.state.network_id
        rows = await self._shell.insight.trades(reader, wanted, orders, network)
        return pb.FindTradesResponse(rows=[row_message(row, pb.TradeRow) for row in rows])

    async def SpendingReport(
        self, request: pb.SpendingReportRequest, context: Any
    ) -> pb.SpendingReportResponse:
        """What was bought, by day, thing and category."""
        wanted, reader = read_filter(request.filter), await self._reader(context)
        check_report(wanted)
        rows = await self._shell.insight.spending(reader, wanted)
        return pb.SpendingReportResponse(rows=[row_message(row, pb.SpendingRow) for row in rows])

    async def _reader(self, context: Any) -> Reader:
        reader, seen = await self._shell.read(token_of(context), lambda state, reader: (reader, state.seq))
        await self._shell.projected(seen)
        return reader
