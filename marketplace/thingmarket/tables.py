"""Tables of the market's state: mappings that know their changes, can be undone, and have a root."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, overload

from thingmarket.canonical import glancer, pack_bytes, packer, plain, unpacker
from thingmarket.roots import SetRoot

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_WRITTEN_MAX: Final = 1_024  # of each table: 300 KB, more than a group of frames of orders changes
_NOT_WRITTEN: Final[tuple[Any, bytes | None]] = (None, None)

Packed = tuple[bytes, bytes | None]
"""Name and value of a row in canonical form; no value when the row is gone."""


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
    """A mapping of frozen values with an undo log and an incremental root.

    A row that was loaded and not yet asked for stands as its bytes: most rows of a log are never read again.
    """

    def __init__(self, *, name: str, key: Any, value: Any, undo: UndoLog) -> None:
        """Declare a table; `key` and `value` are the types that its canonical form follows."""
        self.name = name
        self._rows: dict[K, Any] = {}  # a value, or the bytes of one that is yet to be read
        self._undo = undo
        self._changed: dict[K, V | None] = {}  # key -> value when last folded into the root
        self._root = SetRoot()
        self._written: dict[K, tuple[V, bytes]] = {}  # values that were folded lately, and their bytes
        self._news: dict[bytes, bytes | None] | None = None  # packed rows that changed since `follow_news`
        self._watchers: list[Callable[[K, V | None, V | None], None]] = []
        self._glanced: frozenset[str] | None = frozenset()  # fields that watchers read; None: all of them
        self._value = value
        self._sleeps = plain(value) is not bytes  # else bytes would not tell that a row is yet to be read
        self._pack_key, self._pack_value = packer(key), packer(value)
        self._read_key, self._read_value = unpacker(key), unpacker(value)

    def watch(
        self, watcher: Callable[[K, V | None, V | None], None], *, reads: Iterable[str] | None = None
    ) -> None:
        """Call `watcher(key, old, new)` at every change, undone ones included; for indexes.

        One that says which fields it reads gets a row that is loaded with no more than these.
        """
        self._watchers.append(watcher)
        read = self._glanced
        self._glanced = None if reads is None or read is None else read.union(reads)

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V, /) -> V: ...
    @overload
    def get(self, key: K, default: T, /) -> V | T: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The value under `key`, or `default`."""
        value = self._rows.get(key, default)
        return self._woken(key, value) if value.__class__ is bytes and self._sleeps else value

    def __getitem__(self, key: K) -> V:
        """The value under a key that must be there."""
        value = self._rows[key]
        found: V = self._woken(key, value) if value.__class__ is bytes and self._sleeps else value
        return found

    def _woken(self, key: K, packed: bytes) -> Any:
        value = self._rows[key] = self._read_value(packed)
        return value

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
        rows = self._rows
        old = rows.get(key)
        if old.__class__ is bytes and self._sleeps:
            old = self._woken(key, old)
        self._undo.steps.append((self, key, old))
        if key not in self._changed:
            self._changed[key] = old
        rows[key] = value
        for watcher in self._watchers:
            watcher(key, old, value)

    def drop(self, key: K) -> None:
        """Take out a row that must be there."""
        old = self[key]
        self._undo.steps.append((self, key, old))
        self._change(key, old, None)

    def _set(self, key: K, value: V | None) -> None:
        self._change(key, self.get(key), value)

    def _change(self, key: K, old: V | None, value: V | None) -> None:
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
        if self._changed:
            self._fold()
        return self._root.digest()

    def _fold(self) -> None:
        news, written = self._news, self._written
        for key, old in self._changed.items():
            new = self._rows.get(key)
            if new is old:
                continue
            before, packed_before = written.get(key, _NOT_WRITTEN)
            if before is not old:
                packed_before = None if old is None else self._pack_value(old)
            packed = None if new is None else self._pack_value(new)
            self._remember(key, new, packed)
            if packed == packed_before:
                continue
            name = self._pack_key(key)
            member = pack_bytes(name)
            if packed_before is not None:
                self._root.remove(member + packed_before)
            if packed is not None:
                self._root.add(member + packed)
            if news is not None:
                news[name] = packed
        self._changed.clear()

    def _remember(self, key: K, value: V | None, packed: bytes | None) -> None:
        """What changes often is written once, not again to take it out."""
        if value is None or packed is None:
            self._written.pop(key, None)
            return
        if len(self._written) >= _WRITTEN_MAX:
            self._written.clear()
        self._written[key] = value, packed

    @property
    def root_sum(self) -> bytes:
        """What the root is the digest of: a snapshot keeps it."""
        self.root()
        return self._root.sum

    def dump(self) -> Iterator[Packed]:
        """Every row in canonical form, in an order that does not depend on history."""
        rows = sorted((self._pack_key(key), key) for key in self._rows)
        return ((name, self._packed(self._rows[key])) for name, key in rows)

    def frozen(self) -> Iterator[Packed]:
        """The rows of this moment, written as they are asked for; here only their names are copied."""
        rows = self._rows.copy()
        return ((self._pack_key(key), self._packed(value)) for key, value in rows.items())

    def _packed(self, value: Any) -> bytes:
        return value if value.__class__ is bytes and self._sleeps else self._pack_value(value)

    def follow_news(self) -> None:
        """Begin to collect what changes, from what was folded into the root until now."""
        self.root()
        self._news = {}

    def take_news(self) -> dict[bytes, bytes | None]:
        """The rows that changed since the last call, or since `follow_news`; None for one that is gone."""
        self.root()
        assert self._news is not None, "news are taken where they are followed"
        news, self._news = self._news, {}
        return news

    def load(self, rows: Mapping[bytes, bytes], root_sum: bytes) -> None:
        """Fill an empty table with the rows of a snapshot that was found whole, and the sum that it kept."""
        assert not self._rows, f"table {self.name} is loaded once"
        self._root = SetRoot(root_sum)
        if not self._sleeps:
            self._rows = {self._read_key(name): self._read_value(value) for name, value in rows.items()}
        else:
            self._rows = dict(zip(map(self._read_key, rows), rows.values(), strict=True))
        if not self._watchers:
            return
        read = self._read_value if self._glanced is None else glancer(self._value, self._glanced)
        for key, packed in self._rows.items():
            value = read(packed) if self._sleeps else packed
            for watcher in self._watchers:
                watcher(key, None, value)
