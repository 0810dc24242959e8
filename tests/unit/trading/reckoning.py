"""What balances must be, reckoned from events alone: dictionaries, no code of the desk, no ledger.

Every event is a sentence about orders. Who sent the order that a sentence is about stands in its id.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from struct import iter_unpack

from thingmarket.trading.terms import MarketTerms, Settlement

NEW, TRADE, CANCELED, REDUCED, REPLACED, EXPIRED = 1, 2, 3, 4, 5, 6
BUYS, SELLS = 1, 2
OPERATOR = 0

Pot = tuple[int, str]
"""An owner and the name of what he has."""


@dataclass(slots=True)
class Open:
    """An order that rests."""

    market: int
    side: int
    price: int
    lots: int


@dataclass(slots=True)
class Reckoning:
    """Everybody's money and goods, and the orders that rest."""

    markets: dict[int, MarketTerms]
    owners: dict[int, int]  # slot to owner
    has: Counter[Pot] = field(default_factory=Counter)
    open: dict[int, Open] = field(default_factory=dict)
    promised: Counter[Pot] = field(default_factory=Counter)  # fills of escrow markets
    fills: Counter[int] = field(default_factory=Counter)  # by slot

    def read(self, events: bytes) -> None:
        """Follow what a call to the desk said."""
        for kind, _, side, _, market, _, maker, taker, price, lots, left in iter_unpack(
            "<BBBBIQQQqQQ", events
        ):
            if kind == NEW:
                self.open[taker] = Open(market, side, price, lots)
            elif kind == TRADE:
                buyer, seller = (maker, taker) if side != BUYS else (taker, maker)
                self._fill(maker, lots)
                assert (self.open[maker].lots if maker in self.open else 0) == left
                self._fill(taker, lots)
                self.fills.update((maker // 2**40, taker // 2**40))
                self._exchange(market, self._owner(buyer), self._owner(seller), price, lots)
            elif kind in (CANCELED, EXPIRED):
                self.open.pop(taker, None)
            elif kind in (REDUCED, REPLACED):
                self.open[taker].price, self.open[taker].lots = price, lots

    def held(self) -> Counter[Pot]:
        """What all resting orders together hold."""
        held = Counter[Pot]()
        for id_, order in self.open.items():
            owner, terms = self._owner(id_), self.markets[order.market]
            cash = (order.price - terms.offset_ticks) * order.lots * terms.tick_minor
            if order.side == SELLS:
                held[owner, terms.product_id] += order.lots * terms.lot_steps
                cash = -cash
            if cash > 0:
                held[owner, terms.currency] += cash
        return held

    def _owner(self, order_id: int) -> int:
        return self.owners[order_id // 2**40]

    def _fill(self, order_id: int, lots: int) -> None:
        order = self.open.get(order_id)
        if order:
            order.lots -= lots
            assert order.lots >= 0
            if not order.lots:
                del self.open[order_id]

    def _exchange(self, market: int, buyer: int, seller: int, price: int, lots: int) -> None:
        terms = self.markets[market]
        cash = (price - terms.offset_ticks) * lots * terms.tick_minor
        steps = lots * terms.lot_steps
        if terms.settlement is Settlement.ESCROW:
            self.promised[buyer, terms.currency] += cash
            self.promised[seller, terms.product_id] += steps
            return
        fee = int(Fraction(cash * terms.fee_basis_points, 10_000) + Fraction(1, 2)) if cash > 0 else 0
        self.has[buyer, terms.currency] -= cash
        self.has[seller, terms.currency] += cash - fee
        self.has[OPERATOR, terms.currency] += fee
        self.has[seller, terms.product_id] -= steps
        self.has[buyer, terms.product_id] += steps
