"""Waiting orders by who is asked, whose they are and what they hang on; follows the table, has no root."""

from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.personas import Persona
from thingmarket.ids import Digest, PartyId
from thingmarket.market.registers import count_under, row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


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
        count_under(self.unmade_of_thing, record.thing, change)
        was, now = old is not None and old.waits, new is not None and new.waits
        if was == now:
            return
        count_under(self.waiting_of, record.owner, now - was)
        count_under(self.waiting_of_thing, record.thing, now - was)
        row_under(self.waiting_under, record.mandate_leaf, (record.seq, name), present=now)
        for party in record.asked:
            row_under(self.waiting_at, party, (record.seq, name), present=now)
        if record.purchase.need and now:
            self.waiting_for[record.purchase.need] = name
        elif record.purchase.need:
            del self.waiting_for[record.purchase.need]

    def _persona_changed(
        self, name: tuple[PartyId, PartyId], old: Persona | None, new: Persona | None
    ) -> None:
        count_under(self.personas_of, name[0], (new is not None) - (old is not None))
