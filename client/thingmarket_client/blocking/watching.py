"""A watch as an iterator that blocks: changes one by one, with or without a time to wait."""

import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from thingmarket_client.blocking.calls import Calls
from thingmarket_client.errors import Closed
from thingmarket_client.watching import Watch

T = TypeVar("T")


class BlockingWatch(Generic[T]):
    """To iterate over, or to ask by `wait(timeout_ms)`; ends with `close`, its party, or when dropped.

    `with` listens from there on; without it the watch does from its first question.
    """

    def __init__(
        self,
        calls: Calls,
        watches: "weakref.WeakSet[BlockingWatch[T]]",
        open_watch: Callable[[], Watch[T]],
    ) -> None:
        """Watch as `open_watch` does."""
        self._calls = calls
        self._watches = watches
        self._watch = watch = calls.call(open_watch)
        # A node allows few watches at once, and `for` with `break` is how people leave one.
        self._dropped = weakref.finalize(self, calls.drop, watch.aclose)
        self._dropped.atexit = False
        watches.add(self)

    def __enter__(self) -> Self:
        """Wait until the node listens; one that cannot be reached is waited for by the questions."""
        self._calls.run(self._watch.__aenter__)
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
            found = self._calls.run(lambda: self._watch.wait(None))
        except Closed:
            raise StopIteration from None
        assert found is not None, "without a time limit there is always one"
        return found

    def wait(self, timeout_ms: int) -> T | None:
        """The next change, or None when there was none for so long (Closed)."""
        return self._calls.run(lambda: self._watch.wait(timeout_ms))

    def close(self) -> None:
        """Stop watching; again does no harm."""
        if self._dropped.detach() is None:
            return
        self._watches.discard(self)
        self._calls.run(self._watch.aclose)

    async def end(self) -> None:
        """Stop listening, in the event loop: its party is being closed."""
        self._dropped.detach()
        await self._watch.aclose()
