"""The tax statement: what was sold and bought, per thing and row of the tax table. [TAX-4]"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class TaxKey(NamedTuple):
    """What a line of a statement is of; `sold` is false for what was bought."""

    sold: bool
    party: str
    jurisdiction: str
    category: str
    rate_basis_points: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxSum:
    """What was taxed, minor units; credit notes are taken off."""

    taxable_minor: int = 0
    tax_minor: int = 0
    invoices: int = 0
    credit_notes: int = 0

    def plus(self, other: "TaxSum") -> "TaxSum":
        """Both together."""
        return TaxSum(
            taxable_minor=self.taxable_minor + other.taxable_minor,
            tax_minor=self.tax_minor + other.tax_minor,
            invoices=self.invoices + other.invoices,
            credit_notes=self.credit_notes + other.credit_notes,
        )


Statement = dict[TaxKey, TaxSum]
"""Lines by what they are of."""


def summed(lines: Iterable[tuple[TaxKey, TaxSum]]) -> Statement:
    """Add lines up, in the order of their keys."""
    found: Statement = {}
    for key, line in lines:
        before = found.get(key)
        found[key] = line if before is None else before.plus(line)
    return dict(sorted(found.items()))
