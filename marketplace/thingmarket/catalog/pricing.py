"""What a quantity costs: one line by the arithmetic of EN 16931. [BUY-2]"""

from dataclasses import dataclass

from thingmarket.catalog.offers import Offer
from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX
from thingmarket.money import rounded_half_up
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.quantity import checked_steps
from thingmarket.values import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Net, tax and payable total in minor units; net and tax are rounded once, the total is their sum."""

    net_minor: int
    tax_minor: int
    total_minor: int


def price(offer: Offer, quantity_steps: int, tax_basis_points: int, less_minor: int = 0) -> Price:
    """Price `quantity_steps` of `offer`; 1900 basis points are 19 % tax (OUT_OF_RANGE).

    `less_minor` is taken off the net before tax, as redeemed points are. What has no net left, or rounds to
    none, has no price, so it is refused.
    """
    assert tax_basis_points >= 0, "a tax rate of the operator's table is never negative"
    checked_steps(quantity_steps, "quantity_steps")
    net = rounded_half_up(offer.price_minor * quantity_steps, offer.price_base_steps) - less_minor
    if net <= 0:
        raise Refusal(Code.OUT_OF_RANGE, "nothing would be left to pay, or it rounds to nothing", "BUY-2")
    tax = rounded_half_up(net * tax_basis_points, WHOLE_BASIS_POINTS)
    if net + tax > INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"a total of {net + tax} minor units is beyond 2^53-1")
    return Price(net_minor=net, tax_minor=tax, total_minor=net + tax)
