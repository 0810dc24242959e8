"""What clients were told, compared with what the node's journal holds: nothing lost, nothing twice."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.soak.evidence import Acknowledged
from thingmarket.audit.merkle import leaf_hash
from thingmarket.contract.contract import ContractState
from thingmarket.contract.orders import Deposit
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import PartyId
from thingmarket.market.entries import Command
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.v1 import log_pb2
from thingmarket.wire.log import read_entry
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.messages import Now
from thingmarket_node.groups import EMPTY, Group, decode
from thingmarket_node.home import Home, load_identity

EUR: Final = currency_of("EUR").ledger


def groups_after(path: Path, number: int) -> Iterator[Group]:
    """Groups of a journal whose node is dead; read only, so that its restart finds it as it was left."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT body FROM groups WHERE number > ? ORDER BY number", (number,)).fetchall()
    yield from (decode(body) for (body,) in rows)


@dataclass(slots=True)
class Findings:
    """What must stay empty, in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether all is well."""
        return not (self.lost or self.doubled or self.other)


class Comparison:
    """Follows the journal and the evidence of one run, a piece after each kill."""

    def __init__(self, journal: Path) -> None:
        """Begin with nothing read."""
        self._journal = journal
        self._head = EMPTY
        self._leaves: list[bytes] = []
        self._commands: dict[tuple[str, str], int] = {}
        self._deposits: Counter[bytes] = Counter()
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
        if name in self._commands:
            self.found.doubled.append(f"{name} at {self._commands[name]} and {len(self._leaves)}")
        self._commands[name] = len(self._leaves)
        if isinstance(content.body, Deposit):
            request = content.body.request
            self._deposits[request] += 1
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
            if (outcome.code, outcome.reference.hex()) != (one.code, one.reference):
                self.found.lost.append(f"the replay comes to something else than {one}")
        told = {one.reference for one in self.acknowledged.values() if one.is_contract}
        made = {contract.hex() for contract in core.state.contracts}
        self.found.lost += [f"contract {contract} is not there" for contract in told - made]
        self.found.doubled += [f"contract {contract} that nobody was told of" for contract in made - told]
        return core.state


def money_conserved(state: State) -> bool:
    """Wallets and escrows hold what came in, and each escrow what its contract says."""
    state.ledger.check_invariants(state.time_ms)
    wallets = sum(_held(state, party, AccountKind.OWNER_WALLET) for party in state.parties)
    escrows = 0
    for contract in state.contracts.values():
        held = _held(state, contract.buyer_owner, AccountKind.ESCROW, contract.id)
        escrows += held
        if held != (contract.total_minor if contract.state is ContractState.ACTIVE else 0):
            return False
    return wallets + escrows == -_held(state, state.node, AccountKind.EXTERNAL)


def _held(state: State, party: PartyId, kind: AccountKind, reference: bytes = b"") -> int:
    account = state.ledger.find(owner=state.parties[party].number, ledger=EUR, kind=kind, reference=reference)
    balance = state.ledger.balance(account) if account else None
    return balance.credits_posted - balance.debits_posted if balance else 0
