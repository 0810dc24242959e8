"""What queries of billing answer, as values. [INV-8]"""

from dataclasses import dataclass

from thingmarket.billing.invoice import Invoice
from thingmarket.billing.records import Programme
from thingmarket.billing.statement import Statement
from thingmarket.ids import PartyId

Place = tuple[int, bytes]
"""Where a page ended: log position and packed name; (0, b"") before the first and after the last."""


NOWHERE: Place = (0, b"")


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """Invoices in the order of their log positions, and where the next page goes on."""

    invoices: tuple[Invoice, ...]
    next_after: Place


@dataclass(frozen=True, slots=True)
class StatementPart:
    """Lines of a part of the invoices, and where the next part goes on."""

    lines: Statement
    next_after: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsView:
    """Points of one programme as an owner sees them; `issued` is what others have of his own."""

    issuer: PartyId
    currency: str
    programme: Programme
    points: int
    owed: int
    issued: int
