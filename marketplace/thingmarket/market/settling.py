"""What happens to the money and goods of a fulfilment unit when it becomes final. [SET-4]"""

from typing import NamedTuple

from thingmarket.billing.arithmetic import Settled, settled
from thingmarket.billing.records import InvoiceRecord
from thingmarket.billing.shares import Shares, shares_of
from thingmarket.contract.contract import UNIT_MESSAGES, Contract
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, LEDGER_AMOUNT_MAX
from thingmarket.market import points
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.escrows import GUARDED, escrow_accounts, portion
from thingmarket.market.promised import offer_of
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.escrow import (
    ESCROW,
    EscrowAccounts,
    EscrowState,
    Leg,
    TransferCode,
    derived_id_of,
)
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.time import UnixMs, utc_day
from thingmarket.transitions import Role
from thingmarket.values import changed


def release(state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs) -> Contract:
    """The unit was accepted: goods to the buyer, money to seller, operator and tax, and its invoice. [SET-7]

    `unit` stands in the contract already, with its final state.
    """
    accounts = escrow_accounts(state, contract)
    unit, legs = _sold(state, contract, unit, accounts, accounts.escrow, seq=seq, now_ms=now_ms)
    return _paid_out(state, contract, unit, accounts.release(portion(unit), legs), now_ms)


def refund(
    state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs, fee_minor: int = 0
) -> Contract:
    """The unit failed or was cancelled: goods to the offer, money to the buyer but for a fee. [CAN-6]"""
    accounts = escrow_accounts(state, contract)
    unit, legs = _fee_kept(state, contract, unit, accounts, fee_minor, seq=seq, now_ms=now_ms)
    back = Leg(TransferCode.REFUND, accounts.escrow, accounts.buyer_wallet, unit.total_minor - fee_minor)
    legs = [*legs, back, *points.returned(state, contract, unit)]
    return _paid_out(state, contract, unit, accounts.refund(portion(unit), legs), now_ms)


def exchange(state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs) -> Contract:
    """Delivery versus payment: what the caller found there goes both ways at once, without escrow. [CON-8]"""
    accounts = escrow_accounts(state, contract)
    unit, legs = _sold(state, contract, unit, accounts, accounts.buyer_wallet, seq=seq, now_ms=now_ms)
    return _paid_out(state, contract, unit, accounts.exchange(portion(unit), legs), now_ms)


def _paid_out(state: State, contract: Contract, unit: Unit, chain: bytes, now_ms: UnixMs) -> Contract:
    statuses = state.ledger.submit(chain, now_ms)
    assert not any(statuses), f"escrow holds what it pays out, yet {list(statuses)}"
    escrow: EscrowState = ESCROW.after(unit.escrow, UNIT_MESSAGES[unit.fulfilment], Role.NODE)
    return contract.with_unit(changed(unit, escrow=escrow))


# --- who gets what


class _Paid(NamedTuple):
    """What is paid for a unit: out of which account and under which code, and how it is divided."""

    source: int
    code: TransferCode
    settled: Settled
    shares: Shares


def _sold(
    state: State,
    contract: Contract,
    unit: Unit,
    accounts: EscrowAccounts,
    source: int,
    *,
    seq: int,
    now_ms: UnixMs,
) -> tuple[Unit, list[Leg]]:
    """Write the invoice of a unit and say who gets what of its money, which sums to it exactly. [SET-7]"""
    if not unit.total_minor:
        return unit, []  # goods or a report without money: nothing is owed, nothing is invoiced
    payable_minor = unit.total_minor - unit.late_credit_minor
    paid = _paid(state, contract, unit, payable_minor, source=source, code=TransferCode.RELEASE)
    legs = _legs(state, contract, accounts, paid, now_ms)
    if unit.late_credit_minor:
        legs.append(Leg(TransferCode.LATE_CREDIT, source, accounts.buyer_wallet, unit.late_credit_minor))
    earned, more = points.earned(state, contract, paid.settled.net_minor, now_ms)
    unit = _invoiced(state, contract, unit, paid, points=earned, seq=seq, now_ms=now_ms)
    return unit, [*legs, *more]


