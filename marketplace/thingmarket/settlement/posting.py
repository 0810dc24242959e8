"""One transfer of any kind: every check in its order of precedence, its effect, and the way back."""

from typing import Final

from thingmarket.limits import LEDGER_AMOUNT_MAX
from thingmarket.settlement.accounts import INT64_MAX, AccountFlag, AccountTable
from thingmarket.settlement.known import OPEN, IdState, KnownIds
from thingmarket.settlement.transfers import (
    ALL_FLAGS,
    NO_ID,
    RECORD,
    RESERVED_ZEROS,
    Fields,
    Flag,
    Status,
    difference,
)

_PENDING: Final = int(Flag.PENDING)
_POST: Final = int(Flag.POST_PENDING)
_VOID: Final = int(Flag.VOID_PENDING)
_RESOLVING: Final = _POST | _VOID
_CLOSED: Final = int(AccountFlag.CLOSED)
_DEBITS_GUARD: Final = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_GUARD: Final = int(AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS)
_RESOLVED: Final = {
    int(IdState.POSTED): Status.PENDING_TRANSFER_ALREADY_POSTED,
    int(IdState.VOIDED): Status.PENDING_TRANSFER_ALREADY_VOIDED,
    int(IdState.EXPIRED): Status.PENDING_TRANSFER_EXPIRED,
}


def create(
    accounts: AccountTable, known: KnownIds, fields: Fields, record: bytes, *, position: int, time_ms: int
) -> Status:
    """Decide one transfer and, when the answer is CREATED, give it its effect."""
    id_, flags = fields[0], fields[10]
    if fields[11] != RESERVED_ZEROS:
        return Status.RESERVED_FIELD
    if flags & ~ALL_FLAGS:
        return Status.RESERVED_FLAG
    if id_ == NO_ID:
        return Status.ID_MUST_NOT_BE_ZERO
    before = known.record(id_)
    if before is not None:
        return difference(before, record) if before else Status.ID_ALREADY_FAILED
    if flags & _RESOLVING:
        return _resolve(accounts, known, fields, position, time_ms)
    status = _shape(fields) or _room(accounts, fields, time_ms)
    if status:
        return status
    debit, credit, amount, timeout_ms = fields[1], fields[2], fields[3], fields[7]
    if flags & _PENDING:
        accounts.pend(debit, credit, amount)
        known.open(id_, record, time_ms + timeout_ms if timeout_ms else 0)
    else:
        accounts.post(debit, credit, amount)
        known.index[id_] = position
    return Status.CREATED


def undo(accounts: AccountTable, known: KnownIds, fields: Fields) -> None:
    """Take back a transfer that this batch created: a later one of its chain failed."""
    id_, flags = fields[0], fields[10]
    if flags & _PENDING:
        known.undo_open(id_)
        _move_pending(accounts, fields, -1)
        return
    del known.index[id_]
    if not flags & _RESOLVING:
        accounts.post(fields[1], fields[2], -fields[3])
        return
    pending: Fields = RECORD.unpack(known.pendings[fields[4]][0])
    known.undo_resolve(fields[4])
    _move_pending(accounts, pending, 1)
    if flags & _POST:
        accounts.post(pending[1], pending[2], -(fields[3] or pending[3]))


def expire(accounts: AccountTable, known: KnownIds, id_: bytes, time_ms: int) -> None:
    """Free what a pending transfer held: its deadline has passed."""
    pending: Fields = RECORD.unpack(known.pendings[id_][0])
    known.resolve(id_, IdState.EXPIRED, time_ms)
    _move_pending(accounts, pending, -1)


def _move_pending(accounts: AccountTable, pending: Fields, sign: int) -> None:
    accounts.pend(pending[1], pending[2], sign * pending[3])


def _shape(fields: Fields) -> Status:
    """What a plain or pending transfer must be, whatever the state of the ledger."""
    _, debit, credit, amount, pending_id, _, _, timeout_ms, ledger, code, flags, _ = fields
    if debit == 0:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if credit == 0:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if debit == credit:
        return Status.ACCOUNTS_MUST_BE_DIFFERENT
    if pending_id != NO_ID:
        return Status.PENDING_ID_MUST_BE_ZERO
    if timeout_ms and not flags & _PENDING:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if amount < 0:
        return Status.AMOUNT_MUST_NOT_BE_NEGATIVE
    if amount == 0:
        return Status.AMOUNT_MUST_NOT_BE_ZERO
    if amount > LEDGER_AMOUNT_MAX:
        return Status.AMOUNT_TOO_LARGE
    if ledger == 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    return Status.CREATED if code else Status.CODE_MUST_NOT_BE_ZERO


