"""Orders as they come: packed records of 40 bytes, ids that name their sender, and the answer to each."""

from dataclasses import dataclass
from enum import IntEnum, unique
from struct import Struct
from typing import Final

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.limits import (
    MASS_CANCELS_PER_FRAME_MAX,
    ORDERS_OF_FOK,
    ORDERS_OF_MASS_CANCEL,
    ORDERS_PER_FRAME_MAX,
)
from thingmarket.matching.records import (
    COMMAND,
    COMMAND_BYTES,
    Instruction,
    Kind,
    Reason,
    Side,
    TimeInForce,
)
from thingmarket.settlement.transfers import Status

# The layout is that of the book, with the expiry in the place of the account:
# kind, side, tif, flags, market, quantity, price, order id, expires_ms. [ORD-1]
ORDER: Final = COMMAND
ORDER_BYTES: Final = COMMAND_BYTES
_HEAD: Final = Struct("<BBBBI")  # what an order begins with: kind, side, tif, flags, market
_KIND_AT: Final = 0
_TIF_AT: Final = 2
STATUS: Final = Struct("<I")  # one for each order of a frame, in its order
DEADLINE: Final = Struct("<QQ")  # order id, expires_ms; 0 when it has none any more

KINDS_TAKEN: Final = frozenset(int(kind) for kind in Kind if kind <= Kind.MASS_CANCEL)
KINDS_NEW: Final = frozenset((int(Kind.NEW_LIMIT), int(Kind.NEW_MARKET)))

COUNTER_BITS: Final = 40
SLOT_MAX: Final = 2**24 - 1
COUNTER_MAX: Final = 2**COUNTER_BITS - 1


@unique
class OrderStatus(IntEnum):
    """What an order of a frame came to, apart from what the book itself refuses (44000 + its reason)."""

    TAKEN = 0
    BAD_ID = Code.BAD_ID  # not the next one of the sender, or an order that is not his
    BAD_EXPIRY = Code.BAD_FIELD
    TOO_MUCH = Code.OUT_OF_RANGE  # money could pass 2^53-1, or goods 2^41
    UNKNOWN_MARKET = Code.UNKNOWN_MARKET
    OUTSIDE_BAND = Code.OUTSIDE_BAND
    NOT_PERMITTED = Code.NOT_PERMITTED
    OVER_PRICE = Code.OVER_PRICE  # dearer (cheaper, when selling) than the mandate allows
    OVER_ORDER = Code.OVER_ORDER  # costs more than the mandate allows one order
    NEED_COSIGN = Code.NEED_COSIGN
    OVER_BUDGET = Code.OVER_BUDGET
    OVER_DAY_ORDERS = Code.OVER_DAY_ORDERS
    OVER_OPEN_ORDERS = Code.OVER_OPEN_ORDERS
    NO_FUNDS = LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS
    OUT_OF_STOCK = Code.OUT_OF_STOCK


def book_status(reason: int) -> int:
    """The status of an order that the book refuses, or would."""
    return BOOK_REASON_BASE + reason


STATUS_UNKNOWN_ORDER: Final = book_status(Reason.UNKNOWN_ORDER)
STATUS_BAD_QUANTITY: Final = book_status(Reason.BAD_QUANTITY)
STATUS_BAD_PRICE: Final = book_status(Reason.BAD_PRICE)
STATUS_SELF_TRADE: Final = book_status(Reason.SELF_TRADE)
STATUS_WRONG_STATE: Final = book_status(Reason.WRONG_STATE)
STATUS_UNKNOWN_KIND: Final = book_status(Reason.UNKNOWN_KIND)
STATUS_BAD_TIF: Final = book_status(Reason.BAD_TIF)
STATUS_BAD_FIELD: Final = book_status(Reason.BAD_FIELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Instruction):
    """One order in readable form."""

    expires_ms: int = 0

    def pack(self) -> bytes:
        """Write the 40 bytes."""
        return self._packed(self.expires_ms)


def order_id_of(slot: int, counter: int) -> int:
    """Name an order: 24 bits of its sender's slot, 40 of his counter."""
    return slot << COUNTER_BITS | counter


def slot_of(order_id: int) -> int:
    """The slot of the sender whose order this is."""
    return order_id >> COUNTER_BITS


def check_frame(orders: bytes) -> None:
    """Return when a frame is 1 to 1,000 whole records (MALFORMED, TOO_LARGE). [ORD-1]"""
    count, rest = divmod(len(orders), ORDER_BYTES)
    if rest or not count:
        raise Refusal(Code.MALFORMED, f"a frame of {len(orders)} bytes is not whole orders", "ORD-1")
    if count > ORDERS_PER_FRAME_MAX:
        raise Refusal(Code.TOO_LARGE, f"{count} orders > {ORDERS_PER_FRAME_MAX} in one frame", "ORD-1")
    sweeps = orders[_KIND_AT::ORDER_BYTES].count(Kind.MASS_CANCEL)
    if sweeps > MASS_CANCELS_PER_FRAME_MAX:
        reason = f"{sweeps} MASS_CANCEL > {MASS_CANCELS_PER_FRAME_MAX} in one frame"
        raise Refusal(Code.TOO_LARGE, reason, "ORD-1")


def weight_of(orders: bytes) -> int:
    """As how many orders a frame counts, by the work that its records may be. [SES-5]"""
    sweeps = orders[_KIND_AT::ORDER_BYTES].count(Kind.MASS_CANCEL)
    looks = orders[_TIF_AT::ORDER_BYTES].count(TimeInForce.FOK)
    extra = sweeps * (ORDERS_OF_MASS_CANCEL - 1) + looks * (ORDERS_OF_FOK - 1)
    return len(orders) // ORDER_BYTES + extra


def markets_of(orders: bytes) -> tuple[int, ...]:
    """Numbers of the markets that a frame places or replaces orders in, ascending; unknown ones too."""
    return tuple(sorted({market for market, _ in touched(orders)}))


def touched(orders: bytes) -> tuple[tuple[int, int], ...]:
    """Market and side of what a frame places or replaces, ascending: those that need a permit."""
    # Orders of one frame are much alike: few of their beginnings differ.
    heads = {orders[at : at + _HEAD.size] for at in range(0, len(orders), ORDER_BYTES)}
    found = {
        (market, side)
        for kind, side, _, _, market in map(_HEAD.unpack, heads)
        if (kind in KINDS_NEW or kind == Kind.REPLACE) and side in (Side.BUY, Side.SELL)
    }
    return tuple(sorted(found))


def statuses_of(packed: bytes) -> tuple[int, ...]:
    """Read the packed statuses of a frame."""
    return tuple(status for (status,) in STATUS.iter_unpack(packed))
