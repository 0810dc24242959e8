"""Invoices, statements, points and rates as messages, and what a client has checked of them. [INV-8]"""

from dataclasses import dataclass

from thingmarket.billing.invoice import (
    Allowance,
    AllowanceReason,
    Invoice,
    InvoiceKind,
    Line,
    TaxSubtotal,
    totals_of,
)
from thingmarket.billing.records import RateRecord
from thingmarket.billing.statement import Statement, TaxKey, TaxSum, summed
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import CONTRACT_ID_BYTES, DIGEST_BYTES, Digest, checked_bytes
from thingmarket.limits import INVOICES_PAGE_ROWS_MAX, QUERY_ROWS_MAX, SEALED_PARTS_MAX, SEARCH_RESULTS_MAX
from thingmarket.market.billing_views import InvoicesPage, Place, PointsView, StatementPart
from thingmarket.money import currency_of
from thingmarket.v1 import billing_pb2 as pb
from thingmarket.wire.strict import member

_PARTS_MAX = 8  # lines, allowances and tax groups of one invoice
_REASONS = {reason.value: reason for reason in AllowanceReason}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsSeen:
    """Points of one programme as a client reads them."""

    issuer: str
    name: str
    currency: str
    earn_basis_points: int
    value_minor: int
    idle_days: int
    points: int
    owed: int
    issued: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSeen:
    """A live exchange rate as a client reads it."""

    digest: Digest
    publisher: str
    from_currency: str
    to_currency: str
    numerator: int
    denominator: int
    left_minor: int
    valid_until_ms: int


# --- invoices


def invoice_message(invoice: Invoice) -> pb.InvoiceView:
    """Write an invoice; its sums follow from the rest."""
    return pb.InvoiceView(
        kind=int(invoice.kind),
        seller=invoice.seller,
        buyer=invoice.buyer,
        seller_party=invoice.seller_thing,
        buyer_party=invoice.buyer_thing,
        number=invoice.number,
        issued_ms=invoice.issued_ms,
        currency=invoice.currency,
        contract=invoice.contract,
        unit=invoice.unit,
        seq=invoice.seq,
        lines=map(_line_message, invoice.lines),
        allowances=[
            pb.InvoiceAllowance(reason=one.reason.value, amount_minor=one.amount_minor)
            for one in invoice.allowances
        ],
        tax=map(_tax_message, invoice.tax),
        rounding_minor=invoice.totals.rounding_minor,
        payable_minor=invoice.totals.payable_minor,
        sealed=invoice.sealed,
        delivered_ms=invoice.delivered_ms,
        corrects=invoice.corrects,
        corrects_issued_ms=invoice.corrects_issued_ms,
        refunded_minor=invoice.refunded_minor,
        points_earned=invoice.points_earned,
        points_redeemed=invoice.points_redeemed,
    )


def _line_message(line: Line) -> pb.InvoiceLine:
    return pb.InvoiceLine(
        name=line.name,
        product_id=line.product_id,
        quantity_steps=line.quantity_steps,
        unit=line.unit,
        unit_scale=line.unit_scale,
        price_minor=line.price_minor,
        price_base_steps=line.price_base_steps,
        net_minor=line.net_minor,
    )


def _tax_message(group: TaxSubtotal) -> pb.InvoiceTax:
    return pb.InvoiceTax(
        jurisdiction=group.jurisdiction,
        category=group.category,
        rate_basis_points=group.rate_basis_points,
        taxable_minor=group.taxable_minor,
        tax_minor=group.tax_minor,
    )


