"""`bench ledger`: transfers per second in memory, against two bare additions for the same records."""

import random
import time
from statistics import median
from typing import Any, Final

from thingmarket.limits import TIME_MIN_MS
from thingmarket.money import CURRENCIES
from thingmarket.settlement.accounts import AccountFlag, AccountKind, AccountNumber
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import RECORD, Transfer

ACCOUNTS: Final = 10_000
BATCH: Final = 512  # transfers
BATCHES: Final = 400  # of one round: enough ids that the index outgrows the caches of a processor
ROUNDS_MIN: Final = 3
FUNDS_MINOR: Final = 1_000_000_000
AMOUNT_MINOR_MAX: Final = 1_000
_EUR: Final = CURRENCIES["EUR"].ledger


def measure(seconds: float = 2.0) -> dict[str, Any]:
    """Submit rounds of plain transfers for about `seconds`, each beside its bare loop; medians."""
    batches = make_batches()
    rates: list[float] = []
    bare_rates: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(rates) < ROUNDS_MIN or time.perf_counter() < end_s:
        rates.append(_round(batches))
        bare_rates.append(_bare_round(batches))
    return {
        "figures": {"transfers_per_s": round(median(rates))},
        "references": {"bare_updates_per_s": round(median(bare_rates))},
        "ratios": {"ledger_to_bare": round(median(rates) / median(bare_rates), 3)},
    }


def make_batches() -> list[bytes]:
    """Packed transfers between wallets drawn uniformly, with ids in the order of time."""
    draw = random.Random(20)  # noqa: S311  the same load on every run
    return [b"".join(_transfer(draw, number * BATCH + n) for n in range(BATCH)) for number in range(BATCHES)]


def funded_ledger() -> Ledger:
    """A ledger whose accounts 1..ACCOUNTS are guarded wallets with money."""
    ledger = Ledger()
    wallets = [
        ledger.open(
            owner=owner,
            ledger=_EUR,
            kind=AccountKind.OWNER_WALLET,
            flags=AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS,
        )
        for owner in range(1, ACCOUNTS + 1)
    ]
    outside = ledger.open(owner=0, ledger=_EUR, kind=AccountKind.EXTERNAL)
    for wallet in wallets:
        statuses = ledger.submit(_deposit(outside, wallet), TIME_MIN_MS)
        assert not any(statuses), "a deposit from an unguarded account succeeds"
    return ledger


def _transfer(draw: random.Random, number: int) -> bytes:
    debit, credit = draw.sample(range(1, ACCOUNTS + 1), 2)
    return Transfer(
        id=TIME_MIN_MS.to_bytes(6, "big") + number.to_bytes(10, "big"),
        debit=debit,
        credit=credit,
        amount=draw.randint(1, AMOUNT_MINOR_MAX),
        reference=draw.randbytes(16),
        ledger=_EUR,
        code=1,
    ).pack()


def _deposit(outside: AccountNumber, wallet: AccountNumber) -> bytes:
    return Transfer(
        id=b"deposit " + wallet.to_bytes(8, "big"),
        debit=outside,
        credit=wallet,
        amount=FUNDS_MINOR,
        ledger=_EUR,
        code=2,
    ).pack()


def _round(batches: list[bytes]) -> float:
    """Transfers per second of a new ledger that takes all batches and creates every transfer."""
    ledger = funded_ledger()
    ledger.take_dirty()
    answers = []
    start_s = time.perf_counter()
    for batch in batches:
        answers.append(ledger.submit(batch, TIME_MIN_MS))  # noqa: PERF401  what is timed is the call
    elapsed_s = time.perf_counter() - start_s
    assert not any(map(any, answers)), "every transfer of the load has its funds"
    return BATCH * len(batches) / elapsed_s


def _bare_round(batches: list[bytes]) -> float:
    """Unpack the same records and add twice, with no check and no id."""
    debits, credits_ = [0] * (ACCOUNTS + 1), [0] * (ACCOUNTS + 1)
    start_s = time.perf_counter()
    for batch in batches:
        for _, debit, credit, amount, _, _, _, _, _, _, _, _ in RECORD.iter_unpack(batch):
            debits[debit] += amount
            credits_[credit] += amount
    return BATCH * len(batches) / (time.perf_counter() - start_s)
