"""What the world of tests does about markets and orders."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from thingmarket.identity.envelope import TypeId
from thingmarket.market.entries import Outcome
from thingmarket.market.order_records import Seat
from thingmarket.matching.records import Event, Kind, MarketState, Side, TimeInForce, unpack_events
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind, Balance
from thingmarket.trading.commands import (
    DeclareGoods,
    ListedMarket,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)
from thingmarket.trading.frame import Order, order_id_of, statuses_of
from thingmarket.trading.resting import money_hold
from thingmarket.wire import orders as wire

INK: Final = ListedMarket(
    market=1,
    title="Black ink",
    product_id="ink-black",
    category="44103105",
    unit="C62",
    unit_scale=0,
    currency="EUR",
    tick_minor=1,
    lot_steps=1,
)


class Ordering:
    """Every `World` is one."""

    def market_of(self: Any, **terms: Any) -> int:
        """The operator opens a market for ink at one cent a tick; `terms` are those of `ListedMarket`."""
        outcome = self.try_market(**terms)
        assert outcome.code == 0, outcome
        return int.from_bytes(outcome.reference, "big")

    def try_market(self: Any, by: Any = None, **terms: Any) -> Outcome:
        """Somebody opens a market, which may be refused."""
        body = OpenMarket(key=self.key(), terms=replace(INK, **terms))
        return self.send(by or self.operator, TypeId.OPEN_MARKET, wire.open_market_body(body))

    def put_market(
        self: Any, market: int, state: MarketState, *, uncross: bool = False, by: Any = None
    ) -> Outcome:
        """The operator (or whoever) puts a market into a state."""
        wish = SetMarketState(key=self.key(), market=market, state=state, uncross=uncross)
        return self.send(by or self.operator, TypeId.SET_MARKET_STATE, wire.set_market_state_body(wish))

    def declare(self: Any, owner: Any, steps: int, market: int = 1) -> Outcome:
        """Somebody brings goods of a market's product in."""
        wish = DeclareGoods(key=self.key(), market=market, quantity_steps=steps)
        return self.send(owner, TypeId.DECLARE_GOODS, wire.declare_goods_body(wish))

    def take_out(self: Any, owner: Any, steps: int, market: int = 1) -> Outcome:
        """Somebody takes free goods out."""
        wish = WithdrawGoods(key=self.key(), market=market, quantity_steps=steps)
        return self.send(owner, TypeId.WITHDRAW_GOODS, wire.withdraw_goods_body(wish))

    def frame(self: Any, sender: Any, *orders: Order, number: int | None = None) -> Outcome:
        """Send a frame; new orders without an id get the next ones of the sender."""
        return self.send(sender, TypeId.PLACE_ORDERS, self.frame_body(sender, orders, number))

    def frame_body(self: Any, sender: Any, orders: Iterable[Order], number: int | None = None) -> bytes:
        """The body of a frame; `number` is the next one unless it is given."""
        seat = self.seat(sender)
        counter, packed = seat.last_counter if seat else 0, b""
        for order in orders:
            named = order
            if order.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET) and not order.order_id:
                counter += 1
                named = replace(order, order_id=order_id_of(self.slot(sender), counter))
            packed += named.pack()
        last = seat.last_frame if seat else 0
        return wire.place_orders_body(
            PlaceOrders(key=self.key(), frame=last + 1 if number is None else number, orders=packed)
        )

    def slot(self: Any, party: Any) -> int:
        """The slot of a party: its number."""
        return int(self.state.party(party.id).number)

    def seat(self: Any, party: Any) -> Seat | None:
        """Where a party stands in the books."""
        found: Seat | None = self.state.seats.get(self.slot(party))
        return found

    def rests(self: Any, party: Any) -> tuple[int, ...]:
        """Ids of the orders of a party that rest."""
        found: tuple[int, ...] = self.state.desk.orders_of(self.slot(party))
        return found

    def money(self: Any, party: Any, currency: str = "EUR") -> Balance:
        """The wallet of an owner in its four columns."""
        found = self.state.wallet(party.owner, currency)
        return found or Balance(debits_pending=0, debits_posted=0, credits_pending=0, credits_posted=0)

    def goods(self: Any, party: Any, market: int = 1) -> Balance:
        """The own goods of an owner in a market, in four columns."""
        ledger = self.state.markets[market].goods_ledger
        number = self.state.party(party.owner).number
        account = self.state.ledger.find(owner=number, ledger=ledger, kind=AccountKind.GOODS)
        return self.state.ledger.balance(account)

    def check_booked(self: Any) -> None:
        """Assert that counters have what the resting orders under each mandate may cost."""
        state = self.state
        expected: dict[tuple[Any, str], list[int]] = {}
        for slot, seat in state.seats.items():
            if not seat.mandate_leaf:
                continue
            for order_id in state.desk.orders_of(slot):
                order = state.desk.order(order_id)
                terms = state.desk.terms(order.market)
                hold = money_hold(terms, order.side, order.price, order.remaining)
                for link in state.mandates[seat.mandate_leaf].effective.links:
                    row = expected.setdefault((link, terms.currency), [0, 0])
                    row[0] += hold
                    row[1] += 1
        for name, counter in state.spending.items():
            found = [counter.book_minor, counter.book_orders]
            assert found == expected.pop(name, [0, 0]), "what is booked is not what rests"
        assert not expected, "orders rest that nobody counts"

    def fees_of(self: Any, currency: str = "EUR") -> int:
        """What the operator earned in a currency."""
        account = self.state.ledger.find(
            owner=1, ledger=currency_of(currency).ledger, kind=AccountKind.FEE_INCOME
        )
        return self.state.ledger.balance(account).free if account else 0


def buy(quantity: int, price: int, market: int = 1, **more: Any) -> Order:
    """A limit order to buy, until it is cancelled."""
    return _order(Side.BUY, quantity, price, market, more)


def sell(quantity: int, price: int, market: int = 1, **more: Any) -> Order:
    """A limit order to sell, until it is cancelled."""
    return _order(Side.SELL, quantity, price, market, more)


def _order(side: Side, quantity: int, price: int, market: int, more: dict[str, Any]) -> Order:
    expires = more.get("expires_ms", 0)
    fields = {"kind": Kind.NEW_LIMIT, "tif": TimeInForce.GTD if expires else TimeInForce.GTC, **more}
    return Order(side=side, market=market, quantity=quantity, price=price, **fields)


def cancel(order_id: int, market: int = 1) -> Order:
    """Cancel one order."""
    return Order(kind=Kind.CANCEL, market=market, order_id=order_id)


def statuses(outcome: Outcome) -> tuple[int, ...]:
    """What the orders of a frame came to."""
    assert outcome.code == 0, outcome
    return statuses_of(outcome.statuses)


def events(outcome: Outcome) -> list[Event]:
    """What happened in the books."""
    return list(unpack_events(outcome.events))
