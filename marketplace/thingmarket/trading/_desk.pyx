# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled desk: thingmarket.trading.desk, byte for byte, over the rows of the book and of the ledger.

A frame is one call, in which no Python object stands for an order: what it needs of its sender is read
before the first order, and after the last one its effects become values.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

from thingmarket.matching._book cimport (
    BUY,
    CANCEL,
    CONTINUOUS,
    EXPIRE,
    FOK,
    GTC,
    GTD,
    IOC,
    MASS_CANCEL,
    NEW,
    NEW_LIMIT,
    NEW_MARKET,
    POST_ONLY,
    REDUCED,
    REJECTED,
    REPLACE,
    REPLACED,
    SELL,
    SET_STATE,
    STATE,
    TRADE,
    UNCROSS,
    UNKNOWN_FLAGS,
    Book,
    Command,
    Event,
    Events,
    Level,
    Market,
    OrderBook,
    Slots,
    apply_command,
    find_market,
    find_order,
    free_events,
)
from thingmarket.matching._book cimport Order as BookOrder
from thingmarket.settlement._accounts cimport (
    DEBITS_GUARD,
    AccountTable,
    hold_amount,
    move_amount,
)
from thingmarket.settlement._accounts cimport free_of as free_in

from hashlib import blake2b
from itertools import islice

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    BOOK_PRICE_MAX,
    FOK_MAKERS_MAX,
    INTEGER_MAX,
    ORDER_LIFE_MS,
    ORDER_STEPS_MAX,
    RESTING_PER_OWNER_MAX,
)
from thingmarket.matching.engine import Engine
from thingmarket.matching.records import MarketState, Reason
from thingmarket.settlement.accounts import AccountKind
from thingmarket.trading import frame as frames
from thingmarket.trading.desk import DESK_MAGIC, DESK_PERSON, DIGEST_BYTES
from thingmarket.trading.frame import OrderStatus, book_status, check_frame
from thingmarket.trading.permits import UNLIMITED, Effects, EscrowFill, Placed, Tally, Traded
from thingmarket.trading.resting import RestingOrder
from thingmarket.trading.rows import Rows
from thingmarket.trading.terms import Settlement, checked

cdef extern from *:
    """
    #define TM_BEYOND (((int64_t) 1) << 53)  /* one more than any amount of one order */

    /* a * quantity * factor, or +-TM_BEYOND where that or more is passed; factor is positive */
    static inline int64_t tm_product(int64_t a, uint64_t quantity, int64_t factor) {
        unsigned __int128 size = (unsigned __int128) (a < 0 ? -a : a) * quantity;
        if (size >= TM_BEYOND) return a < 0 ? -TM_BEYOND : TM_BEYOND;
        size *= (uint64_t) factor;
        if (size >= TM_BEYOND) return a < 0 ? -TM_BEYOND : TM_BEYOND;
        return a < 0 ? -(int64_t) size : (int64_t) size;
    }

    /* half up */
    static inline int64_t tm_fee(int64_t cash, int64_t basis_points) {
        return (int64_t) (((__int128) cash * basis_points + 5000) / 10000);
    }
    """
    int64_t product "tm_product" (int64_t a, uint64_t quantity, int64_t factor) noexcept
    int64_t fee_of "tm_fee" (int64_t cash, int64_t basis_points) noexcept

cdef enum:
    ORDER_BYTES = 40
    EVENT_BYTES = 56
    COUNTER_BITS = 40
    CELLS_AT_FIRST = 64
    ITEMS_AT_FIRST = 16
    TALLIES_KEPT = 4096  # a table of more, after an unusual call, is given back
    EVENTS_KEPT = 1 << 16
    SELF_TRADE_BITS = 6

