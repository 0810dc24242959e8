"""[ID-6] Bodies are read strictly; what is read can be written again to the same bytes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.catalog.samples import KEY, a_need, an_offer, must, wish
from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.needs import Comparison, Constraint, Need, WithdrawNeed
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer
from thingmarket.errors import Code, Refusal
from thingmarket.limits import COMMAND_BYTES_MAX, INTEGER_MAX
from thingmarket.v1 import catalog_pb2 as pb
from thingmarket.wire.catalog import (
    announce_need_body,
    publish_offer_body,
    read_announce_need,
    read_publish_offer,
    read_withdraw_need,
    read_withdraw_offer,
    withdraw_need_body,
    withdraw_offer_body,
)

STEPS = st.integers(1, INTEGER_MAX)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.", min_size=1, max_size=64).filter(
    lambda name: name not in ("price", "delivery")
)
LABELS = st.text("abc ABC-äßж漢", min_size=1, max_size=64).filter(
    lambda text: text == text.strip() and "ж" not in text
)
UNITS = st.sampled_from(["C62", "GRM", "KGM", "KWH"])


@st.composite
def numbers(draw: st.DrawFn, unit: str | None = None) -> ScaledInteger:
    steps = draw(st.integers(-INTEGER_MAX, INTEGER_MAX))
    return ScaledInteger(steps, draw(st.integers(0, 15)), draw(UNITS | st.just("")) if unit is None else unit)


VALUES = st.one_of(numbers(), LABELS, st.booleans())


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    names = sorted(draw(st.sets(NAMES, max_size=16)))
    least, most = sorted((draw(STEPS), draw(STEPS)))
    return an_offer(
        key=draw(st.binary(min_size=16, max_size=16)),
        title=draw(LABELS),
        category=draw(st.sampled_from(["44", "4410", "441031", "44103105"])),
        attributes=tuple(Attribute(name, draw(VALUES)) for name in names),
        unit=draw(UNITS),
        unit_scale=draw(st.integers(0, 15)),
        price_minor=draw(STEPS),
        price_base_steps=draw(STEPS),
        stock_steps=draw(STEPS),
        min_steps=least,
        max_steps=most,
        fulfilment=draw(st.sampled_from(FulfilmentKind)),
        delivery_ms=draw(st.integers(1, 10**9)),
    )


@st.composite
def constraints(draw: st.DrawFn) -> Constraint:
    comparison = draw(st.sampled_from(Comparison))
    most = 16 if comparison in (Comparison.ONE_OF, Comparison.NONE_OF) else 1
    kinds: list[st.SearchStrategy[AttributeValue]] = [numbers(unit=draw(UNITS))]
    if comparison not in (Comparison.AT_LEAST, Comparison.AT_MOST):
        kinds += [LABELS, st.booleans()]
    values = draw(st.lists(draw(st.sampled_from(kinds)), min_size=1, max_size=most))
    return Constraint(draw(NAMES), comparison, tuple(values))


@st.composite
def needs(draw: st.DrawFn) -> Need:
    names = sorted(draw(st.sets(NAMES | st.sampled_from(["price", "delivery"]), max_size=16)))
    share = 1_000_000 // len(names) if names else 0
    wishes = [wish(name, draw(st.integers(-9, 0)), draw(st.integers(1, 9)), share) for name in names]
    if wishes:
        wishes[0] = replace(wishes[0], weight_millionths=1_000_000 - share * (len(names) - 1))
    return a_need(
        key=draw(st.binary(min_size=16, max_size=16)),
        title=draw(LABELS),
        product_id=draw(st.sampled_from(["", "4006381333931", "seller:ink-302"])),
        unit_scale=draw(st.integers(0, 15)),
        quantity_steps=draw(STEPS),
        must=tuple(draw(st.lists(constraints(), max_size=16))),
        prefer=tuple(wishes),
    )


@given(offers())
def test_an_offer_that_is_written_is_read_again(offer: Offer) -> None:
    assert read_publish_offer(publish_offer_body(offer)) == offer


@given(needs())
def test_a_need_that_is_written_is_read_again(need: Need) -> None:
    assert read_announce_need(announce_need_body(need)) == need


def test_withdrawals_that_are_written_are_read_again() -> None:
    offer, need = WithdrawOffer(key=KEY, offer=bytes(32)), WithdrawNeed(key=KEY, need=bytes(32))
    assert read_withdraw_offer(withdraw_offer_body(offer)) == offer
    assert read_withdraw_need(withdraw_need_body(need)) == need


def test_a_yes_or_no_and_a_zero_are_values_though_proto3_calls_them_defaults() -> None:
    offer = an_offer(attributes=(Attribute("flag", False), Attribute("zero", ScaledInteger(0))))
    assert read_publish_offer(publish_offer_body(offer)).attributes == offer.attributes
    need = a_need(prefer=(wish("pages", 1, 0, 1_000_000),))
    assert read_announce_need(announce_need_body(need)) == need


@given(offers(), st.binary(max_size=64), st.integers(0, 10_000))
def test_changed_bytes_are_refused_or_mean_what_they_say(offer: Offer, noise: bytes, place: int) -> None:
    body = publish_offer_body(offer)
    at = place % (len(body) + 1)
    changed = body[:at] + noise + body[at + len(noise) // 2 :]
    try:
        assert publish_offer_body(read_publish_offer(changed)) == changed
    except Refusal as refusal:
        assert refusal.number in set(Code)


@given(st.binary(max_size=200))
def test_no_bytes_bring_a_reader_down(data: bytes) -> None:
    for read in (read_publish_offer, read_announce_need, read_withdraw_offer, read_withdraw_need):
        with pytest.raises(Refusal):
            read(data)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.BAD_FIELD),  # fulfilment unspecified
        (publish_offer_body(an_offer()) + b"\xf8\x07\x01", Code.NOT_STRICT),  # unknown field 127
        (publish_offer_body(an_offer()) + b"\x60\x01", Code.NOT_STRICT),  # stock twice
        (publish_offer_body(an_offer())[:-1], Code.MALFORMED),
        (b"\x0a" * 50, Code.MALFORMED),
        (b"\x1a\x02\xff\xff", Code.MALFORMED),  # no UTF-8
        (bytes(COMMAND_BYTES_MAX + 1), Code.TOO_LARGE),
    ],
)
def test_bytes_that_are_not_in_their_one_form_are_refused(body: bytes, code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        read_publish_offer(body)
    assert caught.value.number == code


def changed_offer(**changes: Any) -> bytes:
    message = pb.PublishOffer.FromString(publish_offer_body(an_offer()))
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fulfilment": 0}, Code.BAD_FIELD),
        ({"fulfilment": 99}, Code.BAD_FIELD),
        ({"fulfilment": -1}, Code.BAD_FIELD),
        ({"price_minor": -1}, Code.OUT_OF_RANGE),
        ({"price_minor": 0}, Code.OUT_OF_RANGE),
        ({"price_minor": 2**53}, Code.OUT_OF_RANGE),
        ({"price_minor": 2**63 - 1}, Code.OUT_OF_RANGE),
        ({"unit_scale": 2**64 - 1}, Code.BAD_FIELD),
        ({"key": b""}, Code.BAD_ID),
    ],
)
def test_the_checks_of_an_offer_stand_behind_its_reader(changes: dict[str, Any], code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        read_publish_offer(changed_offer(**changes))
    assert caught.value.number == code


@pytest.mark.parametrize(
    "attribute", [pb.Attribute(name="a"), pb.Attribute(name="a", value=pb.AttributeValue())]
)
def test_an_attribute_without_a_value_is_refused(attribute: pb.Attribute) -> None:
    message = pb.PublishOffer.FromString(publish_offer_body(an_offer(attributes=())))
    message.attributes.append(attribute)
    with pytest.raises(Refusal) as caught:
        read_publish_offer(message.SerializeToString(deterministic=True))
    assert caught.value.number == Code.BAD_FIELD


@pytest.mark.parametrize("comparison", [0, 6, -1])
def test_a_comparison_that_is_not_in_the_list_is_refused(comparison: int) -> None:
    body = announce_need_body(a_need(must=(must("refilled", Comparison.EQUAL, True),)))
    message = pb.AnnounceNeed.FromString(body)
    message.must[0].comparison = pb.Comparison.ValueType(comparison)
    with pytest.raises(Refusal) as caught:
        read_announce_need(message.SerializeToString(deterministic=True))
    assert caught.value.number == Code.BAD_FIELD


@pytest.mark.parametrize("field", ["ideal", "worst"])
def test_a_wish_without_both_ends_is_refused(field: Any) -> None:
    message = pb.AnnounceNeed.FromString(announce_need_body(a_need(prefer=(wish("pages", 0, 9, 1_000_000),))))
    message.prefer[0].ClearField(field)
    with pytest.raises(Refusal) as caught:
        read_announce_need(message.SerializeToString(deterministic=True))
    assert caught.value.number == Code.BAD_FIELD
