"""Books as they are at the end of a group, for those that somebody watches. [MKT-15]"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from thingmarket.market.entries import Outcome
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EventKind, MarketState

Levels = tuple[tuple[int, int, int], ...]
"""Price, lots and number of orders, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSeen:
    """A book after the log position `seq`; `afresh` when an auction or a new state makes the old one void."""

    market: int
    seq: int
    state: MarketState
    bids: Levels
    asks: Levels
    afresh: bool


def books_of(state: State, outcomes: Iterable[Outcome], wanted: Mapping[int, int]) -> tuple[BookSeen, ...]:
    """Watched books that the entries of a group changed; the state is that at its end."""
    changed: dict[int, bool] = {}
    for outcome in outcomes:
        for kind, _, _, _, market, *_ in EVENT.iter_unpack(outcome.events) if wanted else ():
            if market in wanted:
                changed[market] = changed.get(market, False) or kind == EventKind.STATE
    return tuple(_seen(state, market, wanted[market], afresh) for market, afresh in changed.items())


def _seen(state: State, market: int, levels: int, afresh: bool) -> BookSeen:
    bids, asks = state.desk.depth(market, levels)
    return BookSeen(
        market=market,
        seq=state.seq,
        state=state.desk.state_of(market),
        bids=tuple(bids),
        asks=tuple(asks),
        afresh=afresh,
    )
