"""Invoices and credit notes in UBL 2.1: the order of its schema, the fields of EN 16931. [INV-5]"""

from html import escape
from typing import Final

from thingmarket.billing.arithmetic import date_text, decimal_text
from thingmarket.billing.invoice import Allowance, Invoice, InvoiceKind, Line, TaxSubtotal
from thingmarket.billing.parties import InvoiceParty, check_party
from thingmarket.billing.rules import en_category, violations
from thingmarket.errors import Code, Refusal

_NAMESPACE: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_SPECIFICATION: Final = "urn:cen.eu:en16931:2017"
_CLEARED: Final = "97"  # UNTDID 4461, clearing between partners: the market moved the money
_DISCOUNT: Final = "95"  # UNTDID 5189
_TERMS: Final = "Paid through the market when issued; nothing is open."
_EXEMPTION: Final = {"E": "Exempt", "AE": "Reverse charge", "G": "Export outside the union"}
_WRITABLE: Final = ("S", "Z", *_EXEMPTION)


def invoice_xml(invoice: Invoice, *, seller: InvoiceParty, buyer: InvoiceParty) -> bytes:
    """Write an invoice as UBL 2.1 in UTF-8; BAD_FIELD names what EN 16931 wants and is not there."""
    check_party(seller, "seller")
    check_party(buyer, "buyer")
    _check_writable(invoice, seller, buyer)
    note = invoice.kind is InvoiceKind.CREDIT_NOTE
    root = "CreditNote" if note else "Invoice"
    issued = date_text(invoice.issued_ms)
    parts = [
        _text("CustomizationID", _SPECIFICATION),
        _text("ID", invoice.name),
        _text("IssueDate", issued),
        "" if note else _text("DueDate", issued),
        _text(f"{root}TypeCode", str(int(invoice.kind))),
        _text("Note", f"contract {invoice.contract.hex()} unit {invoice.unit} entry {invoice.seq}"),
        _text("DocumentCurrencyCode", invoice.currency),
        _group("OrderReference", _text("ID", invoice.contract.hex())),
        _corrected(invoice) if note else "",
        _group("ContractDocumentReference", _text("ID", invoice.contract.hex())),
        _group("AccountingSupplierParty", _party(seller, invoice.seller)),
        _group("AccountingCustomerParty", _party(buyer, invoice.buyer)),
        _delivery(invoice),
        _group("PaymentMeans", _text("PaymentMeansCode", _CLEARED)),
        _group("PaymentTerms", _text("Note", _TERMS)),
        *(_allowance(allowance, invoice) for allowance in invoice.allowances),
        _tax_total(invoice),
        _monetary_total(invoice),
        *(_line(place, line, invoice, root) for place, line in enumerate(invoice.lines, start=1)),
    ]
    spaces = f'xmlns="{_NAMESPACE}{root}-2" xmlns:cac="{_NAMESPACE}CommonAggregateComponents-2"'
    spaces += f' xmlns:cbc="{_NAMESPACE}CommonBasicComponents-2"'
    body = "".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {spaces}>{body}</{root}>\n'.encode()


def _check_writable(invoice: Invoice, seller: InvoiceParty, buyer: InvoiceParty) -> None:
    broken = sorted(set(violations(invoice)))
    if broken:
        raise Refusal(Code.BAD_FIELD, f"not by EN 16931: {', '.join(broken)}", "INV-4")
    if not seller.tax_id:
        raise Refusal(Code.BAD_FIELD, "the seller's tax id is needed (BR-S-02)", "INV-5")
    for group in invoice.tax:
        category = en_category(group.category, group.rate_basis_points)
        if category not in _WRITABLE:
            raise Refusal(Code.BAD_FIELD, f"category {category} needs facts that are not on record", "INV-5")
        if category == "AE" and not buyer.tax_id:
            raise Refusal(Code.BAD_FIELD, "reverse charge needs the buyer's tax id (BR-AE-02)", "INV-5")


def _corrected(invoice: Invoice) -> str:
    reference = _text("ID", str(invoice.corrects))
    if invoice.corrects_issued_ms:
        reference += _text("IssueDate", date_text(invoice.corrects_issued_ms))
    return _group("BillingReference", _group("InvoiceDocumentReference", reference))


