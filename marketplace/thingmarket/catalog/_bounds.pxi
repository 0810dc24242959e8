# What a cell, or the best one within the bounds of a block, comes to; and the order of blocks and rows.

cdef extern from *:
    ctypedef int int128 "__int128"

cdef enum:
    BLOCK = 512
    COLUMNS = 24
    CONDITIONS = 48
    WISHES = 16
    VALUES = 64
    KEPT = 1000
    NAME = 32
    LOOSE_MIN = 4096  # rows that came or went since all was put in order, before it is done again
    LOOSE_SHARE = 8  # or this part of all rows, so that each row is moved a bounded number of times
    HAS_VALUE = 1
    HAS_UNSTATED = 2
    HAS_OTHERWISE = 4
    HAS_ANYTHING = 8

cdef int64_t PLAIN_WAY_MAX = <int64_t>1 << 43  # times a weight of a million it fits 64 bits
cdef int64_t CELL_MAX = (<int64_t>1 << 62) - 1
cdef int64_t UNSTATED = <int64_t>(<uint64_t>1 << 63)
cdef int64_t OTHERWISE = UNSTATED + 1
cdef int64_t ANYTHING = UNSTATED + 2

cdef struct Bound:
    int64_t low
    int64_t high
    uint8_t has

cdef struct Pair:
    int64_t key
    int32_t row

cdef struct Candidate:  # a block or a row: `key` is standing and score, the least first
    uint64_t key
    int64_t cost
    int32_t at

cdef struct Condition:
    int64_t low
    int64_t high
    int column
    int values
    bint but
    bint strict
    int64_t value[VALUES]

cdef struct Wish:
    int64_t worst
    int64_t span  # 0: one of the values
    uint64_t slope  # of a point per step, times 2^32 and rounded up
    int64_t weight
    int column
    int shift
    int values
    bint down
    int64_t value[VALUES]

cdef struct Asked:
    int conditions
    int wishes
    Condition condition[CONDITIONS]
    Wish wish[WISHES]

cdef struct Part:  # of the rows that are put in order
    int begin
    int end
    int column


cdef inline bint is_cell(int64_t number) noexcept nogil:
    return -CELL_MAX <= number and number <= CELL_MAX


cdef inline bint listed(int64_t cell, const int64_t* values, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        if values[i] == cell:
            return True
    return False


cdef inline int finding(const Condition* one, int64_t cell) noexcept nogil:
    cdef bint met
    if cell < -CELL_MAX:
        return 1 if cell == UNSTATED else 0 if cell == ANYTHING else 2
    if one.values:
        met = listed(cell, one.value, one.values)
    else:
        met = one.low <= cell and cell <= one.high
    return 2 if met == one.but else 0


cdef inline int best_finding(const Condition* one, const Bound* bound) noexcept nogil:
    """What the best cell within a bound may come to."""
    cdef int i
    cdef bint met = False
    if bound.has & HAS_ANYTHING:
        return 0
    if bound.has & HAS_VALUE:
        if one.but:
            if one.values:
                met = bound.low != bound.high or not listed(bound.low, one.value, one.values)
            else:
                met = bound.low < one.low or bound.high > one.high
        elif one.values:
            for i in range(one.values):
                if bound.low <= one.value[i] and one.value[i] <= bound.high:
                    met = True
                    break
        else:
            met = one.low <= bound.high and bound.low <= one.high
        if met:
            return 0
    return 1 if bound.has & HAS_UNSTATED else 2


cdef inline int64_t points(const Wish* one, int64_t cell) noexcept nogil:
    cdef int64_t way
    if cell < -CELL_MAX:
        return one.weight if cell == ANYTHING else 0
    if not one.span:
        return one.weight if listed(cell, one.value, one.values) else 0
    way = one.worst - cell if one.down else cell - one.worst
    if way <= 0:
        return 0
    if way >= one.span:
        return one.weight
    if way < PLAIN_WAY_MAX:
        return one.weight * way / one.span
    return <int64_t>(<int128>one.weight * way / one.span)


cdef inline uint64_t at_most(const Wish* one, int64_t cell) noexcept nogil:
    """Points times 2^32, without a division and never too few."""
    cdef int64_t way
    if cell < -CELL_MAX:
        return <uint64_t>one.weight << 32 if cell == ANYTHING else 0
    if not one.span:
        return <uint64_t>one.weight << 32 if listed(cell, one.value, one.values) else 0
    way = one.worst - cell if one.down else cell - one.worst
    if way <= 0:
        return 0
    if way >= one.span:
        return <uint64_t>one.weight << 32
    return (<uint64_t>(way >> one.shift) + (1 if one.shift else 0)) * one.slope


cdef inline int64_t best_points(const Wish* one, const Bound* bound) noexcept nogil:
    """What the best cell within a bound may come to."""
    cdef int i
    cdef uint64_t found
    if bound.has & HAS_ANYTHING:
        return one.weight
    if not bound.has & HAS_VALUE:
        return 0
    if not one.span:
        for i in range(one.values):
            if bound.low <= one.value[i] and one.value[i] <= bound.high:
                return one.weight
        return 0
    found = at_most(one, bound.low if one.down else bound.high) >> 32
    return <int64_t>found if <int64_t>found < one.weight else one.weight


cdef inline uint64_t key_of(int standing, int64_t score) noexcept nogil:
    return (<uint64_t>standing << 32) | <uint64_t>(0x7fffffff - score)


cdef inline bint before(const Candidate* one, const Candidate* other) noexcept nogil:
    return one.key < other.key or (one.key == other.key and one.cost < other.cost)


cdef void sift(Candidate* heap, int size, int at) noexcept nogil:
    cdef int child
    cdef Candidate moved = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and before(&heap[child + 1], &heap[child]):
            child += 1
        if not before(&heap[child], &moved):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = moved


cdef void part_at(Pair* pairs, int low, int high, int nth) noexcept nogil:
    """Order pairs low..high (inclusive) just so far that no key before `nth` is greater than one behind."""
    cdef uint64_t drawn = 0x9e3779b97f4a7c15ULL  # always the same draws
    cdef int i, j
    cdef int64_t pivot
    cdef Pair held
    while low < high:
        drawn = drawn * 6364136223846793005ULL + 1442695040888963407ULL
        pivot = pairs[low + <int>((drawn >> 33) % <uint64_t>(high - low + 1))].key
        i, j = low, high
        while i <= j:
            while pairs[i].key < pivot:
                i += 1
            while pairs[j].key > pivot:
                j -= 1
            if i <= j:
                held = pairs[i]
                pairs[i] = pairs[j]
                pairs[j] = held
                i += 1
                j -= 1
        if nth <= j:
            high = j
        elif nth >= i:
            low = i
        else:
            return
