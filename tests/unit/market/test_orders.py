"""Orders in a market: from a signed frame to a settled trade, and what is refused on the way."""

from typing import Final

import pytest

from tests.builders import World, limit, replayed
from tests.ordering import buy, cancel, events, sell, statuses
from thingmarket.errors import Code, code_name
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.limits import FRAMES_KEPT, ORDER_STEPS_MAX, ORDERS_PER_FRAME_MAX, RESTING_PER_OWNER_MAX
from thingmarket.market import goods
from thingmarket.market.entries import NoticeKind
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.matching.records import EventKind, MarketState
from thingmarket.trading.frame import order_id_of

FUNDS: Final = 100_000


@pytest.fixture
def world() -> World:
    """A market for ink, somebody with money and somebody with ink."""
    world = World()
    world.market_of(fee_basis_points=100)
    return world


def test_an_order_that_meets_another_is_paid_and_delivered_in_its_entry(world: World) -> None:
    """[MKT-5] [MKT-7]"""
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 10)
    assert statuses(world.frame(seller, sell(4, 300))) == (0,)
    assert world.goods(seller).debits_pending == 4
    traded = world.frame(buyer, buy(3, 305))
    assert statuses(traded) == (0,)
    assert [(one.kind, one.price, one.quantity) for one in events(traded)] == [(EventKind.TRADE, 300, 3)]
    assert world.balance(buyer) == FUNDS - 900, "paid what it really cost, not his limit"
    assert world.balance(seller) == 900 - 9, "the operator's fee is the seller's"
    assert world.fees_of() == 9
    assert world.goods(buyer).free == 3
    told = [(one.owner, one.kind, one.state) for one in traded.notices]
    assert told == [(seller.id, NoticeKind.FILL, "TRADED")], "whose order rested is told"


def test_a_resting_order_holds_what_it_may_cost_and_a_cancelled_one_nothing(world: World) -> None:
    """[MKT-7]"""
    buyer = world.owner("buyer", fund=FUNDS)
    world.frame(buyer, buy(10, 200))
    assert world.money(buyer).debits_pending == 2_000
    (resting,) = world.rests(buyer)
    assert resting == order_id_of(world.slot(buyer), 1)
    assert statuses(world.frame(buyer, cancel(resting))) == (0,)
    assert world.money(buyer).debits_pending == 0
    assert world.rests(buyer) == ()


def test_what_is_wrong_with_one_order_is_told_of_that_one(world: World) -> None:
    """[MKT-7]"""
    buyer = world.owner("buyer", fund=1_000)
    outcome = world.frame(buyer, buy(1, 600), buy(1, 600), buy(1, 400), buy(1, 1, market=9), cancel(77))
    names = [code_name(status) for status in statuses(outcome)]
    assert names == ["OK", "LEDGER_56", "OK", "UNKNOWN_MARKET", "BAD_ID"]
    assert outcome.decision is not None
    said = {fact.name: str(fact.value) for fact in outcome.decision.facts}
    assert said["order.3"] == "UNKNOWN_MARKET MKT-2"
    assert len(world.rests(buyer)) == 2


def test_frames_are_numbered_and_a_repeated_one_does_nothing_again(world: World) -> None:
    """[MKT-6]"""
    buyer = world.owner("buyer", fund=FUNDS)
    body = world.frame_body(buyer, [buy(1, 100), buy(1, 1, market=9)])
    first = world.send(buyer, TypeId.PLACE_ORDERS, body)
    entries = len(world.log)
    again = world.send(buyer, TypeId.PLACE_ORDERS, body)
    assert len(world.log) == entries, "no entry is made"
    assert (again.seq, again.statuses) == (first.seq, first.statuses)
    other = world.frame_body(buyer, [buy(1, 101)], number=1)
    assert world.send(buyer, TypeId.PLACE_ORDERS, other).code == Code.KEY_CONFLICT


def test_only_the_last_frames_are_remembered(world: World) -> None:
    """[MKT-6]"""
    buyer = world.owner("buyer", fund=FUNDS)
    oldest = world.frame_body(buyer, [buy(1, 100)])
    world.send(buyer, TypeId.PLACE_ORDERS, oldest)
    for _ in range(FRAMES_KEPT):
        world.frame(buyer, buy(1, 100))
    assert len(world.state.frames) == FRAMES_KEPT
    assert world.send(buyer, TypeId.PLACE_ORDERS, oldest).code == Code.KEY_TOO_OLD


def test_only_the_operator_opens_markets_and_a_number_is_used_once(world: World) -> None:
    """[MKT-2]"""
    owner = world.owner("somebody")
    assert world.try_market(owner, market=2).code == Code.OPERATOR_ONLY
    assert world.try_market(market=1).code == Code.ALREADY_KNOWN
    assert world.try_market(market=2, currency="USD").code == Code.UNKNOWN_CURRENCY
    assert world.put_market(1, MarketState.HALTED, by=owner).code == Code.OPERATOR_ONLY


