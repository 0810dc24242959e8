"""What to do after a call that failed: one pure decision table. [CMD-4]"""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal

ATTEMPTS_MAX: Final = 10_000  # hours: it is the caller's patience that ends the tries
FIRST_DELAY_MS: Final = 50
LONGEST_DELAY_MS: Final = 2_000
DOUBLINGS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same body again after a delay of at most this many milliseconds."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class Rehandshake:
    """Open a new session after the delay, and sign a new header over the same body."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Tell the caller."""


Next = Retry | Rehandshake | GiveUp

# The session is over, or its clock is off: a handshake brings a new one and the node's time.
_NEW_SESSION: Final = frozenset({Code.SESSION_ENDED, Code.NO_SESSION, Code.CLOCK, Code.EXPIRED})
# What gRPC says by itself when the network or the node's process is in trouble.
_TROUBLE: Final = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "ABORTED", "RESOURCE_EXHAUSTED"}
)


def what_next(failure: Refusal | str, attempts: int) -> Next:
    """Decide after `attempts` (from 1) failed; `failure` is a refusal or the bare name of a gRPC status.

    Sending again is safe because the body carries its key: the node does it once. A refusal that is not
    retryable is the answer.
    """
    if attempts >= ATTEMPTS_MAX:
        return GiveUp()
    delay_ms = min(FIRST_DELAY_MS << min(attempts - 1, DOUBLINGS_MAX), LONGEST_DELAY_MS)
    if isinstance(failure, str):
        return Retry(delay_ms) if failure in _TROUBLE else GiveUp()
    if failure.number in _NEW_SESSION:
        return Rehandshake(0 if attempts == 1 else delay_ms)
    # The header met a node that was not ready for it; another header over the same body may pass.
    return Retry(delay_ms) if failure.retryable else GiveUp()
