"""What a ledger must answer, written once more: plain dictionaries, copied whole, slow and obvious."""

from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise

from thingmarket.settlement.transfers import Status

DAY_MS = 24 * 3600 * 1000
MAX = 2**63 - 1
ZERO_ID = bytes(16)
DEBITS_GUARD, CREDITS_GUARD, CLOSED = 1, 2, 4
LINKED, PENDING, POST, VOID = 1, 2, 4, 8
FIELDS = {  # where each field begins in a record; the next one's begin is its end
    "id": 0,
    "debit": 16,
    "credit": 24,
    "amount": 32,
    "pending_id": 40,
    "reference": 56,
    "reference2": 72,
    "timeout": 80,
    "ledger": 88,
    "code": 96,
    "flags": 98,
    "reserved": 100,
}


def parse(record):
    """Take a record apart by hand."""
    result = {}
    for (name, start), (_, end) in pairwise([*FIELDS.items(), ("", 128)]):
        part = record[start:end]
        if name in {"id", "pending_id", "reference", "reserved"}:
            result[name] = part
        else:
            result[name] = int.from_bytes(part, "little", signed=name == "amount")
    return result


@dataclass
class Oracle:
    """Accounts and transfers as dictionaries of dictionaries."""

    accounts: dict = field(default_factory=dict)  # number -> ledger, flags, dp, d, cp, c
    transfers: dict = field(default_factory=dict)  # id -> fields, state, when
    burnt: dict = field(default_factory=dict)  # id -> when

    def open(self, number, ledger, flags):
        """Add an account."""
        self.accounts[number] = {"ledger": ledger, "flags": flags, "dp": 0, "d": 0, "cp": 0, "c": 0}

    def submit(self, batch, now):
        """Split the batch into single transfers and chains, and copy everything to take a chain back."""
        parsed = [parse(batch[start : start + 128]) for start in range(0, len(batch), 128)]
        answers: list[Status] = []
        while len(answers) < len(parsed):
            unit = [parsed[len(answers)]]
            while unit[-1]["flags"] & LINKED and len(answers) + len(unit) < len(parsed):
                unit.append(parsed[len(answers) + len(unit)])
            answers += self.chain(unit, now)
        return answers

    def chain(self, unit, now):
        """All or none."""
        saved = deepcopy((self.accounts, self.transfers))
        answers = []
        for place, transfer in enumerate(unit):
            if place == len(unit) - 1 and transfer["flags"] & LINKED:
                answers.append(Status.LINKED_EVENT_CHAIN_OPEN)
            elif any(answers):
                answers.append(Status.LINKED_EVENT_FAILED)
            elif place >= 64:
                answers.append(Status.LINKED_EVENT_CHAIN_TOO_LONG)
            else:
                answers.append(self.one(transfer, now))
        if any(answers):
            self.accounts, self.transfers = saved
            answers = [answer or Status.LINKED_EVENT_FAILED for answer in answers]
        for transfer, answer in zip(unit, answers, strict=True):
            if may_change(answer):
                self.burnt[transfer["id"]] = now
        return answers

    def one(self, t, now):
        """The first reason to say no, else the effect."""
        answer = first_failure(self.reasons(t, now))
        if answer:
            return answer
        state = "posted"
        if t["flags"] & (POST | VOID):
            self.resolve(self.transfers[t["pending_id"]], t, now)
        elif t["flags"] & PENDING:
            state = "open"
            self.add(t, "p", t["amount"])
        else:
            self.add(t, "", t["amount"])
        self.transfers[t["id"]] = {"fields": t, "state": state, "when": now}
        return Status.CREATED

    def add(self, t, suffix, amount):
        """Add to one column of both accounts."""
        self.accounts[t["debit"]]["d" + suffix] += amount
        self.accounts[t["credit"]]["c" + suffix] += amount

    def resolve(self, pending, t, now):
        """Free the pending amount, and post what is to be posted."""
        self.add(pending["fields"], "p", -pending["fields"]["amount"])
        if t["flags"] & POST:
            self.add(pending["fields"], "", t["amount"] or pending["fields"]["amount"])
        pending["state"] = "is posted" if t["flags"] & POST else "is voided"
        pending["when"] = now

    def deadline(self, transfer):
        """When a pending transfer ends by itself; None for never."""
        timeout = transfer["fields"]["timeout"]
        return transfer["when"] + timeout if transfer["state"] == "open" and timeout else None

    def next_deadline(self):
        """The earliest of all deadlines."""
        return min((d for t in self.transfers.values() if (d := self.deadline(t)) is not None), default=None)

    def expire(self, now):
        """End what is due."""
        due = sorted(
            (deadline, id_)
            for id_, transfer in self.transfers.items()
            if (deadline := self.deadline(transfer)) is not None and deadline <= now
        )
        for _, id_ in due:
            transfer = self.transfers[id_]
            self.add(transfer["fields"], "p", -transfer["fields"]["amount"])
            transfer.update(state="is expired", when=now)
        return [id_ for _, id_ in due]

    def forget(self, now):
        """Drop what ended more than a day ago."""
        before = len(self.transfers) + len(self.burnt)
        self.burnt = {id_: when for id_, when in self.burnt.items() if when + DAY_MS >= now}
        self.transfers = {
            id_: t for id_, t in self.transfers.items() if t["state"] == "open" or t["when"] + DAY_MS >= now
        }
        return before - len(self.transfers) - len(self.burnt)

    def reasons(self, t, now):
        """Every reason to say no, the first one first."""
        yield any(t["reserved"]), Status.RESERVED_FIELD
        yield t["flags"] >= 16, Status.RESERVED_FLAG
        yield t["id"] == ZERO_ID, Status.ID_MUST_NOT_BE_ZERO
        if t["id"] in self.transfers:
            known = self.transfers[t["id"]]["fields"]
            yield t["flags"] != known["flags"], Status.EXISTS_WITH_DIFFERENT_FLAGS
            yield t["pending_id"] != known["pending_id"], Status.EXISTS_WITH_DIFFERENT_PENDING_ID
            yield t["timeout"] != known["timeout"], Status.EXISTS_WITH_DIFFERENT_TIMEOUT
            yield t["debit"] != known["debit"], Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
            yield t["credit"] != known["credit"], Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
            yield t["amount"] != known["amount"], Status.EXISTS_WITH_DIFFERENT_AMOUNT
            yield t["reference"] != known["reference"], Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
            yield t["reference2"] != known["reference2"], Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
            yield t["ledger"] != known["ledger"], Status.EXISTS_WITH_DIFFERENT_LEDGER
            yield t["code"] != known["code"], Status.EXISTS_WITH_DIFFERENT_CODE
            yield True, Status.EXISTS
        yield t["id"] in self.burnt, Status.ID_ALREADY_FAILED
        if t["flags"] & (POST | VOID):
            yield from self.reasons_to_resolve(t, now)
        else:
            yield from self.reasons_to_move(t, now)

    def reasons_to_move(self, t, now):
        """Plain and pending transfers."""
        amount, pending = t["amount"], t["flags"] & PENDING
        yield t["debit"] == 0, Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        yield t["credit"] == 0, Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
        yield t["debit"] == t["credit"], Status.ACCOUNTS_MUST_BE_DIFFERENT
        yield t["pending_id"] != ZERO_ID, Status.PENDING_ID_MUST_BE_ZERO
        yield not pending and t["timeout"] != 0, Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        yield amount < 0, Status.AMOUNT_MUST_NOT_BE_NEGATIVE
        yield amount == 0, Status.AMOUNT_MUST_NOT_BE_ZERO
        yield amount > 2**62, Status.AMOUNT_TOO_LARGE
        yield t["ledger"] == 0, Status.LEDGER_MUST_NOT_BE_ZERO
        yield t["code"] == 0, Status.CODE_MUST_NOT_BE_ZERO
        yield t["debit"] not in self.accounts, Status.DEBIT_ACCOUNT_NOT_FOUND
        yield t["credit"] not in self.accounts, Status.CREDIT_ACCOUNT_NOT_FOUND
        debit, credit = self.accounts[t["debit"]], self.accounts[t["credit"]]
        yield debit["ledger"] != credit["ledger"], Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        yield debit["ledger"] != t["ledger"], Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
        yield debit["flags"] & CLOSED, Status.DEBIT_ACCOUNT_ALREADY_CLOSED
        yield credit["flags"] & CLOSED, Status.CREDIT_ACCOUNT_ALREADY_CLOSED
        yield pending and debit["dp"] + amount > MAX, Status.OVERFLOWS_DEBITS_PENDING
        yield pending and credit["cp"] + amount > MAX, Status.OVERFLOWS_CREDITS_PENDING
        yield debit["d"] + amount > MAX, Status.OVERFLOWS_DEBITS_POSTED
        yield credit["c"] + amount > MAX, Status.OVERFLOWS_CREDITS_POSTED
        yield debit["dp"] + debit["d"] + amount > MAX, Status.OVERFLOWS_DEBITS
        yield credit["cp"] + credit["c"] + amount > MAX, Status.OVERFLOWS_CREDITS
        yield now + t["timeout"] > MAX, Status.OVERFLOWS_TIMEOUT
        if debit["flags"] & DEBITS_GUARD:
            yield debit["dp"] + debit["d"] + amount > debit["c"], Status.EXCEEDS_CREDITS
        if credit["flags"] & CREDITS_GUARD:
            yield credit["cp"] + credit["c"] + amount > credit["d"], Status.EXCEEDS_DEBITS

    def reasons_to_resolve(self, t, now):
        """Posts and voids."""
        amount, flags = t["amount"], t["flags"]
        yield flags & PENDING or (flags & POST and flags & VOID), Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        yield t["pending_id"] == ZERO_ID, Status.PENDING_ID_MUST_NOT_BE_ZERO
        yield t["pending_id"] == t["id"], Status.PENDING_ID_MUST_BE_DIFFERENT
        yield t["timeout"] != 0, Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        yield amount < 0, Status.AMOUNT_MUST_NOT_BE_NEGATIVE
        yield amount > 2**62, Status.AMOUNT_TOO_LARGE
        yield t["pending_id"] not in self.transfers, Status.PENDING_TRANSFER_NOT_FOUND
        found = self.transfers[t["pending_id"]]
        held = found["fields"]
        yield not held["flags"] & PENDING, Status.PENDING_TRANSFER_NOT_PENDING
        for name, status in (
            ("debit", Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID),
            ("credit", Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID),
            ("ledger", Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER),
            ("code", Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE),
        ):
            yield t[name] not in (0, held[name]), status
        yield amount > held["amount"], Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
        yield (
            flags & VOID and amount not in (0, held["amount"]),
            Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT,
        )
        yield found["state"] == "is posted", Status.PENDING_TRANSFER_ALREADY_POSTED
        yield found["state"] == "is voided", Status.PENDING_TRANSFER_ALREADY_VOIDED
        yield found["state"] == "is expired", Status.PENDING_TRANSFER_EXPIRED
        deadline = self.deadline(found)
        yield deadline is not None and deadline <= now, Status.PENDING_TRANSFER_EXPIRED
        if flags & POST:
            yield self.accounts[held["debit"]]["flags"] & CLOSED, Status.DEBIT_ACCOUNT_ALREADY_CLOSED
            yield self.accounts[held["credit"]]["flags"] & CLOSED, Status.CREDIT_ACCOUNT_ALREADY_CLOSED


def first_failure(reasons):
    """Ask in order; what stands behind a failure may not even make sense."""
    for holds, status in reasons:
        if holds:
            return status
    return Status.CREATED


def may_change(status):
    """Whether the same transfer might succeed at another time."""
    words = ("ACCOUNT_NOT_FOUND", "TRANSFER_NOT_FOUND", "ALREADY_CLOSED", "EXCEEDS_CREDITS", "EXCEEDS_DEBITS")
    room = ("OVERFLOWS_DEBITS_PENDING", "OVERFLOWS_CREDITS_PENDING", "OVERFLOWS_DEBITS", "OVERFLOWS_CREDITS")
    return status.name.endswith(words) or status.name in room
