"""What the world of tests does about money besides trading: refunds, points, rates, and what is kept."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.billing.commands import Convert, OpenProgramme, PublishRate, Refund
from thingmarket.contract.orders import Deposit
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import digest
from thingmarket.limits import DAY_MS
from thingmarket.market.entries import Outcome
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.wire import billing, trade

KEPT: Final = (
    AccountKind.SELLER_RESERVE,
    AccountKind.FEE_INCOME,
    AccountKind.TAX_PAYABLE,
    AccountKind.LIQUIDITY,
)


class BookKeeping:
    """Every `World` is one."""

    def refund(self: Any, contract: bytes, minor: int, unit: int = 1, by: Any = None) -> Outcome:
        """The seller (or whoever) pays a part of a released unit back."""
        by = by or self.actors[self.contract(contract).seller]
        refund = Refund(key=self.key(), contract=contract, unit=unit, amount_minor=minor)
        return self.send(by, TypeId.REFUND, billing.refund_body(refund))

    def programme(self: Any, owner: Any, **changes: Any) -> Outcome:
        """An owner opens points: one for each whole unit of currency, worth one minor unit."""
        draft = OpenProgramme(
            key=self.key(), name="ink-club", currency="EUR", earn_basis_points=100, value_minor=1
        )
        return self.send(owner, TypeId.OPEN_PROGRAMME, billing.open_programme_body(replace(draft, **changes)))

    def rate(self: Any, publisher: Any, **changes: Any) -> Outcome:
        """Somebody offers 1.10 USD for a EUR, up to 1,000.00 EUR, for a day."""
        draft = PublishRate(
            key=self.key(),
            from_currency="EUR",
            to_currency="USD",
            numerator=110,
            denominator=100,
            max_minor=1_000_00,
            valid_until_ms=self.time_ms + DAY_MS,
        )
        return self.send(publisher, TypeId.PUBLISH_RATE, billing.publish_rate_body(replace(draft, **changes)))

    def convert(self: Any, owner: Any, rate: bytes, minor: int, min_out_minor: int = 1) -> Outcome:
        """An owner changes money at a rate."""
        body = Convert(key=self.key(), rate=rate, amount_minor=minor, min_out_minor=min_out_minor)
        return self.send(owner, TypeId.CONVERT, billing.convert_body(body))

    def kept(self: Any, currency: str = "EUR") -> int:
        """Fees, tax, reserves and what is set aside for rates, of all parties, minor units."""
        state, money = self.state, currency_of(currency).ledger
        rows = ["", *state.tax_basis_points]
        found = (
            state.ledger.find(owner=party.number, ledger=money, kind=kind, reference=row.encode())
            for party in state.parties.values()
            for kind in KEPT
            for row in rows
        )
        return sum(state.ledger.balance(account).free for account in found if account)

    def deposit(self: Any, owner: Any, amount_minor: int, currency: str = "EUR") -> Outcome:
        """The operator credits a wallet."""
        deposit = Deposit(
            key=self.key(),
            owner=owner.id,
            currency=currency,
            amount_minor=amount_minor,
            request=digest(b"request"),
        )
        return self.send(self.operator, TypeId.DEPOSIT, trade.deposit_body(deposit))

    def deposited(self: Any, currency: str = "EUR") -> int:
        """All money that ever came in, minor units."""
        return -self._held(self.operator.id, currency, AccountKind.EXTERNAL)
