"""What is kept of a cancelled unit goes the way of a sale: fee, tax, reserve, an invoice."""

from typing import Any

import pytest

from tests.unit.billing.samples import BUYER, SELLER
from tests.unit.market.test_billing import Shop
from thingmarket.billing.rules import violations
from thingmarket.billing.ubl import invoice_xml
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.errors import Code
from thingmarket.market import billing
from thingmarket.market.indexes import Reader
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind


def cancelled(shop: Shop, most_minor: int, jurisdiction: str = "DE", points: int = 0, **terms: Any) -> bytes:
    """Sell and cancel at once; the contract."""
    digest = shop.world.offer(shop.shop, jurisdiction=jurisdiction, terms=Terms(**terms))
    contract = shop.world.bought(shop.printer, digest, points=points, less_minor=points)
    assert shop.world.cancel(contract, most_minor=most_minor).code == 0
    return contract


def test_cancelling_at_the_whole_price_pays_everybody_what_a_sale_pays() -> None:
    """[CAN-6] [SET-7]"""
    shop = Shop()
    cancelled(shop, 1_190, cancel_planned_basis_points=10_000)
    assert shop.world.balance(shop.anna) == 10_000_00 - 1_190
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == 190
    assert shop.kept(AccountKind.FEE_INCOME) == 25
    assert shop.kept(AccountKind.SELLER_RESERVE, shop.inks) == (1_000 - 25) // 10
    assert shop.world.balance(shop.inks) == 1_000 - 25 - 97


@pytest.mark.parametrize("basis_points", [1, 9, 17, 1_000, 3_333, 9_999, 10_000])
@pytest.mark.parametrize("jurisdiction", ["", "DE"])
def test_an_invoice_over_a_cancellation_fee_asks_for_what_moved(jurisdiction: str, basis_points: int) -> None:
    """[CAN-6] [INV-1] [INV-4] [INV-5] [TAX-3]"""
    shop = Shop()
    cancelled(shop, 1_190, jurisdiction, cancel_planned_basis_points=basis_points)
    paid = 1_190 * basis_points // 10_000
    assert shop.world.balance(shop.anna) == 10_000_00 - paid
    if not paid:
        assert not shop.records()
        return
    invoice = shop.invoice(1)
    (line,) = invoice.lines
    assert (line.name, line.quantity_steps, line.unit) == ("Cancellation fee", 1, "C62")
    assert invoice.totals.payable_minor == paid and not invoice.allowances and not invoice.delivered_ms
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == (
        invoice.totals.tax_minor if jurisdiction else 0
    )
    assert not list(violations(invoice))
    assert f">{paid // 100}.{paid % 100:02d}</cbc:PayableAmount>".encode() in invoice_xml(
        invoice, seller=SELLER, buyer=BUYER
    )


def test_the_tax_statement_has_the_tax_of_what_was_cancelled() -> None:
    """[CAN-6] [TAX-4]"""
    shop = Shop()
    cancelled(shop, 595, cancel_planned_basis_points=5_000)
    shop.sold()
    reader = Reader(shop.inks.id, shop.inks.id)
    part = billing.tax_statement(shop.world.state, reader, from_ms=0, to_ms=shop.world.time_ms + 1)
    (total,) = part.lines.values()
    assert (total.taxable_minor, total.tax_minor, total.invoices) == (1_500, 285, 2)
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == total.tax_minor


def test_a_cancellation_fee_is_refunded_like_a_sale_with_its_tax_and_fee() -> None:
    """[CAN-6] [SET-9] [INV-6]"""
    shop = Shop()
    contract = cancelled(shop, 1_190, cancel_planned_basis_points=5_000)
    shop.world.deposit(shop.inks, 1_000_00)
    assert shop.world.refund(contract, 596).code == Code.REFUND_TOO_HIGH
    assert shop.world.refund(contract, 100).code == 0
    assert shop.invoice(2).lines[0].name == "Cancellation fee"
    assert shop.world.refund(contract, 495).code == 0
    assert shop.world.balance(shop.anna) == 10_000_00
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == shop.kept(AccountKind.FEE_INCOME) == 0


def test_a_cancelled_unit_earns_no_points_and_gives_redeemed_ones_back() -> None:
    """[CAN-6] [PTS-4]"""
    shop = Shop()
    world = shop.world
    assert world.programme(shop.inks, earn_basis_points=1_000).code == 0
    shop.sold()
    cancelled(shop, 1_190, points=40, cancel_planned_basis_points=5_000)
    (view,) = billing.points_view(world.state, Reader(shop.anna.id, shop.anna.id))
    assert view.points == 100
    invoice = shop.invoice(2)
    assert invoice.points_earned == invoice.points_redeemed == 0 and not invoice.allowances
    assert invoice.totals.payable_minor == (960 + 182) * 5_000 // 10_000


def test_delivery_versus_payment_opens_no_escrow() -> None:
    """[CON-8]"""
    shop = Shop()
    world = shop.world
    digest = world.offer(shop.shop, jurisdiction="DE", terms=Terms(settlement=SettlementKind.DVP))
    contract = world.bought(shop.printer, digest)
    assert world.refund(contract, 100).code == 0
    number = world.state.party(shop.anna.id).number
    money = currency_of("EUR").ledger

    def escrow(of: bytes) -> object:
        return world.state.ledger.find(owner=number, ledger=money, kind=AccountKind.ESCROW, reference=of)

    assert escrow(contract) is None
    held = world.bought(shop.printer, world.offer(shop.shop))
    assert escrow(held) is not None
