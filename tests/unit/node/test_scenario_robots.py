"""How robots of a story trade, without a market."""

import pytest

from thingmarket.limits import HOUR_MS
from thingmarket.market.order_views import OrderSeen
from thingmarket.matching.records import Side, TimeInForce
from thingmarket_client.frames import CancelOrder, LimitOrder, MarketOrder, ReduceOrder, ReplaceOrder
from thingmarket_node.scenarios.floor_orders import kind_of, order_of
from thingmarket_node.scenarios.robo_cast import OWNERS, TRADERS, mandate_of
from thingmarket_node.scenarios.robots import Collector, Doubter, Follower, Gambler, Maker, Patient, Sight

NOW_MS = 1_800_000_000_000
MARKET = 1


def sight(bid: int = 0, ask: int = 0, last: int = 0, own: tuple[OrderSeen, ...] = ()) -> Sight:
    return Sight(market=MARKET, now_ms=NOW_MS, bid=bid, ask=ask, last=last, own=own)


def resting(order_id: int, side: Side, price: int, lots: int) -> OrderSeen:
    return OrderSeen(order_id=order_id, market=MARKET, side=side, price_ticks=price, lots=lots, expires_ms=0)


def test_a_maker_quotes_both_sides_and_never_takes() -> None:
    maker = Maker(fair=100, half_spread=2, lots=5)
    quotes = maker.wants(sight())
    assert [(one.side, one.price_ticks, one.post_only) for one in quotes if isinstance(one, LimitOrder)] == [
        (Side.BUY, 98, True),
        (Side.SELL, 102, True),
    ]
    pressed = Maker(fair=100, half_spread=2, lots=5).wants(sight(bid=103, ask=104))
    prices = [one.price_ticks for one in pressed if isinstance(one, LimitOrder)]
    assert prices == [98, 104], "a quote at 102 would trade with the buyer at 103"


def test_a_maker_follows_the_last_price_by_replacing_its_quotes() -> None:
    own = (resting(1, Side.BUY, 98, 5), resting(2, Side.SELL, 102, 5))
    maker = Maker(fair=100, half_spread=2, lots=5)
    assert maker.wants(sight(bid=98, ask=102, own=own)) == []
    moved = maker.wants(sight(bid=98, ask=102, last=110, own=own))
    assert [(one.order_id, one.price_ticks) for one in moved if isinstance(one, ReplaceOrder)] == [
        (1, 101),  # below the best seller, which is its own quote still
        (2, 107),
    ]


def test_a_follower_runs_after_the_price_up_to_a_worst_one() -> None:
    follower = Follower(lots=4, slip=3)
    assert follower.wants(sight(bid=99, ask=101, last=100)) == []
    assert follower.wants(sight(bid=101, ask=103, last=102)) == [
        MarketOrder(market=MARKET, side=Side.BUY, lots=4, worst_ticks=106)
    ]
    assert follower.wants(sight(bid=97, ask=99, last=98)) == [
        MarketOrder(market=MARKET, side=Side.SELL, lots=4, worst_ticks=94)
    ]


def test_a_doubter_sells_what_is_dear_and_buys_what_is_cheap_at_once_or_not() -> None:
    doubter = Doubter(believes=100, lots=3)
    (sells,), (buys,) = doubter.wants(sight(bid=101, ask=103)), doubter.wants(sight(bid=97, ask=99))
    assert isinstance(sells, LimitOrder) and isinstance(buys, LimitOrder)
    assert (sells.side, sells.price_ticks, sells.tif) == (Side.SELL, 101, TimeInForce.IOC)
    assert (buys.side, buys.price_ticks, buys.tif) == (Side.BUY, 99, TimeInForce.IOC)
    assert doubter.wants(sight(bid=99, ask=101)) == []


def test_a_collector_wants_all_or_nothing_and_sells_it_again() -> None:
    collector = Collector(lots=8, slip=1)
    wanted = [collector.wants(sight(bid=99, ask=101)) for _ in range(4)]
    assert [[kind_of(one) for one in orders] for orders in wanted] == [[], ["FOK"], [], ["FOK"]]
    assert [one.side for orders in wanted for one in orders if isinstance(one, LimitOrder)] == [
        Side.BUY,
        Side.SELL,
    ]


def test_the_patient_waits_for_an_hour_then_halves_and_takes_back() -> None:
    patient = Patient(lots=5, off=3)
    (buys,) = patient.wants(sight(bid=99, ask=101))
    assert isinstance(buys, LimitOrder) and (buys.price_ticks, buys.expires_ms) == (96, NOW_MS + HOUR_MS)
    one = resting(1, Side.BUY, 96, 5)
    patient.wants(sight(bid=99, ask=101, own=(one,)))
    assert patient.wants(sight(bid=99, ask=101, own=(one,))) == [
        ReduceOrder(market=MARKET, order_id=1, lots=3)
    ]
    assert patient.wants(sight(bid=99, ask=101, own=(one,) * 3)) == [CancelOrder(market=MARKET, order_id=1)]


def test_the_dice_of_a_gambler_fall_the_same_way_again() -> None:
    one, other = (Gambler(seed=7, around=5, lots_most=9) for _ in range(2))
    turns = [one.wants(sight(last=100)) for _ in range(20)]
    assert turns == [other.wants(sight(last=100)) for _ in range(20)]
    assert len({str(orders) for orders in turns}) > 1


def test_an_order_is_told_in_a_line() -> None:
    line = {"type": "limit", "market": 1, "side": "BUY", "lots": 2, "price_ticks": 9, "tif": "FOK"}
    assert order_of(line) == LimitOrder(market=1, side=Side.BUY, lots=2, price_ticks=9, tif=TimeInForce.FOK)
    with pytest.raises(KeyError):
        order_of({**line, "type": "wish"})


def test_twelve_things_of_eight_owners_trade() -> None:
    assert (len(TRADERS), len(OWNERS)) == (12, 8)
    assert [name for name, part in TRADERS.items() if "SELL" not in mandate_of(part)["actions"]] == [
        "harper-collects"
    ]
