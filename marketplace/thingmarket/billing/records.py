"""Rows of billing: what stays of an invoice when everything that follows from its contract is left out."""

from dataclasses import dataclass

from thingmarket.ids import ContractId, PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRecord:
    """An invoice, or a credit note when it `corrects` one; amounts in minor units, positive in both.

    `buyer` is the number of his party, `net_minor` what is taxed. Lines, names, currency and rate follow from
    contract and offer. [INV-1]
    """

    contract: ContractId
    unit: int
    buyer: int
    seq: int
    issued_ms: int
    net_minor: int
    tax_minor: int
    payable_minor: int
    fee_minor: int = 0
    points: int = 0
    corrects: int = 0
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Points of a seller for sales in one currency; its terms never change. [PTS-1]"""

    name: str
    ledger: int
    earn_basis_points: int
    value_minor: int
    idle_days: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRecord:
    """A live exchange rate; `aside_minor` is set aside to be given, `taken_minor` came in. [FX-1]"""

    publisher: PartyId
    from_currency: str
    to_currency: str
    numerator: int
    denominator: int
    left_minor: int
    aside_minor: int
    taken_minor: int
    valid_until_ms: int
    seq: int
