"""What is read of markets and books, by whom."""

from dataclasses import replace

import pytest

from tests.builders import Actor, World
from tests.ordering import buy, cancel, sell, statuses
from thingmarket.errors import Refusal, code_name
from thingmarket.limits import HOUR_MS
from thingmarket.market.entries import Outcome
from thingmarket.market.indexes import Reader
from thingmarket.market.order_queries import (
    depth_seen,
    market_seen,
    markets_seen,
    orders_seen,
    seat_seen,
    trades_seen,
)
from thingmarket.time import UnixMs
from thingmarket.trading.frame import order_id_of
from thingmarket.trading.terms import BookShown
from thingmarket.wire import orders as wire


@pytest.fixture
def world() -> World:
    """An open and a closed market."""
    world = World()
    world.market_of(closes_ms=world.time_ms + HOUR_MS, fee_basis_points=100)
    world.market_of(market=2, product_id="toner", book=BookShown.CLOSED)
    return world


def reader(actor: Actor) -> Reader:
    """Who reads."""
    return Reader(actor.id, actor.owner)


def test_a_market_shows_its_best_prices_and_its_last_one_to_everybody(world: World) -> None:
    """[MKT-12]"""
    buyer, seller = world.owner("buyer", fund=100_000), world.owner("seller")
    world.declare(seller, 10)
    world.frame(seller, sell(5, 100))
    world.frame(buyer, buy(2, 100), buy(3, 90))
    seen = market_seen(world.state, 1)
    assert (seen.bid_ticks, seen.bid_lots, seen.ask_ticks, seen.ask_lots) == (90, 3, 100, 3)
    assert seen.record.last_ticks == 100
    assert seen.next_change_ms == world.time_ms + HOUR_MS
    assert [one.record.listed.market for one in markets_seen(world.state)[0]] == [1, 2]
    assert wire.market_message(seen).terms.product_id == "ink-black"


def test_depth_of_a_closed_book_is_shown_to_the_operator_alone(world: World) -> None:
    """[MKT-12]"""
    buyer = world.owner("buyer", fund=100_000)
    world.frame(buyer, buy(2, 100), buy(3, 90), buy(1, 90), buy(1, 50, market=2))
    seen = depth_seen(world.state, buyer.id, 1, 10)
    assert seen.bids == ((100, 2, 1), (90, 4, 2)) and seen.asks == ()
    assert len(wire.depth_message(seen).bids) == 2
    with pytest.raises(Refusal) as refused:
        depth_seen(world.state, buyer.id, 2, 10)
    assert code_name(refused.value.number) == "NOT_PERMITTED"
    assert depth_seen(world.state, world.operator.id, 2, 10).bids == ((50, 1, 1),)


def test_a_party_knows_its_seat_before_its_first_order(world: World) -> None:
    """[MKT-6]"""
    buyer = world.owner("buyer", fund=100_000)
    seen = seat_seen(world.state, buyer.id)
    assert (seen.slot, seen.last_counter, seen.last_frame) == (world.slot(buyer), 0, 0)
    world.frame(buyer, buy(2, 100), buy(3, 90))
    seen = seat_seen(world.state, buyer.id)
    assert (seen.last_counter, seen.last_frame, seen.resting_orders) == (2, 1, 2)
    assert wire.read_seat(wire.seat_message(seen)) == seen


def test_markets_and_resting_orders_come_in_pages(world: World) -> None:
    """[MKT-12] Ascending, behind whatever number or id, also of one that rests no more."""
    numbers = [*range(900, 800, -1), 77, 2**32 - 1]
    for number in numbers:
        world.market_of(market=number, product_id=f"ink-{number}")
    every = sorted([1, 2, *numbers])
    page, more = markets_seen(world.state)
    assert [one.record.listed.market for one in page] == every[:100] and more
    page, more = markets_seen(world.state, every[99])
    assert [one.record.listed.market for one in page] == every[100:] and not more
    assert markets_seen(world.state, 2**32 - 1) == ((), False)
    buyer = world.owner("buyer", fund=100_000)
    world.frame(buyer, *(buy(1, 1 + at) for at in range(120)))
    ids = world.rests(buyer)
    rows, more = orders_seen(world.state, reader(buyer), buyer.id)
    assert tuple(one.order_id for one in rows) == ids[:100] and more
    world.frame(buyer, cancel(ids[99]))
    rows, more = orders_seen(world.state, reader(buyer), buyer.id, ids[99])
    assert tuple(one.order_id for one in rows) == ids[100:] and not more
    assert orders_seen(world.state, reader(buyer), buyer.id, ids[-1]) == ((), False)


