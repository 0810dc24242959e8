"""The bench of call auctions: small runs of it trade what there is to trade."""

from typing import Any

import pytest

from thingmarket.matching.records import COMMAND, Kind, Side
from thingmarket_node.bench import auction
from thingmarket_node.cli.main import main

ORDERS = 2_000


def test_a_small_bench_of_auctions_is_held_against_the_python_book() -> None:
    measured = auction.measure(0.1, orders=ORDERS)
    figures: dict[str, Any] = measured["figures"]
    assert figures["markets"] == 2
    assert figures["half_rounds"] >= 3 and figures["half_us_an_order"] > 0
    assert 0.4 * ORDERS < figures["half_trades"] < 0.6 * ORDERS
    assert measured["references"]["all_python_orders"] == 1_000
    assert set(measured["ratios"]) == {"half_engine_to_python", "all_engine_to_python"}


def test_where_all_buys_are_above_all_sells_the_smaller_side_of_each_market_trades_whole() -> None:
    asked = {(market, side): 0 for market in (1, 2) for side in (Side.BUY, Side.SELL)}
    for kind, side, _, _, market, quantity, *_ in COMMAND.iter_unpack(auction._collected("all", ORDERS)):
        if kind == Kind.NEW_LIMIT:
            asked[market, Side(side)] += quantity
    smaller = sum(min(asked[market, Side.BUY], asked[market, Side.SELL]) for market in (1, 2))
    assert auction.measure(0.1, orders=ORDERS)["figures"]["all_volume"] == smaller


def test_orders_are_counted_for_the_bench_of_auctions_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "ledger", "--orders", "5000"]) != 0
    assert "--orders is for auction" in capsys.readouterr().err