def test_all_markets_of_a_product_have_one_unit(world: World) -> None:
    """[MKT-2] They share its goods, which are counted in steps."""
    assert world.try_market(market=2, unit="KGM").code == Code.BAD_FIELD
    assert world.try_market(market=2, unit_scale=3).code == Code.BAD_FIELD
    assert world.try_market(market=2, unit="KGM", product_id="toner").code == 0
    assert world.try_market(market=3, lot_steps=10).code == 0
    again = Market(State.restore(world.state.snapshot()))
    assert again.state.books.first_of == world.state.books.first_of == {"ink-black": 1, "toner": 2}


def test_a_market_takes_what_its_state_lets_it(world: World) -> None:
    """[MKT-3]"""
    buyer = world.owner("buyer", fund=FUNDS)
    assert world.put_market(1, MarketState.HALTED).code == 0
    assert [code_name(one) for one in statuses(world.frame(buyer, buy(1, 100)))] == ["BOOK_9"]
    assert world.put_market(1, MarketState.CONTINUOUS).code == 0
    assert statuses(world.frame(buyer, buy(1, 100))) == (0,)
    closed = world.put_market(1, MarketState.CLOSED)
    assert closed.code == 0
    assert world.rests(buyer) == (), "what rests in a market that closes leaves it"
    assert world.money(buyer).debits_pending == 0
    assert code_name(world.put_market(1, MarketState.CONTINUOUS).code) == "BOOK_9"


def test_goods_are_brought_in_and_taken_out_as_far_as_they_are_free(world: World) -> None:
    """[MKT-4]"""
    seller = world.owner("seller")
    assert world.declare(seller, 10).code == 0
    world.frame(seller, sell(6, 100))
    assert world.take_out(seller, 5).code == Code.OUT_OF_STOCK
    assert world.take_out(seller, 4).code == 0
    assert world.goods(seller).free == 0
    assert world.declare(seller, 1, market=9).code == Code.UNKNOWN_MARKET


def test_nobody_buys_more_of_what_he_has_very_much_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-4]"""
    monkeypatch.setattr(goods, "GOODS_OWNED_MAX", 10)
    buyer = world.owner("buyer", fund=FUNDS)
    world.declare(buyer, 11)
    assert world.frame(buyer, buy(1, 100)).code == Code.OUT_OF_RANGE
    assert world.frame(buyer, sell(1, 100)).code == 0
    world.take_out(buyer, 1)
    assert world.frame(buyer, buy(1, 50)).code == 0


def test_goods_of_one_order_have_a_most(world: World) -> None:
    """[ORD-9]"""
    world.market_of(market=2, product_id="sand", lot_steps=ORDER_STEPS_MAX)
    buyer = world.owner("buyer", fund=FUNDS)
    crowd = world.frame(buyer, buy(1, 1, market=2), buy(2, 1, market=2))
    assert [code_name(one) for one in statuses(crowd)] == ["OK", "OUT_OF_RANGE"]


def test_the_same_entries_give_the_same_books(world: World) -> None:
    """[LOG-3]"""
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 100)
    world.frame(seller, sell(5, 100), sell(5, 101), sell(5, 99))
    world.frame(buyer, buy(8, 100), buy(1, 98))
    market, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert market.state.state_root() == world.state.state_root()


def test_of_one_owner_so_many_orders_rest_and_no_more(world: World) -> None:
    """[MKT-8] He and his things together fill neither the prices of a market nor its book for others."""
    owner, other = world.owner("owner", fund=10**9), world.owner("other", fund=FUNDS)
    thing = world.thing("printer", owner, limits=(limit(10**9),))
    seller = world.thing("shop", owner, actions=(Action.SELL,), limits=())
    world.declare(owner, 1)
    for begin in range(1, RESTING_PER_OWNER_MAX, ORDERS_PER_FRAME_MAX):
        assert not any(statuses(world.frame(owner, *(buy(1, begin + at) for at in range(1_000)))))
    for sender, order in ((thing, buy(1, 1)), (owner, buy(1, 1)), (seller, sell(1, 2 * FUNDS))):
        crowd = world.frame(sender, order)
        assert [code_name(one) for one in statuses(crowd)] == ["OVER_OPEN_ORDERS"]
        assert crowd.decision is not None and crowd.decision.rules == ("MKT-8",)
    assert statuses(world.frame(other, buy(1, RESTING_PER_OWNER_MAX + 1))) == (0,)
    assert statuses(world.frame(owner, cancel(world.rests(owner)[0]))) == (0,)
    assert statuses(world.frame(thing, buy(1, 1))) == (0,), "what his owner gave up is free for the thing"
