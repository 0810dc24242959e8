"""What always holds between invoices, contracts and the ledger, reckoned the slow way. [INV-7]"""

from collections import Counter
from collections.abc import Iterator

from thingmarket.billing.rules import violations as broken_rules
from thingmarket.contract.units import Unit
from thingmarket.market.billing import invoice_of
from thingmarket.market.promised import offer_of
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.escrow import EscrowState


def violations(state: State) -> Iterator[str]:
    """Name everything in the books that does not agree with the rest of the state."""
    yield from _invoices(state)
    yield from _units(state)
    yield from _collected(state)
    yield from _reserves(state)
    yield from _liquidity(state)


def _invoices(state: State) -> Iterator[str]:
    """Numbers have no gap, sums are those of EN 16931, refunds are at most what was paid."""
    refunded = Counter[tuple[int, int]]()
    for (seller, number), record in state.invoices.items():
        if record.corrects:
            refunded[seller, record.corrects] += record.payable_minor
        unknown = {"BR-DEC-12"}  # a currency of three digits is fine here and refused only by the export
        for rule in set(broken_rules(invoice_of(state, (seller, number)))) - unknown:
            yield f"invoice {number} of {seller} breaks {rule}"
    for name, record in state.invoices.items():
        if refunded[name] != record.refunded_minor or record.refunded_minor > record.payable_minor:
            yield f"invoice {name}: credit notes of {refunded[name]} for {record.refunded_minor} refunded"
    for seller, count in state.billed.counts.items():
        if any((seller, number) not in state.invoices for number in range(1, count + 1)):
            yield f"invoices of {seller} have a gap"


def _units(state: State) -> Iterator[str]:
    """Whatever was released, or cost something to cancel, has one invoice over exactly what moved."""
    named = Counter[tuple[int, int]]()
    for contract in state.contracts.values():
        seller = state.party(contract.seller_owner).number
        for unit in contract.units:
            paid, paid_minor = _paid(unit)
            if paid != bool(unit.invoice):
                yield f"unit {unit.number} of {contract.id.hex()} is paid {paid} with invoice {unit.invoice}"
            if unit.invoice:
                named[seller, unit.invoice] += 1
                payable = state.invoices[seller, unit.invoice].payable_minor
                if payable != paid_minor:
                    yield f"invoice {unit.invoice} asks {payable}, which is not what moved"
    for name, record in state.invoices.items():
        if named[name] != (0 if record.corrects else 1):
            yield f"invoice {name} is of {named[name]} units"


def _paid(unit: Unit) -> tuple[bool, int]:
    """Whether something was paid for a unit, and how much; a credit for lateness may be all of it."""
    if unit.escrow is EscrowState.REFUNDED:
        return unit.cancel_fee_minor > 0, unit.cancel_fee_minor
    return (
        unit.escrow is EscrowState.RELEASED and unit.total_minor > 0,
        unit.total_minor - unit.late_credit_minor,
    )


def _collected(state: State) -> Iterator[str]:
    """Tax and fee of all invoices, less credit notes, and of trades are what the operator holds. [TAX-3]"""
    expected = Counter[tuple[AccountKind, str, str]]()
    for record in state.invoices.values():
        contract = state.contracts[record.contract]
        offer, sign = offer_of(state, contract), -1 if record.corrects else 1
        expected[AccountKind.FEE_INCOME, contract.currency, ""] += sign * record.fee_minor
        if offer.jurisdiction:
            expected[AccountKind.TAX_PAYABLE, contract.currency, offer.tax_row] += sign * record.tax_minor
    for currency in state.currencies:
        for row in ("", *state.tax_basis_points):
            kind = AccountKind.TAX_PAYABLE if row else AccountKind.FEE_INCOME
            held = _held(state, state.party(state.node).number, currency, kind, row.encode())
            billed = expected[kind, currency, row]
            if kind is AccountKind.FEE_INCOME:
                billed += state.trade_fees.get(currency, 0)  # of the book, which writes no invoices
            if held != billed:
                yield f"{kind.name} {row} holds {held} {currency}, invoices say {billed}"


def _reserves(state: State) -> Iterator[str]:
    """Every reserve that is held has a deadline at which it goes to its seller."""
    waiting = Counter[tuple[str, str]]()
    for (seller, currency, _), minor in state.reserves.items():
        waiting[seller, currency] += minor
    for party in state.parties.values():
        for currency in state.currencies:
            held = _held(state, party.number, currency, AccountKind.SELLER_RESERVE)
            if held > waiting[party.id, currency]:
                yield f"a reserve of {held} {currency} waits for nothing"


def _liquidity(state: State) -> Iterator[str]:
    """What is set aside for rates, and what came in by them, is what the publishers' accounts hold. [FX-1]"""
    expected = Counter[tuple[str, str]]()
    for rate in state.rates.values():
        expected[rate.publisher, rate.to_currency] += rate.aside_minor
        expected[rate.publisher, rate.from_currency] += rate.taken_minor
    for party in state.parties.values():
        for currency in state.currencies:
            held = _held(state, party.number, currency, AccountKind.LIQUIDITY)
            if held != expected[party.id, currency]:
                yield f"liquidity of {held} {currency}, rates say {expected[party.id, currency]}"


def _held(state: State, owner: int, currency: str, kind: AccountKind, reference: bytes = b"") -> int:
    money = currency_of(currency).ledger
    account = state.ledger.find(owner=owner, ledger=money, kind=kind, reference=reference)
    return state.ledger.balance(account).free if account else 0
