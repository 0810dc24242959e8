from typing import Any

import pytest

from tests.unit.catalog.samples import NOW_MS, a_need, must, wish
from thingmarket.canonical import packer, unpacker
from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.catalog.needs import (
    Comparison,
    Constraint,
    Need,
    Preference,
    WithdrawNeed,
    check_need,
    check_need_times,
    check_withdraw_need,
)
from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX, NEED_LIFE_MS

GRAMS = ScaledInteger(100, 0, "GRM")


def refusal_of(**changes: Any) -> int:
    with pytest.raises(Refusal) as caught:
        check_need(a_need(**changes))
    return caught.value.number


def test_a_need_with_musts_and_wishes_is_accepted_and_stored() -> None:  # [CAT-3]
    need = a_need(
        product_id="4006381333931",
        must=(
            must("brand", Comparison.NONE_OF, "Acme", "Bcme"),
            must("pages", Comparison.AT_LEAST, ScaledInteger(100)),
            must("pages", Comparison.AT_MOST, ScaledInteger(1_000)),
            must("refilled", Comparison.EQUAL, True),
        ),
        prefer=(wish("price", 5_000, 0, 600_000), wish("delivery", 10**9, 0, 400_000)),
    )
    check_need(need)
    assert unpacker(Need)(packer(Need)(need)) == need


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": b""}, Code.BAD_ID),
        ({"title": "a\u202eb"}, Code.BAD_FIELD),
        ({"category": ""}, Code.BAD_FIELD),
        ({"category": "441"}, Code.BAD_FIELD),
        ({"product_id": "4006381333932"}, Code.BAD_ID),
        ({"unit": ""}, Code.BAD_FIELD),
        ({"unit_scale": 16}, Code.BAD_FIELD),
        ({"quantity_steps": 0}, Code.OUT_OF_RANGE),
        ({"quantity_steps": -1}, Code.OUT_OF_RANGE),
        ({"quantity_steps": 2**53}, Code.OUT_OF_RANGE),
        ({"quantity_steps": 2**63 - 1}, Code.OUT_OF_RANGE),
        ({"valid_until_ms": 1}, Code.OUT_OF_RANGE),
        ({"must": (must("refilled", Comparison.EQUAL, True),) * 17}, Code.BAD_FIELD),
    ],
)
def test_each_field_of_a_need_has_its_refusal(changes: dict[str, Any], code: Code) -> None:
    assert refusal_of(**changes) == code


@pytest.mark.parametrize(
    ("constraint", "code"),
    [
        (must("Weight", Comparison.EQUAL, True), Code.BAD_FIELD),
        (must("price", Comparison.AT_MOST, ScaledInteger(5)), Code.BAD_FIELD),
        (must("weight", Comparison.EQUAL), Code.BAD_FIELD),
        (must("weight", Comparison.EQUAL, GRAMS, GRAMS), Code.BAD_FIELD),
        (must("weight", Comparison.AT_LEAST, GRAMS, GRAMS), Code.BAD_FIELD),
        (must("weight", Comparison.ONE_OF), Code.BAD_FIELD),
        (must("weight", Comparison.ONE_OF, *[GRAMS] * 17), Code.BAD_FIELD),
        (must("weight", Comparison.ONE_OF, GRAMS, "light"), Code.BAD_FIELD),
        (must("weight", Comparison.ONE_OF, GRAMS, ScaledInteger(1, 0, "KGM")), Code.BAD_FIELD),
        (must("brand", Comparison.AT_MOST, "Acme"), Code.BAD_FIELD),
        (must("refilled", Comparison.AT_LEAST, True), Code.BAD_FIELD),
        (must("weight", Comparison.EQUAL, ScaledInteger(2**53)), Code.OUT_OF_RANGE),
        (must("brand", Comparison.NONE_OF, "\u0430cme"), Code.CONFUSABLE),
    ],
)
def test_a_constraint_that_nothing_could_be_held_against_is_refused(
    constraint: Constraint, code: Code
) -> None:  # [CAT-4]
    assert refusal_of(must=(constraint,)) == code


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ([wish("pages", 0, 9, 999_999)], Code.BAD_FIELD),
        ([wish("pages", 0, 9, 500_000), wish("pages", 1, 9, 500_000)], Code.BAD_FIELD),
        ([wish("pages", 9, 9, 10**6)], Code.BAD_FIELD),
        ([wish("pages", ScaledInteger(9), ScaledInteger(90, 1), 10**6)], Code.BAD_FIELD),
        ([wish("weight", GRAMS, ScaledInteger(1, 0, "KGM"), 10**6)], Code.BAD_FIELD),
        ([wish("price", ScaledInteger(9, 0, "EUR"), ScaledInteger(0, 0, "EUR"), 10**6)], Code.BAD_FIELD),
        ([wish("delivery", ScaledInteger(9, 1), ScaledInteger(0), 10**6)], Code.BAD_FIELD),
        ([wish("pages", 0, 9, 0), wish("weight", 0, 9, 10**6)], Code.OUT_OF_RANGE),
        ([wish("pages", 0, 9, -1), wish("weight", 0, 9, 10**6 + 1)], Code.OUT_OF_RANGE),
        ([wish("pages", 0, 2**53, 10**6)], Code.OUT_OF_RANGE),
        ([wish(f"n{n}", 0, 9, 62_500 if n else 0) for n in range(17)], Code.BAD_FIELD),
    ],
)
def test_wishes_that_cannot_be_scored_are_refused(wishes: list[Preference], code: Code) -> None:
    assert refusal_of(prefer=tuple(wishes)) == code


def test_a_need_ends_after_its_entry_time_and_within_90_days_of_it() -> None:
    check_need_times(a_need(valid_until_ms=NOW_MS + NEED_LIFE_MS), NOW_MS)
    for end_ms, code in ((NOW_MS, Code.NEED_ENDED), (NOW_MS + NEED_LIFE_MS + 1, Code.OUT_OF_RANGE)):
        with pytest.raises(Refusal) as caught:
            check_need_times(a_need(valid_until_ms=end_ms), NOW_MS)
        assert caught.value.number == code


def test_a_withdrawal_names_its_need_by_32_bytes() -> None:
    check_withdraw_need(WithdrawNeed(key=bytes(16), need=bytes(32)))
    with pytest.raises(Refusal):
        check_withdraw_need(WithdrawNeed(key=bytes(16), need=bytes(33)))


def test_the_largest_quantity_is_accepted() -> None:
    check_need(a_need(quantity_steps=INTEGER_MAX))
