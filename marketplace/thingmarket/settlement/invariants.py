"""What always holds in a ledger, recomputed the slow way."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from thingmarket.settlement.accounts import AccountKind, AccountTable
from thingmarket.settlement.known import OPEN, IdState, KnownIds
from thingmarket.settlement.transfers import RECORD, RECORD_FLAGS, Flag

_RESOLVING: Final = int(Flag.POST_PENDING) | int(Flag.VOID_PENDING)
_POST: Final = int(Flag.POST_PENDING)


def violations(accounts: AccountTable, known: KnownIds, time_ms: int | None) -> Iterator[str]:
    """Name everything that does not hold; with a time, also pendings past their deadline."""
    yield from accounts.violations()
    yield from _pendings(known, time_ms)
    yield from _pending_sums(accounts, known)
    yield from _resolutions(known)


def order_holds(accounts: AccountTable, known: KnownIds) -> dict[int, int]:
    """What orders in a book hold by account: pending debits that are of no transfer."""
    debits, _ = _of_transfers(known)
    pending = {number: amount for number, _, amount, _ in accounts.pendings()}
    numbers = sorted(pending.keys() | debits.keys())
    held = {number: pending.get(number, 0) - debits[number] for number in numbers}
    return {number: amount for number, amount in held.items() if amount}


def _pendings(known: KnownIds, time_ms: int | None) -> Iterator[str]:
    """A resolved pending is to be forgotten, an open one has time left."""
    for id_, (_, deadline_ms) in known.pendings.items():
        if known.index[id_] != OPEN:
            if id_ not in known.aside:
                yield f"pending {id_.hex()} is resolved and never forgotten"
        elif time_ms is not None and 0 < deadline_ms <= time_ms:
            yield f"pending {id_.hex()} is past its deadline"


def _of_transfers(known: KnownIds) -> tuple[Counter[int], Counter[int]]:
    """Debits and credits by account of all open pending transfers."""
    debits, credits_ = Counter[int](), Counter[int]()
    for id_, (record, _) in known.pendings.items():
        if known.index[id_] == OPEN:
            _, debit, credit, amount, *_ = RECORD.unpack(record)
            debits[debit] += amount
            credits_[credit] += amount
    return debits, credits_


def _pending_sums(accounts: AccountTable, known: KnownIds) -> Iterator[str]:
    """What is pending on an account is that of its transfers, and what orders hold against clearing.

    Debits and credits pending of a ledger are equal, so the holds are what clearing accounts say.
    """
    debits, credits_ = _of_transfers(known)
    for number, kind, pending, pending_in in accounts.pendings():
        cleared = pending_in - credits_.pop(number, 0)
        if pending < debits.pop(number, 0):
            yield f"account {number}: debits pending are not the sum of its pending transfers"
        if cleared < 0 or (cleared and kind != AccountKind.CLEARING):
            yield f"account {number}: credits pending are not the sum of its pending transfers"
    for number in sorted(debits.keys() | credits_.keys()):
        yield f"account {number}: nothing is pending, yet transfers are"


def _resolutions(known: KnownIds) -> Iterator[str]:
    """A pending that counts as posted or voided was so by exactly one transfer, remembered as long as it."""
    resolved = Counter[bytes]()
    for _, records in known.living():
        for record in records:
            if RECORD_FLAGS.unpack(record)[0] & _RESOLVING:
                fields = RECORD.unpack(record)
                resolved[fields[4]] += 1
                state = known.index.get(fields[4])
                wanted = IdState.POSTED if fields[10] & _POST else IdState.VOIDED
                if state != wanted:
                    yield f"pending {fields[4].hex()} is not what its transfer made of it"
    for id_ in known.pendings:
        expected = known.index[id_] in (IdState.POSTED, IdState.VOIDED)
        if resolved[id_] != expected:
            yield f"pending {id_.hex()} was resolved {resolved[id_]} times"