def _fee_kept(
    state: State,
    contract: Contract,
    unit: Unit,
    accounts: EscrowAccounts,
    fee_minor: int,
    *,
    seq: int,
    now_ms: UnixMs,
) -> tuple[Unit, list[Leg]]:
    """What cancelling costs goes the way of a sale, else half-cancelled sales would pay no fee. [CAN-6]

    It earns no points: nothing was bought, and those that were redeemed come back.
    """
    if not fee_minor:
        return unit, []
    paid = _paid(state, contract, unit, fee_minor, source=accounts.escrow, code=TransferCode.CANCEL_FEE)
    legs = _legs(state, contract, accounts, paid, now_ms)
    unit = changed(unit, cancel_fee_minor=fee_minor)
    return _invoiced(state, contract, unit, paid, points=0, seq=seq, now_ms=now_ms), legs


def _paid(
    state: State, contract: Contract, unit: Unit, payable_minor: int, *, source: int, code: TransferCode
) -> _Paid:
    """Reckon what of a unit's net is invoiced when so much is paid for it, and who gets what."""
    offer = offer_of(state, contract)
    found = settled(
        net_minor=unit.net_minor,
        payable_minor=payable_minor,
        rate_basis_points=state.tax_basis_points[offer.tax_row],
    )
    shares = shares_of(found, state.charges, collected=bool(offer.jurisdiction))
    return _Paid(source, code, found, shares)


def _legs(
    state: State, contract: Contract, accounts: EscrowAccounts, paid: _Paid, now_ms: UnixMs
) -> list[Leg]:
    """The legs to the seller, the operator's fee and tax accounts, and the seller's reserve."""
    source, shares, money = paid.source, paid.shares, accounts.money_ledger
    legs = [Leg(paid.code, source, accounts.seller_wallet, shares.seller_minor)]
    if shares.fee_minor:
        legs.append(Leg(TransferCode.FEE, source, fee_account(state, money), shares.fee_minor))
    if shares.tax_minor:
        taxes = tax_account(state, money, offer_of(state, contract).tax_row)
        legs.append(Leg(TransferCode.TAX, source, taxes, shares.tax_minor))
    if shares.reserve_minor:
        _reserve(state, contract, shares.reserve_minor, now_ms)
        reserve = reserve_account(state, contract.seller_owner, money)
        legs.append(Leg(TransferCode.RESERVE, source, reserve, shares.reserve_minor))
    return legs


def _invoiced(
    state: State, contract: Contract, unit: Unit, paid: _Paid, *, points: int, seq: int, now_ms: UnixMs
) -> Unit:
    """Write the invoice over what is paid for a unit. [INV-1]"""
    record = InvoiceRecord(
        contract=contract.id,
        unit=unit.number,
        buyer=state.party(contract.buyer_owner).number,
        seq=seq,
        issued_ms=now_ms,
        net_minor=paid.settled.net_minor,
        tax_minor=paid.settled.tax_minor,
        payable_minor=paid.settled.payable_minor,
        fee_minor=paid.shares.fee_minor,
        points=points,
    )
    return changed(unit, invoice=write(state, contract, record))


def write(state: State, contract: Contract, record: InvoiceRecord) -> int:
    """Give an invoice or credit note the seller's next number, which leaves no gap. [INV-1]"""
    seller = state.party(contract.seller_owner).number
    number = state.billed.counts.get(seller, 0) + 1
    state.invoices.put((seller, number), record)
    return number


# --- accounts


def open_operator_accounts(state: State) -> None:
    """Open what a release may need of the operator's, so that no release fails for want of room."""
    for currency in state.currencies:
        money = currency_of(currency).ledger
        fee_account(state, money)
        for row in state.tax_basis_points:
            if ":" in row:
                tax_account(state, money, row)


