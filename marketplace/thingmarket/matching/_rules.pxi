# The rules of single commands: what is checked in which order, what trades, what is told.

cdef uint64_t QUANTITY_MAX = (<uint64_t> 1 << 32) - 1
cdef int64_t PRICE_MAX = (<int64_t> 1 << 53) - 1
cdef int64_t NO_LIMIT = INT64_MIN


cdef struct Taker:  # an order while it is matched
    uint64_t id
    uint64_t account
    uint64_t left
    int64_t price
    int64_t worst_key  # makers below it are not traded with
    uint32_t market
    int32_t slot  # where it rested, or 0
    int side
    int self_trade


cdef inline int64_t price_of(int side, int64_t key) noexcept:
    return key if side == BUY else -key


# --- matching

cdef inline bint reaches(const Ladder* makers, int64_t worst_key) noexcept:
    """Whether the best of them is at or through a taker's price."""
    return makers.count > 0 and makers.rungs[makers.count - 1].key >= worst_key


cdef void remove_resting(OrderBook* book, int32_t slot) noexcept:
    detach_order(book, slot)
    free_order(book, slot)


cdef void tell_removed(OrderBook* book, int32_t slot, uint8_t kind, uint8_t reason, Events* out) noexcept:
    """Take a resting order out and tell of it; the market may be empty afterwards."""
    cdef const Order* order = &book.orders[slot]
    cdef const Level* level = &book.levels[order.level]
    cdef int side = level.place & 1
    cdef uint32_t market = book.markets[level.place >> 1].number
    tell_of_order(
        book, out, kind, reason, side, market, order.id, price_of(side, level.key), order.remaining,
        slot,
    )
    remove_resting(book, slot)


cdef inline bint own_order_met(OrderBook* book, Taker* taker, int32_t maker, Events* out) noexcept:
    """Do what the taker's flags say about an own maker; afterwards the taker is done if this is true."""
    if taker.self_trade != CANCEL_TAKER:
        tell_removed(book, maker, CANCELED, SELF_TRADE, out)
        if taker.self_trade == CANCEL_MAKER:
            return False
    tell_of_order(
        book, out, CANCELED, SELF_TRADE, taker.side, taker.market, taker.id, taker.price, taker.left,
        taker.slot,
    )
    taker.left = 0
    return True


cdef void match(OrderBook* book, int32_t market, Taker* taker, Events* out) noexcept:
    """Trade until nothing is left or no maker's price is good enough."""
    cdef Ladder* makers = &book.markets[market].sides[1 - taker.side]
    cdef Level* level
    cdef Order* maker
    cdef Event* event
    cdef int32_t slot
    cdef uint32_t traded
    while taker.left and reaches(makers, taker.worst_key):
        level = &book.levels[makers.rungs[makers.count - 1].level]
        slot = level.oldest
        maker = &book.orders[slot]
        if unlikely(taker.self_trade and maker.account == taker.account):
            if own_order_met(book, taker, slot, out):
                return
            continue
        traded = maker.remaining if maker.remaining < taker.left else <uint32_t> taker.left
        event = tell(book, out, TRADE, NO_REASON, <uint8_t> (taker.side + 1), taker.market)
        event.maker = maker.id
        event.taker = taker.id
        event.price = price_of(1 - taker.side, level.key)
        event.quantity = traded
        event.maker_left = maker.remaining - traded
        tell_slots(out, slot, taker.slot)
        taker.left -= traded
        if traded == maker.remaining:
            remove_resting(book, slot)
        else:
            maker.remaining -= traded
            level.total -= traded


cdef bint can_fill(const OrderBook* book, const Ladder* makers, const Taker* taker) noexcept:
    """Whether a fill-or-kill order finds its whole quantity; changes nothing."""
    cdef uint64_t wanted = taker.left
    cdef int32_t room = book.fok_makers_max
    cdef const Level* level
    cdef const Order* maker
    cdef int32_t slot
    cdef int32_t at = makers.count
    while at > 0 and makers.rungs[at - 1].key >= taker.worst_key:
        at -= 1
        level = &book.levels[makers.rungs[at].level]
        if taker.self_trade == TRADE_WITH_OWN and level.count <= room:
            if level.total >= wanted:
                return True
            wanted -= level.total
            room -= level.count
            continue
        slot = level.oldest
        while slot:
            if room == 0:  # it trades nothing and pays nothing: its sender could look for hours
                return False
            room -= 1
            maker = &book.orders[slot]
            if taker.self_trade == TRADE_WITH_OWN or maker.account != taker.account:
                if maker.remaining >= wanted:
                    return True
                wanted -= maker.remaining
            elif taker.self_trade != CANCEL_MAKER:
                return False
            slot = maker.younger
    return False


# --- NEW_LIMIT and NEW_MARKET

cdef inline bint may_rest(uint8_t tif) noexcept:
    return tif == GTC or tif == GTD


