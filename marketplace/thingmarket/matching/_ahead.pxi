# Looking ahead: what the next commands of a batch need is fetched while earlier ones are carried out.
#
# With many markets and orders nearly every command waits for memory several times in a row: table, order,
# level, neighbours. Each step is fetched when the one before it has had time to arrive. These are hints: what
# is read here may be out of date when the command comes, but always lies within the pools.

cdef enum:
    TABLES_AHEAD = 12
    SLOTS_AHEAD = 8
    LEVELS_AHEAD = 4
    GLIMPSES = 16
    PAIRS_IN_CACHE = 1 << 16  # a smaller table of orders stays in the cache: hints cost more than they gain

cdef struct Glimpse:
    uint32_t order_tag
    uint32_t market_tag
    int32_t order
    int32_t market


cdef inline void see_tables(OrderBook* book, const Command* command, Glimpse* seen) noexcept:
    seen.order_tag = tag_of(book, command.order_id)
    seen.market_tag = tag_of(book, command.market)
    prefetch(&book.order_table.pairs[seen.order_tag >> book.order_table.shift])
    prefetch(&book.market_table.pairs[seen.market_tag >> book.market_table.shift])


cdef inline int32_t slot_at(const Table* table, uint32_t tag) noexcept:
    """Where a tag is most often: at home or next to it."""
    cdef uint64_t home = tag >> table.shift
    if table.pairs[home].tag == tag:
        return table.pairs[home].slot
    home = (home + 1) & table.mask
    return table.pairs[home].slot if table.pairs[home].tag == tag else 0


cdef inline void see_slots(OrderBook* book, Glimpse* seen) noexcept:
    seen.order = slot_at(&book.order_table, seen.order_tag)
    seen.market = slot_at(&book.market_table, seen.market_tag)
    prefetch(&book.orders[seen.order])
    prefetch(&book.markets[seen.market])


cdef inline void see_levels(OrderBook* book, const Glimpse* seen) noexcept:
    cdef const Order* order
    cdef const Ladder* sides
    if seen.order >= book.order_pool.used or seen.market >= book.market_pool.used:
        return  # from before memory was given back
    sides = book.markets[seen.market].sides
    if seen.order:
        order = &book.orders[seen.order]
        prefetch(&book.levels[order.level])
        prefetch(&book.orders[order.older])
        prefetch(&book.orders[order.younger])
    if sides[BUY].count:
        prefetch(&sides[BUY].rungs[sides[BUY].count - 1])
    if sides[SELL].count:
        prefetch(&sides[SELL].rungs[sides[SELL].count - 1])
