"""The bytes of a whole ledger: accounts, kept batches, pending transfers, resolved and burnt ids."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from struct import Struct
from struct import error as StructError
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import LEDGER_AMOUNT_MAX, TRANSFERS_PER_BATCH_MAX
from thingmarket.settlement.accounts import INT64_MAX, AccountTable
from thingmarket.settlement.known import OPEN, STATE, IdState, KnownIds
from thingmarket.settlement.transfers import (
    ALL_FLAGS,
    NO_ID,
    RECORD,
    RECORD_FLAGS,
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
_PENDING_FLAG: Final = int(Flag.PENDING)  # plain numbers: enums are slow here
_OTHER_FLAGS: Final = ~int(ALL_FLAGS)


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


def follow(changes: Mapping[bytes, bytes | None], accounts: AccountTable, known: KnownIds) -> None:
    """Change a ledger as another one had changed, by the rows that it gave of itself (MALFORMED)."""
    try:
        for key in sorted(key for key in changes if key[:1] == b"a"):
            accounts.put_packed(int.from_bytes(key[1:], "big"), changes[key] or b"")
        posted: list[tuple[int, bytes]] = []
        for key, packed in changes.items():
            if key[:1] == b"a":
                continue
            if packed is not None and not packed[0]:
                posted.append((STATE.unpack_from(packed)[1], packed[STATE.size :]))
            known.put_packed(key[1:], packed)
    except (ValueError, KeyError, StructError) as broken:
        raise Refusal(Code.MALFORMED, f"ledger changes: {broken}") from broken
    for time_ms, together in groupby(posted, key=itemgetter(0)):
        records = [record for _, record in together]
        for start in range(0, len(records), TRANSFERS_PER_BATCH_MAX):
            batch = records[start : start + TRANSFERS_PER_BATCH_MAX]
            _restore_batch(known, time_ms, len(batch), b"".join(batch))


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
    for flags, reserved in RECORD_FLAGS.iter_unpack(batch):
        if not _is_clean(flags, reserved) or flags & _PENDING_FLAG:
            raise ValueError("a kept transfer is none")
    known.end(keep=True)


def _restore_pending(
    accounts: AccountTable, known: KnownIds, state: IdState, deadline_ms: int, record: bytes
) -> None:
    id_, debit, credit, amount, _, _, _, _, ledger, _, flags, reserved = RECORD.unpack(record)
    if state > OPEN or not _is_clean(flags, reserved) or not flags & _PENDING_FLAG or id_ == NO_ID:
        raise ValueError("a pending transfer is none")
    if not (0 < debit <= len(accounts) and 0 < credit <= len(accounts) and debit != credit):
        raise ValueError("a pending transfer has no accounts")
    if accounts.ledger_of(debit) != ledger or accounts.ledger_of(credit) != ledger:
        raise ValueError("a pending transfer is of another ledger")
    if not 0 < amount <= LEDGER_AMOUNT_MAX or deadline_ms < 0:
        raise ValueError("a pending transfer is out of range")
    known.restore_pending(id_, state, record, deadline_ms)


def _is_clean(flags: int, reserved: bytes) -> bool:
    return flags & _OTHER_FLAGS == 0 and reserved == RESERVED_ZEROS


def _in_order(before_ms: int, time_ms: int) -> int:
    if not before_ms <= time_ms <= INT64_MAX:
        raise ValueError("times run backwards")
    return time_ms


def _check(body: bytes) -> blake2b:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"tm-ledger-snap")
