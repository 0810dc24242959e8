"""Terms of an offer besides its price: what contradicts itself is refused. [CAT-20]"""

from typing import Any

import pytest

from tests.unit.catalog.samples import an_offer
from thingmarket.catalog.offers import check_offer
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    CANCEL_WINDOW_MS_MAX,
    DAY_MS,
    GRACE_MS_MAX,
    LATE_CREDIT_PER_DAY_MAX,
    MILESTONES_MAX,
)
from thingmarket.wire.catalog import publish_offer_body, read_publish_offer


def milestone(share: int, delivery_ms: int = 2 * DAY_MS, title: str = "a part") -> Milestone:
    return Milestone(title=title, share_millionths=share, delivery_ms=delivery_ms)


HALVES = (milestone(500_000, DAY_MS), milestone(500_000))
GOOD: tuple[dict[str, Any], ...] = (
    {},
    {"milestones": HALVES},
    {"milestones": (milestone(1_000_000),)},
    {"milestones": (milestone(125_000),) * MILESTONES_MAX},
    {"settlement": SettlementKind.DVP},
    {"grace_ms": GRACE_MS_MAX},
    {
        "grace_ms": 1,
        "late_credit_basis_points_per_day": LATE_CREDIT_PER_DAY_MAX,
        "late_credit_max_basis_points": 10_000,
    },
    {"cancel_window_ms": 2 * DAY_MS - 1},
    {"cancel_planned_basis_points": 0, "cancel_ready_basis_points": 10_000},
    {"cancel_planned_basis_points": 100},
)
BAD: tuple[tuple[dict[str, Any], Code], ...] = (
    ({"milestones": HALVES[:1]}, Code.BAD_FIELD),  # half of it
    ({"milestones": (milestone(500_000), milestone(500_001))}, Code.BAD_FIELD),
    ({"milestones": (milestone(0), milestone(1_000_000))}, Code.OUT_OF_RANGE),
    ({"milestones": (milestone(111_111),) * (MILESTONES_MAX + 1)}, Code.BAD_FIELD),
    ({"milestones": (milestone(1_000_000, 2 * DAY_MS + 1),)}, Code.OUT_OF_RANGE),
    ({"milestones": (milestone(1_000_000, 0),)}, Code.OUT_OF_RANGE),
    ({"milestones": (milestone(1_000_000, DAY_MS),)}, Code.BAD_FIELD),  # the offer promises two days
    ({"milestones": (milestone(1_000_000, title=""),)}, Code.BAD_FIELD),
    ({"grace_ms": GRACE_MS_MAX + 1}, Code.OUT_OF_RANGE),
    ({"grace_ms": -1}, Code.OUT_OF_RANGE),
    ({"grace_ms": 1, "late_credit_basis_points_per_day": 1}, Code.BAD_FIELD),  # up to how much?
    ({"grace_ms": 1, "late_credit_max_basis_points": 1}, Code.BAD_FIELD),
    ({"late_credit_basis_points_per_day": 1, "late_credit_max_basis_points": 1}, Code.BAD_FIELD),
    (
        {
            "grace_ms": 1,
            "late_credit_basis_points_per_day": LATE_CREDIT_PER_DAY_MAX + 1,
            "late_credit_max_basis_points": 1,
        },
        Code.OUT_OF_RANGE,
    ),
    (
        {"grace_ms": 1, "late_credit_basis_points_per_day": 1, "late_credit_max_basis_points": 10_001},
        Code.OUT_OF_RANGE,
    ),
    ({"cancel_window_ms": 2 * DAY_MS}, Code.BAD_FIELD),  # when would the seller deliver?
    ({"cancel_window_ms": DAY_MS, "milestones": HALVES}, Code.BAD_FIELD),
    ({"cancel_window_ms": CANCEL_WINDOW_MS_MAX + 1}, Code.OUT_OF_RANGE),
    ({"cancel_planned_basis_points": 10_001}, Code.OUT_OF_RANGE),
    ({"cancel_ready_basis_points": -1}, Code.OUT_OF_RANGE),
    ({"settlement": SettlementKind.DVP, "grace_ms": 1}, Code.BAD_FIELD),
    ({"settlement": SettlementKind.DVP, "cancel_planned_basis_points": 0}, Code.BAD_FIELD),
)


@pytest.mark.parametrize("changes", GOOD)
def test_terms_that_can_be_kept_are_taken_and_travel(changes: dict[str, Any]) -> None:
    made = an_offer(delivery_ms=2 * DAY_MS, terms=Terms(**changes))
    check_offer(made)
    assert read_publish_offer(publish_offer_body(made)) == made


@pytest.mark.parametrize(("changes", "code"), BAD)
def test_terms_that_contradict_themselves_are_refused(changes: dict[str, Any], code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        check_offer(an_offer(delivery_ms=2 * DAY_MS, terms=Terms(**changes)))
    assert caught.value.number == code


def test_an_offer_that_says_nothing_has_plain_terms() -> None:
    assert read_publish_offer(publish_offer_body(an_offer())).terms == Terms()
