"""The one writer: stamps time and position, applies what has arrived, and forms one group of it. [LOG-3]"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from thingmarket.audit.merkle import Tree, leaf_hash
from thingmarket.errors import Code, Refusal
from thingmarket.limits import ENTRY_BYTES_MAX, GROUP_BYTES_MAX, GROUP_ENTRIES_MAX
from thingmarket.market import Market
from thingmarket.market.entries import Command, Entry, EntryKind, Genesis, Outcome, TimersDue
from thingmarket.market.records import Answer
from thingmarket.time import UnixMs
from thingmarket.trading.commands import DerivedState
from thingmarket.wire.log import outcome_bytes, read_entry, read_genesis
from thingmarket.wire.orders import derived_state_body
from thingmarket.wire.signing import entry_bytes
from thingmarket_node.core.messages import CallId, Published
from thingmarket_node.core.publishing import published
from thingmarket_node.groups import EMPTY, Group, Head

_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Waiting:
    """A verified command that waits for its place in the log."""

    call: CallId
    command: Command


@dataclass(frozen=True, slots=True)
class Remembered:
    """A caller whose command was decided before; he is told the same, once that is durable."""

    call: CallId
    answer: Answer


@dataclass(frozen=True, slots=True)
class Decided:
    """A caller whose command is an entry of the group."""

    call: CallId
    command: Command
    outcome: Outcome
    time_ms: int


@dataclass(frozen=True, slots=True)
class Declined:
    """A caller who is refused without an entry: his key cannot be used, say."""

    call: CallId
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Formed:
    """A group, and who is told what once it is durable."""

    group: Group
    decided: tuple[Decided, ...]
    published: tuple[Published, ...]
    outcomes: tuple[Outcome, ...]


class Sequencer:
    """Holds the market, the tree and the head of the log; everything here is ahead of the disk."""

    def __init__(self) -> None:
        """Start before the first entry."""
        self.market = Market()
        self.tree = Tree()
        self.head = EMPTY
        self.waiting: deque[Waiting] = deque()

    def time_ms(self, wall_ms: int) -> UnixMs:
        """Entry time: the wall clock, but never backwards."""
        return UnixMs(max(self.market.state.time_ms, wall_ms))

    def is_due(self, wall_ms: int) -> bool:
        """Whether a deadline is open at this time."""
        deadline = self.market.next_deadline_ms()
        return deadline is not None and deadline <= self.time_ms(wall_ms)

    def form(self, wall_ms: int) -> tuple[Formed | None, list[Remembered | Declined]]:
        """Apply what waits, deadlines first, and form a group of it; None when nothing was logged."""
        now_ms = self.time_ms(wall_ms)
        draft = _Draft(self, now_ms)
        aside: list[Remembered | Declined] = []
        draft.derive()
        if self.is_due(wall_ms):
            draft.add(TimersDue(), EntryKind.TIMERS_DUE, b"")
        # What one entry of deadlines left over comes before any command, in a group of its own.
        late = self.is_due(wall_ms)
        while not late and self.waiting and draft.has_room(len(self.waiting[0].command.signed_bytes)):
            waiting = self.waiting.popleft()
            command = waiting.command
            try:
                answer = self.market.recall(command, now_ms)
            except Refusal as refusal:
                aside.append(Declined(waiting.call, refusal))
                continue
            if answer is not None:
                aside.append(Remembered(waiting.call, answer))
                continue
            outcome = draft.add(command, EntryKind.COMMAND, command.signed_bytes)
            draft.decided.append(Decided(waiting.call, command, outcome, now_ms))
        return (draft.formed() if draft.entries else None), aside

    def begin(self, genesis_body: bytes, wall_ms: int) -> Group:
        """Apply the first entry of a new log and form its group."""
        draft = _Draft(self, self.time_ms(wall_ms))
        draft.add(read_genesis(genesis_body), EntryKind.GENESIS, genesis_body)
        return draft.formed().group

    def replay(self, group: Group, *, apply: bool, tell: bool = True) -> tuple[Published, ...]:
        """Follow one group of the journal; TAMPERED when it does not come to what it came to before.

        With `apply` false the group lies before the snapshot that the market was restored from; with `tell`
        false nobody wants to know what it came to.
        """
        self.head = self.head.after(group)
        self.tree.extend([leaf_hash(entry) for entry in group.entries])
        if not apply:
            return ()
        try:
            entries = [read_entry(data) for data in group.entries]
        except Refusal as refusal:
            raise Refusal(Code.TAMPERED, f"group {group.number}: {refusal.reason}") from None
        followed = [self._follow(entry, tell) for entry in entries]
        if hash_of_outcomes([body for body, _ in followed]) != group.outcome_hash:
            raise Refusal(Code.TAMPERED, f"group {group.number} came to other outcomes than it did before")
        if self.market.state.state_root() != group.state_root:
            raise Refusal(Code.TAMPERED, f"group {group.number} leads to another state than it did before")
        return tuple(one for _, one in followed if one is not None)

    def _follow(self, entry: Entry, tell: bool) -> tuple[bytes, Published | None]:
        derived = self.market.derived()
        if derived != (entry.content if isinstance(entry.content, DerivedState) else None):
            raise Refusal(Code.TAMPERED, f"entry {entry.seq} is not what the one before it led to", "MKT-9")
        outcome = self.market.apply(entry)
        body = outcome_bytes(outcome)
        return body, published(self.market.state, entry, outcome, body) if tell else None


class _Draft:
    """The group that is being formed."""

    def __init__(self, sequencer: Sequencer, now_ms: UnixMs) -> None:
        self._sequencer = sequencer
        self._now_ms = now_ms
        self._size = 0
        self.entries: list[bytes] = []
        self._outcomes: list[Outcome] = []
        self._published: list[Published] = []
        self.decided: list[Decided] = []

    def has_room(self, size: int) -> bool:
        return len(self.entries) < GROUP_ENTRIES_MAX and self._size + size + ENTRY_BYTES_MAX < GROUP_BYTES_MAX

    def add(self, content: Command | Genesis | TimersDue, kind: EntryKind, body: bytes) -> Outcome:
        outcome = self._append(content, kind, body)
        self.derive()
        return outcome

    def _append(
        self, content: Command | Genesis | TimersDue | DerivedState, kind: EntryKind, body: bytes
    ) -> Outcome:
        market = self._sequencer.market
        seq = market.state.seq + 1
        data = entry_bytes(seq=seq, time_ms=self._now_ms, kind=kind, body=body)
        entry = Entry(seq=seq, time_ms=self._now_ms, content=content)
        outcome = market.apply(entry)
        self.entries.append(data)
        self._size += len(data)
        self._outcomes.append(outcome)
        self._published.append(published(market.state, entry, outcome, outcome_bytes(outcome)))
        return outcome

    def derive(self) -> None:
        """Add what the last entry of the log led to as the very next one, before what waits. [MKT-9]

        What has no room begins the next group.
        """
        market = self._sequencer.market
        while (content := market.derived()) is not None and len(self.entries) < GROUP_ENTRIES_MAX:
            self._append(content, EntryKind.DERIVED, derived_state_body(content))

    def formed(self) -> Formed:
        sequencer = self._sequencer
        group = Group(
            number=sequencer.head.number + 1,
            first_seq=sequencer.head.next_seq,
            entries=tuple(self.entries),
            outcome_hash=hash_of_outcomes([one.body for one in self._published]),
            state_root=sequencer.market.state.state_root(),
            previous=sequencer.head.chain,
        )
        sequencer.head = Head.at(group)
        sequencer.tree.extend([leaf_hash(data) for data in self.entries])
        return Formed(group, tuple(self.decided), tuple(self._published), tuple(self._outcomes))


def hash_of_outcomes(bodies: Iterable[bytes]) -> bytes:
    """32 bytes over the outcomes of one group, each with its length."""
    whole = blake2b(digest_size=_HASH_BYTES, person=b"tm-outcomes")
    for body in bodies:
        whole.update(len(body).to_bytes(4, "big"))
        whole.update(body)
    return whole.digest()
