# cython: language_level=3
"""C structures of the compiled order book, for other compiled modules: a decoded command in, events appended.

No Python object stands for an order. Slots are int32 indexes into pools; slot 0 of each pool is never given
away and stands for "none": level 0 is empty, market 0 is CONTINUOUS and has no orders.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef enum:
    BUY = 0  # a side is 0 or 1 in here, and 1 or 2 in records
    SELL = 1

cdef enum CommandKind:
    NEW_LIMIT = 1
    NEW_MARKET = 2
    CANCEL = 3
    REDUCE = 4
    REPLACE = 5
    MASS_CANCEL = 6
    EXPIRE = 7
    SET_STATE = 8
    UNCROSS = 9

cdef enum TimeInForce:
    GTC = 1
    IOC = 3
    FOK = 4
    GTD = 6

cdef enum CommandFlags:
    POST_ONLY = 1
    UNKNOWN_FLAGS = 0xF8

cdef enum SelfTrade:  # bits 1 and 2 of the flags, shifted down
    TRADE_WITH_OWN = 0
    CANCEL_TAKER = 1
    CANCEL_MAKER = 2
    CANCEL_BOTH = 3

cdef enum MarketState:
    PRE_OPEN = 1
    AUCTION = 2
    CONTINUOUS = 3
    HALTED = 4
    CLOSED = 5

cdef enum EventKind:
    NEW = 1
    TRADE = 2
    CANCELED = 3
    REDUCED = 4
    REPLACED = 5
    EXPIRED = 6
    REJECTED = 7
    STATE = 8

cdef enum Reason:
    NO_REASON = 0
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


cdef packed struct Command:  # the 40 bytes as they travel, wherever they lie
    uint8_t kind
    uint8_t side
    uint8_t tif
    uint8_t flags
    uint32_t market
    uint64_t quantity
    int64_t price
    uint64_t order_id
    uint64_t account

cdef struct Event:  # the 56 bytes as they travel
    uint8_t kind
    uint8_t reason
    uint8_t side
    uint8_t flags
    uint32_t market
    uint64_t seq
    uint64_t maker
    uint64_t taker
    int64_t price
    uint64_t quantity
    uint64_t maker_left

cdef struct Slots:  # of the orders that an event is about; 0 for one that did not rest
    int32_t maker
    int32_t taker

cdef struct Events:  # what commands gave; grows by itself
    Event* items
    size_t count
    size_t capacity
    bint failed  # memory ran out: the book is whole, but events are missing here or a command was not begun
    Event spare  # where events go then
    bint is_followed  # whether slots are told, too: what they held may be gone when the command is done
    Slots* slots  # as many as items, in their order


cdef struct Order:  # 32 bytes: two in a cache line
    uint64_t id
    uint64_t account
    uint32_t remaining
    int32_t older
    int32_t younger  # of a free slot: the next free one
    int32_t level

cdef struct Level:  # all orders of one side at one price: 32 bytes
    int64_t key  # the price; of sells the negative price, so that the better one is always the greater
    uint64_t total
    int32_t oldest
    int32_t youngest
    int32_t count
    int32_t place  # slot of the market * 2 + side; of a free slot: the next free one

cdef struct Rung:  # one level as its ladder sees it
    int64_t key
    int32_t level
    int32_t unused

cdef struct Ladder:  # one side of a market, keys ascending: the best is the last
    Rung* rungs
    int32_t count
    int32_t room

cdef struct Market:
    Ladder sides[2]
    uint32_t number
    int32_t state  # of a free slot: the next free one

cdef struct Pair:  # of the tables: a hash, and the slot or 0
    uint32_t tag
    int32_t slot

cdef struct Table:  # open addressing, linear probing, at most half full, no tombstones
    Pair* pairs
    uint64_t mask
    int32_t shift  # home of a tag is tag >> shift: growing keeps the order of the pairs
    int32_t count

cdef struct Pool:  # of equal slots, aligned to a cache line; `items` moves when it grows
    char* items
    char* allocated
    size_t item_bytes
    int32_t capacity
    int32_t used  # slots ever given away, slot 0 included
    int32_t free  # first of the list of free slots, or 0

cdef struct OrderBook:
    Order* orders  # == order_pool.items
    Level* levels
    Market* markets
    Table order_table
    Table market_table
    uint64_t hash_key
    uint64_t seq
    int32_t order_count
    int32_t orders_max
    int32_t levels_max
    int32_t fok_makers_max  # that a fill-or-kill order looks at
    Pool order_pool
    Pool level_pool
    Pool market_pool


cdef int open_book(OrderBook* book, int32_t orders_max, int32_t levels_max, uint64_t hash_key) noexcept
cdef void close_book(OrderBook* book) noexcept
cdef void free_events(Events* out, size_t kept) noexcept
cdef void apply_command(OrderBook* book, const Command* command, Events* out) noexcept
cdef void apply_batch(OrderBook* book, const char* records, size_t count, Events* out) noexcept
cdef int32_t find_order(const OrderBook* book, uint64_t order_id) noexcept
cdef int32_t find_market(const OrderBook* book, uint32_t number) noexcept


cdef class Book:
    cdef OrderBook book
    cdef Events events
    cdef bytes taken(self)
    cdef list depth_of(self, int32_t market, int side, int32_t levels)
