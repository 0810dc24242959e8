"""How orders come in, trade, change and leave: rules 8 to 18 of the design."""

import pytest

from tests.unit.matching.conftest import Kind
from tests.unit.matching.floor import ANN, BOB, BUY, EVE, FOK, GTC, GTD, IOC, SELL, Floor
from thingmarket.limits import FOK_MAKERS_MAX
from thingmarket.matching.records import POST_ONLY, MarketState, SelfTrade
from thingmarket.matching.records import Kind as CommandKind

STATES = list(MarketState)


# Rule 8 [BOK-8]
@pytest.mark.parametrize("tif", range(8))
def test_a_limit_order_is_gtc_ioc_fok_or_gtd(floor: Floor, tif: int) -> None:
    floor.sell(1, 5, 100)
    (said,) = floor.buy(2, 5, 100, tif=tif)
    assert said.startswith("TRADE" if tif in {1, 3, 4, 6} else "REJECTED BAD_TIF")


# Rule 8
@pytest.mark.parametrize("tif", range(8))
def test_a_market_order_is_ioc_or_fok(floor: Floor, tif: int) -> None:
    floor.sell(1, 5, 100)
    (said,) = floor.market_buy(2, 5, tif=tif)
    assert said.startswith("TRADE" if tif in {3, 4} else "REJECTED BAD_TIF")


# Rule 8
def test_only_an_order_that_can_rest_is_post_only(floor: Floor) -> None:
    for tif in (IOC, FOK):
        assert floor.buy(1, 5, 100, tif=tif, flags=POST_ONLY)[0].startswith("REJECTED BAD_TIF")
        assert floor.market_buy(1, 5, tif=tif, flags=POST_ONLY)[0].startswith("REJECTED BAD_TIF")
    for id_, tif in ((1, GTC), (2, GTD)):
        assert floor.buy(id_, 5, 100, tif=tif, flags=POST_ONLY) == [
            f"NEW side=1 taker={id_} price=100 quantity=5"
        ]


# Rule 8: the engine keeps no time
def test_an_order_until_a_date_rests_like_any_other(floor: Floor) -> None:
    floor.sell(1, 5, 100, tif=GTD)
    floor.sell(2, 5, 100, tif=GTC)
    assert floor.ids(SELL) == [1, 2]


# Rule 9 [BOK-9]
def test_a_market_order_without_a_cap_takes_any_price(floor: Floor) -> None:
    floor.sell(1, 5, 100)
    floor.sell(2, 5, 2**53 - 1)
    assert floor.market_buy(3, 10) == [
        "TRADE side=1 maker=1 taker=3 price=100 quantity=5",
        f"TRADE side=1 maker=2 taker=3 price={2**53 - 1} quantity=5",
    ]
    floor.buy(4, 5, 1)
    assert floor.new(SELL, 5, 5, 0, BOB, kind=CommandKind.NEW_MARKET, tif=FOK) == [
        "TRADE side=2 maker=4 taker=5 price=1 quantity=5"
    ]


# Rule 9
def test_a_market_order_does_not_trade_beyond_its_cap(floor: Floor) -> None:
    floor.sell(1, 5, 100)
    floor.sell(2, 5, 101)
    assert floor.market_buy(3, 10, cap=100) == [
        "TRADE side=1 maker=1 taker=3 price=100 quantity=5",
        "CANCELED IMMEDIATE_REMAINDER side=1 taker=3 price=100 quantity=5",
    ]
    assert floor.market_buy(4, 1, cap=-1) == ["REJECTED BAD_PRICE side=1 taker=4 price=-1 quantity=1"]
    assert floor.market_buy(5, 1, cap=2**53)[0].startswith("REJECTED BAD_PRICE")


# Rule 9
def test_what_an_ioc_order_does_not_trade_is_cancelled(floor: Floor) -> None:
    floor.sell(1, 5, 100)
    assert floor.buy(2, 8, 100, tif=IOC) == [
        "TRADE side=1 maker=1 taker=2 price=100 quantity=5",
        "CANCELED IMMEDIATE_REMAINDER side=1 taker=2 price=100 quantity=3",
    ]
    assert floor.rests() == {}


