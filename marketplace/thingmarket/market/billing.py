"""Reads of billing: invoices put together from their rows, tax statements, points, rates. [INV-8]"""

from collections.abc import Iterator
from typing import Final

from thingmarket.billing.invoice import (
    Allowance,
    AllowanceReason,
    Invoice,
    InvoiceKind,
    Line,
    TaxSubtotal,
    totals_of,
)
from thingmarket.billing.records import InvoiceRecord, Programme
from thingmarket.billing.statement import TaxKey, TaxSum, summed
from thingmarket.catalog.offers import Offer
from thingmarket.contract.contract import Contract
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import INVOICES_PAGE_ROWS_MAX, QUERY_ROWS_MAX, SEARCH_RESULTS_MAX
from thingmarket.market.billed import InvoiceName, unpacked_name
from thingmarket.market.billing_views import NOWHERE, InvoicesPage, Place, PointsView, StatementPart
from thingmarket.market.indexes import Reader
from thingmarket.market.points import points_of
from thingmarket.market.promised import offer_of
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind

CANCEL_FEE_NAME: Final = "Cancellation fee"
"""What the line of an invoice over a fee for cancelling is called (BT-153). [CAN-6]"""


def invoice_of(state: State, name: InvoiceName) -> Invoice:
    """Put an invoice or credit note together from its row, its contract and its offer. [INV-1]"""
    record: InvoiceRecord = state.invoices[name]
    contract = state.contracts[record.contract]
    unit = contract.unit(record.unit)
    lines, allowances = _lines(state, contract, unit, record)
    tax = (_tax_of(state, contract, record),)
    corrected = state.invoices[name[0], record.corrects] if record.corrects else None
    rounding = record.payable_minor - record.net_minor - record.tax_minor
    return Invoice(
        kind=InvoiceKind.CREDIT_NOTE if record.corrects else InvoiceKind.INVOICE,
        seller=contract.seller_owner,
        buyer=contract.buyer_owner,
        seller_thing=contract.seller,
        buyer_thing=contract.buyer,
        number=name[1],
        issued_ms=record.issued_ms,
        currency=contract.currency,
        currency_scale=currency_of(contract.currency).scale,
        contract=contract.id,
        unit=record.unit,
        seq=record.seq,
        lines=lines,
        tax=tax,
        allowances=allowances,
        totals=totals_of(lines, allowances, tax, rounding_minor=rounding),
        sealed=contract.sealed,
        delivered_ms=unit.delivered_ms,
        corrects=record.corrects,
        corrects_issued_ms=corrected.issued_ms if corrected else 0,
        refunded_minor=record.refunded_minor,
        points_earned=record.points,
        points_redeemed=0 if record.corrects or unit.cancel_fee_minor else unit.points,
    )


def _tax_of(state: State, contract: Contract, record: InvoiceRecord) -> TaxSubtotal:
    offer = offer_of(state, contract)
    return TaxSubtotal(
        jurisdiction=offer.jurisdiction,
        category=offer.tax_category,
        rate_basis_points=state.tax_basis_points[offer.tax_row],
        taxable_minor=record.net_minor,
        tax_minor=record.tax_minor,
    )


def _lines(
    state: State, contract: Contract, unit: Unit, record: InvoiceRecord
) -> tuple[tuple[Line, ...], tuple[Allowance, ...]]:
    """What an invoice is over: goods, a fee for cancelling, or money that is given back of either."""
    offer = offer_of(state, contract)
    if unit.cancel_fee_minor:
        return (_line_of_money(offer, CANCEL_FEE_NAME, record),), ()  # [CAN-6]
    if record.corrects:
        return (_line_of_money(offer, offer.title, record),), ()
    line, allowances = _sold_line(state, contract, offer, unit, record)
    return (line,), allowances


def _sold_line(
    state: State, contract: Contract, offer: Offer, unit: Unit, record: InvoiceRecord
) -> tuple[Line, tuple[Allowance, ...]]:
    """The line of a unit, and what was taken off it before tax: redeemed points, a credit for lateness."""
    programme = state.programmes.get((contract.seller_owner, contract.currency)) if unit.points else None
    redeemed = unit.points * programme.value_minor if programme else 0
    late = unit.net_minor - record.net_minor
    line = Line(
        name=offer.title,
        product_id=offer.product_id,
        quantity_steps=unit.quantity_steps or 1,
        unit=offer.unit,
        unit_scale=offer.unit_scale,
        price_minor=offer.price_minor,
        price_base_steps=offer.price_base_steps,
        net_minor=unit.net_minor + redeemed,
    )
    found = ((AllowanceReason.POINTS, redeemed), (AllowanceReason.LATE_DELIVERY, late))
    return line, tuple(Allowance(reason, minor) for reason, minor in found if minor)


def _line_of_money(offer: Offer, name: str, record: InvoiceRecord) -> Line:
    """Some invoices are of money, not of a quantity: one piece at the net that is kept or given back."""
    return Line(
        name=name,
        product_id=offer.product_id,
        quantity_steps=1,
        unit="C62",
        unit_scale=0,
        price_minor=record.net_minor,
        price_base_steps=1,
        net_minor=record.net_minor,
    )


