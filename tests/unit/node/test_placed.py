"""How an explanation shows the orders of a frame: each with its refusal, and what the limits left."""

import pytest

from thingmarket.limits import ORDERS_EXPLAINED_MAX
from thingmarket.matching.records import Kind, Side, TimeInForce
from thingmarket.policy.decision import Fact
from thingmarket.trading.frame import Order
from thingmarket_node.cli.output import Output
from thingmarket_node.cli.placed import limit_rows, orders_value, tell_orders


def bid(order_id: int, price: int = 20) -> bytes:
    order = Order(
        kind=Kind.NEW_LIMIT,
        side=Side.BUY,
        tif=TimeInForce.GTC,
        market=1,
        quantity=3,
        price=price,
        order_id=order_id,
    )
    return order.pack()


def test_each_order_of_a_frame_is_told_with_its_refusal_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """[MKT-7]"""
    facts = (
        Fact("order.1", "BOOK_5 BOK-4"),
        Fact("order.2", "OVER_ORDER LIM-2"),
        Fact("headroom.978.money", 5),
    )
    found = orders_value(bid(7) + bid(8, -1) + bid(9), facts)
    assert [one["refused"] for one in found] == ["", "BAD_PRICE", "OVER_ORDER"]
    assert (found[0]["lots"], found[0]["price_ticks"], found[0]["side"]) == (3, 20, "BUY")
    tell_orders(Output(as_json=False), found, {})
    shown = capsys.readouterr().out
    assert "orders: 3, of which refused 2" in shown and "taken" in shown
    assert "20 ticks" in shown, "nobody said what a tick of the market is"
    assert "BAD_PRICE: the market has no such price [BOK-4]" in shown


def test_an_order_behind_the_last_one_that_is_explained_is_not_said_to_be_taken() -> None:
    """[MKT-7]"""
    facts = [Fact(f"order.{index}", "OVER_ORDER LIM-2") for index in range(ORDERS_EXPLAINED_MAX)]
    frame = b"".join(bid(number) for number in range(1, ORDERS_EXPLAINED_MAX + 3))
    assert [one["refused"] for one in orders_value(frame, facts)[-3:]] == ["OVER_ORDER", None, None]


def test_an_order_of_no_known_kind_or_refusal_is_shown_as_it_is() -> None:
    (one,) = orders_value(b"\xc8" + bid(7)[1:], (Fact("order.0", "CODE_39999"),))
    assert (one["kind"], one["side"], one["refused"]) == ("200", "", "CODE_39999")


def test_limits_are_told_as_money_where_one_currency_is_meant() -> None:
    facts = [
        {"name": "permit.1.1.price_high", "value": 2000},
        {"name": "permit.1.1.order_max", "value": 2000},
        {"name": "headroom.978.money", "value": 1580},
        {"name": "headroom.978.orders", "value": 2**53 - 3},
    ]
    assert [words for _, words in limit_rows(facts, {})] == [
        "2000 ticks",
        "20.00 EUR",
        "15.80 EUR",
        "no limit",
    ]
    facts.append({"name": "headroom.840.money", "value": 5})
    assert [words for _, words in limit_rows(facts, {})][1:3] == ["2000", "15.80 EUR"]
