"""Business rules of EN 16931 that an invoice is checked against, by their names. [INV-4]"""

from collections.abc import Iterator
from typing import Final

from thingmarket.billing.arithmetic import tax_of
from thingmarket.billing.invoice import Invoice, InvoiceKind

# What UNCL5305 calls them: standard, zero, exempt, reverse charge, intra-community, export, not subject.
TAXED: Final = "S"
UNTAXED: Final = ("Z", "E", "AE", "K", "G", "O")


def en_category(category: str, rate_basis_points: int) -> str:
    """The code that an invoice carries: an operator's own name of a reduced rate is S, as every taxed one."""
    if category in UNTAXED and not rate_basis_points:
        return category
    return TAXED if rate_basis_points else "Z"


def violations(invoice: Invoice) -> Iterator[str]:
    """Name every rule that an invoice breaks; the tax of a credit note may be one minor unit off. [INV-6]"""
    totals, lines = invoice.totals, invoice.lines
    slack = 1 if invoice.kind is InvoiceKind.CREDIT_NOTE else 0
    if invoice.number < 1:
        yield "BR-02"  # an invoice has a number
    if not lines:
        yield "BR-16"  # and at least one line
    if totals.lines_minor != sum(line.net_minor for line in lines):
        yield "BR-CO-10"
    if totals.allowances_minor != sum(allowance.amount_minor for allowance in invoice.allowances):
        yield "BR-CO-11"
    if totals.net_minor != totals.lines_minor - totals.allowances_minor:
        yield "BR-CO-13"
    if totals.tax_minor != sum(group.tax_minor for group in invoice.tax):
        yield "BR-CO-14"
    if totals.gross_minor != totals.net_minor + totals.tax_minor:
        yield "BR-CO-15"
    if totals.payable_minor != totals.gross_minor - totals.prepaid_minor + totals.rounding_minor:
        yield "BR-CO-16"
    if not invoice.tax:
        yield "BR-CO-18"  # at least one group of tax
    for group in invoice.tax:
        if abs(group.tax_minor - tax_of(group.taxable_minor, group.rate_basis_points)) > slack:
            yield "BR-CO-17"
        if en_category(group.category, group.rate_basis_points) != TAXED and group.tax_minor:
            yield "BR-Z-09"
    if sum(group.taxable_minor for group in invoice.tax) != totals.net_minor:
        yield "BR-S-08"  # one category an invoice: its taxable amount is the net
    if invoice.currency_scale > 2:
        yield "BR-DEC-12"  # amounts have at most two digits after the point
    if any(line.price_minor < 0 for line in lines):
        yield "BR-27"
    if (invoice.kind is InvoiceKind.CREDIT_NOTE) != bool(invoice.corrects):
        yield "BR-55"  # a credit note names what it is of
