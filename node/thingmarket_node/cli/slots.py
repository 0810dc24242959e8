"""What a device works on, kept in its folder: after a restart it goes on with the same need or offer."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from thingmarket.ids import Key
from thingmarket_client.keystore import read_private, replace_private
from thingmarket_node.cli.sheets import Sheet

FOLDER: Final = "slots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One sheet that a device works on: its exact content, when it began, and the keys that it uses.

    The same keys make the same commands, and the node does each of them once.
    """

    sheet: Sheet
    began_ms: int
    key: Key
    order_key: Key


def slot_of(home: Path, sheet_path: Path, sheet: Sheet, fresh: Slot) -> Slot:
    """The slot of a sheet file; `fresh` is kept when there is none, or its content was another."""
    path = _path(home, sheet_path)
    if path.exists():
        found: dict[str, Any] = json.loads(read_private(path))
        if found["sheet"] == sheet:
            return Slot(
                sheet=sheet,
                began_ms=found["began_ms"],
                key=Key(bytes.fromhex(found["key"])),
                order_key=Key(bytes.fromhex(found["order_key"])),
            )
    _keep(path, fresh)
    return fresh


def with_new_order(home: Path, sheet_path: Path, slot: Slot, order_key: Key) -> Slot:
    """The same need, to be bought once more because the contract for it failed."""
    again = replace(slot, order_key=order_key)
    _keep(_path(home, sheet_path), again)
    return again


def _path(home: Path, sheet_path: Path) -> Path:
    name = hashlib.sha256(str(sheet_path.resolve()).encode()).hexdigest()[:32]
    return home / FOLDER / f"{name}.json"


def _keep(path: Path, slot: Slot) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {
        "sheet": slot.sheet,
        "began_ms": slot.began_ms,
        "key": slot.key.hex(),
        "order_key": slot.order_key.hex(),
    }
    replace_private(path, json.dumps(content, indent=1) + "\n")
