"""What markets take: by schedule, by auction, after a breaker; and what a restart makes of it."""

from dataclasses import replace
from typing import Final

import pytest

from tests.builders import Actor, World, replayed
from tests.ordering import buy, events, sell, statuses
from thingmarket.errors import code_name
from thingmarket.limits import HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.market.entries import EntryKind, Outcome, TimersDue
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.matching.records import EventKind, MarketState
from thingmarket.wire.log import read_entry

FUNDS: Final = 10_000_000


@pytest.fixture
def world() -> World:
    """A world without a market yet."""
    return World()


def sides(world: World, market: int = 1) -> tuple[Actor, Actor]:
    """Somebody with money and somebody with goods."""
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 1_000, market)
    return buyer, seller


def names(outcome: Outcome) -> list[str]:
    """The codes of a frame's orders."""
    return [code_name(status) for status in statuses(outcome)]


def state_of(world: World, market: int = 1) -> MarketState:
    """What a market takes."""
    return world.state.desk.state_of(market)


def kinds(world: World) -> list[str]:
    """What the entries of the log are."""
    return [type(read_entry(data).content).__name__ for data in world.log]


# --- the breaker


def test_an_order_outside_the_band_is_refused_before_the_book(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100))
    assert names(world.frame(buyer, buy(1, 500))) == ["OK"], "nothing was traded yet: there is no band"
    assert names(world.frame(buyer, buy(1, 111), buy(1, 110))) == ["OUTSIDE_BAND", "OK"]
    assert names(world.frame(seller, sell(1, 89))) == ["OUTSIDE_BAND"]


def test_where_a_tick_is_more_than_the_band_prices_move_by_ticks(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000, offset_ticks=20)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 20))
    world.frame(buyer, buy(1, 20))
    assert names(world.frame(seller, sell(1, 18), sell(1, 22))) == ["OUTSIDE_BAND", "OUTSIDE_BAND"]
    assert names(world.frame(seller, sell(1, 21))) == ["OK"], "from no worth at all, too"
    assert names(world.frame(buyer, buy(1, 19), buy(1, 21))) == ["OK", "OK"]
    assert state_of(world) is MarketState.CONTINUOUS
    assert names(world.frame(seller, sell(1, 22))) == ["OK"]


def test_trades_that_drift_out_of_the_band_halt_the_market_in_the_very_next_entry(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 110), sell(1, 111), sell(1, 112))
    world.frame(buyer, buy(1, 100))
    world.frame(buyer, buy(1, 110))
    assert state_of(world) is MarketState.CONTINUOUS, "110 is still within a tenth of 100"
    before = len(world.log)
    swept = world.frame(buyer, buy(2, 112))
    assert names(swept) == ["OK"], "112 is within a tenth of the last trade"
    assert world.goods(buyer).free == 4, "what was traded stands"
    assert kinds(world)[before:] == ["Command", "DerivedState"]
    assert state_of(world) is MarketState.HALTED
    market, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert market.state.state_root() == world.state.state_root()


def test_the_very_first_frame_that_trades_is_measured_from_its_first_trade(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 500))
    assert names(world.frame(buyer, buy(2, 500))) == ["OK"], "nothing was traded yet: there is no band"
    assert state_of(world) is MarketState.HALTED


def test_a_log_that_ends_before_a_derived_entry_is_gone_on_with_by_it(world: World) -> None:
    """[MKT-9]"""
    halted(world)
    market, _ = replayed(world.log[:-1])
    again = Market(State.restore(market.state.snapshot()))
    for one in (market, again):
        derived = one.derived()
        assert derived is not None and derived.state is MarketState.HALTED
        with pytest.raises(AssertionError, match="derived"):
            one.apply(replace(read_entry(world.log[-1]), content=TimersDue()))


def test_a_halted_market_goes_on_by_itself_when_its_terms_say_so(world: World) -> None:
    """[MKT-9]"""
    halted(world, halt_ms=MINUTE_MS)
    assert state_of(world) is MarketState.HALTED
    assert kinds(world)[-1] == "DerivedState"
    buyer = world.owner("late", fund=FUNDS)
    assert names(world.frame(buyer, buy(1, 105))) == ["BOOK_9"]
    world.pass_time(MINUTE_MS)
    assert state_of(world) is MarketState.CONTINUOUS
    assert names(world.frame(buyer, buy(1, 105))) == ["OK"]


def test_what_the_operator_halts_while_a_breaker_does_goes_on_by_his_word_alone(world: World) -> None:
    """[MKT-3]"""
    halted(world, halt_ms=MINUTE_MS)
    assert world.put_market(1, MarketState.HALTED).code == 0
    world.pass_time(2 * MINUTE_MS)
    assert state_of(world) is MarketState.HALTED
    assert world.put_market(1, MarketState.CONTINUOUS).code == 0


