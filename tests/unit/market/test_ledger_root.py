"""The root of the ledger: by pages of accounts, whatever way led to what is in them."""

import pytest

from thingmarket.market.ledger_root import ACCOUNTS_PER_PAGE, LedgerRoot
from thingmarket.settlement.account_tables import Kind
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.ledger import Ledger

ACCOUNTS = ACCOUNTS_PER_PAGE * 2 + 3


def ledger_of(kind: Kind, accounts: int = ACCOUNTS) -> Ledger:
    ledger = Ledger(kind)
    for owner in range(1, accounts + 1):
        ledger.open(owner=owner, ledger=978, kind=AccountKind.OWNER_WALLET, reference=b"r" * (owner % 3))
    return ledger


@pytest.mark.parametrize("kind", ["auto", "python"])
def test_every_account_is_in_the_root_and_nothing_of_how_it_came_there(kind: Kind) -> None:
    """[LOG-4]"""
    ledger, root = ledger_of(kind), LedgerRoot(ledger_of("python"))
    followed = LedgerRoot(ledger)
    assert followed.digest() == root.digest()
    for number in (1, ACCOUNTS_PER_PAGE - 1, ACCOUNTS_PER_PAGE, ACCOUNTS):
        before = followed.digest()
        ledger.accounts.post(number, 2, 5)
        changed = followed.digest()
        assert changed != before
        ledger.accounts.post(number, 2, -5)
        assert followed.digest() == before


@pytest.mark.parametrize("accounts", [0, 1, ACCOUNTS_PER_PAGE - 1, ACCOUNTS_PER_PAGE, ACCOUNTS])
def test_a_restored_root_goes_on_as_the_one_that_was_saved(accounts: int) -> None:
    """[LOG-4]"""
    ledger = ledger_of("auto", accounts)
    root = LedgerRoot(ledger)
    restored = Ledger.restore(ledger.snapshot())
    again = LedgerRoot(restored, root.sum)
    assert again.digest() == root.digest()
    for each in (ledger, restored):
        each.open(owner=99, ledger=978, kind=AccountKind.OWNER_WALLET)
    assert again.digest() == root.digest()


def test_news_are_told_by_account() -> None:
    """[LOG-4]"""
    ledger = ledger_of("auto")
    root = LedgerRoot(ledger)
    root.follow_news()
    ledger.accounts.post(3, 7, 1)
    news = root.take_news()
    assert list(news) == [b"a" + number.to_bytes(8, "big") for number in (3, 7)]
    assert news[b"a" + (3).to_bytes(8, "big")] == ledger.accounts.packed(3)
    assert not root.take_news()
