"""Look-ups of billing: how many invoices a seller wrote, and who may see which. [INV-8]"""

from thingmarket.billing.records import InvoiceRecord
from thingmarket.market.registers import count_under, row_under
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
    """Follows the table of invoices; has no root of its own and stands in no snapshot."""

    def __init__(self, invoices: Table[InvoiceName, InvoiceRecord]) -> None:
        """Follow every change from now on."""
        self.counts: dict[int, int] = {}  # invoices of a seller, by the number of his party
        self.of: dict[int, Timeline[bytes]] = {}  # what both owners see, by the number of their party
        self.points_from: dict[int, dict[int, int]] = {}  # buyer -> seller -> invoices that gave points
        invoices.watch(self._changed, reads=("seq", "buyer", "points"))

    def _changed(self, name: InvoiceName, old: InvoiceRecord | None, new: InvoiceRecord | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if (old is None) == (new is None):
            return
        seller = name[0]
        change = 1 if new else -1
        count_under(self.counts, seller, change)
        if record.points:
            count_under(self.points_from.setdefault(record.buyer, {}), seller, change)
        row = (record.seq, packed_name(name))  # one row for both, kept once
        for owner in (seller, record.buyer):
            row_under(self.of, owner, row, present=new is not None)
