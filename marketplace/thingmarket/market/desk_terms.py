"""Of a market's terms what the desk takes: schedule, breaker and who sees its book are the market's own."""

from thingmarket.market.order_records import MarketRecord
from thingmarket.money import currency_of
from thingmarket.trading.terms import MarketTerms


def desk_terms(record: MarketRecord) -> MarketTerms:
    """With the ledgers that this node has for currency and product."""
    listed = record.listed
    return MarketTerms(
        number=listed.market,
        product_id=listed.product_id,
        currency=listed.currency,
        money_ledger=currency_of(listed.currency).ledger,
        goods_ledger=record.goods_ledger,
        tick_minor=listed.tick_minor,
        lot_steps=listed.lot_steps,
        offset_ticks=listed.offset_ticks,
        self_trade=int(listed.self_trade),
        settlement=listed.settlement,
        fee_basis_points=listed.fee_basis_points,
    )
