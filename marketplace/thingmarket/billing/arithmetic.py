"""The arithmetic of EN 16931 in minor units: lines are rounded first, then sums are exact. [INV-2]"""

from dataclasses import dataclass
from typing import Final

from thingmarket.limits import DAY_MS
from thingmarket.money import rounded_half_up
from thingmarket.proportions import WHOLE_BASIS_POINTS

_DAYS_IN_400_YEARS: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_468  # from 0000-03-01, where a year begins that ends with its leap day


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What of a line is invoiced: its net, its tax, and what is added so that the payable is what moved.

    `net_minor` is what is taxed (after allowances), `rounding_minor` may be negative (BT-114).
    """

    net_minor: int
    tax_minor: int
    rounding_minor: int

    @property
    def payable_minor(self) -> int:
        """What moved, minor units (BT-115)."""
        return self.net_minor + self.tax_minor + self.rounding_minor


def tax_of(net_minor: int, rate_basis_points: int) -> int:
    """Tax of a taxable amount, rounded half up once (BR-CO-17)."""
    return rounded_half_up(net_minor * rate_basis_points, WHOLE_BASIS_POINTS)


def net_within(gross_minor: int, rate_basis_points: int) -> int:
    """The largest net amount that is, with its tax, not above `gross_minor`."""
    net = gross_minor * WHOLE_BASIS_POINTS // (WHOLE_BASIS_POINTS + rate_basis_points) + 1
    while net + tax_of(net, rate_basis_points) > gross_minor:  # twice at most: rounding moves it by one half
        net -= 1
    return net


def settled(*, net_minor: int, payable_minor: int, rate_basis_points: int) -> Settled:
    """What is invoiced of a part of a contract of this net when exactly `payable_minor` moves. [INV-3]

    A part's tax is its share of the whole contract's tax, so it may differ from the tax of its own net by a
    rounding: then the rounding amount of the invoice makes up for it. Less money than the net and its tax
    means an allowance: as much of the net as the money pays for is taxed.
    """
    tax = tax_of(net_minor, rate_basis_points)
    rounding = payable_minor - net_minor - tax
    if rounding >= -1:
        return Settled(net_minor=net_minor, tax_minor=tax, rounding_minor=rounding)
    net = net_within(payable_minor, rate_basis_points)
    tax = tax_of(net, rate_basis_points)
    return Settled(net_minor=net, tax_minor=tax, rounding_minor=payable_minor - net - tax)


def kept(whole: int, *, part: int, of: int) -> int:
    """What of `whole` stays when `part` of `of` stays; rounded down, so in the end all is given back."""
    assert 0 <= part <= of and of > 0, "what stays is a part"
    return whole * part // of


def date_text(time_ms: int) -> str:
    """The UTC day of a time, as in `2026-11-22`; Howard Hinnant's `civil_from_days` in whole numbers."""
    since = time_ms // DAY_MS + _DAYS_BEFORE_1970
    era, day_of_era = divmod(since, _DAYS_IN_400_YEARS)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    months_since_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * months_since_march + 2) // 5 + 1
    month = months_since_march + 3 if months_since_march < 10 else months_since_march - 9
    return f"{era * 400 + year_of_era + (month <= 2):04d}-{month:02d}-{day:02d}"


def decimal_text(amount: int, scale: int) -> str:
    """A scaled integer in digits, as in `19.99`."""
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    if not scale:
        return f"{sign}{whole}"
    units, rest = divmod(whole, 10**scale)
    return f"{sign}{units}.{rest:0{scale}d}"
