"""The bytes of a whole ledger: accounts, kept batches, pending transfers, resolved and burnt ids."""

from collections.abc import Iterator
from hashlib import blake2b
from struct import Struct
from struct import error as StructError
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import LEDGER_AMOUNT_MAX, TRANSFERS_PER_BATCH_MAX
from thingmarket.settlement.accounts import INT64_MAX, AccountTable
from thingmarket.settlement.known import OPEN, IdState, KnownIds
from thingmarket.settlement.transfers import (
    ALL_FLAGS,
    NO_ID,
    RECORD,
    RECORD_ID,
    RESERVED_ZEROS,
    TRANSFER_BYTES,
    Flag,
)

_MAGIC: Final = b"thingmarket ledger 2\n"
_COUNTS: Final = Struct("<QQQ")  # accounts, pendings, resolved and burnt ids
_BATCH: Final = Struct("<qI")  # time, records; none of them ends the batches
_NO_BATCH: Final = (0, 0)
_PENDING: Final = Struct("<bq128s")  # state, deadline, record
_ASIDE: Final = Struct("<16sq")  # id, when
_CHECK_BYTES: Final = 32


def parts(accounts: AccountTable, known: KnownIds) -> Iterator[bytes]:
    """Write a ledger with a BLAKE2b-256 check at its end, a row or batch at a time."""
    check = _check(b"")
    for part in _rows(accounts, known):
        check.update(part)
        yield part
    yield check.digest()


def _rows(accounts: AccountTable, known: KnownIds) -> Iterator[bytes]:
    yield _MAGIC + _COUNTS.pack(len(accounts), len(known.pendings), len(known.aside))
    for number in range(1, len(accounts) + 1):
        yield accounts.packed(number)
    for time_ms, records in known.living():
        yield _BATCH.pack(time_ms, len(records)) + b"".join(records)
    yield _BATCH.pack(*_NO_BATCH)
    for id_, (record, deadline_ms) in known.pendings.items():
        yield _PENDING.pack(known.index[id_], deadline_ms, record)
    for id_, when_ms in known.aside.items():
        yield _ASIDE.pack(id_, when_ms)


def unpack_into(data: bytes, accounts: AccountTable, known: KnownIds) -> int:
    """Fill an empty ledger and return the latest time in it, in Unix milliseconds (MALFORMED)."""
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if not body.startswith(_MAGIC) or _check(body).digest() != check:
        raise Refusal(Code.MALFORMED, "a ledger snapshot is cut off, altered or none at all")
    try:
        return _read(body, accounts, known)
    except (ValueError, StructError) as broken:
        raise Refusal(Code.MALFORMED, f"ledger snapshot: {broken}") from broken


def _read(body: bytes, accounts: AccountTable, known: KnownIds) -> int:
    offset = len(_MAGIC) + _COUNTS.size
    accounts_count, pendings, aside = _COUNTS.unpack_from(body, len(_MAGIC))
    for _ in range(accounts_count):
        offset = accounts.append_packed(body, offset)
    latest_ms = 0
    while (head := _BATCH.unpack_from(body, offset)) != _NO_BATCH:
        (time_ms, count), offset = head, offset + _BATCH.size
        end = offset + count * TRANSFER_BYTES
        _restore_batch(known, _in_order(latest_ms, time_ms), count, body[offset:end])
        offset, latest_ms = end, time_ms
    offset += _BATCH.size
    for _ in range(pendings):
        state, deadline_ms, record = _PENDING.unpack_from(body, offset)
        _restore_pending(accounts, known, IdState(state), deadline_ms, record)
        offset += _PENDING.size
    previous_ms = 0
    for _ in range(aside):
        id_, when_ms = _ASIDE.unpack_from(body, offset)
        known.restore_aside(id_, _in_order(previous_ms, when_ms))
        offset, previous_ms = offset + _ASIDE.size, when_ms
    if offset != len(body):
        raise ValueError("bytes are left over")
    return max(latest_ms, previous_ms)


def _restore_batch(known: KnownIds, time_ms: int, count: int, batch: bytes) -> None:
    if not 0 < count <= TRANSFERS_PER_BATCH_MAX or len(batch) != count * TRANSFER_BYTES:
        raise ValueError("a batch is cut off or too long")
    for position, (id_,) in enumerate(RECORD_ID.iter_unpack(batch), known.begin(time_ms, batch)):
        if id_ == NO_ID or known.index.setdefault(id_, position) != position:
            raise ValueError("an id is zero or there twice")
    for fields in RECORD.iter_unpack(batch):
        if not _is_clean(fields[10], fields[11]) or fields[10] & Flag.PENDING:
            raise ValueError("a kept transfer is none")
    known.end(keep=True)


def _restore_pending(
    accounts: AccountTable, known: KnownIds, state: IdState, deadline_ms: int, record: bytes
) -> None:
    id_, debit, credit, amount, _, _, _, _, ledger, _, flags, reserved = RECORD.unpack(record)
    if state > OPEN or not _is_clean(flags, reserved) or not flags & Flag.PENDING or id_ == NO_ID:
        raise ValueError("a pending transfer is none")
    if not (0 < debit <= len(accounts) and 0 < credit <= len(accounts) and debit != credit):
        raise ValueError("a pending transfer has no accounts")
    if accounts.ledgers[debit] != ledger or accounts.ledgers[credit] != ledger:
        raise ValueError("a pending transfer is of another ledger")
    if not 0 < amount <= LEDGER_AMOUNT_MAX or deadline_ms < 0:
        raise ValueError("a pending transfer is out of range")
    known.restore_pending(id_, state, record, deadline_ms)


def _is_clean(flags: int, reserved: bytes) -> bool:
    return flags & ~ALL_FLAGS == 0 and reserved == RESERVED_ZEROS


def _in_order(before_ms: int, time_ms: int) -> int:
    if not before_ms <= time_ms <= INT64_MAX:
        raise ValueError("times run backwards")
    return time_ms


def _check(body: bytes) -> blake2b:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"tm-ledger-snap")
