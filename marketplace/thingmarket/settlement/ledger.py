"""A double-entry ledger in memory: packed transfers in, one status each out, TigerBeetle's semantics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.limits import CHAIN_MAX, TRANSFERS_PER_BATCH_MAX
from thingmarket.settlement import posting, snapshot
from thingmarket.settlement.account_tables import Kind as TableKind
from thingmarket.settlement.account_tables import new_table
from thingmarket.settlement.accounts import (
    INT64_MAX,
    NO_FLAGS,
    AccountFlag,
    AccountKind,
    AccountName,
    AccountNumber,
    AccountTable,
    Balance,
)
from thingmarket.settlement.invariants import order_holds, violations
from thingmarket.settlement.known import BATCH_MASK, KnownIds
from thingmarket.settlement.transfers import (
    RECORD,
    TRANSFER_BYTES,
    TRANSIENT,
    Fields,
    Flag,
    Status,
)

_LINKED: Final = int(Flag.LINKED)
_DEBITS_GUARD: Final = int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)


class Ledger:
    """Accounts and transfers of every currency and every kind of goods of one node.

    Balance conditions are flags of accounts, never read-then-write; pending amounts count against them.
    Time never runs backwards between calls.
    """

    __slots__ = ("_accounts", "_known", "_time_ms")

    def __init__(self, kind: TableKind = "auto") -> None:
        """Start with no account, in a table of this kind."""
        self._accounts = new_table(kind)
        self._known = KnownIds()
        self._time_ms = 0

    @property
    def accounts(self) -> AccountTable:
        """The accounts themselves, for the desk: it holds and moves without transfers."""
        return self._accounts

    def open(
        self,
        *,
        owner: int,
        ledger: int,
        kind: AccountKind,
        reference: bytes = b"",
        flags: AccountFlag = NO_FLAGS,
    ) -> AccountNumber:
        """Find an account or make it (FULL); `flags` count when it is made."""
        return self._accounts.open(owner, ledger, kind, reference, flags)

    def check_room(self, accounts: int) -> None:
        """Return when so many more accounts can be made (FULL): an account that was made cannot be undone."""
        self._accounts.check_room(accounts)

    def check_unused(self, id_: bytes) -> None:
        """Return when no remembered transfer has this id (ALREADY_KNOWN).

        2^40 tries give a sender two bodies of his own whose transfers, in one millisecond, have one id.
        """
        if id_ in self._known.index:
            raise Refusal(
                Code.ALREADY_KNOWN, "another transfer has this id by chance: use a new key", "SET-5"
            )

    def find(
        self, *, owner: int, ledger: int, kind: AccountKind, reference: bytes = b""
    ) -> AccountNumber | None:
        """Find an account."""
        return self._accounts.find(owner, ledger, kind, reference)

    def balance(self, account: AccountNumber) -> Balance:
        """Read the four columns of an account."""
        return self._accounts.balance(account)

    def turnover(self, account: AccountNumber) -> int:
        """What was ever credited to an account."""
        return self._accounts.columns(account)[3]

    @property
    def size(self) -> int:
        """How many accounts there are; their numbers are 1 to this."""
        return len(self._accounts)

    def held(self, after: int, last: int) -> Iterator[tuple[AccountName, int]]:
        """Names of the accounts behind one up to another, and what each holds: posted credits less debits."""
        return self._accounts.held(after, last)

    def close(self, account: AccountNumber) -> None:
        """End an account for ever; what is pending on it can then only be voided or expire."""
        self._accounts.close(account)

    def submit(self, batch: bytes, time_ms: int) -> bytes:
        """Decide packed transfers in order: one Status byte each (MALFORMED or TOO_LARGE as a whole)."""
        count, rest = divmod(len(batch), TRANSFER_BYTES)
        if rest:
            raise Refusal(Code.MALFORMED, f"a batch of {len(batch)} bytes is not whole transfers")
        if count > TRANSFERS_PER_BATCH_MAX:
            raise Refusal(Code.TOO_LARGE, f"{count} transfers > {TRANSFERS_PER_BATCH_MAX} in one batch")
        self._advance(time_ms)
        statuses = bytearray(count)  # CREATED is 0
        self._decide(batch, self._known.begin(time_ms, batch), time_ms, statuses)
        self._known.end(keep=Status.CREATED in statuses)
        return bytes(statuses)

    def next_deadline(self) -> int | None:
        """When the next open pending transfer expires, in Unix milliseconds."""
        return self._known.next_deadline()

    def expire(self, time_ms: int) -> list[bytes]:
        """End all pending transfers whose deadline is `time_ms` or before, by deadline, then id."""
        self._advance(time_ms)
        expired = []
        while (deadline_ms := self._known.next_deadline()) is not None and deadline_ms <= time_ms:
            id_ = self._known.next_to_expire()
            posting.expire(self._accounts, self._known, id_, time_ms)
            expired.append(id_)
        return expired

    def forget(self, time_ms: int) -> int:
        """Drop ids that ended more than KEY_AGE_MS before `time_ms`; return how many."""
        self._advance(time_ms)
        return self._known.forget(time_ms)

    def snapshot(self) -> bytes:
        """Write the whole state."""
        return b"".join(self.frozen())

    def frozen(self) -> Iterator[bytes]:
        """The parts of the snapshot of this moment, written as they are asked for; here it is only copied."""
        return snapshot.parts(self._accounts.copy(), self._known.copy())

    @classmethod
    def restore(cls, data: bytes, kind: TableKind = "auto") -> Self:
        """Read `snapshot` back; every later answer is the same (MALFORMED)."""
        ledger = cls(kind)
        ledger._time_ms = snapshot.unpack_into(data, ledger._accounts, ledger._known)
        if any(violations(ledger._accounts, ledger._known, None)):
            raise Refusal(Code.MALFORMED, "the balances of a ledger snapshot do not add up")
        return ledger

    def state_digest(self) -> bytes:
        """BLAKE2b-256 over the canonical content: everything that later answers depend on."""
        state = blake2b(digest_size=32, person=b"tm-ledger")
        for number in range(1, len(self._accounts) + 1):
            _absorb(state, account_key(number), self._accounts.packed(number))
        for id_ in sorted(self._known.index):
            _absorb(state, b"t" + id_, self._known.packed(id_) or b"")
        return state.digest()

    def take_dirty(self) -> Iterable[tuple[bytes, bytes | None]]:
        """What changed since the last call: key and canonical bytes, None for a forgotten transfer.

        The first call gives everything; each key comes once; a key never given before may come with None.
        """
        return [(key, value) for key, _, value in self.take_changes()]

    def take_changes(self) -> list[tuple[bytes, bytes | None, bytes | None]]:
        """The same with what was given of each transfer before; of an account that is not kept."""
        numbers, transfers = self.take_accounts(), self.take_transfers()
        changes: list[tuple[bytes, bytes | None, bytes | None]] = [
            (account_key(number), None, self._accounts.packed(number)) for number in numbers
        ]
        return changes + transfers

    def take_accounts(self) -> Sequence[int]:
        """Numbers of the accounts that changed, ascending; `take_transfers` is to be called next."""
        noted, posted = self._accounts.take_dirty(), self._known.take_rows()
        return sorted(posted.union(noted)) if posted else noted

    def take_transfers(self) -> list[tuple[bytes, bytes | None, bytes | None]]:
        """Key, and what the canonical bytes were and are, of the transfers that changed."""
        return [(b"t" + id_, before, now) for id_, (before, now) in self._known.take_changes().items()]

    def skip_changes(self) -> None:
        """Count all as given."""
        self._accounts.take_dirty()
        self._known.skip_changes()

    def follow(self, changes: Mapping[bytes, bytes | None], time_ms: int) -> None:
        """Go on from a snapshot by what `take_dirty` gave since, in that order (MALFORMED)."""
        snapshot.follow(changes, self._accounts, self._known)
        self._advance(time_ms)

    def order_holds(self) -> dict[int, int]:
        """What orders in a book hold, by account."""
        return order_holds(self._accounts, self._known)

    def check_invariants(self, time_ms: int | None = None) -> None:
        """Assert that debits are credits, guards hold and pendings add up; with a time, none is overdue."""
        found = list(islice(violations(self._accounts, self._known, time_ms), 5))
        assert not found, "; ".join(found)

    def _advance(self, time_ms: int) -> None:
        assert self._time_ms <= time_ms <= INT64_MAX, "entry time never runs backwards"
        self._time_ms = time_ms

    def _decide(self, batch: bytes, first: int, time_ms: int, statuses: bytearray) -> None:
        """Post plain transfers at once; whatever is or may be anything else takes the general path.

        The fast path only ever says CREATED, and says it where `posting.create` would.
        """
        accounts, index, count = self._accounts, self._known.index, len(statuses)
        place = accounts.post_plain(batch, 0, first, index)
        while place < count:
            place += self._decide_unit(batch, first + place, time_ms, statuses)
            place = accounts.post_plain(batch, place, first, index)

    def _decide_unit(self, batch: bytes, position: int, time_ms: int, statuses: bytearray) -> int:
        """Decide one transfer or one whole chain on the general path; return how many transfers it was."""
        start = position & BATCH_MASK
        made: list[Fields] = []
        failed = False
        for place in range(start, len(statuses)):
            record = batch[place * TRANSFER_BYTES : (place + 1) * TRANSFER_BYTES]
            fields: Fields = RECORD.unpack(record)
            linked = fields[10] & _LINKED
            if linked and place == len(statuses) - 1:
                status = Status.LINKED_EVENT_CHAIN_OPEN
            elif failed:
                status = Status.LINKED_EVENT_FAILED
            elif place - start >= CHAIN_MAX:
                status = Status.LINKED_EVENT_CHAIN_TOO_LONG
            else:
                at = position - start + place
                status = posting.create(
                    self._accounts, self._known, fields, record, position=at, time_ms=time_ms
                )
            if status == Status.CREATED:
                made.append(fields)
            else:
                statuses[place] = status
                if not failed:
                    failed = True
                    self._undo(made)
                    statuses[start:place] = bytes([Status.LINKED_EVENT_FAILED]) * (place - start)
                if status in TRANSIENT:
                    self._known.burn(fields[0], time_ms)
            if not linked:
                break
        return place - start + 1

    def _undo(self, made: list[Fields]) -> None:
        for fields in reversed(made):
            posting.undo(self._accounts, self._known, fields)


def account_key(number: int) -> bytes:
    """What an account is called among the changes; names of transfers begin with a t."""
    return b"a" + number.to_bytes(8, "big")


def _absorb(state: blake2b, key: bytes, value: bytes) -> None:
    state.update(len(key + value).to_bytes(4, "big") + key + value)
