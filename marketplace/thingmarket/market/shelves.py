"""Live offers by what they are looked for: everything, a category, a product, a word. [QRY-2]"""

from collections.abc import Iterator, Sequence
from typing import Final

from thingmarket.catalog.offers import Offer
from thingmarket.catalog.products import product_key
from thingmarket.catalog.words import offer_words
from thingmarket.ids import Digest
from thingmarket.market.records import ListingState, OfferRecord
from thingmarket.market.registers import row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table

_EVERYTHING: Final = ""
_CATEGORY_LEVELS: Final = (2, 4, 6, 8)
_EMPTY: Final[Timeline[Digest]] = Timeline()

Row = tuple[int, Digest]
"""A log position and the offer that was published there."""


class Shelves:
    """One timeline of live offers for each thing that can be looked for; an empty one is taken down."""

    def __init__(self, offers: Table[Digest, OfferRecord]) -> None:
        """Follow every change of the table from now on."""
        self._timelines: dict[str, Timeline[Digest]] = {}
        offers.watch(self._changed)

    def rows(self, names: Sequence[str], after_seq: int) -> Iterator[tuple[Row, bool]]:
        """Rows of the shortest of the named shelves, oldest first, and whether each stands on all.

        Valid until the next change of an offer.
        """
        found = sorted((self._timelines.get(name, _EMPTY) for name in names), key=len)
        shortest, others = found[0], found[1:]
        for row in shortest.after(after_seq):
            yield row, all(timeline.holds(row) for timeline in others)

    def count(self, name: str) -> int:
        """How many offers stand on a shelf."""
        return len(self._timelines.get(name, _EMPTY))

    def _changed(self, digest: Digest, old: OfferRecord | None, new: OfferRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        row = (record.seq, digest)
        for name in _shelves_of(record.offer):
            row_under(self._timelines, name, row, present=now)


def shelf_names(*, category: str = "", product_id: str = "", words: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the shelves on all of which an offer must stand; everything stands on one of its own."""
    names = [f"word {word}" for word in words]
    if category:
        names.append(f"category {category}")
    if product_id:
        names.append(f"product {product_key(product_id)}")
    return tuple(names) or (_EVERYTHING,)


def category_shelves(offer: Offer) -> Iterator[str]:
    """Name the shelves on which an offer stands by its category: that of everything, and each level."""
    yield _EVERYTHING
    for level in _CATEGORY_LEVELS:
        if level <= len(offer.category):
            yield f"category {offer.category[:level]}"


def _shelves_of(offer: Offer) -> Iterator[str]:
    words = offer_words(offer.title, offer.category)
    yield from shelf_names(product_id=offer.product_id, words=words)
    yield from category_shelves(offer)
