# What is told: events are appended to a buffer that grows by itself.

cdef enum:
    EVENTS_AT_FIRST = 1024


cdef Event* grow_events(Events* out) noexcept:
    """Room for one event more; where there is none, one that nobody reads."""
    cdef size_t capacity = max(out.capacity * 2, EVENTS_AT_FIRST)
    cdef Slots* slots
    cdef Event* items
    if out.is_followed:
        slots = <Slots*> realloc(out.slots, capacity * sizeof(Slots))
        if slots == NULL:
            out.failed = True
            return &out.spare
        out.slots = slots
    items = <Event*> realloc(out.items, capacity * sizeof(Event))
    if items == NULL:
        out.failed = True
        return &out.spare
    out.items = items
    out.capacity = capacity
    out.count += 1
    return &out.items[out.count - 1]


cdef void free_events(Events* out, size_t kept) noexcept:
    """Give the memory of more than `kept` events back; whether slots are followed stays."""
    cdef bint is_followed = out.is_followed
    if out.capacity > kept:
        free(out.items)
        free(out.slots)
        memset(out, 0, sizeof(Events))
        out.is_followed = is_followed


cdef inline Event* tell(
    OrderBook* book, Events* out, uint8_t kind, uint8_t reason, uint8_t side, uint32_t market
) noexcept:
    """Append one event; the caller fills in what it is about."""
    cdef Event* event
    if unlikely(out.count == out.capacity):
        event = grow_events(out)
    else:
        event = &out.items[out.count]
        out.count += 1
    book.seq += 1
    event.kind = kind
    event.reason = reason
    event.side = side
    event.flags = 0
    event.market = market
    event.seq = book.seq
    return event


cdef inline void tell_slots(Events* out, int32_t maker, int32_t taker) noexcept:
    """Which orders the last event is about, where that is followed."""
    if out.is_followed and likely(not out.failed):
        out.slots[out.count - 1].maker = maker
        out.slots[out.count - 1].taker = taker


cdef inline void reject(OrderBook* book, const Command* command, uint8_t reason, Events* out) noexcept:
    """Echo the command, and nothing of any resting order."""
    cdef Event* event = tell(book, out, REJECTED, reason, command.side, command.market)
    event.maker = 0
    event.taker = command.order_id
    event.price = command.price
    event.quantity = command.quantity
    event.maker_left = 0


cdef inline void tell_of_order(
    OrderBook* book, Events* out, uint8_t kind, uint8_t reason, int side, uint32_t market,
    uint64_t order_id, int64_t price, uint64_t quantity, int32_t slot,
) noexcept:
    """NEW, CANCELED, REDUCED, REPLACED or EXPIRED; slot 0 is an order that does not rest."""
    cdef Event* event = tell(book, out, kind, reason, <uint8_t> (side + 1), market)
    event.maker = 0
    event.taker = order_id
    event.price = price
    event.quantity = quantity
    event.maker_left = 0
    tell_slots(out, 0, slot)
