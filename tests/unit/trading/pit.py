"""A desk for tests: owners with money and goods, frames by name, balances as numbers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from thingmarket.limits import RESTING_PER_OWNER_MAX
from thingmarket.matching.engine import Asked
from thingmarket.matching.records import Event, Kind, Side, TimeInForce, unpack_events
from thingmarket.settlement.accounts import AccountFlag, AccountKind, AccountNumber
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Transfer
from thingmarket.trading.frame import Order, order_id_of, statuses_of, touched
from thingmarket.trading.front import new_desk
from thingmarket.trading.permits import OWNER_PERMIT, Headroom, Permit, Placed
from thingmarket.trading.terms import MarketTerms, Settlement

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD

NOW_MS = 1_700_000_000_000
OPERATOR = 1
ANN, BOB, EVE = 11, 22, 33  # owner numbers; each has one thing, whose slot is the same number
EUR = 978
INK, POWER, BOOKS = 2**32 + 1, 2**32 + 2, 2**32 + 3
PLAIN, NEGATIVE, HELD = 1, 2, 3  # markets

TERMS = {
    PLAIN: MarketTerms(
        number=PLAIN, product_id="ink", currency="EUR", money_ledger=EUR, goods_ledger=INK, lot_steps=2
    ),
    NEGATIVE: MarketTerms(
        number=NEGATIVE,
        product_id="power",
        currency="EUR",
        money_ledger=EUR,
        goods_ledger=POWER,
        tick_minor=3,
        offset_ticks=100,
        fee_basis_points=250,
    ),
    HELD: MarketTerms(
        number=HELD,
        product_id="books",
        currency="EUR",
        money_ledger=EUR,
        goods_ledger=BOOKS,
        settlement=Settlement.ESCROW,
    ),
}
GUARDED = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS


class Pit:
    """A desk with its ledger; what is sent is checked to leave both in order."""

    def __init__(
        self, *terms: MarketTerms, kind: Asked = "auto", resting_max: int = RESTING_PER_OWNER_MAX
    ) -> None:
        self.ledger = Ledger("python" if kind == "python" else "auto")
        self.desk = new_desk(
            ledger=self.ledger, operator=OPERATOR, kind=kind, resting_per_owner_max=resting_max
        )
        for each in terms or TERMS.values():
            self.desk.open_market(each)
        self.counters: dict[int, int] = {}
        self.placed: Placed | None = None
        self._given = 0

    def give(self, owner: int, ledger: int, amount: int) -> None:
        """Money or goods from nowhere."""
        kind, origin = (
            (AccountKind.OWNER_WALLET, AccountKind.EXTERNAL)
            if ledger == EUR
            else (AccountKind.GOODS, AccountKind.GOODS_ORIGIN)
        )
        self._given += 1
        transfer = Transfer(
            id=self._given.to_bytes(16, "big"),
            debit=self.ledger.open(owner=OPERATOR, ledger=ledger, kind=origin),
            credit=self.ledger.open(owner=owner, ledger=ledger, kind=kind, flags=GUARDED),
            amount=amount,
            ledger=ledger,
            code=1,
        )
        assert self.ledger.submit(transfer.pack(), NOW_MS) == b"\0"

    def send(
        self,
        slot: int,
        *orders: Order,
        owner: int = 0,
        permit: Permit = OWNER_PERMIT,
        permits: Mapping[tuple[int, int], Permit] | None = None,
        headroom: Headroom | None = None,
        bands: Mapping[int, tuple[int, int]] | None = None,
        acts_for_owner: bool = False,
    ) -> list[int]:
        """Place a frame and give the statuses; new orders without an id get the next one."""
        frame = self.numbered(slot, *orders)
        placed = self.desk.place(
            frame,
            slot=slot,
            owner_number=owner or slot,
            last_counter=self.counters.get(slot, 0),
            permits=dict.fromkeys(touched(frame), permit) if permits is None else permits,
            headroom={} if headroom is None else {EUR: headroom},
            bands=bands or {},
            now_ms=NOW_MS,
            acts_for_owner=acts_for_owner,
        )
        self.counters[slot] = placed.last_counter
        self.placed = placed
        self.desk.check_invariants()
        return list(statuses_of(placed.statuses))

    def numbered(self, slot: int, *orders: Order) -> bytes:
        """Pack orders; a new one without an id gets the next of its sender."""
        counter, packed = self.counters.get(slot, 0), []
        for order in orders:
            if order.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET):
                counter += 1
                order = replace(order, order_id=order.order_id or order_id_of(slot, counter))  # noqa: PLW2901
            packed.append(order.pack())
        return b"".join(packed)

    @property
    def last(self) -> Placed:
        """What the last frame did."""
        assert self.placed is not None
        return self.placed

    def events(self) -> list[Event]:
        """Those of the last frame."""
        return list(unpack_events(self.last.events))

    def account(self, owner: int, ledger: int, kind: AccountKind | None = None) -> AccountNumber | None:
        """The wallet or goods of an owner."""
        own = AccountKind.OWNER_WALLET if ledger == EUR else AccountKind.GOODS
        return self.ledger.find(owner=owner, ledger=ledger, kind=kind or own)

    def has(self, owner: int, ledger: int) -> int:
        """What an owner has, held or free."""
        account = self.account(owner, ledger)
        if account is None:
            return 0
        balance = self.ledger.balance(account)
        return balance.credits_posted - balance.debits_posted

    def held(self, owner: int, ledger: int) -> int:
        """What his orders hold of it."""
        account = self.account(owner, ledger)
        return self.ledger.balance(account).debits_pending if account else 0

    def fees(self) -> int:
        """What the operator has got."""
        account = self.account(OPERATOR, EUR, AccountKind.FEE_INCOME)
        assert account
        return self.ledger.balance(account).free


def new(side: Side, price: int, quantity: int, *, market: int = PLAIN, **fields: Any) -> Order:
    """A limit order that rests until it is cancelled, unless told otherwise."""
    fields = {"kind": Kind.NEW_LIMIT, "tif": GTC} | fields
    return Order(side=side, price=price, quantity=quantity, market=market, **fields)


def at_market(side: Side, price: int, quantity: int, *, market: int = PLAIN, **fields: Any) -> Order:
    """A market order with a worst price, 0 for none."""
    fields = {"kind": Kind.NEW_MARKET, "tif": IOC} | fields
    return Order(side=side, price=price, quantity=quantity, market=market, **fields)


def replaced(order_id: int, side: Side, price: int, quantity: int, **fields: Any) -> Order:
    """New terms for a resting order."""
    fields = {"kind": Kind.REPLACE, "tif": GTC, "market": PLAIN} | fields
    return Order(order_id=order_id, side=side, price=price, quantity=quantity, **fields)


def cancelled(order_id: int, *, market: int = PLAIN) -> Order:
    """The end of a resting order."""
    return Order(kind=Kind.CANCEL, order_id=order_id, market=market)