def invoice_value(message: pb.InvoiceView) -> Invoice:
    """Read an invoice (BAD_FIELD, BAD_ID, TOO_LARGE; TAMPERED when its sums are not what it asks)."""
    if max(len(message.lines), len(message.allowances), len(message.tax)) > _PARTS_MAX:
        raise Refusal(Code.TOO_LARGE, "more parts than an invoice has")
    if len(message.sealed) > SEALED_PARTS_MAX:
        raise Refusal(Code.TOO_LARGE, "more sealed parts than a contract has")
    lines = tuple(map(_line, message.lines))
    allowances = tuple(Allowance(_reason(one.reason), one.amount_minor) for one in message.allowances)
    tax = tuple(map(_tax, message.tax))
    totals = totals_of(lines, allowances, tax, rounding_minor=message.rounding_minor)
    if totals.payable_minor != message.payable_minor:
        raise Refusal(Code.TAMPERED, "the node shows an invoice whose parts are not its sum", "INV-2")
    return Invoice(
        kind=member(InvoiceKind, message.kind, "kind"),
        seller=checked_party_id(message.seller),
        buyer=checked_party_id(message.buyer),
        seller_thing=checked_party_id(message.seller_party),
        buyer_thing=checked_party_id(message.buyer_party),
        number=message.number,
        issued_ms=message.issued_ms,
        currency=message.currency,
        currency_scale=currency_of(message.currency).scale,
        contract=checked_bytes(message.contract, CONTRACT_ID_BYTES, "contract"),
        unit=message.unit,
        seq=message.seq,
        lines=lines,
        tax=tax,
        totals=totals,
        allowances=allowances,
        sealed=tuple(message.sealed),
        delivered_ms=message.delivered_ms,
        corrects=message.corrects,
        corrects_issued_ms=message.corrects_issued_ms,
        refunded_minor=message.refunded_minor,
        points_earned=message.points_earned,
        points_redeemed=message.points_redeemed,
    )


def _line(message: pb.InvoiceLine) -> Line:
    return Line(
        name=message.name,
        product_id=message.product_id,
        quantity_steps=message.quantity_steps,
        unit=message.unit,
        unit_scale=message.unit_scale,
        price_minor=message.price_minor,
        price_base_steps=message.price_base_steps,
        net_minor=message.net_minor,
    )


def _tax(message: pb.InvoiceTax) -> TaxSubtotal:
    return TaxSubtotal(
        jurisdiction=message.jurisdiction,
        category=message.category,
        rate_basis_points=message.rate_basis_points,
        taxable_minor=message.taxable_minor,
        tax_minor=message.tax_minor,
    )


def _reason(text: str) -> AllowanceReason:
    reason = _REASONS.get(text)
    if reason is None:
        raise Refusal(Code.BAD_FIELD, f"allowance {text[:20]!r} is not known")
    return reason


def invoices_message(page: InvoicesPage) -> pb.ListInvoicesResponse:
    """Write a page of invoices."""
    seq, name = page.next_after
    return pb.ListInvoicesResponse(
        invoices=map(invoice_message, page.invoices), next_after_seq=seq, next_after_name=name
    )


def read_invoices(message: pb.ListInvoicesResponse) -> tuple[tuple[Invoice, ...], Place]:
    """Read a page of invoices and where the next begins (TOO_LARGE)."""
    if len(message.invoices) > INVOICES_PAGE_ROWS_MAX:
        raise Refusal(Code.TOO_LARGE, "more invoices than a page has")
    return tuple(map(invoice_value, message.invoices)), (message.next_after_seq, message.next_after_name)


def invoices_request(after: Place) -> pb.ListInvoicesRequest:
    """Ask for the page after a place."""
    return pb.ListInvoicesRequest(after_seq=after[0], after_name=after[1])


def invoice_request(seller: str, number: int) -> pb.GetInvoiceRequest:
    """Ask for one invoice."""
    return pb.GetInvoiceRequest(seller=seller, number=number)


# --- tax


def statement_request(from_ms: int, to_ms: int, after: Place) -> pb.TaxStatementRequest:
    """Ask for a part of a statement."""
    return pb.TaxStatementRequest(from_ms=from_ms, to_ms=to_ms, after_seq=after[0], after_name=after[1])


def statement_message(part: StatementPart) -> pb.TaxStatementResponse:
    """Write a part of a statement."""
    seq, name = part.next_after
    rows = [
        pb.TaxStatementRow(
            sold=key.sold,
            party=key.party,
            jurisdiction=key.jurisdiction,
            category=key.category,
            rate_basis_points=key.rate_basis_points,
            currency=key.currency,
            taxable_minor=line.taxable_minor,
            tax_minor=line.tax_minor,
            invoices=line.invoices,
            credit_notes=line.credit_notes,
        )
        for key, line in part.lines.items()
    ]
    return pb.TaxStatementResponse(rows=rows, next_after_seq=seq, next_after_name=name)


