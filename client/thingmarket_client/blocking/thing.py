"""The blocking twin of Thing.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thingmarket_client.blocking.trader import BlockingTrader
from thingmarket_client.session.session import PATIENCE_MS
from thingmarket_client.thing import Thing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from thingmarket.identity.cards import NodeCard
    from thingmarket.identity.effective import EffectiveMandate
    from thingmarket.identity.envelope import Signed
    from thingmarket.ids import PartyId
    from thingmarket.policy.decision import Fact
    from thingmarket.policy.malfunctions import Severity
    from thingmarket.wire.thing_views import ThingSeen
    from thingmarket_client.choosing import Bars


class BlockingThing(BlockingTrader[Thing]):
    """A thing at its node."""

    def __init__(self, home: Path, card: NodeCard | None = None, *, patience_ms: int = PATIENCE_MS) -> None:
        """Open the thing of a folder; a new card is kept there. Needs no network yet (UnsafeFile).

        `patience_ms` is how long a call is tried before it counts as unanswered.
        """
        super().__init__(lambda: Thing.open(home, card, patience_ms=patience_ms))

    def register_device(self, model: str, serial: str) -> str:
        """Make itself known as a device that waits for its owner; the text of its label.

        The label is made once, with the papers in the folder; said again, it also unlocks a device for
        which too many wrong codes were tried.
        """
        return self._calls.run(lambda: self._party.register_device(model, serial))

    def look_at_itself(self) -> ThingSeen:
        """How far it has come (UNKNOWN_THING before it registered)."""
        return self._calls.run(self._party.look_at_itself)

    def register(self, kind: str) -> None:
        """Say what it is, and take part from now on; again does no harm."""
        self._calls.run(lambda: self._party.register(kind))

    def report_malfunction(self, component: str, severity: Severity, facts: Sequence[Fact] = ()) -> None:
        """Say what is broken; what is critical quarantines the thing at once."""
        self._calls.run(lambda: self._party.report_malfunction(component, severity, facts))

    @property
    def leaf(self) -> bytes:
        """SHA-256 of the last link of its mandate; empty without one."""
        return self._calls.call(lambda: self._party.leaf)

    @property
    def chain(self) -> tuple[Signed, ...]:
        """The links of its mandate, root first."""
        return self._calls.call(lambda: self._party.chain)

    @property
    def mandate(self) -> EffectiveMandate:
        """What its links permit together (CHAIN_BROKEN without any)."""
        return self._calls.call(lambda: self._party.mandate)

    def adopt(self, links: Sequence[Signed]) -> None:
        """Keep a mandate for this thing, root first, in place of the one before (CHAIN_BROKEN, ...)."""
        self._calls.run(lambda: self._party.adopt(links))

    def present(self) -> None:
        """Show the mandate to the node, which makes the thing known; again does no harm."""
        self._calls.run(self._party.present)

    def bars(self) -> Bars:
        """What its mandate forbids it to buy; a thing without one may buy nothing that a node would sell."""
        return self._calls.call(self._party.bars)

    def take_part(self, kind: str) -> ThingSeen:
        """Go on from wherever it is: show the mandate that waits at the node or here, and register.

        What is the owner's to do is not done: a device that nobody claimed is in FACTORY still.
        """
        return self._calls.run(lambda: self._party.take_part(kind))

    def delegate(self, subject: PartyId, **narrowed: Any) -> tuple[Signed, ...]:
        """The chain for a sub-agent: one more link below, narrowed by fields of `Mandate`."""
        return self._calls.call(lambda: self._party.delegate(subject, **narrowed))
