"""Tables of the market's state: mappings that know their changes, can be undone, and have a root."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, overload

from thingmarket.canonical import pack_bytes, packer, unpack_bytes, unpacker

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_ROOT_BYTES: Final = 512
_MODULUS_MASK: Final = (1 << (8 * _ROOT_BYTES)) - 1


class SetRoot:
    """Hash of a set that follows changes: the sum of its members' hashes modulo 2^4096.

    AdHash (Bellare and Micciancio 1997); at this width a collision costs more than 2^120 steps.
    Order of changes does not matter, so a replay and a snapshot come to the same root.
    """

    __slots__ = ("_digest", "_sum")

    def __init__(self) -> None:
        """Start with the empty set."""
        self._sum = 0
        self._digest = b""  # of the sum, while nothing changes

    def add(self, member: bytes) -> None:
        """Put a member in."""
        self._sum += _wide_hash(member)
        self._digest = b""

    def remove(self, member: bytes) -> None:
        """Take a member out."""
        self._sum -= _wide_hash(member)
        self._digest = b""

    def digest(self) -> bytes:
        """32 bytes that stand for the set."""
        if not self._digest:
            self._sum &= _MODULUS_MASK
            self._digest = hashlib.blake2b(self._sum.to_bytes(_ROOT_BYTES, "big"), digest_size=32).digest()
        return self._digest


def _wide_hash(member: bytes) -> int:
    return int.from_bytes(hashlib.shake_256(member).digest(_ROOT_BYTES), "big")


class UndoLog:
    """What has to be done to take back the changes of the entry in hand."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        """Start with nothing to take back."""
        self.steps: list[tuple[Any, Any, Any]] = []

    @property
    def mark(self) -> int:
        """Where the entry stands now, for a part of it that may yet be taken back."""
        return len(self.steps)

    def forget(self) -> None:
        """The entry stands."""
        self.steps.clear()

    def roll_back(self, mark: int = 0) -> None:
        """The entry was refused, or what it tried after `mark` steps: restore them, last change first."""
        while len(self.steps) > mark:
            table, key, old = self.steps.pop()
            table._set(key, old)


class Table(Mapping[K, V]):
    """A mapping of frozen values with an undo log and an incremental root."""

    def __init__(self, *, name: str, key: Any, value: Any, undo: UndoLog) -> None:
        """Declare a table; `key` and `value` are the types that its canonical form follows."""
        self.name = name
        self._rows: dict[K, V] = {}
        self._undo = undo
        self._changed: dict[K, V | None] = {}  # key -> value when last folded into the root
        self._root = SetRoot()
        self._watchers: list[Callable[[K, V | None, V | None], None]] = []
        self._pack_key, self._pack_value = packer(key), packer(value)
        self._read_key, self._read_value = unpacker(key), unpacker(value)

    def watch(self, watcher: Callable[[K, V | None, V | None], None]) -> None:
        """Call `watcher(key, old, new)` at every change, undone ones included; for indexes."""
        self._watchers.append(watcher)

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V, /) -> V: ...
    @overload
    def get(self, key: K, default: T, /) -> V | T: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The value under `key`, or `default`."""
        return self._rows.get(key, default)

    def __getitem__(self, key: K) -> V:
        """The value under a key that must be there."""
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        """Whether there is a value under `key`."""
        return key in self._rows

    def __iter__(self) -> Iterator[K]:
        """All keys, in the order of their first insertion."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def put(self, key: K, value: V) -> None:
        """Insert or replace."""
        self._undo.steps.append((self, key, self._rows.get(key)))
        self._set(key, value)

    def drop(self, key: K) -> None:
        """Take out a row that must be there."""
        self._undo.steps.append((self, key, self._rows[key]))
        self._set(key, None)

    def _set(self, key: K, value: V | None) -> None:
        old = self._rows.get(key)
        if key not in self._changed:
            self._changed[key] = old
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value
        for watcher in self._watchers:
            watcher(key, old, value)

    def root(self) -> bytes:
        """Fold what changed since the last call and return the root, 32 bytes."""
        if not self._changed:
            return self._root.digest()
        for key, old in self._changed.items():
            new = self._rows.get(key)
            if new == old:
                continue
            name = pack_bytes(self._pack_key(key))
            if old is not None:
                self._root.remove(name + self._pack_value(old))
            if new is not None:
                self._root.add(name + self._pack_value(new))
        self._changed.clear()
        return self._root.digest()

    def dump(self) -> Iterator[bytes]:
        """Every row in canonical form, in an order that does not depend on history."""
        rows = sorted((self._pack_key(key), key) for key in self._rows)
        for packed, key in rows:
            yield pack_bytes(packed) + pack_bytes(self._pack_value(self._rows[key]))

    def frozen(self) -> Iterator[bytes]:
        """The rows of this moment, written as they are asked for; here only their names are copied."""
        return self._written(self._rows.copy())

    def _written(self, rows: dict[K, V]) -> Iterator[bytes]:
        for key, value in rows.items():
            yield pack_bytes(self._pack_key(key)) + pack_bytes(self._pack_value(value))

    def load(self, rows: Iterable[bytes]) -> None:
        """Fill an empty table from `dump`; what is read goes into the root as it was written."""
        assert not self._rows, f"table {self.name} is loaded once"
        for row in rows:
            packed_key, at = unpack_bytes(row, 0)
            packed_value, _ = unpack_bytes(row, at)
            key, value = self._read_key(packed_key), self._read_value(packed_value)
            self._rows[key] = value
            self._root.add(row[:at] + packed_value)
            for watcher in self._watchers:
                watcher(key, None, value)