def test_after_a_halt_the_breaker_measures_from_where_the_market_stands(world: World) -> None:
    """[MKT-9]"""
    halted(world, halt_ms=MINUTE_MS)
    world.pass_time(MINUTE_MS)
    seller, buyer = world.owner("more ink", fund=0), world.owner("late", fund=FUNDS)
    world.declare(seller, 10)
    world.frame(seller, sell(1, 118))
    world.frame(buyer, buy(1, 118))
    assert world.state.markets[1].last_ticks == 118, "more than a tenth above the first trade"
    assert state_of(world) is MarketState.CONTINUOUS, "but not above the one that halted it"


def test_an_auction_gives_the_breaker_a_new_price_and_a_halt_by_the_operator_does_not(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 105))
    world.frame(buyer, buy(1, 100))
    world.frame(buyer, buy(1, 105))
    world.put_market(1, MarketState.HALTED)
    world.put_market(1, MarketState.CONTINUOUS)
    assert world.state.markets[1].reference_ticks == 100
    world.put_market(1, MarketState.AUCTION)
    world.put_market(1, MarketState.CONTINUOUS, uncross=True)
    assert world.state.markets[1].reference_ticks == 0, "an auction in which nothing traded: all begins anew"
    world.put_market(1, MarketState.AUCTION)
    world.frame(seller, sell(1, 108))
    world.frame(buyer, buy(1, 108))
    world.put_market(1, MarketState.CONTINUOUS, uncross=True)
    assert world.state.markets[1].reference_ticks == 108


def test_no_band_binds_an_auction(world: World) -> None:
    """[MKT-9]"""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100))
    world.frame(buyer, buy(1, 100))
    world.put_market(1, MarketState.AUCTION)
    assert names(world.frame(seller, sell(1, 300))) == ["OK"]
    assert names(world.frame(buyer, buy(1, 300))) == ["OK"]
    world.put_market(1, MarketState.CONTINUOUS, uncross=True)
    assert names(world.frame(buyer, buy(1, 269), buy(1, 270))) == ["OUTSIDE_BAND", "OK"]


def test_a_price_that_somebody_made_with_himself_is_undone_by_the_operator(world: World) -> None:
    """[MKT-9] Two owners may be one person; the band that follows an auction binds nobody for long."""
    world.market_of(band_basis_points=1_000)
    buyer, seller = sides(world)
    world.put_market(1, MarketState.AUCTION)
    world.frame(seller, sell(1, 9_000))
    world.frame(world.owner("with himself", fund=FUNDS), buy(1, 9_000))
    world.put_market(1, MarketState.CONTINUOUS, uncross=True)
    assert names(world.frame(buyer, buy(1, 100))) == ["OUTSIDE_BAND"]
    world.put_market(1, MarketState.PRE_OPEN)
    world.put_market(1, MarketState.CONTINUOUS)
    assert names(world.frame(buyer, buy(1, 100))) == ["OK"]
    assert names(world.frame(seller, sell(1, 100))) == ["OK"]
    assert state_of(world) is MarketState.CONTINUOUS, "measured from the first trade since"
    assert names(world.frame(buyer, buy(1, 111))) == ["OUTSIDE_BAND"]


def test_a_halt_without_an_end_is_ended_by_the_operator(world: World) -> None:
    """[MKT-9] [MKT-3]"""
    halted(world)
    world.pass_time(HOUR_MS)
    assert state_of(world) is MarketState.HALTED
    assert world.put_market(1, MarketState.CONTINUOUS).code == 0
    assert state_of(world) is MarketState.CONTINUOUS


def halted(world: World, **terms: int) -> None:
    """A market whose last trade went too far from the first."""
    world.market_of(band_basis_points=1_000, **terms)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 110), sell(1, 111))
    world.frame(buyer, buy(1, 100))
    world.frame(buyer, buy(1, 110))
    world.frame(buyer, buy(1, 111))


def test_a_derived_entry_that_was_not_derived_is_no_entry(world: World) -> None:
    """[MKT-9]"""
    world.market_of()
    with pytest.raises(AssertionError, match="derived"):
        world.apply(EntryKind.DERIVED, b"\x08\x01\x10\x04")


# --- auctions and schedules


def test_a_call_auction_trades_at_each_multiple_of_its_time(world: World) -> None:
    """[MKT-3]"""
    world.market_of(auction_every_ms=10 * SECOND_MS)
    assert state_of(world) is MarketState.AUCTION
    buyer, seller = sides(world)
    world.frame(buyer, buy(5, 103))
    placed = world.frame(seller, sell(5, 99))
    assert [one.kind for one in events(placed)] == [EventKind.NEW], "nothing trades before the auction"
    world.pass_time(10 * SECOND_MS)
    assert world.goods(buyer).free == 5
    assert world.state.markets[1].last_ticks == 99, "the lowest of equal prices"
    assert state_of(world) is MarketState.AUCTION
    world.frame(buyer, buy(1, 90))
    world.frame(seller, sell(1, 90))
    world.pass_time(10 * SECOND_MS)
    assert world.goods(buyer).free == 6, "and so on"


