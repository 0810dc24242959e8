"""Bodies about markets, orders and goods: what was written is read back, and what is wrong is refused."""

from dataclasses import replace
from typing import Any

import pytest

from thingmarket.errors import Refusal, code_name
from thingmarket.matching.records import Kind, MarketState, Side, TimeInForce
from thingmarket.trading.commands import (
    DeclareGoods,
    DerivedState,
    ListedMarket,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)
from thingmarket.trading.frame import Order
from thingmarket.trading.terms import BookShown, Settlement
from thingmarket.wire import orders as wire

KEY = bytes(range(16))
TERMS = ListedMarket(
    market=7,
    title="Energy of one quarter of an hour",
    product_id="energy",
    category="83101800",
    unit="KWH",
    unit_scale=3,
    currency="EUR",
    tick_minor=1,
    lot_steps=100,
    offset_ticks=10_000,
    settlement=Settlement.DVP,
    fee_basis_points=25,
    book=BookShown.CLOSED,
    band_basis_points=500,
    halt_ms=60_000,
    opens_ms=1_800_000_000_000,
    closes_ms=1_800_000_900_000,
)
ORDER = Order(
    kind=Kind.NEW_LIMIT, side=Side.BUY, tif=TimeInForce.GTC, market=7, quantity=3, price=99, order_id=1
)


def test_every_body_about_markets_is_read_back_as_it_was_written() -> None:
    opening = OpenMarket(key=KEY, terms=TERMS)
    assert wire.read_open_market(wire.open_market_body(opening)) == opening
    wish = SetMarketState(key=KEY, market=7, state=MarketState.HALTED, uncross=True)
    assert wire.read_set_market_state(wire.set_market_state_body(wish)) == wish
    derived = DerivedState(market=7, state=MarketState.HALTED)
    assert wire.read_derived_state(wire.derived_state_body(derived)) == derived
    brought = DeclareGoods(key=KEY, market=7, quantity_steps=5)
    assert wire.read_declare_goods(wire.declare_goods_body(brought)) == brought
    taken = WithdrawGoods(key=KEY, market=7, quantity_steps=5)
    assert wire.read_withdraw_goods(wire.withdraw_goods_body(taken)) == taken
    frame = PlaceOrders(key=KEY, frame=4, orders=ORDER.pack() * 1_000)
    assert wire.read_place_orders(wire.place_orders_body(frame)) == frame


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"market": 0}, "OUT_OF_RANGE"),
        ({"market": 2**32}, "OUT_OF_RANGE"),
        ({"title": ""}, "BAD_FIELD"),
        ({"currency": "XXX"}, "UNKNOWN_CURRENCY"),
        ({"tick_minor": 0}, "OUT_OF_RANGE"),
        ({"lot_steps": 0}, "OUT_OF_RANGE"),
        ({"offset_ticks": -1}, "OUT_OF_RANGE"),
        ({"fee_basis_points": 5_001}, "OUT_OF_RANGE"),
        ({"band_basis_points": 10_001}, "OUT_OF_RANGE"),
        ({"band_basis_points": 0}, "BAD_FIELD"),  # a halt without a band
        ({"auction_every_ms": 1}, "OUT_OF_RANGE"),
        ({"auction_every_ms": 60_000}, "BAD_FIELD"),  # an auction with a band
        ({"closes_ms": 1_800_000_000_000}, "BAD_FIELD"),
        ({"opens_ms": 1}, "OUT_OF_RANGE"),
    ],
)
def test_terms_that_make_no_sense_are_refused(changes: dict[str, Any], name: str) -> None:
    """[MKT-2]"""
    body = wire.open_market_body(OpenMarket(key=KEY, terms=replace(TERMS, **changes)))
    with pytest.raises(Refusal) as refused:
        wire.read_open_market(body)
    assert code_name(refused.value.number) == name


@pytest.mark.parametrize(
    ("frame", "orders", "name"),
    [
        (0, ORDER.pack(), "OUT_OF_RANGE"),
        (2**53, ORDER.pack(), "OUT_OF_RANGE"),
        (1, b"", "MALFORMED"),
        (1, ORDER.pack()[:-1], "MALFORMED"),
        (1, ORDER.pack() * 1_001, "TOO_LARGE"),
    ],
)
def test_a_frame_is_one_to_a_thousand_whole_records_and_has_a_number(
    frame: int, orders: bytes, name: str
) -> None:
    """[MKT-5]"""
    body = wire.place_orders_body(PlaceOrders(key=KEY, frame=frame, orders=orders))
    with pytest.raises(Refusal) as refused:
        wire.read_place_orders(body)
    assert code_name(refused.value.number) == name
