"""An ink cartridge, a need for one, and how to vary them."""

from typing import Any

from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.needs import Comparison, Constraint, Favourite, Need, Preference
from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.catalog.ranking import Candidate
from thingmarket.ids import digest
from thingmarket.limits import DAY_MS
from thingmarket.time import UnixMs

NOW_MS = UnixMs(1_767_225_600_000)
KEY = bytes(range(16))


def an_offer(**changes: Any) -> Offer:
    fields: dict[str, Any] = {
        "key": KEY,
        "product_id": "4006381333931",
        "title": "Black ink 302, 200 pages",
        "category": "44103105",
        "attributes": (
            Attribute("brand", "Inkwell"),
            Attribute("pages", ScaledInteger(200)),
            Attribute("refilled", True),
            Attribute("weight", ScaledInteger(125, 1, "GRM")),
        ),
        "unit": "C62",
        "currency": "EUR",
        "price_minor": 1_999,
        "price_base_steps": 1,
        "tax_category": "S",
        "stock_steps": 50,
        "min_steps": 1,
        "max_steps": 10,
        "valid_until_ms": NOW_MS + DAY_MS,
        "fulfilment": FulfilmentKind.HUMAN,
        "delivery_ms": 2 * DAY_MS,
        "inspection_ms": DAY_MS,
    }
    return Offer(**(fields | changes))


def a_need(**changes: Any) -> Need:
    fields: dict[str, Any] = {
        "key": KEY,
        "title": "Black ink for the printer in the hall",
        "category": "441031",
        "unit": "C62",
        "quantity_steps": 2,
        "valid_until_ms": NOW_MS + DAY_MS,
    }
    return Need(**(fields | changes))


def must(attribute: str, comparison: Comparison, *values: ScaledInteger | str | bool) -> Constraint:
    return Constraint(attribute, comparison, values)


def wish(attribute: str, worst: ScaledInteger | int, ideal: ScaledInteger | int, weight: int) -> Preference:
    worst, ideal = (n if isinstance(n, ScaledInteger) else ScaledInteger(n) for n in (worst, ideal))
    return Preference(attribute=attribute, ideal=ideal, worst=worst, weight_millionths=weight)


def favourite(attribute: str, weight: int, *values: ScaledInteger | str | bool) -> Favourite:
    return Favourite(attribute=attribute, values=values, weight_millionths=weight)


def a_candidate(name: str, total_minor: int, *attributes: Attribute, **changes: Any) -> Candidate:
    stock_steps = changes.pop("stock_steps", 50)
    return Candidate(
        offer=an_offer(title=name, attributes=attributes, **changes),
        digest=digest(name.encode()),
        stock_steps=stock_steps,
        total_minor=total_minor,
        seller=f"did:key:{name}",
    )
