"""A buyer's own record of its choice: it stays on the device, and the contract holds a salted commitment."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thingmarket.audit.commitments import SALT_BYTES, commit
from thingmarket.catalog.choice import Choice, explain_choice
from thingmarket.catalog.ranking import Scored
from thingmarket.catalog.wishes import WishPrice
from thingmarket_client.keystore import read_private, replace_private

FOLDER: Final = "decisions"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """The exact bytes of a record, and the salt under which the log commits to them."""

    salt: bytes
    content: bytes

    @property
    def commitment(self) -> bytes:
        """What stands in the purchase."""
        return commit(self.salt, self.content)

    @property
    def note(self) -> bytes:
        """Salt and content, as the outbox keeps them with the purchase."""
        return self.salt + self.content

    @property
    def value(self) -> dict[str, Any]:
        """The record, for looking at."""
        found: dict[str, Any] = json.loads(self.content)
        return found


def from_note(note: bytes) -> ChoiceRecord:
    """Read what `ChoiceRecord.note` wrote."""
    return ChoiceRecord(note[:SALT_BYTES], note[SALT_BYTES:])


def record_of(
    *,
    need: bytes,
    offer: bytes,
    quantity_steps: int,
    choice: Choice | None,
    quantity: str = "",
    reasons: Sequence[str] = (),
) -> ChoiceRecord:
    """Write down what was chosen among what, and why, with a fresh salt; `quantity` is for people."""
    content = {
        "version": VERSION,
        "need": need.hex(),
        "offer": offer.hex(),
        "quantity_steps": quantity_steps,
        "quantity": quantity,
        "offers_looked_at": 0 if choice is None else choice.looked_at,
        "wishes": [] if choice is None else [_wish(one) for one in choice.prices],
        "alternatives": [] if choice is None else [_alternative(one) for one in choice.ranked],
        "reasons": [*([] if choice is None else explain_choice(choice)), *reasons],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return ChoiceRecord(secrets.token_bytes(SALT_BYTES), text.encode())


def save_record(home: Path, contract: bytes, record: ChoiceRecord) -> None:
    """Keep the record of a contract; a file that only this user can read."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {
        "contract": contract.hex(),
        "salt": record.salt.hex(),
        "commitment": record.commitment.hex(),
        "record": record.content.decode(),  # text in text: these exact bytes are committed to
    }
    replace_private(folder / f"{contract.hex()}.json", json.dumps(content, indent=1) + "\n")


def load_record(home: Path, contract: bytes) -> ChoiceRecord | None:
    """The record of a contract, None when this device made no choice for it."""
    path = home / FOLDER / f"{contract.hex()}.json"
    if not path.exists():
        return None
    found = json.loads(read_private(path))
    return ChoiceRecord(bytes.fromhex(found["salt"]), found["record"].encode())


def _wish(found: WishPrice) -> dict[str, Any]:
    return {
        "attribute": found.attribute,
        "wish": found.wish,
        "must": found.must,
        "cost_minor": found.cost_minor,
        "currency": found.currency,
        "instead": found.instead.hex(),
        "instead_title": found.title,
    }


def _alternative(scored: Scored) -> dict[str, Any]:
    candidate = scored.candidate
    return {
        "offer": candidate.digest.hex(),
        "seller": candidate.seller,
        "title": candidate.offer.title,
        "total_minor": candidate.total_minor,
        "currency": candidate.offer.currency,
        "score_millionths": scored.score,
        "barred": scored.barred,
        "parts": [
            {
                "attribute": part.attribute,
                "value": part.value,
                "points": part.points,
                "weight": part.weight,
                "note": part.note,
            }
            for part in scored.parts
        ],
        "losses": {loss.attribute: loss.millionths for loss in scored.losses},
    }
