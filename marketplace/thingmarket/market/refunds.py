"""Refunds of what was released: never more than was paid, with tax, fee and points in proportion. [SET-9]"""

from dataclasses import dataclass, replace

from thingmarket.billing.arithmetic import kept, net_within, tax_of
from thingmarket.billing.commands import Refund
from thingmarket.billing.records import InvoiceRecord
from thingmarket.contract.contract import Contract
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.limits import LEDGER_AMOUNT_MAX
from thingmarket.market import points
from thingmarket.market.authority import Authority
from thingmarket.market.billed import InvoiceName
from thingmarket.market.deliveries import contract_of, permit_for
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import escrow_accounts
from thingmarket.market.promised import offer_of
from thingmarket.market.result import Result
from thingmarket.market.settling import fee_account, tax_account, write
from thingmarket.market.state import State
from thingmarket.money import Money, currency_of
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.escrow import Leg, TransferCode, chain, derived_id_of
from thingmarket.settlement.transfers import Status
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """What a credit note takes back of an invoice, minor units and points."""

    net_minor: int
    tax_minor: int
    fee_minor: int
    points: int


def refund(state: State, command: Command, body: Refund, authority: Authority, seq: int) -> Result:
    """The seller pays a part of a released unit back, and a credit note is written. [SET-9]"""
    contract, role = contract_of(state, command, body.contract, authority)
    if role is not Role.SELLER:
        raise Refusal(Code.NOT_PERMITTED, "only the seller refunds", "SET-9")
    decision = permit_for(state, contract, authority, Action.SELL)
    name, invoice = _invoice(state, contract, body.unit)
    left = invoice.payable_minor - invoice.refunded_minor
    if body.amount_minor > left:
        money = Money(left, currency_of(contract.currency))
        raise Refusal(Code.REFUND_TOO_HIGH, f"{money} are left to refund", "SET-9")
    rate = state.tax_basis_points[offer_of(state, contract).tax_row]
    found = reversal(invoice, body.amount_minor, rate)
    _move(state, contract, name, body=body, found=found, now_ms=authority.now_ms)
    state.invoices.put(name, replace(invoice, refunded_minor=invoice.refunded_minor + body.amount_minor))
    note = InvoiceRecord(
        contract=contract.id,
        unit=body.unit,
        buyer=invoice.buyer,
        seq=seq,
        issued_ms=authority.now_ms,
        net_minor=found.net_minor,
        tax_minor=found.tax_minor,
        payable_minor=body.amount_minor,
        fee_minor=found.fee_minor,
        points=found.points,
        corrects=name[1],
    )
    number = write(state, contract, note)
    notices = tuple(
        Notice(owner, NoticeKind.INVOICE, contract.id, f"CREDIT_NOTE {number}")
        for owner in (contract.buyer_owner, contract.seller_owner)
    )
    return Result(reference=contract.id, decision=decision, notices=notices)


def refunded_minor(state: State, contract: Contract) -> int:
    """What was refunded of all units of a contract, minor units."""
    return sum(
        _invoice(state, contract, unit.number)[1].refunded_minor for unit in contract.units if unit.invoice
    )


def reversal(invoice: InvoiceRecord, amount_minor: int, rate_basis_points: int) -> Reversal:
    """What of an invoice a refund takes back. [INV-6]

    What stays is reckoned, as of an invoice of that payable, and the rest is taken back: so the tax of all
    credit notes together never passes that of the invoice, however small the refunds are.
    """
    before = _stays(invoice, invoice.payable_minor - invoice.refunded_minor, rate_basis_points)
    after = _stays(invoice, invoice.payable_minor - invoice.refunded_minor - amount_minor, rate_basis_points)
    return Reversal(
        net_minor=before.net_minor - after.net_minor,
        tax_minor=before.tax_minor - after.tax_minor,
        fee_minor=before.fee_minor - after.fee_minor,
        points=before.points - after.points,
    )


def _stays(invoice: InvoiceRecord, payable_minor: int, rate_basis_points: int) -> Reversal:
    """Net, tax, fee and points of an invoice of which so much is still paid."""
    if payable_minor == invoice.payable_minor:
        net, tax = invoice.net_minor, invoice.tax_minor
    else:
        net = min(invoice.net_minor, net_within(payable_minor, rate_basis_points))
        tax = tax_of(net, rate_basis_points)
    part, of = payable_minor, invoice.payable_minor
    fee, earned = kept(invoice.fee_minor, part=part, of=of), kept(invoice.points, part=part, of=of)
    return Reversal(net_minor=net, tax_minor=tax, fee_minor=fee, points=earned)


def _invoice(state: State, contract: Contract, unit: int) -> tuple[InvoiceName, InvoiceRecord]:
    number = contract.unit(unit).invoice
    if not number:
        raise Refusal(Code.UNKNOWN_INVOICE, "nothing was paid for this unit", "SET-9")
    name = (state.party(contract.seller_owner).number, number)
    return name, state.invoices[name]


def _move(
    state: State, contract: Contract, name: InvoiceName, *, body: Refund, found: Reversal, now_ms: UnixMs
) -> None:
    """Move the money of a refund in one chain: the fee back, the tax, then wallet and reserve. [SET-9]"""
    accounts, ledger = escrow_accounts(state, contract), state.ledger
    money, seller, buyer = accounts.money_ledger, accounts.seller_wallet, accounts.buyer_wallet
    offer = offer_of(state, contract)
    tax_minor = found.tax_minor if offer.jurisdiction else 0
    wanted = body.amount_minor - tax_minor
    reserve = ledger.find(owner=name[0], ledger=money, kind=AccountKind.SELLER_RESERVE)
    from_wallet = min(wanted, ledger.balance(AccountNumber(seller)).free + found.fee_minor)
    from_reserve = wanted - from_wallet
    if from_reserve > (ledger.balance(reserve).free if reserve else 0):
        raise Refusal(
            LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS,
            "wallet and reserve of the seller hold too little",
            "SET-9",
        )
    if ledger.balance(AccountNumber(buyer)).credits_posted + body.amount_minor > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "a wallet's turnover would pass 2^62 minor units", "SET-6")
    legs = [
        Leg(TransferCode.PAID_BACK, seller, buyer, from_wallet),
        Leg(TransferCode.PAID_BACK_RESERVE, reserve or 0, buyer, from_reserve),
        *points.clawed_back(state, contract, found.points),
    ]
    if tax_minor:
        taxes = tax_account(state, money, offer.tax_row)
        legs.insert(0, Leg(TransferCode.TAX_BACK, taxes, buyer, tax_minor))
    if found.fee_minor:
        legs.insert(0, Leg(TransferCode.FEE_BACK, fee_account(state, money), seller, found.fee_minor))
    note = state.billed.counts[name[0]] + 1  # the number that its credit note gets
    cause = contract.id + note.to_bytes(8, "big")
    moved = [
        replace(each, id=derived_id_of(cause, contract.created_ms, TransferCode(each.code), body.unit))
        for each in accounts.moved(body.unit, legs)
    ]
    statuses = ledger.submit(chain(moved), now_ms)
    assert not any(statuses), f"the guards were asked before, yet {list(statuses)}"
