"""Live exchange rates by what they change, and how many each publisher has; follows their table. [FX-4]"""

from itertools import product

from thingmarket.billing.records import RateRecord
from thingmarket.ids import Digest, PartyId
from thingmarket.market.registers import count_under, row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class Quoted:
    """Look-ups that follow from the table of rates; they stand in no snapshot."""

    def __init__(self, rates: Table[Digest, RateRecord]) -> None:
        """Follow every change of the table from now on."""
        self.of: dict[tuple[str, str], Timeline[Digest]] = {}  # from one currency to another; empty: any
        self.live_of: dict[PartyId, int] = {}  # by publisher
        rates.watch(self._changed)

    def _changed(self, digest: Digest, old: RateRecord | None, new: RateRecord | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if (old is None) == (new is None):
            return
        count_under(self.live_of, record.publisher, 1 if new else -1)
        for pair in product(("", record.from_currency), ("", record.to_currency)):
            row_under(self.of, pair, (record.seq, digest), present=new is not None)
