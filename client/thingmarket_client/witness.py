"""What a device remembers of a node's log: the newest checkpoint, so that no other log can be shown to it."""

from thingmarket.audit.merkle import verify_consistency
from thingmarket.audit.notes import Checkpoint, NoteKey, log_origin
from thingmarket.audit.receipts import Receipt, check_receipt, verified_checkpoint
from thingmarket.errors import Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.ids import NetworkId
from thingmarket_client.errors import Forked


class Witness:
    """The newest checkpoint of one node's log; a log that shrinks or forks is an error that says so."""

    def __init__(self, card: NodeCard, newest: bytes = b"") -> None:
        """Go on from the newest checkpoint that was remembered (BAD_SIGNATURE when it is another's)."""
        event = card.key_event
        self.vkey = NoteKey(log_origin(NetworkId(event.network_id), card.node_id), event.log_key).vkey
        self.note = newest
        self.proven = newest  # the last one from which a consistency proof led to the newest
        self._newest: Checkpoint | None = verified_checkpoint(newest, self.vkey) if newest else None

    @property
    def size(self) -> int:
        """Entries under the newest checkpoint."""
        return self._newest.size if self._newest else 0

    def receipt(self, receipt: Receipt, floor: int) -> None:
        """Verify a receipt and remember its checkpoint (BAD_SIGNATURE, TAMPERED, Forked)."""
        check_receipt(receipt, self.vkey)
        self.observe(receipt.checkpoint, floor)

    def observe(self, note: bytes, floor: int) -> Checkpoint:
        """Read a checkpoint; `floor` is the size that was known when the question was asked (Forked).

        Answers overtake each other, so one of between `floor` and now is merely late.
        """
        seen = verified_checkpoint(note, self.vkey)
        if seen.size < floor:
            raise Forked(
                f"the node's log shrank from {floor} to {seen.size} entries", ours=self.note, theirs=note
            )
        if self._newest is not None and seen.size == self._newest.size and seen.root != self._newest.root:
            raise Forked(
                f"the node signed two different logs of {seen.size} entries", ours=self.note, theirs=note
            )
        if seen.size > self.size:
            self._newest, self.note = seen, note
            self.proven = self.proven or note
        return seen

    def sizes(self) -> tuple[int, int]:
        """The sizes between which growth is yet to be proven."""
        return (verified_checkpoint(self.proven, self.vkey).size if self.proven else 0), self.size

    def grown(self, newer: bytes, proof: tuple[bytes, ...]) -> None:
        """Return when the last proven log is the beginning of that of `newer` (Forked)."""
        first, second = verified_checkpoint(self.proven, self.vkey), verified_checkpoint(newer, self.vkey)
        if not verify_consistency(first.size, second.size, first.root, second.root, proof):
            raise Forked("the node rewrote its log", ours=self.proven, theirs=newer)
        self.proven = newer


def remembered(card: NodeCard, note: bytes) -> Witness:
    """A witness that goes on from `note`, or anew when that was signed by another node."""
    try:
        return Witness(card, note)
    except Refusal:
        return Witness(card)
