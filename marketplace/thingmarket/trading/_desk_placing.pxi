# One frame, order by order to the book.

cdef struct Sender:
    uint64_t slot
    uint64_t owner
    uint64_t counter  # of the order ids, counted on as new ones come
    uint64_t now_ms
    bint acts_for_owner


cdef int place_orders(Desk desk, Sender* sender, bytes orders, char* statuses) except -1:
    cdef const char* records = PyBytes_AS_STRING(orders)
    cdef Py_ssize_t at
    cdef Command order
    cdef uint32_t status
    for at in range(len(orders) // ORDER_BYTES):
        memcpy(&order, records + at * ORDER_BYTES, ORDER_BYTES)
        status = place_order(desk, sender, &order)
        memcpy(statuses + at * 4, &status, 4)
    return 0


cdef uint32_t place_order(Desk desk, Sender* sender, const Command* order) except? 0xFFFFFFFF:
    cdef uint64_t next_id = 0
    cdef int32_t found
    if order.kind < NEW_LIMIT or order.kind > MASS_CANCEL:
        return STATUS_UNKNOWN_KIND
    if is_new(order) and sender.counter < COUNTER_LAST:  # whatever becomes of it
        sender.counter += 1
        next_id = sender.slot << COUNTER_BITS | sender.counter
    found = index_of(&desk.market_index, order.market)
    if order.kind == MASS_CANCEL:
        if order.market and found < 0:
            return STATUS_UNKNOWN_MARKET
        return cancel_all(desk, sender, order.market)
    if found < 0:
        return STATUS_UNKNOWN_MARKET
    if is_new(order):
        return enter(desk, sender, order, &desk.markets[found], next_id)
    if order.kind == REPLACE:
        return replace(desk, sender, order, &desk.markets[found])
    if not is_own(&desk.book.book, sender, order.order_id):
        return STATUS_BAD_ID
    return to_book(desk, sender, order, 0)


cdef inline bint is_own(const OrderBook* book, const Sender* sender, uint64_t order_id) noexcept:
    """A thing names its own orders, an owner those of his things, too; nobody learns which others rest."""
    cdef int32_t slot
    if order_id >> COUNTER_BITS == sender.slot:
        return True
    slot = find_order(book, order_id) if sender.acts_for_owner else 0
    return slot != 0 and book.orders[slot].account == sender.owner


cdef inline bint is_full_for(Desk desk, uint64_t owner) noexcept:
    """Whether no order more of an owner may come to rest."""
    cdef int32_t found = index_of(&desk.owner_index, owner)
    return (desk.owners[found].count if found >= 0 else 0) >= desk.resting_per_owner_max


cdef inline bint is_bad_field(const Command* order) noexcept:
    return order.side < 1 or order.side > 2 or order.flags & UNKNOWN_FLAGS


cdef uint32_t enter(
    Desk desk, Sender* sender, const Command* order, MarketRow* market, uint64_t next_id
) except? 0xFFFFFFFF:
    cdef LedgerRow* money = &desk.ledgers[market.money]
    cdef LedgerRow* goods = &desk.ledgers[market.goods]
    cdef uint32_t status
    if is_bad_field(order):
        return STATUS_BAD_FIELD
    if next_id == 0 or order.order_id != next_id:
        return STATUS_BAD_ID
    status = refusal_of_terms(order, market, sender.now_ms)
    if status == 0:
        status = admit(market, money, goods, order, NULL, is_full_for(desk, sender.owner))
    if status == 0:
        status = refusal_of_own(market, order)
    if status:
        return status
    if money.own[WALLET] == 0:
        open_own(desk, money, WALLET, sender.owner)
    if goods.own[GOODS] == 0:
        open_own(desk, goods, GOODS, sender.owner)
    status = to_book(desk, sender, order, market.self_trade)
    if status == 0:
        tally_of(desk, order.order_id, market.money).placed += 1
        note_own_price(market, order.side - 1, order.price)
        if order.tif == GTD:
            note_deadline(desk, order.order_id, order.account)
    return status


cdef int open_own(Desk desk, LedgerRow* ledger, int kind, uint64_t owner) except -1:
    """Make an account of the sender's owner; there is room for it."""
    ledger.own[kind] = desk.accounts.append(
        owner, ledger.number, OWNER_WALLET if kind == WALLET else OWN_GOODS, "", 0
    )
    desk.accounts.rows[ledger.own[kind]].flags = DEBITS_GUARD
    return 0


cdef uint32_t replace(Desk desk, Sender* sender, const Command* order, MarketRow* market) except? 0xFFFFFFFF:
    cdef OrderBook* book = &desk.book.book
    cdef uint32_t status
    cdef int32_t slot
    cdef bint anew = False
    if is_bad_field(order):
        return STATUS_BAD_FIELD
    if not is_own(book, sender, order.order_id):
        return STATUS_BAD_ID
    status = refusal_of_terms(order, market, sender.now_ms)
    slot = find_order(book, order.order_id)
    if status == 0 and slot and stands_for(book, order, slot, sender.owner):
        anew = asks_more(market, order, &desk.rests[slot])
        status = admit(
            market, &desk.ledgers[market.money], &desk.ledgers[market.goods], order, &desk.rests[slot], False
        )
        if status == 0:
            status = refusal_of_own(market, order)
    if status:
        return status
    status = to_book(desk, sender, order, market.self_trade)  # which refuses an order that is not there
    if status == 0:
        if anew and order.order_id >> COUNTER_BITS == sender.slot:
            tally_of(desk, order.order_id, market.money).placed += 1
        note_own_price(market, order.side - 1, order.price)
        note_deadline(desk, order.order_id, order.account)
    return status


cdef inline bint stands_for(
    const OrderBook* book, const Command* order, int32_t slot, uint64_t owner
) noexcept:
    cdef int32_t place = book.levels[book.orders[slot].level].place
    return (
        book.markets[place >> 1].number == order.market
        and (place & 1) + 1 == order.side
        and book.orders[slot].account == owner
    )


cdef uint32_t cancel_all(Desk desk, Sender* sender, uint32_t market) except? 0xFFFFFFFF:
    """The sender's own orders, of all markets for market 0, in ascending id."""
    cdef OrderBook* book = &desk.book.book
    cdef uint32_t status = STATUS_UNKNOWN_ORDER
    cdef int32_t slot = desk.seats[sender.slot].first if <int64_t> sender.slot < desk.seats_room else 0
    cdef int32_t after
    cdef Command order
    memset(&order, 0, sizeof(Command))
    order.kind = CANCEL
    while slot:
        after = desk.rests[slot].after
        order.market = market_at(book, slot).number
        order.order_id = book.orders[slot].id
        if market == 0 or market == order.market:
            to_book(desk, sender, &order, 0)
            status = 0
        slot = after
    return status


cdef uint32_t to_book(
    Desk desk, const Sender* sender, const Command* order, int self_trade
) except? 0xFFFFFFFF:
    """Let the book decide and settle what it says; the market's least self-trade prevention holds."""
    cdef Command command = order[0]
    cdef size_t since = desk.events.count
    command.account = sender.owner
    if (order.flags & SELF_TRADE_BITS) >> 1 < self_trade:
        command.flags = <uint8_t> ((order.flags & ~SELF_TRADE_BITS) | self_trade << 1)
    apply_command(&desk.book.book, &command, &desk.events)
    if desk.events.failed:
        raise MemoryError
    settle(desk, since)
    if desk.events.items[since].kind == REJECTED:
        return REASON_BASE + desk.events.items[since].reason
    return 0


cdef int carry_out(
    Desk desk, int kind, int tif, uint32_t market, int64_t price, uint64_t order_id, uint64_t account
) except -1:
    """Let the book do what was asked for before, and settle it."""
    cdef Command command
    cdef size_t since = desk.events.count
    memset(&command, 0, sizeof(Command))
    command.kind = <uint8_t> kind
    command.tif = <uint8_t> tif
    command.market = market
    command.price = price
    command.order_id = order_id
    command.account = account
    apply_command(&desk.book.book, &command, &desk.events)
    if desk.events.failed:
        raise MemoryError
    return settle(desk, since)


cdef int note_deadline(Desk desk, uint64_t order_id, uint64_t expires_ms) except -1:
    """The expiry of an order is new or gone; one that rests no more is not told of."""
    cdef int32_t slot = find_order(&desk.book.book, order_id)
    cdef int32_t at
    if slot == 0:
        return 0
    at = desk.rests[slot].told
    if at >= desk.deadlines_count or desk.deadlines[at].order_id != order_id:
        at = desk.deadlines_count
        desk.deadlines = <DeadlineRow*> grown(
            desk.deadlines, sizeof(DeadlineRow), &desk.deadlines_room, at + 1
        )
        desk.deadlines_count += 1
        desk.deadlines[at].order_id = order_id
        desk.rests[slot].told = at
    desk.deadlines[at].expires_ms = expires_ms
    return 0
