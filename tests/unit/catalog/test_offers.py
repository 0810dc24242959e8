from dataclasses import replace
from typing import Any

import pytest

from tests.unit.catalog.samples import NOW_MS, an_offer
from thingmarket.canonical import packer, unpacker
from thingmarket.catalog.attributes import Attribute, ScaledInteger, difference, equal, shown
from thingmarket.catalog.offers import (
    Offer,
    WithdrawOffer,
    check_offer,
    check_offer_times,
    check_quantity,
    check_withdraw_offer,
)
from thingmarket.catalog.products import check_product_id, gtin_valid
from thingmarket.errors import Code, Refusal
from thingmarket.limits import DELIVERY_MS_MAX, INSPECTION_MS_MAX, INTEGER_MAX, OFFER_LIFE_MS
from thingmarket.time import UnixMs


def refusal_of(**changes: Any) -> int:
    with pytest.raises(Refusal) as caught:
        check_offer(an_offer(**changes))
    return caught.value.number


def with_value(value: ScaledInteger | str | bool) -> tuple[Attribute, ...]:
    return (Attribute("fact", value),)


def test_an_offer_within_all_limits_is_accepted() -> None:  # [CAT-8]
    check_offer(an_offer())
    edge = {"price_minor", "price_base_steps", "stock_steps", "min_steps", "max_steps"}
    check_offer(an_offer(**dict.fromkeys(edge, INTEGER_MAX), delivery_ms=1, inspection_ms=1))
    check_offer(an_offer(delivery_ms=DELIVERY_MS_MAX, inspection_ms=INSPECTION_MS_MAX, attributes=()))


@pytest.mark.parametrize(
    "field", ["price_minor", "price_base_steps", "stock_steps", "min_steps", "max_steps"]
)
@pytest.mark.parametrize("value", [-1, 0, 2**53, 2**63 - 1, -(2**63)])
def test_amounts_and_steps_stay_between_1_and_2_to_the_53_less_1(field: str, value: int) -> None:
    assert refusal_of(**{field: value}) == Code.OUT_OF_RANGE


@pytest.mark.parametrize("value", [-1, 0, DELIVERY_MS_MAX + 1, 2**53, 2**63 - 1])
def test_delivery_and_inspection_take_between_a_millisecond_and_their_limits(value: int) -> None:
    assert refusal_of(delivery_ms=value) == Code.OUT_OF_RANGE
    assert refusal_of(inspection_ms=value) == Code.OUT_OF_RANGE


@pytest.mark.parametrize("category", ["", "4", "441", "44103", "441031055", "4410310a", "४४", "44 1"])
def test_a_category_is_a_unspsc_code_or_one_of_its_levels(category: str) -> None:  # [CAT-9]
    assert refusal_of(category=category) == Code.BAD_FIELD


@pytest.mark.parametrize("tax", ["", "s", "SSSS", "1", "S ", "Ω"])
def test_a_tax_category_is_one_to_three_capitals(tax: str) -> None:
    assert refusal_of(tax_category=tax) == Code.BAD_FIELD


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": b"short"}, Code.BAD_ID),
        ({"product_id": ""}, Code.BAD_ID),
        ({"product_id": "x" * 129}, Code.BAD_ID),
        ({"product_id": "ink\u0430"}, Code.BAD_ID),
        ({"unit": "pieces"}, Code.BAD_FIELD),
        ({"unit_scale": 16}, Code.BAD_FIELD),
        ({"unit_scale": 2**64 - 1}, Code.BAD_FIELD),
        ({"currency": "XXX"}, Code.UNKNOWN_CURRENCY),
        ({"min_steps": 11}, Code.BAD_FIELD),
        ({"valid_until_ms": 0}, Code.OUT_OF_RANGE),
        ({"valid_until_ms": 2**63 - 1}, Code.OUT_OF_RANGE),
        ({"title": ""}, Code.BAD_FIELD),
        ({"title": "\u0430bc"}, Code.CONFUSABLE),
    ],
)
def test_each_other_field_has_its_refusal(changes: dict[str, Any], code: Code) -> None:
    assert refusal_of(**changes) == code


@pytest.mark.parametrize("digits", ["96385074", "036000291452", "4006381333931", "10012345678902"])
def test_a_gtin_with_its_check_digit_is_valid_and_with_any_other_is_not(digits: str) -> None:
    assert gtin_valid(digits)
    check_product_id(digits)
    for other in set("0123456789") - {digits[-1]}:
        assert not gtin_valid(digits[:-1] + other)
        with pytest.raises(Refusal) as caught:
            check_product_id(digits[:-1] + other)
        assert caught.value.number == Code.BAD_ID


