"""Transfers as packed 128-byte records, and every answer that a ledger has for one."""

import struct
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag, unique
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.values import quick

TRANSFER_BYTES: Final = 128
ID_BYTES: Final = 16
NO_ID: Final = bytes(ID_BYTES)

# id, debit, credit, amount, pending id, reference, reference2, timeout, ledger, code, flags, reserved
RECORD: Final = struct.Struct("<16sQQq16s16sQQQHH28s")
RESERVED_ZEROS: Final = bytes(28)

# The same bytes for the fast path: references are not looked at, flags and reserved bytes are one field.
PLAIN_RECORD: Final = struct.Struct("<16sQQq16s24xQQH30s")
PLAIN_TAIL: Final = bytes(30)

RECORD_FLAGS: Final = struct.Struct("<98xH28s")  # flags, reserved
RECORD_ID: Final = struct.Struct("<16s112x")
RECORD_ROWS: Final = struct.Struct("<16xQQ96x")  # debit, credit

Fields = tuple[bytes, int, int, int, bytes, bytes, int, int, int, int, int, bytes]
"""A record taken apart, in the order of RECORD."""


@unique
class Flag(IntFlag):
    """What a transfer does; LINKED ties it to the next one, so that both happen or neither."""

    LINKED = 1
    PENDING = 2
    POST_PENDING = 4
    VOID_PENDING = 8


NO_FLAGS: Final = Flag(0)
_LINKED: Final = int(Flag.LINKED)
ALL_FLAGS: Final = 15


