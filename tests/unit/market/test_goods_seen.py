"""What an owner and his things see of the goods that they have in the markets."""

import pytest

from tests.builders import Actor, World
from tests.ordering import buy, sell
from thingmarket.market.goods import goods_seen
from thingmarket.market.indexes import Reader
from thingmarket.wire import market_data


def reader(actor: Actor) -> Reader:
    """Who reads."""
    return Reader(actor.id, actor.owner)


def test_goods_are_told_to_their_owner_and_his_things_by_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-4]"""
    world = World()
    world.market_of()
    world.market_of(market=2, product_id="toner")
    owner, stranger = world.owner("seller"), world.owner("stranger", fund=100_000)
    thing = world.thing("shop", owner)
    world.market_of(market=3)  # of the same product: the same goods
    world.declare(owner, 10)
    world.frame(owner, sell(6, 100))
    world.frame(stranger, buy(2, 100))
    world.take_out(owner, 1)
    for who in (owner, thing):
        rows, after = goods_seen(world.state, reader(who))
        assert [(row.market, row.product_id) for row in rows] == [(1, "ink-black"), (3, "ink-black")]
        assert {(row.owned_steps, row.held_steps, row.free_steps) for row in rows} == {(7, 4, 3)}
        assert after == 0
    ((bought, _), _) = goods_seen(world.state, reader(stranger))
    assert (bought.owned_steps, bought.held_steps, bought.free_steps) == (2, 0, 2)
    world.take_out(stranger, 1)
    assert goods_seen(world.state, reader(stranger))[0][0].owned_steps == 1, (
        "what was bought and not taken out"
    )
    monkeypatch.setattr("thingmarket.market.goods.GOODS_MARKETS_PER_PAGE", 2)
    (first,), after = goods_seen(world.state, reader(owner))
    assert (first.market, after) == (1, 2)
    (last,), after = goods_seen(world.state, reader(owner), after)
    assert (last.market, after) == (3, 0)
    page = (first, last), 7
    assert market_data.read_goods(market_data.goods_response(*page)) == page
