"""Events of the book become holds and payments in the ledger. [ORD-9] [ORD-10]"""

from collections.abc import Callable, Mapping
from typing import Final

from thingmarket.matching.records import EVENT, EventKind, Side
from thingmarket.trading.frame import slot_of
from thingmarket.trading.permits import Effects, EscrowFill, Tally, Traded
from thingmarket.trading.resting import RestingOrder, RestingOrders, goods_hold, money_hold
from thingmarket.trading.rows import Rows
from thingmarket.trading.terms import MarketTerms, Settlement

Fields = tuple[int, ...]
"""Of an event: kind, reason, side, flags, market, seq, maker, taker, price, quantity, maker_left."""

_NOBODY: Final = 0


class Settling:
    """What one call to the desk does to resting orders and accounts, event by event."""

    __slots__ = ("_changed", "_events", "_fills", "_markets", "_orders", "_rows", "_tallies", "_traded")

    def __init__(self, markets: Mapping[int, MarketTerms], rows: Rows, orders: RestingOrders) -> None:
        """Begin a call."""
        self._markets = markets
        self._rows = rows
        self._orders = orders
        self._events: list[bytes] = []
        self._fills: list[EscrowFill] = []
        self._tallies: dict[tuple[int, int], _Count] = {}
        self._traded: dict[int, _Prices] = {}
        self._changed: Mapping[int, Callable[[Fields, int], None]] = {
            EventKind.NEW: self._new,
            EventKind.TRADE: self._trade,
            EventKind.CANCELED: self._ended,
            EventKind.REDUCED: self._reduced,
            EventKind.REPLACED: self._replaced,
            EventKind.EXPIRED: self._ended,
        }

    def apply(self, events: bytes, owner: int = _NOBODY) -> None:
        """Settle the events of one command; `owner` is whose order came with it."""
        self._events.append(events)
        for fields in EVENT.iter_unpack(events):
            change = self._changed.get(fields[0])
            if change:
                change(fields, owner)

    def placed(self, order_id: int, market: int) -> None:
        """The book took a new order, or one that its sender made larger."""
        self._count(order_id, self._markets[market]).placed += 1

    def effects(self) -> Effects:
        """What the call did."""
        return Effects(
            events=b"".join(self._events),
            tallies=tuple(self._tallies[key].tally() for key in sorted(self._tallies)),
            fills=tuple(self._fills),
            traded=tuple(self._traded[market].traded() for market in sorted(self._traded)),
        )

    def _new(self, fields: Fields, owner: int) -> None:
        _, _, side, _, market, _, _, order_id, price, quantity, _ = fields
        order = RestingOrder(
            id=order_id, owner=owner, market=market, side=side, price=price, remaining=quantity
        )
        self._orders.add(order)
        self._hold(order, quantity)
        self._count(order_id, self._markets[market]).opened += 1

    def _ended(self, fields: Fields, _: int) -> None:
        """An order that never rested held nothing: its rest was only refused to wait."""
        order = self._orders.get(fields[7])
        if order:
            self._take(order, order.remaining)

    def _reduced(self, fields: Fields, _: int) -> None:
        order = self._resting(fields[7])
        self._take(order, order.remaining - fields[9])

    def _replaced(self, fields: Fields, _: int) -> None:
        """The whole new order holds before it trades: its sender was asked for the increase."""
        order = self._resting(fields[7])
        self._hold(order, -order.remaining)
        order.price, order.remaining = fields[8], fields[9]
        self._hold(order, order.remaining)

    def _trade(self, fields: Fields, owner: int) -> None:
        """Both sides are freed for the quantity, then what is due moves at the price of the trade."""
        _, _, side, _, market, seq, maker, taker, price, quantity, _ = fields
        terms = self._markets[market]
        buy, sell = (taker, maker) if side == Side.BUY else (maker, taker)  # an auction: maker buys
        buyer, seller = self._filled(buy, quantity, owner), self._filled(sell, quantity, owner)
        cash = terms.cash(price, quantity)
        traded = self._note_price(market, price, quantity)
        for order_id in (buy, sell):
            self._count(order_id, terms).fills += 1
        if terms.settlement is Settlement.DVP:
            traded.fee_minor += self._pay(terms, buyer, seller, cash)
            self._deliver(terms, buyer, seller, quantity)
            if cash:
                self._count(buy if cash > 0 else sell, terms).paid_minor += abs(cash)
            return
        self._fills.append(
            EscrowFill(
                market=market,
                seq=seq,
                price=price,
                quantity=quantity,
                buy_order=buy,
                sell_order=sell,
                buyer_owner=buyer,
                seller_owner=seller,
                cash_minor=cash,
            )
        )

    def _filled(self, order_id: int, quantity: int, owner: int) -> int:
        """Free what an order held for a fill, if it rested, and say whose it is."""
        order = self._orders.get(order_id)
        if order is None:
            assert owner != _NOBODY, "an order that never rested came with its owner"
            return owner
        self._take(order, quantity)
        return order.owner

    def _pay(self, terms: MarketTerms, buyer: int, seller: int, cash: int) -> int:
        """The cash leg, of which it gives the fee: a price below zero is paid by the seller. [ORD-11]"""
        rows, ledger = self._rows, terms.money_ledger
        fee = terms.fee(cash)
        if cash - fee > 0:
            rows.accounts.move(rows.wallet(buyer, ledger), rows.wallet(seller, ledger), cash - fee)
        if fee:
            rows.accounts.move(rows.wallet(buyer, ledger), rows.fees(ledger), fee)
        if cash < 0:
            rows.accounts.move(rows.wallet(seller, ledger), rows.wallet(buyer, ledger), -cash)
        return fee

    def _deliver(self, terms: MarketTerms, buyer: int, seller: int, quantity: int) -> None:
        """The goods leg."""
        rows, ledger = self._rows, terms.goods_ledger
        steps = quantity * terms.lot_steps
        rows.accounts.move(rows.goods(seller, ledger), rows.goods(buyer, ledger), steps)

    def _take(self, order: RestingOrder, quantity: int) -> None:
        """Free a part of a resting order; when nothing is left of it, it has ended."""
        self._hold(order, -quantity)
        order.remaining -= quantity
        assert order.remaining >= 0, "no order is filled by more than it is"
        if not order.remaining:
            self._orders.remove(order)
            self._count(order.id, self._markets[order.market]).ended += 1

    def _hold(self, order: RestingOrder, quantity: int) -> None:
        """Set aside money and goods for so many lots of an order, or free them when below zero."""
        terms, rows = self._markets[order.market], self._rows
        lots, sign = abs(quantity), -1 if quantity < 0 else 1
        money = sign * money_hold(terms, order.side, order.price, lots)
        goods = sign * goods_hold(terms, order.side, lots)
        if money:
            wallet = rows.wallet(order.owner, terms.money_ledger)
            rows.accounts.hold(wallet, rows.clearing(terms.money_ledger), money)
            self._count(order.id, terms).held_minor += money
        if goods:
            stock = rows.goods(order.owner, terms.goods_ledger)
            rows.accounts.hold(stock, rows.clearing(terms.goods_ledger), goods)

    def _note_price(self, market: int, price: int, quantity: int) -> "_Prices":
        traded = self._traded.get(market)
        if traded is None:
            traded = self._traded[market] = _Prices(market, price)
        traded.low, traded.high = min(traded.low, price), max(traded.high, price)
        traded.last = price
        traded.quantity += quantity
        return traded

    def _resting(self, order_id: int) -> RestingOrder:
        order = self._orders.get(order_id)
        assert order is not None, "the book and the desk know the same orders"
        return order

    def _count(self, order_id: int, terms: MarketTerms) -> "_Count":
        key = (slot_of(order_id), terms.money_ledger)
        count = self._tallies.get(key)
        if count is None:
            count = self._tallies[key] = _Count(*key)
        return count


class _Count:
    """A tally while it is being counted."""

    __slots__ = ("ended", "fills", "held_minor", "money_ledger", "opened", "paid_minor", "placed", "slot")

    def __init__(self, slot: int, money_ledger: int) -> None:
        self.slot = slot
        self.money_ledger = money_ledger
        self.placed = self.opened = self.ended = self.fills = 0
        self.held_minor = self.paid_minor = 0

    def tally(self) -> Tally:
        """As a value."""
        return Tally(
            slot=self.slot,
            money_ledger=self.money_ledger,
            placed=self.placed,
            opened=self.opened,
            ended=self.ended,
            fills=self.fills,
            held_minor=self.held_minor,
            paid_minor=self.paid_minor,
        )


class _Prices:
    """What a market traded, while it is being counted."""

    __slots__ = ("fee_minor", "high", "last", "low", "market", "quantity")

    def __init__(self, market: int, price: int) -> None:
        self.market = market
        self.low = self.high = self.last = price
        self.quantity = self.fee_minor = 0

    def traded(self) -> Traded:
        """As a value."""
        return Traded(
            market=self.market,
            low=self.low,
            high=self.high,
            last=self.last,
            quantity=self.quantity,
            fee_minor=self.fee_minor,
        )
