"""Each answer of the ledger, met by the plainest transfer that earns it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from thingmarket.settlement.accounts import AccountFlag, AccountKind, AccountNumber
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import NO_ID, RESERVED_ZEROS, TRANSIENT, Flag, Status, Transfer

NOW_MS = 1_700_000_000_000
EUR, USD = 978, 840
FREE = AccountFlag(0)
GUARD = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
ALONE = Flag(0)
LINKED, PENDING, POST, VOID = Flag.LINKED, Flag.PENDING, Flag.POST_PENDING, Flag.VOID_PENDING
MAX = 2**63 - 1


def name(text: str) -> bytes:
    return text.encode().ljust(16, b".")


@dataclass
class World:
    """A bank without a guard, a wallet with 100, and transfers that were made before."""

    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.bank = self.account(1, AccountKind.EXTERNAL)
        self.wallet = self.account(2, flags=GUARD)
        self.made(
            Transfer(id=name("fund"), debit=self.bank, credit=self.wallet, amount=100, ledger=EUR, code=1)
        )
        self.plain = Transfer(
            id=name("plain"), debit=self.wallet, credit=self.bank, amount=10, ledger=EUR, code=1
        )
        self.pending = replace(self.plain, id=name("pending"), flags=PENDING, timeout_ms=50)
        self.post = Transfer(id=name("post"), pending_id=self.pending.id, flags=POST)
        self.void = Transfer(id=name("void"), pending_id=self.pending.id, flags=VOID)

    def account(
        self,
        owner: int,
        kind: AccountKind = AccountKind.OWNER_WALLET,
        *,
        ledger: int = EUR,
        flags: AccountFlag = FREE,
    ) -> AccountNumber:
        return self.ledger.open(owner=owner, ledger=ledger, kind=kind, flags=flags)

    def made(self, *transfers: Transfer) -> None:
        assert self.answers(*transfers) == [Status.CREATED] * len(transfers)

    def answers(self, *transfers: Transfer, after_ms: int = 0) -> list[Status]:
        batch = b"".join(transfer.pack() for transfer in transfers)
        return [Status(number) for number in self.ledger.submit(batch, NOW_MS + after_ms)]

    def answer(self, transfer: Transfer, after_ms: int = 0) -> Status:
        """The answer, which must leave no trace in any balance unless it is a yes."""
        numbers = [AccountNumber(n) for n in range(1, 1 + len(self.ledger._accounts))]
        before = [self.ledger.balance(number) for number in numbers]
        (status,) = self.answers(transfer, after_ms=after_ms)
        changed = before != [self.ledger.balance(number) for number in numbers]
        assert changed == (status == Status.CREATED)
        self.ledger.check_invariants()
        return status


def plain(**changes: object) -> Callable[[World], Status]:
    return lambda world: world.answer(replace(world.plain, **changes))  # type: ignore[arg-type]


def pending(**changes: object) -> Callable[[World], Status]:
    return lambda world: world.answer(replace(world.pending, **changes))  # type: ignore[arg-type]


def again(**changes: object) -> Callable[[World], Status]:
    def meet(world: World) -> Status:
        world.made(world.plain)
        return world.answer(replace(world.plain, **changes))  # type: ignore[arg-type]

    return meet


def post(**changes: object) -> Callable[[World], Status]:
    def meet(world: World) -> Status:
        world.made(world.pending)
        return world.answer(replace(world.post, **changes))  # type: ignore[arg-type]

    return meet


def void(**changes: object) -> Callable[[World], Status]:
    def meet(world: World) -> Status:
        world.made(world.pending)
        return world.answer(replace(world.void, **changes))  # type: ignore[arg-type]

    return meet


def chain(*flags: Flag, amounts: tuple[int, ...]) -> Callable[[World], Status]:
    """The first answer of a chain."""

    def meet(world: World) -> Status:
        members = [
            replace(world.plain, id=name(f"member {n}"), flags=flag, amount=amount)
            for n, (flag, amount) in enumerate(zip(flags, amounts, strict=True))
        ]
        return world.answers(*members)[0]

    return meet


def too_long(world: World) -> Status:
    members = [
        replace(world.plain, id=name(f"member {n}"), amount=1, flags=LINKED if n < 64 else ALONE)
        for n in range(65)
    ]
    return world.answers(*members)[64]


def reserved_field(world: World) -> Status:
    record = world.plain.pack()
    (status,) = world.ledger.submit(record[:-1] + b"\1", NOW_MS)
    return Status(status)


def burnt(world: World) -> Status:
    assert world.answer(replace(world.plain, amount=101)) == Status.EXCEEDS_CREDITS
    return world.answer(world.plain)


def between_ledgers(world: World) -> Status:
    return world.answer(replace(world.plain, credit=world.account(3, ledger=USD)))


def never_pending(world: World) -> Status:
    world.made(world.plain)
    return world.answer(replace(world.post, pending_id=world.plain.id))


def posted_before(world: World) -> Status:
    world.made(world.pending, world.post)
    return world.answer(world.void)


def voided_before(world: World) -> Status:
    world.made(world.pending, world.void)
    return world.answer(world.post)


def overdue(world: World) -> Status:
    world.made(world.pending)
    return world.answer(world.post, after_ms=50)


def closed(owner: int) -> Callable[[World], Status]:
    def meet(world: World) -> Status:
        world.ledger.close(AccountNumber(owner))
        return world.answer(world.plain)

    return meet


def filled(side: str, flags: Flag, then: Flag) -> Callable[[World], Status]:
    """One side of a transfer is full to 2^63-1 and 1 more is asked for."""

    def meet(world: World) -> Status:
        hub = world.account(3)

        def between(text: str, other: AccountNumber, amount: int, flag: Flag) -> Transfer:
            debit, credit = (hub, other) if side == "debit" else (other, hub)
            return Transfer(
                id=name(text), debit=debit, credit=credit, amount=amount, ledger=EUR, code=1, flags=flag
            )

        world.made(between("half", world.account(4), 2**62, flags))
        world.made(between("rest", world.account(5), 2**62 - 1, flags))
        return world.answer(between("over", world.account(6), 1, then))

    return meet


def exceeds_debits(world: World) -> Status:
    capped = world.account(3, flags=AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS)
    return world.answer(replace(world.plain, credit=capped))


CASES: dict[Status, Callable[[World], Status]] = {
    Status.CREATED: plain(),
    Status.LINKED_EVENT_FAILED: chain(LINKED, ALONE, amounts=(10, 91)),
    Status.LINKED_EVENT_CHAIN_OPEN: chain(LINKED, amounts=(10,)),
    Status.LINKED_EVENT_CHAIN_TOO_LONG: too_long,
    Status.RESERVED_FIELD: reserved_field,
    Status.RESERVED_FLAG: plain(flags=16),
    Status.ID_MUST_NOT_BE_ZERO: plain(id=NO_ID),
    Status.EXISTS_WITH_DIFFERENT_FLAGS: again(flags=PENDING),
    Status.EXISTS_WITH_DIFFERENT_PENDING_ID: again(pending_id=name("x")),
    Status.EXISTS_WITH_DIFFERENT_TIMEOUT: again(timeout_ms=1),
    Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID: again(debit=9),
    Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID: again(credit=9),
    Status.EXISTS_WITH_DIFFERENT_AMOUNT: again(amount=11),
    Status.EXISTS_WITH_DIFFERENT_USER_DATA_128: again(reference=name("x")),
    Status.EXISTS_WITH_DIFFERENT_USER_DATA_64: again(reference2=1),
    Status.EXISTS_WITH_DIFFERENT_LEDGER: again(ledger=USD),
    Status.EXISTS_WITH_DIFFERENT_CODE: again(code=2),
    Status.EXISTS: again(),
    Status.ID_ALREADY_FAILED: burnt,
    Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE: post(flags=POST | VOID),
    Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: plain(debit=0),
    Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO: plain(credit=0),
    Status.ACCOUNTS_MUST_BE_DIFFERENT: plain(debit=1, credit=1),
    Status.PENDING_ID_MUST_BE_ZERO: plain(pending_id=name("x")),
    Status.PENDING_ID_MUST_NOT_BE_ZERO: post(pending_id=NO_ID),
    Status.PENDING_ID_MUST_BE_DIFFERENT: post(pending_id=name("post")),
    Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER: plain(timeout_ms=1),
    Status.AMOUNT_MUST_NOT_BE_NEGATIVE: plain(amount=-1),
    Status.AMOUNT_MUST_NOT_BE_ZERO: plain(amount=0),
    Status.AMOUNT_TOO_LARGE: plain(amount=2**62 + 1),
    Status.LEDGER_MUST_NOT_BE_ZERO: plain(ledger=0),
    Status.CODE_MUST_NOT_BE_ZERO: plain(code=0),
    Status.DEBIT_ACCOUNT_NOT_FOUND: plain(debit=2**64 - 1),
    Status.CREDIT_ACCOUNT_NOT_FOUND: plain(credit=3),
    Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER: between_ledgers,
    Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS: plain(ledger=USD),
    Status.PENDING_TRANSFER_NOT_FOUND: post(pending_id=name("x")),
    Status.PENDING_TRANSFER_NOT_PENDING: never_pending,
    Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID: post(debit=1),
    Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID: post(credit=2),
    Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER: post(ledger=USD),
    Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE: post(code=2),
    Status.EXCEEDS_PENDING_TRANSFER_AMOUNT: post(amount=11),
    Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT: void(amount=9),
    Status.PENDING_TRANSFER_ALREADY_POSTED: posted_before,
    Status.PENDING_TRANSFER_ALREADY_VOIDED: voided_before,
    Status.PENDING_TRANSFER_EXPIRED: overdue,
    Status.DEBIT_ACCOUNT_ALREADY_CLOSED: closed(2),
    Status.CREDIT_ACCOUNT_ALREADY_CLOSED: closed(1),
    Status.OVERFLOWS_DEBITS_PENDING: filled("debit", PENDING, PENDING),
    Status.OVERFLOWS_CREDITS_PENDING: filled("credit", PENDING, PENDING),
    Status.OVERFLOWS_DEBITS_POSTED: filled("debit", ALONE, ALONE),
    Status.OVERFLOWS_CREDITS_POSTED: filled("credit", ALONE, ALONE),
    Status.OVERFLOWS_DEBITS: filled("debit", PENDING, ALONE),
    Status.OVERFLOWS_CREDITS: filled("credit", PENDING, ALONE),
    Status.OVERFLOWS_TIMEOUT: pending(timeout_ms=MAX - NOW_MS + 1),
    Status.EXCEEDS_CREDITS: plain(amount=101),
    Status.EXCEEDS_DEBITS: exceeds_debits,
}


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_every_status_is_met(status: Status) -> None:  # [SET-3]
    assert CASES[status](World()) == status


@pytest.mark.parametrize("status", sorted(TRANSIENT), ids=lambda status: status.name)
def test_a_refusal_that_time_could_lift_burns_its_id(status: Status) -> None:  # [SET-3]
    world = World()
    assert CASES[status](world) == status
    burnt_ids = [id_ for id_ in world.ledger._known.aside if world.ledger._known.record(id_) == b""]
    (id_,) = burnt_ids
    assert world.answer(replace(world.plain, id=id_, amount=1)) == Status.ID_ALREADY_FAILED


@pytest.mark.parametrize(
    "status",
    [status for status in Status if status not in TRANSIENT and status != Status.ID_ALREADY_FAILED],
    ids=lambda status: status.name,
)
def test_a_refusal_that_time_cannot_lift_remembers_nothing(status: Status) -> None:
    world = World()
    CASES[status](world)
    known = world.ledger._known
    burnt_by_other_members = {Status.LINKED_EVENT_FAILED}
    assert any(known.record(id_) == b"" for id_ in known.aside) == (status in burnt_by_other_members)


def test_what_burns_an_id_is_frozen() -> None:
    assert sorted(TRANSIENT) == [32, 33, 36, 47, 48, 49, 50, 53, 54, 56, 57]


def test_the_numbers_of_statuses_are_frozen() -> None:
    assert [status.value for status in Status] == list(range(58))
    assert (Status.EXISTS, Status.ID_ALREADY_FAILED, Status.EXCEEDS_CREDITS) == (17, 18, 56)
    assert (Status.PENDING_TRANSFER_NOT_FOUND, Status.PENDING_TRANSFER_EXPIRED) == (36, 46)


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        (-(2**63), Status.AMOUNT_MUST_NOT_BE_NEGATIVE),
        (-1, Status.AMOUNT_MUST_NOT_BE_NEGATIVE),
        (0, Status.AMOUNT_MUST_NOT_BE_ZERO),
        (2**53, Status.CREATED),
        (2**62, Status.CREATED),
        (2**62 + 1, Status.AMOUNT_TOO_LARGE),
        (2**63 - 1, Status.AMOUNT_TOO_LARGE),
    ],
)
@pytest.mark.parametrize("flags", [ALONE, PENDING, LINKED])
def test_amounts_at_the_edges(amount: int, status: Status, flags: Flag) -> None:
    world = World()
    transfer = Transfer(
        id=name("edge"),
        debit=world.bank,
        credit=world.wallet,
        amount=amount,
        ledger=EUR,
        code=1,
        flags=flags,
    )
    last = replace(transfer, id=name("last"), amount=1, flags=ALONE)
    assert world.answers(transfer, last)[0] == status


@pytest.mark.parametrize("amount", [-(2**63), -1, 2**53, 2**62, 2**62 + 1, 2**63 - 1])
def test_no_edge_amount_posts_more_than_was_pending(amount: int) -> None:
    world = World()
    world.made(world.pending)
    assert world.answer(replace(world.post, amount=amount)) in {
        Status.AMOUNT_MUST_NOT_BE_NEGATIVE,
        Status.AMOUNT_TOO_LARGE,
        Status.EXCEEDS_PENDING_TRANSFER_AMOUNT,
    }


def test_reserved_bytes_are_where_the_record_says() -> None:
    assert World().plain.pack()[100:] == RESERVED_ZEROS
