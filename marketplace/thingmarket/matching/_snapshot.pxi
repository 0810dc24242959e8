# The bytes of a book: its hash and its snapshot, as thingmarket.matching.snapshot states them.

cdef enum:
    CHUNK_BYTES = 1 << 16
    HEAD_BYTES = 36  # magic, limits, seq, number of markets
    CHECK_BYTES = 32

cdef struct SavedOrder:
    uint64_t id
    int64_t price
    uint64_t remaining
    uint64_t account


cdef class Output:
    """Collects bytes in chunks, which are hashed and, for a snapshot, kept."""

    cdef char chunk[CHUNK_BYTES]
    cdef size_t filled
    cdef object digest
    cdef list kept

    def __cinit__(self, bint keep):
        self.filled = 0
        self.digest = blake2b(digest_size=CHECK_BYTES)
        self.kept = [] if keep else None

    cdef int put(self, const void* data, size_t size) except -1:
        if self.filled + size > CHUNK_BYTES:
            self.flush()
        memcpy(self.chunk + self.filled, data, size)
        self.filled += size
        return 0

    cdef int flush(self) except -1:
        cdef bytes chunk = self.chunk[:self.filled]
        self.filled = 0
        self.digest.update(chunk)
        if self.kept is not None:
            self.kept.append(chunk)
        return 0


cdef int put_side(OrderBook* book, const Ladder* ladder, int side, Output out) except -1:
    cdef uint64_t count = 0
    cdef int32_t at, slot
    cdef SavedOrder saved
    for at in range(ladder.count):
        count += book.levels[ladder.rungs[at].level].count
    out.put(&count, 8)
    for at in range(ladder.count - 1, -1, -1):
        saved.price = price_of(side, ladder.rungs[at].key)
        slot = book.levels[ladder.rungs[at].level].oldest
        while slot:
            saved.id = book.orders[slot].id
            saved.remaining = book.orders[slot].remaining
            saved.account = book.orders[slot].account
            out.put(&saved, sizeof(SavedOrder))
            slot = book.orders[slot].younger
    return 0


cdef int put_markets(OrderBook* book, Output out) except -1:
    cdef uint64_t* markets = markets_ascending(book)
    cdef Market* market
    cdef uint8_t state
    cdef int32_t at
    if markets == NULL:
        raise MemoryError
    try:
        for at in range(book.market_table.count):
            market = &book.markets[markets[at] & UINT32_MAX]
            state = <uint8_t> market.state
            out.put(&market.number, 4)
            out.put(&state, 1)
            put_side(book, &market.sides[BUY], BUY, out)
            put_side(book, &market.sides[SELL], SELL, out)
    finally:
        free(markets)
    return 0


cdef bytes hash_of(OrderBook* book):
    cdef Output out = Output(False)
    put_markets(book, out)
    out.put(&book.seq, 8)
    out.flush()
    return out.digest.digest()


cdef bytes snapshot_of(OrderBook* book):
    cdef Output out = Output(True)
    cdef uint64_t limits[2]
    cdef uint32_t markets = book.market_table.count
    limits[0] = book.orders_max
    limits[1] = book.levels_max
    out.put(<const char*> MAGIC, 8)
    out.put(limits, 16)
    out.put(&book.seq, 8)
    out.put(&markets, 4)
    put_markets(book, out)
    out.flush()
    out.kept.append(out.digest.digest())
    return b"".join(out.kept)


# --- reading, which believes nothing

cdef object bad(str reason):
    return Refusal(Code.MALFORMED, f"book snapshot: {reason}", rule="BOK-22")


cdef struct Input:
    const char* at
    size_t left


cdef int take(Input* data, void* into, size_t size) except -1:
    if data.left < size:
        raise bad("it ends too early")
    memcpy(into, data.at, size)
    data.at += size
    data.left -= size
    return 0


