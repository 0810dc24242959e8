"""Look-ups of standing orders that follow from their table; they stand in no snapshot."""

from typing import TypeVar

from thingmarket.contract.standing import StandingId, StandingOrder, StandingState
from thingmarket.ids import Digest, PartyId
from thingmarket.tables import Table

K = TypeVar("K")


class Calendar:
    """Standing orders by owner, and those that have not ended by mandate and by slot."""

    def __init__(self, table: Table[StandingId, StandingOrder]) -> None:
        """Follow every change of the table from now on."""
        self.of: dict[PartyId, dict[StandingId, None]] = {}  # by owner, ended ones too
        self.open_of: dict[PartyId, int] = {}
        self.under: dict[Digest, dict[StandingId, None]] = {}
        self.in_slot: dict[tuple[PartyId, str], StandingId] = {}
        table.watch(self._changed)

    def _changed(self, name: StandingId, old: StandingOrder | None, new: StandingOrder | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if (old is None) != (new is None):
            _keep(self.of, record.owner, name, present=new is not None)
        was = old is not None and old.state is not StandingState.ENDED
        now = new is not None and new.state is not StandingState.ENDED
        if was == now:
            return
        self.open_of[record.owner] = self.open_of.get(record.owner, 0) + now - was
        if record.mandate_leaf:
            _keep(self.under, Digest(record.mandate_leaf), name, present=now)
        if record.wish.slot:
            slot = (record.buyer, record.wish.slot)
            if now:
                self.in_slot[slot] = name
            else:
                del self.in_slot[slot]


def _keep(index: dict[K, dict[StandingId, None]], key: K, name: StandingId, *, present: bool) -> None:
    names = index.setdefault(key, {})
    if present:
        names[name] = None
    else:
        del names[name]
    if not names:
        del index[key]
