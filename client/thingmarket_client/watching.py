"""A watch: messages that come when they come. What is not awaited in time is told at the next asking."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from thingmarket_client.errors import Closed

T = TypeVar("T")

CANCEL_AGAIN_S: Final = 0.1

Begin = Callable[[Callable[[], None]], AsyncGenerator[T, None]]
"""Gives the messages; calls what it is given when the node listens, unless a message says so anyway."""


class Watch(Generic[T]):
    """`async with` listens from there on; a bare `async for` or `wait` does from its first question.

    Of several who wait, one gets a message. It ends by a refusal, by `aclose`, and when a bare `anext` on it
    is cancelled; `wait` may be.
    """

    def __init__(self, begin: Begin[T], patience_ms: int) -> None:
        """Begin as told when first asked; `patience_ms` bounds how long entering waits for the node."""
        self._messages = begin(self._heard)
        self._patience_s = patience_ms / 1000
        self._coming: asyncio.Future[T] | None = None
        self._opening: asyncio.Future[None] | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        """Wait until the node listens; one that cannot be reached is waited for by the questions."""
        try:
            await self._open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next message (StopAsyncIteration after the end)."""
        coming, self._coming = self._coming, None
        return await (anext(self._messages) if coming is None else coming)

    async def wait(self, timeout_ms: int | None) -> T | None:
        """The next message, or None when there was none for so long (Closed)."""
        loop = asyncio.get_running_loop()
        until = None if timeout_ms is None else loop.time() + timeout_ms / 1000
        while not self._is_over:
            coming = self._next()
            await asyncio.wait({coming}, timeout=None if until is None else max(0.0, until - loop.time()))
            if not coming.done():
                return None
            if self._coming is coming:
                self._coming = None
                try:
                    return coming.result()
                except StopAsyncIteration:
                    break
        raise Closed("this watch is over; ask its party for a new one: watch()")

    async def aclose(self) -> None:
        """Stop watching; again does no harm."""
        self._is_over = True
        coming, self._coming = self._coming, None
        # Before Python 3.12 a cancellation that meets an arriving message gets lost, so it is repeated.
        while coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming}, timeout=CANCEL_AGAIN_S)
        if coming is not None and not coming.cancelled():
            coming.exception()
        await self._messages.aclose()

    async def _open(self) -> None:
        self._opening = asyncio.get_running_loop().create_future()
        coming = self._next()
        ways: set[asyncio.Future[Any]] = {coming, self._opening}
        await asyncio.wait(ways, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED)
        self._opening = None
        if coming.done():
            coming.result()  # a refusal is told here; a message is kept for the first question

    def _heard(self) -> None:
        if self._opening is not None and not self._opening.done():
            self._opening.set_result(None)

    def _next(self) -> asyncio.Future[T]:
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._messages))
        return self._coming
