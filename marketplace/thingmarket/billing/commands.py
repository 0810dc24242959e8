"""What is asked of billing: refunds, exchange rates, conversions, points programmes, each as one value."""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.ids import CONTRACT_ID_BYTES, DIGEST_BYTES, KEY_BYTES, checked_bytes
from thingmarket.limits import (
    INTEGER_MAX,
    POINT_VALUE_MINOR_MAX,
    POINTS_IDLE_DAYS_MAX,
    PROGRAMME_NAME_CHARS_MAX,
    UNITS_MAX,
)
from thingmarket.money import checked_amount, currency_of
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.time import checked_time

_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Pays `amount_minor` of a released unit back, tax included."""

    key: bytes
    contract: bytes
    unit: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRate:
    """Gives `numerator` minor units of one currency for `denominator` of another, up to `max_minor` of it."""

    key: bytes
    from_currency: str
    to_currency: str
    numerator: int
    denominator: int
    max_minor: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Changes `amount_minor` at a rate, which is named by its digest, for at least `min_out_minor`."""

    key: bytes
    rate: bytes
    amount_minor: int
    min_out_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProgramme:
    """Points for sales in a currency: what earns one, what one is worth, when idle ones end."""

    key: bytes
    name: str
    currency: str
    earn_basis_points: int
    value_minor: int
    idle_days: int = 0


def check_refund(refund: Refund) -> None:
    """Refuse bad ids, a unit that no contract has, or an amount that is not positive."""
    checked_bytes(refund.key, KEY_BYTES, "key")
    checked_bytes(refund.contract, CONTRACT_ID_BYTES, "contract")
    if not 1 <= refund.unit <= UNITS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"unit={refund.unit} is not between 1 and {UNITS_MAX}")
    checked_amount(refund.amount_minor, "amount_minor")


def check_publish_rate(rate: PublishRate) -> None:
    """Refuse a rate from a currency to itself, one that is no ratio, or gives nothing (OUT_OF_RANGE)."""
    checked_bytes(rate.key, KEY_BYTES, "key")
    if currency_of(rate.from_currency) == currency_of(rate.to_currency):
        raise Refusal(Code.BAD_FIELD, "a rate is between two currencies", "FX-1")
    for name in ("numerator", "denominator", "max_minor"):
        checked_amount(getattr(rate, name), name)
    if not 0 < rate.max_minor * rate.numerator // rate.denominator <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "what would be given is nothing or beyond 2^53-1", "FX-1")
    checked_time(rate.valid_until_ms, "valid_until_ms")


def check_convert(convert: Convert) -> None:
    """Refuse bad ids or amounts that are not positive."""
    checked_bytes(convert.key, KEY_BYTES, "key")
    checked_bytes(convert.rate, DIGEST_BYTES, "rate")
    checked_amount(convert.amount_minor, "amount_minor")
    checked_amount(convert.min_out_minor, "min_out_minor")


def check_open_programme(programme: OpenProgramme) -> None:
    """Refuse a bad name, and points that would be worth more than what is paid for them (OUT_OF_RANGE)."""
    checked_bytes(programme.key, KEY_BYTES, "key")
    name = programme.name
    if not 1 <= len(name) <= PROGRAMME_NAME_CHARS_MAX or not _NAME_CHARS.issuperset(name):
        raise Refusal(Code.BAD_FIELD, f"a name is 1 to {PROGRAMME_NAME_CHARS_MAX} of a-z 0-9 -", "PTS-1")
    currency_of(programme.currency)
    if not 1 <= programme.value_minor <= POINT_VALUE_MINOR_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"a point is worth 1 to {POINT_VALUE_MINOR_MAX} minor", "PTS-1")
    if not 1 <= programme.earn_basis_points * programme.value_minor <= WHOLE_BASIS_POINTS:
        raise Refusal(Code.OUT_OF_RANGE, "points are worth nothing, or more than what earned them", "PTS-2")
    if not 0 <= programme.idle_days <= POINTS_IDLE_DAYS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"idle_days is 0 to {POINTS_IDLE_DAYS_MAX}", "PTS-1")