# Rule 9
def test_a_fok_order_trades_as_a_whole_or_not_at_all(floor: Floor) -> None:
    floor.sell(1, 5, 100)
    floor.sell(2, 5, 101)
    assert floor.buy(3, 6, 100, tif=FOK) == ["REJECTED NOT_FILLABLE side=1 taker=3 price=100 quantity=6"]
    assert floor.market_buy(3, 11, tif=FOK) == ["REJECTED NOT_FILLABLE side=1 taker=3 quantity=11"]
    assert floor.buy(3, 6, 101, tif=FOK) == [
        "TRADE side=1 maker=1 taker=3 price=100 quantity=5",
        "TRADE side=1 maker=2 taker=3 price=101 quantity=1 maker_left=4",
    ]


# Rule 10 [BOK-10]
@pytest.mark.parametrize(
    ("flag", "quantity", "fills"),
    [
        (SelfTrade.TRADE, 15, True),
        (SelfTrade.TRADE, 16, False),
        (SelfTrade.CANCEL_TAKER, 5, True),
        (SelfTrade.CANCEL_TAKER, 6, False),
        (SelfTrade.CANCEL_MAKER, 10, True),
        (SelfTrade.CANCEL_MAKER, 11, False),
        (SelfTrade.CANCEL_BOTH, 5, True),
        (SelfTrade.CANCEL_BOTH, 6, False),
    ],
)
def test_a_fok_order_counts_own_makers_as_its_flags_say(
    floor: Floor, flag: SelfTrade, quantity: int, fills: bool
) -> None:
    floor.sell(1, 5, 100, BOB)
    floor.sell(2, 5, 100, ANN)
    floor.sell(3, 5, 101, BOB)
    said = floor.buy(4, quantity, 101, ANN, tif=FOK, flags=flag)
    assert (said == [f"REJECTED NOT_FILLABLE side=1 taker=4 price=101 quantity={quantity}"]) is not fills
    assert (floor.ids(SELL) == [1, 2, 3]) is not fills


# Rule 10: nothing is paid for a look, so that of a node has an end
def test_a_fok_order_looks_at_so_many_makers_and_no_more(kind: Kind) -> None:
    floor, last = Floor(kind, fok_makers_max=FOK_MAKERS_MAX), FOK_MAKERS_MAX + 1
    for id_ in range(1, last + 1):
        floor.sell(id_, 1, 100 + id_ % 2, BOB)
    (said,) = floor.buy(last + 1, last, 101, ANN, tif=FOK)
    assert said.startswith("REJECTED NOT_FILLABLE"), "there is one more, behind so many"
    assert len(floor.buy(last + 1, last - 1, 101, ANN, tif=FOK)) == last - 1
    assert floor.ids(SELL) == [last]


# Rule 10
def test_a_book_that_was_told_no_end_looks_at_all_makers(floor: Floor) -> None:
    last = FOK_MAKERS_MAX + 1
    for id_ in range(1, last + 1):
        floor.sell(id_, 1, 100, BOB)
    assert len(floor.buy(last + 1, last, 100, ANN, tif=FOK)) == last


# Rule 10
def test_own_makers_that_are_passed_over_count_as_looked_at(kind: Kind) -> None:
    floor, last = Floor(kind, fok_makers_max=FOK_MAKERS_MAX), FOK_MAKERS_MAX + 1
    for id_ in range(1, last):
        floor.sell(id_, 1, 100, ANN)
    floor.sell(last, 1, 100, BOB)
    wish = {"tif": FOK, "flags": SelfTrade.CANCEL_MAKER}
    assert floor.buy(last + 1, 1, 100, ANN, **wish)[0].startswith("REJECTED NOT_FILLABLE")
    floor.cancel(1, ANN)
    assert floor.buy(last + 1, 1, 100, ANN, **wish)[-1].startswith(f"TRADE side=1 maker={last}")


# Rule 11 [BOK-11]
@pytest.mark.parametrize("maker", [ANN, BOB])
def test_post_only_is_refused_at_or_through_the_price_of_any_opposite_order(floor: Floor, maker: int) -> None:
    floor.sell(1, 5, 100, maker)
    for price in (100, 101):
        assert floor.buy(2, 5, price, ANN, flags=POST_ONLY | SelfTrade.CANCEL_MAKER) == [
            f"REJECTED WOULD_CROSS side=1 taker=2 price={price} quantity=5"
        ]
    assert floor.buy(2, 5, 99, ANN, flags=POST_ONLY) == ["NEW side=1 taker=2 price=99 quantity=5"]
    assert floor.sell(3, 5, 99, maker, flags=POST_ONLY)[0].startswith("REJECTED WOULD_CROSS")


