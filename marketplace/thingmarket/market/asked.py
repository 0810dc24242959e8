"""Questions by what is looked for: what is open at an offer, of an owner, and what concerns an owner."""

from thingmarket.catalog.questions import QuestionState
from thingmarket.ids import Digest, PartyId
from thingmarket.market.records import QuestionRecord
from thingmarket.market.registers import count_under, row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class Asked:
    """Look-ups that follow from the table of questions; they stand in no snapshot."""

    def __init__(self, questions: Table[Digest, QuestionRecord]) -> None:
        """Follow every change of the table from now on."""
        self.open_names: set[tuple[Digest, str]] = set()
        self.open_of: dict[PartyId, int] = {}
        self.open_at: dict[Digest, int] = {}
        self.of: dict[PartyId, Timeline[Digest]] = {}  # asked by an owner, or of him
        questions.watch(self._changed)

    def _changed(self, digest: Digest, old: QuestionRecord | None, new: QuestionRecord | None) -> None:
        was = old is not None and old.state is QuestionState.ASKED
        now = new is not None and new.state is QuestionState.ASKED
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was != now:
            for name in record.names:
                if now:
                    self.open_names.add((record.offer, name))
                else:
                    self.open_names.remove((record.offer, name))
            count_under(self.open_of, record.asker_owner, now - was)
            count_under(self.open_at, record.offer, now - was)
        if (old is None) != (new is None):
            for owner in (record.asker_owner, record.seller_owner):
                row_under(self.of, owner, (record.seq, digest), present=new is not None)
