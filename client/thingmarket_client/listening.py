"""Listening with a limit to messages that come when they come: what is not awaited in time is not lost."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

CANCEL_AGAIN_S: Final = 0.1


class Listening(Generic[T]):
    """One message after the other; of several who wait, one gets it."""

    def __init__(self, messages: AsyncGenerator[T, None]) -> None:
        """Listen to `messages`."""
        self._messages = messages
        self._coming: asyncio.Future[T] | None = None
        self._is_over = False

    async def next(self, timeout_ms: int | None) -> T | None:
        """The next message; None when there was none in time (StopAsyncIteration after the end)."""
        loop = asyncio.get_running_loop()
        until = None if timeout_ms is None else loop.time() + timeout_ms / 1000
        while not self._is_over:
            if self._coming is None:
                self._coming = asyncio.ensure_future(anext(self._messages))
            coming = self._coming
            await asyncio.wait({coming}, timeout=None if until is None else max(0.0, until - loop.time()))
            if not coming.done():
                return None
            if self._coming is coming:
                self._coming = None
                return coming.result()
        raise StopAsyncIteration

    async def end(self) -> None:
        """Stop listening."""
        self._is_over = True
        coming, self._coming = self._coming, None
        # Before Python 3.12 a cancellation that meets an arriving message gets lost, so it is repeated.
        while coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming}, timeout=CANCEL_AGAIN_S)
        if coming is not None and not coming.cancelled():
            coming.exception()
        await self._messages.aclose()
