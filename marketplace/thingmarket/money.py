"""Money in whole minor units, and the only rounding in the system."""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: ISO 4217 code, ISO numeric code (its ledger number) and digits after the point."""

    code: str
    ledger: int
    scale: int


CURRENCIES: Final = {
    currency.code: currency
    for currency in (
        Currency("EUR", 978, 2),
        Currency("USD", 840, 2),
        Currency("GBP", 826, 2),
        Currency("CHF", 756, 2),
        Currency("JPY", 392, 0),
        Currency("KWD", 414, 3),
        # ISO keeps XTS for tests and gives it no digits. Six are enough for the price of a watt-hour.
        Currency("XTS", 963, 6),
    )
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: 1999 with EUR is 19.99; never a float, never a Decimal."""

    minor: int
    currency: Currency

    def __str__(self) -> str:
        """Write it for people, as in `19.99 EUR`."""
        sign, digits = ("-" if self.minor < 0 else ""), self.currency.scale
        whole, part = divmod(abs(self.minor), 10**digits)
        return f"{sign}{whole}" + (f".{part:0{digits}d}" if digits else "") + f" {self.currency.code}"


def currency_of(code: str) -> Currency:
    """Find a currency by its ISO 4217 code (UNKNOWN_CURRENCY)."""
    currency = CURRENCIES.get(code)
    if currency is None:
        raise Refusal(Code.UNKNOWN_CURRENCY, f"currency {code!r}; known: {', '.join(CURRENCIES)}")
    return currency


def checked_amount(minor: int, field: str) -> int:
    """Accept a positive amount in minor units of at most 2^53-1 (OUT_OF_RANGE)."""
    if not 0 < minor <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={minor} is not between 1 and 2^53-1")
    return minor


def rounded_half_up(numerator: int, denominator: int) -> int:
    """Round a non-negative fraction half up: the one rounding, once per invoice line and tax group."""
    assert numerator >= 0 and denominator > 0, "only non-negative amounts are rounded"
    return (2 * numerator + denominator) // (2 * denominator)
