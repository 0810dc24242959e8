"""Verifies signatures in the loop, a few at a turn. [CMD-1]

A thread gains nothing here: it needs the interpreter's lock between any two signatures, and while the loop
is busy it waits for it up to 5 ms each time (docs/adr/0011).
"""

import asyncio
from collections import deque
from collections.abc import Callable

from thingmarket.identity import keys
from thingmarket_node.core.messages import CallId, VerifyAll

TURN_MAX = 64  # requests: about 4 ms, after which other callers have their turn

Done = Callable[[list[tuple[CallId, bool]]], None]


class Verifier:
    """Collects what one turn of the loop brings, and verifies it in the next."""

    def __init__(self, done: Done) -> None:
        """Call `done` in the loop with the verdicts, in the order of the requests."""
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[VerifyAll] = deque()

    def put(self, request: VerifyAll) -> None:
        """Queue a request."""
        self._waiting.append(request)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(TURN_MAX, len(self._waiting)))]
        if self._waiting:
            self._loop.call_soon(self._turn)
        self._done([(request.call, is_good(request)) for request in batch])


def is_good(request: VerifyAll) -> bool:
    """Whether all signatures of a request are good; the first bad one ends the work."""
    return all(keys.verify(c.public_key, c.message, c.signature) for c in request.checks)
