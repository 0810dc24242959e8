"""Ledger accounts: dense rows with four columns each, found by (owner, ledger, kind, reference).

The table here is the readable one, which specifies the compiled one.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique
from typing import Final, NamedTuple, NewType

from thingmarket.errors import Code, Refusal
from thingmarket.limits import ACCOUNTS_MAX, LEDGER_AMOUNT_MAX
from thingmarket.settlement.transfers import NO_ID, PLAIN_RECORD, PLAIN_TAIL, TRANSFER_BYTES
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
        "_credits_pending",
        "_credits_posted",
        "_debits_pending",
        "_debits_posted",
        "_dirty",
        "_flags",
        "_ledgers",
        "_names",
        "_numbers",
    )

    def __init__(self) -> None:
        """Start with row 0, which is no account."""
        self._names: list[tuple[int, int, int, bytes]] = [(0, 0, 0, b"")]
        self._ledgers: list[int] = [_NO_LEDGER]
        self._flags: list[int] = [int(AccountFlag.CLOSED)]
        self._debits_pending: list[int] = [0]
        self._debits_posted: list[int] = [0]
        self._credits_pending: list[int] = [0]
        self._credits_posted: list[int] = [0]
        self._dirty: set[int] = set()
        self._numbers: dict[tuple[int, int, int, bytes], int] = {}

    def __len__(self) -> int:
        """How many accounts there are; their numbers are 1 to this."""
        return len(self._ledgers) - 1

    def copy(self) -> "AccountTable":
        """Names and columns as they are now, to be read."""
        twin = AccountTable()
        twin._names, twin._ledgers, twin._flags = self._names.copy(), self._ledgers.copy(), self._flags.copy()
        twin._debits_pending, twin._debits_posted = self._debits_pending.copy(), self._debits_posted.copy()
        twin._credits_pending, twin._credits_posted = (
            self._credits_pending.copy(),
            self._credits_posted.copy(),
        )
        return twin

    def find(self, owner: int, ledger: int, kind: int, reference: bytes) -> AccountNumber | None:
        """Find an account by its name."""
        number = self._numbers.get((owner, ledger, kind, reference))
        return None if number is None else AccountNumber(number)

    def open(self, owner: int, ledger: int, kind: int, reference: bytes, flags: int) -> AccountNumber:
        """Find an account or make it; an account keeps the guards it was made with."""
        found = self.find(owner, ledger, kind, reference)
        if found is not None:
            same = (self._flags[found] ^ int(flags)) & _GUARDS == 0
            assert same, "an account was opened again with other guards"
            return found
        assert 0 <= owner <= UINT64_MAX and 0 < ledger <= UINT64_MAX, "owner and ledger are unsigned 64-bit"
        assert len(reference) <= REFERENCE_BYTES_MAX, "an account reference is at most a digest"
        assert flags & GUARDS != GUARDS, "both guards together would freeze an account"
        self.check_room(1)
        return self._append((owner, ledger, int(kind), reference), int(flags), (0, 0, 0, 0))

    def check_room(self, accounts: int) -> None:
        """Return when so many more accounts can be made (FULL)."""
        check_size(len(self) + accounts)

    def name_of(self, number: int) -> AccountName:
        """What an account is found by."""
        assert 0 < number < len(self._ledgers), "an account number came from this ledger"
        return AccountName(*self._names[number])

    def ledger_of(self, number: int) -> int:
        """The ledger of an account."""
        return self._ledgers[number]

    def flags_of(self, number: int) -> int:
        """Guards, and whether it is closed."""
        return self._flags[number]

    def columns(self, number: int) -> tuple[int, int, int, int]:
        """Debits pending and posted, credits pending and posted."""
        return (
            self._debits_pending[number],
            self._debits_posted[number],
            self._credits_pending[number],
            self._credits_posted[number],
        )

    def balance(self, number: AccountNumber) -> Balance:
        """Read the four columns of an account."""
        assert 0 < number < len(self._ledgers), "an account number came from this ledger"
        debits_pending, debits_posted, credits_pending, credits_posted = self.columns(number)
        return Balance(
            debits_pending=debits_pending,
            debits_posted=debits_posted,
            credits_pending=credits_pending,
            credits_posted=credits_posted,
        )

    def free(self, number: int) -> int:
        """What an account may still spend: pending debits count."""
        return self._credits_posted[number] - self._debits_posted[number] - self._debits_pending[number]

    def most_owned(self, owner: int, kind: int, ledgers: Iterable[int]) -> int:
        """The most that an owner has, or may be given by what is pending, in any of these ledgers."""
        found = (self.find(owner, ledger, kind, b"") for ledger in ledgers)
        columns = (self.columns(number) for number in found if number)
        return max((posted + pending - spent for _, spent, pending, posted in columns), default=0)

    def pend(self, debit: int, credit: int, amount: int) -> None:
        """Let an amount be pending between two accounts, or no more when below zero."""
        self._debits_pending[debit] += amount
        self._credits_pending[credit] += amount
        self._dirty.update((debit, credit))

    def post(self, debit: int, credit: int, amount: int) -> None:
        """Post an amount between two accounts, or take it back when below zero."""
        self._debits_posted[debit] += amount
        self._credits_posted[credit] += amount
        self._dirty.update((debit, credit))

    def post_plain(self, batch: bytes, place: int, first: int, index: dict[bytes, int]) -> int:
        """Post plain transfers from `place` on, and return the place of the first that may be another kind.

        It posts where `posting.create` would. Each gets its position, `first` and its place; what changed is
        told by the batch and not noted here.
        """
        debits_pending, debits_posted = self._debits_pending, self._debits_posted
        credits_pending, credits_posted = self._credits_pending, self._credits_posted
        ledgers, flags = self._ledgers, self._flags
        rows = len(ledgers)
        records = PLAIN_RECORD.iter_unpack(memoryview(batch)[place * TRANSFER_BYTES :])
        position = first + place
        for id_, debit, credit, amount, pending_id, timeout_ms, ledger, code, tail in records:
            if not (
                tail == PLAIN_TAIL
                and id_ not in index
                and 0 < amount <= LEDGER_AMOUNT_MAX
                and debit < rows > credit
                and ledgers[debit] == ledger == ledgers[credit]
                and debit != credit
                and id_ != NO_ID
                and pending_id == NO_ID
                and not timeout_ms
                and code
            ):
                break
            debits, credits_ = debits_posted[debit] + amount, credits_posted[credit] + amount
            guard = flags[debit]
            if not (
                (guard == _DEBITS_GUARD or not guard)
                and debits + debits_pending[debit] <= (credits_posted[debit] if guard else INT64_MAX)
                and flags[credit] <= _DEBITS_GUARD
                and credits_ + credits_pending[credit] <= INT64_MAX
            ):
                break
            debits_posted[debit] = debits
            credits_posted[credit] = credits_
            index[id_] = position
            position += 1
        return position - first

    def hold(self, holder: int, clearing: int, amount: int) -> None:
        """Set an amount of an account aside for an order in a book, or free it when below zero. [ORD-9]

        Who asks has looked at what is free; the same book frees it, so no id or deadline belongs to it.
        """
        assert self._ledgers[holder] == self._ledgers[clearing], "a hold stays in its ledger"
        self._debits_pending[holder] += amount
        self._credits_pending[clearing] += amount
        assert self._debits_pending[holder] >= 0, "no more is freed than was held"
        assert self.free(holder) >= 0, "an order was admitted for what its owner had"
        self._dirty.update((holder, clearing))

    def move(self, debit: int, credit: int, amount: int) -> None:
        """Post an amount that a fill has freed from one account to another of its ledger. [ORD-10]"""
        assert self._ledgers[debit] == self._ledgers[credit] and amount > 0, "a fill stays in its ledgers"
        self._debits_posted[debit] += amount
        self._credits_posted[credit] += amount
        assert self.free(debit) >= 0, "a fill costs at most what its order held"
        assert self._credits_posted[credit] <= INT64_MAX, "nobody comes to own more than a column holds"
        self._dirty.update((debit, credit))
        self.set_off(credit)

    def set_off(self, number: int) -> None:
        """Take what went out of an account off what came in, where much did: the balance stays. [ORD-10]"""
        if self._credits_posted[number] <= SET_OFF_ABOVE:
            return
        self._dirty.add(number)
        both = min(self._debits_posted[number], self._credits_posted[number])
        self._debits_posted[number] -= both
        self._credits_posted[number] -= both

    def held(self, after: int, last: int) -> Iterator[tuple[AccountName, int]]:
        """Names of the accounts behind one up to another, and what each holds: posted credits less debits."""
        for number in range(after + 1, last + 1):
            yield (
                AccountName(*self._names[number]),
                self._credits_posted[number] - self._debits_posted[number],
            )

    def close(self, number: AccountNumber) -> None:
        """End an account: from now on only a void may still touch it."""
        assert 0 < number < len(self._ledgers), "an account number came from this ledger"
        self._flags[number] |= AccountFlag.CLOSED
        self._dirty.add(number)

    def take_dirty(self) -> Sequence[int]:
        """Numbers of the accounts that were noted as changed since the last call, ascending."""
        numbers = sorted(self._dirty)
        self._dirty.clear()
        return numbers

    def packed(self, number: int) -> bytes:
        """The canonical bytes of one account."""
        owner, ledger, kind, reference = self._names[number]
        flags, columns = self._flags[number], self.columns(number)
        return _ROW.pack(owner, ledger, kind, flags, *columns, len(reference)) + reference

    def packed_rows(self, first: int, last: int) -> bytes:
        """The canonical bytes of neighbouring accounts, one behind the other."""
        return b"".join(map(self.packed, range(first, last + 1)))

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
        if number == len(self._ledgers):
            if self.append_packed(data, 0) != len(data):
                raise ValueError("an account has bytes left over")
            return
        owner, ledger, kind, flags, *columns, _ = _ROW.unpack_from(data)
        if not 0 < number < len(self._ledgers) or (owner, ledger, kind) != self._names[number][:3]:
            raise ValueError("an account is another one")
        if flags & ~_FLAGS:
            raise ValueError("an account of no known kind")
        self._flags[number] = flags
        self._debits_pending[number], self._debits_posted[number] = columns[:2]
        self._credits_pending[number], self._credits_posted[number] = columns[2:]

    def pendings(self) -> Iterator[tuple[int, int, int, int]]:
        """Number, kind, debits and credits pending of every account that has any."""
        columns = zip(self._names, self._debits_pending, self._credits_pending, strict=True)
        for number, (name, debits, credits_) in enumerate(columns):
            if debits or credits_:
                yield number, name[2], debits, credits_

    def violations(self) -> Iterator[str]:
        """Name every column, guard or ledger sum that does not hold."""
        sums: dict[int, list[int]] = {}
        columns = (self._debits_pending, self._debits_posted, self._credits_pending, self._credits_posted)
        rows = zip(self._ledgers, self._flags, *columns, strict=True)
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
        yield from violations_of_sums(sums)

    def _append(
        self, name: tuple[int, int, int, bytes], flags: int, columns: tuple[int, int, int, int]
    ) -> AccountNumber:
        number = len(self._ledgers)
        self._numbers[name] = number
        self._names.append(name)
        self._ledgers.append(name[1])
        self._flags.append(flags)
        self._debits_pending.append(columns[0])
        self._debits_posted.append(columns[1])
        self._credits_pending.append(columns[2])
        self._credits_posted.append(columns[3])
        self._dirty.add(number)
        return AccountNumber(number)


def check_size(accounts: int) -> None:
    """Return when a ledger may have so many accounts (FULL)."""
    if accounts > ACCOUNTS_MAX:
        raise Refusal(Code.FULL, f"the ledger has room for {ACCOUNTS_MAX} accounts")


def violations_of_sums(sums: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """Name every ledger whose debits less credits, pending or posted, are not 0."""
    for ledger, total in sums.items():
        if any(total):
            yield f"ledger {ledger}: debits are not credits"
