"""A token bucket in whole numbers: so many per second, so many at once."""

from typing import Final

from thingmarket.errors import Code, Refusal

_SCALE: Final = 1_000  # the level is in thousandths of a token, so that one millisecond earns whole numbers


class TokenBucket:
    """Full at the start. Who owes (see `charge`) waits until the debt is earned back."""

    __slots__ = ("_capacity", "_level", "_per_second", "_time_ms", "_what")

    def __init__(self, *, per_second: int, burst: int, now_ms: int, what: str = "tokens") -> None:
        """Start full; `what` is counted, as a refusal calls it."""
        self._per_second = per_second
        self._capacity = burst * _SCALE
        self._level = self._capacity
        self._time_ms = now_ms
        self._what = what

    def take(self, tokens: int, now_ms: int) -> None:
        """Take `tokens`, or none of them (RATE_LIMITED)."""
        self._earn(now_ms)
        if self._level < tokens * _SCALE:
            raise Refusal(Code.RATE_LIMITED, f"more than {self._per_second} {self._what} per second")
        self._level -= tokens * _SCALE

    def is_full(self, now_ms: int) -> bool:
        """Whether this is as good as a new one."""
        self._earn(now_ms)
        return self._level == self._capacity

    def charge(self, tokens: int) -> None:
        """Take `tokens` that may not be there; the debt ends at one full bucket."""
        self._level = max(-self._capacity, self._level - tokens * _SCALE)

    def _earn(self, now_ms: int) -> None:
        """A clock that was put back earns nothing and takes nothing away."""
        earned = max(0, now_ms - self._time_ms) * self._per_second
        self._level = min(self._capacity, self._level + earned)
        self._time_ms = max(self._time_ms, now_ms)
