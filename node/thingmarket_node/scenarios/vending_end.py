"""What S1 must come to: every trade, refusal, decision, promise, invoice and cent."""

from typing import Any, Final

from thingmarket_node.scenarios.expectations import Expected, Refused, Trade

_ALWAYS: Final = ("AUT-0", "AUT-1", "ACT-1", "TIM-1", "TIM-2", "NOD-1", "CAT-1", "PAR-1")
_LIMITS: Final = tuple(f"LIM-{number}" for number in range(5))
PHONE_RULES: Final = (*_ALWAYS, *_LIMITS)
MACHINE_RULES: Final = (*_ALWAYS, *_LIMITS, "GRD-1")
# An order that waited has reserved its budget: of the limits only those of one order are looked at again.
APPROVED_RULES: Final = (*_ALWAYS, *_LIMITS[:3], "LIM-10", "COS-2", "GRD-1")

# By price alone, or without the brand, the other wholesaler's would have done for 42.84.
WISHES: Final = {"keeps": 0, "price": 0, "delivery": 0, "co2_per_crate": 0, "brand": 286}
# Seller, buyer, payable, tax, what was taken off before tax, points earned and redeemed.
INVOICES: Final[list[tuple[Any, ...]]] = [
    ("vera", "pia", 179, 29, (), 15, 0),
    ("vera", "paul", 128, 8, (), 12, 0),
    ("vera", "pia", 155, 25, (("Points redeemed", 20),), 13, 10),
    # A tenth of 45.70 was credited: 41.13 pay for 34.56 and their tax.
    ("bevco", "vera", 4_113, 657, (("Late delivery credit", 384),), 0, 0),
    ("rolf", "vera", 3_392, 542, (), 0, 0),
    ("rolf", "vera", 7_913, 1_264, (), 0, 0),
]
# Sold or bought, jurisdiction (none: the seller owes it), category, net and tax.
TAX: Final = [
    (False, "", "S", 9_500, 1_806),
    (False, "DE", "S", 3_456, 657),
    (True, "DE", "R", 120, 8),
    (True, "DE", "S", 280, 54),
]
UBL: Final = {
    "InvoiceTypeCode": ["380"],
    "RegistrationName": ["Bevco GmbH", "Vera Kaltgetr\u00e4nke"],
    "LineExtensionAmount": ["38.40", "38.40"],
    "AllowanceTotalAmount": ["3.84"],
    "TaxExclusiveAmount": ["34.56"],
    "PayableAmount": ["41.13"],
}
KEPT: Final = {"delivery.quantity": True, "delivery.late_ms": False, "keeps": False}
PREVIEW: Final[list[tuple[Any, ...]]] = [
    ("crate-fizzo", 4_570, "ALLOW", "DENY", "LIM-2"),
    ("crate-fizzo", 9_139, "NEED_COSIGN", "DENY", "LIM-2"),
    ("repair-compressor", 11_305, "NEED_COSIGN", "DENY", "LIM-1"),
]
# By category: orders, spent, came back.
SPENT: Final = {"50202306": (1, 4_570, 457), "73152108": (1, 11_305, 0)}


def _drink(buyer: str, product: str, total_minor: int) -> Trade:
    return Trade(
        buyer=buyer,
        seller="vera",
        product=product,
        total_minor=total_minor,
        ended="ACCEPTED",
        cause="Exchange",
        need=False,
        rules=PHONE_RULES,
    )


def _refused(who: str, what: str, code: str, rule: str) -> Refused:
    return Refused(who=who, what=what, code=code, rule=rule)


EXPECTED: Final = Expected(
    trades=(
        _drink("pia", "can-cola", 179),
        _drink("paul", "can-milk", 128),
        _drink("pia", "can-cola", 155),
        Trade(
            buyer="vera",
            seller="bevco",
            product="crate-fizzo",
            total_minor=4_570,
            ended="ACCEPTED",
            cause="AcceptDelivery",
            need=True,
            rules=MACHINE_RULES,
            late_credit_minor=457,
        ),
        Trade(
            buyer="vera",
            seller="rolf",
            product="repair-compressor",
            total_minor=11_305,
            ended="ACCEPTED",
            cause="AcceptDelivery",
            need=True,
            rules=APPROVED_RULES,
            units=2,
        ),
    ),
    refusals=(
        _refused("paul-phone", "buys three colas at once", "DENIED", "LIM-2"),
        _refused("machine", "buys once it is an announcer", "DENIED", "AUT-0"),
        _refused("paul-phone", "buys of a machine that is an announcer", "OFFER_ENDED", "BUY-1"),
        _refused("machine", "buys once all is revoked", "MANDATE_REVOKED", "MAN-8"),
    ),
    balances_minor={
        # 300.00 and three drinks (1.33 + 1.06 + 1.15 after tax, fee and reserve), less 41.13 and 113.05
        "vera": 14_936,
        "pia": 666,
        "paul": 872,
        # 41.13 less 6.57 tax, 0.86 fee and 3.37 reserve
        "bevco": 3_033,
        "drinkhaus": 0,
        # 33.92 and 79.13, less 0.71 and 1.66 fee, 3.32 and 7.74 reserve
        "rolf": 9_962,
    },
    operator_minor={
        "fees": 3 + 3 + 3 + 86 + 71 + 166,
        "reserves": 14 + 11 + 12 + 337 + 332 + 774,
        "tax DE:R": 8,
        "tax DE:S": 29 + 25 + 657,
    },
    # 15 of a cola, 10 redeemed, 13 of the second one; 12 of milk
    points={"pia": 18, "paul": 12, "vera": -30},
    decisions={
        # Two offers, three needs, a purchase of its own and one that vera approved, three times accepted,
        # feedback; twice asked; once denied; once without any mandate.
        "vera": {"allow": 11, "need cosign COS-1": 2, "deny AUT-0": 1, "not asked": 1},
        "paul": {"allow": 1, "deny LIM-2": 1, "not asked": 1},
    },
)
