# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The packed account store over C rows: thingmarket.settlement.accounts, answer for answer, but quicker."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Contains, PyDict_SetItem
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

import sys

from thingmarket.limits import ACCOUNTS_MAX, LEDGER_AMOUNT_MAX
from thingmarket.settlement.accounts import (
    REFERENCE_BYTES_MAX,
    AccountKind,
    AccountName,
    Balance,
    check_size,
    violations_of_sums,
)

if sys.byteorder != "little":
    raise ImportError("rows are copied as they are written, which is little-endian")

cdef enum:
    ROW_BYTES = 53  # of a packed account before its reference
    TRANSFER_BYTES = 128
    ID_BYTES = 16
    REFERENCE_MAX = 32
    ROWS_AT_FIRST = 64
    INDEX_AT_FIRST = 256

assert sizeof(Account) == 64
assert REFERENCE_MAX == REFERENCE_BYTES_MAX

cdef int64_t AMOUNT_MAX = LEDGER_AMOUNT_MAX
cdef int32_t ROWS_MAX = ACCOUNTS_MAX
cdef frozenset KINDS = frozenset(int(kind) for kind in AccountKind)
cdef char ZEROS[30]
memset(ZEROS, 0, sizeof(ZEROS))


cdef int ascending(const void* one, const void* other) noexcept nogil:
    cdef int32_t left = (<const int32_t*> one)[0]
    cdef int32_t right = (<const int32_t*> other)[0]
    return (left > right) - (left < right)


include "_accounts_names.pxi"
include "_accounts_records.pxi"


