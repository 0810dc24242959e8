"""Who and what plays in S1: the sheets of the vending machine, its wholesalers and its repairer."""

from typing import Any, Final

from thingmarket_node.scenarios.stage import CURRENCY, Terms

# The operator takes 2.5 % of each sale, keeps a tenth of the rest for two weeks, and collects German tax; a
# thing is on probation until two of its deliveries were accepted.
MARKET: Final = Terms(
    taxes=("S=1900", "DE:S=1900", "DE:R=700"),
    fee_basis_points=250,
    reserve_basis_points=1_000,
    probation="orders=20,order=200.00,deliveries=2",
)
PARTIES: Final = {
    "vera": {"name": "Vera Kaltgetränke", "country": "DE", "city": "Berlin"},
    "bevco": {"name": "Bevco GmbH", "country": "DE", "city": "Hamburg", "tax_id": "DE123456789"},
}
_CRATES_OF_DRINKS: Final = "50202306"
_CANS: Final = {"S": "50202309", "R": "50131701"}  # what is sold to people; milk has the reduced rate
_REPAIRS: Final = "73152108"
_ALL_OF_IT_FOR_A_SECOND: Final = 10_000 * 86_400  # basis points a day: here a second stands for a day


def _days(steps: int) -> dict[str, Any]:
    return {"steps": steps, "unit": "DAY"}


def _grams(steps: int) -> dict[str, Any]:
    return {"steps": steps, "unit": "GRM"}


def _drink(product: str, title: str, price_minor: int, tax_category: str) -> dict[str, Any]:
    """Money against can, at once."""
    return {
        "product_id": product,
        "title": title,
        "category": _CANS[tax_category],
        "currency": CURRENCY,
        "price_minor": price_minor,
        "stock_steps": 40,
        "max_steps": 10,
        "tax_category": tax_category,
        "jurisdiction": "DE",
        "terms": {"settlement": "DVP"},
    }


def _crate(title: str, brand: str, price_minor: int, co2: int, **more: Any) -> dict[str, Any]:
    return {
        "product_id": f"crate-{brand.lower()}",
        "title": title,
        "category": _CRATES_OF_DRINKS,
        "currency": CURRENCY,
        "price_minor": price_minor,
        "stock_steps": 100,
        "max_steps": 10,
        "jurisdiction": "DE",
        "attributes": {"brand": brand, "co2_per_crate": _grams(co2), "keeps": _days(180)},
        **more,
    }


OFFERS: Final = {
    "cola": _drink("can-cola", "Cola, 0.33 l", 150, "S"),
    "milk": _drink("can-milk", "Milk, 0.2 l", 120, "R"),
    "bevco": _crate(
        "Fizzo cola, 24 cans",
        "Fizzo",
        1_920,
        900,
        delivery_ms=1_000,
        terms={
            "grace_ms": 600_000,
            "late_credit_basis_points_per_day": _ALL_OF_IT_FOR_A_SECOND,
            "late_credit_max_basis_points": 1_000,
        },
    ),
    "drinkhaus": _crate("Kola classic, 24 cans", "Kola", 1_800, 2_400),
    # A small trader, who owes his tax himself.
    "repair": {
        "product_id": "repair-compressor",
        "title": "Repair of a compressor",
        "category": _REPAIRS,
        "currency": CURRENCY,
        "price_minor": 9_500,
        "stock_steps": 3,
        "attributes": {"warranty": _days(365)},
        "terms": {
            "milestones": [
                {"title": "Inspection", "share_millionths": 300_000, "delivery_ms": 86_400_000},
                {"title": "Repair", "share_millionths": 700_000, "delivery_ms": 259_200_000},
            ]
        },
    },
}

_CRATES: Final = {
    "category": _CRATES_OF_DRINKS,
    "must": [{"attribute": "keeps", "comparison": "AT_LEAST", "values": [_days(90)]}],
    "prefer": [
        {"attribute": "price", "ideal": 4_000, "worst": 5_000, "weight_millionths": 550_000},
        {"attribute": "delivery", "ideal": 0, "worst": 345_600_000, "weight_millionths": 50_000},
        {
            "attribute": "co2_per_crate",
            "ideal": _grams(500),
            "worst": _grams(3_000),
            "weight_millionths": 100_000,
        },
        {"attribute": "brand", "favourites": ["Fizzo"], "weight_millionths": 300_000},
    ],
}
NEEDS: Final = {
    "cola-is-low": {**_CRATES, "title": "Cola is low", "quantity_steps": 2, "slot": "cola"},
    "heat-wave": {**_CRATES, "title": "A heat wave is coming", "quantity_steps": 4, "slot": "cola"},
    "compressor": {
        "title": "The compressor does not cool enough",
        "category": _REPAIRS,
        "product_id": "repair-compressor",
        "quantity_steps": 1,
        "must": [{"attribute": "warranty", "comparison": "AT_LEAST", "values": [_days(180)]}],
    },
}
