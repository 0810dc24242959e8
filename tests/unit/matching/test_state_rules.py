"""States, the call auction, which markets exist, hashes: rules 19 to 22 of the design."""

from hashlib import blake2b
from itertools import product
from struct import pack

import pytest

from tests.unit.matching.conftest import Kind
from tests.unit.matching.floor import ANN, BOB, BUY, EVE, FOK, GTC, GTD, IOC, SELL, Floor, told
from thingmarket.errors import Code, Refusal
from thingmarket.matching import Engine
from thingmarket.matching.records import POST_ONLY, Command, MarketState, SelfTrade, unpack_events
from thingmarket.matching.records import Kind as CommandKind

STATES = list(MarketState)
PRE_OPEN, AUCTION, CONTINUOUS, HALTED, CLOSED = STATES


# Rule 19 [BOK-19]
@pytest.mark.parametrize(("old", "new"), list(product(STATES, STATES)))
def test_a_market_goes_from_any_state_to_any_other_but_stays_closed(
    floor: Floor, old: MarketState, new: MarketState
) -> None:
    floor.set_state(old)
    stays = old == CLOSED != new
    assert floor.set_state(new) == (
        ["REJECTED WRONG_STATE"] if stays else [f"STATE quantity={new:d} maker_left={old:d}"]
    )


# Rule 19
@pytest.mark.parametrize("state", [0, 6, 255])
def test_a_state_that_nobody_knows_is_a_bad_field(floor: Floor, state: int) -> None:
    assert floor.set_state(state) == ["REJECTED BAD_FIELD"]


# Rule 19
@pytest.mark.parametrize("sell_at", [99, 100, 101])
def test_a_crossed_book_does_not_open(floor: Floor, sell_at: int) -> None:
    floor.set_state(PRE_OPEN)
    floor.buy(1, 5, 100)
    floor.sell(2, 5, sell_at)
    opened = floor.set_state(CONTINUOUS)
    assert opened == (["STATE quantity=3 maker_left=1"] if sell_at > 100 else ["REJECTED BOOK_CROSSED"])


# Rule 19
@pytest.mark.parametrize("state", [PRE_OPEN, AUCTION])
def test_before_an_auction_orders_rest_without_matching(floor: Floor, state: MarketState) -> None:
    floor.set_state(state)
    assert floor.sell(1, 5, 100) == ["NEW side=2 taker=1 price=100 quantity=5"]
    assert floor.buy(2, 5, 101, flags=POST_ONLY) == ["NEW side=1 taker=2 price=101 quantity=5"]
    assert floor.buy(3, 5, 90, tif=GTD) == ["NEW side=1 taker=3 price=90 quantity=5"]
    assert floor.replace(BUY, 3, 6, 102, ANN, flags=POST_ONLY) == [
        "REPLACED side=1 taker=3 price=102 quantity=6"
    ]
    for tif in (IOC, FOK):
        assert floor.buy(4, 5, 101, tif=tif)[0].startswith("REJECTED WRONG_STATE")
        assert floor.market_buy(4, 5, tif=tif)[0].startswith("REJECTED WRONG_STATE")
    assert floor.ids(BUY) == [3, 2]


# Rule 19
@pytest.mark.parametrize("state", [HALTED, CLOSED])
def test_a_halted_or_closed_market_takes_no_new_and_no_replaced_orders(
    floor: Floor, state: MarketState
) -> None:
    floor.buy(1, 5, 100)
    floor.set_state(state)
    for tif in (GTC, IOC, FOK, GTD):
        assert floor.buy(2, 5, 100, tif=tif)[0].startswith("REJECTED WRONG_STATE")
    assert floor.market_buy(2, 5)[0].startswith("REJECTED WRONG_STATE")
    assert floor.replace(BUY, 1, 4, 100, ANN)[0].startswith("REJECTED WRONG_STATE")


# Rule 19
def test_the_state_of_a_market_is_its_own(floor: Floor) -> None:
    floor.set_state(HALTED, market=2)
    assert floor.buy(1, 5, 100) == ["NEW side=1 taker=1 price=100 quantity=5"]


def auction(floor: Floor, buys: list[tuple[int, int]], sells: list[tuple[int, int]]) -> None:
    """Gather orders of (price, quantity): buys with the ids 1, 2, ..., sells with 101, 102, ..."""
    floor.set_state(AUCTION)
    for id_, (price, quantity) in enumerate(buys, 1):
        floor.buy(id_, quantity, price)
    for id_, (price, quantity) in enumerate(sells, 101):
        floor.sell(id_, quantity, price)


