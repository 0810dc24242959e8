"""[ID-6] Bodies of orders are read strictly and checked field by field."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.canonical import packer, unpacker
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.orders import (
    AcceptDelivery,
    Deposit,
    Erase,
    Fulfil,
    FulfilStep,
    FundRequest,
    Purchase,
    RetentionClass,
    SealedRef,
)
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    COMMAND_BYTES_MAX,
    INTEGER_MAX,
    STANDING_INTERVAL_MS_MAX,
    STANDING_INTERVAL_MS_MIN,
    STANDING_OCCURRENCES_MAX,
    UNITS_MAX,
)
from thingmarket.policy.decision import Fact
from thingmarket.v1 import envelope_pb2 as envelope_pb
from thingmarket.v1 import trade_pb2 as pb
from thingmarket.wire import trade
from thingmarket.wire.cancelling import cancel_body, read_cancel
from thingmarket.wire.standing import (
    end_standing_order_body,
    open_standing_order_body,
    read_end_standing_order,
    read_open_standing_order,
)

KEY, DIGEST, CONTRACT = bytes(range(16)), bytes(range(32)), bytes(range(16, 32))
SEALED = SealedRef(DIGEST, RetentionClass.CONTRACT)
PURCHASE = Purchase(key=KEY, offer=DIGEST, quantity_steps=2, currency="EUR", total_minor=4_758)
FULFIL = Fulfil(
    key=KEY, contract=CONTRACT, step=FulfilStep.DELIVERED, facts=(Fact("boxes", 2), Fact("by", "van 7"))
)
DEPOSIT = Deposit(key=KEY, owner="tm:party:zQm", currency="EUR", amount_minor=10_000, request=DIGEST)
FUND = FundRequest(key=KEY, currency="EUR", amount_minor=10_000)

BODIES: dict[type, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    Purchase: (trade.purchase_body, trade.read_purchase),
    Fulfil: (trade.fulfil_body, trade.read_fulfil),
    AcceptDelivery: (trade.accept_delivery_body, trade.read_accept_delivery),
    Cancel: (cancel_body, read_cancel),
    OpenStandingOrder: (open_standing_order_body, read_open_standing_order),
    EndStandingOrder: (end_standing_order_body, read_end_standing_order),
    Deposit: (trade.deposit_body, trade.read_deposit),
    FundRequest: (trade.fund_request_body, trade.read_fund_request),
    Erase: (trade.erase_body, trade.read_erase),
}

KEYS, DIGESTS = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
AMOUNTS = st.integers(1, INTEGER_MAX)
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD"])
NAMES = st.text("abcxyz019_.", min_size=1, max_size=64)
FACTS = st.one_of(
    st.builds(Fact, NAMES, st.integers(-INTEGER_MAX, INTEGER_MAX)),
    st.builds(Fact, NAMES, st.text("abc-ä", min_size=1, max_size=128)),
)
ORDERS = st.one_of(
    st.builds(
        Purchase,
        key=KEYS,
        offer=DIGESTS,
        quantity_steps=AMOUNTS,
        currency=CURRENCIES,
        total_minor=AMOUNTS,
        need=DIGESTS | st.just(b""),
        delivery=st.lists(
            st.builds(SealedRef, DIGESTS, st.sampled_from(RetentionClass)),
            max_size=4,
            unique_by=lambda sealed: sealed.commitment,
        ).map(tuple),
        choice=DIGESTS | st.just(b""),
    ),
    st.builds(
        Fulfil,
        key=KEYS,
        contract=KEYS,
        step=st.sampled_from(FulfilStep),
        facts=st.lists(FACTS, max_size=16, unique_by=lambda fact: fact.name).map(tuple),
    ),
    st.builds(
        Fulfil,
        key=KEYS,
        contract=KEYS,
        step=st.just(FulfilStep.DELIVERED),
        unit=st.integers(0, UNITS_MAX),
        part_steps=AMOUNTS | st.just(0),
    ),
    st.builds(
        AcceptDelivery,
        key=KEYS,
        contract=KEYS,
        unit=st.integers(0, UNITS_MAX),
        facts=st.lists(FACTS, max_size=16, unique_by=lambda fact: fact.name).map(tuple),
    ),
    st.builds(Cancel, key=KEYS, contract=KEYS, max_fee_minor=AMOUNTS | st.just(0)),
    st.builds(
        OpenStandingOrder,
        key=KEYS,
        offer=DIGESTS,
        quantity_steps=AMOUNTS,
        currency=CURRENCIES,
        total_max_minor=AMOUNTS,
        interval_ms=st.integers(STANDING_INTERVAL_MS_MIN, STANDING_INTERVAL_MS_MAX),
        occurrences_max=st.integers(1, STANDING_OCCURRENCES_MAX),
        first_ms=st.integers(0, INTEGER_MAX),
        slot=NAMES | st.just(""),
        delivery=st.builds(SealedRef, DIGESTS, st.sampled_from(RetentionClass)).map(lambda one: (one,)),
    ),
    st.builds(EndStandingOrder, key=KEYS, standing_order=KEYS),
    st.builds(
        Deposit,
        key=KEYS,
        owner=st.text("abcXYZ019._:-", min_size=1, max_size=128),
        currency=CURRENCIES,
        amount_minor=AMOUNTS,
        request=DIGESTS,
    ),
    st.builds(FundRequest, key=KEYS, currency=CURRENCIES, amount_minor=AMOUNTS),
    st.builds(Erase, KEYS),
)


@given(ORDERS)
def test_an_order_that_is_written_is_read_again_and_stored(order: Any) -> None:
    write, read = BODIES[type(order)]
    assert read(write(order)) == order
    kind: Any = type(order)
    assert unpacker(kind)(packer(kind)(order)) == order


@given(ORDERS, st.binary(max_size=32), st.integers(0, 1_000))
def test_changed_bytes_are_refused_or_mean_what_they_say(order: Any, noise: bytes, place: int) -> None:
    write, read = BODIES[type(order)]
    body = write(order)
    at = place % (len(body) + 1)
    changed = body[:at] + noise + body[at + len(noise) // 2 :]
    try:
        assert write(read(changed)) == changed
    except Refusal as refusal:
        assert refusal.number in set(Code)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_every_reader_refuses_what_is_empty_unknown_or_too_large(kind: type) -> None:
    read = BODIES[kind][1]
    key = b"\x0a\x10" + KEY
    for body, codes in (
        (b"", {Code.BAD_ID, Code.BAD_FIELD}),
        (key + b"\xf8\x07\x01", {Code.NOT_STRICT}),
        (key + key, {Code.NOT_STRICT}),
        (key[:-1], {Code.MALFORMED}),
        (bytes(COMMAND_BYTES_MAX + 1), {Code.TOO_LARGE}),
    ):
        with pytest.raises(Refusal) as caught:
            read(body)
        assert caught.value.number in codes


@pytest.mark.parametrize(
    ("order", "changes", "code"),
    [
        (PURCHASE, {"key": bytes(15)}, Code.BAD_ID),
        (PURCHASE, {"offer": b""}, Code.BAD_ID),
        (PURCHASE, {"currency": "eur"}, Code.UNKNOWN_CURRENCY),
        (PURCHASE, {"need": bytes(31)}, Code.BAD_ID),
        (PURCHASE, {"choice": bytes(33)}, Code.BAD_ID),
        (PURCHASE, {"delivery": (SealedRef(bytes(31), RetentionClass.TAX),)}, Code.BAD_ID),
        (PURCHASE, {"delivery": (SEALED, SEALED)}, Code.BAD_FIELD),
        (
            PURCHASE,
            {"delivery": tuple(SealedRef(bytes(31) + bytes((n,)), RetentionClass.TAX) for n in range(5))},
            Code.BAD_FIELD,
        ),
        *((PURCHASE, {"quantity_steps": n}, Code.OUT_OF_RANGE) for n in (0, -1, 2**53, 2**63 - 1)),
        *((PURCHASE, {"total_minor": n}, Code.OUT_OF_RANGE) for n in (0, -1, 2**53, 2**63 - 1)),
        (FULFIL, {"key": b""}, Code.BAD_ID),
        (FULFIL, {"contract": bytes(32)}, Code.BAD_ID),
        (FULFIL, {"facts": tuple(Fact(f"f{n}", n) for n in range(17))}, Code.BAD_FIELD),
        (FULFIL, {"facts": (Fact("boxes", 1), Fact("boxes", 2))}, Code.BAD_FIELD),
        (FULFIL, {"facts": (Fact("Boxes", 1),)}, Code.BAD_FIELD),
        (FULFIL, {"facts": (Fact("by", "a\u200bb"),)}, Code.BAD_FIELD),
        (FULFIL, {"facts": (Fact("by", "x" * 129),)}, Code.BAD_FIELD),
        *((FULFIL, {"facts": (Fact("boxes", n),)}, Code.OUT_OF_RANGE) for n in (2**53, -(2**53), 2**63 - 1)),
        (DEPOSIT, {"owner": ""}, Code.BAD_ID),
        (DEPOSIT, {"owner": "tm:party:\u0430"}, Code.BAD_ID),
        (DEPOSIT, {"request": b""}, Code.BAD_ID),
        (DEPOSIT, {"currency": ""}, Code.UNKNOWN_CURRENCY),
        *((DEPOSIT, {"amount_minor": n}, Code.OUT_OF_RANGE) for n in (0, -1, 2**53, 2**63 - 1)),
        (FUND, {"currency": "ZZZ"}, Code.UNKNOWN_CURRENCY),
        *((FUND, {"amount_minor": n}, Code.OUT_OF_RANGE) for n in (0, -1, 2**53, 2**63 - 1)),
    ],
)
def test_a_field_outside_its_limits_is_refused(order: Any, changes: dict[str, Any], code: Code) -> None:
    write, read = BODIES[type(order)]
    with pytest.raises(Refusal) as caught:
        read(write(replace(order, **changes)))
    assert caught.value.number == code


@pytest.mark.parametrize("number", [0, 99, -1])
def test_enums_that_are_unspecified_or_unknown_are_refused(number: Any) -> None:
    sealed = pb.Purchase.FromString(trade.purchase_body(replace(PURCHASE, delivery=(SEALED,))))
    sealed.delivery[0].retention = number
    report = pb.Fulfil.FromString(trade.fulfil_body(FULFIL))
    report.step = number
    for read, message in ((trade.read_purchase, sealed), (trade.read_fulfil, report)):
        with pytest.raises(Refusal) as caught:
            read(message.SerializeToString(deterministic=True))
        assert caught.value.number == Code.BAD_FIELD


def test_a_fact_without_a_value_is_refused() -> None:
    report = pb.Fulfil.FromString(trade.fulfil_body(FULFIL))
    report.facts.append(envelope_pb.Fact(name="empty"))
    with pytest.raises(Refusal) as caught:
        trade.read_fulfil(report.SerializeToString(deterministic=True))
    assert caught.value.number == Code.BAD_FIELD
