"""Reads of what was proposed in the shadow, and of feedback, for those whom it concerns. [SHD-4] [FBK-6]"""

from itertools import islice

from thingmarket.contract.feedback import Feedback
from thingmarket.contract.shadow import NO_AGREEMENT, Agreement, Proposal
from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import SEARCH_RESULTS_MAX
from thingmarket.market.indexes import Reader
from thingmarket.market.state import State
from thingmarket.market.timelines import Timeline


def feedback_of(state: State, reader: Reader, *, received: bool, after_seq: int) -> tuple[Feedback, ...]:
    """One page of the feedback that an owner's parties gave, or that he got, oldest first."""
    rows = state.track_record.received if received else state.track_record.given
    page = islice(rows.get(reader.owner, Timeline()).after(after_seq), SEARCH_RESULTS_MAX)
    return tuple(state.feedback[contract] for _, contract in page)


def shadow_of(
    state: State, reader: Reader, thing: PartyId, after_seq: int
) -> tuple[Agreement, tuple[Proposal, ...]]:
    """How a thing's proposals compare with what its owner bought; a thing is told of itself only."""
    if reader.party not in (reader.owner, thing):
        raise Refusal(Code.UNKNOWN_THING, "no such thing of this owner", "SHD-4")
    key = (reader.owner, thing)
    page = islice(state.track_record.proposed.get(key, Timeline()).after(after_seq), SEARCH_RESULTS_MAX)
    return state.agreements.get(key, NO_AGREEMENT), tuple(state.proposals[need, thing] for _, need in page)
