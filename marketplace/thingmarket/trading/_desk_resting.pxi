# Orders that rest, by the slot of their sender and by owner, as thingmarket.trading.resting keeps them.

cdef int join_seat(Desk desk, int32_t slot, uint64_t order_id) except -1:
    """An order came to rest: it is the last of its seat, whose ids ascend."""
    cdef uint64_t number = order_id >> COUNTER_BITS
    cdef Seat* seat
    if <int64_t> number >= desk.seats_room:
        desk.seats = <Seat*> grown(desk.seats, sizeof(Seat), &desk.seats_room, number + 1)
    seat = &desk.seats[number]
    desk.rests[slot].before = seat.last
    desk.rests[slot].after = 0
    desk.rests[slot].told = 0
    if seat.last:
        desk.rests[seat.last].after = slot
    else:
        seat.first = slot
    seat.last = slot
    seat.count += 1
    return 0


cdef void leave_seat(Desk desk, int32_t slot, uint64_t order_id) noexcept:
    cdef Seat* seat = &desk.seats[order_id >> COUNTER_BITS]
    cdef const Rest* rest = &desk.rests[slot]
    if rest.before:
        desk.rests[rest.before].after = rest.after
    else:
        seat.first = rest.after
    if rest.after:
        desk.rests[rest.after].before = rest.before
    else:
        seat.last = rest.before
    seat.count -= 1


cdef int join_owner(Desk desk, int32_t slot, uint64_t owner) except -1:
    """One order more of an owner rests."""
    cdef int32_t found = index_of(&desk.owner_index, owner)
    cdef OwnerRow* row
    if found < 0:
        found = desk.owner_index.count
        desk.owners = <OwnerRow*> grown(desk.owners, sizeof(OwnerRow), &desk.owners_room, found + 1)
        put_index(&desk.owner_index, owner, found)
    row = &desk.owners[found]
    desk.rests[slot].own_before = row.last
    desk.rests[slot].own_after = 0
    if row.last:
        desk.rests[row.last].own_after = slot
    else:
        row.first = slot
    row.last = slot
    row.count += 1
    return 0


cdef void leave_owner(Desk desk, int32_t slot, uint64_t owner) noexcept:
    cdef OwnerRow* row = &desk.owners[index_of(&desk.owner_index, owner)]
    cdef const Rest* rest = &desk.rests[slot]
    if rest.own_before:
        desk.rests[rest.own_before].own_after = rest.own_after
    else:
        row.first = rest.own_after
    if rest.own_after:
        desk.rests[rest.own_after].own_before = rest.own_before
    else:
        row.last = rest.own_before
    row.count -= 1


cdef inline uint64_t owner_of(Desk desk, const Rest* rest, int side) noexcept:
    """Whose a resting order is: of the account that holds for it, which is at hand."""
    return desk.accounts.rows[rest.wallet if side == BUY else rest.goods].owner