# Rule 12 [BOK-12]
def test_flag_0_lets_an_account_trade_with_itself(floor: Floor) -> None:
    floor.sell(1, 5, 100, ANN, flags=SelfTrade.CANCEL_BOTH)  # the maker's flags say nothing
    assert floor.buy(2, 5, 100, ANN) == ["TRADE side=1 maker=1 taker=2 price=100 quantity=5"]


# Rule 12
def test_flag_1_cancels_the_rest_of_the_taker_and_trades_done_stand(floor: Floor) -> None:
    floor.sell(1, 5, 100, BOB)
    floor.sell(2, 5, 101, ANN)
    floor.sell(3, 5, 101, BOB)
    assert floor.buy(4, 12, 101, ANN, flags=SelfTrade.CANCEL_TAKER) == [
        "TRADE side=1 maker=1 taker=4 price=100 quantity=5",
        "CANCELED SELF_TRADE side=1 taker=4 price=101 quantity=7",
    ]
    assert (floor.ids(SELL), floor.ids(BUY)) == ([2, 3], [])


# Rule 12
def test_flag_2_cancels_the_maker_and_goes_on(floor: Floor) -> None:
    floor.sell(1, 5, 100, ANN)
    floor.sell(2, 5, 100, BOB)
    floor.sell(3, 5, 101, ANN)
    assert floor.buy(4, 12, 101, ANN, flags=SelfTrade.CANCEL_MAKER) == [
        "CANCELED SELF_TRADE side=2 taker=1 price=100 quantity=5",
        "TRADE side=1 maker=2 taker=4 price=100 quantity=5",
        "CANCELED SELF_TRADE side=2 taker=3 price=101 quantity=5",
        "NEW side=1 taker=4 price=101 quantity=7",
    ]


# Rule 12
def test_flag_3_cancels_the_maker_and_then_the_taker(floor: Floor) -> None:
    floor.sell(1, 5, 100, BOB)
    floor.sell(2, 5, 100, ANN)
    assert floor.buy(3, 9, 100, ANN, flags=SelfTrade.CANCEL_BOTH) == [
        "TRADE side=1 maker=1 taker=3 price=100 quantity=5",
        "CANCELED SELF_TRADE side=2 taker=2 price=100 quantity=5",
        "CANCELED SELF_TRADE side=1 taker=3 price=100 quantity=4",
    ]
    assert floor.rests() == {}


# Rule 12
def test_an_own_maker_that_is_not_reached_stays(floor: Floor) -> None:
    floor.sell(1, 5, 100, BOB)
    floor.sell(2, 5, 100, ANN)
    assert floor.buy(3, 5, 100, ANN, flags=SelfTrade.CANCEL_BOTH) == [
        "TRADE side=1 maker=1 taker=3 price=100 quantity=5"
    ]
    assert floor.ids(SELL) == [2]


# Rule 13 [BOK-13]
def test_an_id_is_taken_while_it_rests_in_any_market_and_free_afterwards(floor: Floor) -> None:
    floor.buy(1, 5, 100)
    assert floor.sell(1, 5, 200, market=2)[0].startswith("REJECTED DUPLICATE_ID market=2")
    assert floor.market_buy(1, 5, market=3)[0].startswith("REJECTED DUPLICATE_ID market=3")
    floor.cancel(1, ANN)
    assert floor.sell(1, 5, 200, market=2) == ["NEW market=2 side=2 taker=1 price=200 quantity=5"]
    assert floor.buy(2, 5, 200, market=2)[0].startswith("TRADE")
    assert floor.buy(1, 5, 100) == ["NEW side=1 taker=1 price=100 quantity=5"]


# Rule 14 [BOK-14]
def test_a_full_book_refuses_what_could_rest_even_if_it_would_trade(kind: Kind) -> None:
    floor = Floor(kind, orders_max=2)
    floor.sell(1, 5, 100)
    floor.sell(2, 5, 100, market=2)
    for tif in (GTC, GTD):
        assert floor.buy(3, 5, 100, tif=tif) == ["REJECTED BOOK_FULL side=1 taker=3 price=100 quantity=5"]
    assert floor.buy(3, 1, 100, tif=IOC)[0].startswith("TRADE")
    assert floor.market_buy(3, 1, tif=FOK)[0].startswith("TRADE")
    floor.buy(3, 3, 100, tif=FOK)
    assert floor.buy(3, 5, 100)[0].startswith("NEW")


