"""An order that may not go to the book says why and gives no event; the others of its frame go on. [ORD-4]"""

from dataclasses import replace

import pytest

from tests.unit.trading.pit import (
    ANN,
    BOB,
    BUY,
    EUR,
    EVE,
    FOK,
    GTC,
    GTD,
    HELD,
    INK,
    IOC,
    NEGATIVE,
    NOW_MS,
    PLAIN,
    POWER,
    SELL,
    Pit,
    at_market,
    cancelled,
    new,
    replaced,
)
from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX, MASS_CANCELS_PER_FRAME_MAX, ORDER_LIFE_MS, ORDERS_PER_FRAME_MAX
from thingmarket.matching.engine import Asked
from thingmarket.matching.records import Kind, MarketState, Side
from thingmarket.trading.frame import ORDER_BYTES, Order, OrderStatus, order_id_of
from thingmarket.trading.permits import Headroom, Permit

BOOK = 44_000
GOOD = new(BUY, 10, 5)
POST_ONLY = 1

SHAPES = [
    ("no kind", replace(GOOD, kind=0), BOOK + 10),
    (
        "an expiry of the engine",
        Order(kind=Kind.EXPIRE, market=PLAIN, order_id=order_id_of(ANN, 1)),
        BOOK + 10,
    ),
    ("a state of the engine", Order(kind=Kind.SET_STATE, market=PLAIN, tif=5), BOOK + 10),
    ("an auction of the engine", Order(kind=Kind.UNCROSS, market=PLAIN), BOOK + 10),
    ("an unknown market", replace(GOOD, market=77), OrderStatus.UNKNOWN_MARKET),
    ("market 0", replace(GOOD, market=0), OrderStatus.UNKNOWN_MARKET),
    ("no side", replace(GOOD, side=0), BOOK + 14),
    ("a side beyond", replace(GOOD, side=3), BOOK + 14),
    ("an unknown flag", replace(GOOD, flags=8), BOOK + 14),
    ("an id again", replace(GOOD, order_id=order_id_of(ANN, 3)), OrderStatus.BAD_ID),
    ("somebody else's id", replace(GOOD, order_id=order_id_of(BOB, 1)), OrderStatus.BAD_ID),
    ("somebody else's order", cancelled(order_id_of(BOB, 1)), OrderStatus.BAD_ID),
    ("somebody else's order anew", replaced(order_id_of(BOB, 1), BUY, 1, 1), OrderStatus.BAD_ID),
    ("no time in force", replace(GOOD, tif=0), BOOK + 11),
    ("an unknown time in force", replace(GOOD, tif=2), BOOK + 11),
    ("at market until cancelled", at_market(BUY, 10, 5, tif=GTC), BOOK + 11),
    ("post-only at once", replace(GOOD, tif=IOC, flags=POST_ONLY), BOOK + 11),
    ("post-only at market", at_market(SELL, 10, 5, flags=POST_ONLY), BOOK + 11),
    ("replaced at once", replaced(order_id_of(ANN, 1), BUY, 1, 1, tif=FOK), BOOK + 11),
    ("an expiry without GTD", replace(GOOD, expires_ms=NOW_MS + 1), OrderStatus.BAD_EXPIRY),
    ("GTD without expiry", replace(GOOD, tif=GTD), OrderStatus.BAD_EXPIRY),
    ("GTD until now", replace(GOOD, tif=GTD, expires_ms=NOW_MS), OrderStatus.BAD_EXPIRY),
    (
        "GTD beyond a year",
        replace(GOOD, tif=GTD, expires_ms=NOW_MS + ORDER_LIFE_MS + 1),
        OrderStatus.BAD_EXPIRY,
    ),
    ("nothing", replace(GOOD, quantity=0), BOOK + 4),
    ("no price", replace(GOOD, price=0), BOOK + 5),
    ("a price below zero", replace(GOOD, price=-1), BOOK + 5),
    ("a price beyond 2^53", replace(GOOD, price=INTEGER_MAX + 1), BOOK + 5),
    ("buying at any price", at_market(BUY, 0, 5), BOOK + 5),
    ("selling at market below zero", at_market(SELL, -1, 5), BOOK + 5),
    ("more money than 2^53", replace(GOOD, price=INTEGER_MAX, quantity=2), OrderStatus.TOO_MUCH),
]


