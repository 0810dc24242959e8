"""One signed checkpoint per durable group, and receipts that lead to it. [LOG-8]"""

from thingmarket.audit.merkle import Tree
from thingmarket.audit.notes import Checkpoint, log_origin, sign_checkpoint
from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import NetworkId, PartyId


class Receipts:
    """Signs the newest durable tree and proves entries in it."""

    def __init__(self, *, tree: Tree, network_id: NetworkId, node: PartyId, key: SigningKey) -> None:
        """Stand on the log's tree; `key` is the node's log key."""
        self._tree = tree
        self._origin = log_origin(network_id, node)
        self._key = key
        self.size = 0
        self.checkpoint = b""

    def sign(self, size: int) -> None:
        """Sign the tree of the first `size` entries, which are durable."""
        self.size = size
        root = self._tree.root(size)
        self.checkpoint = sign_checkpoint(Checkpoint(self._origin, size, root), self._key)

    def of(self, seq: int, time_ms: int) -> Receipt:
        """Prove that a durable entry stands in the log (UNKNOWN_ENTRY)."""
        if not 1 <= seq <= self.size:
            raise Refusal(Code.UNKNOWN_ENTRY, f"the log has {self.size} durable entries", "LOG-9")
        return Receipt(
            seq=seq,
            time_ms=time_ms,
            leaf_hash=self._tree.leaf(seq - 1),
            tree_size=self.size,
            proof=self._tree.inclusion(seq - 1, self.size),
            checkpoint=self.checkpoint,
        )
