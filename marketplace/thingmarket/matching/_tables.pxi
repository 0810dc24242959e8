# Pools of equal slots and hash tables: memory that grows by itself, and is given back when nothing is in it.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define TM_PREFETCH(address) __builtin_prefetch(address)
    #define TM_LIKELY(condition) __builtin_expect(!!(condition), 1)
    #define TM_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
    #else
    #define TM_PREFETCH(address) ((void)(address))
    #define TM_LIKELY(condition) (condition)
    #define TM_UNLIKELY(condition) (condition)
    #endif
    """
    void prefetch "TM_PREFETCH" (const void* address) noexcept
    bint likely "TM_LIKELY" (bint condition) noexcept
    bint unlikely "TM_UNLIKELY" (bint condition) noexcept

cdef enum:
    LINE_BYTES = 64  # of a cache line
    SLOTS_KEPT = 1024  # a pool of no more is not given back when it empties
    PAIRS_BITS = 8  # of a table that is small


# --- pools

cdef int resize_pool(Pool* pool, int32_t capacity) noexcept:
    """Move the slots in use to room for `capacity`; -1 when there is no memory."""
    cdef size_t held = pool.used * pool.item_bytes
    cdef size_t pad_before = pool.items - pool.allocated
    cdef char* allocated = <char*> realloc(pool.allocated, capacity * pool.item_bytes + LINE_BYTES)
    cdef size_t pad
    if allocated == NULL:
        return -1
    pad = (LINE_BYTES - (<size_t> allocated & (LINE_BYTES - 1))) & (LINE_BYTES - 1)
    if pad != pad_before and held:
        memmove(allocated + pad, allocated + pad_before, held)
    pool.allocated = allocated
    pool.items = allocated + pad
    pool.capacity = capacity
    return 0


cdef int grow_pool(Pool* pool, int64_t limit) noexcept:
    """Make room for one slot more, at most `limit` in all; -1 when there is no memory."""
    return resize_pool(pool, <int32_t> min(<int64_t> max(pool.capacity, 32) * 2, limit))


cdef void empty_pool(Pool* pool) noexcept:
    """Begin anew when no slot is in use any more, and give most of the memory back."""
    pool.used = 1
    pool.free = 0
    if pool.capacity > SLOTS_KEPT:
        resize_pool(pool, SLOTS_KEPT)


cdef int open_pool(Pool* pool, size_t item_bytes, int64_t limit) noexcept:
    memset(pool, 0, sizeof(Pool))
    pool.item_bytes = item_bytes
    if grow_pool(pool, limit) < 0:
        return -1
    memset(pool.items, 0, item_bytes)
    pool.used = 1
    return 0


cdef inline bint is_pool_full(const Pool* pool) noexcept:
    return pool.free == 0 and pool.used == pool.capacity


# --- tables

cdef inline uint32_t tag_of(const OrderBook* book, uint64_t number) noexcept:
    """Mixed with a key of this process, so that nobody can choose numbers that collide."""
    cdef uint64_t mixed = (number ^ book.hash_key) * <uint64_t> 0x9E3779B97F4A7C15
    mixed = (mixed ^ (mixed >> 32)) * <uint64_t> 0xD6E8FEB86659FD93
    return <uint32_t> (mixed >> 32)


cdef int open_table(Table* table, int bits) noexcept:
    table.pairs = <Pair*> calloc(<size_t> 1 << bits, sizeof(Pair))
    table.mask = (<uint64_t> 1 << bits) - 1
    table.shift = 32 - bits
    table.count = 0
    return 0 if table.pairs != NULL else -1


cdef inline void put_pair(Table* table, uint32_t tag, int32_t slot) noexcept:
    cdef uint64_t at = tag >> table.shift
    while table.pairs[at].slot:
        at = (at + 1) & table.mask
    table.pairs[at].tag = tag
    table.pairs[at].slot = slot
    table.count += 1


cdef inline int reserve_pair(Table* table) noexcept:
    """Make room for one pair more."""
    if likely(<uint64_t> table.count * 2 < table.mask):
        return 0
    return grow_table(table)


cdef int grow_table(Table* table) noexcept:
    cdef Table larger
    cdef uint64_t at
    if open_table(&larger, 33 - table.shift) < 0:
        return -1
    for at in range(table.mask + 1):
        if table.pairs[at].slot:
            put_pair(&larger, table.pairs[at].tag, table.pairs[at].slot)
    free(table.pairs)
    table[0] = larger
    return 0


cdef inline void remove_pair(Table* table, uint32_t tag, int32_t slot) noexcept:
    """Take a pair out and move later ones of its run back, as if it had never been there."""
    cdef uint64_t hole = tag >> table.shift
    cdef uint64_t at, home
    while table.pairs[hole].slot != slot:
        hole = (hole + 1) & table.mask
    at = hole
    while True:
        at = (at + 1) & table.mask
        if table.pairs[at].slot == 0:
            break
        home = table.pairs[at].tag >> table.shift
        if ((at - home) & table.mask) >= ((at - hole) & table.mask):
            table.pairs[hole] = table.pairs[at]
            hole = at
    table.pairs[hole].slot = 0
    table.count -= 1


cdef void empty_table(Table* table) noexcept:
    """Give a large table back that has no pairs any more."""
    cdef Table small
    if open_table(&small, PAIRS_BITS) == 0:
        free(table.pairs)
        table[0] = small
