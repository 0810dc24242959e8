"""A watch: nothing is lost by not waiting for it, one message goes to one listener, entering listens."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from thingmarket_client.errors import Closed
from thingmarket_client.watching import Watch


async def messages(source: "asyncio.Queue[int]") -> AsyncGenerator[int, None]:
    while True:
        message = await source.get()
        if message < 0:
            return
        yield message


def watch_of(source: "asyncio.Queue[int]") -> Watch[int]:
    return Watch(lambda _: messages(source), patience_ms=60_000)


async def heard(source: "asyncio.Queue[int]", listens: Callable[[], None]) -> AsyncGenerator[int, None]:
    """Messages of a node that says when it listens."""
    assert await source.get() == 0
    listens()
    while True:
        yield await source.get()


async def test_what_comes_after_the_limit_is_told_at_the_next_asking() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    watch = watch_of(source)
    assert await watch.wait(1) is None
    source.put_nowait(7)
    assert await watch.wait(None) == 7
    await watch.aclose()


async def test_several_listeners_share_the_messages() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    watch = watch_of(source)
    waiting = [asyncio.ensure_future(watch.wait(None)) for _ in range(3)]
    assert await watch.wait(1) is None, "who waits without a limit keeps nobody else"
    for number in range(3):
        source.put_nowait(number)
    assert {await one for one in waiting} == {0, 1, 2}
    await watch.aclose()


async def test_who_gives_up_loses_nothing() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    watch = watch_of(source)
    impatient = asyncio.ensure_future(watch.wait(None))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait({impatient})
    source.put_nowait(1)
    assert await watch.wait(None) == 1
    await watch.aclose()


async def test_the_end_of_the_messages_is_the_end() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    watch = watch_of(source)
    source.put_nowait(-1)
    with pytest.raises(Closed):
        await watch.wait(None)
    await watch.aclose()


async def test_who_waits_hears_the_end() -> None:
    watch = watch_of(asyncio.Queue())
    waiting = asyncio.ensure_future(watch.wait(None))
    await asyncio.sleep(0)
    await watch.aclose()
    with pytest.raises(Closed):
        await waiting


async def test_who_enters_goes_on_when_the_node_listens_and_misses_nothing() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    watch = Watch(lambda listens: heard(source, listens), patience_ms=60_000)
    entering = asyncio.ensure_future(watch.__aenter__())
    await asyncio.sleep(0)
    assert not entering.done()
    source.put_nowait(0)
    assert await entering is watch
    source.put_nowait(1)
    assert await anext(watch) == 1
    await watch.aclose()


async def test_a_message_that_comes_while_entering_is_the_answer_to_the_first_question() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    source.put_nowait(5)
    source.put_nowait(6)
    async with watch_of(source) as watch:
        assert [await anext(watch), await watch.wait(None)] == [5, 6]
    with pytest.raises(Closed):
        await watch.wait(None)


async def test_who_enters_while_nobody_answers_waits_no_longer_than_he_has_patience() -> None:
    source: asyncio.Queue[int] = asyncio.Queue()
    async with Watch(lambda _: messages(source), patience_ms=1) as watch:
        source.put_nowait(3)
        assert [one async for one in first(watch)] == [3]


async def first(watch: Watch[int]) -> AsyncGenerator[int, None]:
    async for one in watch:
        yield one
        return


async def test_a_refusal_is_told_to_who_enters() -> None:
    async def refused(source: "asyncio.Queue[int]") -> AsyncGenerator[int, None]:
        yield await asyncio.wait_for(source.get(), 0)

    with pytest.raises(TimeoutError):
        async with Watch(lambda _: refused(asyncio.Queue()), patience_ms=60_000):
            raise AssertionError("nobody listens")