@pytest.mark.parametrize("value", ["123", "1234567890", "400638133393X", "ink-302", "123456789012345"])
def test_what_does_not_look_like_a_gtin_is_the_sellers_own_id(value: str) -> None:
    assert not gtin_valid(value)
    check_product_id(value)


@pytest.mark.parametrize("name", ["", "Weight", "we ight", "g" * 65, "gewicht\u00e4", "price", "delivery"])
def test_an_attribute_has_a_plain_name_that_the_market_does_not_compute(name: str) -> None:
    assert refusal_of(attributes=(Attribute(name, True),)) == Code.BAD_FIELD


def test_attributes_ascend_by_name_and_are_at_most_16() -> None:  # [CAT-10]
    facts = tuple(Attribute(f"n{n:02d}", True) for n in range(17))
    check_offer(an_offer(attributes=facts[:16]))
    assert refusal_of(attributes=facts) == Code.BAD_FIELD
    assert refusal_of(attributes=(facts[1], facts[0])) == Code.BAD_FIELD
    assert refusal_of(attributes=(facts[0], facts[0])) == Code.BAD_FIELD


@pytest.mark.parametrize("steps", [0, -1, INTEGER_MAX, -INTEGER_MAX])
def test_a_number_may_be_anything_up_to_2_to_the_53_less_1(steps: int) -> None:
    check_offer(an_offer(attributes=with_value(ScaledInteger(steps, 15, "KGM"))))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (ScaledInteger(2**53), Code.OUT_OF_RANGE),
        (ScaledInteger(-(2**53)), Code.OUT_OF_RANGE),
        (ScaledInteger(2**63 - 1), Code.OUT_OF_RANGE),
        (ScaledInteger(1, 16), Code.BAD_FIELD),
        (ScaledInteger(1, -1), Code.BAD_FIELD),
        (ScaledInteger(1, 0, "gram"), Code.BAD_FIELD),
        ("", Code.BAD_FIELD),
        ("x" * 65, Code.BAD_FIELD),
        ("Inkw\u0435ll", Code.CONFUSABLE),
    ],
)
def test_a_value_outside_the_limits_of_its_kind_is_refused(value: ScaledInteger | str, code: Code) -> None:
    assert refusal_of(attributes=with_value(value)) == code


def test_an_offer_ends_after_its_entry_time_and_within_90_days_of_it() -> None:
    def at(end_ms: int) -> Offer:
        return an_offer(valid_until_ms=end_ms)

    check_offer_times(at(NOW_MS + 1), NOW_MS)
    check_offer_times(at(NOW_MS + OFFER_LIFE_MS), NOW_MS)
    for end_ms, code in ((NOW_MS, Code.OFFER_ENDED), (NOW_MS + OFFER_LIFE_MS + 1, Code.OUT_OF_RANGE)):
        with pytest.raises(Refusal) as caught:
            check_offer_times(at(end_ms), UnixMs(NOW_MS))
        assert caught.value.number == code


@pytest.mark.parametrize("steps", [-1, 0, 1, 5, 2**53])
def test_an_order_outside_the_offers_bounds_has_the_wrong_quantity(steps: int) -> None:
    offer = an_offer(min_steps=2, max_steps=4)
    check_quantity(offer, 2)
    check_quantity(offer, 4)
    with pytest.raises(Refusal) as caught:
        check_quantity(offer, steps)
    assert caught.value.number == Code.WRONG_QUANTITY


def test_a_withdrawal_names_its_offer_by_32_bytes() -> None:
    good = WithdrawOffer(key=bytes(16), offer=bytes(32))
    check_withdraw_offer(good)
    for bad in (replace(good, key=b""), replace(good, offer=bytes(31))):
        with pytest.raises(Refusal) as caught:
            check_withdraw_offer(bad)
        assert caught.value.number == Code.BAD_ID


def test_numbers_of_two_scales_compare_exactly() -> None:
    assert equal(ScaledInteger(15, 1), ScaledInteger(150, 2))
    assert not equal(ScaledInteger(15, 1), ScaledInteger(15, 2))
    assert not equal(ScaledInteger(1, 0, "GRM"), ScaledInteger(1))
    assert not equal(True, "yes")
    assert difference(ScaledInteger(INTEGER_MAX), ScaledInteger(1, 15)) == INTEGER_MAX * 10**15 - 1


def test_values_are_written_for_people() -> None:
    assert [shown(v) for v in (ScaledInteger(-5, 2, "KGM"), True, False, "red")] == [
        "-0.05 kilograms",
        "yes",
        "no",
        "red",
    ]


def test_an_offer_is_stored_and_read_again() -> None:
    offer = an_offer()
    assert unpacker(Offer)(packer(Offer)(offer)) == offer
