"""Offers and needs as people write them: JSON with the fields of the protocol, times relative to now."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from thingmarket.catalog.attributes import (
    Attribute,
    AttributeValue,
    ScaledInteger,
    check_name,
    check_value,
)
from thingmarket.catalog.needs import (
    Comparison,
    Constraint,
    Favourite,
    Need,
    Preference,
    Wish,
    check_need,
)
from thingmarket.catalog.offers import FulfilmentKind, Offer, check_offer
from thingmarket.catalog.terms import PLAIN_TERMS, Milestone, SettlementKind, Terms
from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS

T = TypeVar("T")
Sheet = Mapping[str, Any]

SHEET_BYTES_MAX: Final = 64 * 1024  # an offer has at most 48 KiB
_VALID_FOR_MS: Final = 30 * DAY_MS
_WHOLE: Final = ("_minor", "_steps", "_ms", "_scale")  # ends of names
_OFFER_DEFAULTS: Final[dict[str, Any]] = {
    "unit": "C62",
    "unit_scale": 0,
    "price_base_steps": 1,
    "tax_category": "S",
    "jurisdiction": "",
    "min_steps": 1,
    "fulfilment": "HUMAN",
    "delivery_ms": 3 * DAY_MS,
    "inspection_ms": 3 * DAY_MS,
    "attributes": {},
    "answers": {},
    "terms": {},
    "valid_for_ms": _VALID_FOR_MS,
}
_OFFER_FIELDS: Final = frozenset(_OFFER_DEFAULTS) | {
    "product_id",
    "title",
    "category",
    "currency",
    "price_minor",
    "stock_steps",
    "max_steps",
}
_NEED_DEFAULTS: Final[dict[str, Any]] = {
    "product_id": "",
    "unit": "C62",
    "unit_scale": 0,
    "must": [],
    "prefer": [],
    "slot": "",
    "valid_for_ms": _VALID_FOR_MS,
}
_NEED_FIELDS: Final = frozenset(_NEED_DEFAULTS) | {"title", "category", "quantity_steps"}

OFFER_HELP: Final = """\b
An offer sheet is a JSON object with the fields of the protocol; these can be left out:
unit C62 (pieces), unit_scale 0, price_base_steps 1, tax_category S, jurisdiction (as in DE: the operator
collects its tax; you owe it when none is named), min_steps 1, max_steps = stock,
fulfilment HUMAN, delivery_ms and inspection_ms 3 days, valid_for_ms 30 days, attributes, and answers:
facts that are told to whom asks for them.
  {"product_id": "ink-black-xl", "title": "Black ink XL", "category": "44103105",
   "currency": "EUR", "price_minor": 1590, "stock_steps": 50,
   "attributes": {"pages": 1200, "weight": {"steps": 52, "unit": "GRM"}, "refilled": true},
   "answers": {"colour": "black"}}
terms, unless left out: settlement ESCROW or DVP (goods and money at once), milestones, grace_ms,
late_credit_basis_points_per_day, late_credit_max_basis_points, cancel_window_ms,
cancel_planned_basis_points and cancel_ready_basis_points (left out: cannot be cancelled in that state):
  "terms": {"cancel_window_ms": 3600000, "cancel_planned_basis_points": 500,
            "milestones": [{"title": "Parts", "share_millionths": 400000, "delivery_ms": 86400000},
                           {"title": "Work", "share_millionths": 600000, "delivery_ms": 259200000}]}
"""
NEED_HELP: Final = """\b
A need sheet is a JSON object; unit C62 (pieces), valid_for_ms 30 days, must, prefer and slot can be left out
(a slot is your own name for the want: at most one need or order of it is open):
  {"title": "Black ink is low", "category": "44103105", "product_id": "ink-black-xl",
   "quantity_steps": 1,
   "must": [{"attribute": "pages", "comparison": "AT_LEAST", "values": [1000]}],
   "prefer": [{"attribute": "price", "ideal": 1000, "worst": 3000, "weight_millionths": 700000},
              {"attribute": "brand", "favourites": ["Inkwell"], "weight_millionths": 300000}]}
