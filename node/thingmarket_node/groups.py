"""A group: the entries that became durable together, as one record that proves itself and its place."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.limits import ENTRY_BYTES_MAX, GROUP_BYTES_MAX, GROUP_ENTRIES_MAX

HASH_BYTES: Final = 32
NO_HASH: Final = bytes(HASH_BYTES)
"""Stands for the chain hash before the first group."""

_MAGIC: Final = b"TMGROUP\x01"  # the last byte is the version
# magic, length of the whole record, number, first_seq, count, previous, outcome_hash, state_root
_HEADER: Final = struct.Struct("<8sIQQI32s32s32s")
_CRC: Final = struct.Struct("<I")
_TAIL_BYTES: Final = HASH_BYTES + _CRC.size  # chain hash and crc32 of all that stands before the crc
_RECORD_BYTES_MAX: Final = _HEADER.size + 4 * GROUP_ENTRIES_MAX + GROUP_BYTES_MAX + _TAIL_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries with consecutive seq, the hash of what they caused, and the chain hash over all of it."""

    number: int  # from 1, without gaps
    first_seq: int  # seq of entries[0]
    entries: tuple[bytes, ...]  # exact LogEntry bytes
    outcome_hash: bytes  # 32 bytes over the outcomes of these entries
    state_root: bytes  # 32 bytes over the state after them
    previous: bytes  # chain hash of the group before; NO_HASH for the first
    chain: bytes = field(init=False)
    _covered: bytes = field(init=False, repr=False, compare=False)  # what `chain` is the hash of

    def __post_init__(self) -> None:
        """Compute the chain hash; a group outside the limits is a bug of whoever formed it."""
        hashes = (self.previous, self.outcome_hash, self.state_root)
        assert 1 <= self.number < 2**63 and 1 <= self.first_seq < 2**62, "a group counts from 1"
        assert all(len(each) == HASH_BYTES for each in hashes), "hashes in a group have 32 bytes"
        sizes = [len(entry) for entry in self.entries]
        assert 1 <= len(sizes) <= GROUP_ENTRIES_MAX and sum(sizes) <= GROUP_BYTES_MAX, "group out of limits"
        assert min(sizes) >= 1 and max(sizes) <= ENTRY_BYTES_MAX, "entry out of limits"
        total = _HEADER.size + 4 * len(sizes) + sum(sizes) + _TAIL_BYTES
        header = _HEADER.pack(_MAGIC, total, self.number, self.first_seq, len(sizes), *hashes)
        covered = b"".join((header, struct.pack(f"<{len(sizes)}I", *sizes), *self.entries))
        object.__setattr__(self, "_covered", covered)
        object.__setattr__(self, "chain", _chain_hash(covered))

    @property
    def last_seq(self) -> int:
        """Seq of the last entry."""
        return self.first_seq + len(self.entries) - 1

    def encode(self) -> bytes:
        """Write the one record that `decode` accepts for this group."""
        crc = zlib.crc32(self.chain, zlib.crc32(self._covered))
        return b"".join((self._covered, self.chain, _CRC.pack(crc)))


def decode(data: bytes) -> Group:
    """Read a record; a torn, flipped or lengthened one is refused with certainty (TAMPERED)."""
    if not _HEADER.size + 4 + 1 + _TAIL_BYTES <= len(data) <= _RECORD_BYTES_MAX:
        raise _tampered(f"a record of {len(data)} bytes")
    magic, total, number, first_seq, count, previous, outcome_hash, state_root = _HEADER.unpack_from(data)
    if magic != _MAGIC or total != len(data):
        raise _tampered("not one whole record of this version")
    if zlib.crc32(data[: -_CRC.size]) != _CRC.unpack_from(data, total - _CRC.size)[0]:
        raise _tampered("its checksum differs")
    entries = _entries(data, count, total - _TAIL_BYTES)
    if not (1 <= number < 2**63 and 1 <= first_seq < 2**62):
        raise _tampered("it does not count from 1")
    group = Group(
        number=number,
        first_seq=first_seq,
        entries=entries,
        outcome_hash=outcome_hash,
        state_root=state_root,
        previous=previous,
    )
    if data[total - _TAIL_BYTES : total - _CRC.size] != group.chain:
        raise _tampered("its chain hash differs")
    return group


def _entries(data: bytes, count: int, end: int) -> tuple[bytes, ...]:
    """Cut the entries out of a record; their lengths must fill it exactly."""
    position = _HEADER.size + 4 * count
    if not 1 <= count <= GROUP_ENTRIES_MAX or position > end:
        raise _tampered(f"it counts {count} entries")
    sizes: Sequence[int] = struct.unpack_from(f"<{count}I", data, _HEADER.size)
    if min(sizes) < 1 or max(sizes) > ENTRY_BYTES_MAX or not position + sum(sizes) == end:
        raise _tampered("its entries do not fill it")
    if sum(sizes) > GROUP_BYTES_MAX:
        raise _tampered("its entries are too large")
    entries = []
    for size in sizes:
        entries.append(data[position : position + size])
        position += size
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: the last group's number and chain hash, and the seq that comes next."""

    number: int = 0
    next_seq: int = 1
    chain: bytes = NO_HASH

    @classmethod
    def at(cls, group: Group) -> Self:
        """The head of a log that ends with `group`."""
        return cls(group.number, group.last_seq + 1, group.chain)

    def objection_to(self, group: Group) -> str:
        """Say why `group` cannot be the next one; empty when it is."""
        if group.number != self.number + 1:
            return f"group {group.number} after group {self.number}"
        if group.first_seq != self.next_seq:
            return f"group {group.number} begins with seq {group.first_seq}, not {self.next_seq}"
        if group.previous != self.chain:
            return f"group {group.number} does not continue the chain of group {self.number}"
        return ""

    def after(self, group: Group) -> Self:
        """Follow the chain by one group (TAMPERED when it is not the next one)."""
        if objection := self.objection_to(group):
            raise Refusal(Code.TAMPERED, objection)
        return self.at(group)


EMPTY: Final = Head()
"""The head of a log without groups."""


def _chain_hash(covered: bytes) -> bytes:
    return blake2b(covered, digest_size=HASH_BYTES, person=b"tm-group").digest()


def _tampered(what: str) -> Refusal:
    return Refusal(Code.TAMPERED, f"damaged group: {what}")
