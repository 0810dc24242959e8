"""Who lost the right to have orders in an entry has none afterwards: they leave the books in it. [MKT-10]"""

from thingmarket.ids import Digest, PartyId
from thingmarket.market.book_effects import settle
from thingmarket.market.book_index import TRADING
from thingmarket.market.entries import Notice
from thingmarket.market.records import MandateRecord, MandateState
from thingmarket.market.state import State
from thingmarket.time import UnixMs


def cancel_orders(state: State, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Cancel the orders of mandates that ended and of things that were stopped, by ascending slot."""
    leaves = {leaf: None for leaf in state.books.ended if not _is_active(state, leaf)}
    for owner, thing in state.books.stopped:
        if state.things[owner, thing].state not in TRADING:
            leaves.update(dict.fromkeys(_under(state, owner, thing)))
    leaves |= state.books.lowered
    state.books.forget()
    slots = sorted({slot for leaf in leaves if (slot := _slot(state, leaf))})
    notices: tuple[Notice, ...] = ()
    for slot in slots:
        notices += settle(state, state.desk.cancel(slot), now_ms)
    return notices


def _is_active(state: State, leaf: Digest) -> bool:
    record = state.mandates.get(leaf)
    return record is not None and record.state is MandateState.ACTIVE


def _under(state: State, owner: PartyId, thing: PartyId) -> list[Digest]:
    """The owner's living chains that the thing stands in."""
    living = sorted(state.indexes.mandates_from.get(owner, ()))
    return [leaf for leaf in living if thing in state.mandates[leaf].effective.subjects]


def _slot(state: State, leaf: Digest) -> int:
    """The slot of whoever has orders under a mandate; 0 when nobody does."""
    record: MandateRecord | None = state.mandates.get(leaf)
    party = None if record is None else state.parties.get(record.effective.subject)
    seat = None if party is None else state.seats.get(party.number)
    if party is None or seat is None or seat.mandate_leaf != leaf:
        return 0
    return party.number
