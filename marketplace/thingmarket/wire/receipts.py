"""Receipts: values to messages and back. [LOG-9]"""

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.v1 import envelope_pb2 as pb

PROOF_HASHES_MAX = 63


def receipt_message(receipt: Receipt) -> pb.Receipt:
    """Write a receipt."""
    message = pb.Receipt()
    fill_receipt(message, receipt)
    return message


def fill_receipt(message: pb.Receipt, receipt: Receipt) -> None:
    """Write a receipt where it stands: to make it apart and put it there costs a copy."""
    message.seq, message.time_ms = receipt.seq, receipt.time_ms
    message.leaf_hash = receipt.leaf_hash
    message.tree_size = receipt.tree_size
    message.proof.extend(receipt.proof)
    message.checkpoint = receipt.checkpoint


def receipt_value(message: pb.Receipt) -> Receipt:
    """Read a receipt; `check_receipt` says what it is worth (TOO_LARGE)."""
    if len(message.proof) > PROOF_HASHES_MAX:
        raise Refusal(Code.TOO_LARGE, f"an inclusion proof has at most {PROOF_HASHES_MAX} hashes", "LOG-9")
    return Receipt(
        seq=message.seq,
        time_ms=message.time_ms,
        leaf_hash=message.leaf_hash,
        tree_size=message.tree_size,
        proof=tuple(message.proof),
        checkpoint=message.checkpoint,
    )
