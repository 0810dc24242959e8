# Room for rows, the bounds of their blocks, and rows that are alike laid down in one block.

cdef void* wider(void* old, size_t size) except NULL:
    cdef void* moved = realloc(old, size)
    if moved == NULL:
        raise MemoryError()
    return moved


cdef int grow(Blocks index, int room) except -1:
    """Make room for so many rows; the old arrays stay valid when there is no memory."""
    cdef int c, blocks = (room + BLOCK - 1) // BLOCK
    room = blocks * BLOCK
    for c in range(index.columns):
        index.cells[c] = <int64_t*>wider(index.cells[c], <size_t>room * 8)
    index.costs = <int64_t*>wider(index.costs, <size_t>room * 8)
    index.names = <uint8_t*>wider(index.names, <size_t>room * NAME)
    index.gone = <uint8_t*>wider(index.gone, room)
    index.bounds = <Bound*>wider(index.bounds, <size_t>blocks * COLUMNS * sizeof(Bound))
    index.cost_lows = <int64_t*>wider(index.cost_lows, <size_t>blocks * 8)
    index.lives = <int*>wider(index.lives, <size_t>blocks * sizeof(int))
    index.heap = <Candidate*>wider(index.heap, <size_t>blocks * sizeof(Candidate))
    index.room, index.block_room = room, blocks
    return 0


cdef void cover(Blocks index, int row) noexcept nogil:
    """Let the bounds of a row's block cover the row."""
    cdef int block = row // BLOCK, c
    cdef int64_t cell
    cdef Bound* bound = index.bounds + <size_t>block * COLUMNS
    if row % BLOCK == 0:
        memset(bound, 0, COLUMNS * sizeof(Bound))
        index.lives[block] = 0
        index.cost_lows[block] = index.costs[row]
    index.lives[block] += 1
    if index.costs[row] < index.cost_lows[block]:
        index.cost_lows[block] = index.costs[row]
    for c in range(index.columns):
        cell = index.cells[c][row]
        if cell < -CELL_MAX:
            bound[c].has |= (HAS_UNSTATED if cell == UNSTATED else
                             HAS_ANYTHING if cell == ANYTHING else HAS_OTHERWISE)
        elif not bound[c].has & HAS_VALUE:
            bound[c].has |= HAS_VALUE
            bound[c].low = bound[c].high = cell
        elif cell < bound[c].low:
            bound[c].low = cell
        elif cell > bound[c].high:
            bound[c].high = cell


cdef void part_rows(Blocks index, Pair* pairs, int count) noexcept nogil:
    """Halve the rows again and again, by one column after the other, until each part is one block."""
    cdef Part waiting[64]
    cdef Part part
    cdef int size = 1, i, middle
    cdef int64_t low, high
    if not index.columns:
        return
    waiting[0] = Part(0, count, 0)
    while size:
        size -= 1
        part = waiting[size]
        if part.end - part.begin <= BLOCK:
            continue
        for _ in range(index.columns):
            low = high = index.cells[part.column][pairs[part.begin].row]
            for i in range(part.begin, part.end):
                pairs[i].key = index.cells[part.column][pairs[i].row]
                if pairs[i].key < low:
                    low = pairs[i].key
                elif pairs[i].key > high:
                    high = pairs[i].key
            part.column = (part.column + 1) % index.columns
            if low != high:
                break
        else:
            continue  # they are all the same
        middle = part.begin + (part.end - part.begin + BLOCK) // (2 * BLOCK) * BLOCK
        part_at(pairs, part.begin, part.end - 1, middle)
        waiting[size] = Part(part.begin, middle, part.column)
        waiting[size + 1] = Part(middle, part.end, part.column)
        size += 2


cdef void move_numbers(int64_t* numbers, const Pair* pairs, int count, int64_t* spare) noexcept nogil:
    cdef int i
    for i in range(count):
        spare[i] = numbers[pairs[i].row]
    memcpy(numbers, spare, <size_t>count * 8)


cdef int move_rows(Blocks index, const Pair* pairs, int count) except -1:
    """Lay the rows down in the order of the pairs; nothing has changed when there is no memory."""
    cdef int c, i
    cdef size_t widest = NAME if NAME > 8 else 8
    cdef uint8_t* spare = <uint8_t*>malloc(<size_t>(count + 1) * widest)
    if spare == NULL:
        raise MemoryError()
    for i in range(count):
        memcpy(spare + <size_t>i * NAME, index.names + <size_t>pairs[i].row * NAME, NAME)
    memcpy(index.names, spare, <size_t>count * NAME)
    move_numbers(index.costs, pairs, count, <int64_t*>spare)
    for c in range(index.columns):
        move_numbers(index.cells[c], pairs, count, <int64_t*>spare)
    free(spare)
    index.rows = index.live = index.ordered = count
    for i in range(count):
        index.gone[i] = 0
        cover(index, i)
    return enter_all(index)
