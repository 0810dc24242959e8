"""What an operator reads of his books: every kind of account that holds money has a word."""

import pytest

from thingmarket.market.holdings import Holding
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.cli.node_books import books_value

NO_MONEY = {kind for kind in AccountKind if kind.name.startswith(("GOODS", "POINTS"))}


def holding(kind: AccountKind, minor: int) -> Holding:
    return Holding(currency="EUR", kind=kind, row="", minor=minor, accounts=1)


@pytest.mark.parametrize("kind", sorted(set(AccountKind) - NO_MONEY))
def test_every_account_of_money_is_in_the_books(kind: AccountKind) -> None:
    found = books_value([holding(AccountKind.EXTERNAL, -100), holding(kind, 100)])["EUR"]
    assert found["paid_in_minor"] == (0 if kind is AccountKind.EXTERNAL else 100)
    assert sum(found["held"].values()) == found["paid_in_minor"]


def test_what_orders_hold_is_in_wallets_still() -> None:
    found = books_value([holding(AccountKind.OWNER_WALLET, 100), holding(AccountKind.CLEARING, 0)])
    assert found["EUR"]["held"] == {"wallets": 100, "orders": 0}