def _room(accounts: AccountTable, fields: Fields, time_ms: int) -> Status:
    """Whether both accounts exist, are open and have room for the amount."""
    debit, credit, amount, ledger = fields[1], fields[2], fields[3], fields[8]
    if debit > len(accounts):
        return Status.DEBIT_ACCOUNT_NOT_FOUND
    if credit > len(accounts):
        return Status.CREDIT_ACCOUNT_NOT_FOUND
    if accounts.ledger_of(debit) != accounts.ledger_of(credit):
        return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if accounts.ledger_of(debit) != ledger:
        return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    debit_flags, credit_flags = accounts.flags_of(debit), accounts.flags_of(credit)
    if debit_flags & _CLOSED:
        return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit_flags & _CLOSED:
        return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    status = _overflow(accounts, fields, time_ms)
    if status:
        return status
    pending, posted, _, posted_in = accounts.columns(debit)
    if debit_flags & _DEBITS_GUARD and pending + posted + amount > posted_in:
        return Status.EXCEEDS_CREDITS
    _, posted, pending_in, posted_in = accounts.columns(credit)
    if credit_flags & _CREDITS_GUARD and pending_in + posted_in + amount > posted:
        return Status.EXCEEDS_DEBITS
    return Status.CREATED


def _overflow(accounts: AccountTable, fields: Fields, time_ms: int) -> Status:
    """Whether a column, or what is pending and posted together, would pass 2^63-1."""
    debit, credit, amount, timeout_ms, flags = fields[1], fields[2], fields[3], fields[7], fields[10]
    debits_pending, debits_posted, _, _ = accounts.columns(debit)
    _, _, credits_pending, credits_posted = accounts.columns(credit)
    room = INT64_MAX - amount
    if flags & _PENDING:
        if debits_pending > room:
            return Status.OVERFLOWS_DEBITS_PENDING
        if credits_pending > room:
            return Status.OVERFLOWS_CREDITS_PENDING
    if debits_posted > room:
        return Status.OVERFLOWS_DEBITS_POSTED
    if credits_posted > room:
        return Status.OVERFLOWS_CREDITS_POSTED
    if debits_pending + debits_posted > room:
        return Status.OVERFLOWS_DEBITS
    if credits_pending + credits_posted > room:
        return Status.OVERFLOWS_CREDITS
    return Status.OVERFLOWS_TIMEOUT if time_ms + timeout_ms > INT64_MAX else Status.CREATED


def _resolve(accounts: AccountTable, known: KnownIds, fields: Fields, position: int, time_ms: int) -> Status:
    """Post or void a pending transfer."""
    id_, _, _, amount, pending_id, _, _, _, _, _, flags, _ = fields
    status = _resolving_shape(fields)
    if status:
        return status
    state = known.index.get(pending_id)
    record = known.record(pending_id)
    if state is None or not record:
        return Status.PENDING_TRANSFER_NOT_FOUND
    if state >= 0:
        return Status.PENDING_TRANSFER_NOT_PENDING
    pending: Fields = RECORD.unpack(record)
    status = _fits(fields, pending)
    if status:
        return status
    if state != OPEN:
        return _RESOLVED[state]
    if 0 < known.pendings[pending_id][1] <= time_ms:
        return Status.PENDING_TRANSFER_EXPIRED
    if flags & _POST:  # a void may still touch a closed account
        if accounts.flags_of(pending[1]) & _CLOSED:
            return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
        if accounts.flags_of(pending[2]) & _CLOSED:
            return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
        accounts.post(pending[1], pending[2], amount or pending[3])
    known.resolve(pending_id, IdState.POSTED if flags & _POST else IdState.VOIDED, time_ms)
    known.index[id_] = position
    _move_pending(accounts, pending, -1)
    return Status.CREATED


def _resolving_shape(fields: Fields) -> Status:
    """What a post or void must be, whatever the state of the ledger."""
    id_, _, _, amount, pending_id, _, _, timeout_ms, _, _, flags, _ = fields
    if flags & _PENDING or flags & _RESOLVING == _RESOLVING:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if pending_id == NO_ID:
        return Status.PENDING_ID_MUST_NOT_BE_ZERO
    if pending_id == id_:
        return Status.PENDING_ID_MUST_BE_DIFFERENT
    if timeout_ms:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if amount < 0:
        return Status.AMOUNT_MUST_NOT_BE_NEGATIVE
    return Status.AMOUNT_TOO_LARGE if amount > LEDGER_AMOUNT_MAX else Status.CREATED


def _fits(fields: Fields, pending: Fields) -> Status:
    """Whether a post or void says the same as its pending transfer; zero says nothing."""
    if fields[1] and fields[1] != pending[1]:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if fields[2] and fields[2] != pending[2]:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if fields[8] and fields[8] != pending[8]:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if fields[9] and fields[9] != pending[9]:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    if fields[3] > pending[3]:
        return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if fields[10] & _VOID and 0 < fields[3] < pending[3]:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    return Status.CREATED
