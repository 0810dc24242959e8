"""Packed records of the order book: commands of 40 bytes in, events of 56 bytes out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, unique
from struct import Struct
from typing import Final, Self

# Little-endian, without padding.
COMMAND: Final = Struct("<BBBBIQqQQ")  # kind, side, tif, flags, market, quantity, price, order id, account
EVENT: Final = Struct("<BBBBIQQQqQQ")  # kind, reason, side, flags, market, seq, maker, taker, price, ...
# The same with the fields of the first eight bytes read as one number, its word: so most commands are known
# at one glance. An event that has no maker leaves those fields 0.
WORD_COMMAND: Final = Struct("<QQqQQ")  # word, quantity, price, order id, account
WORD_TRADE: Final = Struct("<QQQQqQQ")  # word, seq, maker, taker, price, quantity, maker_left
WORD_EVENT: Final = Struct("<QQ8xQqQ8x")  # word, seq, taker, price, quantity
COMMAND_BYTES: Final = 40
EVENT_BYTES: Final = 56
assert COMMAND.size == COMMAND_BYTES
assert EVENT.size == EVENT_BYTES

ALL_MARKETS: Final = 0  # in MASS_CANCEL only

# Flags of a command: what is not named must be 0.
POST_ONLY: Final = 0b001
SELF_TRADE_MASK: Final = 0b110
FLAGS_KNOWN: Final = POST_ONLY | SELF_TRADE_MASK
# Flags of an event.
LAST_OF_COMMAND: Final = 0b1


@unique
class Kind(IntEnum):
    """What a command asks for."""

    NEW_LIMIT = 1
    NEW_MARKET = 2
    CANCEL = 3
    REDUCE = 4  # by `quantity`; something must be left
    REPLACE = 5  # `quantity` is what is to remain
    MASS_CANCEL = 6
    EXPIRE = 7
    SET_STATE = 8
    UNCROSS = 9


@unique
class Side(IntEnum):
    """Side of an order, as FIX field 54 counts; an uncross trades without one."""

    NONE = 0
    BUY = 1
    SELL = 2


@unique
class TimeInForce(IntEnum):
    """How long an order stands, as FIX field 59 counts."""

    GTC = 1  # until it is cancelled
    IOC = 3  # what does not trade at once is cancelled
    FOK = 4  # all at once or nothing
    GTD = 6  # until an EXPIRE comes; the engine keeps no time


@unique
class SelfTrade(IntEnum):
    """What happens when an order meets one of its own account, as bits 1 and 2 of the flags say."""

    TRADE = 0
    CANCEL_TAKER = 0b010
    CANCEL_MAKER = 0b100
    CANCEL_BOTH = 0b110


@unique
class MarketState(IntEnum):
    """What a market takes at the moment; travels as `tif` of SET_STATE."""

    PRE_OPEN = 1
    AUCTION = 2
    CONTINUOUS = 3
    HALTED = 4
    CLOSED = 5


@unique
class EventKind(IntEnum):
    """What happened."""

    NEW = 1
    TRADE = 2
    CANCELED = 3
    REDUCED = 4
    REPLACED = 5
    EXPIRED = 6
    REJECTED = 7
    STATE = 8


@unique
class Reason(IntEnum):
    """Why something was rejected or cancelled."""

    NONE = 0
    UNKNOWN_ORDER = 1
    NOT_OWNER = 2
    DUPLICATE_ID = 3
    BAD_QUANTITY = 4
    BAD_PRICE = 5
    WOULD_CROSS = 6
    NOT_FILLABLE = 7
    SELF_TRADE = 8
    WRONG_STATE = 9
    UNKNOWN_KIND = 10
    BAD_TIF = 11
    BOOK_FULL = 12
    IMMEDIATE_REMAINDER = 13
    BAD_FIELD = 14
    BOOK_CROSSED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What a record of 40 bytes says in its fields but the last, which a subclass adds.

    Any number that fits its field may stand in it, a bad one too.
    """

    kind: int
    side: int = 0
    tif: int = 0
    flags: int = 0
    market: int = 0
    quantity: int = 0
    price: int = 0
    order_id: int = 0

    @classmethod
    def of(cls, fields: tuple[int, ...]) -> Self:
        """Take the fields of a record, which stand in it as they do in the class."""
        return cls(**dict(zip(cls.__dataclass_fields__, fields, strict=True)))

    def _packed(self, last: int) -> bytes:
        return COMMAND.pack(
            self.kind,
            self.side,
            self.tif,
            self.flags,
            self.market,
            self.quantity,
            self.price,
            self.order_id,
            last,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Instruction):
    """One command in readable form."""

    account: int = 0

    def pack(self) -> bytes:
        """Write the 40 bytes."""
        return self._packed(self.account)

    @classmethod
    def unpack(cls, record: bytes) -> Self:
        """Read 40 bytes."""
        return cls.of(COMMAND.unpack(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event in readable form; `last` says that it is the last one of its command."""

    kind: EventKind
    reason: Reason = Reason.NONE
    side: int = 0  # a REJECTED echoes what came, which may be no Side
    last: bool
    market: int
    seq: int
    maker: int = 0
    taker: int = 0
    price: int = 0
    quantity: int = 0
    maker_left: int = 0

    def pack(self) -> bytes:
        """Write the 56 bytes."""
        return EVENT.pack(
            self.kind,
            self.reason,
            self.side,
            LAST_OF_COMMAND if self.last else 0,
            self.market,
            self.seq,
            self.maker,
            self.taker,
            self.price,
            self.quantity,
            self.maker_left,
        )


def command_word(kind: int, side: int = 0, tif: int = 0, flags: int = 0, *, market: int) -> int:
    """The first eight bytes of a command as one number."""
    return kind | side << 8 | tif << 16 | flags << 24 | market << 32


def command_fields(word: int) -> tuple[int, int, int, int, int]:
    """Kind, side, tif, flags and market of a command that begins so."""
    return word & 0xFF, word >> 8 & 0xFF, word >> 16 & 0xFF, word >> 24 & 0xFF, word >> 32


def event_word(kind: int = 0, reason: int = 0, side: int = 0, *, market: int) -> int:
    """The first eight bytes of an event as one number, without flags."""
    return kind | reason << 8 | side << 16 | market << 32


def pack_commands(commands: Iterable[Command]) -> bytes:
    """Write commands one after the other, as `Engine.process` takes them."""
    return b"".join(command.pack() for command in commands)


def unpack_events(events: bytes) -> Iterator[Event]:
    """Read what `Engine.process` gave."""
    for record in EVENT.iter_unpack(events):
        kind, reason, side, flags, market, seq, maker, taker, price, quantity, maker_left = record
        yield Event(
            kind=EventKind(kind),
            reason=Reason(reason),
            side=side,
            last=bool(flags & LAST_OF_COMMAND),
            market=market,
            seq=seq,
            maker=maker,
            taker=taker,
            price=price,
            quantity=quantity,
            maker_left=maker_left,
        )