def read_statement(message: pb.TaxStatementResponse) -> tuple[Statement, Place]:
    """Read a part of a statement and where the next begins (TOO_LARGE)."""
    if len(message.rows) > QUERY_ROWS_MAX:
        raise Refusal(Code.TOO_LARGE, "more rows than a part of a statement has")
    lines = summed((_tax_key(row), _tax_sum(row)) for row in message.rows)
    return lines, (message.next_after_seq, message.next_after_name)


def _tax_key(row: pb.TaxStatementRow) -> TaxKey:
    return TaxKey(
        sold=row.sold,
        party=checked_party_id(row.party),
        jurisdiction=row.jurisdiction,
        category=row.category,
        rate_basis_points=row.rate_basis_points,
        currency=currency_of(row.currency).code,
    )


def _tax_sum(row: pb.TaxStatementRow) -> TaxSum:
    return TaxSum(
        taxable_minor=row.taxable_minor,
        tax_minor=row.tax_minor,
        invoices=row.invoices,
        credit_notes=row.credit_notes,
    )


# --- points and rates


def points_request() -> pb.PointsRequest:
    """Ask for points."""
    return pb.PointsRequest()


def points_message(views: tuple[PointsView, ...]) -> pb.PointsResponse:
    """Write points by programme."""
    return pb.PointsResponse(
        programmes=[
            pb.PointsView(
                issuer=view.issuer,
                name=view.programme.name,
                currency=view.currency,
                earn_basis_points=view.programme.earn_basis_points,
                value_minor=view.programme.value_minor,
                idle_days=view.programme.idle_days,
                points=view.points,
                owed=view.owed,
                issued=view.issued,
            )
            for view in views
        ]
    )


def read_points(message: pb.PointsResponse) -> tuple[PointsSeen, ...]:
    """Read points by programme (TOO_LARGE)."""
    if len(message.programmes) > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, "more programmes than a page has")
    return tuple(
        PointsSeen(
            issuer=checked_party_id(view.issuer),
            name=view.name,
            currency=currency_of(view.currency).code,
            earn_basis_points=view.earn_basis_points,
            value_minor=view.value_minor,
            idle_days=view.idle_days,
            points=view.points,
            owed=view.owed,
            issued=view.issued,
        )
        for view in message.programmes
    )


def rates_request(from_currency: str, to_currency: str) -> pb.ListRatesRequest:
    """Ask for live rates."""
    return pb.ListRatesRequest(from_currency=from_currency, to_currency=to_currency)


def rates_message(rates: tuple[tuple[Digest, RateRecord], ...]) -> pb.ListRatesResponse:
    """Write live rates."""
    return pb.ListRatesResponse(
        rates=[
            pb.RateView(
                digest=name,
                publisher=rate.publisher,
                from_currency=rate.from_currency,
                to_currency=rate.to_currency,
                numerator=rate.numerator,
                denominator=rate.denominator,
                left_minor=rate.left_minor,
                valid_until_ms=rate.valid_until_ms,
            )
            for name, rate in rates
        ]
    )


def read_rates(message: pb.ListRatesResponse) -> tuple[RateSeen, ...]:
    """Read live rates (TOO_LARGE, BAD_ID)."""
    if len(message.rates) > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, "more rates than a page has")
    return tuple(
        RateSeen(
            digest=Digest(checked_bytes(rate.digest, DIGEST_BYTES, "rate")),
            publisher=checked_party_id(rate.publisher),
            from_currency=currency_of(rate.from_currency).code,
            to_currency=currency_of(rate.to_currency).code,
            numerator=rate.numerator,
            denominator=max(1, rate.denominator),
            left_minor=rate.left_minor,
            valid_until_ms=rate.valid_until_ms,
        )
        for rate in message.rates
    )
