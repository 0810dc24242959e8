# After the last order of a frame: what its call did, as values.

cdef object new_row = tuple.__new__  # a named tuple of values in the order of its fields
cdef tuple STATES = (None, *MarketState)  # by number

assert list(STATES[1:]) == list(range(1, len(STATES)))
assert Tally._fields == (
    "slot", "money_ledger", "placed", "opened", "ended", "fills", "held_minor", "paid_minor"
)
assert Traded._fields == ("market", "low", "high", "last", "quantity", "fee_minor")


cdef bytes deadlines_of(Desk desk):
    """Of those orders that rest still."""
    cdef int32_t at
    cdef int32_t kept = 0
    for at in range(desk.deadlines_count):
        if find_order(&desk.book.book, desk.deadlines[at].order_id):
            desk.deadlines[kept] = desk.deadlines[at]
            kept += 1
    return PyBytes_FromStringAndSize(<const char*> desk.deadlines, kept * sizeof(DeadlineRow))


cdef int by_slot(const void* one, const void* other) noexcept nogil:
    cdef const TallyRow* left = <const TallyRow*> one
    cdef const TallyRow* right = <const TallyRow*> other
    if left.slot != right.slot:
        return (left.slot > right.slot) - (left.slot < right.slot)
    return (left.ledger > right.ledger) - (left.ledger < right.ledger)


cdef tuple tallies_of(Desk desk):
    """Ascending by slot and ledger."""
    cdef int32_t count = desk.tally_index.count
    cdef TallyRow* row
    cdef int32_t at
    cdef list found = []
    if count:
        qsort(desk.tallies, count, sizeof(TallyRow), by_slot)
    for at in range(count):
        row = &desk.tallies[at]
        found.append(
            new_row(
                Tally,
                (
                    row.slot,
                    row.ledger,
                    row.placed,
                    row.opened,
                    row.ended,
                    row.fills,
                    row.held_minor,
                    row.paid_minor,
                ),
            )
        )
    return tuple(found)


cdef int by_market(const void* one, const void* other) noexcept nogil:
    cdef uint32_t left = (<const uint32_t*> one)[0]
    cdef uint32_t right = (<const uint32_t*> other)[0]
    return (left > right) - (left < right)


cdef tuple traded_of(Desk desk):
    """Ascending by market."""
    cdef int32_t at
    cdef const MarketRow* row
    cdef list found = []
    if desk.traded_count:
        qsort(desk.traded, desk.traded_count, sizeof(uint32_t), by_market)
    for at in range(desk.traded_count):
        row = &desk.markets[index_of(&desk.market_index, desk.traded[at])]
        found.append(
            new_row(Traded, (row.number, row.low, row.high, row.last, row.traded, row.fee_minor))
        )
    return tuple(found)
