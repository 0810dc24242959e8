"""Finding a node's card: as text, in a file, or in the folder of a node on this machine."""

from pathlib import Path

from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.wire.handshake import CARD_PREFIX, read_node_card_text

CARD_FILE = "node.card"
_CARD_FILE_BYTES_MAX = 4_096  # a card has at most 1 KiB


def card_of(given: str) -> NodeCard:
    """Read and verify a card (UNAVAILABLE when the node of a folder never ran, MALFORMED, ...)."""
    if given.lstrip().startswith(CARD_PREFIX):
        return read_node_card_text(given)
    path = Path(given)
    if path.is_dir():
        path = path / CARD_FILE
        if not path.exists():
            raise Refusal(Code.UNAVAILABLE, f"{given} has no {CARD_FILE}: its node did not run yet")
    with path.open("rb") as file:
        data = file.read(_CARD_FILE_BYTES_MAX + 1)
    try:
        return read_node_card_text(data.decode("ascii"))
    except UnicodeDecodeError:
        raise Refusal(Code.MALFORMED, f"{path.name} is no node card", "ID-4") from None
