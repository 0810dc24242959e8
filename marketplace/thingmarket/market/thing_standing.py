"""Whether a thing may act at all: what its state and its probation let it do. [THG-6]"""

from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action
from thingmarket.identity.things import NO_PROBATION, Assurance, ThingState
from thingmarket.ids import PartyId
from thingmarket.market.denied import denied
from thingmarket.market.records import ThingRecord
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Fact
from thingmarket.time import UnixMs, utc_day

# What ends or completes a bond binds nobody to anything new.
_LEFT_OVER: Final = (Action.CANCEL, Action.ACCEPT_DELIVERY, Action.FEEDBACK)

_TRADING: Final = (ThingState.ACTIVE, ThingState.REGISTERED)  # looked at for every row of a search
# Who is not there yet as a thing of its own may be a sub-agent; who was stopped may not.
_STOPPED: Final = (ThingState.SUSPENDED, ThingState.QUARANTINED)

_CAUSE_CHARS_MAX: Final = 128  # of the text of a fact: a cause is a word and a reason of 120 characters

ThingName = tuple[PartyId, PartyId]
"""Owner and thing: one thing may have come to different states with different owners."""


def name_of(mandate: EffectiveMandate) -> ThingName:
    """Whose state counts for an act: that of the thing at the root of the chain."""
    return mandate.root_owner, mandate.subjects[0]


def standing(state: State, mandate: EffectiveMandate, act: Act) -> ThingRecord:
    """The thing that acts, if its state lets it (DENIED)."""
    if act.action in _LEFT_OVER:
        return state.things[mandate.root_owner, mandate.subjects[0]]
    record = trading_thing(state, mandate)
    if record.state is ThingState.ACTIVE:
        return record
    if act.action is Action.BUY and state.probation != NO_PROBATION:
        _check_probation(state, record, act)
    return record


def trading_thing(state: State, mandate: EffectiveMandate) -> ThingRecord:
    """The thing at the root of a chain, if neither it nor one below was stopped (DENIED). [THG-12]"""
    record: ThingRecord = state.things[mandate.root_owner, mandate.subjects[0]]
    stopped = record if record.state not in _TRADING else _stopped_below(state, mandate)
    if stopped is not None:
        facts = (Fact("thing.state", stopped.state.value), Fact("thing.since", stopped.since_ms))
        raise denied("THG-12", *facts, Fact("thing.cause", stopped.cause[:_CAUSE_CHARS_MAX]))
    return record


def _stopped_below(state: State, mandate: EffectiveMandate) -> ThingRecord | None:
    """A thing below the root of a chain that its owner has by itself, too, and that was stopped as such."""
    for subject in mandate.subjects[1:]:
        record = state.things.get((mandate.root_owner, subject))
        if record is not None and record.state in _STOPPED:
            return record
    return None


def _check_probation(state: State, record: ThingRecord, act: Act) -> None:
    asked, orders = act.payable_minor, orders_of_day(record, act.time_ms)
    orders += len(state.experience.in_hand(record.owner, record.thing))
    if orders >= state.probation.orders_per_day:
        allowed = state.probation.orders_per_day
        raise denied("THG-13", Fact("probation.orders", orders), Fact("probation.orders_allowed", allowed))
    if asked > state.probation.order_minor:
        allowed = state.probation.order_minor
        raise denied("THG-14", Fact("probation.asked", asked), Fact("probation.allowed", allowed))


def orders_of_day(record: ThingRecord, now_ms: UnixMs) -> int:
    """Orders that a thing on probation placed in the UTC day of now."""
    return record.orders_of_day if record.day == utc_day(now_ms) else 0


def trades(state: State, mandate_leaf: bytes) -> bool:
    """Whether whoever acted under this leaf (empty: an owner himself) may still be dealt with."""
    if not mandate_leaf:
        return True
    mandate = state.mandates[mandate_leaf].effective  # type: ignore[index]
    if state.things[name_of(mandate)].state not in _TRADING:
        return False
    return len(mandate.subjects) == 1 or _stopped_below(state, mandate) is None


def assurance_of(state: State, mandate_leaf: bytes) -> int:
    """How well a node knows who acts under this leaf, 0..3: the thing at its root's; an owner's is 1."""
    if not mandate_leaf:
        return Assurance.OWNER_BOUND
    record = state.things[name_of(state.mandates[mandate_leaf].effective)]  # type: ignore[index]
    return record.assurance
