"""What a contract of two orders promises, put as an offer: nobody published one. [MKT-16]"""

from typing import Final

from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.contract.contract import Contract
from thingmarket.trading.commands import ListedMarket

_NO_KEY: Final = b""


def offer_of_fill(listed: ListedMarket, contract: Contract) -> Offer:
    """The terms of its market at the net price of all that was traded; no cancelling, no late credit.

    It follows from market and contract alone, so it is made anew whenever it is looked at.
    """
    steps = contract.quantity_steps
    return Offer(
        key=_NO_KEY,
        product_id=listed.product_id,
        title=listed.title,
        category=listed.category,
        unit=listed.unit,
        unit_scale=listed.unit_scale,
        currency=listed.currency,
        price_minor=contract.net_minor,
        price_base_steps=steps,
        tax_category=listed.tax_category,
        stock_steps=steps,
        min_steps=steps,
        max_steps=steps,
        valid_until_ms=contract.created_ms,
        fulfilment=FulfilmentKind.HUMAN,
        delivery_ms=listed.delivery_ms,
        inspection_ms=listed.inspection_ms,
        jurisdiction=listed.jurisdiction,
    )
