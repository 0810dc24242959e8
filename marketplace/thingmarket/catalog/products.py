"""Product ids: a seller's own, or a GTIN of GS1, whose check digit must be right. [CAT-11]"""

from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.ids import checked_id

GTIN_PREFIX: Final = "gtin:"
_GTIN_LENGTHS: Final = (8, 12, 13, 14)


def gtin_valid(digits: str) -> bool:
    """True for 8, 12, 13 or 14 digits of which the last is the GS1 check digit of the others."""
    if not _is_gtin_shaped(digits):
        return False
    weighted = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(reversed(digits)))
    return weighted % 10 == 0


def check_product_id(value: str) -> None:
    """Refuse bad characters, and a GTIN whose length or check digit is wrong (BAD_ID)."""
    checked_id(value, "product_id")
    digits = _gtin_digits(value)
    if digits is not None and not gtin_valid(digits):
        wrong = "its check digit is wrong" if _is_gtin_shaped(digits) else "has not 8, 12, 13 or 14 digits"
        raise Refusal(Code.BAD_ID, f"product_id {value} looks like a GTIN and {wrong}", "CAT-11")


def product_key(value: str) -> str:
    """One name for one product: the 14 digits of a GTIN after `gtin:`, any other id as it stands."""
    digits = _gtin_digits(value)
    return value if digits is None else f"{GTIN_PREFIX}{digits:0>14}"


def _gtin_digits(value: str) -> str | None:
    """What calls itself a GTIN, or has the form of one, right or wrong; None for another id."""
    if value.startswith(GTIN_PREFIX):
        return value[len(GTIN_PREFIX) :]
    return value if _is_gtin_shaped(value) else None


def _is_gtin_shaped(value: str) -> bool:
    return len(value) in _GTIN_LENGTHS and value.isascii() and value.isdigit()
