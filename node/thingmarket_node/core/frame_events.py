"""What the sender of an entry is told of its events: his own orders, and nobody else's. [MKT-13]"""

from struct import Struct
from typing import Final

from thingmarket.limits import FRAME_EVENTS_MAX
from thingmarket.matching.records import EVENT_BYTES, EventKind
from thingmarket.trading.frame import slot_of

_MAKER: Final = Struct("<Q")
_MAKER_AT: Final = 16
_MAKER_LEFT_AT: Final = EVENT_BYTES - 8
_NOBODY: Final = bytes(8)


def events_for(events: bytes, slot: int) -> tuple[bytes, bool]:
    """Events as the party of a slot may see them, at most 600; and whether there are more."""
    told = bytearray(events[: FRAME_EVENTS_MAX * EVENT_BYTES])
    kinds = bytes(told[::EVENT_BYTES])
    place = kinds.find(EventKind.TRADE)
    while place >= 0:
        start = place * EVENT_BYTES
        if slot_of(_MAKER.unpack_from(told, start + _MAKER_AT)[0]) != slot:
            # Whose order it was, and what is left of it, is his secret.
            told[start + _MAKER_AT : start + _MAKER_AT + 8] = _NOBODY
            told[start + _MAKER_LEFT_AT : start + EVENT_BYTES] = _NOBODY
        place = kinds.find(EventKind.TRADE, place + 1)
    return bytes(told), len(told) < len(events)
