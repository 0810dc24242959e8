"""What a party can ask of the node's projection: orders, decisions, contracts and spending, newest first."""

from typing import Any

from thingmarket.wire import insight as wire
from thingmarket.wire.insight import (
    ContractRow,
    DecisionRow,
    Filter,
    OrderRange,
    OrderRow,
    Row,
    SpendingRow,
    TradeRow,
    read_row,
)
from thingmarket_client.session.session import Session


class Insight:
    """Questions about one's own past; a thing sees its own rows, an owner those of all his things."""

    def __init__(self, session: Session) -> None:
        """Ask by `session`."""
        self._session = session

    async def orders(self, wanted: Filter = Filter()) -> tuple[OrderRow, ...]:  # noqa: B008  frozen
        """Purchases as they were ordered, refused ones too."""
        response = await self._session.ask(lambda stub: stub.ListOrders, wire.orders_request(wanted))
        return _rows(OrderRow, response)

    async def decisions(self, wanted: Filter = Filter()) -> tuple[DecisionRow, ...]:  # noqa: B008  frozen
        """What the owner's rules decided, and what was refused."""
        response = await self._session.ask(lambda stub: stub.ListDecisions, wire.decisions_request(wanted))
        return _rows(DecisionRow, response)

    async def contracts(
        self,
        wanted: Filter = Filter(),  # noqa: B008  frozen
        state: str = "",
    ) -> tuple[ContractRow, ...]:
        """Contracts from either side, of one state or all."""
        request = wire.contracts_request(wanted, state)
        return _rows(ContractRow, await self._session.ask(lambda stub: stub.FindContracts, request))

    async def trades(
        self,
        wanted: Filter = Filter(),  # noqa: B008  frozen
        orders: OrderRange = OrderRange(),  # noqa: B008  frozen
    ) -> tuple[TradeRow, ...]:
        """Trades of own orders in the books of markets: of all orders, or of those with these ids."""
        request = wire.find_trades_request(wanted, orders)
        return _rows(TradeRow, await self._session.ask(lambda stub: stub.FindTrades, request))

    async def spending(self, wanted: Filter) -> tuple[SpendingRow, ...]:
        """What was spent and earned, by UTC day, thing, category and currency; `since_ms` must be given."""
        request = wire.report_request(wanted)
        return _rows(SpendingRow, await self._session.ask(lambda stub: stub.SpendingReport, request))


def _rows(kind: type[Row], response: Any) -> tuple[Row, ...]:
    return tuple(read_row(kind, row) for row in response.rows)