cdef int read_order(OrderBook* book, Input* data, int32_t market, int side) except -1:
    """Put the next worse or younger order of a side into the book."""
    cdef Ladder* ladder = &book.markets[market].sides[side]
    cdef SavedOrder saved
    cdef int64_t key
    cdef int32_t slot
    take(data, &saved, sizeof(SavedOrder))
    if saved.id == 0 or find_order(book, saved.id):
        raise bad("an order id that is 0 or stands twice")
    if saved.remaining == 0 or saved.remaining > QUANTITY_MAX or saved.price < 1 or saved.price > PRICE_MAX:
        raise bad("a quantity or price out of bounds")
    key = saved.price if side == BUY else -saved.price
    if ladder.count and key > ladder.rungs[ladder.count - 1].key:
        raise bad("orders out of order")
    # The worse come later, so for now the ladder stands with the worst last.
    if ladder.count == 0 or key != ladder.rungs[ladder.count - 1].key:
        if ladder.count == book.levels_max:
            raise bad("too many prices")
    if reserve_for_rest(book, market, side) < 0:
        raise MemoryError
    slot = add_order(book, saved.id, tag_of(book, saved.id), saved.account, <uint32_t> saved.remaining)
    add_worst(book, slot, market, side, key)
    return 0


cdef void add_worst(OrderBook* book, int32_t slot, int32_t market, int side, int64_t key) noexcept:
    """Put an order behind all others of its side, on a ladder that is not turned round yet."""
    cdef Ladder* ladder = &book.markets[market].sides[side]
    cdef int32_t level
    if ladder.count and ladder.rungs[ladder.count - 1].key == key:
        level = ladder.rungs[ladder.count - 1].level
    else:
        level = add_level(book, market, side, ladder.count, key)
    book.orders[slot].level = level
    join_level(book, &book.levels[level], slot)


cdef int read_side(OrderBook* book, Input* data, int32_t market, int side) except -1:
    cdef Ladder* ladder = &book.markets[market].sides[side]
    cdef uint64_t count, index
    cdef int32_t at
    cdef Rung rung
    take(data, &count, 8)
    if count > <uint64_t> (book.orders_max - book.order_count):
        raise bad("too many orders")
    for index in range(count):
        read_order(book, data, market, side)
    for at in range(ladder.count // 2):
        rung = ladder.rungs[at]
        ladder.rungs[at] = ladder.rungs[ladder.count - 1 - at]
        ladder.rungs[ladder.count - 1 - at] = rung
    return 0


cdef int read_market(OrderBook* book, Input* data, uint32_t* last) except -1:
    cdef uint32_t number
    cdef uint8_t state
    cdef int32_t market
    take(data, &number, 4)
    take(data, &state, 1)
    if number <= last[0]:
        raise bad("markets out of order")
    if state < PRE_OPEN or state > CLOSED:
        raise bad("unknown state of a market")
    last[0] = number
    market = add_market(book, number)
    if market == 0:
        raise MemoryError
    book.markets[market].state = state
    read_side(book, data, market, BUY)
    read_side(book, data, market, SELL)
    if state == CONTINUOUS:
        if book.markets[market].sides[BUY].count == 0 and book.markets[market].sides[SELL].count == 0:
            raise bad("a market without orders or a state")
        if is_crossed(&book.markets[market]):
            raise bad("a crossed book")
    return 0


cdef int read_snapshot(OrderBook* book, const char* data, size_t size) except -1:
    """Fill an empty book; after a refusal it is good for nothing but to be closed."""
    cdef Input rest
    cdef char magic[8]
    cdef uint64_t limits[2]
    cdef uint32_t markets, index
    cdef uint32_t last = 0
    if size < HEAD_BYTES + CHECK_BYTES:
        raise bad("too short")
    rest.at = data
    rest.left = size - CHECK_BYTES
    take(&rest, magic, 8)
    if memcmp(magic, <const char*> MAGIC, 8) != 0:
        raise bad("no snapshot of an order book")
    if blake2b(data[:size - CHECK_BYTES], digest_size=CHECK_BYTES).digest() != data[size - CHECK_BYTES:size]:
        raise bad("the check at its end is wrong")
    take(&rest, limits, 16)
    if limits[0] != <uint64_t> book.orders_max or limits[1] != <uint64_t> book.levels_max:
        raise bad("other limits")
    take(&rest, &book.seq, 8)
    take(&rest, &markets, 4)
    for index in range(markets):
        read_market(book, &rest, &last)
    if rest.left:
        raise bad("bytes behind its end")
    return 0
