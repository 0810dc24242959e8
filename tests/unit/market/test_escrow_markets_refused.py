"""Markets with escrow: the terms, states and frames that are refused."""

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.builders import World
from tests.ordering import INK, buy, sell
from tests.unit.market.escrow_trades import ESCROW, sides, traded
from thingmarket.errors import Code, Refusal
from thingmarket.limits import HOUR_MS
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import OpenMarket, check_open_market
from thingmarket.trading.terms import Settlement

KEY: Final = bytes(16)


@pytest.fixture
def world() -> World:
    """A market for ink whose trades are delivered afterwards."""
    world = World()
    world.market_of(**ESCROW)
    return world


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"delivery_ms": 0}, Code.OUT_OF_RANGE),
        ({"inspection_ms": 0}, Code.OUT_OF_RANGE),
        ({"tax_category": ""}, Code.BAD_FIELD),
        ({"auction_every_ms": HOUR_MS}, Code.BAD_FIELD),
        ({"opens_ms": 1_900_000_000_000}, Code.BAD_FIELD),
        ({"offset_ticks": 5}, Code.BAD_FIELD),
        ({"fee_basis_points": 5}, Code.BAD_FIELD),
        ({"settlement": Settlement.DVP}, Code.BAD_FIELD),
    ],
)
def test_a_market_with_escrow_has_terms_of_delivery_and_no_auctions(
    terms: dict[str, Any], code: Code
) -> None:
    """[MKT-16]"""
    check_open_market(OpenMarket(key=KEY, terms=replace(INK, **ESCROW)))
    with pytest.raises(Refusal) as refused:
        check_open_market(OpenMarket(key=KEY, terms=replace(INK, **ESCROW | terms)))
    assert refused.value.number == code


def test_its_tax_is_a_row_of_the_operators_table(world: World) -> None:
    """[MKT-16] [TAX-1]"""
    for terms in ({"tax_category": "Q"}, {"jurisdiction": "FR"}):
        assert world.try_market(market=2, **ESCROW | terms).code == Code.UNKNOWN_TAX_CATEGORY


def test_no_orders_gather_in_a_market_with_escrow(world: World) -> None:
    """[MKT-16] In an auction two orders of one owner could meet."""
    for state in (MarketState.PRE_OPEN, MarketState.AUCTION):
        assert world.put_market(1, state).code == Code.BAD_FIELD
    buyer, seller = sides(world)
    world.put_market(1, MarketState.HALTED)
    world.put_market(1, MarketState.CONTINUOUS)
    traded(world, buyer, seller)
    assert world.put_market(1, MarketState.CLOSED).code == 0


def test_after_a_breaker_it_goes_on_without_trading() -> None:
    """[MKT-9] [MKT-16]"""
    world = World()
    world.market_of(**ESCROW | {"band_basis_points": 1_000, "halt_ms": HOUR_MS})
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 110), sell(1, 120))
    world.frame(buyer, buy(1, 100))
    world.frame(buyer, buy(1, 110))
    world.frame(buyer, buy(1, 120))
    assert world.state.desk.state_of(1) is MarketState.HALTED
    world.pass_time(HOUR_MS)
    assert world.state.desk.state_of(1) is MarketState.CONTINUOUS
    assert len(world.state.contracts) == 3
