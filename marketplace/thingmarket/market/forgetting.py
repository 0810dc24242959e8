"""Offers, needs and questions that ended: kept for some days, then forgotten if nothing needs them. [CAT-21]

A digest never comes twice: the key in its body is refused long before its row is forgotten [ID-12].
"""

from thingmarket.ids import Digest
from thingmarket.market.records import TimerKind
from thingmarket.market.shadow import forget_proposals
from thingmarket.market.state import State
from thingmarket.time import UnixMs


def forget_offer(state: State, digest: Digest, now_ms: UnixMs) -> None:
    """An offer with a contract stays with it; one that something else names is looked at again later."""
    if digest in state.offers_used.sold:
        return
    if digest in state.offers_used.named:
        state.keep_for_now(TimerKind.OFFER, digest, now_ms)
        return
    state.offers.drop(digest)
    if digest in state.offer_facts:
        state.offer_facts.drop(digest)


def forget_need(state: State, digest: Digest) -> None:
    """A need that ended has no open order, so nothing needs it any more."""
    forget_proposals(state, digest)
    state.needs.drop(digest)
