"""Invoices and credit notes as values, after the business terms (BT) of EN 16931. [INV-1]"""

from dataclasses import dataclass
from enum import Enum, IntEnum, unique


@unique
class InvoiceKind(IntEnum):
    """UNTDID 1001 (BT-3)."""

    INVOICE = 380
    CREDIT_NOTE = 381


class AllowanceReason(Enum):
    """Why less is asked than the line says (BT-97)."""

    LATE_DELIVERY = "Late delivery credit"
    POINTS = "Points redeemed"
    PRICE = "Allowance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was sold (BG-25). `price_minor` is net, of `price_base_steps` steps of 10^-unit_scale `unit`."""

    name: str
    product_id: str
    quantity_steps: int
    unit: str
    unit_scale: int
    price_minor: int
    price_base_steps: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """A deduction from the whole invoice before tax, minor units (BG-20)."""

    reason: AllowanceReason
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxSubtotal:
    """One group of category and rate (BG-23); where a jurisdiction is named the operator collects. [TAX-2]"""

    jurisdiction: str
    category: str
    rate_basis_points: int
    taxable_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of an invoice, minor units (BG-22)."""

    lines_minor: int  # BT-106
    allowances_minor: int  # BT-107
    net_minor: int  # BT-109
    tax_minor: int  # BT-110
    gross_minor: int  # BT-112
    prepaid_minor: int  # BT-113
    rounding_minor: int  # BT-114
    payable_minor: int  # BT-115


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice or credit note of one unit of a contract; amounts of a credit note are positive too.

    `number` is the seller's own gapless count (BT-1). Names and addresses are not in it: `sealed` are the
    commitments to them that the contract names. `corrects` is the invoice that a credit note is of (BT-25).
    """

    kind: InvoiceKind
    seller: str
    buyer: str
    seller_thing: str
    buyer_thing: str
    number: int
    issued_ms: int
    currency: str
    currency_scale: int
    contract: bytes
    unit: int
    seq: int
    lines: tuple[Line, ...]
    tax: tuple[TaxSubtotal, ...]
    totals: Totals
    allowances: tuple[Allowance, ...] = ()
    sealed: tuple[bytes, ...] = ()
    delivered_ms: int = 0
    corrects: int = 0
    corrects_issued_ms: int = 0
    refunded_minor: int = 0
    points_earned: int = 0
    points_redeemed: int = 0

    @property
    def name(self) -> str:
        """How the seller's books call it, as in `17`."""
        return str(self.number)


def totals_of(
    lines: tuple[Line, ...],
    allowances: tuple[Allowance, ...],
    tax: tuple[TaxSubtotal, ...],
    *,
    rounding_minor: int = 0,
    prepaid_minor: int = 0,
) -> Totals:
    """Add everything up; nothing is rounded here."""
    lines_minor = sum(line.net_minor for line in lines)
    allowances_minor = sum(allowance.amount_minor for allowance in allowances)
    net_minor = lines_minor - allowances_minor
    tax_minor = sum(group.tax_minor for group in tax)
    return Totals(
        lines_minor=lines_minor,
        allowances_minor=allowances_minor,
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=net_minor + tax_minor,
        prepaid_minor=prepaid_minor,
        rounding_minor=rounding_minor,
        payable_minor=net_minor + tax_minor - prepaid_minor + rounding_minor,
    )
