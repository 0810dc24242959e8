"""Look-ups of standing orders that follow from their table; they stand in no snapshot."""

from thingmarket.contract.standing import StandingId, StandingOrder, StandingState
from thingmarket.ids import Digest, PartyId
from thingmarket.market.registers import count_under, name_under, row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class Calendar:
    """Standing orders by owner, and those that have not ended by mandate and by slot."""

    def __init__(self, table: Table[StandingId, StandingOrder]) -> None:
        """Follow every change of the table from now on."""
        self.of: dict[PartyId, Timeline[StandingId]] = {}  # by owner, ended ones too
        self.open_of: dict[PartyId, int] = {}
        self.under: dict[Digest, set[StandingId]] = {}
        self.in_slot: dict[tuple[PartyId, str], StandingId] = {}
        table.watch(self._changed)

    def _changed(self, name: StandingId, old: StandingOrder | None, new: StandingOrder | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if (old is None) != (new is None):
            row_under(self.of, record.owner, (record.seq, name), present=new is not None)
        was = old is not None and old.state is not StandingState.ENDED
        now = new is not None and new.state is not StandingState.ENDED
        if was == now:
            return
        count_under(self.open_of, record.owner, now - was)
        if record.mandate_leaf:
            name_under(self.under, Digest(record.mandate_leaf), name, present=now)
        if record.wish.slot:
            slot = (record.buyer, record.wish.slot)
            if now:
                self.in_slot[slot] = name
            else:
                del self.in_slot[slot]
