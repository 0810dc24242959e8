"""Listening with a limit to messages that come when they come: what is not awaited in time is not lost."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

CANCEL_AGAIN_S: Final = 0.1


class Listening(Generic[T]):
    """One message after the other; several may wait for the same."""

    def __init__(self, messages: AsyncGenerator[T, None]) -> None:
        """Listen to `messages`."""
        self._messages = messages
        self._coming: asyncio.Future[T] | None = None
        self._turn = asyncio.Lock()

    async def next(self, timeout_ms: int | None) -> T | None:
        """The next message; None when there was none in time. What comes later is not lost."""
        async with self._turn:
            if self._coming is None:
                self._coming = asyncio.ensure_future(anext(self._messages))
            await asyncio.wait({self._coming}, timeout=None if timeout_ms is None else timeout_ms / 1000)
            if not self._coming.done():
                return None
            coming, self._coming = self._coming, None
            return coming.result()

    async def end(self) -> None:
        """Stop listening."""
        coming, self._coming = self._coming, None
        # Before Python 3.12 a cancellation that meets an arriving message gets lost, so it is repeated.
        while coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming}, timeout=CANCEL_AGAIN_S)
        if coming is not None and not coming.cancelled():
            coming.exception()
        await self._messages.aclose()
