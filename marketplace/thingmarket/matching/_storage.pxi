# What the book keeps: markets, ladders of price levels, orders. Nothing here knows a rule.

cdef enum:
    ROOM_KEPT = 16  # ladders smaller than this do not give memory back
    MARKETS_MAX = 1 << 30  # slots: a market and a side fit an int32


# --- what is found by its number

cdef int32_t find_order(const OrderBook* book, uint64_t order_id) noexcept:
    """Slot of a resting order, or 0."""
    return find_tagged(book, order_id, tag_of(book, order_id))


cdef inline int32_t find_tagged(const OrderBook* book, uint64_t order_id, uint32_t tag) noexcept:
    cdef const Table* table = &book.order_table
    cdef uint64_t at = tag >> table.shift
    cdef int32_t slot
    while True:
        slot = table.pairs[at].slot
        if slot == 0 or (table.pairs[at].tag == tag and book.orders[slot].id == order_id):
            return slot
        at = (at + 1) & table.mask


cdef int32_t find_market(const OrderBook* book, uint32_t number) noexcept:
    """Slot of an existing market, or 0."""
    cdef const Table* table = &book.market_table
    cdef uint32_t tag = tag_of(book, number)
    cdef uint64_t at = tag >> table.shift
    cdef int32_t slot
    while True:
        slot = table.pairs[at].slot
        if slot == 0 or (table.pairs[at].tag == tag and book.markets[slot].number == number):
            return slot
        at = (at + 1) & table.mask


# --- the book as a whole

cdef inline int64_t orders_room(const OrderBook* book) noexcept:
    return <int64_t> book.orders_max + 1  # slot 0 is none


cdef inline int64_t levels_room(const OrderBook* book) noexcept:
    """One more than orders: what is replaced has its new level reserved before it leaves its old one."""
    return min(<int64_t> book.orders_max + 2, <int64_t> INT32_MAX)


cdef int open_book(OrderBook* book, int32_t orders_max, int32_t levels_max, uint64_t hash_key) noexcept:
    """Start empty; -1 when there is no memory, and then `close_book` still takes it."""
    memset(book, 0, sizeof(OrderBook))
    book.orders_max = orders_max
    book.levels_max = levels_max
    book.hash_key = hash_key
    if open_table(&book.order_table, PAIRS_BITS) < 0 or open_table(&book.market_table, PAIRS_BITS) < 0:
        return -1
    if open_pool(&book.order_pool, sizeof(Order), orders_room(book)) < 0:
        return -1
    if open_pool(&book.level_pool, sizeof(Level), levels_room(book)) < 0:
        return -1
    if open_pool(&book.market_pool, sizeof(Market), MARKETS_MAX) < 0:
        return -1
    book.orders = <Order*> book.order_pool.items
    book.levels = <Level*> book.level_pool.items
    book.markets = <Market*> book.market_pool.items
    book.markets[0].state = CONTINUOUS
    return 0


cdef void close_book(OrderBook* book) noexcept:
    cdef int32_t slot
    for slot in range(1, book.market_pool.used):
        free(book.markets[slot].sides[BUY].rungs)
        free(book.markets[slot].sides[SELL].rungs)
    free(book.order_table.pairs)
    free(book.market_table.pairs)
    free(book.order_pool.allocated)
    free(book.level_pool.allocated)
    free(book.market_pool.allocated)
    memset(book, 0, sizeof(OrderBook))


cdef int32_t add_market(OrderBook* book, uint32_t number) noexcept:
    """Slot of a market that did not exist, CONTINUOUS and empty; 0 when there is no memory."""
    cdef Pool* pool = &book.market_pool
    cdef int32_t slot = pool.free
    if reserve_pair(&book.market_table) < 0:
        return 0
    if slot:
        pool.free = book.markets[slot].state
    else:
        if pool.used == pool.capacity:
            if grow_pool(pool, MARKETS_MAX) < 0:
                return 0
            book.markets = <Market*> pool.items
        slot = pool.used
        pool.used += 1
    memset(&book.markets[slot], 0, sizeof(Market))
    book.markets[slot].number = number
    book.markets[slot].state = CONTINUOUS
    put_pair(&book.market_table, tag_of(book, number), slot)
    return slot


