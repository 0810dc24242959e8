"""The root of a set that changes: what tables and the ledger prove themselves by."""

import hashlib
from typing import Final

SUM_BYTES: Final = 512
_RECENT_MAX: Final = 4_096  # about 4 MB: rows that change often are taken out by what they were put in by
_RECENT_BYTES_MAX: Final = 512  # of one member; longer ones are rare
_MODULUS_MASK: Final = (1 << (8 * SUM_BYTES)) - 1


class SetRoot:
    """Hash of a set that follows changes: the sum of its members' hashes modulo 2^4096.

    AdHash (Bellare and Micciancio 1997); at this width a collision costs more than 2^120 steps.
    Order of changes does not matter, so a replay and a snapshot come to the same root.
    """

    __slots__ = ("_digest", "_sum")

    def __init__(self, sum_: bytes = b"") -> None:
        """Start with the empty set, or with the one that had this sum."""
        self._sum = int.from_bytes(sum_, "big")
        self._digest = b""  # of the sum, while nothing changes

    @property
    def sum(self) -> bytes:
        """The sum itself, to go on from later."""
        self._sum &= _MODULUS_MASK
        return self._sum.to_bytes(SUM_BYTES, "big")

    def add(self, member: bytes) -> None:
        """Put a member in."""
        wide = _wide_hash(member)
        if len(member) <= _RECENT_BYTES_MAX:
            if len(_recent) >= _RECENT_MAX:
                _recent.clear()
            _recent[member] = wide
        self._sum += wide
        self._digest = b""

    def remove(self, member: bytes) -> None:
        """Take a member out."""
        wide = _recent.pop(member, None)
        self._sum -= _wide_hash(member) if wide is None else wide
        self._digest = b""

    def digest(self) -> bytes:
        """32 bytes that stand for the set."""
        if not self._digest:
            self._digest = hashlib.blake2b(self.sum, digest_size=32).digest()
        return self._digest


_recent: Final[dict[bytes, int]] = {}  # what members came to that were put in lately; no result depends on it


def _wide_hash(member: bytes) -> int:
    return int.from_bytes(hashlib.shake_256(member).digest(SUM_BYTES), "big")
