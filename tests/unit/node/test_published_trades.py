"""What the projection learns of contracts that came of orders."""

from tests.builders import World
from tests.ordering import buy, sell
from thingmarket.catalog.offers import Offer
from thingmarket.contract.contract import Contract
from thingmarket.limits import DAY_MS
from thingmarket.market.entries import Outcome
from thingmarket.trading.terms import Settlement
from thingmarket.wire.log import read_entry
from thingmarket_node.core.publishing import published
from thingmarket_node.projected import contract_row


def test_a_contract_of_a_market_is_projected_with_the_terms_of_its_market() -> None:
    """[MKT-16]"""
    world = World()
    world.market_of(settlement=Settlement.ESCROW, delivery_ms=DAY_MS, inspection_ms=DAY_MS, tax_category="S")
    buyer, seller = world.owner("buyer", fund=100_000), world.owner("seller")
    world.declare(seller, 10)
    world.frame(seller, sell(2, 1_190))
    outcome = world.frame(buyer, buy(2, 1_190))
    ((contract, offer, refunded_minor),) = _published(world, outcome)
    assert (offer.title, offer.price_minor, offer.price_base_steps) == ("Black ink", 2_000, 2)
    row = contract_row(contract, offer, refunded_minor)
    assert "ink-black" in row and "44103105" in row and 2_380 in row


def _published(world: World, outcome: Outcome) -> tuple[tuple[Contract, Offer, int], ...]:
    entry = read_entry(world.log[-1])
    return published(world.state, entry, outcome, b"").trades
