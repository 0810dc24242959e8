# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What blocks.py says, compiled: columns of cells in blocks of 512 rows, each with how far it may reach."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from thingmarket.catalog.blocks import Found, Line, Row

include "_bounds.pxi"
include "_blocks_names.pxi"
include "_blocks_rows.pxi"


cdef class Blocks:
    """Rows of a name of 32 bytes, a cost and one cell per column, in blocks that lie close together."""

    kind = "native"

    cdef readonly int columns
    cdef int rows, live, room, ordered, block_room, slot_count
    cdef int64_t* cells[COLUMNS]
    cdef int64_t* costs
    cdef uint8_t* names
    cdef uint8_t* gone
    cdef Bound* bounds
    cdef int64_t* cost_lows
    cdef int* lives
    cdef Candidate* heap
    cdef int32_t* slots
    cdef uint64_t hash_key

    def __cinit__(self, int columns=0):
        """Begin with no rows."""
        if not 0 <= columns <= COLUMNS:
            raise AssertionError("an index has at most 24 columns")
        self.columns = columns
        # Python's hash of bytes has a secret of the process in it; no result depends on it.
        self.hash_key = <uint64_t><int64_t>hash(b"blocks")
        grow(self, BLOCK)

    def __dealloc__(self):
        cdef int c
        for c in range(COLUMNS):
            free(self.cells[c])
        free(self.costs)
        free(self.names)
        free(self.gone)
        free(self.bounds)
        free(self.cost_lows)
        free(self.lives)
        free(self.heap)
        free(self.slots)

    def __len__(self):
        """Number of rows."""
        return self.live

    def __contains__(self, bytes name):
        """Whether there is a row of that name."""
        return len(name) == NAME and row_named(self, <const uint8_t*>name) >= 0

    @property
    def nbytes(self):
        """Memory that is held, in bytes."""
        cdef size_t row = 8 * (self.columns + 1) + NAME + 1
        cdef size_t block = COLUMNS * sizeof(Bound) + 8 + sizeof(int) + sizeof(Candidate)
        return self.room * row + self.block_room * block + self.slot_count * 4

    def widen(self):
        """Add a column in which no row states anything, and say its number."""
        cdef int c = self.columns, i
        if c >= COLUMNS:
            raise AssertionError("an index has at most 24 columns")
        self.cells[c] = <int64_t*>malloc(self.room * 8)
        if self.cells[c] == NULL:
            raise MemoryError()
        for i in range(self.rows):
            self.cells[c][i] = UNSTATED
        for i in range((self.rows + BLOCK - 1) // BLOCK):
            self.bounds[i * COLUMNS + c].has = HAS_UNSTATED
        self.columns += 1
        return c

    def put(self, bytes name not None, int64_t cost, cells):
        """Add a row that is not there."""
        cdef tuple given = tuple(cells)
        cdef int64_t new[COLUMNS]
        cdef int c, row = self.rows
        if len(name) != NAME or len(given) != self.columns:
            raise AssertionError("a row has a name of 32 bytes and one cell per column")
        if row_named(self, <const uint8_t*>name) >= 0:
            raise AssertionError("a row is added once")
        for c in range(self.columns):
            new[c] = given[c]
            if not is_cell(new[c]) and new[c] > ANYTHING:
                raise AssertionError("a cell lies within 2^62")
        if not is_cell(cost) and cost > ANYTHING:
            raise AssertionError("a cost lies within 2^62")
        if row == self.room:
            grow(self, row + (row >> 3 if row > 16 * BLOCK else row))
        memcpy(self.names + <size_t>row * NAME, <const uint8_t*>name, NAME)
        for c in range(self.columns):
            self.cells[c][row] = new[c]
        self.costs[row] = cost
        self.gone[row] = 0
        self.rows += 1
        self.live += 1
        enter(self, row)
        cover(self, row)
        if row + 1 - self.ordered > max(<int>LOOSE_MIN, self.ordered // LOOSE_SHARE):
            self.settle()

    def drop(self, bytes name not None):
        """Take out a row that must be there."""
        cdef int row = row_named(self, <const uint8_t*>name) if len(name) == NAME else -1
        if row < 0:
            raise KeyError(name)
        self.slots[slot_of(self, <const uint8_t*>name)] = -2
        self.gone[row] = 1
        self.live -= 1
        self.lives[row // BLOCK] -= 1
        if self.rows - self.live > max(<int>LOOSE_MIN, self.rows // LOOSE_SHARE):
            self.settle()

    def settle(self):
        """Forget what is gone and put all rows in order; done by itself when enough has changed."""
        cdef Pair* pairs = <Pair*>malloc((self.live + 1) * sizeof(Pair))
        cdef int i, count = 0
        if pairs == NULL:
            raise MemoryError()
        try:
            for i in range(self.rows):
                if not self.gone[i]:
                    pairs[count].row = i
                    count += 1
            part_rows(self, pairs, count)
            move_rows(self, pairs, count)
        finally:
            free(pairs)

    def best(self, ask, int most, *, after=None, int blocks_max=0):
        """The best `most` rows, or of those that stand behind `after`; see blocks.py."""
        cdef Asked asked
        cdef Candidate kept[KEPT]
        cdef Candidate behind = Candidate(0, 0, -1)
        cdef const uint8_t* behind_name = NULL
        cdef bytes name
        cdef int count = 0, blocks, looked_at = 0
        cdef Candidate block
        if not 0 < most <= KEPT:
            raise AssertionError("between one row and a thousand are asked for")
        self._read(ask, &asked)
        if after is not None:
            name = after[3]
            if len(name) != NAME:
                raise AssertionError("a name has 32 bytes")
            behind.key = key_of(after[0], -after[1])
            behind.cost = after[2]
            behind.at = -1
            behind_name = name
        blocks = self._promise(&asked)
        while blocks:
            block = self.heap[0]
            # One that reaches exactly as far may hold an earlier name.
            if count == most and before(&kept[count - 1], &block):
                break
            if blocks_max and looked_at == blocks_max:
                return Found((), False, looked_at)
            blocks -= 1
            self.heap[0] = self.heap[blocks]
            sift(self.heap, blocks, 0)
            count = self._look(&asked, block.at, kept, count, most, &behind, behind_name)
            looked_at += 1
        return Found(tuple([self._told(&asked, &kept[i]) for i in range(count)]), True, looked_at)

    cdef object _told(self, Asked* asked, Candidate* one):
        cdef list parts = [points(&asked.wish[i], self.cells[asked.wish[i].column][one.at])
                           for i in range(asked.wishes)]
        cdef int64_t score = 0x7fffffff - <int64_t>(one.key & 0xffffffff)
        cdef bytes name = self.names[<size_t>one.at * NAME:<size_t>one.at * NAME + NAME]
        return Row((<int>(one.key >> 32), -score, one.cost, name), tuple(parts))

    cdef int _read(self, ask, Asked* asked) except -1:
        """Take over what is asked, as check_ask of blocks.py has it."""
        cdef Condition* condition
        cdef Wish* wish
        cdef int64_t end
        asked.conditions = asked.wishes = 0
        if len(ask.conditions) > CONDITIONS or len(ask.wishes) > WISHES:
            raise AssertionError("too much is asked")
        for column, low, high, values, but, strict in ask.conditions:
            condition = &asked.condition[asked.conditions]
            condition.column, condition.low, condition.high = column, low, high
            condition.but, condition.strict = but, strict
            if not (is_cell(condition.low) and is_cell(condition.high)):
                raise AssertionError("what is asked is about cells")
            condition.values = self._values(column, values, condition.value)
            asked.conditions += 1
        for one in ask.wishes:
            wish = &asked.wish[asked.wishes]
            wish.column, wish.weight = one.column, one.weight
            wish.span = wish.values = wish.shift = 0
            if not 0 < wish.weight <= 1000000:
                raise AssertionError("a wish weighs up to a million")
            if not isinstance(one, Line):
                wish.values = self._values(wish.column, one.values, wish.value)
                if not wish.values:
                    raise AssertionError("a wish has up to 64 values")
            else:
                self._values(wish.column, (), wish.value)
                end = one.worst + one.span
                wish.worst = one.worst
                if end == wish.worst or not (is_cell(end) and is_cell(wish.worst)):
                    raise AssertionError("a line has two ends")
                wish.down = end < wish.worst
                wish.span = wish.worst - end if wish.down else end - wish.worst
                while wish.span >> wish.shift >> 32:
                    wish.shift += 1
                end = wish.span >> wish.shift
                wish.slope = ((<uint64_t>wish.weight << 32) + <uint64_t>end - 1) // <uint64_t>end
            asked.wishes += 1
        return 0

    cdef int _values(self, int column, values, int64_t* into) except -1:
        cdef int count = 0
        if not 0 <= column < self.columns:
            raise AssertionError("a column that is there is asked about")
        if len(values) > VALUES:
            raise AssertionError("a condition has at most 64 values")
        for value in values:
            into[count] = value
            if not is_cell(into[count]):
                raise AssertionError("what is asked is about cells")
            count += 1
        return count

    cdef int _promise(self, const Asked* asked) noexcept nogil:
        """Fill the heap with the blocks that may hold something, the most promising first."""
        cdef int b, i, standing, found, size = 0
        cdef int64_t score
        cdef const Bound* bounds
        for b in range((self.rows + BLOCK - 1) // BLOCK):
            if not self.lives[b]:
                continue
            bounds = self.bounds + <size_t>b * COLUMNS
            standing = 0
            for i in range(asked.conditions):
                found = best_finding(&asked.condition[i], &bounds[asked.condition[i].column])
                if asked.condition[i].strict:
                    if found == 2:
                        standing = 3
                        break
                elif found > standing:
                    standing = found
            if standing == 3:
                continue
            score = 0
            for i in range(asked.wishes):
                score += best_points(&asked.wish[i], &bounds[asked.wish[i].column])
            self.heap[size].key = key_of(standing, score)
            self.heap[size].cost = self.cost_lows[b]
            self.heap[size].at = b
            size += 1
        for i in range(size // 2 - 1, -1, -1):
            sift(self.heap, size, i)
        return size

    cdef int _look(self, const Asked* asked, int block, Candidate* kept, int count, int most,
                   const Candidate* behind, const uint8_t* behind_name) noexcept nogil:
        """Look at every row of a block and keep the best; returns how many are kept."""
        cdef uint16_t chosen[BLOCK]
        cdef uint8_t standing[BLOCK]
        cdef uint64_t reach[BLOCK]
        cdef int first = block * BLOCK, i, k, n = 0, left, at, found, place
        cdef int64_t score
        cdef const Condition* condition
        cdef const Wish* wish
        cdef const int64_t* cells
        cdef Candidate one
        for i in range(min(<int>BLOCK, self.rows - first)):
            chosen[n] = i
            standing[i] = 0
            n += not self.gone[first + i]
        for k in range(asked.conditions):
            condition = &asked.condition[k]
            cells = self.cells[condition.column] + first
            left = 0
            for i in range(n):
                at = chosen[i]
                found = finding(condition, cells[at])
                if condition.strict:
                    chosen[left] = at
                    left += found != 2
                else:
                    chosen[left] = at
                    left += 1
                    if found > standing[at]:
                        standing[at] = found
            n = left
        memset(reach, 0, n * sizeof(uint64_t))
        for k in range(asked.wishes):
            wish = &asked.wish[k]
            cells = self.cells[wish.column] + first
            for i in range(n):
                reach[i] += at_most(wish, cells[chosen[i]])
        for i in range(n):
            at = first + chosen[i]
            one.at, one.cost = at, self.costs[at]
            one.key = key_of(standing[chosen[i]], <int64_t>(reach[i] >> 32))
            if count == most and self._after(&one, &kept[count - 1], self._name(&kept[count - 1])):
                continue
            score = 0
            for k in range(asked.wishes):
                score += points(&asked.wish[k], self.cells[asked.wish[k].column][at])
            one.key = key_of(standing[chosen[i]], score)
            if behind_name != NULL and not self._after(&one, behind, behind_name):
                continue
            if count == most:
                if self._after(&one, &kept[count - 1], self._name(&kept[count - 1])):
                    continue
                count -= 1
            place = count
            while place and self._after(&kept[place - 1], &one, self._name(&one)):
                kept[place] = kept[place - 1]
                place -= 1
            kept[place] = one
            count += 1
        return count

    cdef inline const uint8_t* _name(self, const Candidate* one) noexcept nogil:
        return self.names + <size_t>one.at * NAME

    cdef inline bint _after(
        self, const Candidate* one, const Candidate* other, const uint8_t* name
    ) noexcept nogil:
        """Whether a row stands behind a place."""
        if one.key != other.key:
            return one.key > other.key
        if one.cost != other.cost:
            return one.cost > other.cost
        return memcmp(self._name(one), name, NAME) > 0
