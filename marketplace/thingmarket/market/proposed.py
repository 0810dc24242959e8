"""Indexes of shelves that are searched for needs; each is filled by the searches that want it. [QRY-7]

They follow from the tables, stand in no snapshot and no root, and are the same to ask as to do without.
"""

from collections.abc import Mapping
from itertools import islice

from thingmarket.catalog.blocks import PlainBlocks, blocks_class
from thingmarket.catalog.proposing import Proposals
from thingmarket.catalog.questions import with_facts
from thingmarket.ids import Digest
from thingmarket.limits import SEARCH_INDEX_ROWS_MIN
from thingmarket.market.records import ListingState, OfferFacts, OfferRecord
from thingmarket.market.shelves import Shelves, category_shelves
from thingmarket.tables import Table


class _Filled:
    """An index of the offers of a shelf in one currency, up to a log position."""

    __slots__ = ("proposals", "seq")

    def __init__(self, proposals: Proposals) -> None:
        self.proposals = proposals
        self.seq = 0

    def is_foreign_to(self, unit: str) -> bool:
        return self.proposals.unit != unit and 2 * self.proposals.foreign > len(self.proposals)


class Proposed:
    """For each shelf and currency at most one index of its live offers.

    None is kept without the compiled class: in plain Python it is no quicker than a look at each offer.
    """

    def __init__(
        self,
        offers: Table[Digest, OfferRecord],
        facts: Table[Digest, OfferFacts],
        shelves: Shelves,
    ) -> None:
        """Follow every change of the tables from now on."""
        self.kind = blocks_class()
        self.keeps = self.kind is not PlainBlocks
        self._offers, self._facts, self._shelves = offers, facts, shelves
        self._filled: dict[tuple[str, str], _Filled] = {}
        self._tax_basis_points: Mapping[str, int] = {}
        offers.watch(self._offer_changed)
        facts.watch(self._facts_changed, reads=())

    def of(
        self, shelf: str, currency: str, unit: str, tax_basis_points: Mapping[str, int], rows_max: int
    ) -> Proposals | None:
        """The index of a shelf, after `rows_max` more of its rows were taken in; None if that is not all.

        It answers for one unit, and makes room for another when fewer than half of its offers are of its own.
        """
        if not self.keeps or self._shelves.count(shelf) < SEARCH_INDEX_ROWS_MIN:
            return None
        self._tax_basis_points = tax_basis_points  # the operator's table never changes
        filled = self._filled.get((shelf, currency))
        if filled is None or filled.is_foreign_to(unit):
            filled = self._filled[shelf, currency] = _Filled(Proposals(self.kind, unit))
        rows = self._shelves.rows((shelf,), filled.seq)
        for (seq, name), _ in islice(rows, rows_max):
            self._put(filled, currency, name, self._offers[name])
            filled.seq = seq
        return filled.proposals if next(rows, None) is None else None

    def _put(self, filled: _Filled, currency: str, name: Digest, record: OfferRecord) -> None:
        offer = record.offer
        if offer.currency == currency:
            facts: OfferFacts | None = self._facts.get(name)
            stated = offer if facts is None else with_facts(offer, facts.attributes)
            filled.proposals.put(name, stated, self._tax_basis_points[offer.tax_row])

    def _of_offer(self, record: OfferRecord) -> list[tuple[tuple[str, str], _Filled]]:
        """The indexes that have taken in the log position of an offer that stands on their shelf."""
        if not self._filled:
            return []
        keys = ((shelf, record.offer.currency) for shelf in category_shelves(record.offer))
        found = ((key, self._filled.get(key)) for key in keys)
        return [(key, filled) for key, filled in found if filled is not None and filled.seq >= record.seq]

    def _offer_changed(self, name: Digest, old: OfferRecord | None, new: OfferRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        for key, filled in self._of_offer(record):
            if was:
                filled.proposals.drop(name, record.offer)
                if not len(filled.proposals):
                    del self._filled[key]
            else:  # the end of an offer was undone
                self._put(filled, key[1], name, record)

    def _facts_changed(self, name: Digest, old: OfferFacts | None, new: OfferFacts | None) -> None:
        record = self._offers.get(name)
        if record is None or record.state is not ListingState.LIVE:
            return
        for key, filled in self._of_offer(record):
            filled.proposals.drop(name, record.offer)
            self._put(filled, key[1], name, record)