@pytest.mark.parametrize(("order", "status"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_an_order_of_bad_shape_is_refused_alone(pit: Pit, order: Order, status: int) -> None:
    first, second = new(BUY, 1, 1), new(BUY, 2, 1)
    statuses = pit.send(ANN, first, order, second)
    assert statuses == [0, status, 0]
    assert [event.price for event in pit.events()] == [1, 2]


def test_goods_of_an_order_stay_within_2_to_the_41() -> None:
    huge = replace(Pit().desk.terms(PLAIN) or pytest.fail("there is no market"), lot_steps=2**40)
    assert Pit(huge).send(ANN, new(BUY, 1, 3)) == [OrderStatus.TOO_MUCH]
    assert Pit(huge).send(ANN, new(BUY, 1, 2)) == [OrderStatus.NO_FUNDS], "that much would do"


def test_prices_below_zero_stay_within_2_to_the_53_too(pit: Pit) -> None:
    huge = replace(pit.desk.terms(NEGATIVE) or pytest.fail("there is no market"), offset_ticks=2**51)
    assert Pit(huge).send(BOB, new(SELL, 1, 2, market=NEGATIVE)) == [OrderStatus.TOO_MUCH]


@pytest.mark.parametrize("state", [MarketState.HALTED, MarketState.CLOSED])
def test_a_market_that_takes_no_orders_says_so(pit: Pit, state: MarketState) -> None:
    pit.send(ANN, GOOD)
    pit.desk.set_state(PLAIN, state)
    mine = order_id_of(ANN, 1)
    assert pit.send(ANN, GOOD, replaced(mine, BUY, 9, 5), cancelled(mine)) == [BOOK + 9, BOOK + 9, 0]
    assert pit.held(ANN, EUR) == 0


def test_an_auction_takes_nothing_that_wants_to_trade_at_once(pit: Pit) -> None:
    pit.desk.set_state(PLAIN, MarketState.AUCTION)
    assert pit.send(ANN, replace(GOOD, tif=IOC), at_market(BUY, 10, 5), GOOD) == [BOOK + 9, BOOK + 9, 0]


@pytest.mark.parametrize(
    ("permit", "order", "status"),
    [
        (Permit(refusal=Code.MANDATE_EXPIRED), GOOD, Code.MANDATE_EXPIRED),
        (Permit(price_high=9), GOOD, OrderStatus.OVER_PRICE),
        (Permit(price_high=10), GOOD, 0),
        (Permit(price_low=10), new(SELL, 9, 1), OrderStatus.OVER_PRICE),
        (Permit(price_low=2), at_market(SELL, 0, 1), OrderStatus.OVER_PRICE),
        (Permit(order_max_minor=49), GOOD, OrderStatus.OVER_ORDER),
        (Permit(lots_max=4), GOOD, OrderStatus.OVER_ORDER),
        (Permit(lots_max=5), GOOD, 0),
        (Permit(order_max_minor=50, cosign_above_minor=49), GOOD, OrderStatus.NEED_COSIGN),
        (Permit(order_max_minor=50, cosign_above_minor=50), GOOD, 0),
    ],
)
def test_a_mandate_limits_each_order(pit: Pit, permit: Permit, order: Order, status: int) -> None:
    """[ORD-5]"""
    pit.give(ANN, INK, 10)
    assert pit.send(ANN, order, permit=permit) == [status]
    assert bool(pit.last.events) == (status == 0)


def test_a_side_of_a_market_without_a_permit_is_not_permitted(pit: Pit) -> None:
    """[ORD-5]"""
    assert pit.send(ANN, GOOD, permits={(PLAIN, SELL): Permit()}) == [OrderStatus.NOT_PERMITTED]


def test_a_mandate_limits_what_an_order_is_replaced_by(pit: Pit) -> None:
    """[ORD-5] The whole of the new order counts, not the increase."""
    pit.send(ANN, GOOD)
    mine = order_id_of(ANN, 1)
    assert pit.send(ANN, replaced(mine, BUY, 10, 6), permit=Permit(order_max_minor=59)) == [
        OrderStatus.OVER_ORDER
    ]
    assert pit.held(ANN, EUR) == 50


def test_headroom_is_shared_by_the_orders_of_a_frame(pit: Pit) -> None:
    """[ORD-6]"""
    left = Headroom(amount_left_minor=100)
    assert pit.send(ANN, GOOD, new(BUY, 51, 1), GOOD, new(BUY, 1, 1), headroom=left) == [
        0,
        OrderStatus.OVER_BUDGET,
        0,
        OrderStatus.OVER_BUDGET,
    ]


@pytest.mark.parametrize("kind", ["auto", "python"])
def test_of_one_owner_so_many_orders_rest_by_whatever_slots(kind: Asked) -> None:
    """[ORD-6] What never rests, what replaces, and others' orders go on; what left counts no more."""
    pit, other = Pit(kind=kind, resting_max=3), 12
    for owner in (ANN, EVE):
        pit.give(owner, EUR, 10_000)
    over, mine = OrderStatus.OVER_OPEN_ORDERS, order_id_of(ANN, 1)
    assert pit.send(ANN, new(BUY, 1, 5), new(BUY, 2, 5)) == [0, 0]
    far = new(BUY, 104, 1, market=NEGATIVE)
    assert pit.send(other, far, far, owner=ANN) == [0, over], "of all markets and all of his things"
    assert pit.desk.count_of_owner(ANN) == 3
    assert pit.send(ANN, GOOD, replace(GOOD, tif=IOC), replaced(mine, BUY, 9, 5)) == [over, 0, 0]
    assert pit.send(EVE, GOOD) == [0]
    assert pit.send(ANN, cancelled(mine), GOOD, GOOD) == [0, 0, over]
    assert pit.send(EVE, new(SELL, 9, 1)) == [OrderStatus.OUT_OF_STOCK]
    assert len(pit.desk.cancel(other).events) == 56
    assert pit.send(other, far, far, owner=ANN) == [0, over]


def test_orders_of_a_day_and_open_orders_run_out_on_their_own(pit: Pit) -> None:
    """[ORD-6] What is not to rest is no open order; what is made smaller or cancelled is no new one."""
    pit.send(ANN, GOOD)
    mine = order_id_of(ANN, 1)
    at_once = replace(GOOD, tif=IOC)
    assert pit.send(ANN, GOOD, GOOD, at_once, headroom=Headroom(open_left=1)) == [
        0,
        OrderStatus.OVER_OPEN_ORDERS,
        0,
    ]
    assert pit.send(
        ANN, at_once, at_once, replaced(mine, BUY, 9, 5), cancelled(mine), headroom=Headroom(orders_left=1)
    ) == [0, OrderStatus.OVER_DAY_ORDERS, 0, 0]


@pytest.mark.parametrize(
    ("side", "price", "quantity", "is_more"),
    [
        (BUY, 11, 5, True),
        (BUY, 5, 6, True),
        (BUY, 10, 5, False),
        (BUY, 9, 5, False),
        (BUY, 12, 4, False),
        (SELL, 20, 6, True),
        (SELL, 19, 5, False),
        (SELL, 30, 4, False),
    ],
)
def test_an_order_that_is_made_larger_is_an_order_of_its_day(
    pit: Pit, side: Side, price: int, quantity: int, *, is_more: bool
) -> None:
    """[ORD-6] [ORD-12] More lots, or more money, than what is left of it."""
    sender = ANN if side == BUY else BOB
    pit.send(sender, new(side, 10 if side == BUY else 20, 5))
    wish = replaced(order_id_of(sender, 1), side, price, quantity)
    refused = [OrderStatus.OVER_DAY_ORDERS] if is_more else [0]
    assert pit.send(sender, wish, headroom=Headroom(orders_left=0)) == refused
    pit.send(sender, cancelled(order_id_of(sender, 1)), new(side, 10 if side == BUY else 20, 5))
    wish = replaced(order_id_of(sender, 2), side, price, quantity)
    assert pit.send(sender, wish, headroom=Headroom(orders_left=1)) == [0]
    assert sum(tally.placed for tally in pit.last.tallies) == is_more


def test_an_order_that_its_owner_makes_larger_is_none_of_its_things(pit: Pit) -> None:
    """[ORD-12]"""
    pit.send(EVE, new(BUY, 10, 5), owner=ANN)
    wish = replaced(order_id_of(EVE, 1), BUY, 10, 6)
    assert pit.send(ANN, wish, acts_for_owner=True) == [0]
    assert sum(tally.placed for tally in pit.last.tallies) == 0


def test_an_order_that_costs_nothing_needs_no_budget(pit: Pit) -> None:
    """[ORD-6]"""
    assert pit.send(BOB, new(SELL, 10, 5), headroom=Headroom(amount_left_minor=0)) == [0]


def test_a_breaker_takes_no_price_outside_of_its_band(pit: Pit) -> None:
    """[ORD-8]"""
    outside = OrderStatus.OUTSIDE_BAND
    bands = {PLAIN: (9, 11)}
    prices = [new(BUY, price, 1) for price in (8, 9, 11, 12)]
    assert pit.send(ANN, *prices, new(BUY, 8, 1, market=HELD), bands=bands) == [outside, 0, 0, outside, 0]
    assert pit.send(BOB, at_market(SELL, 0, 1), at_market(SELL, 9, 1), bands=bands) == [outside, 0]


def test_nobody_buys_with_money_or_sells_goods_that_he_does_not_have(pit: Pit) -> None:
    """[ORD-7]"""
    assert pit.send(ANN, new(BUY, 101, 100), new(BUY, 100, 100)) == [OrderStatus.NO_FUNDS, 0]
    assert pit.send(BOB, new(SELL, 99, 1, market=NEGATIVE)) == [OrderStatus.NO_FUNDS]
    assert pit.send(BOB, new(SELL, 1, 501), new(SELL, 1, 500)) == [OrderStatus.OUT_OF_STOCK, 0]
    assert pit.held(BOB, POWER) == 0


def test_checks_come_in_their_order(pit: Pit) -> None:
    """Each step is taken away in turn, and the next one speaks."""
    order = new(BUY, 200, 100)
    refusing = {
        "permit": Permit(order_max_minor=1),
        "headroom": Headroom(amount_left_minor=1),
        "bands": {PLAIN: (1, 100)},
    }
    told = []
    for last in ("permit", "headroom", "bands", ""):
        (status,) = pit.send(ANN, order, **refusing)  # type: ignore[arg-type]
        told.append(status)
        refusing.pop(last, None)
    assert told == [
        OrderStatus.OVER_ORDER,
        OrderStatus.OVER_BUDGET,
        OrderStatus.OUTSIDE_BAND,
        OrderStatus.NO_FUNDS,
    ]


def test_what_the_book_refuses_has_its_reason_and_its_event(pit: Pit) -> None:
    pit.send(BOB, new(SELL, 10, 5))
    statuses = pit.send(
        ANN, new(BUY, 10, 5, flags=POST_ONLY), new(BUY, 10, 9, tif=FOK), cancelled(order_id_of(ANN, 9))
    )
    assert statuses == [BOOK + 6, BOOK + 7, BOOK + 1]
    assert [event.reason for event in pit.events()] == [6, 7, 1]
    assert pit.held(ANN, EUR) == 0


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", Code.MALFORMED),
        (bytes(ORDER_BYTES - 1), Code.MALFORMED),
        (bytes(ORDER_BYTES * ORDERS_PER_FRAME_MAX + 1), Code.MALFORMED),
        (bytes(ORDER_BYTES * (ORDERS_PER_FRAME_MAX + 1)), Code.TOO_LARGE),
        (Order(kind=Kind.MASS_CANCEL).pack() * (MASS_CANCELS_PER_FRAME_MAX + 1), Code.TOO_LARGE),
    ],
)
def test_a_frame_that_is_none_is_refused_whole(pit: Pit, frame: bytes, code: Code) -> None:
    """[ORD-1]"""
    before = pit.desk.snapshot()
    with pytest.raises(Refusal) as refused:
        pit.desk.place(
            frame,
            slot=ANN,
            owner_number=ANN,
            last_counter=0,
            permits={},
            headroom={},
            bands={},
            now_ms=NOW_MS,
            acts_for_owner=False,
        )
    assert refused.value.number == code
    assert pit.desk.snapshot() == before