# Rule 14
def test_a_side_holds_so_many_prices_and_no_more(kind: Kind) -> None:
    floor = Floor(kind, levels_max=2)
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 99)
    floor.sell(3, 5, 101)
    assert floor.buy(4, 5, 101) == ["REJECTED BOOK_FULL side=1 taker=4 price=101 quantity=5"]
    assert floor.buy(4, 5, 99)[0].startswith("NEW")
    assert floor.sell(5, 5, 102)[0].startswith("NEW")
    assert floor.buy(6, 5, 98, market=2)[0].startswith("NEW market=2")


# Rule 15 [BOK-15]
@pytest.mark.parametrize("state", STATES)
def test_orders_leave_and_shrink_in_every_state(floor: Floor, state: MarketState) -> None:
    for id_ in (1, 2, 3, 4):
        floor.buy(id_, 5, 100)
    floor.set_state(state)
    assert floor.cancel(1, ANN) == ["CANCELED side=1 taker=1 price=100 quantity=5"]
    assert floor.reduce(2, 1, ANN) == ["REDUCED side=1 taker=2 price=100 quantity=4"]
    assert floor.expire(3) == ["EXPIRED side=1 taker=3 price=100 quantity=5"]
    assert floor.mass_cancel(ANN, 1) == [
        "CANCELED side=1 taker=2 price=100 quantity=4",
        "CANCELED side=1 taker=4 price=100 quantity=5",
    ]


# Rule 15
def test_expire_asks_for_no_account_but_for_the_market_of_the_order(floor: Floor) -> None:
    floor.buy(1, 5, 100)
    assert floor.expire(1, market=2) == ["REJECTED UNKNOWN_ORDER market=2 taker=1"]
    assert floor.expire(1, market=0) == ["REJECTED UNKNOWN_ORDER market=0 taker=1"]
    assert floor.expire(1) == ["EXPIRED side=1 taker=1 price=100 quantity=5"]
    assert floor.expire(1) == ["REJECTED UNKNOWN_ORDER taker=1"]


# Rule 16 [BOK-16]
def test_reduce_takes_something_and_leaves_something_and_the_place_is_kept(floor: Floor) -> None:
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 100, EVE)
    for quantity in (0, 5, 6, 2**64 - 1):
        (said,) = floor.reduce(1, quantity, ANN)
        assert said.startswith("REJECTED BAD_QUANTITY")
    assert floor.reduce(1, 1, ANN) == ["REDUCED side=1 taker=1 price=100 quantity=4"]
    assert floor.reduce(1, 3, ANN) == ["REDUCED side=1 taker=1 price=100 quantity=1"]
    assert floor.reduce(1, 1, ANN)[0].startswith("REJECTED BAD_QUANTITY")
    assert floor.ids(BUY) == [1, 2]
    assert floor.engine.best(1) == (100, 6, 0, 0)


# Rule 17 [BOK-17]
@pytest.mark.parametrize("quantity", [1, 4, 5])
def test_replacing_by_no_more_at_the_same_price_keeps_the_place(floor: Floor, quantity: int) -> None:
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 100)
    said = floor.replace(BUY, 1, quantity, 100, ANN)
    assert said == [f"REPLACED side=1 taker=1 price=100 quantity={quantity}"]
    assert floor.ids(BUY) == [1, 2]
    assert floor.engine.best(1) == (100, 5 + quantity, 0, 0)


# Rule 17
@pytest.mark.parametrize(("quantity", "price"), [(6, 100), (5, 99), (5, 101), (1, 99)])
def test_any_other_replacement_goes_behind_the_others(floor: Floor, quantity: int, price: int) -> None:
    for id_, at in ((1, 100), (2, 100), (3, 99), (4, 101)):
        floor.buy(id_, 5, at)
    said = floor.replace(BUY, 1, quantity, price, ANN)
    assert said == [f"REPLACED side=1 taker=1 price={price} quantity={quantity}"]
    rests = floor.rests()[1].buys
    assert [rest.id for rest in rests if rest.price == price][-1] == 1
    assert [rest.remaining for rest in rests if rest.id == 1] == [quantity]


