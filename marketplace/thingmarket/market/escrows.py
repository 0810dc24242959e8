"""The ledger rows that a contract moves, found or opened. [SET-4]"""

from typing import Final

from thingmarket.catalog.terms import SettlementKind
from thingmarket.contract.contract import Contract
from thingmarket.contract.units import Unit
from thingmarket.market.promised import goods_ledger, offer_of, stock_account
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountFlag, AccountKind
from thingmarket.settlement.escrow import NO_ACCOUNT, EscrowAccounts, Portion

GUARDED: Final = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
ROWS_MAX: Final = 4
"""Rows that `escrow_accounts` may open."""


def escrow_accounts(state: State, contract: Contract) -> EscrowAccounts:
    """Find or open the rows of a contract; delivery versus payment has no escrow. [CON-8]"""
    money, goods = currency_of(contract.currency).ledger, goods_ledger(state, contract)
    buyer = state.party(contract.buyer_owner).number
    seller = state.party(contract.seller_owner).number
    ledger, escrow = state.ledger, NO_ACCOUNT
    if offer_of(state, contract).terms.settlement is not SettlementKind.DVP:
        escrow = ledger.open(
            owner=buyer, ledger=money, kind=AccountKind.ESCROW, reference=contract.id, flags=GUARDED
        )
    return EscrowAccounts(
        contract=contract.id,
        created_ms=contract.created_ms,
        money_ledger=money,
        goods_ledger=goods,
        buyer_wallet=ledger.open(owner=buyer, ledger=money, kind=AccountKind.OWNER_WALLET, flags=GUARDED),
        seller_wallet=ledger.open(owner=seller, ledger=money, kind=AccountKind.OWNER_WALLET, flags=GUARDED),
        escrow=escrow,
        offer_stock=stock_account(state, contract),
        buyer_goods=ledger.open(owner=buyer, ledger=goods, kind=AccountKind.GOODS, flags=GUARDED),
    )


def portion(unit: Unit) -> Portion:
    """What a unit moves."""
    return Portion(unit.number, unit.quantity_steps, unit.total_minor)
