"""`insight` of a blocking party.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thingmarket.wire.insight import Filter, OrderRange
from thingmarket_client.blocking.calls import Calls
from thingmarket_client.insight import Insight

if TYPE_CHECKING:
    from thingmarket.wire.insight import ContractRow, DecisionRow, OrderRow, SpendingRow, TradeRow


class BlockingInsight:
    """Questions about one's own past; a thing sees its own rows, an owner those of all his things."""

    def __init__(self, calls: Calls, part: Insight) -> None:
        """Part of a blocking party."""
        self._calls = calls
        self._part = part

    def orders(self, wanted: Filter = Filter()) -> tuple[OrderRow, ...]:
        """Purchases as they were ordered, refused ones too."""
        return self._calls.run(lambda: self._part.orders(wanted))

    def decisions(self, wanted: Filter = Filter()) -> tuple[DecisionRow, ...]:
        """What the owner's rules decided, and what was refused."""
        return self._calls.run(lambda: self._part.decisions(wanted))

    def contracts(self, wanted: Filter = Filter(), state: str = "") -> tuple[ContractRow, ...]:
        """Contracts from either side, of one state or all."""
        return self._calls.run(lambda: self._part.contracts(wanted, state))

    def trades(self, wanted: Filter = Filter(), orders: OrderRange = OrderRange()) -> tuple[TradeRow, ...]:
        """Trades of own orders in the books of markets: of all orders, or of those with these ids."""
        return self._calls.run(lambda: self._part.trades(wanted, orders))

    def spending(self, wanted: Filter) -> tuple[SpendingRow, ...]:
        """What was spent and earned, by UTC day, thing, category and currency; `since_ms` must be given."""
        return self._calls.run(lambda: self._part.spending(wanted))