cdef inline void forget_market_if_empty(OrderBook* book, int32_t slot) noexcept:
    """A market exists while it has an order or another state than CONTINUOUS."""
    cdef const Market* market = &book.markets[slot]
    if market.sides[BUY].count == 0 and market.sides[SELL].count == 0 and slot and market.state == CONTINUOUS:
        forget_market(book, slot)


cdef void forget_market(OrderBook* book, int32_t slot) noexcept:
    cdef Market* market = &book.markets[slot]
    free(market.sides[BUY].rungs)
    free(market.sides[SELL].rungs)
    memset(market.sides, 0, sizeof(market.sides))
    remove_pair(&book.market_table, tag_of(book, market.number), slot)
    market.state = book.market_pool.free
    book.market_pool.free = slot
    if book.market_table.count == 0 and book.market_pool.capacity > SLOTS_KEPT:
        empty_pool(&book.market_pool)
        empty_table(&book.market_table)
        book.markets = <Market*> book.market_pool.items


# --- ladders and levels

cdef inline int32_t rung_from(const Ladder* ladder, int64_t key) noexcept:
    """Index of the first rung whose key is at least `key`.

    Between a price and the best one are at most as many levels as ticks: where each tick has its level, as is
    usual near the best, the first look finds it. Else the search widens from there.
    """
    cdef const Rung* rungs = ladder.rungs
    cdef int32_t high = ladder.count - 1
    cdef int32_t low = 0
    cdef int32_t half, step
    cdef uint64_t below
    if high < 0 or rungs[high].key < key:
        return high + 1
    below = <uint64_t> rungs[high].key - <uint64_t> key
    if below <= <uint64_t> high:
        low = high - <int32_t> below
        if rungs[low].key >= key:
            return low
        low += 1
        step = 1
        while low + step < high and rungs[low + step].key < key:
            low += step
            step *= 2
        high = min(high, low + step)
    high -= low
    while high > 0:  # without a branch that could be guessed wrong
        half = (high + 1) >> 1
        step = -<int32_t> (rungs[low + half - 1].key < key) & half
        low += step
        high -= half
    return low


cdef inline bint has_level(const Ladder* ladder, int64_t key) noexcept:
    cdef int32_t at = rung_from(ladder, key)
    return at < ladder.count and ladder.rungs[at].key == key


cdef inline int reserve_level(OrderBook* book, Ladder* ladder) noexcept:
    """Make room for one level more, on this ladder and in the pool."""
    if unlikely(ladder.count == ladder.room) and grow_ladder(ladder) < 0:
        return -1
    return grow_levels(book) if unlikely(is_pool_full(&book.level_pool)) else 0


cdef int grow_ladder(Ladder* ladder) noexcept:
    cdef int32_t room = max(ladder.room * 2, 2)
    cdef Rung* rungs = <Rung*> realloc(ladder.rungs, room * sizeof(Rung))
    if rungs == NULL:
        return -1
    ladder.rungs = rungs
    ladder.room = room
    return 0


cdef int grow_levels(OrderBook* book) noexcept:
    if grow_pool(&book.level_pool, levels_room(book)) < 0:
        return -1
    book.levels = <Level*> book.level_pool.items
    return 0


cdef inline int reserve_order(OrderBook* book) noexcept:
    """Make room for one order more, in the pool and in the table."""
    if unlikely(is_pool_full(&book.order_pool)) and grow_orders(book) < 0:
        return -1
    return reserve_pair(&book.order_table)


cdef int grow_orders(OrderBook* book) noexcept:
    if grow_pool(&book.order_pool, orders_room(book)) < 0:
        return -1
    book.orders = <Order*> book.order_pool.items
    return 0


cdef int32_t add_level(OrderBook* book, int32_t market, int side, int32_t at, int64_t key) noexcept:
    """Slot of a new empty level, put on its ladder at index `at`; room was reserved."""
    cdef Ladder* ladder = &book.markets[market].sides[side]
    cdef Pool* pool = &book.level_pool
    cdef int32_t slot = pool.free
    if slot:
        pool.free = book.levels[slot].place
    else:
        slot = pool.used
        pool.used += 1
    if at < ladder.count:
        memmove(&ladder.rungs[at + 1], &ladder.rungs[at], (ladder.count - at) * sizeof(Rung))
    ladder.rungs[at].key = key
    ladder.rungs[at].level = slot
    ladder.count += 1
    memset(&book.levels[slot], 0, sizeof(Level))
    book.levels[slot].key = key
    book.levels[slot].place = market * 2 + side
    return slot