def _party(party: InvoiceParty, party_id: str) -> str:
    address = "".join(
        _text(name, value)
        for name, value in (
            ("StreetName", party.street),
            ("CityName", party.city),
            ("PostalZone", party.postal_code),
        )
        if value
    )
    country = _group("Country", _text("IdentificationCode", party.country))
    scheme = _group("TaxScheme", _text("ID", "VAT"))
    legal = _text("RegistrationName", party.name)
    legal += _text("CompanyID", party.registration) if party.registration else ""
    return _group(
        "Party",
        _group("PartyIdentification", _text("ID", party_id))
        + _group("PostalAddress", address + country)
        + (_group("PartyTaxScheme", _text("CompanyID", party.tax_id) + scheme) if party.tax_id else "")
        + _group("PartyLegalEntity", legal),
    )


def _delivery(invoice: Invoice) -> str:
    if not invoice.delivered_ms:
        return ""
    return _group("Delivery", _text("ActualDeliveryDate", date_text(invoice.delivered_ms)))


def _allowance(allowance: Allowance, invoice: Invoice) -> str:
    group = invoice.tax[0]
    return _group(
        "AllowanceCharge",
        _text("ChargeIndicator", "false")
        + _text("AllowanceChargeReasonCode", _DISCOUNT)
        + _text("AllowanceChargeReason", allowance.reason.value)
        + _amount("Amount", allowance.amount_minor, invoice)
        + _category("TaxCategory", group),
    )


def _tax_total(invoice: Invoice) -> str:
    groups = "".join(
        _group(
            "TaxSubtotal",
            _amount("TaxableAmount", group.taxable_minor, invoice)
            + _amount("TaxAmount", group.tax_minor, invoice)
            + _category("TaxCategory", group, exemption=True),
        )
        for group in invoice.tax
    )
    return _group("TaxTotal", _amount("TaxAmount", invoice.totals.tax_minor, invoice) + groups)


def _monetary_total(invoice: Invoice) -> str:
    totals = invoice.totals
    amounts = (
        ("LineExtensionAmount", totals.lines_minor, True),
        ("TaxExclusiveAmount", totals.net_minor, True),
        ("TaxInclusiveAmount", totals.gross_minor, True),
        ("AllowanceTotalAmount", totals.allowances_minor, bool(invoice.allowances)),
        ("PrepaidAmount", totals.prepaid_minor, bool(totals.prepaid_minor)),
        ("PayableRoundingAmount", totals.rounding_minor, bool(totals.rounding_minor)),
        ("PayableAmount", totals.payable_minor, True),
    )
    written = "".join(_amount(name, minor, invoice) for name, minor, shown in amounts if shown)
    return _group("LegalMonetaryTotal", written)


def _line(place: int, line: Line, invoice: Invoice, root: str) -> str:
    quantity = "CreditedQuantity" if root == "CreditNote" else "InvoicedQuantity"
    item = (
        _text("Name", line.name)
        + _group("SellersItemIdentification", _text("ID", line.product_id))
        + _category("ClassifiedTaxCategory", invoice.tax[0])
    )
    price = _amount("PriceAmount", line.price_minor, invoice) + _measure(
        "BaseQuantity", line.price_base_steps, line
    )
    return _group(
        f"{root}Line",
        _text("ID", str(place))
        + _measure(quantity, line.quantity_steps, line)
        + _amount("LineExtensionAmount", line.net_minor, invoice)
        + _group("Item", item)
        + _group("Price", price),
    )


def _category(name: str, group: TaxSubtotal, *, exemption: bool = False) -> str:
    code = en_category(group.category, group.rate_basis_points)
    reason = _EXEMPTION.get(code) if exemption else None
    return _group(
        name,
        _text("ID", code)
        + _text("Percent", decimal_text(group.rate_basis_points, 2))
        + (_text("TaxExemptionReason", reason) if reason else "")
        + _group("TaxScheme", _text("ID", "VAT")),
    )


def _amount(name: str, minor: int, invoice: Invoice) -> str:
    digits = decimal_text(minor, invoice.currency_scale)
    return f'<cbc:{name} currencyID="{invoice.currency}">{digits}</cbc:{name}>'


def _measure(name: str, steps: int, line: Line) -> str:
    digits = decimal_text(steps, line.unit_scale)
    return f'<cbc:{name} unitCode="{line.unit}">{digits}</cbc:{name}>'


def _text(name: str, value: str) -> str:
    return f"<cbc:{name}>{escape(value)}</cbc:{name}>"


def _group(name: str, content: str) -> str:
    return f"<cac:{name}>{content}</cac:{name}>"
