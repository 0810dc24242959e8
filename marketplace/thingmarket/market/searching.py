"""Searches of live offers, a few rows at a time: other work has its turn in between. [QRY-2]"""

from collections.abc import Iterator

from thingmarket.catalog.fit import Truth, truth
from thingmarket.catalog.needs import Constraint, Need, check_constraint, check_need
from thingmarket.catalog.offers import Offer, check_category
from thingmarket.catalog.products import check_product_id
from thingmarket.catalog.ranking import Candidate, Ranking, candidate_of
from thingmarket.catalog.wishes import wishes_of, without
from thingmarket.catalog.words import search_words
from thingmarket.errors import Code, Refusal
from thingmarket.ids import Digest
from thingmarket.limits import (
    CONSTRAINTS_MAX,
    QUERY_ROWS_MAX,
    SEARCH_INDEX_ROWS,
    SEARCH_RESULTS_MAX,
    SEARCH_SLICE_ROWS,
    SEARCH_SLICE_ROWS_MIN,
)
from thingmarket.market.facts import stated
from thingmarket.market.records import ListingState, OfferRecord
from thingmarket.market.shelves import shelf_names
from thingmarket.market.state import State
from thingmarket.market.thing_standing import trades
from thingmarket.market.views import Wanted
from thingmarket.market.walks import Walk
from thingmarket.money import currency_of


class Search:
    """One page of a search. Each step looks at a bounded number of rows."""

    def __init__(self, wanted: Wanted, *, limit: int, after_seq: int = 0) -> None:
        """Check what is wanted (BAD_FIELD, BAD_ID, OUT_OF_RANGE and what a bad need is refused for)."""
        if not 1 <= limit <= SEARCH_RESULTS_MAX:
            raise Refusal(
                Code.OUT_OF_RANGE, f"limit={limit} is not between 1 and {SEARCH_RESULTS_MAX}", "QRY-2"
            )
        _check(wanted)
        self._wanted = wanted
        self._limit = limit
        self._shelves = shelf_names(
            category=wanted.category, product_id=wanted.product_id, words=search_words(wanted.text)
        )
        self._left = QUERY_ROWS_MAX
        self._rows_a_step = max(SEARCH_SLICE_ROWS // (1 + _conditions(wanted)), SEARCH_SLICE_ROWS_MIN)
        self._after_seq = after_seq
        self._found: list[Digest] = []
        need = _asked(wanted)
        self._ranking = None if need is None else (need, Ranking(need, limit))
        self._indexed = need is not None and not wanted.text and not wanted.product_id
        self._walk: Walk | None = None
        self._by_rows = bool(after_seq)  # a page that goes on looks at what the ones before did not
        self.done = False

    @property
    def found(self) -> tuple[Digest, ...]:
        """Offers in the order of their publication; with a need, the best first."""
        if self._ranking is None:
            return tuple(self._found)
        return tuple(Digest(one.candidate.digest) for one in self._ranking[1].best())

    @property
    def next_after_seq(self) -> int:
        """Where the next page begins; 0 when all rows were looked at."""
        return self._after_seq

    def step(self, state: State) -> None:
        """Look at a few more rows of the state as it is now."""
        assert not self.done, "a search that is done looks at nothing more"
        if self._indexed and self._proposed(state):
            return
        allowed = min(self._rows_a_step, self._left)
        for looked_at, (row, on_all) in enumerate(self._rows(state)):
            if looked_at == allowed or len(self._found) == self._limit:
                self._left -= looked_at
                self.done = not self._left or len(self._found) == self._limit
                return
            self._after_seq, digest = row
            if on_all:
                self._take(state, digest)
        self.done, self._after_seq = True, 0

    def _proposed(self, state: State) -> bool:
        """Look at what an index proposes, as long as it has all rows and does not propose too much."""
        assert self._ranking is not None, "offers are proposed for a need"
        need, ranking = self._ranking
        if self._walk is None:
            index = state.proposed.of(
                self._shelves[0],
                self._wanted.currency,
                need.unit,
                state.tax_basis_points,
                SEARCH_INDEX_ROWS,
            )
            question = None if self._by_rows or index is None else index.question(need, self._wanted.must)
            self._by_rows = True
            if index is None or question is None:
                return False
            self._walk = Walk(index, question)
        rows = self._walk.step(self._rows_a_step, ranking)
        if rows is None:
            self._indexed, self._ranking = False, (need, Ranking(need, self._limit))
            return False
        for row in rows:
            record = state.offers.get(row)
            if record is not None and record.state is ListingState.LIVE:
                self._take(state, row)
        self.done = self._walk.done
        return True

    def _rows(self, state: State) -> Iterator[tuple[tuple[int, Digest], bool]]:
        return state.indexes.shelves.rows(self._shelves, self._after_seq)

    def _take(self, state: State, digest: Digest) -> None:
        record = state.offers[digest]
        wanted = self._wanted
        if wanted.currency and record.offer.currency != wanted.currency:
            return
        if not trades(state, record.mandate_leaf):
            return  # its thing is held: it would take the place of one that can be bought
        offer = stated(state, digest, record.offer)
        if wanted.must and not _may_meet(wanted.must, offer):
            return
        if self._ranking is None:
            self._found.append(digest)
            return
        need, ranking = self._ranking
        candidate = _candidate(state, need, digest, record, offer)
        if candidate is not None:
            ranking.consider(candidate)


def _check(wanted: Wanted) -> None:
    if wanted.category:
        check_category(wanted.category)
    if wanted.product_id:
        check_product_id(wanted.product_id)
    if wanted.currency:
        currency_of(wanted.currency)
    if len(wanted.must) > CONSTRAINTS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(wanted.must)} constraints; at most {CONSTRAINTS_MAX}", "QRY-2")
    for constraint in wanted.must:
        check_constraint(constraint)
    if wanted.need is None:
        if wanted.leave_out:
            raise Refusal(Code.BAD_FIELD, "a wish is left out of a need, and none was given", "QRY-7")
        return
    check_need(wanted.need)
    if not wanted.currency:
        raise Refusal(Code.BAD_FIELD, "totals compare in one currency: name it", "QRY-7")
    if not 0 <= wanted.leave_out <= wishes_of(wanted.need):
        raise Refusal(Code.BAD_FIELD, f"the need has no wish number {wanted.leave_out}", "QRY-7")


def _conditions(wanted: Wanted) -> int:
    """How many things have to be looked at in each row."""
    of_need = 0 if wanted.need is None else 1 + wishes_of(wanted.need)
    return len(wanted.must) + of_need


def _asked(wanted: Wanted) -> Need | None:
    if wanted.need is None or not wanted.leave_out:
        return wanted.need
    return without(wanted.need, wanted.leave_out - 1)


def _may_meet(must: tuple[Constraint, ...], offer: Offer) -> bool:
    """False when a condition fails; a fact that is missing can still be asked for."""
    facts = {fact.name: fact.value for fact in offer.attributes}
    return all(truth(one, facts.get(one.attribute)) is not Truth.FALSE for one in must)


def _candidate(
    state: State, need: Need, digest: Digest, record: OfferRecord, offer: Offer
) -> Candidate | None:
    return candidate_of(
        need,
        offer,
        digest=digest,
        stock_steps=state.ledger.balance(record.stock_account).free,
        tax_basis_points=state.tax_basis_points[offer.tax_row],
        seller=record.seller_owner,
    )