cdef void remove_level(OrderBook* book, int32_t slot) noexcept:
    """Take an empty level off its ladder."""
    cdef Level* level = &book.levels[slot]
    cdef Ladder* ladder = &book.markets[level.place >> 1].sides[level.place & 1]
    cdef int32_t at = rung_from(ladder, level.key)
    cdef Rung* rungs
    ladder.count -= 1
    if at < ladder.count:
        memmove(&ladder.rungs[at], &ladder.rungs[at + 1], (ladder.count - at) * sizeof(Rung))
    if unlikely(ladder.room > ROOM_KEPT and ladder.count < ladder.room // 4):
        rungs = <Rung*> realloc(ladder.rungs, (ladder.room // 2) * sizeof(Rung))
        if rungs != NULL:
            ladder.rungs = rungs
            ladder.room //= 2
    level.place = book.level_pool.free
    book.level_pool.free = slot


# --- orders

cdef inline void join_level(OrderBook* book, Level* level, int32_t slot) noexcept:
    """Put an order at the tail of a level, of which it knows already."""
    cdef Order* order = &book.orders[slot]
    order.older = level.youngest
    order.younger = 0
    if level.youngest:
        book.orders[level.youngest].younger = slot
    else:
        level.oldest = slot
    level.youngest = slot
    level.count += 1
    level.total += order.remaining


cdef inline void append_order(OrderBook* book, int32_t slot, int32_t market, int side, int64_t key) noexcept:
    """Put an order at the tail of its price; room for its level was reserved."""
    cdef Ladder* ladder = &book.markets[market].sides[side]
    cdef int32_t at = rung_from(ladder, key)
    cdef int32_t level
    if at < ladder.count and ladder.rungs[at].key == key:
        level = ladder.rungs[at].level
    else:
        level = add_level(book, market, side, at, key)
    book.orders[slot].level = level
    join_level(book, &book.levels[level], slot)


cdef inline int32_t add_order(
    OrderBook* book, uint64_t order_id, uint32_t tag, uint64_t account, uint32_t remaining
) noexcept:
    """Slot of a new order that stands on no level yet; room was reserved."""
    cdef Pool* pool = &book.order_pool
    cdef int32_t slot = pool.free
    if slot:
        pool.free = book.orders[slot].younger
    else:
        slot = pool.used
        pool.used += 1
    book.orders[slot].id = order_id
    book.orders[slot].account = account
    book.orders[slot].remaining = remaining
    book.order_count += 1
    put_pair(&book.order_table, tag, slot)
    return slot


cdef inline void detach_order(OrderBook* book, int32_t slot) noexcept:
    """Take an order off its level; the order keeps its slot."""
    cdef Order* order = &book.orders[slot]
    cdef Level* level = &book.levels[order.level]
    if order.older:
        book.orders[order.older].younger = order.younger
    else:
        level.oldest = order.younger
    if order.younger:
        book.orders[order.younger].older = order.older
    else:
        level.youngest = order.older
    level.total -= order.remaining
    level.count -= 1
    if level.count == 0:
        remove_level(book, order.level)


cdef inline void free_order(OrderBook* book, int32_t slot) noexcept:
    """Forget an order that stands on no level."""
    remove_pair(&book.order_table, tag_of(book, book.orders[slot].id), slot)
    book.orders[slot].younger = book.order_pool.free
    book.order_pool.free = slot
    book.order_count -= 1
    if unlikely(book.order_count == 0 and book.order_pool.capacity > SLOTS_KEPT):
        give_back(book)


cdef void give_back(OrderBook* book) noexcept:
    """With the last order all levels are gone too."""
    empty_pool(&book.order_pool)
    empty_pool(&book.level_pool)
    empty_table(&book.order_table)
    book.orders = <Order*> book.order_pool.items
    book.levels = <Level*> book.level_pool.items
