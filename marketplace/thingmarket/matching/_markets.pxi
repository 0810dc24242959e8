# Commands about whole markets: MASS_CANCEL, SET_STATE and UNCROSS.

cdef int by_number(const void* one, const void* other) noexcept nogil:
    cdef uint64_t left = (<const uint64_t*> one)[0]
    cdef uint64_t right = (<const uint64_t*> other)[0]
    return (left > right) - (left < right)


cdef uint64_t* markets_ascending(const OrderBook* book) noexcept:
    """The existing markets as number << 32 | slot, which the caller frees; NULL when there is no memory."""
    cdef const Table* table = &book.market_table
    cdef uint64_t* found = <uint64_t*> malloc((table.count + 1) * sizeof(uint64_t))
    cdef uint64_t at
    cdef size_t count = 0
    cdef int32_t slot
    if found == NULL:
        return NULL
    for at in range(table.mask + 1):
        slot = table.pairs[at].slot
        if slot:
            found[count] = <uint64_t> book.markets[slot].number << 32 | <uint64_t> slot
            count += 1
    qsort(found, count, sizeof(uint64_t), by_number)
    return found


# --- MASS_CANCEL

cdef void cancel_side(OrderBook* book, const Ladder* ladder, uint64_t account, Events* out) noexcept:
    """Cancel an account's orders of one side, best price first, oldest first."""
    cdef int32_t at = ladder.count
    cdef int32_t slot, younger
    while at > 0:
        at -= 1
        slot = book.levels[ladder.rungs[at].level].oldest
        while slot:  # with the last order its rung goes, which moves only better ones
            younger = book.orders[slot].younger
            if book.orders[slot].account == account:
                tell_removed(book, slot, CANCELED, NO_REASON, out)
            slot = younger


cdef void cancel_in_market(OrderBook* book, int32_t market, uint64_t account, Events* out) noexcept:
    cancel_side(book, &book.markets[market].sides[BUY], account, out)
    cancel_side(book, &book.markets[market].sides[SELL], account, out)
    forget_market_if_empty(book, market)


cdef void mass_cancel(OrderBook* book, const Command* command, Events* out) noexcept:
    """Walks every order of the market, or of all: an index by account would cost every other command more.

    From the wire it never comes (a thing's becomes CANCELs of its own orders), so nobody can make it walk.
    """
    cdef uint64_t seq_before = book.seq
    cdef uint64_t* markets
    cdef int32_t index, count
    if command.market:
        cancel_in_market(book, find_market(book, command.market), command.account, out)
    else:
        markets = markets_ascending(book)
        if markets == NULL:
            out.failed = True
            return
        count = book.market_table.count  # changes as markets empty
        for index in range(count):
            cancel_in_market(book, <int32_t> (markets[index] & UINT32_MAX), command.account, out)
        free(markets)
    if book.seq == seq_before:
        reject(book, command, UNKNOWN_ORDER, out)


# --- SET_STATE

cdef bint is_crossed(const Market* market) noexcept:
    cdef const Ladder* buys = &market.sides[BUY]
    cdef const Ladder* sells = &market.sides[SELL]
    if buys.count == 0 or sells.count == 0:
        return False
    return buys.rungs[buys.count - 1].key >= -sells.rungs[sells.count - 1].key


cdef void set_state(OrderBook* book, const Command* command, Events* out) noexcept:
    cdef int32_t market = find_market(book, command.market)
    cdef int32_t before = book.markets[market].state
    cdef Event* event
    if command.market == 0 or command.tif < PRE_OPEN or command.tif > CLOSED:
        reject(book, command, BAD_FIELD, out)
        return
    if before == CLOSED and command.tif != CLOSED:
        reject(book, command, WRONG_STATE, out)
        return
    if command.tif == CONTINUOUS and is_crossed(&book.markets[market]):
        reject(book, command, BOOK_CROSSED, out)
        return
    if market == 0 and command.tif != CONTINUOUS:
        market = add_market(book, command.market)
        if market == 0:
            out.failed = True
            return
    event = tell(book, out, STATE, NO_REASON, 0, command.market)
    event.maker = 0
    event.taker = 0
    event.price = 0
    event.quantity = command.tif
    event.maker_left = before
    if market:
        book.markets[market].state = command.tif
        forget_market_if_empty(book, market)


# --- UNCROSS

cdef struct Clearing:
    int64_t price
    uint64_t volume
    uint64_t imbalance
    uint64_t distance  # of the price to the reference


cdef inline uint64_t apart(uint64_t one, uint64_t other) noexcept:
    return one - other if one > other else other - one


