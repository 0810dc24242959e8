"""Follows the durable log, record by record, with a market of its own that never crashes."""

from typing import Any, Final

from thingmarket.audit.merkle import Tree, leaf_hash
from thingmarket.ids import Key
from thingmarket.market import Market
from thingmarket.market.denied import COUNTED_CODES
from thingmarket.market.entries import Command, Entry, Outcome
from thingmarket.market.state import State
from thingmarket.trading.commands import PlaceOrders
from thingmarket.wire.log import outcome_bytes, read_entry
from thingmarket_node import groups
from thingmarket_node.core.sequencer import hash_of_outcomes
from thingmarket_node.groups import EMPTY
from thingmarket_node.sim.oracle.comparing import compare
from thingmarket_node.sim.oracle.oracle import Oracle
from thingmarket_node.sim.world import Violation, require

_OF_ORDERS: Final = ("spending", "expiries", "timers")


class Reference:
    """What the log says, replayed from its first entry, and checked against the oracle."""

    def __init__(self) -> None:
        """Start before the genesis."""
        self.market = Market()
        self.oracle = Oracle()
        self.tree = Tree()
        self.head = EMPTY
        self.groups: list[bytes] = []
        self.entries: list[Entry] = []
        self.outcomes: list[Outcome] = []
        self.bodies: list[bytes] = []
        self.granted: dict[tuple[str, Key, bytes], int] = {}  # sender, key, digest of the body -> seq
        self._read: dict[bytes, Entry] = {}
        self._answered: set[tuple[str, Key | int]] = set()

    @property
    def seq(self) -> int:
        """Last log position that was followed."""
        return len(self.entries)

    def read(self, data: bytes) -> Entry:
        """Read an entry; the same bytes are read once."""
        entry = self._read.get(data)
        if entry is None:
            entry = self._read[data] = read_entry(data)
        return entry

    def follow(self, data: bytes) -> list[Entry]:
        """Take the next durable group; everything that it claims must come true again."""
        group = groups.decode(data)
        objection = self.head.objection_to(group)
        require(not objection, "chain", objection)
        entries = [self.read(entry) for entry in group.entries]
        first = len(self.bodies)
        try:
            for entry in entries:
                self._apply(entry)
        except (LookupError, TypeError, ValueError) as error:
            raise Violation("bugs", f"group {group.number}: {error!r}") from error
        self.tree.extend([leaf_hash(entry) for entry in group.entries])
        same = hash_of_outcomes(self.bodies[first:]) == group.outcome_hash
        require(same, "replay", f"group {group.number} comes to other outcomes")
        root = self.market.state.state_root()
        require(root == group.state_root, "replay", f"group {group.number} comes to another state")
        self.head = self.head.at(group)
        self.groups.append(data)
        self._check()
        return entries

    def _apply(self, entry: Entry) -> None:
        state = self.market.state
        require(entry.time_ms >= state.time_ms, "log-time", f"entry {entry.seq} is older than the one before")
        before, rows = state.effects_root(), _rows(state)
        outcome = self.market.apply(entry)
        if outcome.code in COUNTED_CODES:
            state.effects_root()
            _check_counted(rows, _rows(state), entry.seq, left_books=bool(outcome.events))
        elif outcome.code:
            same = state.effects_root() == before and not outcome.notices
            require(same, "refused-changes-nothing", f"entry {entry.seq}, refused with {outcome.code}")
        if isinstance(entry.content, Command):
            self._note(entry.seq, entry.content, outcome)
        self.oracle.follow(entry, outcome)
        self.entries.append(entry)
        self.outcomes.append(outcome)
        self.bodies.append(outcome_bytes(outcome))

    def _note(self, seq: int, command: Command, outcome: Outcome) -> None:
        """A key is answered once; a frame that was refused leaves its number free. [MKT-6]"""
        sender, body = command.header.sender, command.body
        name = (sender, body.frame if isinstance(body, PlaceOrders) else command.key)
        require(name not in self._answered, "applied-once", f"entry {seq} is a second one of its key")
        if outcome.code == 0 or not isinstance(body, PlaceOrders):
            self._answered.add(name)
        if outcome.code == 0:
            self.granted[sender, command.key, command.body_digest] = seq

    def _check(self) -> None:
        """Debits are credits, and everything is what the oracle reckons."""
        state = self.market.state
        try:
            state.ledger.check_invariants(state.time_ms)
        except AssertionError as error:
            raise Violation("ledger", str(error)) from error
        try:
            compare(self.oracle.memory, state)
        except LookupError as error:
            raise Violation("unknown", f"the market knows nothing of {error}") from error


def _rows(state: State) -> dict[str, dict[Any, Any]]:
    """Rows by their table, of tables that a counted refusal may change, and roots of all others."""
    tables = {table.name: table for table in state.effect_tables}
    rows = {name: dict(tables.pop(name).items()) for name in ("things", "devices")}
    return {**rows, "others": {name: table.root() for name, table in tables.items()}}


def _check_counted(
    before: dict[str, dict[Any, Any]], after: dict[str, dict[Any, Any]], seq: int, *, left_books: bool
) -> None:
    """A counted refusal changes exactly one row, of a thing or a device; what it stops leaves the books."""
    if left_books:  # what its orders held and counted is free [MKT-10]
        for name in _OF_ORDERS:
            after["others"][name] = before["others"][name]
    changed = [
        (table, key)
        for table, rows in after.items()
        for key in rows.keys() | before[table].keys()
        if rows.get(key) != before[table].get(key)
    ]
    one = len(changed) == 1 and changed[0][0] != "others"
    require(one, "counted-changes-one-row", f"entry {seq} changed {[name for name, _ in changed]}")
