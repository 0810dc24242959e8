"""The ledger accounts that a desk touches: wallets, goods, fees, and where holds are kept against."""

from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.settlement.accounts import NO_FLAGS, AccountFlag, AccountKind, AccountNumber, AccountTable
from thingmarket.trading.terms import MarketTerms

_GUARDED: Final = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
_OWN: Final = b""  # the reference of an account that belongs to nothing but its owner


class Rows:
    """Accounts by what they are for. Of the account table a desk uses this and no more:

    `find`, `open`, `check_room`, `free`, `hold`, `move`.
    """

    __slots__ = ("_operator", "accounts")

    def __init__(self, accounts: AccountTable, operator: int) -> None:
        """Stand before the accounts of a ledger; `operator` is the owner number of the node."""
        self.accounts = accounts
        self._operator = operator

    def open_market(self, terms: MarketTerms) -> None:
        """Make the accounts that every trade of a market needs (FULL)."""
        self.accounts.check_room(3)
        for ledger in (terms.money_ledger, terms.goods_ledger):
            self.accounts.open(self._operator, ledger, AccountKind.CLEARING, _OWN, NO_FLAGS)
        self.accounts.open(self._operator, terms.money_ledger, AccountKind.FEE_INCOME, _OWN, _GUARDED)

    def check_market(self, terms: MarketTerms) -> None:
        """Return when a market of a snapshot has its accounts in the ledger (MALFORMED)."""
        wanted = (
            (terms.money_ledger, AccountKind.CLEARING),
            (terms.goods_ledger, AccountKind.CLEARING),
            (terms.money_ledger, AccountKind.FEE_INCOME),
        )
        for ledger, kind in wanted:
            if self.accounts.find(self._operator, ledger, kind, _OWN) is None:
                raise Refusal(Code.MALFORMED, f"the ledger has no accounts for market {terms.number}")

    def missing(self, owner: int, terms: MarketTerms) -> list[tuple[int, int]]:
        """Ledger and kind of the accounts that an owner lacks to trade in a market."""
        return [
            (ledger, kind)
            for ledger, kind in (
                (terms.money_ledger, AccountKind.OWNER_WALLET),
                (terms.goods_ledger, AccountKind.GOODS),
            )
            if self.accounts.find(owner, ledger, kind, _OWN) is None
        ]

    def open_for(self, owner: int, terms: MarketTerms) -> None:
        """Make the accounts of an owner who trades in a market; there is room for them."""
        for ledger, kind in self.missing(owner, terms):
            self.accounts.open(owner, ledger, kind, _OWN, _GUARDED)

    def wallet(self, owner: int, ledger: int) -> AccountNumber:
        """The wallet of an owner who trades."""
        return self._known(owner, ledger, AccountKind.OWNER_WALLET)

    def goods(self, owner: int, ledger: int) -> AccountNumber:
        """The goods of an owner who trades."""
        return self._known(owner, ledger, AccountKind.GOODS)

    def clearing(self, ledger: int) -> AccountNumber:
        """What holds of a ledger are pending to."""
        return self._known(self._operator, ledger, AccountKind.CLEARING)

    def fees(self, ledger: int) -> AccountNumber:
        """Where the operator's fees go."""
        return self._known(self._operator, ledger, AccountKind.FEE_INCOME)

    def free_of(self, owner: int, ledger: int, kind: int) -> int:
        """What an owner may still spend or sell; 0 without an account."""
        account = self.accounts.find(owner, ledger, kind, _OWN)
        return 0 if account is None else self.accounts.free(account)

    def _known(self, owner: int, ledger: int, kind: int) -> AccountNumber:
        account = self.accounts.find(owner, ledger, kind, _OWN)
        assert account is not None, "who trades has his accounts since his order was admitted"
        return account
