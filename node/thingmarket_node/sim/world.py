"""The seeded world: one clock, one source of chance, one heap of what happens next."""

import heapq
import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

BEGIN_MS: Final = 1_801_439_400_000
"""True time at the start of every run, Unix milliseconds: 31 January 2027, 23:50 UTC.

Ten minutes later the day and the month are others, and so are the budgets of both.
"""

Act = Callable[[], None]


class Violation(Exception):
    """An invariant that does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        """Name the invariant and say what was found."""
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


def require(holds: object, invariant: str, detail: str) -> None:
    """Stop the run when an invariant does not hold."""
    if not holds:
        raise Violation(invariant, detail)


class World:
    """True time in milliseconds, and events in the order (time, tie)."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        """Begin at noon; `trace` is told one line per event and note."""
        self.seed = seed
        self.now_ms = BEGIN_MS
        self.events = 0
        self.random = random.Random(seed)
        self._heap: list[tuple[int, int, str, Act]] = []
        self._tie = 0
        self._trace = trace
        self._hash = blake2b(digest_size=16, person=b"tm-sim-trace")

    def after(self, delay_ms: int, name: str, act: Act) -> None:
        """Let something happen `delay_ms` from now; equal times keep the order of asking."""
        assert delay_ms >= 0, "nothing happens before now"
        self._tie += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._tie, name, act))

    def step(self) -> bool:
        """Let the next event happen; False when nothing is left."""
        if not self._heap:
            return False
        self.now_ms, _, name, act = heapq.heappop(self._heap)
        self.events += 1
        self.note(name)
        act()
        return True

    def note(self, text: str) -> None:
        """Add a line to the trace, whose hash tells two runs apart."""
        line = f"{self.events} {self.now_ms - BEGIN_MS} {text}\n"
        self._hash.update(line.encode())
        if self._trace is not None:
            self._trace(line[:-1])

    @property
    def trace_hash(self) -> str:
        """Hash over the whole trace so far."""
        return self._hash.hexdigest()

    # --- chance

    def chance(self, per_mille: int) -> bool:
        """True in so many of a thousand cases; draws nothing when it is never."""
        return per_mille > 0 and self.random.randrange(1_000) < per_mille

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        return self.random.randint(least, most)

    def some_bytes(self, count: int) -> bytes:
        """So many random bytes."""
        return self.random.randbytes(count)
