# Where the row of a name stands: slots that are found by the name.

cdef inline int first_slot(Blocks index, const uint8_t* name) noexcept nogil:
    """Where to look for a name first: nobody outside of this process can tell, so nobody crowds one place."""
    cdef uint64_t start
    memcpy(&start, name, 8)
    return <int>(((start ^ index.hash_key) * 0x9e3779b97f4a7c15ULL >> 32) & <uint64_t>(index.slot_count - 1))


cdef int slot_of(Blocks index, const uint8_t* name) noexcept nogil:
    """The slot of a name; -1 when it has none."""
    cdef int slot
    if not index.slot_count:
        return -1
    slot = first_slot(index, name)
    while index.slots[slot] != -1:
        if index.slots[slot] >= 0 and not memcmp(index.names + <size_t>index.slots[slot] * NAME, name, NAME):
            return slot
        slot = (slot + 1) & (index.slot_count - 1)
    return -1


cdef int row_named(Blocks index, const uint8_t* name) noexcept nogil:
    cdef int slot = slot_of(index, name)
    return index.slots[slot] if slot >= 0 else -1


cdef void fill_slot(Blocks index, int row) noexcept nogil:
    cdef int slot = first_slot(index, index.names + <size_t>row * NAME)
    while index.slots[slot] != -1:
        slot = (slot + 1) & (index.slot_count - 1)
    index.slots[slot] = row


cdef int enter_all(Blocks index) except -1:
    cdef int count = 2 * BLOCK, i
    cdef int32_t* slots
    while count < 2 * (index.rows + 1):
        count *= 2
    slots = <int32_t*>malloc(<size_t>count * 4)
    if slots == NULL:
        raise MemoryError()
    free(index.slots)
    index.slots, index.slot_count = slots, count
    memset(slots, 0xff, <size_t>count * 4)
    for i in range(index.rows):
        if not index.gone[i]:
            fill_slot(index, i)
    return 0


cdef int enter(Blocks index, int row) except -1:
    """Note where a new row stands; slots of rows that are gone are in use until all is put in order."""
    if index.slot_count < 2 * (row + 1):
        return enter_all(index)
    fill_slot(index, row)
    return 0
