"""A watch as an iterator that blocks: changes one by one, with or without a time to wait."""

import weakref
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from thingmarket_client.blocking.calls import Calls
from thingmarket_client.errors import Closed
from thingmarket_client.listening import Listening

T = TypeVar("T")


class BlockingWatch(Generic[T]):
    """To iterate over, or to ask by `wait(timeout_ms)`; ends with `close`, its party, or when dropped."""

    def __init__(
        self,
        calls: Calls,
        watches: "weakref.WeakSet[BlockingWatch[T]]",
        open_watch: Callable[[], AsyncGenerator[T, None]],
    ) -> None:
        """Begin to watch at the first question, as `open_watch` does."""
        self._calls = calls
        self._watches = watches
        self._listening = listening = calls.call(lambda: Listening(open_watch()))
        # A node allows few watches at once, and `for` with `break` is how people leave one.
        self._dropped = weakref.finalize(self, calls.drop, listening.end)
        self._dropped.atexit = False
        watches.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Wait for the next change; the end comes when its party or the watch was closed."""
        try:
            found = self._calls.run(lambda: self._listening.next(None))
        except (Closed, StopAsyncIteration):
            raise StopIteration from None
        assert found is not None, "without a time limit there is always one"
        return found

    def wait(self, timeout_ms: int) -> T | None:
        """The next change, or None when there was none for so long (Closed)."""
        try:
            return self._calls.run(lambda: self._listening.next(timeout_ms))
        except StopAsyncIteration:
            raise Closed("this watch is over; ask its party for a new one: watch()") from None

    def close(self) -> None:
        """Stop watching; again does no harm."""
        if self._dropped.detach() is None:
            return
        self._watches.discard(self)
        self._calls.run(self._listening.end)

    async def end(self) -> None:
        """Stop listening, in the event loop: its party is being closed."""
        self._dropped.detach()
        await self._listening.end()
