"""What clients were told, compared with what the node's journal holds: nothing lost, nothing twice."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.conservation import violations
from tests.soak.evidence import Acknowledged
from tests.soak.trading import MARKET
from thingmarket.audit.merkle import leaf_hash
from thingmarket.contract.orders import Deposit
from thingmarket.identity.commands import Revoke
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import ContractId, Digest, Key, key_time_ms
from thingmarket.market.entries import Command
from thingmarket.market.state import State
from thingmarket.matching.records import EventKind, Side, unpack_events
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import slot_of
from thingmarket.v1 import log_pb2
from thingmarket.wire.log import read_entry
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.messages import Now, Published
from thingmarket_node.groups import EMPTY, Group, decode
from thingmarket_node.home import Home, load_identity
from thingmarket_node.projected import TABLES
from thingmarket_node.projection import Projection


def groups_after(path: Path, number: int) -> Iterator[Group]:
    """Groups of a journal whose node is dead; read only, so that its restart finds it as it was left."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT body FROM groups WHERE number > ? ORDER BY number", (number,)).fetchall()
    yield from (decode(body) for (body,) in rows)


def tables_of(projection: Path) -> dict[str, list[Any]]:
    """All rows of a projection that nobody writes now, in the order of their keys."""
    with closing(sqlite3.connect(projection)) as db:
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


async def _projected(path: Path, published: Iterable[Published]) -> None:
    projection = await Projection.open(path)
    for one in published:
        await projection.fill(one)
    await projection.close()


@dataclass(slots=True)
class Findings:
    """What must stay empty, in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    projection: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Everything that was found."""
        return [*self.lost, *self.doubled, *self.unsound, *self.other, *self.projection]

    @property
    def nothing(self) -> bool:
        """Whether all is well."""
        return not self.all