# --- reads


def list_invoices(state: State, reader: Reader, after: Place = NOWHERE) -> InvoicesPage:
    """Invoices that an owner wrote or got, in the order of their log positions. [INV-8]"""
    found: list[Invoice] = []
    last = NOWHERE
    for seq, packed in _rows(state, reader, after):
        if len(found) == INVOICES_PAGE_ROWS_MAX:
            return InvoicesPage(tuple(found), last)
        found.append(invoice_of(state, unpacked_name(packed)))
        last = (seq, packed)
    return InvoicesPage(tuple(found), NOWHERE)


def invoice_view(state: State, reader: Reader, seller: str, number: int) -> Invoice:
    """One invoice of an owner, by its seller (empty: himself) and number (UNKNOWN_INVOICE)."""
    _check_owner(reader)
    party = state.parties.get(PartyId(seller or reader.owner))
    name = (party.number, number) if party else (0, 0)
    record = state.invoices.get(name)
    if record is None or state.party(reader.owner).number not in (name[0], record.buyer):
        raise Refusal(Code.UNKNOWN_INVOICE, "no such invoice of this owner", "INV-8")
    return invoice_of(state, name)


def tax_statement(
    state: State, reader: Reader, *, from_ms: int, to_ms: int, after: Place = NOWHERE
) -> StatementPart:
    """Tax of an owner in a time, a part of his invoices at a time: parts are added up. [TAX-4]"""
    lines: list[tuple[TaxKey, TaxSum]] = []
    owner, last = state.party(reader.owner).number, NOWHERE
    for looked_at, (seq, packed) in enumerate(_rows(state, reader, after)):
        if looked_at == QUERY_ROWS_MAX:
            return StatementPart(summed(lines), last)
        name = unpacked_name(packed)
        record = state.invoices[name]
        if from_ms <= record.issued_ms < to_ms:
            lines.append(_taxed(state, name, record, owner))
        last = (seq, packed)
    return StatementPart(summed(lines), NOWHERE)


def _taxed(state: State, name: InvoiceName, record: InvoiceRecord, owner: int) -> tuple[TaxKey, TaxSum]:
    contract = state.contracts[record.contract]
    offer, sold = offer_of(state, contract), name[0] == owner
    key = TaxKey(
        sold=sold,
        party=contract.seller if sold else contract.buyer,
        jurisdiction=offer.jurisdiction,
        category=offer.tax_category,
        rate_basis_points=state.tax_basis_points[offer.tax_row],
        currency=contract.currency,
    )
    sign = -1 if record.corrects else 1
    return key, TaxSum(
        taxable_minor=sign * record.net_minor,
        tax_minor=sign * record.tax_minor,
        invoices=int(sign > 0),
        credit_notes=int(sign < 0),
    )


def points_view(state: State, reader: Reader) -> tuple[PointsView, ...]:
    """Programmes where an owner has or owes points, and his own; at most 100, for his things too. [PTS-5]"""
    views = []
    for issuer, currency in _programmes_of(state, reader.owner):
        programme = state.programmes[issuer, currency]
        points, owed = points_of(state, reader.owner, programme)
        own = issuer == reader.owner
        if points or owed or own:
            views.append(
                PointsView(
                    issuer=issuer,
                    currency=currency,
                    programme=programme,
                    points=points,
                    owed=owed,
                    issued=_issued(state, issuer, programme) if own else 0,
                )
            )
        if len(views) == SEARCH_RESULTS_MAX:
            break
    return tuple(views)


def _programmes_of(state: State, owner: PartyId) -> list[tuple[PartyId, str]]:
    """An owner's own programmes and those that ever gave him points, oldest first."""
    sellers = state.billed.points_from.get(state.party(owner).number, {})
    # Numbers of invoices have no gap, so a seller's first one tells who he is.
    firsts = (state.invoices[seller, 1] for seller in sellers)
    issuers = {owner, *(state.contracts[first.contract].seller_owner for first in firsts)}
    names = [(issuer, currency) for issuer in issuers for currency in state.currencies]
    return sorted(
        (name for name in names if name in state.programmes), key=lambda one: state.programmes[one].seq
    )


def _issued(state: State, issuer: PartyId, programme: Programme) -> int:
    number = state.party(issuer).number
    account = state.ledger.find(owner=number, ledger=programme.ledger, kind=AccountKind.POINTS_ISSUED)
    return -state.ledger.balance(account).free if account else 0


def _rows(state: State, reader: Reader, after: Place) -> Iterator[Place]:
    _check_owner(reader)
    timeline = state.billed.of.get(state.party(reader.owner).number)
    return timeline.after(*after) if timeline else iter(())


def _check_owner(reader: Reader) -> None:
    if reader.party != reader.owner:
        raise Refusal(Code.NOT_PERMITTED, "only the owner himself sees his books", "INV-8")
