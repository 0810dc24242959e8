"""`waiting` of a blocking party.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from thingmarket_client.approvals import Waiting
from thingmarket_client.blocking.calls import Calls
from thingmarket_client.blocking.watching import BlockingWatch

if TYPE_CHECKING:
    from thingmarket.wire.inbox import PendingSeen, PersonaSeen


class BlockingWaiting:
    """Reads of orders that wait or waited, and of personas; of one session."""

    def __init__(self, calls: Calls, part: Waiting, watches: WeakSet[BlockingWatch[Any]]) -> None:
        """Part of a blocking party."""
        self._calls = calls
        self._part = part
        self._watches = watches

    def inbox(self) -> tuple[PendingSeen, ...]:
        """Orders that wait for this party's word, oldest first; each is what its buyer signed."""
        return self._calls.run(self._part.inbox)

    def order(self, pending: bytes) -> PendingSeen:
        """One order, for its buyer, its owner and those who may approve it (UNKNOWN_ENTRY)."""
        return self._calls.run(lambda: self._part.order(pending))

    def outcome(self, pending: bytes) -> PendingSeen:
        """Wait until an order waits no more, through all reconnections."""
        return self._calls.run(lambda: self._part.outcome(pending))

    def inboxes(self) -> BlockingWatch[tuple[PendingSeen, ...]]:
        """The inbox now, and again whenever it has changed."""
        return BlockingWatch(self._calls, self._watches, self._part.inboxes)

    def persona(self, thing: str = "") -> PersonaSeen:
        """An owner's wishes for a thing; without a name those for this thing itself."""
        return self._calls.run(lambda: self._part.persona(thing))
