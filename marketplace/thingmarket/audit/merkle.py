"""The Merkle tree of RFC 6962 over the log: root, proofs and their verification."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from thingmarket.errors import Code, Refusal

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_MAX: Final = 2**63 - 1  # also bounds the work: no way to a root has more than 63 steps


def leaf_hash(entry: bytes) -> bytes:
    """Hash one log entry; the zero in front keeps leaves apart from inner nodes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into their parent."""
    return sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over a finished list of leaf hashes."""
    row = list(leaf_hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)] + odd
    return row[0] if row else EMPTY_ROOT


def verify_inclusion(
    leaf_index: int, tree_size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether `proof` puts the leaf at `leaf_index` of the tree of `tree_size` leaves with `root`."""
    if not 0 <= leaf_index < tree_size <= _SIZE_MAX or not _are_hashes(leaf_hash, root, *proof):
        return False
    index, last, found = leaf_index, tree_size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = node_hash(sibling, found)
            index, last = _skip_missing_siblings(index, last)
        else:
            found = node_hash(found, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether the tree (`size1`, `root1`) is the beginning of (`size2`, `root2`).

    Nothing is proved from an empty tree, so `size1` of 0 is never consistent.
    """
    if not 0 < size1 <= size2 <= _SIZE_MAX:
        return False
    if size1 == size2:
        return not proof and root1 == root2
    if not proof or not _are_hashes(root1, root2, *proof):
        return False
    zeros = (size1 & -size1).bit_length() - 1  # whole subtrees on the right edge need no proof
    index, last = (size1 - 1) >> zeros, (size2 - 1) >> zeros
    # A whole first tree is its own seed; else the seed is its last whole subtree.
    seed, *path = proof if index else (root1, *proof)
    old = new = seed
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            index, last = _skip_missing_siblings(index, last)
        else:
            new = node_hash(new, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and old == root1 and new == root2


def _skip_missing_siblings(index: int, last: int) -> tuple[int, int]:
    """Climb past the levels at which the last node of the tree has no sibling."""
    while index and not index & 1:
        index, last = index >> 1, last >> 1
    return index, last


def _are_hashes(*candidates: bytes) -> bool:
    """Tell whether each has 32 bytes, so that no bytes move between two neighbours."""
    return all(len(hash_) == HASH_BYTES for hash_ in candidates)


class Tree:
    """An append-only tree in memory that keeps every whole subtree: 64 bytes per entry."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        """Start empty."""
        self._levels = [bytearray()]  # level k holds the hashes of whole subtrees of 2^k leaves, in order

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf and the parents that it completes."""
        assert len(leaf_hash) == HASH_BYTES, "a leaf hash has 32 bytes"
        levels = self._levels
        row = levels[0]
        index = len(row) // HASH_BYTES
        row += leaf_hash
        height = 0
        while index & 1:
            parent = sha256(b"\x01" + row[-2 * HASH_BYTES :]).digest()
            height += 1
            index >>= 1
            if height == len(levels):
                levels.append(bytearray())
            row = levels[height]
            row += parent

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add many leaves, level by level, which is faster than one by one."""
        assert all(len(hash_) == HASH_BYTES for hash_ in leaf_hashes), "a leaf hash has 32 bytes"
        levels, pair = self._levels, 2 * HASH_BYTES
        levels[0] += b"".join(leaf_hashes)
        for height, row in enumerate(levels):  # the list grows while we climb
            parents = levels[height + 1] if height + 1 < len(levels) else bytearray()
            whole = len(row) - len(row) % pair
            pairs = bytes(row[2 * len(parents) : whole])
            parents += b"".join(
                [sha256(b"\x01" + pairs[at : at + pair]).digest() for at in range(0, len(pairs), pair)]
            )
            if parents and height + 1 == len(levels):
                levels.append(parents)

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index` (OUT_OF_RANGE)."""
        if not 0 <= index < self.size:
            raise Refusal(Code.OUT_OF_RANGE, f"no entry {index} among {self.size}")
        return self._node(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root now, or as it was at `size` leaves (OUT_OF_RANGE)."""
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise Refusal(Code.OUT_OF_RANGE, f"the log has {self.size} entries, not {size}")
        return self._tail(size, size.bit_length()) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that the leaf at `index` is in the tree of `size` leaves (OUT_OF_RANGE)."""
        if not 0 <= index < size <= self.size:
            raise Refusal(Code.OUT_OF_RANGE, f"no entry {index} among the first {size} of {self.size}")
        return tuple(self._path(0, index, size))

    def consistency(self, size1: int, size2: int) -> tuple[bytes, ...]:
        """Prove that the tree of `size1` leaves is the beginning of that of `size2` (OUT_OF_RANGE)."""
        if not 0 < size1 <= size2 <= self.size:
            raise Refusal(Code.OUT_OF_RANGE, f"no proof from {size1} to {size2} in {self.size} entries")
        if size1 == size2:
            return ()
        height = (size1 & -size1).bit_length() - 1
        index = (size1 >> height) - 1
        seed = [self._node(height, index)] if index else []
        return tuple(seed + self._path(height, index, size2))

    def _node(self, height: int, index: int) -> bytes:
        """The hash of one whole subtree."""
        at = index * HASH_BYTES
        return bytes(self._levels[height][at : at + HASH_BYTES])

    def _tail(self, size: int, height: int) -> bytes:
        """The hash over the last `size` modulo 2^`height` leaves of the tree of `size` leaves."""
        tail = b""
        for level in range(height):
            if size >> level & 1:
                peak = self._node(level, (size >> level) - 1)
                tail = node_hash(peak, tail) if tail else peak
        assert tail, "an unfinished subtree has at least one leaf"
        return tail

    def _path(self, height: int, index: int, size: int) -> list[bytes]:
        """The siblings on the way from one whole subtree up to the root of the tree of `size` leaves."""
        path = []
        last = (size - 1) >> height
        while last:
            sibling = index ^ 1
            if sibling << height < size:  # else it has none at this level
                whole = (sibling + 1) << height <= size
                path.append(self._node(height, sibling) if whole else self._tail(size, height))
            height, index, last = height + 1, index >> 1, last >> 1
        return path
