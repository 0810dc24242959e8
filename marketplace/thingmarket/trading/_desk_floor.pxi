# What a desk knows: markets, their ledgers, seats of senders, and what rests, all as rows found by numbers.

cdef enum:
    WALLET = 0  # an account of an owner, by what it is for
    GOODS = 1

cdef struct PermitRow:  # of one side of one market, in the frame that is stamped on it
    uint64_t frame
    bint is_given
    uint32_t refusal
    int64_t price_low
    int64_t price_high
    int64_t order_max_minor
    int64_t lots_max
    int64_t cosign_above_minor

cdef struct LedgerRow:  # a ledger of money or goods, and what the frame in hand does in it
    uint64_t number
    int32_t clearing  # row of the account that holds are pending to
    int32_t fees
    uint64_t frame
    bint is_seen[2]
    int32_t own[2]  # rows of the sender's owner, or 0
    int64_t free[2]  # at the start of the frame
    int64_t reserved[2]
    int64_t amount  # what new orders may cost
    int64_t placed
    int64_t opened
    int64_t amount_left
    int64_t orders_left
    int64_t open_left

cdef struct MarketRow:
    uint32_t number
    int32_t state
    int32_t money  # indexes of ledgers
    int32_t goods
    int64_t tick_minor
    int64_t lot_steps
    int64_t offset_ticks
    int64_t fee_basis_points
    int self_trade
    bint is_escrow
    uint64_t frame
    bint has_band
    int64_t band_low
    int64_t band_high
    int64_t own_best[2]  # prices of the sender's owner, by side, while it gathers; 0 is none
    PermitRow permits[2]
    uint64_t call  # in which it traded last, and then what
    int64_t low
    int64_t high
    int64_t last
    int64_t fee_minor
    uint64_t traded

cdef struct Rest:  # an order that rests, beside what the book knows of it: 40 bytes
    int32_t before  # of the same seat, in ascending id
    int32_t after
    int32_t own_before  # of the same owner, as they came
    int32_t own_after
    int32_t wallet  # rows of its owner
    int32_t goods
    int64_t price
    uint32_t remaining
    int32_t told  # index among the deadlines of the frame in hand, if it is there

cdef struct Seat:
    int32_t first
    int32_t last
    int32_t count

cdef struct OwnerRow:  # of his orders that rest
    int32_t first
    int32_t last
    int32_t count

cdef struct TallyRow:
    uint32_t slot
    uint64_t ledger
    int64_t placed
    int64_t opened
    int64_t ended
    int64_t fills
    int64_t held_minor
    int64_t paid_minor

cdef struct DeadlineRow:  # as it travels
    uint64_t order_id
    uint64_t expires_ms

cdef struct Cell:
    uint64_t key
    int32_t value  # index + 1; 0 is empty

cdef struct Index:  # open addressing, linear probing, at most half full; nothing is taken out
    Cell* cells
    uint64_t mask
    int32_t count


cdef inline uint64_t home_of(const Index* index, uint64_t key) noexcept:
    """Mixed with a key of this process, though slots and market numbers are nobody's to choose."""
    cdef uint64_t state = (key ^ HASH_KEY) * <uint64_t> 0x9E3779B97F4A7C15
    return (state ^ (state >> 32)) & index.mask


cdef inline int32_t index_of(const Index* index, uint64_t key) noexcept:
    """The index kept under a key, or -1."""
    cdef uint64_t at = home_of(index, key)
    while index.cells[at].value:
        if index.cells[at].key == key:
            return index.cells[at].value - 1
        at = (at + 1) & index.mask
    return -1


cdef void put_cell(Index* index, uint64_t key, int32_t value) noexcept:
    cdef uint64_t at = home_of(index, key)
    while index.cells[at].value:
        at = (at + 1) & index.mask
    index.cells[at].key = key
    index.cells[at].value = value
    index.count += 1


cdef int open_index(Index* index) except -1:
    index.cells = <Cell*> calloc(CELLS_AT_FIRST, sizeof(Cell))
    if index.cells == NULL:
        raise MemoryError
    index.mask = CELLS_AT_FIRST - 1
    index.count = 0
    return 0


cdef int put_index(Index* index, uint64_t key, int32_t value) except -1:
    """Keep an index under a key that has none."""
    cdef Index wider
    cdef uint64_t at
    if <uint64_t> index.count * 2 > index.mask:
        wider.cells = <Cell*> calloc((index.mask + 1) * 2, sizeof(Cell))
        if wider.cells == NULL:
            raise MemoryError
        wider.mask = index.mask * 2 + 1
        wider.count = 0
        for at in range(index.mask + 1):
            if index.cells[at].value:
                put_cell(&wider, index.cells[at].key, index.cells[at].value)
        free(index.cells)
        index[0] = wider
    put_cell(index, key, value + 1)
    return 0


cdef void* grown(void* items, size_t item_bytes, int64_t* room, int64_t wanted) except NULL:
    """Room for at least so many items, the new ones zero."""
    cdef int64_t larger = max(room[0], <int64_t> ITEMS_AT_FIRST)
    cdef void* moved
    if wanted <= room[0]:
        return items
    while larger < wanted:
        larger *= 2
    moved = realloc(items, larger * item_bytes)
    if moved == NULL:
        raise MemoryError
    memset(<char*> moved + room[0] * item_bytes, 0, (larger - room[0]) * item_bytes)
    room[0] = larger
    return moved


# --- prices

cdef inline int64_t cash_of(const MarketRow* market, int64_t price, uint64_t quantity) noexcept:
    """What a buyer pays for so many lots; beyond INTEGER_MAX it is only known to be beyond."""
    return product(price - market.offset_ticks, quantity, market.tick_minor)


cdef inline int64_t money_hold(const MarketRow* market, int side, int64_t price, uint64_t quantity) noexcept:
    """What so many lots may cost their sender at his worst price."""
    cdef int64_t cash = cash_of(market, price, quantity)
    if side == SELL:
        cash = -cash
    return cash if cash > 0 else 0


cdef inline int64_t goods_hold(const MarketRow* market, int side, uint64_t quantity) noexcept:
    """Steps of the goods that so many lots take from their sender."""
    return product(market.lot_steps, quantity, 1) if side == SELL else 0