# Rule 20 [BOK-20]
@pytest.mark.parametrize("state", [PRE_OPEN, CONTINUOUS, HALTED, CLOSED])
def test_only_an_auction_uncrosses(floor: Floor, state: MarketState) -> None:
    floor.set_state(state)
    assert floor.uncross(100) == ["REJECTED WRONG_STATE price=100"]


# Rule 20
def test_an_uncross_pairs_the_best_buy_with_the_best_sell_at_one_price(floor: Floor) -> None:
    auction(floor, [(105, 4), (103, 6), (103, 9)], [(100, 7), (101, 5), (104, 9)])
    assert floor.uncross() == [
        "TRADE maker=1 taker=101 price=101 quantity=4",
        "TRADE maker=2 taker=101 price=101 quantity=3 maker_left=3",
        "TRADE maker=2 taker=102 price=101 quantity=3",
        "TRADE maker=3 taker=102 price=101 quantity=2 maker_left=7",
        "STATE price=101 quantity=2 maker_left=12",
    ]
    assert (floor.ids(BUY), floor.ids(SELL)) == ([3], [103])
    assert floor.set_state(CONTINUOUS) == ["STATE quantity=3 maker_left=2"]


# Rule 20
@pytest.mark.parametrize(
    ("reference", "price"), [(0, 100), (-5, 100), (99, 100), (103, 103), (105, 105), (2**63 - 1, 105)]
)
def test_among_equal_prices_the_nearest_to_the_reference_clears_else_the_lowest(
    floor: Floor, reference: int, price: int
) -> None:
    auction(floor, [(105, 5)], [(100, 5)])
    assert floor.uncross(reference) == [
        f"TRADE maker=1 taker=101 price={price} quantity=5",
        f"STATE price={price} quantity=2 maker_left=5",
    ]


# Rule 20
def test_the_largest_volume_comes_before_the_smallest_imbalance(floor: Floor) -> None:
    auction(floor, [(105, 3), (100, 100)], [(99, 4), (103, 1)])
    # at 100 and below 4 of 103 trade; from 101 on 3 of 3 bid against 4
    assert floor.uncross(105)[-1] == "STATE price=100 quantity=2 maker_left=4"


# Rule 20
def test_the_smallest_imbalance_comes_before_the_reference(floor: Floor) -> None:
    auction(floor, [(105, 5), (102, 2)], [(100, 5), (104, 1)])
    # 5 trade anywhere; up to 102 there are 2 too many buys, at 103 none, from 104 on 1 too many sells
    assert floor.uncross(100)[-1] == "STATE price=103 quantity=2 maker_left=5"


# Rule 20
@pytest.mark.parametrize(("reference", "price"), [(0, 100), (102, 102), (104, 104), (105, 105), (200, 110)])
def test_too_many_buys_are_as_bad_as_too_many_sells(floor: Floor, reference: int, price: int) -> None:
    auction(floor, [(110, 5), (104, 1)], [(100, 5), (105, 1)])
    # 5 trade anywhere; up to 104 there is a buy too many, from 105 on a sell
    assert floor.uncross(reference)[-1] == f"STATE price={price} quantity=2 maker_left=5"


# Rule 20
def test_a_book_that_is_not_crossed_clears_nothing(floor: Floor) -> None:
    floor.set_state(AUCTION)
    assert floor.uncross(100) == ["STATE quantity=2"]
    auction(floor, [(99, 5)], [(100, 5)])
    assert floor.uncross(100) == ["STATE quantity=2"]
    assert (floor.ids(BUY), floor.ids(SELL)) == ([1], [101])


# Rule 20, 12
def test_an_uncross_does_not_look_at_accounts(floor: Floor) -> None:
    floor.set_state(AUCTION)
    floor.buy(1, 5, 100, ANN, flags=SelfTrade.CANCEL_BOTH)
    floor.sell(2, 5, 100, ANN, flags=SelfTrade.CANCEL_BOTH)
    assert floor.uncross()[0] == "TRADE maker=1 taker=2 price=100 quantity=5"


# Rule 21 [BOK-21]
def test_a_market_exists_while_it_has_an_order_or_a_state_of_its_own(floor: Floor) -> None:
    nothing = floor.rests()
    assert nothing == {}
    floor.buy(1, 5, 100)
    assert list(floor.rests()) == [1]
    floor.sell(2, 5, 100)
    assert floor.rests() == {}
    floor.set_state(HALTED, market=9)
    assert list(floor.rests()) == [9]
    floor.set_state(CONTINUOUS, market=9)
    assert floor.rests() == {}
    floor.buy(1, 5, 100)
    assert floor.replace(BUY, 1, 5, 101, ANN)[0].startswith("REPLACED")
    assert list(floor.rests()) == [1]
    floor.expire(1)
    assert floor.rests() == {}
    floor.set_state(CONTINUOUS, market=5)
    floor.buy(3, 5, 100, tif=IOC, market=6)
    assert floor.rests() == {}


