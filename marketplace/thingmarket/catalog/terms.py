"""Terms of an offer besides its price: settlement, parts, lateness, cancelling. [CAT-20]"""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from thingmarket.catalog.labels import check_label
from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    CANCEL_WINDOW_MS_MAX,
    GRACE_MS_MAX,
    LATE_CREDIT_PER_DAY_MAX,
    MILESTONES_MAX,
    TITLE_CHARS_MAX,
)
from thingmarket.proportions import WHOLE_BASIS_POINTS, WHOLE_MILLIONTHS


@unique
class SettlementKind(IntEnum):
    """How money and goods change hands. [CON-8]"""

    ESCROW = 1
    DVP = 2  # delivery versus payment: both at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A part of a contract: its share of quantity and money, and when it is due after the purchase."""

    title: str
    share_millionths: int
    delivery_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a seller promises besides goods and price; these are the terms of an offer that says nothing.

    A fee of None means that the buyer cannot cancel in that state; after delivery he never can.
    """

    settlement: SettlementKind = SettlementKind.ESCROW
    milestones: tuple[Milestone, ...] = ()
    late_credit_basis_points_per_day: int = 0
    late_credit_max_basis_points: int = 0
    grace_ms: int = 0
    cancel_window_ms: int = 0
    cancel_planned_basis_points: int | None = None
    cancel_ready_basis_points: int | None = None


PLAIN_TERMS: Final = Terms()


def check_terms(terms: Terms, delivery_ms: int) -> None:
    """Refuse terms that contradict themselves or the offer's own delivery time (BAD_FIELD, OUT_OF_RANGE)."""
    if terms is PLAIN_TERMS:
        return
    _check_milestones(terms.milestones, delivery_ms)
    per_day = terms.late_credit_basis_points_per_day
    _check_up_to(per_day, LATE_CREDIT_PER_DAY_MAX, "late_credit_basis_points_per_day")
    _check_basis_points(terms.late_credit_max_basis_points, "late_credit_max_basis_points")
    for name in ("cancel_planned_basis_points", "cancel_ready_basis_points"):
        fee = getattr(terms, name)
        if fee is not None:
            _check_basis_points(fee, name)
    _check_up_to(terms.grace_ms, GRACE_MS_MAX, "grace_ms")
    _check_up_to(terms.cancel_window_ms, CANCEL_WINDOW_MS_MAX, "cancel_window_ms")
    first_ms = min((milestone.delivery_ms for milestone in terms.milestones), default=delivery_ms)
    if terms.cancel_window_ms >= first_ms:
        raise Refusal(Code.BAD_FIELD, "nothing can be delivered before cancel_window_ms is over")
    if bool(terms.late_credit_basis_points_per_day) != bool(terms.late_credit_max_basis_points):
        raise Refusal(Code.BAD_FIELD, "a late credit has both a rate per day and a maximum")
    if terms.late_credit_max_basis_points and not terms.grace_ms:
        raise Refusal(Code.BAD_FIELD, "without grace_ms nothing is delivered late, so nothing is credited")
    if terms.settlement is SettlementKind.DVP and terms != Terms(settlement=SettlementKind.DVP):
        raise Refusal(Code.BAD_FIELD, "delivery versus payment is over at once: no other terms apply")


def _check_milestones(milestones: tuple[Milestone, ...], delivery_ms: int) -> None:
    if not milestones:
        return
    if len(milestones) > MILESTONES_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(milestones)} milestones; at most {MILESTONES_MAX}")
    for milestone in milestones:
        check_label(milestone.title, TITLE_CHARS_MAX, "milestone")
        if not 1 <= milestone.share_millionths <= WHOLE_MILLIONTHS:
            raise Refusal(Code.OUT_OF_RANGE, f"a share is 1 to {WHOLE_MILLIONTHS} millionths")
        if not 1 <= milestone.delivery_ms <= delivery_ms:
            raise Refusal(Code.OUT_OF_RANGE, "a milestone is due after 1 ms to the offer's delivery_ms")
    if sum(milestone.share_millionths for milestone in milestones) != WHOLE_MILLIONTHS:
        raise Refusal(Code.BAD_FIELD, f"the shares of all milestones must add up to {WHOLE_MILLIONTHS}")
    if max(milestone.delivery_ms for milestone in milestones) != delivery_ms:
        raise Refusal(Code.BAD_FIELD, "the last milestone is due at the offer's delivery_ms")


def _check_basis_points(value: int, field: str) -> None:
    _check_up_to(value, WHOLE_BASIS_POINTS, field)


def _check_up_to(value: int, most: int, field: str) -> None:
    if not 0 <= value <= most:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not between 0 and {most}")
