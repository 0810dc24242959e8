"""Views go through messages and come out the same; what a node could forge is found."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from tests.builders import World
from tests.support.searches import search_offers
from thingmarket.contract.contract import Contract
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS
from thingmarket.market import queries
from thingmarket.market.market import Market
from thingmarket.policy.decision import Fact
from thingmarket.v1 import log_pb2
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire import listings, views
from thingmarket.wire.log import outcome_message, read_entry

SEALED = (SealedRef(b"c" * 32, RetentionClass.CONTRACT), SealedRef(b"d" * 32, RetentionClass.TAX))


class Pair(World):
    """Alice's printer, Bob's shop with ink, and a need."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.bob = self.owner("alice", fund=100_00), self.owner("bob")
        self.printer, self.shop = self.thing("printer", self.alice), self.thing("shop", self.bob)
        self.ink = self.offer(self.shop)
        self.wish = self.need(self.printer)
        self.reader = queries.reader_of(self.state, self.alice.id)


def sent(message: pb.OfferView | pb.ContractView) -> bytes:
    return message.SerializeToString(deterministic=True)


def test_an_offer_reaches_the_client_with_its_terms() -> None:  # [QRY-2]
    world = Pair()
    view = queries.offer_view(world.state, world.ink)
    seen = listings.read_offer_view(pb.OfferView.FromString(sent(listings.offer_message(view))))
    assert (seen.digest, seen.offer) == (world.ink, world.state.offers[world.ink].offer)
    assert (seen.seller, seen.seller_owner) == (world.shop.id, world.bob.id)
    assert (seen.stock_steps, seen.tax_basis_points, seen.state) == (100, 1_900, "LIVE")
    by_owner = queries.offer_view(world.state, world.offer(world.bob))
    assert listings.read_offer_view(listings.offer_message(by_owner)).seller == world.bob.id


def test_a_page_of_offers_says_where_the_next_begins() -> None:  # [QRY-2]
    world = Pair()
    world.offer(world.shop)
    page = search_offers(world.state, limit=1)
    message = pb.SearchOffersResponse(
        offers=map(listings.offer_message, page.offers), next_after_seq=page.next_after_seq
    )
    offers, next_after_seq = listings.read_offers_page(message)
    assert [seen.digest for seen in offers] == [world.ink]
    assert next_after_seq == page.next_after_seq > 0


def test_an_offer_under_another_name_is_found_out() -> None:  # [CAT-8]
    world = Pair()
    cheap = queries.offer_view(world.state, world.offer(world.shop, price_minor=1))
    forged = listings.offer_message(replace(cheap, digest=world.ink))
    with pytest.raises(Refusal) as refusal:
        listings.read_offer_view(forged)
    assert refusal.value.number == Code.TAMPERED


def test_an_offer_that_its_thing_did_not_sign_is_found_out() -> None:  # [ID-5]
    world = Pair()
    message = listings.offer_message(queries.offer_view(world.state, world.ink))
    payload = bytearray(message.offer.payload)
    payload[payload.index(b"network of tests")] ^= 1  # the header, which the digest does not cover
    message.offer.payload = bytes(payload)
    with pytest.raises(Refusal) as refusal:
        listings.read_offer_view(message)
    assert refusal.value.number == Code.BAD_SIGNATURE


def test_a_need_shown_as_an_offer_is_found_out() -> None:
    world = Pair()
    (need,) = queries.list_needs(world.state, world.reader)
    message = pb.OfferView(digest=need.digest, offer=listings.need_message(need).need, seller=world.bob.id)
    with pytest.raises(Refusal) as refusal:
        listings.read_offer_view(message)
    assert refusal.value.number == Code.WRONG_TYPE


def test_needs_reach_the_client() -> None:  # [QRY-3]
    world = Pair()
    contract = world.bought(world.printer, world.ink, need=world.wish)
    message = pb.ListNeedsResponse(
        needs=map(listings.need_message, queries.list_needs(world.state, world.reader))
    )
    (seen,) = listings.read_needs(message)
    assert (seen.digest, seen.need) == (world.wish, world.state.needs[world.wish].need)
    assert (seen.announcer, seen.state, seen.contract) == (world.printer.id, "FILLED", contract)