# Rule 21
def test_a_rejected_command_makes_no_market(floor: Floor) -> None:
    floor.buy(1, 0, 100, market=2)
    floor.buy(1, 5, 100, tif=FOK, market=3)
    floor.set_state(9, market=4)
    floor.uncross(market=5)
    floor.cancel(1, ANN, market=6)
    floor.mass_cancel(ANN, market=7)
    assert floor.rests() == {}
    assert (floor.engine.best(2), floor.engine.depth(3, 5)) == ((0, 0, 0, 0), ([], []))
    assert floor.rests() == {}


# Rule 22 [BOK-22]
def test_the_state_hash_is_over_every_order_in_its_place(floor: Floor) -> None:
    floor.set_state(PRE_OPEN, market=7)
    floor.buy(1, 5, 100, ANN)
    floor.buy(2, 6, 100, EVE)
    floor.buy(3, 7, 101, ANN)
    floor.sell(4, 8, 102, BOB)
    said = (
        pack("<IBQ", 1, 3, 3)
        + pack("<QqQQ", 3, 101, 7, ANN)
        + pack("<QqQQ", 1, 100, 5, ANN)
        + pack("<QqQQ", 2, 100, 6, EVE)
        + pack("<QQqQQ", 1, 4, 102, 8, BOB)
        + pack("<IBQQ", 7, 1, 0, 0)
    )
    assert floor.engine.state_hash() == blake2b(said + pack("<Q", 5), digest_size=32).digest()
    head = b"tmbook01" + pack("<QQQI", 1_048_576, 65_536, 5, 2)
    check = blake2b(head + said, digest_size=32).digest()
    assert floor.engine.snapshot() == head + said + check


# Rule 22
def test_the_state_hash_of_an_empty_book_is_over_its_last_event(floor: Floor) -> None:
    assert floor.engine.state_hash() == blake2b(bytes(8), digest_size=32).digest()
    floor.cancel(1, ANN)
    assert floor.engine.state_hash() == blake2b(pack("<Q", 1), digest_size=32).digest()


# Rule 22
def test_a_restored_book_goes_on_as_the_first_one_would(kind: Kind) -> None:
    floor = Floor(kind, orders_max=10, levels_max=3)
    for id_, price in ((1, 100), (2, 99), (3, 100), (4, 98)):
        floor.buy(id_, 5, price)
    floor.set_state(HALTED, market=2)
    engine = Engine.restore(floor.engine.snapshot(), kind)
    assert engine.snapshot() == floor.engine.snapshot()
    assert engine.depth(1, 9) == floor.engine.depth(1, 9)
    later = b"".join(
        Command(kind=CommandKind.NEW_LIMIT, tif=GTC, quantity=12, account=BOB, **fields).pack()
        for fields in (
            {"side": SELL, "market": 1, "order_id": 9, "price": 99},
            {"side": SELL, "market": 2, "order_id": 10, "price": 99},
            {"side": BUY, "market": 1, "order_id": 11, "price": 97},
        )
    )
    events = engine.process(later)
    assert events == floor.engine.process(later)
    assert [told(event).split()[0] for event in unpack_events(events)] == [
        "TRADE",
        "TRADE",
        "TRADE",
        "REJECTED",
        "NEW",
    ]
    assert engine.state_hash() == floor.engine.state_hash()


def snapshot_of(markets: bytes, count: int, *, orders_max: int = 3, levels_max: int = 2) -> bytes:
    """A snapshot with a right check at its end."""
    body = b"tmbook01" + pack("<QQQI", orders_max, levels_max, 7, count) + markets
    return body + blake2b(body, digest_size=32).digest()


def side(*orders: tuple[int, int, int]) -> bytes:
    """One side of a market: id, price and quantity of each order."""
    return pack("<Q", len(orders)) + b"".join(pack("<QqQQ", *order, ANN) for order in orders)