cdef inline uint8_t refusal_of_fields(const Command* command) noexcept:
    """What is wrong with a new order as it stands, whatever the book holds."""
    cdef bint at_once = command.tif == IOC or command.tif == FOK
    if (
        command.market == 0
        or (command.side != 1 and command.side != 2)
        or command.flags & UNKNOWN_FLAGS
        or command.order_id == 0
    ):
        return BAD_FIELD
    if not at_once and (command.kind == NEW_MARKET or not may_rest(command.tif)):
        return BAD_TIF
    if at_once and command.flags & POST_ONLY:
        return BAD_TIF
    if command.quantity == 0 or command.quantity > QUANTITY_MAX:
        return BAD_QUANTITY
    if command.price < (0 if command.kind == NEW_MARKET else 1) or command.price > PRICE_MAX:
        return BAD_PRICE
    return NO_REASON


cdef inline uint8_t refusal_of_new(
    const OrderBook* book, const Command* command, uint32_t tag, int32_t market, const Taker* taker
) noexcept:
    """What the book has against a new order whose fields are good."""
    cdef int32_t state = book.markets[market].state
    cdef const Ladder* own = &book.markets[market].sides[taker.side]
    cdef const Ladder* makers = &book.markets[market].sides[1 - taker.side]
    cdef bint rests = may_rest(command.tif)
    if unlikely(state != CONTINUOUS) and (state > CONTINUOUS or not rests):
        return WRONG_STATE
    if find_tagged(book, command.order_id, tag):
        return DUPLICATE_ID
    if rests:
        if book.order_count >= book.orders_max:
            return BOOK_FULL
        if unlikely(own.count >= book.levels_max) and not has_level(own, -taker.worst_key):
            return BOOK_FULL
        if command.flags & POST_ONLY and state == CONTINUOUS and reaches(makers, taker.worst_key):
            return WOULD_CROSS
    elif command.tif == FOK and not can_fill(book, makers, taker):
        return NOT_FILLABLE
    return NO_REASON


cdef inline void take_from(Taker* taker, const Command* command) noexcept:
    """The command as a taker; the worst key is the negative of what the order's own key would be."""
    taker.id = command.order_id
    taker.account = command.account
    taker.left = command.quantity
    taker.price = command.price
    taker.market = command.market
    taker.slot = 0
    taker.side = command.side - 1
    taker.worst_key = -command.price if taker.side == BUY else command.price
    taker.self_trade = command.flags >> 1


cdef inline void enter(OrderBook* book, const Command* command, uint32_t tag, Events* out) noexcept:
    cdef Taker taker
    cdef int32_t market, slot
    cdef uint8_t reason = refusal_of_fields(command)
    if unlikely(reason != NO_REASON):
        reject(book, command, reason, out)
        return
    take_from(&taker, command)
    if command.kind == NEW_MARKET and command.price == 0:
        taker.worst_key = NO_LIMIT
    market = find_market(book, command.market)
    reason = refusal_of_new(book, command, tag, market, &taker)
    if unlikely(reason != NO_REASON):
        reject(book, command, reason, out)
        return
    if may_rest(command.tif):
        if market == 0:  # nothing to trade with, so it will rest
            market = add_market(book, command.market)
        if not market or reserve_for_rest(book, market, taker.side) < 0:
            out.failed = True
            forget_market_if_empty(book, market)
            return
    if book.markets[market].state == CONTINUOUS:
        match(book, market, &taker, out)
    if taker.left == 0:
        forget_market_if_empty(book, market)
    elif may_rest(command.tif):
        slot = add_order(book, taker.id, tag, taker.account, <uint32_t> taker.left)
        append_order(book, slot, market, taker.side, -taker.worst_key)
        tell_of_order(
            book, out, NEW, NO_REASON, taker.side, taker.market, taker.id, taker.price, taker.left, slot
        )
    else:
        tell_of_order(
            book, out, CANCELED, IMMEDIATE_REMAINDER, taker.side, taker.market, taker.id, taker.price,
            taker.left, 0,
        )
        forget_market_if_empty(book, market)


cdef inline int reserve_for_rest(OrderBook* book, int32_t market, int side) noexcept:
    if reserve_order(book) < 0:
        return -1
    return reserve_level(book, &book.markets[market].sides[side])


# --- orders that rest already

cdef inline int32_t order_of(const OrderBook* book, const Command* command, uint32_t tag) noexcept:
    """Slot of the named order if it rests in the named market, or 0."""
    cdef int32_t slot = find_tagged(book, command.order_id, tag)
    cdef int32_t market
    if slot == 0:
        return 0
    market = book.levels[book.orders[slot].level].place >> 1
    return slot if book.markets[market].number == command.market else 0


cdef inline void take_out(OrderBook* book, const Command* command, uint32_t tag, Events* out) noexcept:
    """CANCEL by its account, EXPIRE by the market itself."""
    cdef int32_t slot = order_of(book, command, tag)
    cdef int32_t market
    if slot == 0:
        reject(book, command, UNKNOWN_ORDER, out)
    elif command.kind == CANCEL and book.orders[slot].account != command.account:
        reject(book, command, NOT_OWNER, out)
    else:
        market = book.levels[book.orders[slot].level].place >> 1
        tell_removed(book, slot, CANCELED if command.kind == CANCEL else EXPIRED, NO_REASON, out)
        forget_market_if_empty(book, market)


