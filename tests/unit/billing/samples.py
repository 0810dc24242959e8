"""Invoices for tests, made as the market makes them."""

from typing import Any

from thingmarket.billing.arithmetic import settled, tax_of
from thingmarket.billing.invoice import (
    Allowance,
    AllowanceReason,
    Invoice,
    InvoiceKind,
    Line,
    TaxSubtotal,
    totals_of,
)
from thingmarket.billing.parties import InvoiceParty

SELLER = InvoiceParty(
    name="Ink & Söhne GmbH",
    country="DE",
    street="Hafenstraße 1",
    city="Hamburg",
    postal_code="20457",
    tax_id="DE123456789",
    registration="HRB 12345",
)
BUYER = InvoiceParty(name="Anna <Printers> Müller", country="DE", city="Berlin")


def _line(net_minor: int) -> Line:
    return Line(
        name='Ink "black" <XL> & more',
        product_id="ink-black",
        quantity_steps=3_000,
        unit="C62",
        unit_scale=3,
        price_minor=net_minor,
        price_base_steps=3_000,
        net_minor=net_minor,
    )


def invoice(
    *,
    net_minor: int = 1_000,
    less_minor: int = 0,
    points_minor: int = 0,
    category: str = "S",
    rate: int = 1_900,
    kind: InvoiceKind = InvoiceKind.INVOICE,
    currency: tuple[str, int] = ("EUR", 2),
    moved_more: int = 0,
    **changes: Any,
) -> Invoice:
    """An invoice of one line; `less_minor` is credited of its gross, `points_minor` of its net."""
    net = net_minor - points_minor
    moved = net + tax_of(net, rate) + moved_more - less_minor
    found = settled(net_minor=net, payable_minor=moved, rate_basis_points=rate)
    late = net - found.net_minor
    allowances = tuple(
        Allowance(reason, minor)
        for reason, minor in ((AllowanceReason.POINTS, points_minor), (AllowanceReason.LATE_DELIVERY, late))
        if minor
    )
    lines = (_line(net_minor),)
    tax = (
        TaxSubtotal(
            jurisdiction="DE",
            category=category,
            rate_basis_points=rate,
            taxable_minor=found.net_minor,
            tax_minor=found.tax_minor,
        ),
    )
    fields: dict[str, Any] = {
        "kind": kind,
        "seller": "tm:party:zSeller",
        "buyer": "tm:party:zBuyer",
        "seller_thing": "did:key:z6Mkseller",
        "buyer_thing": "did:key:z6Mkbuyer",
        "number": 17,
        "issued_ms": 1_800_000_000_000,
        "currency": currency[0],
        "currency_scale": currency[1],
        "contract": bytes(range(16)),
        "unit": 1,
        "seq": 4_711,
        "lines": lines,
        "tax": tax,
        "allowances": allowances,
        "totals": totals_of(lines, allowances, tax, rounding_minor=found.rounding_minor),
        "delivered_ms": 1_799_990_000_000,
        "corrects": 16 if kind is InvoiceKind.CREDIT_NOTE else 0,
        "corrects_issued_ms": 1_799_900_000_000 if kind is InvoiceKind.CREDIT_NOTE else 0,
    }
    return Invoice(**{**fields, **changes})
