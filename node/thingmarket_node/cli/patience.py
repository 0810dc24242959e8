"""A device that waits says so, and need not wait without end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from thingmarket_client.errors import NotYet
from thingmarket_node.cli.output import Output

T = TypeVar("T")

TELL_AGAIN_S: Final = 30  # often enough to see that it lives, seldom enough to read what else it says


async def within(timeout_s: int | None, work: Coroutine[Any, Any, T], output: Output) -> T:
    """Do the work, and tell now and then that it is not done (NotYet after `timeout_s`)."""
    telling = asyncio.ensure_future(_tell(output))
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError:
        raise NotYet(
            f"not done after {timeout_s} s. Nothing is lost: the same command goes on where it was, and what "
            "was bought is not bought again"
        ) from None
    finally:
        telling.cancel()


async def _tell(output: Output) -> None:
    waited_s = 0
    while True:
        await asyncio.sleep(TELL_AGAIN_S)
        waited_s += TELL_AGAIN_S
        output.event("still", f"still at it after {waited_s} s", waited_s=waited_s)
