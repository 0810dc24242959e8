"""Verifies signatures: a few at once in the loop, many in one thread that frees it. [CMD-1]"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from thingmarket.identity import keys
from thingmarket_node.core.messages import CallId, VerifyAll

# Handing work to a thread costs about as much as two verifications, so few are done in the loop.
INLINE_MAX = 4096

Done = Callable[[list[tuple[CallId, bool]]], None]


class Verifier:
    """Collects what one turn of the loop brings, then verifies it in one go."""

    def __init__(self, done: Done) -> None:
        """Call `done` in the loop with the verdicts, in the order of the requests."""
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._waiting: list[VerifyAll] = []
        self._busy = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")

    def put(self, request: VerifyAll) -> None:
        """Queue a request."""
        self._waiting.append(request)
        if len(self._waiting) == 1 and not self._busy:
            self._loop.call_soon(self._start)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        if self._busy or not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        if len(batch) <= INLINE_MAX:
            self._done(verified(batch))
            return
        self._busy = True
        self._thread.submit(verified, batch).add_done_callback(
            lambda future: self._loop.call_soon_threadsafe(self._finish, future.result())
        )

    def _finish(self, verdicts: list[tuple[CallId, bool]]) -> None:
        self._busy = False
        self._done(verdicts)
        self._start()


def verified(batch: list[VerifyAll]) -> list[tuple[CallId, bool]]:
    """The verdict on each request: good when all of its signatures are."""
    return [
        (request.call, all(keys.verify(c.public_key, c.message, c.signature) for c in request.checks))
        for request in batch
    ]
