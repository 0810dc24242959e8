"""What an operator keeps of a sale: his fee, and the seller's reserve for a while. [SET-7]"""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import FEE_BASIS_POINTS_MAX, RESERVE_DAYS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """The operator's fee on a sale's net, and what part of the rest a seller gets so many days later."""

    fee_basis_points: int = 0
    reserve_basis_points: int = 0
    reserve_days: int = 0


NO_CHARGES: Final = Charges()


def check_charges(charges: Charges) -> None:
    """Refuse a fee or reserve over half, and a reserve that is for no time or never ends (OUT_OF_RANGE)."""
    for share in (charges.fee_basis_points, charges.reserve_basis_points):
        if not 0 <= share <= FEE_BASIS_POINTS_MAX:
            raise Refusal(
                Code.OUT_OF_RANGE, f"a share lies between 0 and {FEE_BASIS_POINTS_MAX} basis points"
            )
    if not bool(charges.reserve_basis_points) <= charges.reserve_days <= RESERVE_DAYS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"a reserve is for 1 to {RESERVE_DAYS_MAX} days")
