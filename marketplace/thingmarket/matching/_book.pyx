# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The order books of all markets over C structures: the plain Python book, record for record, but quicker."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT32_MAX, INT64_MIN, UINT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

import sys
from hashlib import blake2b

from thingmarket.errors import Code, Refusal
from thingmarket.limits import BOOK_LEVELS_MAX, BOOK_ORDERS_CEILING, BOOK_ORDERS_MAX

if sys.byteorder != "little":
    raise ImportError("records are copied as they travel, which is little-endian")

cdef bytes MAGIC = b"tmbook01"

cdef enum:
    COMMAND_BYTES = 40
    EVENT_BYTES = 56
    EVENTS_KEPT = 1 << 16  # a buffer of more, after an unusual call, is given back

assert sizeof(Command) == COMMAND_BYTES
assert sizeof(Event) == EVENT_BYTES
assert sizeof(Order) == 32
assert sizeof(Level) == 32

include "_tables.pxi"
include "_storage.pxi"
include "_events.pxi"
include "_rules.pxi"
include "_markets.pxi"
include "_snapshot.pxi"
include "_ahead.pxi"


cdef void apply_batch(OrderBook* book, const char* records, size_t count, Events* out) noexcept:
    """Apply records of 40 bytes, which may be unaligned, until the end or until memory runs out."""
    cdef const Command* commands = <const Command*> records
    cdef Glimpse seen[GLIMPSES]
    cdef size_t index
    memset(seen, 0, sizeof(seen))
    for index in range(min(count, <size_t> TABLES_AHEAD)):
        see_table(book, &commands[index], &seen[index])
    for index in range(count):
        look_ahead(book, commands, index, count, seen)
        apply_tagged(book, &commands[index], seen[index % GLIMPSES].tag, out)
        if unlikely(out.failed):
            return


cdef class Book:
    """Price-time priority over packed records. Nothing in it knows the time, chance or the outside."""

    def __cinit__(
        self, orders_max=BOOK_ORDERS_MAX, levels_max=BOOK_LEVELS_MAX, fok_makers_max=BOOK_ORDERS_CEILING
    ):
        assert 0 < orders_max <= BOOK_ORDERS_CEILING, f"a book of {orders_max} orders"
        assert 0 < levels_max <= BOOK_ORDERS_CEILING, f"{levels_max} levels on a side"
        memset(&self.events, 0, sizeof(Events))
        # Python's hash of bytes has a secret of the process in it; no output depends on it.
        if open_book(&self.book, orders_max, levels_max, <uint64_t> <int64_t> hash(MAGIC)) < 0:
            raise MemoryError
        self.book.fok_makers_max = fok_makers_max

    def __dealloc__(self):
        close_book(&self.book)
        free_events(&self.events, 0)

    def process(self, commands not None):
        """Carry out 40-byte commands one after the other; every one gives at least one 56-byte event.

        After a MemoryError the book is whole, but the events of this call are lost, and what came of its
        commands can be told only by replaying them elsewhere.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(commands, &view, PyBUF_SIMPLE)
        try:
            if view.len % COMMAND_BYTES:
                reason = f"{view.len} bytes are no whole number of commands of {COMMAND_BYTES}"
                raise Refusal(Code.MALFORMED, reason, rule="BOK-1")
            self.events.count = 0
            self.events.failed = False
            apply_batch(&self.book, <const char*> view.buf, view.len // COMMAND_BYTES, &self.events)
        finally:
            PyBuffer_Release(&view)
        if self.events.failed:
            raise MemoryError
        return self.taken()

    cdef bytes taken(self):
        """The events of this call."""
        cdef bytes events = PyBytes_FromStringAndSize(
            <const char*> self.events.items, self.events.count * EVENT_BYTES
        )
        free_events(&self.events, EVENTS_KEPT)
        return events

    def best(self, uint32_t market):
        """Price and quantity of the best buy level, then of the best sell level; 0 where there is none."""
        buys, sells = self.depth(market, 1)
        bid_price, bid_quantity, _ = buys[0] if buys else (0, 0, 0)
        ask_price, ask_quantity, _ = sells[0] if sells else (0, 0, 0)
        return bid_price, bid_quantity, ask_price, ask_quantity

    def depth(self, uint32_t market, n):
        """The best `n` levels of the buys and of the sells."""
        cdef int32_t slot = find_market(&self.book, market)
        cdef int32_t levels = <int32_t> min(max(n, 0), INT32_MAX)
        return self.depth_of(slot, BUY, levels), self.depth_of(slot, SELL, levels)

    cdef list depth_of(self, int32_t market, int side, int32_t levels):
        cdef const Ladder* ladder = &self.book.markets[market].sides[side]
        cdef const Level* level
        cdef int32_t at
        cdef list found = []
        for at in range(ladder.count - 1, max(ladder.count - levels, 0) - 1, -1):
            level = &self.book.levels[ladder.rungs[at].level]
            found.append((price_of(side, level.key), level.total, level.count))
        return found

    def state_hash(self):
        """32 bytes over everything that decides later events, but for the limits."""
        return hash_of(&self.book)

    def snapshot(self):
        """Everything as bytes, from which either kind of book goes on."""
        return snapshot_of(&self.book)

    @classmethod
    def restore(cls, data not None, orders_max, levels_max, fok_makers_max=BOOK_ORDERS_CEILING):
        """The book whose snapshot this is (MALFORMED)."""
        cdef Book restored = cls(orders_max, levels_max, fok_makers_max)
        cdef bytes copy = bytes(data)
        read_snapshot(&restored.book, <const char*> copy, len(copy))
        return restored