# Rule 17
def test_a_replaced_order_trades_as_a_newcomer_and_rests_without_new(floor: Floor) -> None:
    floor.buy(1, 5, 90)
    floor.sell(2, 4, 100)
    floor.sell(3, 4, 101, ANN)
    assert floor.replace(BUY, 1, 9, 101, ANN, flags=SelfTrade.CANCEL_MAKER) == [
        "REPLACED side=1 taker=1 price=101 quantity=9",
        "TRADE side=1 maker=2 taker=1 price=100 quantity=4",
        "CANCELED SELF_TRADE side=2 taker=3 price=101 quantity=4",
    ]
    assert floor.rests()[1].buys[0].remaining == 5
    floor.sell(4, 9, 105)
    assert floor.replace(BUY, 1, 9, 105, ANN)[1:] == ["TRADE side=1 maker=4 taker=1 price=105 quantity=9"]
    assert floor.rests() == {}


# Rule 17
def test_a_replaced_order_may_be_cancelled_by_its_own_flags(floor: Floor) -> None:
    floor.buy(1, 5, 90)
    floor.sell(2, 4, 100, ANN)
    assert floor.replace(BUY, 1, 9, 100, ANN, flags=SelfTrade.CANCEL_TAKER) == [
        "REPLACED side=1 taker=1 price=100 quantity=9",
        "CANCELED SELF_TRADE side=1 taker=1 price=100 quantity=9",
    ]
    assert (floor.ids(BUY), floor.ids(SELL)) == ([], [2])


# Rule 17
@pytest.mark.parametrize(
    "change",
    [
        {"tif": IOC},
        {"tif": FOK},
        {"flags": 8},
        {"flags": POST_ONLY, "price": 110},
        {"quantity": 0},
        {"price": 0},
        {"account": BOB},
        {"side": SELL},
    ],
)
def test_a_rejected_replacement_leaves_the_order_as_it_was(floor: Floor, change: dict[str, int]) -> None:
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 100)
    floor.sell(3, 5, 110)
    before = floor.rests()
    sound = {"side": BUY, "id_": 1, "quantity": 4, "price": 101, "account": ANN}
    (said,) = floor.replace(**{**sound, **change})
    assert said.startswith("REJECTED")
    assert floor.rests() == before


# Rule 17
def test_a_full_book_replaces(kind: Kind) -> None:
    floor = Floor(kind, orders_max=1, levels_max=1)
    floor.buy(1, 5, 100)
    assert floor.replace(BUY, 1, 9, 101, ANN) == ["REPLACED side=1 taker=1 price=101 quantity=9"]


# Rule 18 [BOK-18]
def test_mass_cancel_goes_through_markets_sides_prices_and_ages(floor: Floor) -> None:
    floor.sell(1, 1, 201, ANN, market=7)
    floor.buy(2, 1, 100, ANN, market=7)
    floor.buy(3, 1, 101, ANN, market=7)
    floor.buy(4, 1, 101, EVE, market=7)
    floor.buy(5, 1, 101, ANN, market=7)
    floor.sell(6, 1, 200, ANN, market=7)
    floor.sell(7, 1, 300, ANN, market=3)
    assert floor.mass_cancel(ANN) == [
        "CANCELED market=3 side=2 taker=7 price=300 quantity=1",
        "CANCELED market=7 side=1 taker=3 price=101 quantity=1",
        "CANCELED market=7 side=1 taker=5 price=101 quantity=1",
        "CANCELED market=7 side=1 taker=2 price=100 quantity=1",
        "CANCELED market=7 side=2 taker=6 price=200 quantity=1",
        "CANCELED market=7 side=2 taker=1 price=201 quantity=1",
    ]
    assert floor.ids(BUY, 7) == [4]


# Rule 18
def test_mass_cancel_of_one_market_leaves_the_others(floor: Floor) -> None:
    floor.buy(1, 1, 100)
    floor.buy(2, 1, 100, market=2)
    assert floor.mass_cancel(ANN, 2) == ["CANCELED market=2 side=1 taker=2 price=100 quantity=1"]
    assert floor.mass_cancel(ANN, 2) == ["REJECTED UNKNOWN_ORDER market=2"]
    assert floor.mass_cancel(EVE) == ["REJECTED UNKNOWN_ORDER market=0"]
    assert floor.ids(BUY) == [1]
