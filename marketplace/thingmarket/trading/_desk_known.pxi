# How a desk comes to know its markets and, from a snapshot, its orders; and what it is asked.

cdef int32_t ledger_row(Desk desk, uint64_t number) except -1:
    """Index of a ledger, with its accounts of the operator: there since a market was opened in it."""
    cdef int32_t found = index_of(&desk.ledger_index, number)
    if found < 0:
        found = desk.ledger_index.count
        desk.ledgers = <LedgerRow*> grown(desk.ledgers, sizeof(LedgerRow), &desk.ledgers_room, found + 1)
        put_index(&desk.ledger_index, number, found)
        memset(&desk.ledgers[found], 0, sizeof(LedgerRow))
        desk.ledgers[found].number = number
    return found


cdef int know_market(Desk desk, terms) except -1:
    """Take in the terms of a market whose accounts the operator has opened."""
    cdef int32_t at = desk.market_index.count
    cdef MarketRow* row
    cdef int side
    desk.markets = <MarketRow*> grown(desk.markets, sizeof(MarketRow), &desk.markets_room, at + 1)
    row = &desk.markets[at]
    memset(row, 0, sizeof(MarketRow))
    row.number = terms.number
    row.state = CONTINUOUS
    row.tick_minor = terms.tick_minor
    row.lot_steps = terms.lot_steps
    row.offset_ticks = terms.offset_ticks
    row.fee_basis_points = terms.fee_basis_points
    row.self_trade = terms.self_trade
    row.is_escrow = terms.settlement is Settlement.ESCROW
    row.money = ledger_row(desk, terms.money_ledger)
    row.goods = ledger_row(desk, terms.goods_ledger)
    desk.ledgers[row.money].clearing = desk.rows.clearing(terms.money_ledger)
    desk.ledgers[row.goods].clearing = desk.rows.clearing(terms.goods_ledger)
    desk.ledgers[row.money].fees = desk.rows.fees(terms.money_ledger)
    put_index(&desk.market_index, row.number, at)
    for side in range(1, 3):
        desk.keys.append((terms.number, side))
        desk.permits.append(None)
    desk.terms_by_number[terms.number] = terms
    return 0


cdef inline Market* market_at(const OrderBook* book, int32_t slot) noexcept:
    """The market in which a resting order stands."""
    return &book.markets[book.levels[book.orders[slot].level].place >> 1]


cdef struct Named:
    uint64_t id
    int32_t slot


cdef int by_id(const void* one, const void* other) noexcept nogil:
    cdef uint64_t left = (<const Named*> one).id
    cdef uint64_t right = (<const Named*> other).id
    return (left > right) - (left < right)


cdef int know_orders(Desk desk) except -1:
    """Learn who rests, and what markets take, from a book that was restored (MALFORMED)."""
    cdef OrderBook* book = &desk.book.book
    cdef Named* names = <Named*> malloc((book.order_count + 1) * sizeof(Named))
    cdef int32_t at, slot
    cdef int32_t count = 0
    cdef uint64_t cell
    if names == NULL:
        raise MemoryError
    try:
        know_states(desk, book)
        for cell in range(book.order_table.mask + 1):
            slot = book.order_table.pairs[cell].slot
            if slot:
                names[count].id = book.orders[slot].id
                names[count].slot = slot
                count += 1
        qsort(names, count, sizeof(Named), by_id)
        desk.rests = <Rest*> grown(desk.rests, sizeof(Rest), &desk.rests_room, book.order_pool.capacity)
        for at in range(count):
            know_order(desk, book, names[at].slot)
    finally:
        free(names)
    return 0


cdef int know_states(Desk desk, const OrderBook* book) except -1:
    cdef uint64_t cell
    cdef int32_t slot, found
    cdef list lacking = []
    for cell in range(book.market_table.mask + 1):
        slot = book.market_table.pairs[cell].slot
        if slot:
            found = index_of(&desk.market_index, book.markets[slot].number)
            if found < 0:
                lacking.append(book.markets[slot].number)
            else:
                desk.markets[found].state = book.markets[slot].state
    if lacking:
        raise Refusal(Code.MALFORMED, f"the book of market {min(lacking)} has no terms")
    return 0


