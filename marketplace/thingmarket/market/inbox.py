"""Waiting orders by who is asked, whose they are and what they hang on; follows the table, has no root."""

from typing import TypeVar

from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.personas import Persona
from thingmarket.ids import Digest, PartyId
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table

K = TypeVar("K")


class Inbox:
    """Look-ups that follow from the tables of pending orders and personas; they stand in no snapshot."""

    def __init__(
        self, pendings: Table[PendingId, PendingOrder], personas: Table[tuple[PartyId, PartyId], Persona]
    ) -> None:
        """Follow every change of the tables from now on."""
        self.unmade = 0  # waiting or ended without a contract
        self.unmade_of_thing: dict[PartyId, int] = {}
        self.waiting_of: dict[PartyId, int] = {}  # by owner
        self.waiting_of_thing: dict[PartyId, int] = {}
        self.waiting_under: dict[Digest, Timeline[PendingId]] = {}  # by the leaf they were sent under
        self.waiting_for: dict[bytes, PendingId] = {}  # by the need that they would fill
        self.waiting_at: dict[PartyId, Timeline[PendingId]] = {}  # by who is asked
        self.personas_of: dict[PartyId, int] = {}
        pendings.watch(self._order_changed)
        personas.watch(self._persona_changed)

    def _order_changed(self, name: PendingId, old: PendingOrder | None, new: PendingOrder | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        change = (new is not None and not new.contract) - (old is not None and not old.contract)
        self.unmade += change
        _count(self.unmade_of_thing, record.thing, change)
        was, now = old is not None and old.waits, new is not None and new.waits
        if was == now:
            return
        _count(self.waiting_of, record.owner, now - was)
        _count(self.waiting_of_thing, record.thing, now - was)
        _keep(self.waiting_under, record.mandate_leaf, record, present=now)
        for party in record.asked:
            _keep(self.waiting_at, party, record, present=now)
        if record.purchase.need and now:
            self.waiting_for[record.purchase.need] = name
        elif record.purchase.need:
            del self.waiting_for[record.purchase.need]

    def _persona_changed(
        self, name: tuple[PartyId, PartyId], old: Persona | None, new: Persona | None
    ) -> None:
        _count(self.personas_of, name[0], (new is not None) - (old is not None))


def _keep(index: dict[K, Timeline[PendingId]], key: K, record: PendingOrder, *, present: bool) -> None:
    timeline = index.setdefault(key, Timeline())
    if present:
        timeline.add(record.seq, record.id)
    else:
        timeline.remove(record.seq, record.id)
        if not len(timeline):
            del index[key]


def _count(index: dict[K, int], key: K, change: int) -> None:
    count = index.get(key, 0) + change
    if count:
        index[key] = count
    else:
        index.pop(key, None)
