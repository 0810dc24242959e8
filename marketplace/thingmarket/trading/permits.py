"""What the desk is told about the sender of a frame, and what it gives back: plain integers both ways."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from thingmarket.limits import INTEGER_MAX
from thingmarket.values import quick

NO_LIMIT: Final = INTEGER_MAX


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What a sender may order on one side of one market, whatever his counters say. [ORD-5]

    What an order costs is the most that it can take out of the wallet: of a buyer what he would pay at his
    worst price, of a seller what he would pay at a price below zero, and nothing else.
    """

    refusal: int = 0  # status of every order of this side; 0 when it may be
    price_low: int = 1  # ticks, both ends included; a price outside is OVER_PRICE
    price_high: int = INTEGER_MAX
    order_max_minor: int = NO_LIMIT  # cost of one order; more is OVER_ORDER
    lots_max: int = NO_LIMIT  # of one order; more is OVER_ORDER (an agreed item's quantity, ITM-4)
    cosign_above_minor: int = NO_LIMIT  # cost of one order; more is NEED_COSIGN


OWNER_PERMIT: Final = Permit()
"""That of an owner who acts himself: nobody limits him."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """What a sender's counters leave in one currency: the least over the links of his mandate. [ORD-6]"""

    amount_left_minor: int = NO_LIMIT  # cost of all orders of the frame together
    orders_left: int = NO_LIMIT  # new orders, and those that are made larger
    open_left: int = NO_LIMIT  # new orders that may rest


UNLIMITED: Final = Headroom()


class Tally(NamedTuple):  # a frame makes twenty of them
    """What one call changed for the orders of one slot in one money ledger, to be counted once. [ORD-12]

    What rests holds `held_minor` more (or less) money; `paid_minor` of money was paid in fills. An order
    that was placed and filled at once is neither opened nor ended.
    """

    slot: int
    money_ledger: int
    placed: int = 0  # new orders that the book took, and those that their own sender made larger
    opened: int = 0  # orders that rest now and did not before
    ended: int = 0  # orders that rested and do not any more
    fills: int = 0  # trades of its orders
    held_minor: int = 0
    paid_minor: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowFill:
    """A trade of an ESCROW market: both holds are free, a contract has to take their place. [ORD-10]"""

    market: int
    seq: int  # of the trade's event
    price: int
    quantity: int
    buy_order: int
    sell_order: int
    buyer_owner: int
    seller_owner: int
    cash_minor: int


class Traded(NamedTuple):
    """The prices of one market in one call, for its breaker and the price that everybody may see."""

    market: int
    low: int
    high: int
    last: int
    quantity: int
    fee_minor: int = 0  # what the operator got


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a call to the desk did. Tallies ascend by slot and ledger, `traded` by market."""

    events: bytes = b""  # packed, 56 bytes each
    tallies: tuple[Tally, ...] = ()
    fills: tuple[EscrowFill, ...] = ()  # of ESCROW markets, in the order of their events
    traded: tuple[Traded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Effects):
    """What a frame did. `deadlines` tells of resting orders whose expiry is new or gone: packed DEADLINEs."""

    statuses: bytes  # packed STATUS, one for each order
    last_counter: int  # of the sender's order ids from now on
    deadlines: bytes = b""
