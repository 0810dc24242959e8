"""Ledger accounts: dense rows with four columns each, found by (owner, ledger, kind, reference)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique
from typing import Final, NamedTuple, NewType

from thingmarket.errors import Code, Refusal
from thingmarket.limits import ACCOUNTS_MAX
from thingmarket.values import quick

AccountNumber = NewType("AccountNumber", int)
"""Row of a ledger account, from 1; 0 names no account."""

INT64_MAX: Final = 2**63 - 1
UINT64_MAX: Final = 2**64 - 1
REFERENCE_BYTES_MAX: Final = 32  # a digest is the longest name that an account is told apart by
SET_OFF_ABOVE: Final = 2**61  # half of what a turnover may be: a trader never comes to its end

_NO_LEDGER: Final = -1  # row 0: differs from the ledger of any transfer, which is unsigned
_ROW: Final = struct.Struct("<QQHHqqqqB")  # owner, ledger, kind, flags, four columns, reference length


@unique
class AccountKind(IntEnum):
    """What an account is for; the number is stored for ever."""

    OWNER_WALLET = 100
    ESCROW = 200
    SELLER_RESERVE = 220
    FEE_INCOME = 300
    TAX_PAYABLE = 310
    LIQUIDITY = 500
    CLEARING = 510  # what orders in a book hold is pending to it
    POINTS_ISSUED = 600
    POINTS_WALLET = 610
    POINTS_CLAWBACK = 620
    EXTERNAL = 700
    GOODS = 800
    GOODS_ORIGIN = 810


@unique
class AccountFlag(IntFlag):
    """Guards, which a pending amount counts against, and the end of an account."""

    DEBITS_MUST_NOT_EXCEED_CREDITS = 1
    CREDITS_MUST_NOT_EXCEED_DEBITS = 2
    CLOSED = 4


NO_FLAGS: Final = AccountFlag(0)
GUARDS: Final = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS
_GUARDS: Final = int(GUARDS)  # plain numbers: enums are slow here
_DEBITS_GUARD: Final = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_GUARD: Final = int(AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS)
_FLAGS: Final = int(GUARDS | AccountFlag.CLOSED)
_KINDS: Final = frozenset(int(kind) for kind in AccountKind)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The four columns of an account, each 0..2^63-1; what it holds is credits less debits."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def free(self) -> int:
        """What may still be spent: pending debits count, pending credits do not."""
        return self.credits_posted - self.debits_posted - self.debits_pending


class AccountName(NamedTuple):
    """What an account is found by."""

    owner: int
    ledger: int
    kind: int
    reference: bytes


class AccountTable:
    """All accounts of a ledger as flat lists, so that posting touches integers and nothing else."""

    __slots__ = (
        "_numbers",
        "credits_pending",
        "credits_posted",
        "debits_pending",
        "debits_posted",
        "dirty",
        "flags",
        "ledgers",
        "names",
    )

    def __init__(self) -> None:
        """Start with row 0, which is no account."""
        self.names: list[tuple[int, int, int, bytes]] = [(0, 0, 0, b"")]
        self.ledgers: list[int] = [_NO_LEDGER]
        self.flags: list[int] = [int(AccountFlag.CLOSED)]
        self.debits_pending: list[int] = [0]
        self.debits_posted: list[int] = [0]
        self.credits_pending: list[int] = [0]
        self.credits_posted: list[int] = [0]
        self.dirty: set[int] = set()
        self._numbers: dict[tuple[int, int, int, bytes], int] = {}

    def __len__(self) -> int:
        """How many accounts there are; their numbers are 1 to this."""
        return len(self.ledgers) - 1

    def copy(self) -> "AccountTable":
        """Names and columns as they are now, to be read."""
        twin = AccountTable()
        twin.names, twin.ledgers, twin.flags = self.names.copy(), self.ledgers.copy(), self.flags.copy()
        twin.debits_pending, twin.debits_posted = self.debits_pending.copy(), self.debits_posted.copy()
        twin.credits_pending, twin.credits_posted = self.credits_pending.copy(), self.credits_posted.copy()
        return twin

    def find(self, owner: int, ledger: int, kind: int, reference: bytes) -> AccountNumber | None:
        """Find an account by its name."""
        number = self._numbers.get((owner, ledger, kind, reference))
        return None if number is None else AccountNumber(number)

    def open(self, owner: int, ledger: int, kind: int, reference: bytes, flags: int) -> AccountNumber:
        """Find an account or make it; an account keeps the guards it was made with."""
        found = self.find(owner, ledger, kind, reference)
        if found is not None:
            same = (self.flags[found] ^ int(flags)) & _GUARDS == 0
            assert same, "an account was opened again with other guards"
            return found
        assert 0 <= owner <= UINT64_MAX and 0 < ledger <= UINT64_MAX, "owner and ledger are unsigned 64-bit"
        assert len(reference) <= REFERENCE_BYTES_MAX, "an account reference is at most a digest"
        assert flags & GUARDS != GUARDS, "both guards together would freeze an account"
        self.check_room(1)
        return self._append((owner, ledger, int(kind), reference), int(flags), (0, 0, 0, 0))

    def check_room(self, accounts: int) -> None:
        """Return when so many more accounts can be made (FULL)."""
        if len(self) + accounts > ACCOUNTS_MAX:
            raise Refusal(Code.FULL, f"the ledger has room for {ACCOUNTS_MAX} accounts")

    def balance(self, number: AccountNumber) -> Balance:
        """Read the four columns of an account."""
        assert 0 < number < len(self.ledgers), "an account number came from this ledger"
        return Balance(
            debits_pending=self.debits_pending[number],
            debits_posted=self.debits_posted[number],
            credits_pending=self.credits_pending[number],
            credits_posted=self.credits_posted[number],
        )

    def free(self, number: int) -> int:
        """What an account may still spend: pending debits count."""
        return self.credits_posted[number] - self.debits_posted[number] - self.debits_pending[number]

    def hold(self, holder: int, clearing: int, amount: int) -> None:
        """Set an amount of an account aside for an order in a book, or free it when below zero. [ORD-9]

        Who asks has looked at what is free; the same book frees it, so no id or deadline belongs to it.
        """
        assert self.ledgers[holder] == self.ledgers[clearing], "a hold stays in its ledger"
        self.debits_pending[holder] += amount
        self.credits_pending[clearing] += amount
        assert self.debits_pending[holder] >= 0, "no more is freed than was held"
        assert self.free(holder) >= 0, "an order was admitted for what its owner had"
        self.dirty.update((holder, clearing))

    def move(self, debit: int, credit: int, amount: int) -> None:
        """Post an amount that a fill has freed from one account to another of its ledger. [ORD-10]"""
        assert self.ledgers[debit] == self.ledgers[credit] and amount > 0, "a fill stays in its ledgers"
        self.debits_posted[debit] += amount
        self.credits_posted[credit] += amount
        assert self.free(debit) >= 0, "a fill costs at most what its order held"
        self.dirty.update((debit, credit))
        if self.credits_posted[credit] > SET_OFF_ABOVE:
            self._set_off(credit)

    def _set_off(self, number: int) -> None:
        """Take what went out of an account off what came in: turnover starts again, the balance stays."""
        both = min(self.debits_posted[number], self.credits_posted[number])
        self.debits_posted[number] -= both
        self.credits_posted[number] -= both

    def held(self, after: int, last: int) -> Iterator[tuple[AccountName, int]]:
        """Names of the accounts behind one up to another, and what each holds: posted credits less debits."""
        for number in range(after + 1, last + 1):
            yield AccountName(*self.names[number]), self.credits_posted[number] - self.debits_posted[number]

    def close(self, number: AccountNumber) -> None:
        """End an account: from now on only a void may still touch it."""
        assert 0 < number < len(self.ledgers), "an account number came from this ledger"
        self.flags[number] |= AccountFlag.CLOSED
        self.dirty.add(number)

    def packed(self, number: int) -> bytes:
        """The canonical bytes of one account."""
        owner, ledger, kind, reference = self.names[number]
        columns = (
            self.debits_pending[number],
            self.debits_posted[number],
            self.credits_pending[number],
            self.credits_posted[number],
        )
        return _ROW.pack(owner, ledger, kind, self.flags[number], *columns, len(reference)) + reference

    def append_packed(self, data: bytes, offset: int) -> int:
        """Add the account that `packed` wrote at `offset` and return the offset behind it (ValueError)."""
        owner, ledger, kind, flags, *columns, length = _ROW.unpack_from(data, offset)
        end: int = offset + _ROW.size + length
        name = (owner, ledger, kind, data[offset + _ROW.size : end])
        if end > len(data) or length > REFERENCE_BYTES_MAX or name in self._numbers:
            raise ValueError("an account's name is cut off, too long or there twice")
        if kind not in _KINDS or ledger == 0 or flags & ~_FLAGS or flags & _GUARDS == _GUARDS:
            raise ValueError("an account of no known kind")
        debits_pending, debits_posted, credits_pending, credits_posted = columns
        self._append(name, flags, (debits_pending, debits_posted, credits_pending, credits_posted))
        return end

    def put_packed(self, number: int, data: bytes) -> None:
        """Give an account, perhaps the next one, the columns and flags that `packed` wrote (ValueError)."""
        if number == len(self.ledgers):
            if self.append_packed(data, 0) != len(data):
                raise ValueError("an account has bytes left over")
            return
        owner, ledger, kind, flags, *columns, _ = _ROW.unpack_from(data)
        if not 0 < number < len(self.ledgers) or (owner, ledger, kind) != self.names[number][:3]:
            raise ValueError("an account is another one")
        self.flags[number] = flags
        self.debits_pending[number], self.debits_posted[number] = columns[:2]
        self.credits_pending[number], self.credits_posted[number] = columns[2:]

    def violations(self) -> Iterator[str]:
        """Name every column, guard or ledger sum that does not hold."""
        sums: dict[int, list[int]] = {}
        columns = (self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted)
        rows = zip(self.ledgers, self.flags, *columns, strict=True)
        next(rows)
        for number, (ledger, flags, pending, posted, pending_in, posted_in) in enumerate(rows, 1):
            debits, credits_ = pending + posted, pending_in + posted_in
            total = sums.setdefault(ledger, [0, 0])
            total[0] += pending - pending_in
            total[1] += posted - posted_in
            if pending < 0 or posted < 0 or pending_in < 0 or posted_in < 0:
                yield f"account {number}: a column is negative"
            if debits > INT64_MAX or credits_ > INT64_MAX:
                yield f"account {number}: columns are over 2^63-1"
            if flags & _DEBITS_GUARD and debits > posted_in:
                yield f"account {number}: debits exceed credits"
            if flags & _CREDITS_GUARD and credits_ > posted:
                yield f"account {number}: credits exceed debits"
        for ledger, total in sums.items():
            if any(total):
                yield f"ledger {ledger}: debits are not credits"

    def _append(
        self, name: tuple[int, int, int, bytes], flags: int, columns: tuple[int, int, int, int]
    ) -> AccountNumber:
        number = len(self.ledgers)
        self._numbers[name] = number
        self.names.append(name)
        self.ledgers.append(name[1])
        self.flags.append(flags)
        self.debits_pending.append(columns[0])
        self.debits_posted.append(columns[1])
        self.credits_pending.append(columns[2])
        self.credits_posted.append(columns[3])
        self.dirty.add(number)
        return AccountNumber(number)
