"""`trust` of a blocking party.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thingmarket_client.blocking.calls import Calls
from thingmarket_client.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thingmarket.contract.feedback import Feedback, Measured
    from thingmarket.contract.shadow import Agreement, Proposal
    from thingmarket.identity.mandates import Autonomy
    from thingmarket.ids import PartyId
    from thingmarket.wire.views import ContractSeen


class BlockingTrust:
    """What one party says and asks about trust; made by `Trader`, as its `trust`."""

    def __init__(self, calls: Calls, part: Trust) -> None:
        """Part of a blocking party."""
        self._calls = calls
        self._part = part

    def lower(self, thing: PartyId, autonomy: Autonomy) -> None:
        """Lower what a thing may do by itself, for all its mandates, at once; an owner's word."""
        self._calls.run(lambda: self._part.lower(thing, autonomy))

    def propose(self, need: bytes, offer: bytes, *, total_minor: int, choice: bytes = b"") -> None:
        """Say what the thing would buy for an open need, at what payable total; its owner buys himself."""
        self._calls.run(lambda: self._part.propose(need, offer, total_minor=total_minor, choice=choice))

    def rate(self, contract: ContractSeen, measured: Sequence[Measured] = ()) -> None:
        """Hold what was measured against what was promised, once a contract has come to its end."""
        self._calls.run(lambda: self._part.rate(contract, measured))

    def ask_for_feedback(self, contract: bytes) -> None:
        """Ask the buyer of a contract that has ended for feedback; once."""
        self._calls.run(lambda: self._part.ask_for_feedback(contract))

    def feedback(self, *, received: bool) -> tuple[Feedback, ...]:
        """What others gave about the owner, or what he and his things gave; oldest first."""
        return self._calls.run(lambda: self._part.feedback(received=received))

    def shadow(self, thing: PartyId) -> tuple[Agreement, tuple[Proposal, ...]]:
        """How a thing's proposals compare with what its owner bought, and the proposals, oldest first."""
        return self._calls.run(lambda: self._part.shadow(thing))
