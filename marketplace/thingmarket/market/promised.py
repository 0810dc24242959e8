"""What a contract was made on: an offer that somebody published, or the terms of a market. [MKT-16]"""

from thingmarket.catalog.offers import Offer
from thingmarket.contract.contract import Contract
from thingmarket.market.fill_terms import offer_of_fill
from thingmarket.market.state import State
from thingmarket.settlement.accounts import AccountKind, AccountNumber


def offer_of(state: State, contract: Contract) -> Offer:
    """What a contract promises."""
    if contract.market:
        return offer_of_fill(state.markets[contract.market].listed, contract)
    return state.offers[contract.offer].offer


def seller_leaf(state: State, contract: Contract) -> bytes:
    """The mandate that a contract was sold under; empty when an owner sold himself."""
    return contract.seller_leaf if contract.market else state.offers[contract.offer].mandate_leaf


def goods_ledger(state: State, contract: Contract) -> int:
    """Where a contract's goods are counted."""
    if contract.market:
        return int(state.markets[contract.market].goods_ledger)
    return int(state.offers[contract.offer].goods_ledger)


def stock_account(state: State, contract: Contract) -> AccountNumber:
    """What a contract's goods come from: the stock of its offer, or the seller's own goods."""
    if not contract.market:
        return AccountNumber(state.offers[contract.offer].stock_account)
    own = state.ledger.find(
        owner=state.party(contract.seller_owner).number,
        ledger=goods_ledger(state, contract),
        kind=AccountKind.GOODS,
    )
    assert own is not None, "who sold in a market has had goods there"
    return own