cdef class AccountTable:
    """All accounts of a ledger as rows of 64 bytes."""

    def __cinit__(self):
        self.rows = <Account*> calloc(ROWS_AT_FIRST, sizeof(Account))
        self.dirty = <int32_t*> malloc(ROWS_AT_FIRST * sizeof(int32_t))
        self.index = <int32_t*> calloc(INDEX_AT_FIRST, sizeof(int32_t))
        if self.rows == NULL or self.dirty == NULL or self.index == NULL:
            raise MemoryError
        self.room = ROWS_AT_FIRST
        self.used = 1
        self.rows[0].flags = CLOSED_FLAG
        self.index_mask = INDEX_AT_FIRST - 1
        # Python's hash of bytes has a secret of the process in it; no output depends on it.
        self.hash_key = <uint64_t> <int64_t> hash(b"thingmarket accounts")

    def __dealloc__(self):
        free(self.rows)
        free(self.dirty)
        free(self.index)
        free(self.references)

    def __len__(self):
        return self.used - 1

    def copy(self):
        """Names and columns as they are now, to be read."""
        cdef AccountTable twin = AccountTable()
        make_room(twin, self.used)
        memcpy(twin.rows, self.rows, self.used * sizeof(Account))
        twin.used = self.used
        if self.references_used:
            twin.references = <char*> malloc(self.references_used)
            if twin.references == NULL:
                raise MemoryError
            memcpy(twin.references, self.references, self.references_used)
            twin.references_used = twin.references_room = self.references_used
        return twin

    # --- names

    cdef int32_t row_of(
        self, uint64_t owner, uint64_t ledger, uint16_t kind, const char* reference, size_t length
    ) noexcept:
        """Number of an account, or 0."""
        cdef uint64_t at = home_of(self, owner, ledger, kind, reference, length)
        cdef const Account* row
        cdef int32_t number
        while True:
            number = self.index[at]
            if number == 0:
                return 0
            row = &self.rows[number]
            if (
                row.owner == owner
                and row.ledger == ledger
                and row.kind == kind
                and row.reference_bytes == length
                and (length == 0 or memcmp(self.references + row.reference, reference, length) == 0)
            ):
                return number
            at = (at + 1) & self.index_mask

    cdef int32_t append(
        self, uint64_t owner, uint64_t ledger, uint16_t kind, const char* reference, size_t length
    ) except -1:
        """Number of a new account, with no flags and empty columns; its name is not there yet."""
        cdef Account* row
        make_room(self, self.used + 1)
        widen_index(self)
        row = &self.rows[self.used]
        memset(row, 0, sizeof(Account))
        row.owner = owner
        row.ledger = ledger
        row.kind = kind
        keep_reference(self, row, reference, length)
        put_index(self, self.used)
        self.used += 1
        mark(self, self.used - 1)
        return self.used - 1

    def find(self, owner, ledger, kind, bytes reference not None):
        """Find an account by its name."""
        if not (0 <= owner < 1 << 64 and 0 <= ledger < 1 << 64):
            return None
        cdef int32_t number = self.row_of(
            owner, ledger, kind, PyBytes_AS_STRING(reference), PyBytes_GET_SIZE(reference)
        )
        return number or None

    def open(self, owner, ledger, kind, bytes reference not None, flags):
        """Find an account or make it; an account keeps the guards it was made with."""
        cdef int guards = int(flags)
        cdef int32_t number
        assert 0 <= owner < 1 << 64 and 0 < ledger < 1 << 64, "owner and ledger are unsigned 64-bit"
        assert len(reference) <= REFERENCE_BYTES_MAX, "an account reference is at most a digest"
        number = self.row_of(owner, ledger, kind, PyBytes_AS_STRING(reference), len(reference))
        if number:
            same = (self.rows[number].flags ^ guards) & (DEBITS_GUARD | CREDITS_GUARD) == 0
            assert same, "an account was opened again with other guards"
            return number
        assert guards & 3 != 3, "both guards together would freeze an account"
        self.check_room(1)
        number = self.append(owner, ledger, kind, PyBytes_AS_STRING(reference), len(reference))
        self.rows[number].flags = <uint8_t> guards
        return number

    def check_room(self, accounts):
        """Return when so many more accounts can be made (FULL)."""
        check_size(self.used - 1 + accounts)

    # --- what an account is and has

    cdef const Account* row(self, number) except NULL:
        assert 0 < number < self.used, "an account number came from this ledger"
        return &self.rows[<int32_t> number]

    def name_of(self, number):
        """What an account is found by."""
        cdef const Account* row = self.row(number)
        return AccountName(
            row.owner,
            row.ledger,
            row.kind,
            self.references[row.reference : row.reference + row.reference_bytes],
        )

    def ledger_of(self, number):
        """The ledger of an account."""
        return self.row(number).ledger

    def flags_of(self, number):
        """Guards, and whether it is closed."""
        return self.row(number).flags

    def columns(self, number):
        """Debits pending and posted, credits pending and posted."""
        cdef const Account* row = self.row(number)
        return row.debits_pending, row.debits_posted, row.credits_pending, row.credits_posted

    def balance(self, number):
        """Read the four columns of an account."""
        cdef const Account* row = self.row(number)
        return Balance(
            debits_pending=row.debits_pending,
            debits_posted=row.debits_posted,
            credits_pending=row.credits_pending,
            credits_posted=row.credits_posted,
        )

    def free(self, number):
        """What an account may still spend: pending debits count."""
        return free_of(self.row(number))

    def most_owned(self, uint64_t owner, uint16_t kind, ledgers):
        """The most that an owner has, or may be given by what is pending, in any of these ledgers."""
        cdef const Account* row
        cdef int64_t most = 0
        cdef uint64_t ledger
        for ledger in ledgers:
            row = &self.rows[self.row_of(owner, ledger, kind, "", 0)]
            most = max(most, row.credits_posted + row.credits_pending - row.debits_posted)
        return most

    def held(self, after, last):
        """Names of the accounts behind one up to another, and what each holds: posted credits less debits."""
        for number in range(after + 1, last + 1):
            _, debits, _, credits_ = self.columns(number)
            yield self.name_of(number), credits_ - debits

    # --- changes

    def pend(self, debit, credit, int64_t amount):
        """Let an amount be pending between two accounts, or no more when below zero."""
        self.row(debit), self.row(credit)
        self.rows[<int32_t> debit].debits_pending += amount
        self.rows[<int32_t> credit].credits_pending += amount
        mark(self, debit)
        mark(self, credit)

    def post(self, debit, credit, int64_t amount):
        """Post an amount between two accounts, or take it back when below zero."""
        self.row(debit), self.row(credit)
        self.rows[<int32_t> debit].debits_posted += amount
        self.rows[<int32_t> credit].credits_posted += amount
        mark(self, debit)
        mark(self, credit)

    def post_plain(self, bytes batch not None, Py_ssize_t place, int64_t first, dict index not None):
        """Post plain transfers from `place` on; say where the first is that may be another kind."""
        cdef const PlainRecord* records = <const PlainRecord*> PyBytes_AS_STRING(batch)
        cdef Py_ssize_t count = len(batch) // TRANSFER_BYTES
        cdef const PlainRecord* record
        cdef bytes id_
        while place < count:
            record = &records[place]
            if not is_plain(self, record):
                break
            id_ = PyBytes_FromStringAndSize(record.id, ID_BYTES)
            if PyDict_Contains(index, id_):
                break
            PyDict_SetItem(index, id_, first + place)
            self.rows[record.debit].debits_posted += record.amount
            self.rows[record.credit].credits_posted += record.amount
            place += 1
        return place

    def hold(self, holder, clearing, int64_t amount):
        """Set an amount of an account aside for an order in a book, or free it when below zero."""
        self.row(holder), self.row(clearing)
        assert hold_amount(self, holder, clearing, amount) == 0, "an order holds what its owner has"

    def move(self, debit, credit, int64_t amount):
        """Post an amount that a fill has freed from one account to another of its ledger."""
        self.row(debit), self.row(credit)
        assert move_amount(self, debit, credit, amount) == 0, "a fill costs at most what its order held"

    def set_off(self, number):
        """Take what went out of an account off what came in, where much did: the balance stays."""
        self.row(number)
        set_off_amount(self, <int32_t> number)

    def close(self, number):
        """End an account: from now on only a void may still touch it."""
        self.row(number)
        self.rows[<int32_t> number].flags |= CLOSED_FLAG
        mark(self, number)

    def take_dirty(self):
        """Numbers of the accounts that were noted as changed since the last call, ascending."""
        cdef int32_t at
        cdef list numbers = []
        qsort(self.dirty, self.dirty_count, sizeof(int32_t), ascending)
        for at in range(self.dirty_count):
            self.rows[self.dirty[at]].is_dirty = 0
            numbers.append(self.dirty[at])
        self.dirty_count = 0
        return numbers

    # --- bytes

    def packed(self, number):
        """The canonical bytes of one account."""
        return self.packed_rows(number, number)

    def packed_rows(self, first, last):
        """The canonical bytes of neighbouring accounts, one behind the other."""
        self.row(first)  # both are there
        self.row(last)
        return written(self, first, last)

    def append_packed(self, bytes data not None, Py_ssize_t offset):
        """Add the account that `packed` wrote at `offset` and return the offset behind it (ValueError)."""
        cdef PackedRow given
        cdef const char* reference = PyBytes_AS_STRING(data) + offset + ROW_BYTES
        cdef Py_ssize_t end
        cdef int32_t number
        if offset < 0 or offset + ROW_BYTES > len(data):
            raise ValueError("an account is cut off")
        memcpy(&given, PyBytes_AS_STRING(data) + offset, ROW_BYTES)
        end = offset + ROW_BYTES + given.reference_bytes
        if (
            end > len(data)
            or given.reference_bytes > REFERENCE_MAX
            or self.row_of(given.owner, given.ledger, given.kind, reference, given.reference_bytes)
        ):
            raise ValueError("an account's name is cut off, too long or there twice")
        if given.kind not in KINDS or given.ledger == 0 or given.flags > 7 or given.flags & 3 == 3:
            raise ValueError("an account of no known kind")
        if self.used > ROWS_MAX:
            raise ValueError("more accounts than a ledger has")
        number = self.append(given.owner, given.ledger, given.kind, reference, given.reference_bytes)
        give_row(&self.rows[<int32_t> number], &given)
        return end

    def put_packed(self, number, bytes data not None):
        """Give an account, perhaps the next one, the columns and flags that `packed` wrote (ValueError)."""
        cdef PackedRow given
        cdef const Account* row
        if number == self.used:
            if self.append_packed(data, 0) != len(data):
                raise ValueError("an account has bytes left over")
            return
        if len(data) < ROW_BYTES or not 0 < number < self.used:
            raise ValueError("an account is another one")
        memcpy(&given, PyBytes_AS_STRING(data), ROW_BYTES)
        row = &self.rows[<int32_t> number]
        if given.owner != row.owner or given.ledger != row.ledger or given.kind != row.kind:
            raise ValueError("an account is another one")
        if given.flags > 7:
            raise ValueError("an account of no known kind")
        give_row(&self.rows[<int32_t> number], &given)

    def pendings(self):
        """Number, kind, debits and credits pending of every account that has any."""
        cdef int32_t number
        cdef const Account* row
        cdef list found = []
        for number in range(1, self.used):
            row = &self.rows[number]
            if row.debits_pending or row.credits_pending:
                found.append((number, row.kind, row.debits_pending, row.credits_pending))
        return found

    def violations(self):
        """Name every column, guard or ledger sum that does not hold."""
        cdef int32_t number
        cdef const Account* row
        cdef dict sums = {}
        for number in range(1, self.used):
            row = &self.rows[number]
            total = sums.setdefault(row.ledger, [0, 0])
            total[0] += <object> row.debits_pending - <object> row.credits_pending
            total[1] += <object> row.debits_posted - <object> row.credits_posted
            columns = self.columns(number)
            debits, credits_ = columns[0] + columns[1], columns[2] + columns[3]
            if min(columns) < 0:
                yield f"account {number}: a column is negative"
            if debits > INT64_MAX or credits_ > INT64_MAX:
                yield f"account {number}: columns are over 2^63-1"
            if row.flags & DEBITS_GUARD and debits > columns[3]:
                yield f"account {number}: debits exceed credits"
            if row.flags & CREDITS_GUARD and credits_ > columns[1]:
                yield f"account {number}: credits exceed debits"
        yield from violations_of_sums(sums)
