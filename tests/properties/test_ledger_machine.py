"""The ledger against a naive oracle, and its fast path against its general one, under random histories."""

import struct
from collections import Counter
from hashlib import blake2b
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.properties.ledger_oracle import Oracle
from thingmarket.settlement.accounts import AccountFlag, AccountKind, Balance
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Status

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
RECORD = struct.Struct("<16sQQq16s16sQQQHH28s")
EDGES = [0, -1, 2**53, 2**62, 2**62 + 1, 2**63 - 1, -(2**63)]
EUR, GOODS = 978, 2**32 + 7
OPENED = [  # account numbers 1..9
    (EUR, AccountKind.EXTERNAL, 0),
    (EUR, AccountKind.OWNER_WALLET, 1),
    (EUR, AccountKind.OWNER_WALLET, 1),
    (EUR, AccountKind.ESCROW, 1),
    (EUR, AccountKind.EXTERNAL, 2),
    (EUR, AccountKind.EXTERNAL, 0),
    (GOODS, AccountKind.GOODS_ORIGIN, 0),
    (GOODS, AccountKind.GOODS, 1),
    (GOODS, AccountKind.GOODS, 1),
]
SEEN: Counter[Status] = Counter()  # of all histories: what the machine has reached


class GeneralLedger(Ledger):
    """The same ledger without its fast path."""

    __slots__ = ()

    def _decide(self, batch: bytes, first: int, time_ms: int, statuses: bytearray) -> None:
        place = 0
        while place < len(statuses):
            place += self._decide_unit(batch, first + place, time_ms, statuses)


def make_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def move(draw: Random) -> list[Any]:
    """A plain or pending transfer that stands a good chance."""
    flags = draw.choice([0, 0, 0, 0, 2, 2, 2, 1, 3])
    first = draw.choice([1, 1, 1, 7])
    debit, credit = draw.sample(range(1, 7) if first == 1 else range(7, 10), 2)
    if draw.random() < 0.4:
        debit = first  # an account that never runs dry
    amount = draw.randint(1, 100) if draw.random() < 0.9 else draw.choice([*EDGES, 2**61, 2**62 - 1])
    if amount >= 2**61 and first == 1:
        debit, credit = draw.choice([(1, 6), (5, 6), (6, 1), (1, 2), (debit, credit)])
    timeout_ms = draw.choice([0, 0, 1, 50, 1000, DAY_MS, 3 * DAY_MS]) if flags & 2 else 0
    ledger = OPENED[debit - 1][0]
    # A few ids, so that they come again, also after they were forgotten.
    id_ = make_id(draw.randrange(1, 10**6) if draw.random() < 0.8 else draw.randrange(31))
    return [id_, debit, credit, amount, b"", b"contract", 0, timeout_ms, ledger, 1, flags, b""]


def resolution(draw: Random, sent: list[Any]) -> list[Any]:
    """A post or void of something that was sent before."""
    pending = [row for row in sent if row[10] & 2]
    target = draw.choice(pending if pending and draw.random() < 0.95 else sent)
    flags = draw.choice([4, 4, 4, 8, 8, 5, 9])
    amount = draw.choice([0, 0, 0, target[3], 1, target[3] - 1, target[3] + 1])
    amount = min(max(amount, -1), 2**63 - 1)
    row = [make_id(draw.randrange(10**6, 2 * 10**6)), 0, 0, amount, target[0], b"", 0, 0, 0, 0, flags, b""]
    for place in (1, 2, 8, 9):
        if draw.random() < 0.3:
            row[place] = target[place]
    return row


def spoil(draw: Random, row: list[Any]) -> None:
    """Change one field to something that may well be wrong."""
    place = draw.randrange(12)
    wrong: dict[int, list[Any]] = {
        0: [make_id(draw.randrange(31)), b""],
        1: [0, 1, 2, 3, 6, 8, 10, 2**64 - 1],
        2: [0, 1, 2, 3, 6, 8, 10, 2**64 - 1],
        3: [*EDGES, 1, 50],
        4: [make_id(draw.randrange(31)), row[0], b""],
        5: [b"other"],
        6: [2**64 - 1],
        7: [0, 1, 2**63, 2**64 - 1],
        8: [0, EUR, GOODS, 2**64 - 1],
        9: [0, 2, 65535],
        10: [row[10] ^ 1, row[10] | 2, row[10] | 4, row[10] | 8, row[10] | 16, 2**16 - 1],
        11: [b"\0" * 27 + b"\1", b"\1"],
    }
    row[place] = draw.choice(wrong[place])


