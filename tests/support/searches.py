"""Whole searches in one call, as a node makes them in slices."""

from dataclasses import dataclass

from thingmarket.market.queries import live_views
from thingmarket.market.searching import Search
from thingmarket.market.state import State
from thingmarket.market.views import OfferView, Wanted


@dataclass(frozen=True, slots=True)
class OffersPage:
    """Live offers in the order of their publication; `next_after_seq` is 0 when there are no more."""

    offers: tuple[OfferView, ...]
    next_after_seq: int


def search_offers(
    state: State, *, category: str = "", product_id: str = "", limit: int, after_seq: int = 0
) -> OffersPage:
    """One page of live offers by UNSPSC prefix and product, all steps at once."""
    search = Search(Wanted(category=category, product_id=product_id), limit=limit, after_seq=after_seq)
    while not search.done:
        search.step(state)
    return OffersPage(live_views(state, search.found), next_after_seq=search.next_after_seq)
