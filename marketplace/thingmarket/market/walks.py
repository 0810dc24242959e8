"""A walk through what an index proposes for a need, the most promising first. [QRY-7]"""

from thingmarket.catalog.blocks import Place
from thingmarket.catalog.proposing import Proposals, Question
from thingmarket.catalog.ranking import Ranking
from thingmarket.ids import Digest
from thingmarket.limits import SEARCH_BLOCKS_MAX, SEARCH_PROPOSALS_MAX


class Walk:
    """Ends where nothing that follows can be among the best; the index may change between its steps."""

    def __init__(self, proposals: Proposals, question: Question) -> None:
        """Begin before the most promising row."""
        self._proposals, self._question = proposals, question
        self._after: Place | None = None
        self._seen: set[Digest] = set()  # one that was answered about since may be proposed again
        self.done = False

    def step(self, rows_max: int, ranking: Ranking) -> tuple[Digest, ...] | None:
        """The next few offers to look at; None when too many blocks or offers have to be."""
        found = self._proposals.blocks.best(
            self._question.ask, rows_max, after=self._after, blocks_max=SEARCH_BLOCKS_MAX
        )
        if not found.whole or len(self._seen) >= SEARCH_PROPOSALS_MAX:
            return None
        last, offers = ranking.last, []
        for row in found.rows:
            if last is not None and self._question.surely_behind(row, last):
                self.done = True
                break
            offers.append(Digest(row.place[3]))
        self.done = self.done or len(found.rows) < rows_max
        self._after = found.rows[-1].place if found.rows else None
        new = tuple(offer for offer in offers if offer not in self._seen)
        self._seen.update(new)
        return new