def test_a_market_opens_by_one_auction_of_what_came_before_and_closes_empty(world: World) -> None:
    """[MKT-3]"""
    opens, closes = world.time_ms + HOUR_MS, world.time_ms + 2 * HOUR_MS
    world.market_of(opens_ms=opens, closes_ms=closes)
    assert state_of(world) is MarketState.PRE_OPEN
    buyer, seller = sides(world)
    world.frame(buyer, buy(5, 103))
    world.frame(seller, sell(3, 99))
    world.pass_time(HOUR_MS)
    assert state_of(world) is MarketState.CONTINUOUS
    assert world.goods(buyer).free == 3
    world.pass_time(HOUR_MS)
    assert state_of(world) is MarketState.CLOSED
    assert world.rests(buyer) == ()
    assert world.money(buyer).debits_pending == 0
    assert names(world.frame(buyer, buy(1, 100))) == ["BOOK_9"]


def test_a_crossed_book_is_uncrossed_before_it_trades_on(world: World) -> None:
    """[MKT-3]"""
    world.market_of()
    buyer, seller = sides(world)
    world.put_market(1, MarketState.AUCTION)
    world.frame(buyer, buy(5, 103))
    world.frame(seller, sell(5, 99))
    assert code_name(world.put_market(1, MarketState.CONTINUOUS).code) == "BOOK_15"
    assert world.put_market(1, MarketState.CONTINUOUS, uncross=True).code == 0
    assert world.goods(buyer).free == 5
    assert code_name(world.put_market(1, MarketState.HALTED, uncross=True).code) == "BOOK_9"


# --- with oneself


def test_an_owner_never_trades_with_himself_by_whatever_things(world: World) -> None:
    """[MKT-1] [MKT-2]"""
    world.market_of()
    owner = world.owner("both", fund=FUNDS)
    world.declare(owner, 10)
    thing = world.thing("his", owner)
    world.frame(owner, sell(5, 100))
    outcome = world.frame(thing, buy(5, 100))
    assert [one.kind for one in events(outcome)] == [EventKind.CANCELED]
    assert world.rests(owner), "the order that rested stays"


def test_an_owner_never_meets_himself_in_an_auction_by_whatever_things(world: World) -> None:
    """[MKT-1] [ORD-14] He makes no price alone: what would cross his own is refused before it rests."""
    world.market_of()
    world.put_market(1, MarketState.AUCTION)
    owner = world.owner("both", fund=FUNDS)
    world.declare(owner, 10)
    world.frame(owner, sell(5, 100))
    refused = world.frame(world.thing("his", owner), buy(5, 100), buy(5, 99))
    assert names(refused) == ["BOOK_8", "OK"]
    assert refused.decision is not None and refused.decision.rules == ("ORD-14",)
    outcome = world.put_market(1, MarketState.CONTINUOUS, uncross=True)
    assert EventKind.TRADE not in [one.kind for one in events(outcome)]
    assert world.goods(owner).free == 5


# --- restart


def busy(world: World) -> None:
    """Two markets with resting orders, expiries, a halt to come and trades."""
    world.market_of(band_basis_points=500, halt_ms=MINUTE_MS, fee_basis_points=50)
    world.market_of(market=2, product_id="toner", auction_every_ms=10 * SECOND_MS)
    buyer, seller = sides(world)
    world.declare(seller, 100, 2)
    thing = world.thing("thing", buyer)
    world.frame(seller, sell(5, 100), sell(5, 101), sell(7, 50, market=2))
    world.frame(thing, buy(3, 100), buy(2, 99, expires_ms=world.time_ms + HOUR_MS), buy(9, 51, market=2))


def test_a_restored_state_goes_on_as_the_one_that_never_stopped(world: World) -> None:
    """[LOG-4] [MKT-7]"""
    busy(world)
    restored = Market(State.restore(world.state.snapshot()))
    assert restored.state.state_root() == world.state.state_root()
    before = len(world.log)
    world.frame(world.actors[world.owner("another", fund=FUNDS).id], buy(2, 101))
    world.pass_time(2 * HOUR_MS)
    _, outcomes = replayed(world.log[before:], restored)
    assert outcomes == world.outcomes[before:]
    assert restored.state.state_root() == world.state.state_root()


def test_the_root_of_the_state_stands_on_what_happened_in_the_books(world: World) -> None:
    """[MKT-7]"""
    world.market_of()
    root = world.state.state_root()
    world.state.desk.set_state(1, MarketState.HALTED)  # by nobody: no table and no account says so
    assert world.state.state_root() != root


def test_changes_of_the_books_stand_on_a_snapshot(world: World) -> None:
    """[LOG-4]"""
    world.market_of()
    buyer, seller = sides(world)
    whole = b"".join(world.state.frozen())
    world.frame(seller, sell(5, 100))
    first = b"".join(world.state.changes())
    world.frame(buyer, buy(3, 100))
    second = b"".join(world.state.changes())
    nothing = b"".join(world.state.changes())
    assert len(nothing) < len(second), "a desk at which nothing happened is not written again"
    restored = State.restore(whole, first, second, nothing)
    assert restored.state_root() == world.state.state_root()
    restored.desk.check_invariants()


def test_a_busy_market_replays_to_the_same_books(world: World) -> None:
    """[LOG-3]"""
    busy(world)
    world.pass_time(2 * HOUR_MS)
    market, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert market.state.state_root() == world.state.state_root()
