"""What an owner said of names before anything showed that they exist; it is bounded. [MAN-8] [TRU-1]

A name is known once a mandate of the owner that holds it was presented, or the thing is his. Counts follow
from the tables, so they stand in no snapshot.
"""

from collections.abc import Callable
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import AutonomyCap
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import UNKNOWN_NAMES_PER_OWNER_MAX
from thingmarket.market.records import MandateRecord, ThingRecord
from thingmarket.market.registers import count_under
from thingmarket.tables import Table

Name = tuple[PartyId, Any]
"""An owner, and a link of his or a subject."""


class Beforehand:
    """Rows of unknown names, by table and owner."""

    def __init__(
        self,
        mandates: Table[Digest, MandateRecord],
        things: Table[tuple[PartyId, PartyId], ThingRecord],
        revoked_links: Table[tuple[PartyId, Digest], int],
        revoked_subjects: Table[tuple[PartyId, PartyId], int],
        autonomy_caps: Table[tuple[PartyId, PartyId], AutonomyCap],
    ) -> None:
        """Follow every change of the tables from now on."""
        self.unknown: dict[tuple[str, PartyId], int] = {}
        self._known: dict[Name, int] = {}  # chains that hold the name, and the thing
        self._said: tuple[Table[Any, Any], ...] = (revoked_links, revoked_subjects, autonomy_caps)
        mandates.watch(self._mandate_changed)
        things.watch(self._thing_changed)
        for table in self._said:
            table.watch(self._follower_of(table))

    def check_room(self, table: Table[Any, Any], name: Name, clause: str) -> None:
        """Refuse one unknown name too many; of what is known an owner says what he will (FULL)."""
        held = self.unknown.get((table.name, name[0]), 0)
        if held < UNKNOWN_NAMES_PER_OWNER_MAX or name in self._known or name in table:
            return
        reason = f"{held} unknown names were said beforehand; raise the epoch, or wait until it is presented"
        raise Refusal(Code.FULL, reason, clause)

    def _follower_of(self, table: Table[Any, Any]) -> Callable[[Name, Any, Any], None]:
        def changed(name: Name, old: Any, new: Any) -> None:
            if name not in self._known:
                count_under(self.unknown, (table.name, name[0]), (new is not None) - (old is not None))

        return changed

    def _mandate_changed(self, _: Digest, old: MandateRecord | None, new: MandateRecord | None) -> None:
        record = new or old
        change = (new is not None) - (old is not None)
        if record is None or not change:
            return
        mandate = record.effective
        for name in (*mandate.links, *mandate.subjects):
            self._count((mandate.root_owner, name), change)

    def _thing_changed(self, name: Name, old: ThingRecord | None, new: ThingRecord | None) -> None:
        change = (new is not None) - (old is not None)
        if change:
            self._count(name, change)

    def _count(self, name: Name, change: int) -> None:
        was = name in self._known
        count_under(self._known, name, change)
        now = name in self._known
        for table in self._said if was != now else ():
            if name in table:
                count_under(self.unknown, (table.name, name[0]), was - now)
