"""`wait` of a blocking party.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thingmarket.limits import HOUR_MS
from thingmarket_client.blocking.calls import Calls
from thingmarket_client.wait import Wait

if TYPE_CHECKING:
    from thingmarket.catalog.needs import Need
    from thingmarket.wire.listings import NeedSeen
    from thingmarket.wire.views import ContractSeen
    from thingmarket_client.choosing import Chosen
    from thingmarket_client.post import Flushed


class BlockingWait:
    """What a party can wait for. NotYet says what to do next; nothing that happens meanwhile is lost."""

    def __init__(self, calls: Calls, part: Wait) -> None:
        """Part of a blocking party."""
        self._calls = calls
        self._part = part

    def for_offer(self, need: Need, *, timeout_ms: int = HOUR_MS) -> Chosen:
        """Wait until something can be bought that meets a need, and choose (NotYet)."""
        return self._calls.run(lambda: self._part.for_offer(need, timeout_ms=timeout_ms))

    def for_delivery(self, contract: bytes, *, timeout_ms: int = HOUR_MS) -> ContractSeen:
        """Wait until goods are there to accept, or the contract is over without (NotYet)."""
        return self._calls.run(lambda: self._part.for_delivery(contract, timeout_ms=timeout_ms))

    def for_end(self, contract: bytes, *, timeout_ms: int = HOUR_MS) -> ContractSeen:
        """Wait until a contract has come to its end, good or bad (NotYet)."""
        return self._calls.run(lambda: self._part.for_end(contract, timeout_ms=timeout_ms))

    def for_need(self, need: bytes, *, timeout_ms: int = HOUR_MS) -> NeedSeen:
        """Wait until an announced need is filled or over (NotYet)."""
        return self._calls.run(lambda: self._part.for_need(need, timeout_ms=timeout_ms))

    def for_outbox(self, *, timeout_ms: int = HOUR_MS) -> Flushed:
        """Send until nothing waits in the outbox, through all that is offline; what became of it (NotYet)."""
        return self._calls.run(lambda: self._part.for_outbox(timeout_ms=timeout_ms))
