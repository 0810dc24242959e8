"""What a client was told and wrote down, synced, before it went on: a file of JSON lines."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from thingmarket.identity.envelope import TypeId
from thingmarket.ids import digest
from thingmarket_client.outbox import Answer, Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """One answer of the node; bytes in hex. `code` is 0 for a yes, `reference` what was made."""

    sender: str
    type_id: int
    key: str
    body_digest: str
    code: int
    reference: str
    seq: int
    leaf: str
    pending: bool = False
    statuses: str = ""  # of a frame of orders

    @classmethod
    def of(cls, sender: str, letter: Letter, answer: Answer) -> Self:
        """Take down an answer; only answers of the log come with a receipt."""
        assert answer.receipt is not None, f"refused before the log: {answer.code} {answer.reason}"
        return cls(
            sender=sender,
            type_id=letter.type_id,
            key=letter.key.hex(),
            body_digest=digest(letter.body).hex(),
            code=answer.code,
            reference=answer.reference.hex(),
            seq=answer.receipt.seq,
            leaf=answer.receipt.leaf_hash.hex(),
            pending=answer.pending,
            statuses=answer.statuses.hex(),
        )

    @property
    def is_contract(self) -> bool:
        """Whether this is the yes to a purchase that was made at once."""
        return self.type_id == TypeId.PURCHASE and self.code == 0 and not self.pending

    @property
    def is_standing(self) -> bool:
        """Whether a standing order was opened."""
        return self.type_id == TypeId.OPEN_STANDING_ORDER and self.code == 0


class EvidenceFile:
    """Appends; each line is on the disk when `write` returns. Blocking."""

    def __init__(self, path: Path) -> None:
        """Begin or go on."""
        self._file = path.open("a")

    def write(self, one: Acknowledged) -> None:
        """Keep one answer."""
        self._file.write(json.dumps(asdict(one)) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class EvidenceReader:
    """Reads what was added to some files since the last look."""

    def __init__(self, paths: list[Path]) -> None:
        """Begin at the beginning of each."""
        self._at = dict.fromkeys(paths, 0)

    def added(self) -> list[Acknowledged]:
        """Whole lines that were not there before."""
        found = []
        for path, at in self._at.items():
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._at[path] = at + len(whole)
            found += [Acknowledged(**json.loads(line)) for line in whole.splitlines()]
        return found
