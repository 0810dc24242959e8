"""How far prices may go before a market halts. [MKT-9]"""

from thingmarket.limits import INTEGER_MAX
from thingmarket.market.order_records import MarketRecord
from thingmarket.proportions import WHOLE_BASIS_POINTS


def band_of(record: MarketRecord) -> tuple[int, int] | None:
    """Lowest and highest price in ticks around the last trade; None without a band or a trade.

    It is as wide as that part of the last price is worth, above what the market calls nothing.
    """
    listed = record.listed
    if not listed.band_basis_points or not record.last_ticks:
        return None
    width = abs(record.last_ticks - listed.offset_ticks) * listed.band_basis_points // WHOLE_BASIS_POINTS
    return max(1, record.last_ticks - width), min(INTEGER_MAX, record.last_ticks + width)