class Comparison:
    """Follows the journal and the evidence of one run, a piece after each kill."""

    def __init__(self, journal: Path) -> None:
        """Begin with nothing read."""
        self._journal = journal
        self._head = EMPTY
        self._leaves: list[bytes] = []
        self._commands: dict[tuple[str, str], int] = {}
        self._deposits: Counter[bytes] = Counter()
        self._deposited_minor = 0
        self._revoked: dict[Digest, int] = {}  # leaf -> log position
        self._frames: dict[tuple[str, int], list[int]] = {}  # sender and number -> log positions
        self._paid: Counter[int] = Counter()  # minor units, by the slot of who bought at the book
        self.trades = 0
        self.acknowledged: dict[tuple[str, str], Acknowledged] = {}
        self.found = Findings()

    def look(self, evidence: list[Acknowledged]) -> None:
        """Read what the journal has won, and compare what clients were told since the last look."""
        for group in groups_after(self._journal, self._head.number):
            self._head = self._head.after(group)
            for data in group.entries:
                self._entry(data)
        for one in evidence:
            self._compare(one)

    def _entry(self, data: bytes) -> None:
        self._leaves.append(leaf_hash(data))
        content = read_entry(data).content
        if not isinstance(content, Command):
            return
        name = (content.header.sender, content.key.hex())
        if isinstance(content.body, PlaceOrders):
            self._frames.setdefault((name[0], content.body.frame), []).append(len(self._leaves))
        if name in self._commands:
            self.found.doubled.append(f"{name} at {self._commands[name]} and {len(self._leaves)}")
        self._commands[name] = len(self._leaves)
        if isinstance(content.body, Revoke) and content.body.mandate is not None:
            self._revoked.setdefault(content.body.mandate, len(self._leaves))
        if isinstance(content.body, Deposit):
            request = content.body.request
            self._deposits[request] += 1
            self._deposited_minor += content.body.amount_minor
            if self._deposits[request] > 1:
                self.found.doubled.append(f"deposit of request {request.hex()}")

    def _compare(self, one: Acknowledged) -> None:
        name = (one.sender, one.key)
        before = self.acknowledged.setdefault(name, one)
        if (before.seq, before.leaf, before.reference) != (one.seq, one.leaf, one.reference):
            self.found.doubled.append(f"{name} was answered twice, and not the same: {before} {one}")
        if one.seq > len(self._leaves) or self._leaves[one.seq - 1].hex() != one.leaf:
            self.found.lost.append(f"entry {one.seq} is not what {one.sender} was told: {one}")
        elif one.type_id != TypeId.FUND_REQUEST and self._commands.get(name) != one.seq:
            self.found.lost.append(f"{name} is not the command of entry {one.seq}")
        elif one.type_id == TypeId.FUND_REQUEST and not self._deposits[bytes.fromhex(one.body_digest)]:
            self.found.lost.append(f"no deposit for {name}")

    # --- at the end

    def end(self, home: Home, *, seq: int, state_root: bytes) -> State:
        """Replay all from the genesis, and compare with the evidence and with the node's last root."""
        groups = list(groups_after(self._journal, 0))
        who = load_identity(home)
        keys = NodeKeys(node=who.node, network_id=who.network_id, identity=who.identity, log=who.log)
        core, published = boot(keys, Now(0, 0), groups)
        if (core.durable_seq, core.state.state_root()) != (seq, state_root):
            self.found.other.append(f"the replay ends at {core.durable_seq} with another root than the node")
        outcomes = [log_pb2.Outcome.FromString(one.body) for one in published]
        for one in self.acknowledged.values():
            outcome = outcomes[one.seq - 1]
            told = (one.code, one.reference, one.statuses)
            if (outcome.code, outcome.reference.hex(), outcome.statuses.hex()) != told:
                self.found.lost.append(f"the replay comes to something else than {one}")
        self._explain_contracts(core.state)
        self._explain_frames(outcomes)
        self._rebuild_projection(home, published)
        self.found.unsound += violations(core.state, self._deposited_minor, self._revoked, self._paid)
        return core.state

    def _rebuild_projection(self, home: Home, published: Iterable[Published]) -> None:
        """What queries read, written through all the kills, is what the whole log gives in one go."""
        anew = home.folder / "rebuilt.db"
        asyncio.run(_projected(anew, published))
        before, after = tables_of(home.projection), tables_of(anew)
        for table in TABLES:
            if before[table] != after[table]:
                counts = f"{len(before[table])} rows, rebuilt {len(after[table])}"
                self.found.projection.append(f"table {table} is another than its rebuild: {counts}")

    def _explain_frames(self, outcomes: Sequence[log_pb2.Outcome]) -> None:
        """Each frame was taken once, by an entry that its sender was told of; what was traded is counted."""
        told = {one.seq for one in self.acknowledged.values() if one.type_id == TypeId.PLACE_ORDERS}
        for (sender, frame), places in self._frames.items():
            taken = [seq for seq in places if not outcomes[seq - 1].code]
            if len(taken) > 1:
                self.found.doubled.append(f"frame {frame} of {sender} was taken at {taken}")
            self.found.doubled += [
                f"frame {frame} of {sender} was taken, and nobody told" for seq in taken if seq not in told
            ]
        for outcome in outcomes:
            for event in unpack_events(outcome.events):
                if event.kind is EventKind.TRADE:
                    buy = event.taker if event.side == Side.BUY else event.maker
                    self._paid[slot_of(buy)] += event.price * event.quantity * MARKET.tick_minor
                    self.trades += 1

    def _explain_contracts(self, state: State) -> None:
        """Every contract is one that a client was told of, once, or one that he asked for in advance."""
        told = {one.reference for one in self.acknowledged.values() if one.is_contract}
        asked = {one.reference for one in self.acknowledged.values() if one.pending}
        pendings = {pending.id.hex(): pending.contract.hex() for pending in state.pendings.values()}
        approved = [contract for pending, contract in pendings.items() if pending in asked and contract]
        made = {contract.hex() for contract in state.contracts}
        self.found.lost += [f"contract {contract} is not there" for contract in (told | {*approved}) - made]
        self.found.lost += [f"order {pending} does not wait" for pending in asked - {*pendings}]
        self.found.doubled += [f"order {pending} that nobody was told of" for pending in {*pendings} - asked]
        by_standing: Counter[str] = Counter()
        for contract in made - told - {*approved}:
            found = state.contracts[ContractId(bytes.fromhex(contract))]
            if found.choice:  # whoever buys by himself commits to his choice
                self.found.doubled.append(f"contract {contract} that nobody was told of")
            by_standing[found.buyer] += 1
        opened = {one.reference for one in self.acknowledged.values() if one.is_standing}
        for standing in state.standing_orders.values():
            if standing.id.hex() not in opened:
                self.found.doubled.append(f"standing order {standing.id.hex()} that nobody was told of")
            turns = (state.time_ms - key_time_ms(Key(standing.wish.key))) // standing.wish.interval_ms + 1
            if standing.occurrences > turns:
                self.found.doubled.append(f"standing order {standing.id.hex()} came {turns} times too often")
            by_standing[standing.buyer] -= standing.made
        wrong = {buyer: count for buyer, count in by_standing.items() if count}
        self.found.doubled += [
            f"{buyer}: {count} contracts by standing orders" for buyer, count in wrong.items()
        ]
