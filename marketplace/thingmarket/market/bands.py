"""How far prices may go before orders are refused, and before a market halts. [MKT-9]"""

from thingmarket.limits import INTEGER_MAX
from thingmarket.market.order_records import MarketRecord
from thingmarket.proportions import WHOLE_BASIS_POINTS

Band = tuple[int, int]
"""Lowest and highest price in ticks."""


def order_band(record: MarketRecord) -> Band | None:
    """Where the worst price of an order has to lie: around the last trade. None: anywhere.

    There is none from an auction that the operator called until something trades again.
    """
    return _around(record, record.last_ticks) if record.reference_ticks else None


def leaves_band(record: MarketRecord, reference: int, low: int, high: int) -> bool:
    """Whether trades between these prices went too far from the price that the breaker measures from."""
    band = _around(record, reference)
    return band is not None and not (band[0] <= low and high <= band[1])


def _around(record: MarketRecord, ticks: int) -> Band | None:
    """As wide as the market's part of what the price is worth; None without a band or a price.

    It is a tick wide at least: where a tick is more than that part, no price could ever move again.
    """
    listed = record.listed
    if not listed.band_basis_points or not ticks:
        return None
    width = max(1, abs(ticks - listed.offset_ticks) * listed.band_basis_points // WHOLE_BASIS_POINTS)
    return max(1, ticks - width), min(INTEGER_MAX, ticks + width)
