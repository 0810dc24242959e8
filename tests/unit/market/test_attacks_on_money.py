"""Attacks on money: a reserve that is to be gone before the refunds it is kept for."""

from tests.builders import Actor, World
from thingmarket.billing.charges import Charges
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.limits import DAY_MS
from thingmarket.settlement.accounts import AccountKind

RESERVE = Charges(reserve_basis_points=5_000, reserve_days=2)


def sold(world: World, shop: Actor, buyer: Actor) -> bytes:
    contract = world.bought(buyer, world.offer(shop, tax_category="Z"))
    assert world.deliver(contract).code == 0
    assert world.accept(contract).code == 0
    return contract


def test_refunds_of_one_day_do_not_free_the_reserve_of_another() -> None:  # [SET-8]
    world = World(charges=RESERVE)
    seller, accomplice = world.owner("seller"), world.owner("accomplice")
    shop, buyer = world.thing("shop", seller), world.thing("buyer", world.owner("ann", fund=100_00))
    first = sold(world, shop, buyer)
    world.pass_time(DAY_MS)
    second = sold(world, shop, buyer)
    elsewhere = world.offer(
        world.thing("sink", accomplice),
        price_minor=world.balance(seller),
        tax_category="Z",
        terms=Terms(settlement=SettlementKind.DVP),
    )
    assert world.buy(seller, elsewhere).code == 0  # the wallet is empty: refunds come out of the reserve
    assert world.refund(first, 5_00).code == 0
    world.pass_time(2 * DAY_MS)  # the reserve of the first day is over, that of the second is not
    assert world.balance(seller) == 0
    assert world._held(seller.id, "EUR", AccountKind.SELLER_RESERVE) == 5_00
    assert world.refund(second, 5_00).code == 0
