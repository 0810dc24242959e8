# Where an account is found by its name, and room for more: rows, their places in the index, references.

cdef inline uint64_t mixed(uint64_t state, uint64_t word) noexcept:
    state = (state ^ word) * <uint64_t> 0x9E3779B97F4A7C15
    return state ^ (state >> 32)


cdef uint64_t home_of(
    AccountTable accounts,
    uint64_t owner,
    uint64_t ledger,
    uint16_t kind,
    const char* reference,
    size_t length,
) noexcept:
    """Mixed with a key of this process, so that nobody can choose names that collide."""
    cdef uint64_t state = mixed(mixed(mixed(accounts.hash_key, owner), ledger), kind << 8 | length)
    cdef uint64_t word
    cdef size_t at = 0
    while at < length:
        word = 0
        memcpy(&word, reference + at, min(length - at, <size_t> 8))
        state = mixed(state ^ accounts.hash_key, word)
        at += 8
    return mixed(state, accounts.hash_key >> 7) & accounts.index_mask


cdef void put_index(AccountTable accounts, int32_t number) noexcept:
    cdef const Account* row = &accounts.rows[number]
    cdef uint64_t at = home_of(
        accounts, row.owner, row.ledger, row.kind, accounts.references + row.reference, row.reference_bytes
    )
    while accounts.index[at]:
        at = (at + 1) & accounts.index_mask
    accounts.index[at] = number


cdef int make_room(AccountTable accounts, int32_t rows) except -1:
    """Room for so many rows in all."""
    cdef int32_t room = accounts.room
    cdef void* moved
    if rows <= room:
        return 0
    while room < rows:
        room = min(room * 2, ROWS_MAX + 1)
    moved = realloc(accounts.rows, room * sizeof(Account))
    if moved == NULL:
        raise MemoryError
    accounts.rows = <Account*> moved
    moved = realloc(accounts.dirty, room * sizeof(int32_t))
    if moved == NULL:
        raise MemoryError
    accounts.dirty = <int32_t*> moved
    accounts.room = room
    return 0


cdef int widen_index(AccountTable accounts) except -1:
    cdef int32_t* wider
    cdef int32_t number
    if <uint64_t> accounts.used * 2 <= accounts.index_mask:
        return 0
    wider = <int32_t*> calloc((accounts.index_mask + 1) * 2, sizeof(int32_t))
    if wider == NULL:
        raise MemoryError
    free(accounts.index)
    accounts.index = wider
    accounts.index_mask = accounts.index_mask * 2 + 1
    for number in range(1, accounts.used):
        put_index(accounts, number)
    return 0


cdef int keep_reference(AccountTable accounts, Account* row, const char* reference, size_t length) except -1:
    """Copy the reference of a row behind those of the others."""
    cdef size_t room
    cdef char* moved
    if accounts.references_used + length > accounts.references_room:
        room = max(accounts.references_room * 2, <size_t> 4096)
        moved = <char*> realloc(accounts.references, room)
        if moved == NULL:
            raise MemoryError
        accounts.references = moved
        accounts.references_room = room
    row.reference = accounts.references_used
    row.reference_bytes = <uint8_t> length
    if length:
        memcpy(accounts.references + accounts.references_used, reference, length)
        accounts.references_used += length
    return 0