cdef int know_order(Desk desk, const OrderBook* book, int32_t slot) except -1:
    cdef const BookOrder* order = &book.orders[slot]
    cdef const MarketRow* market = &desk.markets[index_of(&desk.market_index, market_at(book, slot).number)]
    cdef const Level* level = &book.levels[order.level]
    cdef Rest* rest = &desk.rests[slot]
    rest.wallet = desk.accounts.row_of(
        order.account, desk.ledgers[market.money].number, OWNER_WALLET, "", 0
    )
    rest.goods = desk.accounts.row_of(order.account, desk.ledgers[market.goods].number, OWN_GOODS, "", 0)
    rest.price = level.key if level.place & 1 == BUY else -level.key
    rest.remaining = order.remaining
    if not rest.wallet or not rest.goods:
        raise Refusal(Code.MALFORMED, f"the owner of order {order.id} has no accounts")
    if order.id >> COUNTER_BITS > <uint64_t> frames.SLOT_MAX:
        raise Refusal(Code.MALFORMED, f"order {order.id} is of no slot")
    join_seat(desk, slot, order.id)
    join_owner(desk, slot, order.account)
    return 0


cdef int32_t first_after(Desk desk, int64_t seat, uint64_t after) noexcept:
    """Where the first order of a seat behind an id rests: at once behind one that rests, else by a walk."""
    cdef const OrderBook* book = &desk.book.book
    cdef int32_t slot = find_order(book, after) if after >> COUNTER_BITS == <uint64_t> seat else 0
    if slot:
        return desk.rests[slot].after
    slot = desk.seats[seat].first
    while slot and book.orders[slot].id <= after:
        slot = desk.rests[slot].after
    return slot


cdef list orders_in_book(const OrderBook* book, market):
    """Ids of the orders in a market."""
    cdef int32_t found = find_market(book, market) if 0 <= market < 1 << 32 else 0
    cdef list ids = []
    cdef int side
    cdef int32_t at, slot
    for side in range(2):
        for at in range(book.markets[found].sides[side].count):
            slot = book.levels[book.markets[found].sides[side].rungs[at].level].oldest
            while slot:
                ids.append(book.orders[slot].id)
                slot = book.orders[slot].younger
    return ids


cdef object resting_order(const OrderBook* book, order_id):
    cdef int32_t slot = find_order(book, order_id) if 0 <= order_id < 1 << 64 else 0
    cdef const Level* level
    if slot == 0:
        return None
    level = &book.levels[book.orders[slot].level]
    return RestingOrder(
        id=order_id,
        owner=book.orders[slot].account,
        market=book.markets[level.place >> 1].number,
        side=(level.place & 1) + 1,
        price=level.key if level.place & 1 == BUY else -level.key,
        remaining=book.orders[slot].remaining,
    )


cdef list violations(Desk desk):
    """Name every account whose holds are not what the resting orders imply."""
    cdef int64_t* implied = implied_holds(desk)
    cdef dict found = desk.ledger.order_holds()
    cdef int32_t row
    cdef list wrong = []
    try:
        for row in range(1, desk.accounts.used):
            if implied[row] or row in found:
                if found.get(row, 0) != implied[row]:
                    wrong.append(f"account {row} holds {found.get(row, 0)}, its orders {implied[row]}")
    finally:
        free(implied)
    return wrong


cdef int64_t* implied_holds(Desk desk) except NULL:
    """By account; what passes 63 bits stands at the end of them, which nothing holds."""
    cdef int64_t* implied = <int64_t*> calloc(desk.accounts.used, sizeof(int64_t))
    cdef const OrderBook* book = &desk.book.book
    cdef const MarketRow* market
    cdef const Rest* rest
    cdef uint64_t cell
    cdef int32_t slot
    cdef int side
    if implied == NULL:
        raise MemoryError
    for cell in range(book.order_table.mask + 1):
        slot = book.order_table.pairs[cell].slot
        if slot:
            rest = &desk.rests[slot]
            market = &desk.markets[index_of(&desk.market_index, market_at(book, slot).number)]
            side = book.levels[book.orders[slot].level].place & 1
            add_held(&implied[rest.wallet], money_hold(market, side, rest.price, rest.remaining))
            add_held(&implied[rest.goods], goods_hold(market, side, rest.remaining))
    return implied


cdef inline void add_held(int64_t* sum, int64_t amount) noexcept:
    sum[0] = INT64_MAX if sum[0] > INT64_MAX - amount else sum[0] + amount
