# Before the first order of a frame: what it touches, and what is read of its sender.

cdef int ascending(const void* one, const void* other) noexcept nogil:
    cdef uint64_t left = (<const uint64_t*> one)[0]
    cdef uint64_t right = (<const uint64_t*> other)[0]
    return (left > right) - (left < right)


cdef tuple touched_sides(Desk desk, bytes orders):
    """Each once; names of known markets are not made anew."""
    cdef const char* records = PyBytes_AS_STRING(orders)
    cdef size_t count = len(orders) // ORDER_BYTES
    cdef uint64_t* found = <uint64_t*> malloc((count + 1) * sizeof(uint64_t))
    cdef size_t sides = 0
    cdef size_t at
    cdef int32_t market
    cdef Command order
    cdef list names = []
    if found == NULL:
        raise MemoryError
    try:
        for at in range(count):
            memcpy(&order, records + at * ORDER_BYTES, ORDER_BYTES)
            if (is_new(&order) or order.kind == REPLACE) and 1 <= order.side <= 2:
                found[sides] = <uint64_t> order.market << 2 | order.side
                sides += 1
        qsort(found, sides, sizeof(uint64_t), ascending)
        for at in range(sides):
            if at == 0 or found[at] != found[at - 1]:
                market = index_of(&desk.market_index, found[at] >> 2)
                if market < 0:
                    names.append((found[at] >> 2, <int> (found[at] & 3)))
                else:
                    names.append(desk.keys[market * 2 + <int> (found[at] & 3) - 1])
    finally:
        free(found)
    return tuple(names)


cdef int learn(Desk desk, bytes orders, uint64_t owner, permits, headroom, bands) except -1:
    """Read what the frame needs of its sender: rights, room, and what his owner has (FULL)."""
    cdef const char* records = PyBytes_AS_STRING(orders)
    cdef Py_ssize_t at
    cdef Command order
    cdef MarketRow* market
    cdef int32_t found
    cdef int lacking = 0
    cdef bint gathers = False
    desk.frame += 1
    for at in range(0, len(orders), ORDER_BYTES):
        memcpy(&order, records + at, ORDER_BYTES)
        if not (is_new(&order) or order.kind == REPLACE) or not 1 <= order.side <= 2:
            continue
        found = index_of(&desk.market_index, order.market)
        if found < 0:
            continue
        market = &desk.markets[found]
        if market.frame != desk.frame:
            market.frame = desk.frame
            market.own_best[BUY] = market.own_best[SELL] = 0
            gathers |= market.state < CONTINUOUS
            learn_band(market, bands, desk.keys[found * 2])
            lacking += learn_account(desk, market.money, WALLET, owner, headroom)
            lacking += learn_account(desk, market.goods, GOODS, owner, headroom)
        if market.permits[order.side - 1].frame != desk.frame:
            learn_permit(desk, market, found * 2 + order.side - 1, permits)
    desk.accounts.check_room(lacking)
    if gathers:
        learn_own_prices(desk, owner)
    return 0


cdef int learn_band(MarketRow* market, bands, tuple key) except -1:
    band = bands.get(key[0]) if bands else None
    market.has_band = band is not None
    if band is not None:
        market.band_low, market.band_high = band
    return 0


cdef int learn_account(Desk desk, int32_t ledger, int kind, uint64_t owner, headroom) except -1:
    """What the owner has at the start; 1 when he lacks the account."""
    cdef LedgerRow* row = &desk.ledgers[ledger]
    if row.frame != desk.frame:
        row.frame = desk.frame
        row.is_seen[WALLET] = row.is_seen[GOODS] = False
        row.amount = row.placed = row.opened = 0
    if row.is_seen[kind]:
        return 0
    row.is_seen[kind] = True
    row.reserved[kind] = 0
    row.own[kind] = desk.accounts.row_of(
        owner, row.number, OWNER_WALLET if kind == WALLET else OWN_GOODS, "", 0
    )
    row.free[kind] = free_in(&desk.accounts.rows[row.own[kind]]) if row.own[kind] else 0
    if kind == WALLET:
        room = headroom.get(row.number, UNLIMITED) if headroom else UNLIMITED
        row.amount_left = room.amount_left_minor
        row.orders_left = room.orders_left
        row.open_left = room.open_left
    return not row.own[kind]


cdef int learn_permit(Desk desk, MarketRow* market, int32_t at, permits) except -1:
    """Permits are values: the same object says the same as it did before."""
    cdef PermitRow* row = &market.permits[at & 1]
    permit = permits.get(desk.keys[at])
    if row.frame == 0 or permit is not desk.permits[at]:
        row.is_given = permit is not None
        if permit is not None:
            row.refusal = permit.refusal
            row.price_low = permit.price_low
            row.price_high = permit.price_high
            row.order_max_minor = permit.order_max_minor
            row.lots_max = permit.lots_max
            row.cosign_above_minor = permit.cosign_above_minor
        desk.permits[at] = permit
    row.frame = desk.frame
    return 0


cdef int begin(Desk desk) except -1:
    """A call begins: it has told nothing yet."""
    desk.call += 1
    free_events(&desk.events, EVENTS_KEPT)
    desk.events.count = 0
    desk.events.failed = False
    desk.deadlines_count = 0
    desk.traded_count = 0
    desk.fills = []
    if desk.tally_index.mask >= TALLIES_KEPT:
        free(desk.tally_index.cells)
        open_index(&desk.tally_index)
    elif desk.tally_index.count:
        memset(desk.tally_index.cells, 0, (desk.tally_index.mask + 1) * sizeof(Cell))
        desk.tally_index.count = 0
    return 0
