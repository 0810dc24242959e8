"""Receipts: the node's promise that an entry stands in its log, checkable offline. [LOG-9]"""

from dataclasses import dataclass
from functools import lru_cache

from thingmarket.audit.merkle import verify_inclusion
from thingmarket.audit.notes import Checkpoint, open_checkpoint
from thingmarket.errors import Code, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A leaf, its inclusion proof and the signed checkpoint that covers it."""

    seq: int
    time_ms: int
    leaf_hash: bytes
    tree_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


@lru_cache(maxsize=64)
def verified_checkpoint(note: bytes, vkey: str) -> Checkpoint:
    """Read a signed checkpoint; all receipts of a group carry the same one, so it is verified once.

    MALFORMED, BAD_FIELD, BAD_SIGNATURE; what was refused is looked at again.
    """
    return open_checkpoint(note, vkey)


def check_receipt(receipt: Receipt, vkey: str) -> None:
    """Verify a receipt against the node's log key (BAD_SIGNATURE, TAMPERED)."""
    checkpoint = verified_checkpoint(receipt.checkpoint, vkey)
    if checkpoint.size != receipt.tree_size:
        raise Refusal(Code.TAMPERED, "the receipt is about a tree of another size", "LOG-9")
    if not verify_inclusion(
        receipt.seq - 1, receipt.tree_size, receipt.leaf_hash, receipt.proof, checkpoint.root
    ):
        raise Refusal(Code.TAMPERED, "the receipt does not lead to the checkpoint's root", "LOG-9")
