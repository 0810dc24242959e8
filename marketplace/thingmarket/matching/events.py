"""Events, numbered without gaps and packed into the bytes that a call gives."""

from typing import Final

from thingmarket.matching.records import (
    EVENT_BYTES,
    WORD_EVENT,
    WORD_TRADE,
    EventKind,
    event_word,
)

# The nine fields of a command as they came; a tuple, for a value would cost more than the matching.
Fields = tuple[int, int, int, int, int, int, int, int, int]

_REJECTED: Final = int(EventKind.REJECTED)  # plain numbers: enums are slow here
_STATE: Final = int(EventKind.STATE)
FLAGS_FROM_END: Final = 3 - EVENT_BYTES  # where the flags of the event written last are
_pack_event: Final = WORD_EVENT.pack
_pack_trade: Final = WORD_TRADE.pack


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

    def told(self, word: int, order_id: int, price: int, quantity: int) -> None:
        """Tell what became of one order: with what rests, was removed or remains."""
        self.seq = seq = self.seq + 1
        self.packed += _pack_event(word, seq, order_id, price, quantity)

    def trade(  # noqa: PLR0917  arguments by name cost more
        self, word: int, maker: int, taker: int, price: int, quantity: int, left: int
    ) -> None:
        """Tell a trade, after which the maker has something left."""
        self.seq = seq = self.seq + 1
        self.packed += _pack_trade(word, seq, maker, taker, price, quantity, left)

    def rejected(self, fields: Fields, reason: int) -> None:
        """Echo a command that changed nothing."""
        _, side, _, _, market, quantity, price, order_id, _ = fields
        self.told(event_word(_REJECTED, reason, side, market=market), order_id, price, quantity)

    def state(self, market: int, new: int, detail: int, price: int = 0) -> None:
        """Tell a state, with the old one; or at the end of an uncross, with the volume and its price."""
        self.trade(event_word(_STATE, market=market), 0, 0, price, new, detail)
