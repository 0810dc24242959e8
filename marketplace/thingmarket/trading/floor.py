"""What a desk works with: the book, the markets and their states, who rests in it, and the accounts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from thingmarket.matching.engine import Engine
from thingmarket.matching.records import MarketState
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.resting import RestingOrders, goods_hold, money_hold
from thingmarket.trading.rows import Rows
from thingmarket.trading.terms import MarketTerms


@dataclass(slots=True, kw_only=True)
class Floor:
    """The parts of a desk that its calls share."""

    ledger: Ledger
    rows: Rows
    engine: Engine
    resting_per_owner_max: int
    markets: dict[int, MarketTerms] = field(default_factory=dict)
    states: dict[int, MarketState] = field(default_factory=dict)  # as the book has them
    orders: RestingOrders = field(default_factory=RestingOrders)

    def state_of(self, market: int) -> MarketState:
        """What a market takes; it trades until it is told otherwise."""
        return self.states.get(market, MarketState.CONTINUOUS)

    def is_full_for(self, owner: int) -> bool:
        """Whether no order more of an owner may come to rest. [ORD-6]"""
        return self.orders.count_of_owner(owner) >= self.resting_per_owner_max

    def violations(self) -> Iterator[str]:
        """Name every account whose holds are not what the resting orders imply. [ORD-9]"""
        implied = self._implied_holds()
        found = self.ledger.order_holds()
        for account in sorted(implied.keys() | found.keys()):
            if implied[account] != found.get(account, 0):
                yield f"account {account} holds {found.get(account, 0)}, its orders {implied[account]}"

    def _implied_holds(self) -> Counter[int]:
        implied = Counter[int]()
        for order in self.orders:
            terms = self.markets[order.market]
            money = money_hold(terms, order.side, order.price, order.remaining)
            goods = goods_hold(terms, order.side, order.remaining)
            if money:
                implied[self.rows.wallet(order.owner, terms.money_ledger)] += money
            if goods:
                implied[self.rows.goods(order.owner, terms.goods_ledger)] += goods
        return implied
