"""An owner's books: invoices, tax, refunds, points, and money of other currencies."""

from typing import Final

from thingmarket.billing.commands import (
    Convert,
    OpenProgramme,
    PublishRate,
    Refund,
    check_convert,
    check_open_programme,
    check_publish_rate,
    check_refund,
)
from thingmarket.billing.invoice import Invoice
from thingmarket.billing.statement import Statement, summed
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Digest
from thingmarket.market.billing_views import NOWHERE
from thingmarket.wire import billing, books
from thingmarket.wire.books import RateSeen
from thingmarket_client.trader import Trader

PAGES_MAX: Final = 1_000  # of 100 invoices, or of 2,000 that a statement looks at


class BookKeeping(Trader):
    """What an owner reads of his books and asks of them; every `Owner` is one."""

    async def invoices(self) -> tuple[Invoice, ...]:
        """Invoices and credit notes that he wrote or got, oldest first."""
        found: list[Invoice] = []
        after = NOWHERE
        for _ in range(PAGES_MAX):
            request = books.invoices_request(after)
            response = await self.session.ask(lambda stub: stub.ListInvoices, request)
            page, after = books.read_invoices(response)
            found += page
            if after == NOWHERE:
                break
        return tuple(found)

    async def invoice(self, number: int, seller: str = "") -> Invoice:
        """One invoice of a seller, or of his own (UNKNOWN_INVOICE)."""
        request = books.invoice_request(seller, number)
        response = await self.session.ask(lambda stub: stub.GetInvoice, request)
        found = books.invoice_value(response.invoice)
        if found.number != number or found.seller != (seller or self.id):
            raise Refusal(Code.TAMPERED, "the node shows another invoice than the one asked for")
        return found

    async def tax_statement(self, from_ms: int, to_ms: int) -> Statement:
        """Tax by thing and jurisdiction of invoices in a time, `to_ms` excluded. [TAX-4]"""
        found: Statement = {}
        after = NOWHERE
        for _ in range(PAGES_MAX):
            request = books.statement_request(from_ms, to_ms, after)
            response = await self.session.ask(lambda stub: stub.TaxStatement, request)
            part, after = books.read_statement(response)
            found = summed([*found.items(), *part.items()])
            if after == NOWHERE:
                break
        return found

    async def refund(self, contract: bytes, minor: int, unit: int = 1) -> None:
        """Pay a part of a released unit back, tax included; a credit note is written."""
        key = self.new_key()
        refund = Refund(key=key, contract=contract, unit=unit, amount_minor=minor)
        check_refund(refund)
        await self._tell(TypeId.REFUND, key, billing.refund_body(refund))

    # --- points

    async def open_programme(
        self, name: str, currency: str, *, earn_basis_points: int, value_minor: int, idle_days: int = 0
    ) -> None:
        """Give points for sales in a currency, for good."""
        key = self.new_key()
        programme = OpenProgramme(
            key=key,
            name=name,
            currency=currency,
            earn_basis_points=earn_basis_points,
            value_minor=value_minor,
            idle_days=idle_days,
        )
        check_open_programme(programme)
        await self._tell(TypeId.OPEN_PROGRAMME, key, billing.open_programme_body(programme))

    # --- money of other currencies

    async def rates(self, from_currency: str = "", to_currency: str = "") -> tuple[RateSeen, ...]:
        """Live exchange rates."""
        request = books.rates_request(from_currency, to_currency)
        response = await self.session.ask(lambda stub: stub.ListRates, request)
        return books.read_rates(response)

    async def publish_rate(
        self,
        from_currency: str,
        to_currency: str,
        *,
        numerator: int,
        denominator: int,
        max_minor: int,
        life_ms: int,
    ) -> Digest:
        """Give one currency for another out of his own wallet, until the time is over; the rate's name."""
        key = self.new_key()
        rate = PublishRate(
            key=key,
            from_currency=from_currency,
            to_currency=to_currency,
            numerator=numerator,
            denominator=denominator,
            max_minor=max_minor,
            valid_until_ms=self.session.now_ms + life_ms,
        )
        check_publish_rate(rate)
        answer = await self._tell(TypeId.PUBLISH_RATE, key, billing.publish_rate_body(rate))
        return Digest(answer.reference)

    async def convert(self, rate: bytes, minor: int, min_out_minor: int = 1) -> None:
        """Change money at a rate, for at least so much (RATE_TOO_LOW, UNKNOWN_RATE)."""
        key = self.new_key()
        convert = Convert(key=key, rate=rate, amount_minor=minor, min_out_minor=min_out_minor)
        check_convert(convert)
        await self._tell(TypeId.CONVERT, key, billing.convert_body(convert))
