"""Offers: firm promises to sell at a posted price, and what makes one acceptable. [CAT-8]"""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.catalog.attributes import Attribute, check_attributes
from thingmarket.catalog.labels import check_label
from thingmarket.catalog.products import check_product_id
from thingmarket.catalog.terms import PLAIN_TERMS, Terms, check_terms
from thingmarket.errors import Code, Refusal
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, checked_bytes
from thingmarket.limits import DELIVERY_MS_MAX, INSPECTION_MS_MAX, OFFER_LIFE_MS, TITLE_CHARS_MAX
from thingmarket.money import checked_amount, currency_of
from thingmarket.quantity import checked_steps, checked_unit
from thingmarket.time import UnixMs, checked_time

_CATEGORY_LENGTHS = (2, 4, 6, 8)  # segment, family, class and commodity of UNSPSC
_TAX_CATEGORY_CHARS_MAX = 3
_SUBDIVISION_CHARS_MAX = 3


@unique
class FulfilmentKind(IntEnum):
    """Who does the delivering."""

    HUMAN = 1
    VIRTUAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a seller promises: product, facts, net price of `price_base_steps`, stock and times.

    Steps count 10^-unit_scale of `unit`; prices are minor units of `currency` without tax.
    """

    key: bytes
    product_id: str
    title: str
    category: str
    attributes: tuple[Attribute, ...] = ()
    unit: str
    unit_scale: int = 0
    currency: str
    price_minor: int
    price_base_steps: int
    tax_category: str
    stock_steps: int
    min_steps: int
    max_steps: int
    valid_until_ms: int
    fulfilment: FulfilmentKind
    delivery_ms: int
    inspection_ms: int
    terms: Terms = PLAIN_TERMS
    jurisdiction: str = ""

    @property
    def tax_row(self) -> str:
        """Which row of the operator's table taxes it, as in `S` or `DE:S`. [TAX-1]"""
        return tax_row(self.jurisdiction, self.tax_category)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOffer:
    """Ends the offer whose body has the SHA-256 `offer`."""

    key: bytes
    offer: bytes


def check_category(value: str) -> None:
    """Refuse what is not a UNSPSC code or a prefix at one of its four levels (BAD_FIELD)."""
    if len(value) not in _CATEGORY_LENGTHS or not (value.isascii() and value.isdigit()):
        raise Refusal(Code.BAD_FIELD, f"category must be 2, 4, 6 or 8 digits of UNSPSC, not {value[:16]!r}")


def check_offer(offer: Offer) -> None:
    """Refuse an offer that breaks a rule of its own fields; the market checks what it knows besides."""
    checked_bytes(offer.key, KEY_BYTES, "key")
    check_product_id(offer.product_id)
    check_label(offer.title, TITLE_CHARS_MAX, "title")
    check_category(offer.category)
    check_attributes(offer.attributes)
    checked_unit(offer.unit, offer.unit_scale)
    currency_of(offer.currency)
    checked_amount(offer.price_minor, "price_minor")
    checked_steps(offer.price_base_steps, "price_base_steps")
    check_tax_row(offer.jurisdiction, offer.tax_category)
    checked_steps(offer.stock_steps, "stock_steps")
    checked_steps(offer.min_steps, "min_steps")
    checked_steps(offer.max_steps, "max_steps")
    if offer.max_steps < offer.min_steps:
        raise Refusal(Code.BAD_FIELD, f"max_steps {offer.max_steps} < min_steps {offer.min_steps}")
    checked_time(offer.valid_until_ms, "valid_until_ms")
    _check_span(offer.delivery_ms, DELIVERY_MS_MAX, "delivery_ms")
    _check_span(offer.inspection_ms, INSPECTION_MS_MAX, "inspection_ms")
    check_terms(offer.terms, offer.delivery_ms)


def check_offer_times(offer: Offer, now_ms: UnixMs) -> None:
    """Refuse an offer that is over at its entry time (OFFER_ENDED) or stays too long (OUT_OF_RANGE)."""
    if offer.valid_until_ms <= now_ms:
        raise Refusal(Code.OFFER_ENDED, f"valid_until_ms={offer.valid_until_ms} is not after {now_ms}")
    if offer.valid_until_ms > now_ms + OFFER_LIFE_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"valid_until_ms is over {OFFER_LIFE_MS} ms after {now_ms}")


def check_withdraw_offer(withdrawal: WithdrawOffer) -> None:
    """Refuse a key or digest of another length (BAD_ID)."""
    checked_bytes(withdrawal.key, KEY_BYTES, "key")
    checked_bytes(withdrawal.offer, DIGEST_BYTES, "offer")


def check_quantity(offer: Offer, quantity_steps: int) -> None:
    """Refuse a quantity outside the offer's smallest and largest order (WRONG_QUANTITY)."""
    if not offer.min_steps <= quantity_steps <= offer.max_steps:
        raise Refusal(
            Code.WRONG_QUANTITY, f"{quantity_steps} steps are not {offer.min_steps} to {offer.max_steps}"
        )


def tax_row(jurisdiction: str, category: str) -> str:
    """Name a row of a tax table; where no jurisdiction is named, the seller himself owes the tax. [TAX-2]"""
    return f"{jurisdiction}:{category}" if jurisdiction else category


def row_parts(row: str) -> tuple[str, str]:
    """Jurisdiction and category of a row of a tax table."""
    jurisdiction, _, category = row.rpartition(":")
    return jurisdiction, category


def check_tax_row(jurisdiction: str, category: str) -> None:
    """Refuse a category, or a jurisdiction that is no code of ISO 3166, as in DE or US-CA (BAD_FIELD)."""
    _check_tax_category(category)
    country, dash, part = jurisdiction.partition("-")
    good = len(country) == 2 and country.isalpha() and len(part) <= _SUBDIVISION_CHARS_MAX
    good = good and bool(part) == bool(dash) and (not part or part.isalnum())
    if jurisdiction and not (good and jurisdiction.isascii() and jurisdiction.upper() == jurisdiction):
        raise Refusal(Code.BAD_FIELD, f"jurisdiction {jurisdiction[:10]!r} is not as in DE or US-CA", "TAX-1")


def _check_tax_category(value: str) -> None:
    if len(value) > _TAX_CATEGORY_CHARS_MAX or not (value.isascii() and value.isalpha() and value.isupper()):
        raise Refusal(Code.BAD_FIELD, "tax_category must be 1 to 3 capital letters, as in S or Z")


def _check_span(value_ms: int, longest_ms: int, field: str) -> None:
    if not 1 <= value_ms <= longest_ms:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value_ms} is not between 1 and {longest_ms}")
