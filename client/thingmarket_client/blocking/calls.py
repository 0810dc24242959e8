"""Blocking calls into one event loop, which runs in a thread of its own for all parties of the process."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeVar

from thingmarket_client.errors import Closed

R = TypeVar("R")

HANG_UP_S: Final = 10.0  # cutting a line takes milliseconds; nobody waits for ever for the end of a thread


class LoopThread:
    """A thread with an event loop, as long as somebody uses it. gRPC is at ease with one loop a process."""

    _door: Final = threading.Lock()
    _shared: "LoopThread | None" = None

    def __init__(self) -> None:
        """Start the thread; `LoopThread.join` is the way to it."""
        self.loop = asyncio.new_event_loop()
        self._users = 0
        # A daemon: who forgets to close must still be able to end his program.
        self._thread = threading.Thread(target=self._serve, name="thingmarket", daemon=True)
        self._thread.start()

    @classmethod
    def join(cls) -> "LoopThread":
        """The thread of this process, started when it is the first use."""
        with cls._door:
            if cls._shared is None:
                cls._shared = cls()
            cls._shared._users += 1
            return cls._shared

    def leave(self) -> None:
        """The last user ends the thread."""
        with LoopThread._door:
            self._users -= 1
            if self._users:
                return
            LoopThread._shared = None
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(HANG_UP_S)

    @property
    def is_here(self) -> bool:
        """Whether the caller is on this very thread, where nothing may block."""
        return threading.current_thread() is self._thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Calls:
    """The blocking calls of one party, from any thread."""

    def __init__(self, party: str) -> None:
        """Make ready; `party` is what the caller is told to open again."""
        self._name = party
        self._thread = LoopThread.join()
        self._door = threading.Lock()
        self._is_open = True
        self._under_way: set[Future[Any]] = set()

    def run(self, make: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run what `make` makes and wait for it (Closed). Ctrl-C ends the waiting and what was waited for."""
        _check_not_in_a_loop(self._name)
        with self._door:
            self._check_open()
            future = asyncio.run_coroutine_threadsafe(make(), self._thread.loop)
            self._under_way.add(future)
        try:
            return future.result()
        except CancelledError:
            raise self._closed() from None
        finally:
            future.cancel()  # nothing when it is done
            with self._door:
                self._under_way.discard(future)

    def call(self, function: Callable[[], R]) -> R:
        """Call a function where nothing else runs meanwhile (Closed)."""

        async def once() -> R:
            return function()

        return self.run(once)

    def drop(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something without waiting, as a collector of garbage must; nothing once closed."""
        with self._door:
            if self._is_open:
                asyncio.run_coroutine_threadsafe(make(), self._thread.loop)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End what is under way, run what comes last, and let go of the thread; again does no harm."""
        assert not self._thread.is_here, "the loop cannot wait for itself"
        with self._door:
            if not self._is_open:
                return
            self._is_open = False
            under_way = list(self._under_way)
        for future in under_way:
            future.cancel()
        try:
            asyncio.run_coroutine_threadsafe(last(), self._thread.loop).result(HANG_UP_S)
        finally:
            self._thread.leave()

    def _check_open(self) -> None:
        if not self._is_open:
            raise self._closed()

    def _closed(self) -> Closed:
        return Closed(
            f"this {self._name} was closed; open it again: `with {self._name}(home) as party: ...`. "
            "What was unanswered waits in its outbox; flush() sends it."
        )


def _check_not_in_a_loop(name: str) -> None:
    """A blocking call inside an event loop would stop everything there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    twin = name.removeprefix("Blocking")
    raise RuntimeError(f"{name} would block this event loop; use thingmarket_client.{twin} and await it")