cdef void consider(
    Clearing* best, int64_t low, int64_t high, uint64_t bought, uint64_t sold, int64_t reference
) noexcept:
    """Look at the ticks from `low` to `high`, between which both quantities are the same."""
    cdef Clearing here
    here.price = low if reference < low else high if reference > high else reference
    here.volume = min(bought, sold)
    here.imbalance = apart(bought, sold)
    here.distance = apart(<uint64_t> here.price, <uint64_t> reference) if reference > 0 else 0
    if here.volume != best.volume:
        if here.volume > best.volume:
            best[0] = here
    elif here.imbalance != best.imbalance:
        if here.imbalance < best.imbalance:
            best[0] = here
    elif here.distance < best.distance:  # when equal the lower price was seen first
        best[0] = here


cdef Clearing clearing_of(const OrderBook* book, const Market* market, int64_t reference) noexcept:
    """The price of the auction. Ticks are looked at in runs in which no order begins or ends to count."""
    cdef const Ladder* buys = &market.sides[BUY]
    cdef const Ladder* sells = &market.sides[SELL]
    cdef Clearing best
    cdef int32_t buy = 0  # buys before this one are below the tick
    cdef int32_t sell = sells.count  # sells from this one on are at or below the tick
    cdef int64_t tick, last, highest
    cdef uint64_t bought = 0, sold = 0
    cdef int32_t at
    memset(&best, 0, sizeof(Clearing))
    if not is_crossed(market):
        return best
    for at in range(buys.count):
        bought += book.levels[buys.rungs[at].level].total
    highest = buys.rungs[buys.count - 1].key
    tick = -sells.rungs[sells.count - 1].key
    while tick <= highest:
        while sell > 0 and -sells.rungs[sell - 1].key <= tick:
            sell -= 1
            sold += book.levels[sells.rungs[sell].level].total
        while buys.rungs[buy].key < tick:
            bought -= book.levels[buys.rungs[buy].level].total
            buy += 1
        last = buys.rungs[buy].key  # a buy counts up to its own price, a sell from it
        if sell > 0:
            last = min(last, -sells.rungs[sell - 1].key - 1)
        consider(&best, tick, last, bought, sold, reference)
        tick = last + 1
    return best


cdef void fill(OrderBook* book, int32_t market, const Clearing* clearing, Events* out) noexcept:
    """Pair the best buy with the best sell until the volume is traded."""
    cdef Ladder* buys = &book.markets[market].sides[BUY]
    cdef Ladder* sells = &book.markets[market].sides[SELL]
    cdef uint64_t left = clearing.volume
    cdef int32_t buy_slot, sell_slot
    cdef uint64_t traded
    cdef Event* event
    while left:
        buy_slot = book.levels[buys.rungs[buys.count - 1].level].oldest
        sell_slot = book.levels[sells.rungs[sells.count - 1].level].oldest
        traded = min(left, <uint64_t> min(book.orders[buy_slot].remaining, book.orders[sell_slot].remaining))
        event = tell(book, out, TRADE, NO_REASON, 0, book.markets[market].number)
        event.maker = book.orders[buy_slot].id
        event.taker = book.orders[sell_slot].id
        event.price = clearing.price
        event.quantity = traded
        event.maker_left = book.orders[buy_slot].remaining - traded
        tell_slots(out, buy_slot, sell_slot)
        left -= traded
        take_from_resting(book, buy_slot, <uint32_t> traded)
        take_from_resting(book, sell_slot, <uint32_t> traded)


cdef inline void take_from_resting(OrderBook* book, int32_t slot, uint32_t traded) noexcept:
    if traded == book.orders[slot].remaining:
        remove_resting(book, slot)
    else:
        book.orders[slot].remaining -= traded
        book.levels[book.orders[slot].level].total -= traded


cdef void uncross(OrderBook* book, const Command* command, Events* out) noexcept:
    """Trade as much as one price allows; a closing STATE tells price and volume."""
    cdef int32_t market = find_market(book, command.market)
    cdef Clearing clearing
    cdef Event* event
    if command.market == 0:
        reject(book, command, BAD_FIELD, out)
        return
    if book.markets[market].state != AUCTION:
        reject(book, command, WRONG_STATE, out)
        return
    clearing = clearing_of(book, &book.markets[market], max(command.price, 0))
    fill(book, market, &clearing, out)
    event = tell(book, out, STATE, NO_REASON, 0, command.market)
    event.maker = 0
    event.taker = 0
    event.price = clearing.price
    event.quantity = AUCTION
    event.maker_left = clearing.volume
