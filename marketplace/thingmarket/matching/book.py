"""The order books of all markets in plain Python: what the native book is held against, and its stand-in.

Its ideas have a module each: levels (one side), resting (all orders), entering (new orders), matching,
replacing, leaving, states, auction (the clearing price), events and snapshot.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from struct import error as StructError
from types import MappingProxyType
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    BOOK_LEVELS_MAX,
    BOOK_ORDERS_CEILING,
    BOOK_ORDERS_MAX,
    BOOK_PRICE_MAX,
    BOOK_QUANTITY_MAX,
)
from thingmarket.matching import snapshot
from thingmarket.matching.entering import enter
from thingmarket.matching.events import FLAGS_FROM_END, Fields
from thingmarket.matching.leaving import cancel, expire, leave, mass_cancel, reduce
from thingmarket.matching.levels import BookSide
from thingmarket.matching.matching import TRADE, match
from thingmarket.matching.records import (
    COMMAND_BYTES,
    LAST_OF_COMMAND,
    WORD_COMMAND,
    EventKind,
    Kind,
    Reason,
    command_fields,
)
from thingmarket.matching.replacing import replace
from thingmarket.matching.resting import Resting
from thingmarket.matching.states import set_state, uncross

Depth = list[tuple[int, int, int]]  # price, quantity and number of orders, best price first
Record = tuple[int, int, int, int, int]  # word, quantity, price, order id and account of a command
Act = Callable[[Resting, Fields], None]


def _reject_unknown(resting: Resting, fields: Fields) -> None:
    resting.events.rejected(fields, Reason.UNKNOWN_KIND)


ACTS: Final[Mapping[int, Act]] = MappingProxyType(
    {
        Kind.NEW_LIMIT: enter,
        Kind.NEW_MARKET: enter,
        Kind.CANCEL: cancel,
        Kind.REDUCE: reduce,
        Kind.REPLACE: replace,
        Kind.MASS_CANCEL: mass_cancel,
        Kind.EXPIRE: expire,
        Kind.SET_STATE: set_state,
        Kind.UNCROSS: uncross,
    }
)
_CANCELED: Final = int(EventKind.CANCELED)
_NEW: Final = int(EventKind.NEW)  # plain numbers: enums are slow here
_BY_KIND: Final[tuple[Act, ...]] = tuple(ACTS.get(kind, _reject_unknown) for kind in range(256))


class Book:
    """Price-time priority over packed records. Nothing in it knows the time, chance or the outside."""

    __slots__ = ("_resting",)

    def __init__(
        self,
        orders_max: int = BOOK_ORDERS_MAX,
        levels_max: int = BOOK_LEVELS_MAX,
        fok_makers_max: int = BOOK_ORDERS_CEILING,
    ) -> None:
        assert 0 < orders_max <= BOOK_ORDERS_CEILING, f"a book of {orders_max} orders"
        assert 0 < levels_max <= BOOK_ORDERS_CEILING, f"{levels_max} levels on a side"
        self._resting = Resting(orders_max, levels_max, fok_makers_max)

    def process(self, commands: bytes) -> bytes:
        """Carry out 40-byte commands one after the other; every one gives at least one 56-byte event."""
        try:
            records = WORD_COMMAND.iter_unpack(commands)
        except StructError:
            reason = f"{len(commands)} bytes are no whole number of commands of {COMMAND_BYTES}"
            raise Refusal(Code.MALFORMED, reason, rule="BOK-1") from None
        _carry_out(self._resting, records)
        return self._resting.events.taken()

    def best(self, market: int) -> tuple[int, int, int, int]:
        """Price and quantity of the best buy level, then of the best sell level; 0 where there is none."""
        buys, sells = self.depth(market, 1)
        bid_price, bid_quantity, _ = buys[0] if buys else (0, 0, 0)
        ask_price, ask_quantity, _ = sells[0] if sells else (0, 0, 0)
        return bid_price, bid_quantity, ask_price, ask_quantity

    def depth(self, market: int, n: int) -> tuple[Depth, Depth]:
        """The best `n` levels of the buys and of the sells."""
        book = self._resting.market(market)
        return _depth(book.buys, n), _depth(book.sells, n)

    def state_hash(self) -> bytes:
        """32 bytes over everything that decides later events, but for the limits."""
        return snapshot.state_hash(self._resting)

    def snapshot(self) -> bytes:
        """Everything as bytes, from which either kind of book goes on."""
        return snapshot.pack(self._resting)

    @classmethod
    def restore(
        cls, data: bytes, orders_max: int, levels_max: int, fok_makers_max: int = BOOK_ORDERS_CEILING
    ) -> Self:
        """A book as it was, with the limits it had (MALFORMED)."""
        book = cls(orders_max, levels_max, fok_makers_max)
        book._resting = snapshot.unpack(data, orders_max, levels_max, fok_makers_max)
        return book


# The commonest commands go a shorter way with the same end: a NEW_LIMIT GTC without flags in a market that is
# trading, and the CANCEL of one's own order. One look at the first eight bytes finds them; what is wrong with
# others the functions of their kinds say.
def _carry_out(resting: Resting, records: Iterable[Record]) -> None:
    """Do commands one after the other."""
    plain, places, events, packed = resting.plain, resting.places, resting.events, resting.events.packed
    orders_max, levels_max = resting.orders_max, resting.levels_max
    for word, quantity, price, order_id, account in records:
        sides, place = plain.get(word), places.get(order_id)
        if (
            sides is not None
            and 0 < quantity <= BOOK_QUANTITY_MAX
            and 0 < price <= BOOK_PRICE_MAX
            and order_id
            and place is None
            and len(places) < orders_max
            and (len(sides[0].ranks) < levels_max or price in sides[0].levels)
        ):
            own, makers = sides
            ranks, left = makers.ranks, quantity
            if ranks and ranks[-1] >= price * makers.sign:
                left = match(resting, makers, order_id, account, price, quantity, TRADE)
            if left:
                own.add(order_id, account, price, left)
                events.told(_NEW | own.word, order_id, price, left)
            elif not ranks:
                resting.forget_if_empty(own.number)
        elif place is not None and word == place[0].cancel_word and account == place[1]:
            leave(resting, order_id, place, _CANCELED)
        else:
            fields = (*command_fields(word), quantity, price, order_id, account)
            _BY_KIND[fields[0]](resting, fields)
        packed[FLAGS_FROM_END] = LAST_OF_COMMAND


def _depth(side: BookSide, n: int) -> Depth:
    return [(price, sum(level.values()), len(level)) for price, level in islice(side.best_first(), n)]
