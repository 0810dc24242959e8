"""Whether an order may go to the book: permission, counters, band, funds, in this order. [ORD-4]"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from thingmarket.settlement.accounts import AccountKind
from thingmarket.trading.frame import Order, OrderStatus
from thingmarket.trading.permits import UNLIMITED, Headroom, Permit
from thingmarket.trading.resting import RestingOrder, goods_hold, money_hold
from thingmarket.trading.rows import Rows
from thingmarket.trading.shape import may_rest, worst_price
from thingmarket.trading.terms import MarketTerms

Pot = tuple[int, int]
"""Ledger and kind of an account of the sender's owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sent a frame, and what he may do, as the market says."""

    slot: int
    owner: int
    acts_for_owner: bool
    permits: Mapping[tuple[int, int], Permit]
    headroom: Mapping[int, Headroom]
    bands: Mapping[int, tuple[int, int]]


class Admission:
    """One frame on its way to the book, and what its orders have reserved so far.

    Every order is held against the start of the frame less what earlier orders reserved, the ones that the
    book then refused included. What the frame sets free counts after it. [ORD-7]
    """

    __slots__ = ("_amount", "_free", "_opened", "_placed", "_reserved", "_rows", "_sender")

    def __init__(self, sender: Sender, rows: Rows, markets: Iterable[MarketTerms]) -> None:
        """Look at what the sender's owner has in all markets that the frame touches."""
        self._sender = sender
        self._rows = rows
        self._placed = Counter[int]()  # by money ledger: new orders of the frame, and those made larger
        self._opened = Counter[int]()  # new ones that may rest
        self._amount = Counter[int]()  # what they may cost
        self._reserved = Counter[Pot]()  # what they have reserved
        self._free: dict[Pot, int] = {}  # at the start of the frame
        for terms in markets:
            for ledger, kind in _pots(terms):
                self._free[ledger, kind] = rows.free_of(sender.owner, ledger, kind)

    def admit(
        self, order: Order, terms: MarketTerms, present: RestingOrder | None, *, is_full: bool = False
    ) -> int:
        """Reserve what an order of good shape needs beyond `present`, which it replaces, or say why not.

        `is_full` says that no order more of this owner may rest; one that replaces another rests already.
        """
        price = worst_price(order)
        cost = money_hold(terms, order.side, price, order.quantity)
        goods = goods_hold(terms, order.side, order.quantity)
        status = self._check_permit(order, cost)
        anew = present is None or asks_more(order, terms, present)
        if present:
            cost = max(0, cost - money_hold(terms, present.side, present.price, present.remaining))
            goods = max(0, goods - goods_hold(terms, present.side, present.remaining))
        status = (
            status
            or self._check_headroom(order, terms, cost, anew=anew, opens=present is None, is_full=is_full)
            or self._check_band(order)
            or self._check_funds(terms, cost, goods)
        )
        if not status:
            self._reserve(terms, cost, goods)
            self._placed[terms.money_ledger] += anew
            self._opened[terms.money_ledger] += present is None and may_rest(order)
        return status

    def _check_permit(self, order: Order, cost: int) -> int:
        """[ORD-5] What the mandate says to one order."""
        permit = self._sender.permits.get((order.market, order.side))
        if permit is None:
            return OrderStatus.NOT_PERMITTED
        if permit.refusal:
            return permit.refusal
        if not permit.price_low <= worst_price(order) <= permit.price_high:
            return OrderStatus.OVER_PRICE
        if order.quantity > permit.lots_max or cost > permit.order_max_minor:
            return OrderStatus.OVER_ORDER
        return OrderStatus.NEED_COSIGN if cost > permit.cosign_above_minor else 0

    def _check_headroom(
        self, order: Order, terms: MarketTerms, cost: int, *, anew: bool, opens: bool, is_full: bool
    ) -> int:
        """[ORD-6] What the counters leave; a replaced order is a new one when it asks for more."""
        ledger = terms.money_ledger
        headroom = self._sender.headroom.get(ledger, UNLIMITED)
        if anew and self._placed[ledger] >= headroom.orders_left:
            return OrderStatus.OVER_DAY_ORDERS
        if opens and may_rest(order) and (is_full or self._opened[ledger] >= headroom.open_left):
            return OrderStatus.OVER_OPEN_ORDERS
        if cost and self._amount[ledger] + cost > headroom.amount_left_minor:
            return OrderStatus.OVER_BUDGET
        return 0

    def _check_band(self, order: Order) -> int:
        """[ORD-8] The breaker of a market takes no order whose worst price is outside of its band."""
        band = self._sender.bands.get(order.market)
        inside = band is None or band[0] <= worst_price(order) <= band[1]
        return 0 if inside else OrderStatus.OUTSIDE_BAND

    def _check_funds(self, terms: MarketTerms, cost: int, goods: int) -> int:
        """[ORD-7] Money and goods as at the start of the frame, less what its earlier orders reserved."""
        wallet, stock = _pots(terms)
        if cost and self._reserved[wallet] + cost > self._free[wallet]:
            return OrderStatus.NO_FUNDS
        if goods and self._reserved[stock] + goods > self._free[stock]:
            return OrderStatus.OUT_OF_STOCK
        return 0

    def _reserve(self, terms: MarketTerms, cost: int, goods: int) -> None:
        wallet, stock = _pots(terms)
        self._reserved[wallet] += cost
        self._reserved[stock] += goods
        self._amount[terms.money_ledger] += cost


def asks_more(order: Order, terms: MarketTerms, present: RestingOrder) -> bool:
    """Whether an order wants more lots, or may cost more, than what is left of `present`. [ORD-6]

    Otherwise one id, filled in part and made whole again without end, would be a single order of its day.
    """
    now = money_hold(terms, present.side, present.price, present.remaining)
    return (
        order.quantity > present.remaining
        or money_hold(terms, order.side, worst_price(order), order.quantity) > now
    )


def _pots(terms: MarketTerms) -> tuple[Pot, Pot]:
    return (terms.money_ledger, AccountKind.OWNER_WALLET), (terms.goods_ledger, AccountKind.GOODS)