"""


def read_sheet(path: Path) -> Sheet:
    """Read a JSON object (MALFORMED, TOO_LARGE)."""
    data = path.read_bytes()
    if len(data) > SHEET_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"{path.name} has more than {SHEET_BYTES_MAX} bytes")
    try:
        found = json.loads(data, parse_float=_no_fraction)
    except (ValueError, RecursionError) as error:
        raise Refusal(Code.MALFORMED, f"{path.name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refusal(Code.MALFORMED, f"{path.name} holds no JSON object")
    return found


def offer_of(sheet: Sheet, *, key: bytes, now_ms: int) -> Offer:
    """Make the offer of a sheet (BAD_FIELD, and what a bad offer is refused for)."""
    found = _complete(sheet, _OFFER_FIELDS, _OFFER_DEFAULTS, "an offer sheet")
    found.setdefault("max_steps", found.get("stock_steps"))
    valid_for_ms, kind = found.pop("valid_for_ms"), str(found.pop("fulfilment")).upper()
    if kind not in FulfilmentKind.__members__:
        raise Refusal(Code.BAD_FIELD, f"fulfilment is {' or '.join(FulfilmentKind.__members__)}")

    def make() -> Offer:
        attributes = found.pop("attributes")
        found.pop("answers")  # not published
        terms = _terms(found.pop("terms"))
        stated = tuple(Attribute(name, value_of(value)) for name, value in sorted(attributes.items()))
        return Offer(
            key=key,
            valid_until_ms=now_ms + valid_for_ms,
            fulfilment=FulfilmentKind[kind],
            attributes=stated,
            terms=terms,
            **found,
        )

    return _checked(make, check_offer, "an offer sheet")


def _terms(sheet: Sheet) -> Terms:
    """Terms as a sheet says them; fields that are left out are those of an offer that says nothing."""
    if not sheet:
        return PLAIN_TERMS
    found = dict(sheet)
    kind = str(found.pop("settlement", SettlementKind.ESCROW.name)).upper()
    if kind not in SettlementKind.__members__:
        raise Refusal(Code.BAD_FIELD, f"settlement is {' or '.join(SettlementKind.__members__)}")
    milestones = tuple(Milestone(**one) for one in found.pop("milestones", ()))
    return Terms(settlement=SettlementKind[kind], milestones=milestones, **found)


def answers_of(sheet: Sheet) -> dict[str, AttributeValue]:
    """The facts of an offer sheet that are told only to who asks (BAD_FIELD)."""
    try:
        answers = {name: value_of(value) for name, value in sheet.get("answers", {}).items()}
    except (TypeError, AttributeError) as error:
        raise Refusal(Code.BAD_FIELD, f"answers of an offer sheet: {error}") from None
    for name, value in answers.items():
        check_name(name, "answer")
        check_value(value, name)
    return answers


def need_of(sheet: Sheet, *, key: bytes, now_ms: int) -> Need:
    """Make the need of a sheet (BAD_FIELD, and what a bad need is refused for)."""
    found = _complete(sheet, _NEED_FIELDS, _NEED_DEFAULTS, "a need sheet")
    valid_for_ms = found.pop("valid_for_ms")

    def make() -> Need:
        must = tuple(_constraint(one) for one in found.pop("must"))
        prefer = tuple(_wish(one) for one in found.pop("prefer"))
        return Need(key=key, valid_until_ms=now_ms + valid_for_ms, must=must, prefer=prefer, **found)

    return _checked(make, check_need, "a need sheet")


def _complete(sheet: Sheet, fields: frozenset[str], defaults: Sheet, what: str) -> dict[str, Any]:
    unknown = sorted(set(sheet) - fields)
    if unknown:
        raise Refusal(Code.BAD_FIELD, f"{what} does not know {', '.join(unknown)}")
    missing = sorted(fields - set(sheet) - set(defaults) - {"max_steps"})
    if missing:
        raise Refusal(Code.BAD_FIELD, f"{what} needs {', '.join(missing)}")
    for name, value in sheet.items():
        if name.endswith(_WHOLE) and type(value) is not int:
            raise Refusal(Code.BAD_FIELD, f"{what}: {name} is a whole number, not {value!r}")
    return {**defaults, **sheet}


def _checked(make: Callable[[], T], check: Callable[[T], None], what: str) -> T:
    try:
        made = make()
        check(made)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        # A field that is missing, or holds a text where a number belongs.
        raise Refusal(Code.BAD_FIELD, f"{what}: {error}") from None
    return made


def _no_fraction(text: str) -> int:
    raise ValueError(f"{text} is no whole number: count in smaller steps")


def value_of(value: Any) -> AttributeValue:
    """A flag, a text, a whole number, or {steps, scale, unit}."""
    if isinstance(value, bool | str):
        return value
    return _number(value)


def _number(value: Any) -> ScaledInteger:
    if isinstance(value, int) and not isinstance(value, bool):
        return ScaledInteger(value)
    return ScaledInteger(**value)


def _constraint(found: Sheet) -> Constraint:
    name = str(found["comparison"]).upper()
    if name not in Comparison.__members__:
        raise Refusal(Code.BAD_FIELD, f"comparison is one of {', '.join(Comparison.__members__)}")
    return Constraint(found["attribute"], Comparison[name], tuple(map(value_of, found["values"])))


def _wish(found: Sheet) -> Wish:
    if "favourites" in found:
        return Favourite(
            attribute=found["attribute"],
            values=tuple(map(value_of, found["favourites"])),
            weight_millionths=found["weight_millionths"],
        )
    return Preference(
        attribute=found["attribute"],
        ideal=_number(found["ideal"]),
        worst=_number(found["worst"]),
        weight_millionths=found["weight_millionths"],
    )