cdef uint64_t COUNTER_LAST = frames.COUNTER_MAX
cdef uint64_t LIFE_MS = ORDER_LIFE_MS
cdef int64_t LARGEST = INTEGER_MAX
cdef int64_t MOST_STEPS = ORDER_STEPS_MAX
cdef int64_t PRICE_LAST = BOOK_PRICE_MAX
cdef uint64_t HASH_KEY = <uint64_t> <int64_t> hash(b"thingmarket desk")
cdef int OWNER_WALLET = AccountKind.OWNER_WALLET
cdef int OWN_GOODS = AccountKind.GOODS

assert ORDER_BYTES == frames.ORDER_BYTES and COUNTER_BITS == frames.COUNTER_BITS

include "_desk_floor.pxi"
include "_desk_admission.pxi"
include "_desk_resting.pxi"
include "_desk_settling.pxi"
include "_desk_own_prices.pxi"
include "_desk_learning.pxi"
include "_desk_placing.pxi"
include "_desk_telling.pxi"
include "_desk_known.pxi"


cdef class Desk:
    """A native book joined with the native accounts of a ledger."""

    cdef readonly object ledger
    cdef object rows
    cdef AccountTable accounts
    cdef Book book
    cdef Events events
    cdef bytes chain
    cdef dict terms_by_number
    cdef list keys  # of permits: market and side, by index of the market * 2 + side
    cdef list permits  # as they were last read, in the same order
    cdef list fills
    cdef uint64_t frame  # number of the frame in hand, of this object's life
    cdef uint64_t call
    cdef MarketRow* markets
    cdef int64_t markets_room
    cdef Index market_index
    cdef LedgerRow* ledgers
    cdef int64_t ledgers_room
    cdef Index ledger_index
    cdef Rest* rests  # by slot of the book
    cdef int64_t rests_room
    cdef Seat* seats
    cdef int64_t seats_room
    cdef OwnerRow* owners
    cdef int64_t owners_room
    cdef Index owner_index
    cdef int32_t resting_per_owner_max
    cdef TallyRow* tallies  # of the call in hand
    cdef int64_t tallies_room
    cdef Index tally_index
    cdef uint32_t* traded  # numbers of the markets that traded in the call in hand
    cdef int64_t traded_room
    cdef int32_t traded_count
    cdef DeadlineRow* deadlines
    cdef int64_t deadlines_room
    cdef int32_t deadlines_count

    def __cinit__(
        self, *, ledger, operator, kind="native", resting_per_owner_max=RESTING_PER_OWNER_MAX
    ):
        self.ledger = ledger
        self.accounts = ledger.accounts
        self.rows = Rows(ledger.accounts, operator)
        self.book = Engine("native", fok_makers_max=FOK_MAKERS_MAX).process.__self__
        self.chain = bytes(DIGEST_BYTES)
        self.terms_by_number = {}
        self.keys = []
        self.permits = []
        self.events.is_followed = True
        open_index(&self.market_index)
        self.resting_per_owner_max = resting_per_owner_max
        open_index(&self.ledger_index)
        open_index(&self.owner_index)
        open_index(&self.tally_index)

    def __dealloc__(self):
        free_events(&self.events, 0)
        free(self.markets)
        free(self.ledgers)
        free(self.rests)
        free(self.seats)
        free(self.owners)
        free(self.tallies)
        free(self.deadlines)
        free(self.traded)
        free(self.market_index.cells)
        free(self.ledger_index.cells)
        free(self.owner_index.cells)
        free(self.tally_index.cells)

    @property
    def kind(self):
        """Which of the two this is."""
        return "native"

    def open_market(self, terms):
        """Begin a market, which trades continuously (ALREADY_KNOWN, OUT_OF_RANGE, BAD_FIELD, FULL)."""
        if checked(terms).number in self.terms_by_number:
            raise Refusal(Code.ALREADY_KNOWN, f"there is a market {terms.number}", "ORD-2")
        self.rows.open_market(terms)
        know_market(self, terms)

    def place(
        self,
        bytes orders not None,
        *,
        slot,
        owner_number,
        last_counter,
        permits,
        headroom,
        bands,
        now_ms,
        acts_for_owner,
    ):
        """Take a frame: a status for each order, and what all of them did (MALFORMED, TOO_LARGE, FULL)."""
        cdef Sender sender
        cdef bytes statuses
        assert 0 < slot <= frames.SLOT_MAX and owner_number > 0, "a known seat"
        assert 0 <= last_counter <= frames.COUNTER_MAX, "a known seat"
        check_frame(orders)
        sender.slot = slot
        sender.owner = owner_number
        sender.counter = last_counter
        sender.now_ms = now_ms
        sender.acts_for_owner = acts_for_owner
        learn(self, orders, sender.owner, permits, headroom, bands)
        begin(self)
        statuses = PyBytes_FromStringAndSize(NULL, len(orders) // ORDER_BYTES * 4)
        place_orders(self, &sender, orders, <char*> PyBytes_AS_STRING(statuses))
        return Placed(
            events=self.end(),
            tallies=tallies_of(self),
            fills=tuple(self.fills),
            traded=traded_of(self),
            statuses=statuses,
            last_counter=sender.counter,
            deadlines=deadlines_of(self),
        )

    def touched(self, bytes orders not None):
        """Market and side of what a frame places or replaces, ascending: those that need a permit."""
        return touched_sides(self, orders)

    def cancel(self, slot):
        """Cancel all resting orders of a slot, in ascending id."""
        return self.finish(CANCEL, self.orders_of(slot))

    def cancel_orders(self, order_ids):
        """Cancel resting orders, in ascending id; what rests no more is passed over."""
        return self.finish(CANCEL, sorted(set(order_ids)))

    def expire(self, order_ids):
        """End resting orders whose time has come, in the order given; what rests no more is passed over."""
        return self.finish(EXPIRE, dict.fromkeys(order_ids))

    def set_state(self, market, state):
        """Change what a market takes (UNKNOWN_MARKET, 44009, 44015)."""
        self.check_known(market)
        if self.state_of(market) is MarketState.CLOSED and state is not MarketState.CLOSED:
            raise Refusal(book_status(Reason.WRONG_STATE), "a closed market stays closed", "BOK-19")
        bid, _, ask, _ = self.best(market)
        if state is MarketState.CONTINUOUS and 0 < ask <= bid:
            raise Refusal(book_status(Reason.BOOK_CROSSED), "the book has to be uncrossed first", "BOK-19")
        begin(self)
        carry_out(self, SET_STATE, state, market, 0, 0, 0)
        self.markets[index_of(&self.market_index, market)].state = state
        return self.effects()

    def uncross(self, market, reference=0):
        """Hold the auction of a market (UNKNOWN_MARKET, 44009); `reference` breaks ties of the price."""
        self.check_known(market)
        if self.state_of(market) is not MarketState.AUCTION:
            raise Refusal(book_status(Reason.WRONG_STATE), "only an auction is uncrossed", "BOK-20")
        begin(self)
        carry_out(self, UNCROSS, 0, market, reference, 0, 0)
        return self.effects()

    def terms(self, market):
        """The terms of a market, if there is one."""
        return self.terms_by_number.get(market)

    def state_of(self, market):
        """What a market takes at the moment."""
        if market not in self.terms_by_number:
            return MarketState.CONTINUOUS
        return STATES[self.markets[index_of(&self.market_index, market)].state]

    def orders_of(self, slot):
        """Ids of the resting orders of a slot, ascending."""
        cdef int32_t at = self.seats[<int64_t> slot].first if 0 <= slot < self.seats_room else 0
        cdef list found = []
        while at:
            found.append(self.book.book.orders[at].id)
            at = self.rests[at].after
        return tuple(found)

    def orders_after(self, slot, after, most):
        """The first ids of the resting orders of a slot behind one, ascending."""
        cdef int32_t at
        cdef int64_t left = most
        cdef list found = []
        at = first_after(self, slot, after) if 0 <= slot < self.seats_room else 0
        while at and left > 0:
            found.append(self.book.book.orders[at].id)
            at = self.rests[at].after
            left -= 1
        return tuple(found)

    def count_of(self, slot):
        """How many orders of a slot rest."""
        return self.seats[<int64_t> slot].count if 0 <= slot < self.seats_room else 0

    def count_of_owner(self, owner_number):
        """How many orders of an owner rest, by whatever slots."""
        cdef int32_t found = index_of(&self.owner_index, owner_number)
        return self.owners[found].count if found >= 0 else 0

    def orders_in(self, market):
        """Ids of the resting orders of a market, ascending."""
        return tuple(sorted(orders_in_book(&self.book.book, market)))

    def order(self, order_id):
        """A resting order, as it is now."""
        return resting_order(&self.book.book, order_id)

    def best(self, market):
        """Best bid and its quantity, best ask and its quantity; 0 where there is none."""
        return self.book.best(market)

    def depth(self, market, levels):
        """Price, quantity and number of orders of the best levels: buys, sells."""
        return self.book.depth(market, levels)

    @property
    def state_hash(self):
        """The book in 32 bytes."""
        return self.book.state_hash()

    @property
    def digest(self):
        """Chain over the events of all calls: BLAKE2b-256 of the one before and the events of the call."""
        return self.chain

    def snapshot(self):
        """The book and the chain; terms and balances are in the state and the ledger."""
        return DESK_MAGIC + self.chain + self.book.snapshot()

    @classmethod
    def restore(
        cls,
        data,
        *,
        ledger,
        operator,
        terms,
        kind="native",
        resting_per_owner_max=RESTING_PER_OWNER_MAX,
    ):
        """Read `snapshot` back beside the ledger and the terms of the same moment (MALFORMED)."""
        cdef Desk desk
        start = len(DESK_MAGIC) + DIGEST_BYTES
        if len(data) < start or not data.startswith(DESK_MAGIC):
            raise Refusal(Code.MALFORMED, "a desk snapshot is cut off or none at all")
        desk = cls(ledger=ledger, operator=operator, resting_per_owner_max=resting_per_owner_max)
        desk.chain = data[len(DESK_MAGIC) : start]
        desk.book = Engine.restore(data[start:], "native", fok_makers_max=FOK_MAKERS_MAX).process.__self__
        for each in terms:
            desk.rows.check_market(each)
            know_market(desk, each)
        know_orders(desk)
        if any(violations(desk)):
            raise Refusal(Code.MALFORMED, "a desk snapshot is of another moment than its ledger")
        return desk

    def check_invariants(self):
        """Assert that what accounts hold is what the resting orders imply, and the ledger is in order."""
        found = list(islice(violations(self), 5))
        assert not found, "; ".join(found)
        self.ledger.check_invariants()

    cdef object finish(self, int kind, order_ids):
        """End resting orders."""
        cdef OrderBook* book = &self.book.book
        cdef int32_t slot
        begin(self)
        for order_id in order_ids:
            slot = find_order(book, order_id) if 0 <= order_id < 1 << 64 else 0
            if slot:
                carry_out(
                    self, kind, 0, market_at(book, slot).number, 0, order_id, book.orders[slot].account
                )
        return self.effects()

    cdef object effects(self):
        return Effects(
            events=self.end(), tallies=tallies_of(self), fills=tuple(self.fills), traded=traded_of(self)
        )

    cdef bytes end(self):
        """The events of the call, which the chain goes on with."""
        cdef bytes events = PyBytes_FromStringAndSize(
            <const char*> self.events.items, self.events.count * EVENT_BYTES
        )
        if events:
            digest = blake2b(self.chain + events, digest_size=DIGEST_BYTES, person=DESK_PERSON)
            self.chain = digest.digest()
        return events

    cdef int check_known(self, market) except -1:
        if market not in self.terms_by_number:
            raise Refusal(Code.UNKNOWN_MARKET, f"there is no market {market}", "ORD-2")
        return 0
