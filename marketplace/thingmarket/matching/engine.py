"""The front of the order books: the native one where it was built, else the plain Python one."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal, Protocol

from thingmarket.errors import Code, Refusal
from thingmarket.limits import BOOK_LEVELS_MAX, BOOK_ORDERS_CEILING, BOOK_ORDERS_MAX
from thingmarket.matching import book
from thingmarket.matching.snapshot import limits_of

Kind = Literal["native", "python"]
Asked = Literal["auto", "native", "python"]

_NATIVE: Final = "thingmarket.matching._book"


class AnyBook(Protocol):
    """What both kinds of book do alike."""

    def process(self, commands: bytes, /) -> bytes:
        """Carry out packed commands and give packed events."""

    def best(self, market: int, /) -> tuple[int, int, int, int]:
        """Best bid and ask with their quantities."""

    def depth(self, market: int, n: int, /) -> tuple[book.Depth, book.Depth]:
        """The best levels of both sides."""

    def state_hash(self) -> bytes:
        """32 bytes over the state."""

    def snapshot(self) -> bytes:
        """The state as bytes."""


class Engine:
    """The order books of all markets. `Engine(kind="native")` without the extension is an ImportError.

    Its methods are those of the book inside: a call through the engine costs no more than one. A fill-or-kill
    order is looked for among `fok_makers_max` makers, by default among all.
    """

    __slots__ = ("best", "depth", "kind", "process", "snapshot", "state_hash")

    kind: Kind
    process: Callable[[bytes], bytes]
    best: Callable[[int], tuple[int, int, int, int]]
    depth: Callable[[int, int], tuple[book.Depth, book.Depth]]
    state_hash: Callable[[], bytes]
    snapshot: Callable[[], bytes]

    def __init__(
        self,
        kind: Asked = "auto",
        *,
        orders_max: int = BOOK_ORDERS_MAX,
        levels_max: int = BOOK_LEVELS_MAX,
        fok_makers_max: int = BOOK_ORDERS_CEILING,
    ) -> None:
        assert _fits(orders_max, levels_max), f"a book of {orders_max} orders on {levels_max} levels"
        self.kind, books = _books(kind)
        self._stand_for(books.Book(orders_max, levels_max, fok_makers_max))

    @classmethod
    def restore(
        cls, data: bytes, kind: Asked = "auto", *, fok_makers_max: int = BOOK_ORDERS_CEILING
    ) -> "Engine":
        """The engine whose snapshot this is, whichever kind wrote it (MALFORMED)."""
        orders_max, levels_max = limits_of(data)
        if not _fits(orders_max, levels_max):
            raise Refusal(Code.MALFORMED, "book snapshot: limits that no book has", rule="BOK-22")
        engine = cls.__new__(cls)
        engine.kind, books = _books(kind)
        engine._stand_for(books.Book.restore(data, orders_max, levels_max, fok_makers_max))
        return engine

    def _stand_for(self, inner: AnyBook) -> None:
        self.process, self.best, self.depth = inner.process, inner.best, inner.depth
        self.state_hash, self.snapshot = inner.state_hash, inner.snapshot


def _fits(orders_max: int, levels_max: int) -> bool:
    return 0 < orders_max <= BOOK_ORDERS_CEILING and 0 < levels_max <= BOOK_ORDERS_CEILING


def _books(kind: Asked) -> tuple[Kind, Any]:
    """The kind that is to be had, and its module."""
    if kind == "python":
        return "python", book
    try:
        return "native", import_module(_NATIVE)
    except ImportError:
        if kind == "native":
            raise
        return "python", book
