"""A ledger that was written and read back answers as if it had never stopped; anything else is refused."""

from dataclasses import replace
from hashlib import blake2b

import pytest

from thingmarket.errors import Code, Refusal
from thingmarket.settlement.accounts import AccountFlag, AccountKind
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Flag, Transfer

NOW_MS = 1_700_000_000_000
EUR = 978


def name(text: str) -> bytes:
    return text.encode().ljust(16, b".")


@pytest.fixture
def data() -> bytes:
    """A snapshot with something of everything in it."""
    ledger = Ledger()
    bank = ledger.open(owner=1, ledger=EUR, kind=AccountKind.EXTERNAL)
    guard = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
    wallet = ledger.open(owner=2, ledger=EUR, kind=AccountKind.ESCROW, reference=b"contract", flags=guard)
    fund = Transfer(id=name("fund"), debit=bank, credit=wallet, amount=100, ledger=EUR, code=1)
    hold = replace(fund, id=name("hold"), flags=Flag.PENDING, timeout_ms=50)
    back = replace(fund, id=name("back"), debit=wallet, credit=bank, amount=101)
    post = Transfer(id=name("post"), pending_id=name("held"), flags=Flag.POST_PENDING)
    transfers = [fund, hold, back, replace(hold, id=name("held")), post]
    ledger.submit(b"".join(transfer.pack() for transfer in transfers), NOW_MS)
    return ledger.snapshot()


def sealed(body: bytes) -> bytes:
    """A body with the check that belongs to it."""
    return body + blake2b(body, digest_size=32, person=b"tm-ledger-snap").digest()


def refused(data: bytes) -> bool:
    try:
        Ledger.restore(data)
    except Refusal as refusal:
        assert refusal.number == Code.MALFORMED
        return True
    return False


def test_an_empty_ledger_survives() -> None:
    data = Ledger().snapshot()
    assert Ledger.restore(data).snapshot() == data


def test_a_restored_ledger_is_the_same(data: bytes) -> None:
    restored = Ledger.restore(data)
    assert restored.snapshot() == data
    assert restored.next_deadline() == NOW_MS + 50
    assert restored.find(owner=2, ledger=EUR, kind=AccountKind.ESCROW, reference=b"contract") == 2
    restored.check_invariants(NOW_MS)


def test_no_cut_snapshot_is_read(data: bytes) -> None:
    assert all(refused(data[:length]) for length in range(len(data)))
    assert refused(data + b"\0")


def test_no_altered_snapshot_is_read(data: bytes) -> None:
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1
        assert refused(bytes(altered))


def test_a_cut_snapshot_with_a_right_check_is_refused(data: bytes) -> None:
    body = data[:-32]
    assert all(refused(sealed(body[:length])) for length in range(len(body)))
    assert refused(sealed(body + b"\0"))


def test_an_altered_snapshot_with_a_right_check_is_refused_or_consistent(data: bytes) -> None:
    body = data[:-32]
    for place in range(len(body)):
        for bit in (1, 0x80):
            altered = bytearray(body)
            altered[place] ^= bit
            if not refused(sealed(bytes(altered))):
                restored = Ledger.restore(sealed(bytes(altered)))
                restored.check_invariants()
                assert restored.snapshot() == sealed(bytes(altered))
                if (deadline_ms := restored.next_deadline()) is not None:
                    assert restored.expire(max(deadline_ms, restored._time_ms)) != []
                    restored.check_invariants()


def test_a_pending_transfer_cannot_come_back_as_a_burnt_id(data: bytes) -> None:
    ledger = Ledger.restore(data)
    assert ledger.expire(NOW_MS + 50) == [name("hold")]
    body = ledger.snapshot()[:-32]
    expired = (-5).to_bytes(1, "little", signed=True) + (NOW_MS + 50).to_bytes(8, "little") + name("hold")
    burnt = (-1).to_bytes(1, "little", signed=True) + expired[1:]
    assert body.count(expired) == 1
    assert not refused(sealed(body))
    assert refused(sealed(body.replace(expired, burnt)))
