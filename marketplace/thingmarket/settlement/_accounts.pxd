# cython: language_level=3
"""C structures of the compiled account store, for other compiled modules: rows, holds and payments.

A row is 64 bytes, and no Python object stands for it. Row 0 is no account.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum AccountFlags:
    DEBITS_GUARD = 1
    CREDITS_GUARD = 2
    CLOSED_FLAG = 4

cdef struct Account:  # a cache line
    uint64_t owner
    uint64_t ledger
    int64_t debits_pending
    int64_t debits_posted
    int64_t credits_pending
    int64_t credits_posted
    uint64_t reference  # where its reference begins among all references
    uint16_t kind
    uint8_t flags
    uint8_t reference_bytes
    uint32_t is_dirty


cdef class AccountTable:
    cdef Account* rows
    cdef int32_t* dirty  # numbers of the rows that changed, in no order; room for all
    cdef int32_t used  # rows given away, row 0 included
    cdef int32_t room
    cdef int32_t dirty_count
    cdef int32_t* index  # open addressing: row numbers by their names, at most half full, never removed
    cdef uint64_t index_mask
    cdef uint64_t hash_key
    cdef char* references
    cdef size_t references_used
    cdef size_t references_room
    cdef int32_t row_of(
        self, uint64_t owner, uint64_t ledger, uint16_t kind, const char* reference, size_t length
    ) noexcept
    cdef int32_t append(
        self, uint64_t owner, uint64_t ledger, uint16_t kind, const char* reference, size_t length
    ) except -1
    cdef const Account* row(self, number) except NULL


cdef inline void mark(AccountTable accounts, int32_t number) noexcept:
    """A row has changed since changes were last taken."""
    if not accounts.rows[number].is_dirty:
        accounts.rows[number].is_dirty = 1
        accounts.dirty[accounts.dirty_count] = number
        accounts.dirty_count += 1


cdef inline int64_t free_of(const Account* row) noexcept:
    """What may still be spent: it lies within 64 bits, because every column is between 0 and 2^63-1."""
    return row.credits_posted - row.debits_posted - row.debits_pending


cdef inline int hold_amount(AccountTable accounts, int32_t holder, int32_t clearing, int64_t amount) noexcept:
    """Set aside, or free when below zero; -1, and nothing is changed, where that cannot be."""
    cdef Account* row = &accounts.rows[holder]
    cdef Account* against = &accounts.rows[clearing]
    if row.ledger != against.ledger:
        return -1
    if amount >= 0:
        if free_of(row) < amount or against.credits_pending > INT64_MAX - amount:
            return -1
    elif row.debits_pending < -amount or against.credits_pending < -amount:
        return -1
    row.debits_pending += amount
    against.credits_pending += amount
    mark(accounts, holder)
    mark(accounts, clearing)
    return 0


cdef inline void set_off_amount(AccountTable accounts, int32_t number) noexcept:
    """Take what went out off what came in, where more than 2^61 did: the balance stays."""
    cdef Account* row = &accounts.rows[number]
    cdef int64_t both
    if row.credits_posted > (<int64_t> 1 << 61):
        both = min(row.debits_posted, row.credits_posted)
        row.debits_posted -= both
        row.credits_posted -= both
        mark(accounts, number)


cdef inline int move_amount(AccountTable accounts, int32_t debit, int32_t credit, int64_t amount) noexcept:
    """Post what a fill has freed; -1, and nothing is changed, where that cannot be."""
    cdef Account* source = &accounts.rows[debit]
    cdef Account* target = &accounts.rows[credit]
    if source.ledger != target.ledger or amount <= 0 or target.credits_posted > INT64_MAX - amount:
        return -1
    if debit != credit and free_of(source) < amount:
        return -1
    source.debits_posted += amount
    target.credits_posted += amount
    mark(accounts, debit)
    mark(accounts, credit)
    set_off_amount(accounts, credit)
    return 0
