"""What a ledger does over time: accounts, chains, pendings, forgetting, snapshots."""

from dataclasses import replace

import pytest

from thingmarket.errors import Code, Refusal
from thingmarket.limits import KEY_AGE_MS, TRANSFERS_PER_BATCH_MAX
from thingmarket.settlement.accounts import AccountFlag, AccountKind, AccountNumber, Balance
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import TRANSFER_BYTES, Flag, Status, Transfer

NOW_MS = 1_700_000_000_000
EUR = 978
INK = 2**32 + 1
GUARD = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS


def name(text: str) -> bytes:
    return text.encode().ljust(16, b".")


def submit(ledger: Ledger, *transfers: Transfer, now_ms: int = NOW_MS) -> list[Status]:
    batch = b"".join(transfer.pack() for transfer in transfers)
    return [Status(number) for number in ledger.submit(batch, now_ms)]


def wallet_of(ledger: Ledger, owner: int) -> AccountNumber:
    return ledger.open(owner=owner, ledger=EUR, kind=AccountKind.OWNER_WALLET, flags=GUARD)


@pytest.fixture(params=["auto", "python"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Account 1 is the bank; 2 a wallet with 100; 3 an empty wallet."""
    ledger = Ledger(request.param)
    bank = ledger.open(owner=1, ledger=EUR, kind=AccountKind.EXTERNAL)
    assert wallet_of(ledger, 2) == 2
    assert wallet_of(ledger, 3) == 3
    fund = Transfer(id=name("fund"), debit=bank, credit=2, amount=100, ledger=EUR, code=1)
    assert submit(ledger, fund) == [Status.CREATED]
    return ledger


def pay(text: str, amount: int = 10, flags: Flag = Flag(0), timeout_ms: int = 0) -> Transfer:  # noqa: B008
    return Transfer(
        id=name(text),
        debit=2,
        credit=3,
        amount=amount,
        ledger=EUR,
        code=1,
        flags=flags,
        timeout_ms=timeout_ms,
    )


def hold(text: str, amount: int = 10, timeout_ms: int = 0) -> Transfer:
    return pay(text, amount, Flag.PENDING, timeout_ms)


def post(text: str, pending: str, amount: int = 0, flags: Flag = Flag.POST_PENDING) -> Transfer:
    return Transfer(id=name(text), pending_id=name(pending), amount=amount, flags=flags)


def void(text: str, pending: str) -> Transfer:
    return post(text, pending, flags=Flag.VOID_PENDING)


def balance(*, debits: tuple[int, int] = (0, 0), credits_: tuple[int, int] = (0, 0)) -> Balance:
    """Pending and posted of each side."""
    return Balance(
        debits_pending=debits[0],
        debits_posted=debits[1],
        credits_pending=credits_[0],
        credits_posted=credits_[1],
    )


def test_opening_an_account_again_finds_it(ledger: Ledger) -> None:
    first = ledger.open(owner=9, ledger=INK, kind=AccountKind.GOODS, reference=b"r", flags=GUARD)
    assert ledger.open(owner=9, ledger=INK, kind=AccountKind.GOODS, reference=b"r", flags=GUARD) == first
    assert ledger.find(owner=9, ledger=INK, kind=AccountKind.GOODS, reference=b"r") == first
    assert ledger.find(owner=9, ledger=INK, kind=AccountKind.GOODS) is None
    assert ledger.find(owner=9, ledger=EUR, kind=AccountKind.GOODS, reference=b"r") is None


def test_account_numbers_are_dense_from_1() -> None:
    ledger = Ledger()
    assert [wallet_of(ledger, owner) for owner in (7, 0, 2**64 - 1)] == [1, 2, 3]


def test_a_transfer_survives_packing() -> None:
    transfer = Transfer(
        id=name("id"),
        debit=2**64 - 1,
        credit=2,
        amount=-(2**63),
        pending_id=name("pending"),
        reference=name("contract"),
        reference2=2**64 - 1,
        timeout_ms=2**63,
        ledger=2**64 - 1,
        code=65535,
        flags=Flag.LINKED | Flag.VOID_PENDING,
    )
    record = transfer.pack()
    assert len(record) == TRANSFER_BYTES
    assert Transfer.unpack(record) == transfer


@pytest.mark.parametrize("change", [slice(0, 127), slice(0, 0)])
def test_a_record_of_another_length_is_no_transfer(change: slice) -> None:
    with pytest.raises(Refusal) as refused:
        Transfer.unpack(pay("p").pack()[change])
    assert refused.value.number == Code.MALFORMED


@pytest.mark.parametrize("place", [98, 99, 100, 127])
def test_a_record_with_unknown_flags_or_reserved_bytes_is_no_transfer(place: int) -> None:
    record = bytearray(pay("p").pack())
    record[place] = 0x80
    with pytest.raises(Refusal):
        Transfer.unpack(bytes(record))


@pytest.mark.parametrize("size", [1, 127, 129, 3 * 128 + 64])
def test_a_batch_that_is_not_whole_transfers_changes_nothing(ledger: Ledger, size: int) -> None:
    before = ledger.state_digest()
    with pytest.raises(Refusal) as refused:
        ledger.submit((pay("a").pack() * 4)[:size], NOW_MS)
    assert refused.value.number == Code.MALFORMED
    assert ledger.state_digest() == before


def test_a_batch_over_the_limit_changes_nothing(ledger: Ledger) -> None:
    before = ledger.state_digest()
    with pytest.raises(Refusal) as refused:
        ledger.submit(pay("a").pack() * (TRANSFERS_PER_BATCH_MAX + 1), NOW_MS)
    assert refused.value.number == Code.TOO_LARGE
    assert ledger.state_digest() == before


def test_the_largest_batch_keeps_all_its_ids(ledger: Ledger) -> None:
    transfers = [replace(pay(f"many {n}", 1), debit=AccountNumber(1)) for n in range(TRANSFERS_PER_BATCH_MAX)]
    assert set(submit(ledger, *transfers)) == {Status.CREATED}
    assert set(submit(ledger, *transfers)) == {Status.EXISTS}
    ledger.check_invariants()


def test_an_empty_batch_is_answered_by_nothing(ledger: Ledger) -> None:
    assert submit(ledger) == []


def test_the_second_of_two_equal_transfers_in_a_batch_exists(ledger: Ledger) -> None:
    assert submit(ledger, pay("a"), pay("a"), pay("a", 11)) == [
        Status.CREATED,
        Status.EXISTS,
        Status.EXISTS_WITH_DIFFERENT_AMOUNT,
    ]
    assert ledger.balance(AccountNumber(3)) == balance(credits_=(0, 10))


def test_a_pending_amount_counts_against_the_guard(ledger: Ledger) -> None:  # [SET-1]
    assert submit(ledger, hold("h", 60), pay("p", 41)) == [Status.CREATED, Status.EXCEEDS_CREDITS]
    assert ledger.balance(AccountNumber(2)) == balance(debits=(60, 0), credits_=(0, 100))


def test_a_pending_credit_cannot_be_spent(ledger: Ledger) -> None:
    back = replace(pay("back", 1), debit=AccountNumber(3), credit=AccountNumber(2))
    assert submit(ledger, hold("h", 60), back) == [Status.CREATED, Status.EXCEEDS_CREDITS]


def test_a_post_moves_the_whole_and_resolves_once(ledger: Ledger) -> None:
    assert submit(ledger, hold("h", 60), post("p", "h"), post("q", "h"), void("v", "h")) == [
        Status.CREATED,
        Status.CREATED,
        Status.PENDING_TRANSFER_ALREADY_POSTED,
        Status.PENDING_TRANSFER_ALREADY_POSTED,
    ]
    assert ledger.balance(AccountNumber(3)) == balance(credits_=(0, 60))


def test_a_post_of_less_frees_the_rest(ledger: Ledger) -> None:
    assert submit(ledger, hold("h", 60), post("p", "h", 20)) == [Status.CREATED, Status.CREATED]
    assert ledger.balance(AccountNumber(2)) == balance(debits=(0, 20), credits_=(0, 100))


def test_a_void_gives_everything_back(ledger: Ledger) -> None:
    before = ledger.balance(AccountNumber(2))
    assert submit(ledger, hold("h", 60), void("v", "h")) == [Status.CREATED, Status.CREATED]
    assert ledger.balance(AccountNumber(2)) == before


def test_a_closed_account_lets_a_hold_be_voided_and_nothing_else(ledger: Ledger) -> None:
    assert submit(ledger, hold("h", 60)) == [Status.CREATED]
    ledger.close(AccountNumber(3))
    assert submit(ledger, post("p", "h"), void("v", "h")) == [
        Status.CREDIT_ACCOUNT_ALREADY_CLOSED,
        Status.CREATED,
    ]


LINKED = Flag.LINKED


@pytest.mark.parametrize(
    "members",
    [
        [pay("a", 10, LINKED), pay("b", 91)],
        [pay("a", 10, LINKED), hold("h", 60), post("x", "none")],
        [pay("a", 10, LINKED), replace(hold("h", 60), flags=LINKED | Flag.PENDING), pay("b", 91)],
        [post("p", "held", 3, LINKED | Flag.POST_PENDING), pay("b", 98)],
        [post("v", "held", 0, LINKED | Flag.VOID_PENDING), pay("b", 101)],
        [pay("a", 10, LINKED), replace(pay("a", 10), flags=LINKED), pay("c")],
        [
            replace(hold("h", 5, 70), flags=LINKED | Flag.PENDING),
            post("p", "h", 3, LINKED | Flag.POST_PENDING),
            pay("b", 91),
        ],
        [pay("a", 10, LINKED)],
        [pay("a", 10, LINKED), pay("b", 1, LINKED)],
    ],
)
def test_a_failed_chain_leaves_the_exact_state_from_before(ledger: Ledger, members: list[Transfer]) -> None:
    submit(ledger, hold("held", 7, 50))
    before, deadline = dict(ledger_content(ledger)), ledger.next_deadline()
    if members[1:] and not members[1].flags & LINKED:
        members = members[:1] + [replace(m, flags=m.flags | LINKED) for m in members[1:-1]] + members[-1:]
    statuses = submit(ledger, *members)
    assert Status.CREATED not in statuses
    after = dict(ledger_content(ledger))
    burnt = {key: after.pop(key) for key in list(after) if key not in before}
    assert after == before
    assert all(len(value) == 9 for value in burnt.values()), "only a burnt id may be new"
    assert ledger.next_deadline() == deadline
    ledger.check_invariants(NOW_MS)


def ledger_content(ledger: Ledger) -> list[tuple[bytes, bytes]]:
    """Everything, by way of a ledger that was never asked."""
    copy = Ledger.restore(ledger.snapshot())
    return [(key, value) for key, value in copy.take_dirty() if value is not None]


def test_a_chain_pays_on_delivery_or_not_at_all(ledger: Ledger) -> None:
    stock = ledger.open(owner=3, ledger=INK, kind=AccountKind.GOODS, flags=GUARD)
    origin = ledger.open(owner=3, ledger=INK, kind=AccountKind.GOODS_ORIGIN)
    shelf = ledger.open(owner=2, ledger=INK, kind=AccountKind.GOODS, flags=GUARD)
    made = Transfer(id=name("made"), debit=origin, credit=stock, amount=1, ledger=INK, code=1)
    assert submit(ledger, made) == [Status.CREATED]
    for n, expected in enumerate(([0, 0], [Status.LINKED_EVENT_FAILED, Status.EXCEEDS_CREDITS])):
        goods = Transfer(id=name(f"goods {n}"), debit=stock, credit=shelf, amount=1, ledger=INK, code=1)
        assert submit(ledger, pay(f"money {n}", 40, LINKED), goods) == expected
    assert ledger.balance(AccountNumber(3)) == balance(credits_=(0, 40))
    ledger.check_invariants()


def test_a_member_of_a_failed_chain_may_come_again(ledger: Ledger) -> None:
    assert submit(ledger, pay("a", 10, LINKED), pay("b", 91)) == [
        Status.LINKED_EVENT_FAILED,
        Status.EXCEEDS_CREDITS,
    ]
    assert submit(ledger, pay("a", 10, LINKED), pay("c", 90)) == [Status.CREATED, Status.CREATED]


def test_what_follows_a_chain_stands_alone(ledger: Ledger) -> None:
    assert submit(ledger, pay("a", 1, LINKED), pay("b", 101), pay("c"), pay("d", 1, LINKED), pay("e")) == [
        Status.LINKED_EVENT_FAILED,
        Status.EXCEEDS_CREDITS,
        Status.CREATED,
        Status.CREATED,
        Status.CREATED,
    ]


def test_pendings_expire_by_deadline_then_id(ledger: Ledger) -> None:
    submit(ledger, hold("z", 1, 50), hold("b", 2, 70), hold("a", 3, 70), hold("n", 4), hold("y", 5, 71))
    assert ledger.next_deadline() == NOW_MS + 50
    assert ledger.expire(NOW_MS + 49) == []
    assert ledger.expire(NOW_MS + 70) == [name("z"), name("a"), name("b")]
    assert ledger.balance(AccountNumber(2)).debits_pending == 4 + 5
    assert ledger.next_deadline() == NOW_MS + 71
    assert submit(ledger, post("p", "a"), now_ms=NOW_MS + 70) == [Status.PENDING_TRANSFER_EXPIRED]


def test_deadlines_of_resolved_pendings_do_not_pile_up(ledger: Ledger) -> None:
    for n in range(2_000):
        assert submit(ledger, hold(f"h{n}", 1, 10**9), void(f"v{n}", f"h{n}")) == [0, 0]
    assert len(ledger._known._deadlines) < 100
    assert ledger.next_deadline() is None


def test_a_deadline_survives_a_failed_chain_whatever_was_cleared_away(ledger: Ledger) -> None:
    submit(ledger, hold("held", 1, 10**6))
    for n in range(200):
        assert submit(ledger, hold(f"h{n}", 1, 10**9), void(f"v{n}", f"h{n}")) == [0, 0]
        failing = post(f"p{n}", "held", flags=LINKED | Flag.VOID_PENDING), pay(f"x{n}", 101)
        assert submit(ledger, *failing) == [Status.LINKED_EVENT_FAILED, Status.EXCEEDS_CREDITS]
        assert ledger.next_deadline() == NOW_MS + 10**6


def test_a_deadline_of_a_failed_chain_means_nothing_to_the_same_id_later(ledger: Ledger) -> None:
    submit(ledger, replace(hold("h", 1, 10), flags=LINKED | Flag.PENDING), pay("x", 101))
    assert submit(ledger, hold("h", 1, 100)) == [Status.CREATED]
    assert ledger.next_deadline() == NOW_MS + 100
    assert ledger.expire(NOW_MS + 99) == []


def test_an_overdue_pending_breaks_an_invariant(ledger: Ledger) -> None:
    submit(ledger, hold("h", 1, 50))
    ledger.check_invariants(NOW_MS + 49)
    with pytest.raises(AssertionError, match="deadline"):
        ledger.check_invariants(NOW_MS + 50)


def test_a_wrong_balance_breaks_an_invariant(ledger: Ledger) -> None:  # [SET-1]
    submit(ledger, hold("h", 1))
    accounts = ledger._accounts
    right = accounts.packed(2)
    for column in range(4):
        place = 20 + 8 * column  # behind owner, ledger, kind and flags
        wrong = int.from_bytes(right[place : place + 8], "little") + 1
        accounts.put_packed(2, right[:place] + wrong.to_bytes(8, "little") + right[place + 8 :])
        with pytest.raises(AssertionError):
            ledger.check_invariants()
    accounts.put_packed(2, right)
    ledger.check_invariants()


def test_ids_are_remembered_for_a_day_and_no_longer(ledger: Ledger) -> None:  # [SET-3]
    submit(ledger, pay("posted"), pay("burnt", 101), now_ms=NOW_MS + 1)
    assert ledger.forget(NOW_MS + 1 + KEY_AGE_MS) == 1, "only the fund of the millisecond before"
    assert submit(ledger, pay("posted"), pay("burnt", 1), now_ms=NOW_MS + 1 + KEY_AGE_MS) == [
        Status.EXISTS,
        Status.ID_ALREADY_FAILED,
    ]
    assert ledger.forget(NOW_MS + 2 + KEY_AGE_MS) == 2
    assert len(ledger._known.index) == len(ledger._known.batches) == len(ledger._known.aside) == 0
    assert ledger.balance(AccountNumber(3)) == balance(credits_=(0, 10))


def test_a_pending_is_remembered_until_a_day_after_its_end(ledger: Ledger) -> None:
    submit(ledger, hold("h", 60))
    later_ms = NOW_MS + 3 * KEY_AGE_MS
    assert ledger.forget(later_ms) == 1, "the fund"
    assert submit(ledger, post("p", "h"), now_ms=later_ms) == [Status.CREATED]
    assert ledger.forget(later_ms + KEY_AGE_MS) == 0
    later_ms += KEY_AGE_MS
    assert submit(ledger, void("v", "h"), now_ms=later_ms) == [Status.PENDING_TRANSFER_ALREADY_POSTED]
    assert ledger.forget(later_ms + 1) == 2
    assert submit(ledger, void("w", "h"), now_ms=later_ms + 1) == [Status.PENDING_TRANSFER_NOT_FOUND]


def test_memory_returns_to_nothing(ledger: Ledger) -> None:
    submit(ledger, hold("h", 60), hold("g", 1, 10), post("p", "h"), pay("x", 1000), pay("a"))
    ledger.expire(NOW_MS + 10)
    ledger.forget(NOW_MS + 11 + KEY_AGE_MS)
    known = ledger._known
    assert [len(part) for part in (known.index, known.batches, known.pendings, known.aside)] == [0, 0, 0, 0]
    assert ledger.next_deadline() is None
    ledger.check_invariants(NOW_MS + 11 + KEY_AGE_MS)


def test_changes_are_given_once_and_forgotten_ids_as_none(ledger: Ledger) -> None:
    everything = dict(ledger.take_dirty())
    assert set(everything) == {b"a" + n.to_bytes(8, "big") for n in (1, 2, 3)} | {b"t" + name("fund")}
    assert list(ledger.take_dirty()) == []
    submit(ledger, pay("a"))
    assert {key for key, _ in ledger.take_dirty()} == {
        b"a" + (2).to_bytes(8, "big"),
        b"a" + (3).to_bytes(8, "big"),
        b"t" + name("a"),
    }
    ledger.forget(NOW_MS + 1 + KEY_AGE_MS)
    assert dict(ledger.take_dirty()) == {b"t" + name("fund"): None, b"t" + name("a"): None}


def test_the_digest_tells_every_column_and_id_apart(ledger: Ledger) -> None:
    digests = [ledger.state_digest()]
    for transfer in (hold("h", 5), post("p", "h"), pay("b", 1000), hold("g", 1, 5)):
        submit(ledger, transfer)
        digests.append(ledger.state_digest())
    ledger.close(AccountNumber(1))
    digests.append(ledger.state_digest())
    ledger.expire(NOW_MS + 5)
    digests.append(ledger.state_digest())
    assert len(set(digests)) == len(digests)


def test_time_never_runs_backwards(ledger: Ledger) -> None:
    with pytest.raises(AssertionError, match="backwards"):
        submit(ledger, pay("a"), now_ms=NOW_MS - 1)
