"""Reads of orders that wait or waited, and of personas, for those whom they concern. [COS-8]"""

from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.personas import NO_PERSONA
from thingmarket.contract.quiet import quiet_spans, quiet_until_ms
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import is_thing
from thingmarket.ids import PartyId
from thingmarket.limits import INBOX_PAGE_MAX
from thingmarket.market.indexes import Reader
from thingmarket.market.state import State
from thingmarket.market.views import InboxPage, PendingView, PersonaView
from thingmarket.time import UnixMs


def inbox(
    state: State, reader: Reader, after_seq: int, now_ms: UnixMs, after_pending: bytes = b""
) -> InboxPage:
    """Orders that wait for the reader's own word, at most 100; a thing's inbox is empty. [COS-8]"""
    timeline = state.inbox.waiting_at.get(reader.party)
    found: list[PendingView] = []
    for _, name in timeline.after(after_seq, after_pending) if timeline else ():
        if len(found) == INBOX_PAGE_MAX:
            return InboxPage(tuple(found), more=True)
        found.append(_view(state, state.pendings[name], now_ms))
    return InboxPage(tuple(found), more=False)


def pending_view(state: State, reader: Reader, pending: bytes, now_ms: UnixMs) -> PendingView:
    """One order, for its buyer, its owner and those who may approve it (UNKNOWN_ENTRY). [COS-8]"""
    order: PendingOrder | None = state.pendings.get(PendingId(pending))
    if order is None or reader.party not in (order.buyer, order.owner, *order.cosigners):
        raise Refusal(Code.UNKNOWN_ENTRY, "no such order of this party waits or waited", "COS-8")
    return _view(state, order, now_ms)


def approval_of(state: State, reader: Reader, pending: bytes, now_ms: UnixMs) -> PendingView | None:
    """The order that a contract was made of, for its buyer's side; None for everybody else. [COS-11]"""
    try:
        return pending_view(state, reader, pending, now_ms)
    except Refusal:
        return None


def persona_view(state: State, reader: Reader, thing: str, now_ms: UnixMs) -> PersonaView:
    """An owner's wishes, for himself and the thing that they are about (NOT_PERMITTED). [PER-1]"""
    name = PartyId(thing) if thing else reader.party
    if is_thing(reader.party) and name != reader.party:
        raise Refusal(Code.NOT_PERMITTED, "a thing reads what its owner wishes of itself", "PER-1")
    persona = state.personas.get((reader.owner, name), NO_PERSONA)
    return PersonaView(persona, quiet_until_ms(now_ms, quiet_spans(persona.quiet)))


def _view(state: State, order: PendingOrder, now_ms: UnixMs) -> PendingView:
    persona = state.personas.get((order.owner, order.thing), NO_PERSONA)
    return PendingView(order, quiet_until_ms(now_ms, quiet_spans(persona.quiet)))
