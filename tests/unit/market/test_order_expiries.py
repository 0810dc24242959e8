"""An order that is gone expires no more, however it went."""

from typing import Final

import pytest

from tests.builders import World
from tests.ordering import buy, sell
from thingmarket.limits import HOUR_MS, SECOND_MS
from thingmarket.matching.records import Kind

FUNDS: Final = 100_000


@pytest.fixture
def world() -> World:
    """A world without a market yet."""
    return World()


def test_both_sides_of_an_auction_expire_no_more_when_they_are_filled(world: World) -> None:
    """[MKT-10]"""
    world.market_of(auction_every_ms=10 * SECOND_MS)
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 10)
    at_ms = world.time_ms + HOUR_MS
    world.frame(buyer, buy(5, 100, expires_ms=at_ms))
    world.frame(seller, sell(5, 100, expires_ms=at_ms))
    assert len(world.state.expiries) == 2
    world.pass_time(10 * SECOND_MS)
    assert world.goods(buyer).free == 5
    assert len(world.state.expiries) == 0


def test_an_order_that_is_filled_when_its_price_changes_expires_no_more(world: World) -> None:
    """[MKT-10]"""
    world.market_of()
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 10)
    at_ms = world.time_ms + HOUR_MS
    world.frame(seller, sell(5, 100))
    world.frame(buyer, buy(5, 90, expires_ms=at_ms))
    (resting,) = world.rests(buyer)
    world.frame(buyer, buy(5, 100, kind=Kind.REPLACE, order_id=resting, expires_ms=at_ms))
    assert world.rests(buyer) == ()
    assert len(world.state.expiries) == 0
