"""Small files that an owner and a thing hand each other: mandates, orders to approve, approvals."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.ids import Key
from thingmarket.limits import MANDATE_LINKS_MAX
from thingmarket.wire.envelope import read_signed, signed_bytes
from thingmarket.wire.trade import read_purchase
from thingmarket_client.keystore import create_private, read_private
from thingmarket_client.orders import Order
from thingmarket_client.outbox import Letter
from thingmarket_node.cli.sheets import read_sheet

ORDERS: Final = "orders"


def write_mandate(path: Path, links: Sequence[Signed]) -> None:
    """Write a chain, root first."""
    _write(path, {"mandate": [signed_bytes(link).hex() for link in links]})


def read_mandate_file(path: Path) -> tuple[Signed, ...]:
    """Read a chain (MALFORMED); what it permits is asked elsewhere."""
    links = read_sheet(path).get("mandate")
    if not isinstance(links, list) or not 1 <= len(links) <= MANDATE_LINKS_MAX:
        raise Refusal(Code.MALFORMED, f"{path.name} holds no mandate")
    return tuple(_signed(link, TypeId.MANDATE, path) for link in links)


def write_approval(path: Path, approval: Signed) -> None:
    """Write an owner's yes or no."""
    _write(path, {"approval": signed_bytes(approval).hex()})


def read_approval_file(path: Path) -> Signed:
    """Read an owner's yes or no (MALFORMED)."""
    return _signed(read_sheet(path).get("approval"), TypeId.APPROVAL, path)


def write_order(path: Path, home: Path, order: Order) -> None:
    """Keep an order in the thing's folder, and write what its owner approves: its exact body."""
    letter = order.letter
    kept = {
        "key": letter.key.hex(),
        "body": letter.body.hex(),
        "mandate_leaf": letter.mandate_leaf.hex(),
        "note": letter.note.hex(),
    }
    create_private(home / ORDERS / f"{order.body_digest.hex()}.json", json.dumps(kept, indent=1) + "\n")
    _write(path, {"body": letter.body.hex(), "mandate_leaf": letter.mandate_leaf.hex()})


def read_order(path: Path) -> tuple[bytes, bytes]:
    """Body and mandate leaf of an order that waits for its approval (MALFORMED)."""
    found = read_sheet(path)
    try:
        body, leaf = bytes.fromhex(found["body"]), bytes.fromhex(found["mandate_leaf"])
    except (KeyError, TypeError, ValueError):
        raise Refusal(Code.MALFORMED, f"{path.name} is no order") from None
    return body, leaf


def kept_order(home: Path, body_digest: bytes, approvals: Sequence[Signed]) -> Letter:
    """The letter of an order that this thing made before, with approvals (UNKNOWN_ENTRY)."""
    path = home / ORDERS / f"{body_digest.hex()}.json"
    if not path.exists():
        raise Refusal(Code.UNKNOWN_ENTRY, "this thing made no such order")
    kept = {name: bytes.fromhex(text) for name, text in json.loads(read_private(path)).items()}
    read_purchase(kept["body"])
    return Letter(
        key=Key(kept["key"]),
        type_id=TypeId.PURCHASE,
        body=kept["body"],
        mandate_leaf=kept["mandate_leaf"],
        approvals=tuple(map(signed_bytes, approvals)),
        note=kept["note"],
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def _signed(text: Any, type_id: TypeId, path: Path) -> Signed:
    try:
        signed = read_signed(bytes.fromhex(text))
    except (TypeError, ValueError):
        raise Refusal(Code.MALFORMED, f"{path.name} holds no {type_id.name.lower()}") from None
    if signed.type_id != type_id:
        raise Refusal(Code.WRONG_TYPE, f"{path.name} holds no {type_id.name.lower()}")
    return signed
