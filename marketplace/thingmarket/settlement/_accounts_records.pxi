# Accounts and transfers as they are written: the rows of snapshots and roots, the records of a batch.

cdef packed struct PackedRow:
    uint64_t owner
    uint64_t ledger
    uint16_t kind
    uint16_t flags
    int64_t debits_pending
    int64_t debits_posted
    int64_t credits_pending
    int64_t credits_posted
    uint8_t reference_bytes

cdef packed struct PlainRecord:  # a transfer as far as the quick path looks at it
    char id[ID_BYTES]
    uint64_t debit
    uint64_t credit
    int64_t amount
    char pending_id[ID_BYTES]
    char references[24]
    uint64_t timeout_ms
    uint64_t ledger
    uint16_t code
    char tail[30]

assert sizeof(PackedRow) == ROW_BYTES
assert sizeof(PlainRecord) == TRANSFER_BYTES


cdef bint is_plain(AccountTable accounts, const PlainRecord* record) noexcept:
    """Whether nothing but its id could be against a transfer."""
    cdef const Account* debit
    cdef const Account* credit
    cdef int64_t room
    if (
        memcmp(record.tail, ZEROS, 30) != 0
        or record.amount <= 0
        or record.amount > AMOUNT_MAX
        or record.debit >= <uint64_t> accounts.used
        or record.credit >= <uint64_t> accounts.used
        or record.debit == 0
        or record.credit == 0
        or record.debit == record.credit
        or memcmp(record.id, ZEROS, ID_BYTES) == 0
        or memcmp(record.pending_id, ZEROS, ID_BYTES) != 0
        or record.timeout_ms
        or record.code == 0
    ):
        return False
    debit = &accounts.rows[record.debit]
    credit = &accounts.rows[record.credit]
    if debit.ledger != record.ledger or credit.ledger != record.ledger:
        return False
    if debit.flags > DEBITS_GUARD or credit.flags > DEBITS_GUARD:
        return False
    room = debit.credits_posted if debit.flags else INT64_MAX  # no sum in here passes 2^63-1
    if room - debit.debits_pending - debit.debits_posted < record.amount:
        return False
    return INT64_MAX - credit.credits_pending - credit.credits_posted >= record.amount


cdef void write_row(PackedRow* out, const Account* row) noexcept:
    """All but its reference, which stands behind."""
    out.owner = row.owner
    out.ledger = row.ledger
    out.kind = row.kind
    out.flags = row.flags
    out.debits_pending = row.debits_pending
    out.debits_posted = row.debits_posted
    out.credits_pending = row.credits_pending
    out.credits_posted = row.credits_posted
    out.reference_bytes = row.reference_bytes


cdef void give_row(Account* row, const PackedRow* given) noexcept:
    """Columns and flags as they were written."""
    row.flags = <uint8_t> given.flags
    row.debits_pending = given.debits_pending
    row.debits_posted = given.debits_posted
    row.credits_pending = given.credits_pending
    row.credits_posted = given.credits_posted


cdef bytes written(AccountTable accounts, int32_t first, int32_t last):
    """Neighbouring accounts, one behind the other, each with its reference."""
    cdef const Account* row
    cdef int32_t number
    cdef size_t size = 0
    cdef char* out
    cdef bytes packed
    for number in range(first, last + 1):
        size += ROW_BYTES + accounts.rows[number].reference_bytes
    packed = PyBytes_FromStringAndSize(NULL, size)
    out = PyBytes_AS_STRING(packed)
    for number in range(first, last + 1):
        row = &accounts.rows[number]
        write_row(<PackedRow*> out, row)
        out += ROW_BYTES
        if row.reference_bytes:  # without any there may be no memory for them
            memcpy(out, accounts.references + row.reference, row.reference_bytes)
            out += row.reference_bytes
    return packed
