"""Who gets what of the money of a unit: parts that sum to it exactly. [SET-7]"""

from dataclasses import dataclass

from thingmarket.billing.arithmetic import Settled
from thingmarket.billing.charges import Charges
from thingmarket.proportions import WHOLE_BASIS_POINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The parts of what moved for a unit, minor units; `tax_minor` is what the operator collects."""

    seller_minor: int
    reserve_minor: int
    fee_minor: int
    tax_minor: int


def shares_of(settled: Settled, charges: Charges, *, collected: bool) -> Shares:
    """Divide what moved: tax that is collected, the fee on the net, the reserve of the rest, the seller.

    Fee and reserve are rounded down, so what cannot be divided is the seller's. Where the seller himself owes
    the tax, he gets it.
    """
    tax = settled.tax_minor if collected else 0
    fee = settled.net_minor * charges.fee_basis_points // WHOLE_BASIS_POINTS
    rest = settled.payable_minor - tax - fee
    reserve = rest * charges.reserve_basis_points // WHOLE_BASIS_POINTS
    assert rest >= reserve >= 0, "fee and tax leave the seller something or nothing"
    return Shares(seller_minor=rest - reserve, reserve_minor=reserve, fee_minor=fee, tax_minor=tax)
