"""Follows the durable log, record by record, with a market of its own that never crashes."""

from thingmarket.audit.merkle import Tree, leaf_hash
from thingmarket.ids import Digest, Key
from thingmarket.market import Market
from thingmarket.market.entries import Command, Entry, Outcome
from thingmarket.settlement.accounts import AccountKind
from thingmarket.wire.log import outcome_bytes, read_entry
from thingmarket_node import groups
from thingmarket_node.core.sequencer import hash_of_outcomes
from thingmarket_node.groups import EMPTY
from thingmarket_node.sim.oracle import Oracle
from thingmarket_node.sim.world import Violation, require


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
        self._answered: set[tuple[str, Key]] = set()

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
        for entry in entries:
            self._apply(entry)
        self.tree.extend([leaf_hash(entry) for entry in group.entries])
        same = hash_of_outcomes(self.bodies[first:]) == group.outcome_hash
        require(same, "replay", f"group {group.number} comes to other outcomes")
        root = self.market.state.state_root()
        require(root == group.state_root, "replay", f"group {group.number} comes to another state")
        self.head = self.head.at(group)
        self.groups.append(data)
        self._check_money()
        return entries

    def _apply(self, entry: Entry) -> None:
        state = self.market.state
        require(entry.time_ms >= state.time_ms, "log-time", f"entry {entry.seq} is older than the one before")
        before = state.effects_root()
        outcome = self.market.apply(entry)
        if outcome.code:
            same = state.effects_root() == before and not outcome.notices
            require(same, "refused-changes-nothing", f"entry {entry.seq}, refused with {outcome.code}")
        if isinstance(entry.content, Command):
            name = (entry.content.header.sender, entry.content.key)
            require(
                name not in self._answered, "applied-once", f"entry {entry.seq} is a second one of its key"
            )
            self._answered.add(name)
            if outcome.code == 0:
                self.granted[*name, entry.content.body_digest] = entry.seq
        self.oracle.follow(entry, outcome)
        self.entries.append(entry)
        self.outcomes.append(outcome)
        self.bodies.append(outcome_bytes(outcome))

    def _check_money(self) -> None:
        """Debits are credits, and every balance is what the oracle reckons."""
        state, oracle = self.market.state, self.oracle
        try:
            state.ledger.check_invariants(state.time_ms)
        except AssertionError as error:
            raise Violation("ledger", str(error)) from error
        for (owner, ledger), minor in oracle.wallets.items():
            number = state.party(owner).number
            wallet = state.ledger.find(owner=number, ledger=ledger, kind=AccountKind.OWNER_WALLET)
            balance = state.ledger.balance(wallet) if wallet else None
            held = balance.credits_posted - balance.debits_posted if balance else 0
            require(held == minor, "money", f"a wallet holds {held}, not {minor}, after entry {state.seq}")
        for leaf, given in oracle.mandates.items():
            counter = state.spending.get((Digest(leaf), "EUR"))
            counted = (counter.total_minor, counter.reserved_minor) if counter else (0, 0)
            reckoned = (sum(given.spent.values()), oracle.reserved(leaf))
            require(counted == reckoned, "budget", f"spent and reserved are {counted}, not {reckoned}")
        for pending, asked in oracle.waiting.items():
            require(state.pendings[pending].state.value == asked.state, "approvals", f"not {asked.state}")
        for digest, offer in oracle.offers.items():
            record = state.offers[digest]
            stock = state.ledger.balance(record.stock_account)
            left = stock.credits_posted - stock.debits_posted - stock.debits_pending
            require(left == offer.left, "stock", f"{left} steps are left, not {offer.left}")
            require(record.state.value == offer.state, "offers", f"an offer is {record.state.value}")
        for name, sale in oracle.contracts.items():
            contract = state.contracts[name]
            found = contract.fulfilment.value
            require(found == sale.state, "contracts", f"a contract is {found}, not {sale.state}")