SEEDS = st.integers(0, 2**64 - 1)  # weights and dependent fields are plain code


class LedgerMachine(RuleBasedStateMachine):
    """Two ledgers and an oracle live through the same history."""

    @initialize()
    def begin(self):
        self.fast, self.general, self.oracle = Ledger(), GeneralLedger("python"), Oracle()
        self.readable = Ledger("python")
        self.now = START_MS
        self.sent = []
        self.drawn = 0
        self.mirror = {}
        self.follower = Ledger.restore(self.fast.snapshot())  # it hears of the changes alone
        for number, (ledger, kind, flags) in enumerate(OPENED, 1):
            for each in (self.fast, self.readable, self.general):
                opened = each.open(owner=number, ledger=ledger, kind=kind, flags=AccountFlag(flags))
                assert opened == number
            self.oracle.open(number, ledger, flags)
        fund = [
            [make_id(40 + n), 1 if n < 7 else 7, n, 500, b"", b"", 0, 0, OPENED[n - 1][0], 1, 0, b""]
            for n in (2, 3, 8)
        ]
        self.send(fund)

    def draw(self, seed):
        """Hypothesis likes the same few numbers; the same seed means another thing at each step."""
        self.drawn += 1
        return Random(f"{seed} {self.drawn}")  # a string, so that it does not depend on the hash seed

    def send(self, rows):
        batch = b"".join(RECORD.pack(*row) for row in rows)
        expected = self.oracle.submit(batch, self.now)
        assert [Status(n) for n in self.fast.submit(batch, self.now)] == expected
        assert [Status(n) for n in self.general.submit(batch, self.now)] == expected
        assert [Status(n) for n in self.readable.submit(batch, self.now)] == expected
        SEEN.update(expected)
        self.sent = (self.sent + rows)[-40:]

    @rule(seed=SEEDS)
    def move(self, seed):
        draw = self.draw(seed)
        self.send([move(draw) for _ in range(draw.choice([1, 2, 6]))])

    @rule(seed=SEEDS)
    def resolve(self, seed):
        draw = self.draw(seed)
        self.send([resolution(draw, self.sent) for _ in range(draw.choice([1, 1, 3]))])

    @rule(seed=SEEDS)
    def send_again(self, seed):
        draw = self.draw(seed)
        self.send([move(draw), draw.choice(self.sent)])

    @rule(seed=SEEDS)
    def send_altered(self, seed):
        draw = self.draw(seed)
        source = draw.choice(["again", "again", "move", "resolution"])
        row = {
            "again": lambda: list(draw.choice(self.sent)),
            "move": lambda: move(draw),
            "resolution": lambda: resolution(draw, self.sent),
        }[source]()
        for _ in range(draw.choice([1, 1, 2])):
            spoil(draw, row)
        self.send([row])

    @rule(seed=SEEDS)
    def chain(self, seed):
        draw = self.draw(seed)
        count = draw.choice([2, 2, 3, 4, 64, 65])
        first = draw.randrange(2 * 10**6, 3 * 10**6)
        rows: list[list[Any]] = [
            [make_id(first + n), 1, 2 + n % 2, 1 + n, b"", b"", 0, 0, EUR, 1, 1, b""] for n in range(count)
        ]
        rows[0] = resolution(draw, self.sent) if draw.random() < 0.5 else rows[0]
        rows[1] = move(draw)
        rows[-1] = resolution(draw, self.sent) if draw.random() < 0.5 else move(draw)
        for row in rows:
            row[10] |= 1
        if draw.random() < 0.8:
            rows[-1][10] &= ~1
            rows.append(move(draw))
        self.send(rows)

    @rule(step_ms=st.sampled_from([0, 1, 49, 50, 1000, DAY_MS // 2, DAY_MS + 1]), fire=st.booleans())
    def time_passes(self, step_ms, fire):
        self.now += step_ms
        if fire:
            expected = self.oracle.expire(self.now)
            assert self.fast.expire(self.now) == expected
            assert self.general.expire(self.now) == expected
            assert self.readable.expire(self.now) == expected
            self.fast.check_invariants(self.now)

    @rule()
    def forget(self):
        expected = self.oracle.forget(self.now)
        assert self.fast.forget(self.now) == expected
        assert self.general.forget(self.now) == expected
        assert self.readable.forget(self.now) == expected

    @rule(number=st.sampled_from([3, 4, 6, 9]), sure=st.integers(0, 3))
    def close(self, number, sure):
        if sure == 0:
            self.oracle.accounts[number]["flags"] |= 4
            self.fast.close(number)
            self.general.close(number)
            self.readable.close(number)

    @rule()
    def restore(self):
        self.changes_are_taken()
        data = self.fast.snapshot()
        self.fast = Ledger.restore(data)
        assert self.fast.snapshot() == data == self.readable.snapshot()
        everything = dict(self.fast.take_dirty())
        assert {key: value for key, value in everything.items() if value is not None} == self.mirror

    @rule()
    def general_is_restored(self):
        self.general = GeneralLedger.restore(self.general.snapshot(), "python")
        self.general.take_dirty()

    @rule()
    def changes_are_taken(self):
        told = self.fast.take_changes()
        assert self.readable.take_changes() == told
        self.general.take_dirty()
        assert len({key for key, _, _ in told}) == len(told)
        for key, before, _ in told:
            assert key[:1] == b"a" or before == self.mirror.get(key)
        changes = [(key, value) for key, _, value in told]
        self.follower.follow(dict(changes), self.now)
        self.follower.check_invariants()
        assert self.follower.state_digest() == self.fast.state_digest()
        assert self.follower.next_deadline() == self.fast.next_deadline()
        for key, value in changes:
            if value is None:
                self.mirror.pop(key, None)
            else:
                self.mirror[key] = value

    @invariant()
    def all_agree(self):
        if not hasattr(self, "fast"):
            return
        self.fast.check_invariants()
        assert self.fast.next_deadline() == self.general.next_deadline() == self.oracle.next_deadline()
        for number, account in self.oracle.accounts.items():
            expected = Balance(
                debits_pending=account["dp"],
                debits_posted=account["d"],
                credits_pending=account["cp"],
                credits_posted=account["c"],
            )
            assert self.fast.balance(number) == expected
        digest = self.fast.state_digest()
        assert digest == self.general.state_digest() == self.readable.state_digest()

    def teardown(self):
        if not hasattr(self, "fast"):
            return
        self.changes_are_taken()
        assert self.fast.state_digest() == digest_of(self.mirror)


def digest_of(mirror):
    """The digest that a ledger with exactly this content has: what was folded is all there is."""
    state = blake2b(digest_size=32, person=b"tm-ledger")
    for key in sorted(mirror):
        state.update(len(key + mirror[key]).to_bytes(4, "big") + key + mirror[key])
    return state.digest()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=60, stateful_step_count=40)


def live(seed: int, steps: int) -> None:
    """One long history with every rule in it; Hypothesis prefers short ones with few."""
    draw = Random(f"history {seed}")
    machine = LedgerMachine()
    machine.begin()
    rules = [machine.move] * 4 + [machine.resolve] * 3 + [machine.send_again, machine.chain]
    rules += [machine.send_altered] * 3
    for _ in range(steps):
        draw.choice(rules)(draw.getrandbits(32))
        machine.all_agree()
        if draw.random() < 0.3:
            machine.time_passes(draw.choice([0, 1, 49, 50, 1000]), draw.random() < 0.5)
        if draw.random() < 0.01:
            machine.time_passes(DAY_MS + 1, True)
            machine.forget()
        if draw.random() < 0.1:
            draw.choice([machine.restore, machine.general_is_restored, machine.changes_are_taken])()
        if draw.random() < 0.02:
            machine.close(draw.choice([3, 4, 6, 9]), 0)
        machine.all_agree()
    machine.teardown()


def test_long_histories_agree_with_the_oracle_and_meet_every_status() -> None:
    SEEN.clear()
    for seed in range(40):
        live(seed, 150)
    missing = {status.name for status in Status if not SEEN[status]}
    assert missing == set()
