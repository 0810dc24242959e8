# Looking ahead: what the next commands of a batch need is fetched while earlier ones are carried out.
#
# A command waits for memory several times in a row: table, order, level. Each step is fetched when the one
# before it has had time to arrive. These are hints: what is read here may be out of date when the command
# comes, but always lies within the pools. The tag of its order alone is kept for it.

cdef enum:
    TABLES_AHEAD = 12
    SLOTS_AHEAD = 8
    LEVELS_AHEAD = 4
    GLIMPSES = 16
    PAIRS_IN_CACHE = 1 << 10  # a smaller table of markets stays in the cache

cdef struct Glimpse:
    uint32_t tag  # of the order
    int32_t order  # slots, 0 for none
    uint32_t market_tag
    int32_t market


cdef inline void look_ahead(
    OrderBook* book, const Command* commands, size_t index, size_t count, Glimpse* seen
) noexcept:
    """Take the next step for three later commands."""
    cdef bint is_one_left = index + TABLES_AHEAD < count
    cdef Glimpse* table = &seen[(index + TABLES_AHEAD) % GLIMPSES]
    cdef Glimpse* slot = &seen[(index + SLOTS_AHEAD) % GLIMPSES]
    cdef Glimpse* level = &seen[(index + LEVELS_AHEAD) % GLIMPSES]
    if is_one_left:
        see_table(book, &commands[index + TABLES_AHEAD], table)
    see_slot(book, slot)
    see_level(book, level)
    if book.market_table.mask > PAIRS_IN_CACHE:
        if is_one_left:
            see_market_table(book, &commands[index + TABLES_AHEAD], table)
        see_market(book, slot)
        see_best(book, level)


cdef inline void see_table(OrderBook* book, const Command* command, Glimpse* seen) noexcept:
    seen.tag = tag_of(book, command.order_id)
    prefetch(&book.order_table.pairs[seen.tag >> book.order_table.shift])


cdef inline void see_slot(OrderBook* book, Glimpse* seen) noexcept:
    """The order that the table has at home: most often the right one."""
    seen.order = book.order_table.pairs[seen.tag >> book.order_table.shift].slot
    prefetch(&book.orders[seen.order])


cdef inline void see_level(OrderBook* book, const Glimpse* seen) noexcept:
    cdef const Order* order
    if seen.order >= book.order_pool.used:
        return  # from before memory was given back
    order = &book.orders[seen.order]
    prefetch(&book.levels[order.level])
    prefetch(&book.orders[order.older])
    prefetch(&book.orders[order.younger])


cdef inline void see_market_table(OrderBook* book, const Command* command, Glimpse* seen) noexcept:
    seen.market_tag = tag_of(book, command.market)
    prefetch(&book.market_table.pairs[seen.market_tag >> book.market_table.shift])


cdef inline void see_market(OrderBook* book, Glimpse* seen) noexcept:
    seen.market = book.market_table.pairs[seen.market_tag >> book.market_table.shift].slot
    prefetch(&book.markets[seen.market])


cdef inline void see_best(OrderBook* book, const Glimpse* seen) noexcept:
    cdef const Ladder* sides
    if seen.market >= book.market_pool.used:
        return
    sides = book.markets[seen.market].sides
    prefetch(&sides[BUY].rungs[sides[BUY].count])
    prefetch(&sides[SELL].rungs[sides[SELL].count])
