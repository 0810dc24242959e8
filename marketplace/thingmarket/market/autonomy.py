"""The entry by which an owner lowers what his thing may do by itself, at once. [TRU-1]"""

from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import AutonomyCap, LowerAutonomy
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.parties import Role as PartyRole
from thingmarket.ids import PartyId
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.listings import end_offer
from thingmarket.market.records import ListingState, MandateState
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.time import UnixMs


def lower_autonomy(state: State, command: Command, body: LowerAutonomy, now_ms: UnixMs) -> Result:
    """Lower a thing at this place of the log; a level that permits no selling ends its offers. [TRU-1]"""
    owner = state.party(command.header.sender)
    if owner.role != PartyRole.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only an owner lowers the autonomy of his things", "TRU-1")
    state.beforehand.check_room(state.autonomy_caps, (owner.id, body.thing), "TRU-1")
    before = state.autonomy_caps.get((owner.id, body.thing))
    level = body.autonomy
    if before is not None and any(
        mandate.not_before_ms <= before.time_ms for mandate in _mandates_of(state, owner.id, body.thing)
    ):
        level = Autonomy(min(level, before.autonomy))  # a lowering is not taken back by a milder one
    state.autonomy_caps.put((owner.id, body.thing), AutonomyCap(autonomy=level, time_ms=now_ms))
    notices: list[Notice] = []
    for mandate in _mandates_of(state, owner.id, body.thing):
        notices.append(Notice(owner.id, NoticeKind.MANDATE, mandate.leaf, level.name))
        if level <= Autonomy.BOUND and mandate.autonomy > level:
            state.books.lowered[mandate.leaf] = None  # [MKT-10] it had them by what it may not do any more
        if level is Autonomy.ANNOUNCER:
            offers = state.indexes.live_under(mandate.leaf)
            notices += [end_offer(state, digest, ListingState.WITHDRAWN, now_ms) for digest in offers]
    return Result(notices=tuple(notices))


def _mandates_of(state: State, owner: PartyId, thing: PartyId) -> list[EffectiveMandate]:
    """Active mandates of the thing and of those that it handed its authority on to, by leaf."""
    found = []
    for leaf in sorted(state.indexes.mandates_from.get(owner, ())):
        record = state.mandates[leaf]
        if record.state is MandateState.ACTIVE and thing in record.effective.subjects:
            found.append(record.effective)
    return found