def test_a_contract_reaches_its_parties_without_the_buyers_reasons() -> None:  # [QRY-4]
    world = Pair()
    contract = world.bought(world.printer, world.ink, need=world.wish, delivery=SEALED, choice=b"e" * 32)
    world.deliver(contract, facts=(Fact("parcel", "4711"), Fact("weight.grams", 250)))
    world.pass_time(DAY_MS)
    page = queries.list_contracts(world.state, world.reader)
    message = views.contracts_page_message(page)
    ((seen,), more) = views.read_contracts(pb.ListContractsResponse.FromString(message.SerializeToString()))
    told = {field.name for field in fields(seen)}
    for name in told:
        assert getattr(seen, name) == getattr(world.contract(contract), name), name
    untold = {field.name for field in fields(Contract)} - told
    assert untold == {"mandate_leaf", "seller_leaf", "inspection_ms", "announcer"}
    assert not more and seen.history[1].facts[1] == Fact("weight.grams", 250)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "LOST"},
        {"fulfilment": "LOST"},
        {"escrow": ""},
        {"buyer": "nobody"},
        {"contract": b"short"},
        {"offer": b"short"},
        {"sealed": [b"c" * 32] * 5},
        {"history": [pb.FulfilmentEvent(state="PLANNED")] * 97},
        {"history": [pb.FulfilmentEvent(state="LOST")]},
    ],
)
def test_a_contract_that_no_node_could_have_is_refused(changed: dict[str, object]) -> None:
    world = Pair()
    message = views.contract_message(world.contract(world.bought(world.printer, world.ink)))
    for name in changed:
        message.ClearField(name)  # type: ignore[arg-type]
    message.MergeFrom(pb.ContractView(**changed))  # type: ignore[arg-type]
    with pytest.raises(Refusal):
        views.contract_value(message)


def test_balances_and_counters_reach_the_client() -> None:
    world = Pair()
    world.bought(world.printer, world.ink)
    rows = queries.balances(world.state, world.reader)
    assert views.read_balances(views.balances_message(rows)) == rows
    spent = queries.spending(world.state, world.reader, world.printer.mandate_leaf)
    assert spent.counters and views.read_spending(views.spending_message(spent)) == spent


def test_every_outcome_reads_back_as_it_was() -> None:  # [LOG-5]
    world = Pair()
    world.buy(world.printer, world.ink, need=world.wish)
    world.buy(world.printer, world.ink, 101)
    sensor = world.thing("sensor", world.alice, limits=())
    world.buy(sensor, world.ink)
    world.pass_time(200 * DAY_MS)
    market = Market()
    for data in world.log:
        outcome = market.apply(read_entry(data))
        sent = outcome_message(outcome).SerializeToString()
        assert views.outcome_value(log_pb2.Outcome.FromString(sent)) == outcome


def test_answers_that_are_too_long_are_refused() -> None:
    answers: list[tuple[Callable[[Any], object], Any]] = [
        (listings.read_offers_page, pb.SearchOffersResponse(offers=[pb.OfferView()] * 101)),
        (listings.read_needs, pb.ListNeedsResponse(needs=[pb.NeedView()] * 101)),
        (views.read_contracts, pb.ListContractsResponse(contracts=[pb.ContractView()] * 101)),
        (views.read_balances, pb.GetBalancesResponse(balances=[pb.MoneyBalance()] * 65)),
        (views.read_spending, pb.SpendingResponse(counters=[pb.SpendingCounter()] * 65)),
        (
            views.outcome_value,
            log_pb2.Outcome(notices=[log_pb2.Notice(kind=log_pb2.NOTICE_KIND_CONTRACT)] * 10_001),
        ),
    ]
    for read, message in answers:
        with pytest.raises(Refusal) as refusal:
            read(message)
        assert refusal.value.number == Code.TOO_LARGE
