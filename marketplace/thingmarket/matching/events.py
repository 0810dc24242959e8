"""Events, numbered without gaps and packed into the bytes that a call gives."""

from typing import TYPE_CHECKING, Final

from thingmarket.matching.records import (
    COMMAND,
    EVENT,
    EVENT_BYTES,
    LAST_OF_COMMAND,
    EventKind,
    Reason,
    Side,
)

if TYPE_CHECKING:
    from thingmarket.matching.levels import Order

# The nine fields of a command as they came; a tuple, for a value would cost more than the matching.
Fields = tuple[int, int, int, int, int, int, int, int, int]

_NEW: Final = int(EventKind.NEW)  # plain numbers: enums are slow here
_TRADE: Final = int(EventKind.TRADE)
_REJECTED: Final = int(EventKind.REJECTED)
_STATE: Final = int(EventKind.STATE)
_NO_SIDE: Final = int(Side.NONE)
_NONE: Final = int(Reason.NONE)
_FLAGS_FROM_END: Final = 3 - EVENT_BYTES  # where the flags of the event written last are
assert len(COMMAND.unpack(bytes(COMMAND.size))) == 9
_pack: Final = EVENT.pack


class Events:
    """What the commands of one call led to. `seq` is the number of the last event ever written."""

    __slots__ = ("packed", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.packed = bytearray()

    def taken(self) -> bytes:
        """Hand over what was written since the last time."""
        packed = bytes(self.packed)
        self.packed.clear()
        return packed

    def end_command(self) -> None:
        """Mark the event written last as the last one of its command."""
        self.packed[_FLAGS_FROM_END] = LAST_OF_COMMAND

    def rejected(self, fields: Fields, reason: int) -> None:
        """Echo a command that changed nothing."""
        _, side, _, _, market, quantity, price, order_id, _ = fields
        self.seq += 1
        self.packed += _pack(_REJECTED, reason, side, 0, market, self.seq, 0, order_id, price, quantity, 0)

    def new(self, order: "Order") -> None:
        """Say what of an order rests."""
        self.seq += 1
        self.packed += _pack(
            _NEW,
            _NONE,
            order.side,
            0,
            order.market.number,
            self.seq,
            0,
            order.id,
            order.price,
            order.remaining,
            0,
        )

    def trade(self, taker: "Order", maker: "Order", quantity: int) -> None:
        """Tell a trade at the maker's price, after which the maker has its rest."""
        self.seq += 1
        self.packed += _pack(
            _TRADE,
            _NONE,
            taker.side,
            0,
            taker.market.number,
            self.seq,
            maker.id,
            taker.id,
            maker.price,
            quantity,
            maker.remaining,
        )

    def cleared(self, buy: "Order", sell: "Order", price: int, quantity: int) -> None:
        """Tell a trade of a call auction, which has no taker: the buy stands where the maker does."""
        self.seq += 1
        market = buy.market.number
        self.packed += _pack(
            _TRADE, _NONE, _NO_SIDE, 0, market, self.seq, buy.id, sell.id, price, quantity, buy.remaining
        )

    def changed(self, kind: int, order: "Order", quantity: int, reason: int = _NONE) -> None:
        """Tell CANCELED or EXPIRED with what was removed, REDUCED or REPLACED with what remains."""
        self.seq += 1
        market = order.market.number
        self.packed += _pack(
            kind, reason, order.side, 0, market, self.seq, 0, order.id, order.price, quantity, 0
        )

    def state(self, market: int, new: int, detail: int, price: int = 0) -> None:
        """Tell a state, with the old one; or at the end of an uncross, with the volume and its price."""
        self.seq += 1
        self.packed += _pack(_STATE, _NONE, _NO_SIDE, 0, market, self.seq, 0, 0, price, new, detail)