NONE = side()
GOOD = {
    "nothing": (b"", 0),
    "one market": (pack("<IB", 1, 3) + side((1, 100, 5), (2, 99, 5)) + side((3, 101, 2**32 - 1)), 1),
    "a crossed auction": (pack("<IB", 1, 2) + side((1, 100, 5)) + side((3, 90, 5)), 1),
    "a crossed halt": (pack("<IB", 1, 4) + side((1, 100, 5)) + side((3, 90, 5)), 1),
    "two markets": (pack("<IB", 1, 5) + NONE + NONE + pack("<IB", 2, 3) + NONE + side((9, 2**53 - 1, 1)), 2),
}
BAD = {
    "market 0": (pack("<IB", 0, 4) + NONE + NONE, 1),
    "a market twice": (2 * (pack("<IB", 1, 4) + NONE + NONE), 2),
    "markets that descend": (pack("<IB", 2, 4) + NONE + NONE + pack("<IB", 1, 4) + NONE + NONE, 2),
    "state 0": (pack("<IB", 1, 0) + NONE + NONE, 1),
    "state 6": (pack("<IB", 1, 6) + NONE + NONE, 1),
    "an empty market": (pack("<IB", 1, 3) + NONE + NONE, 1),
    "a crossed book": (pack("<IB", 1, 3) + side((1, 100, 5)) + side((2, 100, 5)), 1),
    "buys that ascend": (pack("<IB", 1, 3) + side((1, 100, 5), (2, 101, 5)) + NONE, 1),
    "sells that descend": (pack("<IB", 1, 3) + NONE + side((1, 100, 5), (2, 99, 5)), 1),
    "an id twice": (pack("<IB", 1, 3) + side((1, 100, 5), (1, 100, 5)) + NONE, 1),
    "an id on both sides": (pack("<IB", 1, 3) + side((1, 100, 5)) + side((1, 101, 5)), 1),
    "id 0": (pack("<IB", 1, 3) + side((0, 100, 5)) + NONE, 1),
    "quantity 0": (pack("<IB", 1, 3) + side((1, 100, 0)) + NONE, 1),
    "quantity 2^32": (pack("<IB", 1, 3) + side((1, 100, 2**32)) + NONE, 1),
    "price 0": (pack("<IB", 1, 3) + side((1, 0, 5)) + NONE, 1),
    "price 2^53": (pack("<IB", 1, 3) + side((1, 2**53, 5)) + NONE, 1),
    "too many orders": (pack("<IB", 1, 3) + side(*((id_, 100, 5) for id_ in range(1, 5))) + NONE, 1),
    "too many prices": (pack("<IB", 1, 3) + side((1, 100, 5), (2, 99, 5), (3, 98, 5)) + NONE, 1),
    "more markets than stated": (pack("<IB", 1, 4) + NONE + NONE, 0),
    "fewer markets than stated": (pack("<IB", 1, 4) + NONE + NONE, 2),
    "more orders than there are": (pack("<IBQ", 1, 3, 2) + pack("<QqQQ", 1, 100, 5, ANN), 1),
    "a number of orders that no memory holds": (pack("<IBQ", 1, 3, 2**64 - 1), 1),
    "bytes behind the end": (pack("<IB", 1, 4) + NONE + NONE + b"\0", 1),
}


# Rule 22
@pytest.mark.parametrize("name", GOOD)
def test_a_good_snapshot_is_taken(kind: Kind, name: str) -> None:
    data = snapshot_of(*GOOD[name])
    assert Engine.restore(data, kind).snapshot() == data


# Rule 22
@pytest.mark.parametrize("name", BAD)
def test_a_bad_snapshot_is_refused(kind: Kind, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        Engine.restore(snapshot_of(*BAD[name]), kind)
    assert refused.value.number == Code.MALFORMED


# Rule 22
@pytest.mark.parametrize("limits", [(0, 2), (3, 0), (2**31, 2), (2**64 - 1, 2), (3, 2**64 - 1)], ids=str)
def test_a_snapshot_with_limits_that_no_book_has_is_refused(kind: Kind, limits: tuple[int, int]) -> None:
    with pytest.raises(Refusal):
        Engine.restore(snapshot_of(b"", 0, orders_max=limits[0], levels_max=limits[1]), kind)


# Rule 22
def test_a_snapshot_of_which_one_bit_or_the_end_is_lost_is_refused(kind: Kind) -> None:
    data = snapshot_of(*GOOD["one market"])
    for length in range(len(data)):
        with pytest.raises(Refusal):
            Engine.restore(data[:length], kind)
    for at in range(len(data)):
        with pytest.raises(Refusal):
            Engine.restore(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], kind)


def test_best_and_depth_tell_prices_quantities_and_orders(floor: Floor) -> None:
    for id_, price in ((1, 100), (2, 100), (3, 99), (4, 98)):
        floor.buy(id_, 5, price)
    floor.sell(5, 7, 103)
    floor.sell(6, 2, 102)
    floor.sell(7, 1, 100)
    assert floor.engine.best(1) == (100, 9, 102, 2)
    assert floor.engine.depth(1, 2) == ([(100, 9, 2), (99, 5, 1)], [(102, 2, 1), (103, 7, 1)])
    assert floor.engine.depth(1, 100)[0][2:] == [(98, 5, 1)]
    assert floor.engine.depth(1, 0) == ([], [])
