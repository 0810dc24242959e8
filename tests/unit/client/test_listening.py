"""Listening with a limit: nothing is lost by not waiting for it, and one message goes to one listener."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from thingmarket_client.listening import Listening


async def messages(source: "asyncio.Queue[int]") -> AsyncGenerator[int, None]:
    while True:
        message = await source.get()
        if message < 0:
            return
        yield message


async def test_what_comes_after_the_limit_is_told_at_the_next_asking() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    listening = Listening(messages(source))
    assert await listening.next(1) is None
    source.put_nowait(7)
    assert await listening.next(None) == 7
    await listening.end()


async def test_several_listeners_share_the_messages() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    listening = Listening(messages(source))
    waiting = [asyncio.ensure_future(listening.next(None)) for _ in range(3)]
    assert await listening.next(1) is None, "who waits without a limit keeps nobody else"
    for number in range(3):
        source.put_nowait(number)
    assert {await one for one in waiting} == {0, 1, 2}
    await listening.end()


async def test_who_gives_up_loses_nothing() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    listening = Listening(messages(source))
    impatient = asyncio.ensure_future(listening.next(None))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait({impatient})
    source.put_nowait(1)
    assert await listening.next(None) == 1
    await listening.end()


async def test_the_end_of_the_messages_is_the_end() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    listening = Listening(messages(source))
    source.put_nowait(-1)
    with pytest.raises(StopAsyncIteration):
        await listening.next(None)
    await listening.end()


async def test_who_waits_hears_the_end() -> None:
    listening = Listening(messages(asyncio.Queue()))
    waiting = asyncio.ensure_future(listening.next(None))
    await asyncio.sleep(0)
    await listening.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