cdef void reduce(OrderBook* book, const Command* command, uint32_t tag, Events* out) noexcept:
    """Take a part of an order away; it keeps its place."""
    cdef int32_t slot = order_of(book, command, tag)
    cdef Order* order = &book.orders[slot]
    cdef Level* level
    cdef int side
    if slot == 0:
        reject(book, command, UNKNOWN_ORDER, out)
    elif order.account != command.account:
        reject(book, command, NOT_OWNER, out)
    elif command.quantity == 0 or command.quantity >= order.remaining:
        reject(book, command, BAD_QUANTITY, out)
    else:
        level = &book.levels[order.level]
        side = level.place & 1
        order.remaining -= <uint32_t> command.quantity
        level.total -= command.quantity
        tell_of_order(
            book, out, REDUCED, NO_REASON, side, command.market, order.id, price_of(side, level.key),
            order.remaining, slot,
        )


cdef uint8_t refusal_of_replace(const OrderBook* book, const Command* command, int32_t slot) noexcept:
    """What is against giving a resting order another price or quantity."""
    cdef const Order* order = &book.orders[slot]
    cdef const Level* level = &book.levels[order.level]
    cdef const Market* market = &book.markets[level.place >> 1]
    cdef int side = level.place & 1
    cdef int64_t key
    cdef int32_t levels_left = market.sides[side].count - (1 if level.count == 1 else 0)
    if order.account != command.account:
        return NOT_OWNER
    if command.side != side + 1 or command.flags & UNKNOWN_FLAGS:
        return BAD_FIELD
    if not may_rest(command.tif):
        return BAD_TIF
    if command.quantity == 0 or command.quantity > QUANTITY_MAX:
        return BAD_QUANTITY
    if command.price < 1 or command.price > PRICE_MAX:
        return BAD_PRICE
    key = command.price if side == BUY else -command.price
    if market.state > CONTINUOUS:
        return WRONG_STATE
    if levels_left >= book.levels_max and not has_level(&market.sides[side], key):
        return BOOK_FULL
    if command.flags & POST_ONLY and market.state == CONTINUOUS and reaches(&market.sides[1 - side], -key):
        return WOULD_CROSS
    return NO_REASON


cdef void replace(OrderBook* book, const Command* command, uint32_t tag, Events* out) noexcept:
    """Keep the place for the same price and no more quantity; otherwise match it as a newcomer."""
    cdef int32_t slot = order_of(book, command, tag)
    cdef uint8_t reason = UNKNOWN_ORDER if slot == 0 else refusal_of_replace(book, command, slot)
    cdef Order* order = &book.orders[slot]
    cdef Level* level
    cdef int32_t market
    cdef Taker taker
    if reason != NO_REASON:
        reject(book, command, reason, out)
        return
    take_from(&taker, command)
    taker.slot = slot
    market = book.levels[order.level].place >> 1
    if reserve_level(book, &book.markets[market].sides[taker.side]) < 0:
        out.failed = True
        return
    level = &book.levels[order.level]
    tell_of_order(
        book, out, REPLACED, NO_REASON, taker.side, taker.market, taker.id, taker.price, taker.left, slot
    )
    if level.key == -taker.worst_key and taker.left <= order.remaining:
        level.total -= order.remaining - taker.left
        order.remaining = <uint32_t> taker.left
        return
    detach_order(book, slot)
    if book.markets[market].state == CONTINUOUS:
        match(book, market, &taker, out)
    if taker.left:
        order.remaining = <uint32_t> taker.left
        append_order(book, slot, market, taker.side, -taker.worst_key)
    else:
        free_order(book, slot)
        forget_market_if_empty(book, market)


# --- one command

cdef void apply_command(OrderBook* book, const Command* command, Events* out) noexcept:
    """Apply one command and append its events, of which the last is marked."""
    apply_tagged(book, command, tag_of(book, command.order_id), out)


cdef inline void apply_tagged(OrderBook* book, const Command* command, uint32_t tag, Events* out) noexcept:
    """The same, with the tag of its order."""
    if command.kind == NEW_LIMIT or command.kind == NEW_MARKET:
        enter(book, command, tag, out)
    elif command.kind == CANCEL or command.kind == EXPIRE:
        take_out(book, command, tag, out)
    elif command.kind == REPLACE:
        replace(book, command, tag, out)
    elif command.kind == REDUCE:
        reduce(book, command, tag, out)
    elif command.kind == MASS_CANCEL:
        mass_cancel(book, command, out)
    elif command.kind == SET_STATE:
        set_state(book, command, out)
    elif command.kind == UNCROSS:
        uncross(book, command, out)
    else:
        reject(book, command, UNKNOWN_KIND, out)
    if likely(out.count > 0):
        out.items[out.count - 1].flags = 1
