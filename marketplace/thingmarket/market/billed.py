"""Look-ups of billing: how many invoices a seller wrote, who may see which, and live rates. [INV-8] [FX-4]"""

from itertools import product

from thingmarket.billing.records import InvoiceRecord, RateRecord
from thingmarket.ids import Digest, PartyId
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table

InvoiceName = tuple[int, int]
"""Number of the seller's party, and his own count from 1."""

_NUMBER_BYTES = 8


def packed_name(name: InvoiceName) -> bytes:
    """An invoice's name in a timeline, whose order is that of the numbers."""
    return b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in name)


def unpacked_name(data: bytes) -> InvoiceName:
    """Read `packed_name` back."""
    seller, number = data[:_NUMBER_BYTES], data[_NUMBER_BYTES:]
    return int.from_bytes(seller, "big"), int.from_bytes(number, "big")


class Billed:
    """Follows the tables of invoices and rates; has no root of its own and stands in no snapshot."""

    def __init__(
        self, invoices: Table[InvoiceName, InvoiceRecord], rates: Table[Digest, RateRecord]
    ) -> None:
        """Follow every change from now on."""
        self.counts: dict[int, int] = {}  # invoices of a seller, by the number of his party
        self.of: dict[int, Timeline[bytes]] = {}  # what both owners see, by the number of their party
        self.points_from: dict[int, dict[int, int]] = {}  # buyer -> seller -> invoices that gave points
        self.rates_of: dict[PartyId, int] = {}  # live ones of a publisher
        self.rates: dict[tuple[str, str], Timeline[Digest]] = {}  # by both currencies, one ("": any), none
        invoices.watch(self._changed)
        rates.watch(self._rate_changed)

    def _changed(self, name: InvoiceName, old: InvoiceRecord | None, new: InvoiceRecord | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if (old is None) == (new is None):
            return
        seller = name[0]
        self.counts[seller] = self.counts.get(seller, 0) + (1 if new else -1)
        if record.points:
            sellers = self.points_from.setdefault(record.buyer, {})
            sellers[seller] = sellers.get(seller, 0) + (1 if new else -1)
        row = (record.seq, packed_name(name))
        for owner in (seller, record.buyer):
            timeline = self.of.get(owner)
            if timeline is None:
                timeline = self.of[owner] = Timeline()
            if new is not None:
                timeline.add_row(row)
            else:
                timeline.remove(*row)

    def _rate_changed(self, name: Digest, old: RateRecord | None, new: RateRecord | None) -> None:
        if old is not None and new is not None:
            return
        rate, change = (new, 1) if new is not None else (old, -1)
        assert rate is not None, "a change has an old or a new value"
        self.rates_of[rate.publisher] = self.rates_of.get(rate.publisher, 0) + change
        if not self.rates_of[rate.publisher]:
            del self.rates_of[rate.publisher]
        for pair in product(("", rate.from_currency), ("", rate.to_currency)):
            timeline = self.rates.setdefault(pair, Timeline())
            if new is not None:
                timeline.add(rate.seq, name)
            else:
                timeline.remove(rate.seq, name)
