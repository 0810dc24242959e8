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
        self,
        pendings: Table[PendingId, PendingOrder],
        personas: Table[tuple[PartyId, PartyId], Persona],
        willing_cosigners: Table[tuple[PartyId, PartyId], int],
    ) -> None:
        """Follow every change of the tables from now on."""
        self.unmade = 0  # waiting or ended without a contract
        self.unmade_of_thing: dict[PartyId, int] = {}
        self.waiting_of: dict[PartyId, Timeline[PendingId]] = {}  # by owner
        self.waiting_of_thing: dict[PartyId, int] = {}
        self.waiting_under: dict[Digest, Timeline[PendingId]] = {}  # by the leaf they were sent under
        self.waiting_for: dict[bytes, PendingId] = {}  # by the need that they would fill
        self.waiting_at: dict[PartyId, Timeline[PendingId]] = {}  # by who is asked
        self.personas_of: dict[PartyId, int] = {}
        self.cosigned_by: dict[PartyId, int] = {}  # owners for whom a party agreed to approve
        pendings.watch(self._order_changed)
        personas.watch(self._persona_changed)
        willing_cosigners.watch(self._willing_changed)

    def _order_changed(self, name: PendingId, old: PendingOrder | None, new: PendingOrder | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        change = (new is not None and not new.contract) - (old is not None and not old.contract)
        self.unmade += change
        count_under(self.unmade_of_thing, record.thing, change)
        was, now = old is not None and old.waits, new is not None and new.waits
        row = (record.seq, name)
        asked_before = old.asked if old is not None and was else ()
        asked_now = new.asked if new is not None and now else ()
        for party in asked_before:
            if party not in asked_now:
                row_under(self.waiting_at, party, row, present=False)
        for party in asked_now:
            if party not in asked_before:
                row_under(self.waiting_at, party, row, present=True)
        if was == now:
            return
        row_under(self.waiting_of, record.owner, row, present=now)
        count_under(self.waiting_of_thing, record.thing, now - was)
        row_under(self.waiting_under, record.mandate_leaf, row, present=now)
        if record.purchase.need and now:
            self.waiting_for[record.purchase.need] = name
        elif record.purchase.need:
            del self.waiting_for[record.purchase.need]

    def _persona_changed(
        self, name: tuple[PartyId, PartyId], old: Persona | None, new: Persona | None
    ) -> None:
        count_under(self.personas_of, name[0], (new is not None) - (old is not None))

    def _willing_changed(self, name: tuple[PartyId, PartyId], old: int | None, new: int | None) -> None:
        count_under(self.cosigned_by, name[0], (new is not None) - (old is not None))