def fee_account(state: State, money: int) -> AccountNumber:
    """The operator's income in a currency."""
    operator = state.party(state.node).number
    return state.ledger.open(owner=operator, ledger=money, kind=AccountKind.FEE_INCOME, flags=GUARDED)


def tax_account(state: State, money: int, row: str) -> AccountNumber:
    """What the operator collected under a row of his tax table, which names jurisdiction and rate. [TAX-3]"""
    return state.ledger.open(
        owner=state.party(state.node).number,
        ledger=money,
        kind=AccountKind.TAX_PAYABLE,
        reference=row.encode(),
        flags=GUARDED,
    )


def reserve_account(state: State, seller: PartyId, money: int) -> AccountNumber:
    """What the operator keeps for a seller for a while; opened when he publishes his first offer. [SET-8]"""
    return state.ledger.open(
        owner=state.party(seller).number, ledger=money, kind=AccountKind.SELLER_RESERVE, flags=GUARDED
    )


def check_columns(state: State, contract: Contract) -> None:
    """Refuse what an account of the operator or a reserve could not take when it is released. [SET-6]

    As for wallets: columns only ever grow, and below 2^62 all that is open can still be paid out.
    """
    accounts = []
    offer, money = offer_of(state, contract), currency_of(contract.currency).ledger
    if offer.jurisdiction:
        accounts.append(tax_account(state, money, offer.tax_row))
    if state.charges.fee_basis_points:
        accounts.append(fee_account(state, money))
    if state.charges.reserve_basis_points:
        accounts.append(reserve_account(state, contract.seller_owner, money))
    for account in accounts:
        if state.ledger.turnover(account) + contract.total_minor > LEDGER_AMOUNT_MAX:
            raise Refusal(Code.OUT_OF_RANGE, "the operator's turnover would pass 2^62 minor units", "SET-6")


# --- the reserve


def _reserve(state: State, contract: Contract, minor: int, now_ms: UnixMs) -> None:
    """Remember what of today's sales a seller gets later: one row and one deadline a day. [SET-8]"""
    day = utc_day(now_ms)
    key = (contract.seller_owner, contract.currency, day)
    before = state.reserves.get(key)
    state.reserves.put(key, (before or 0) + minor)
    if before is None:
        over_ms = (day + 1 + state.charges.reserve_days) * DAY_MS
        reference = f"{contract.seller_owner}|{contract.currency}|{day}".encode()
        state.timers.set(over_ms, TimerKind.RESERVE, reference)


def reserve_over(state: State, reference: bytes, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A day's reserve is over: the seller gets it, as far as refunds have left it there. [SET-8]"""
    name, currency, day = reference.decode().split("|")
    owner = PartyId(name)
    minor: int = state.reserves[owner, currency, int(day)]
    state.reserves.drop((owner, currency, int(day)))
    number, money = state.party(owner).number, currency_of(currency).ledger
    reserve = state.ledger.find(owner=number, ledger=money, kind=AccountKind.SELLER_RESERVE)
    wallet = state.ledger.find(owner=number, ledger=money, kind=AccountKind.OWNER_WALLET)
    assert reserve and wallet, "who has a reserve has sold something"
    later_days = range(int(day) + 1, utc_day(now_ms) + 1)
    later_minor = sum(state.reserves.get((owner, currency, later)) or 0 for later in later_days)
    # Refunds used up the oldest days first: what is kept for later ones is not given for this one.
    minor = min(minor, max(0, state.ledger.balance(reserve).free - later_minor))
    if not minor:
        return ()
    freed = Transfer(
        id=derived_id_of(reference, now_ms, TransferCode.RESERVE_FREED),
        debit=reserve,
        credit=wallet,
        amount=minor,
        ledger=money,
        code=TransferCode.RESERVE_FREED,
    )
    status = state.ledger.submit(freed.pack(), now_ms)[0]
    assert status == Status.CREATED, f"a reserve gives what is in it, yet {status}"
    return (Notice(owner, NoticeKind.BALANCE, freed.id, "RESERVE_FREED"),)