def test_resting_orders_are_seen_by_who_placed_them_and_his_owner(world: World) -> None:
    """[MKT-12]"""
    owner = world.owner("household", fund=100_000)
    thing, stranger = world.thing("printer", owner), world.owner("stranger")
    at_ms = world.time_ms + HOUR_MS
    world.frame(thing, buy(2, 100, expires_ms=at_ms))
    for who in (thing, owner):
        (order,), more = orders_seen(world.state, reader(who), thing.id)
        assert (order.order_id, order.lots, order.expires_ms) == (
            order_id_of(world.slot(thing), 1),
            2,
            at_ms,
        )
        assert not more
        assert wire.read_order(wire.order_message(order)) == order
    with pytest.raises(Refusal):
        orders_seen(world.state, reader(stranger), thing.id)


def test_a_trade_is_a_contract_that_is_reckoned_from_its_entry(world: World) -> None:
    """[MKT-11]"""
    owner, seller = world.owner("household", fund=100_000), world.owner("seller")
    thing = world.thing("printer", owner)
    world.declare(seller, 10)
    world.frame(seller, sell(5, 1_000))
    traded = world.frame(thing, buy(2, 1_000))
    found = {
        who.id: list(
            trades_seen(world.state, reader(who), traded.events, seq=traded.seq, time_ms=world.time_ms)
        )
        for who in (owner, thing, seller)
    }
    (bought,), (own,), (sold,) = found[owner.id], found[thing.id], found[seller.id]
    assert bought == own, "an owner sees what his thing did"
    assert (bought.cash_minor, bought.fee_minor, bought.lots) == (2_000, 20, 2)
    assert bought.contract == sold.contract and len(bought.contract) == 16
    assert (bought.sell_order, sold.buy_order) == (0, 0), "the other side's order is not shown"
    assert bought.buy_order == order_id_of(world.slot(thing), 1)
    (public,) = trades_seen(world.state, None, traded.events, seq=traded.seq, time_ms=world.time_ms)
    assert (public.buy_order, public.sell_order) == (0, 0)
    assert wire.read_trade(wire.trade_message(bought)) == bought


def test_trades_of_a_closed_book_are_seen_by_their_sides_alone(world: World) -> None:
    """[MKT-12]"""
    buyer, seller = world.owner("buyer", fund=100_000), world.owner("seller")
    world.declare(seller, 10, 2)
    world.frame(seller, sell(5, 10, market=2))
    traded = world.frame(buyer, buy(2, 10, market=2))
    for who, count in ((None, 0), (reader(seller), 1)):
        seen = trades_seen(world.state, who, traded.events, seq=traded.seq, time_ms=world.time_ms)
        assert len(list(seen)) == count


def test_trades_of_a_thing_are_seen_by_the_owner_for_whom_it_placed_them(world: World) -> None:
    """[MKT-14] Neither who had it before nor who has it after him learns of them."""
    anna, eve, seller = (world.owner(name, fund=10_000) for name in ("anna", "eve", "seller"))
    world.declare(seller, 10, 2)
    world.frame(seller, sell(9, 10, market=2))

    def seen(who: Actor, traded: Outcome) -> int:
        return len(
            list(trades_seen(world.state, reader(who), traded.events, seq=traded.seq, time_ms=world.time_ms))
        )

    thing = world.thing("printer", anna)
    of_anna = world.frame(thing, buy(1, 10, market=2))
    world.time_ms = UnixMs(world.time_ms + 1)
    thing = world.present(thing, world.mandate(anna, thing.id))
    assert statuses(world.frame(thing, buy(1, 10, market=2))) == (0,)
    assert seen(anna, of_anna) == 1, "another mandate of the same owner"
    world.time_ms = UnixMs(world.time_ms + 1)
    thing = world.present(replace(thing, owner=eve.id), world.mandate(eve, thing.id))
    assert (seen(anna, of_anna), seen(eve, of_anna)) == (1, 0)
    of_eve = world.frame(thing, buy(1, 10, market=2))
    assert (seen(anna, of_eve), seen(eve, of_eve)) == (0, 1)
    assert (seen(eve, of_anna), seen(thing, of_anna), seen(thing, of_eve)) == (0, 1, 1)
