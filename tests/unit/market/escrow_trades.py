"""Markets with escrow for tests: their terms, somebody with money and somebody with goods, their trades."""

from typing import Any, Final

from tests.builders import Actor, World
from tests.ordering import buy, events, sell, statuses
from thingmarket.contract.contract import Contract
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS
from thingmarket.market.entries import Outcome
from thingmarket.market.order_queries import trade_contract
from thingmarket.matching.records import EventKind
from thingmarket.policy.spending import SpendingCounter
from thingmarket.trading.terms import Settlement

FUNDS: Final = 1_000_000
ESCROW: Final[dict[str, Any]] = {
    "settlement": Settlement.ESCROW,
    "delivery_ms": 2 * DAY_MS,
    "inspection_ms": DAY_MS,
    "tax_category": "S",
}


def sides(world: World) -> tuple[Actor, Actor]:
    """Somebody with money and somebody with goods."""
    buyer, seller = world.owner("buyer", fund=FUNDS), world.owner("seller")
    world.declare(seller, 1_000)
    return buyer, seller


def contracts_of(world: World, outcome: Outcome) -> list[Contract]:
    """The contracts that an entry made, in the order of its trades."""
    made = [contract for contract in world.state.contracts.values() if contract.seq == outcome.seq]
    places = [at for at, one in enumerate(events(outcome)) if one.kind == EventKind.TRADE]
    names = [
        trade_contract(world.state.network_id, seq=outcome.seq, index=at, time_ms=world.state.time_ms)
        for at in places
    ]
    assert sorted(contract.id for contract in made) == sorted(names), "each trade is one contract"
    return [world.state.contracts[name] for name in names]


def traded(world: World, buyer: Actor, seller: Actor, lots: int = 3, price: int = 1_190) -> Contract:
    """One trade at a price, and its contract."""
    world.frame(seller, sell(lots, price))
    outcome = world.frame(buyer, buy(lots, price))
    assert statuses(outcome) == (0,)
    (contract,) = contracts_of(world, outcome)
    return contract


def counter(world: World, thing: Actor) -> SpendingCounter:
    """The counter of a thing's own link."""
    links = world.state.mandates[Digest(thing.mandate_leaf)].effective.links
    found: SpendingCounter = world.state.spending[links[-1], "EUR"]
    return found