@unique
class Status(IntEnum):
    """TigerBeetle's answers in its order of precedence; frozen, and shown by a node as 45000+n."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    LINKED_EVENT_CHAIN_TOO_LONG = 3  # ours: more than limits.CHAIN_MAX
    RESERVED_FIELD = 4
    RESERVED_FLAG = 5
    ID_MUST_NOT_BE_ZERO = 6
    EXISTS_WITH_DIFFERENT_FLAGS = 7
    EXISTS_WITH_DIFFERENT_PENDING_ID = 8
    EXISTS_WITH_DIFFERENT_TIMEOUT = 9
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = 10
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = 11
    EXISTS_WITH_DIFFERENT_AMOUNT = 12
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = 13  # our `reference`
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = 14  # our `reference2`
    EXISTS_WITH_DIFFERENT_LEDGER = 15
    EXISTS_WITH_DIFFERENT_CODE = 16
    EXISTS = 17
    ID_ALREADY_FAILED = 18
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 19
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 20
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 21
    ACCOUNTS_MUST_BE_DIFFERENT = 22
    PENDING_ID_MUST_BE_ZERO = 23
    PENDING_ID_MUST_NOT_BE_ZERO = 24
    PENDING_ID_MUST_BE_DIFFERENT = 25
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = 26
    AMOUNT_MUST_NOT_BE_NEGATIVE = 27  # ours: amounts are signed 64-bit here
    AMOUNT_MUST_NOT_BE_ZERO = 28
    AMOUNT_TOO_LARGE = 29  # ours: more than limits.LEDGER_AMOUNT_MAX
    LEDGER_MUST_NOT_BE_ZERO = 30
    CODE_MUST_NOT_BE_ZERO = 31
    DEBIT_ACCOUNT_NOT_FOUND = 32
    CREDIT_ACCOUNT_NOT_FOUND = 33
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 34
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = 35
    PENDING_TRANSFER_NOT_FOUND = 36
    PENDING_TRANSFER_NOT_PENDING = 37
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = 38
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = 39
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = 40
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = 41
    EXCEEDS_PENDING_TRANSFER_AMOUNT = 42
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = 43
    PENDING_TRANSFER_ALREADY_POSTED = 44
    PENDING_TRANSFER_ALREADY_VOIDED = 45
    PENDING_TRANSFER_EXPIRED = 46
    DEBIT_ACCOUNT_ALREADY_CLOSED = 47
    CREDIT_ACCOUNT_ALREADY_CLOSED = 48
    OVERFLOWS_DEBITS_PENDING = 49
    OVERFLOWS_CREDITS_PENDING = 50
    OVERFLOWS_DEBITS_POSTED = 51
    OVERFLOWS_CREDITS_POSTED = 52
    OVERFLOWS_DEBITS = 53
    OVERFLOWS_CREDITS = 54
    OVERFLOWS_TIMEOUT = 55
    EXCEEDS_CREDITS = 56
    EXCEEDS_DEBITS = 57


# Answers that another state of the ledger could turn into a yes: their ids are burnt, so a retry never
# does. TigerBeetle leaves the overflows out, though a voided pending amount can lift four of them.
TRANSIENT: Final = frozenset(
    {
        Status.DEBIT_ACCOUNT_NOT_FOUND,
        Status.CREDIT_ACCOUNT_NOT_FOUND,
        Status.PENDING_TRANSFER_NOT_FOUND,
        Status.DEBIT_ACCOUNT_ALREADY_CLOSED,
        Status.CREDIT_ACCOUNT_ALREADY_CLOSED,
        Status.OVERFLOWS_DEBITS_PENDING,
        Status.OVERFLOWS_CREDITS_PENDING,
        Status.OVERFLOWS_DEBITS,
        Status.OVERFLOWS_CREDITS,
        Status.EXCEEDS_CREDITS,
        Status.EXCEEDS_DEBITS,
    }
)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An amount that moves from a debit account to a credit account of one ledger, at most once.

    A post or void may leave `debit`, `credit`, `ledger` and `code` zero, which means those of its pending
    transfer, and `amount` zero, which means the whole of it. A post of less frees the rest.
    """

    id: bytes  # 16 bytes, begins with 48 bits of Unix milliseconds
    debit: int = 0  # account number
    credit: int = 0  # account number
    amount: int = 0  # minor units or steps, 1..2^62
    pending_id: bytes = NO_ID  # what a post or void resolves
    reference: bytes = NO_ID  # contract id
    reference2: int = 0  # unsigned 64-bit, for the caller
    timeout_ms: int = 0  # of a pending transfer; 0 never expires
    ledger: int = 0  # ISO 4217 numeric code, or >= 2^32 for goods
    code: int = 0  # the reason, 1..65535
    flags: Flag = NO_FLAGS

    def pack(self, *, linked: bool = False) -> bytes:
        """Write the 128 bytes that a ledger takes; `linked` ties it to the next one."""
        assert len(self.id) == len(self.pending_id) == len(self.reference) == ID_BYTES, "ids have 16 bytes"
        return RECORD.pack(
            self.id,
            self.debit,
            self.credit,
            self.amount,
            self.pending_id,
            self.reference,
            self.reference2,
            self.timeout_ms,
            self.ledger,
            self.code,
            int(self.flags) | _LINKED if linked else self.flags,
            RESERVED_ZEROS,
        )

    @classmethod
    def unpack(cls, record: bytes) -> Self:
        """Read 128 bytes back (MALFORMED for another length, reserved bytes or unknown flags)."""
        if len(record) != TRANSFER_BYTES:
            raise Refusal(Code.MALFORMED, f"a transfer has {TRANSFER_BYTES} bytes, not {len(record)}")
        *values, flags, reserved = RECORD.unpack(record)
        if reserved != RESERVED_ZEROS or flags & ~ALL_FLAGS:
            raise Refusal(Code.MALFORMED, "reserved bytes or flags of a transfer are not zero")
        return cls(**dict(zip(_NAMES, values, strict=True)), flags=Flag(flags))


_NAMES: Final = tuple(field.name for field in fields(Transfer))[:-1]


def difference(known: bytes, again: bytes) -> Status:
    """Say how a transfer differs from the known one that has its id; a retry sends the same bytes."""
    if known == again:
        return Status.EXISTS
    old, new = RECORD.unpack(known), RECORD.unpack(again)
    return next(status for field, status in _COMPARED if old[field] != new[field])


_COMPARED: Final = (
    (10, Status.EXISTS_WITH_DIFFERENT_FLAGS),
    (4, Status.EXISTS_WITH_DIFFERENT_PENDING_ID),
    (7, Status.EXISTS_WITH_DIFFERENT_TIMEOUT),
    (1, Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID),
    (2, Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID),
    (3, Status.EXISTS_WITH_DIFFERENT_AMOUNT),
    (5, Status.EXISTS_WITH_DIFFERENT_USER_DATA_128),
    (6, Status.EXISTS_WITH_DIFFERENT_USER_DATA_64),
    (8, Status.EXISTS_WITH_DIFFERENT_LEDGER),
    (9, Status.EXISTS_WITH_DIFFERENT_CODE),
)
