"""Things in markets with escrow: what rests is booked, what traded is open until its contract ends."""

import pytest

from tests.builders import World, limit
from tests.ordering import buy, sell, statuses
from tests.unit.market.escrow_trades import ESCROW, FUNDS, contracts_of, counter, traded
from thingmarket.contract.contract import ContractState
from thingmarket.errors import code_name
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import Probation
from thingmarket.matching.records import TimeInForce
from thingmarket.trading.frame import Order


@pytest.fixture
def world() -> World:
    """A market for ink whose trades are delivered afterwards."""
    world = World()
    world.market_of(**ESCROW)
    return world


def test_what_a_thing_on_probation_orders_is_counted_once() -> None:
    """[MKT-16] [THG-13]"""
    world = World(probation=Probation(orders_per_day=2, order_minor=1_000, deliveries=1))
    world.market_of(**ESCROW)
    owner, seller = world.owner("owner", fund=FUNDS), world.owner("seller")
    world.declare(seller, 100)
    world.frame(seller, sell(10, 100))
    thing = world.thing("printer", owner)
    world.frame(thing, buy(1, 100))
    assert world.state.things[owner.id, thing.id].orders_of_day == 1
    (contract,) = world.state.contracts.values()
    world.deliver(contract.id)
    world.accept(contract.id)
    assert world.state.things[owner.id, thing.id].deliveries == 1


def test_open_contracts_leave_no_room_for_more_orders(world: World) -> None:
    """[MKT-16] [LIM-7] An order that does not rest is open, too, when it trades."""
    owner, seller = world.owner("owner", fund=FUNDS), world.owner("seller")
    world.declare(seller, 100)
    world.frame(seller, sell(10, 100))
    thing = world.thing("printer", owner, limits=(limit(max_open_orders=1),))
    world.frame(thing, at_once(1, 100))
    refused = world.frame(thing, at_once(1, 100), buy(1, 50))
    assert [code_name(one) for one in statuses(refused)] == ["OVER_OPEN_ORDERS"] * 2
    (contract,) = world.state.contracts.values()
    world.fail(contract.id)
    assert statuses(world.frame(thing, at_once(1, 100))) == (0,)


def at_once(lots: int, price: int) -> Order:
    """An order that trades now or not at all."""
    return buy(lots, price, tif=TimeInForce.IOC)


def test_a_revoked_mandate_ends_its_orders_and_leaves_its_contracts(world: World) -> None:
    """[MKT-10] [MKT-16]"""
    owner, seller = world.owner("owner", fund=FUNDS), world.owner("seller")
    world.declare(seller, 100)
    thing = world.thing("printer", owner)
    world.frame(thing, buy(5, 200))
    (contract,) = contracts_of(world, world.frame(seller, sell(2, 150)))
    world.revoke(owner, mandate=thing.mandate_leaf)
    assert world.rests(thing) == ()
    assert world.contract(contract.id).state is ContractState.ACTIVE
    world.deliver(contract.id)
    assert world.accept(contract.id, by=owner).code == 0, "the owner ends what his thing began"
    assert (counter(world, thing).open_minor, counter(world, thing).book_minor) == (0, 0)


def test_a_thing_that_sells_delivers_and_is_known_by_its_mandate(world: World) -> None:
    """[MKT-16]"""
    owner, buyer = world.owner("owner"), world.owner("buyer", fund=FUNDS)
    world.declare(owner, 100)
    press = world.thing("press", owner)
    contract = traded(world, buyer, press)
    assert (contract.seller, contract.seller_owner) == (press.id, owner.id)
    assert contract.seller_leaf == press.mandate_leaf
    assert world.deliver(contract.id, by=press).code == 0
    assert world.accept(contract.id).code == 0
    assert world.balance(owner) == 3_570


def test_an_announcer_buys_nothing_in_a_book(world: World) -> None:
    """[MKT-8] [MKT-16]"""
    owner, seller = world.owner("owner", fund=FUNDS), world.owner("seller")
    world.declare(seller, 10)
    world.frame(seller, sell(1, 100))
    sensor = world.thing("sensor", owner, autonomy=Autonomy.ANNOUNCER)
    assert [code_name(one) for one in statuses(world.frame(sensor, buy(1, 100)))] == ["DENIED"]


def test_one_owner_has_no_contract_with_himself(world: World) -> None:
    """[MKT-1] [MKT-16]"""
    owner = world.owner("owner", fund=FUNDS)
    world.declare(owner, 10)
    press, printer = world.thing("press", owner), world.thing("printer", owner)
    world.frame(press, sell(1, 100))
    world.frame(printer, buy(1, 100))
    assert not world.state.contracts
