"""Watches one node and everybody who talks to it: the invariants that hold at every moment of a run."""

from collections.abc import Iterable
from dataclasses import dataclass

from thingmarket.audit.commitments import commit
from thingmarket.audit.merkle import verify_consistency
from thingmarket.audit.notes import NoteKey, log_origin, open_checkpoint
from thingmarket.audit.receipts import Receipt, check_receipt
from thingmarket.contract.orders import Deposit, FundRequest, Purchase
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import signed_over
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.limits import GROUPS_IN_FLIGHT_MAX
from thingmarket.market.entries import Command, Entry
from thingmarket.trading.commands import PlaceOrders
from thingmarket_node.core import messages as m
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core
from thingmarket_node.core.sessions import Grant
from thingmarket_node.groups import Group
from thingmarket_node.sim.reference import Reference
from thingmarket_node.sim.signatures import Signatures
from thingmarket_node.sim.world import Violation, World, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What a client was told for good about one command, with the receipt that it keeps."""

    sender: PartyId
    key: Key
    body_digest: Digest
    code: int
    reference: bytes
    receipt: Receipt
    pending: bool = False
    statuses: bytes = b""  # of a frame of orders


class Auditor:
    """Knows the durable log, what was promised on it, and what the node may therefore say."""

    def __init__(self, world: World, keys: NodeKeys, signatures: Signatures) -> None:
        """Watch a node whose keys are `keys`."""
        self.reference = Reference()
        self.halted = False
        self.marks = {"answered_again": 0, "key_conflicts": 0}
        self.acks: dict[tuple[PartyId, Key], Ack] = {}
        self._world, self._keys, self._signatures = world, keys, signatures
        self._vkey = NoteKey(log_origin(keys.network_id, keys.node), keys.log.public).vkey
        self._core: Core | None = None
        self._life = 0
        self._writing = 0  # groups that the core has formed and does not know to be durable
        self._granted: dict[bytes, int] = {}  # session -> the life of the process that granted it
        self._used: set[tuple[bytes, int]] = set()
        self._told_seq = 0
        self._tree_seen = (0, b"")
        self._overdue: tuple[int, int] | None = None

    # --- the process

    def booted(self, core: Core, records: list[bytes], published: Iterable[m.Published]) -> None:
        """The node came up: everything that was durable is there, and leads to the same state."""
        reference = self.reference
        known = len(reference.groups)
        require(records[:known] == reference.groups, "log-kept", "durable groups are gone or changed")
        for record in records[known:]:
            reference.follow(record)
        self._core, self.halted, self._life = core, False, self._life + 1
        require(core.durable_seq == reference.seq, "log-kept", f"booted at {core.durable_seq}")
        root = reference.market.state.state_root()
        require(core.state.state_root() == root, "replay", "a boot came to another state")
        same_tree = core.sequencer.tree.root() == reference.tree.root()
        require(same_tree, "replay", "a boot came to another tree")
        for one in published:
            require(
                one.body == reference.bodies[one.seq - 1], "replay", f"another outcome of entry {one.seq}"
            )
        self._told_seq, self._writing = reference.seq, 0
        self._check_checkpoint(core)

    def stopped(self) -> None:
        """The process is gone."""
        self._core = None

    def stepped(self, core: Core, now: m.Now) -> None:
        """After a step nothing is due, unless the disk is still busy."""
        if self.halted or self._writing >= GROUPS_IN_FLIGHT_MAX:
            return
        require(not core.sequencer.is_due(now.wall_ms), "deadline", "a step left a deadline open")

    def observe(self, now: m.Now) -> None:
        """Look at an idle node from time to time: twice the same open deadline is one too many."""
        core, overdue = self._core, None
        if core is not None and not self.halted and core.is_idle:
            deadline_ms = core.sequencer.market.next_deadline_ms()
            if deadline_ms is not None and deadline_ms < now.wall_ms:
                overdue = (self._life, deadline_ms)
        missed = overdue is not None and overdue == self._overdue
        require(not missed, "timer", "an idle node lets a deadline pass")
        self._overdue = overdue

    # --- the log

    def appended(self, group: Group, vault: set[bytes]) -> None:
        """A group is on its way to the disk: all of it was allowed in, by this very process."""
        self._writing += 1
        for data in group.entries:
            content = self.reference.read(data).content
            if not isinstance(content, Command) or content.header.sender == self._keys.node:
                continue
            header = content.header
            alive = self._granted.get(header.session) == self._life
            require(alive, "session", f"{content.type_id.name} under a session that has ended")
            name = (header.session, header.sequence)
            require(name not in self._used, "replay-window", f"sequence {header.sequence} was used twice")
            self._used.add(name)
            if isinstance(content.body, Purchase | OpenStandingOrder):
                sealed = {one.commitment for one in content.body.delivery}
                require(sealed <= vault, "sealed-first", "a purchase is logged before its parts are sealed")

    def synced(self, records: list[bytes]) -> None:
        """Groups are durable now."""
        for record in records:
            for entry in self.reference.follow(record):
                self._check_signature(entry)

    def _check_signature(self, entry: Entry) -> None:
        content = entry.content
        if not isinstance(content, Command):
            return
        party = self.reference.market.state.parties.get(content.header.sender)
        if party is None:
            return  # refused as unknown, and told so
        signed = content.signed
        message = signed_over(signed.type_id, signed.payload)
        good = self._signatures.verify(party.public_key, message, signed.signatures[0].signature)
        require(good, "signed", f"entry {entry.seq} is not signed by its sender")

    def commitments(self, parts: Iterable[m.SealedPart]) -> list[bytes]:
        """What the vault is asked to keep."""
        return [commit(part.salt, part.data) for part in parts]

    # --- what the node says

    def released(self, effect: m.Reply | m.Refuse, synced_seq: int) -> None:
        """An answer leaves the node: what it stands on is on the disk."""
        answer = effect.answer if isinstance(effect, m.Reply) else effect
        require(
            effect.after_seq <= synced_seq, "after-durable", f"answered {effect.after_seq} > {synced_seq}"
        )
        if isinstance(effect, m.Refuse):
            self.marks["key_conflicts"] += effect.refusal.number == Code.KEY_CONFLICT
        receipt = None if isinstance(answer, Grant) else getattr(answer, "receipt", None)
        if receipt is not None:
            promised = max(receipt.seq, receipt.tree_size)
            require(promised <= synced_seq, "after-durable", f"a receipt for {promised} > {synced_seq}")
        if isinstance(answer, Grant):
            self._granted[answer.session] = self._life

    def told(self, effect: m.Tell, synced_seq: int) -> None:
        """Notices and outcomes leave the node: each once, in order, durable, and as it came to be."""
        reference = self.reference
        self._writing -= 1
        require(effect.seq <= synced_seq, "after-durable", f"told {effect.seq} > {synced_seq}")
        for one in effect.outcomes:
            require(one.seq == self._told_seq + 1, "told-once", f"outcome {one.seq} after {self._told_seq}")
            self._told_seq = one.seq
            entry = reference.entries[one.seq - 1]
            sender = entry.content.header.sender if isinstance(entry.content, Command) else ""
            same = (one.time_ms, one.sender, one.body) == (
                entry.time_ms,
                sender,
                reference.bodies[one.seq - 1],
            )
            require(same, "told-right", f"another outcome is told of entry {one.seq}")
        made = [n for one in effect.outcomes for n in reference.outcomes[one.seq - 1].notices]
        require(list(effect.notices) == made, "told-right", f"other notices are told up to {effect.seq}")
        if self._core is not None:
            self._check_checkpoint(self._core)

    def _check_checkpoint(self, core: Core) -> None:
        """Each checkpoint extends all that were given before, across restarts."""
        size, tree = core.receipts.size, core.sequencer.tree
        root = open_checkpoint(core.receipts.checkpoint, self._vkey).root
        require(root == self.reference.tree.root(size), "checkpoint", f"a wrong root of {size} entries")
        seen, seen_root = self._tree_seen
        proof = tree.consistency(seen, size) if 0 < seen <= size else ()
        extends = seen == 0 or verify_consistency(seen, size, seen_root, root, proof)
        require(extends, "checkpoint", f"{size} entries do not extend {seen}")
        self._tree_seen = (size, root)

    # --- what clients hear

    def answered(self, ack: Ack) -> None:
        """A client holds a receipt: it is genuine, about his command, and what he was told before."""
        receipt, reference = ack.receipt, self.reference
        try:
            check_receipt(receipt, self._vkey)
        except Refusal as refusal:
            raise Violation("receipt", str(refusal)) from refusal
        require(receipt.tree_size <= reference.seq, "acknowledged-is-kept", f"no entry {receipt.seq}")
        same = receipt.leaf_hash == reference.tree.leaf(receipt.seq - 1)
        require(same, "acknowledged-is-kept", f"entry {receipt.seq} is another one")
        entry, outcome = reference.entries[receipt.seq - 1], reference.outcomes[receipt.seq - 1]
        require(_is_about(entry, ack), "receipt", f"entry {receipt.seq} is not this command")
        require(receipt.time_ms == entry.time_ms, "receipt", f"another time of entry {receipt.seq}")
        told = (ack.code, b"" if ack.code else ack.reference, ack.pending, ack.statuses)
        made = (outcome.code, outcome.reference, outcome.pending, outcome.statuses)
        require(told == made, "told-right", f"another answer of {receipt.seq}")
        if ack.code and isinstance(entry.content, Command) and isinstance(entry.content.body, PlaceOrders):
            return  # a copy of it that is still on its way may be taken yet [MKT-6]
        self.marks["answered_again"] += (ack.sender, ack.key) in self.acks
        first = self.acks.setdefault((ack.sender, ack.key), ack)
        again = (first.receipt.seq, first.code, first.reference) == (receipt.seq, ack.code, ack.reference)
        require(again, "same-answer", f"told {receipt.seq}, and {first.receipt.seq} before")

    def refused(self, sender: PartyId, key: Key, body_digest: Digest, known_seq: int) -> None:
        """A client was refused without a receipt: a copy that he sent when the log had `known_seq` entries.

        Such a refusal is about that copy. Another one on its way may still be granted, but none was before.
        """
        granted_seq = self.reference.granted.get((sender, key, body_digest))
        lied = granted_seq is not None and granted_seq <= known_seq
        require(not lied, "refused-is-refused", f"entry {granted_seq} granted what is refused now")

    def kept(self) -> None:
        """At the end: every answer that anybody holds stands in the log."""
        for ack in self.acks.values():
            leaf = self.reference.tree.leaf(ack.receipt.seq - 1)
            require(leaf == ack.receipt.leaf_hash, "acknowledged-is-kept", f"entry {ack.receipt.seq} is gone")


def _is_about(entry: Entry, ack: Ack) -> bool:
    content = entry.content
    if not isinstance(content, Command):
        return False
    if isinstance(content.body, Deposit):
        return content.body.request == ack.body_digest and content.body.owner == ack.sender
    header = content.header
    named = (header.sender, content.key, content.body_digest) == (ack.sender, ack.key, ack.body_digest)
    return named and not isinstance(content.body, FundRequest)
