"""One good body of each command, with as many of its fields set as can be, and good requests."""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message

from tests.network.market_bodies import TRADED
from tests.network.raw_client import new_key, now_ms, offer_body, purchase_body
from tests.network.small_market import SmallMarket
from tests.network.spoken_bodies import SPOKEN
from thingmarket.catalog.terms import Terms
from thingmarket.identity.envelope import TypeId, sign
from thingmarket.identity.handshake import answer
from thingmarket.limits import DAY_MS
from thingmarket.v1 import (
    audit_service_pb2,
    billing_pb2,
    catalog_pb2,
    envelope_pb2,
    identity_pb2,
    market_data_pb2,
    market_service_pb2,
    query_service_pb2,
    thing_pb2,
    trade_pb2,
)
from thingmarket.wire.calls import prove_request
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.handshake import hello_message, proof_payload, read_challenge
from thingmarket_node.home import Home, load_identity


def number(steps: int) -> catalog_pb2.ScaledInteger:
    return catalog_pb2.ScaledInteger(steps=steps, scale=1, unit="C62")


def offer(_: SmallMarket) -> Message:
    body = catalog_pb2.PublishOffer.FromString(offer_body(unit_scale=1))
    body.attributes.add(name="yield", value=catalog_pb2.AttributeValue(number=number(9)))
    terms = body.terms
    terms.settlement = catalog_pb2.SETTLEMENT_KIND_ESCROW
    terms.milestones.add(title="One", share_millionths=400_000, delivery_ms=body.delivery_ms)
    terms.milestones.add(title="Two", share_millionths=600_000, delivery_ms=body.delivery_ms)
    terms.late_credit_basis_points_per_day, terms.late_credit_max_basis_points = 100, 1_000
    terms.grace_ms, terms.cancel_window_ms = DAY_MS, 1
    terms.cancel_planned_basis_points, terms.cancel_ready_basis_points = 100, 1_000
    return body


def need(_: SmallMarket) -> Message:
    body = catalog_pb2.AnnounceNeed(
        key=new_key(),
        title="Ink",
        category="44103105",
        unit="C62",
        unit_scale=1,
        quantity_steps=1,
        valid_until_ms=now_ms() + DAY_MS,
    )
    body.must.add(
        attribute="yield",
        comparison=catalog_pb2.COMPARISON_AT_LEAST,
        values=[catalog_pb2.AttributeValue(number=number(1))],
    )
    body.prefer.add(attribute="yield", ideal=number(9), worst=number(1), weight_millionths=1_000_000)
    return body


def purchase(market: SmallMarket) -> Message:
    return trade_pb2.Purchase.FromString(market.purchase())


def fulfil(market: SmallMarket) -> Message:
    contract = market.buy().submitted.reference
    facts = [envelope_pb2.Fact(name="boxes", integer=1)]
    step = trade_pb2.FULFIL_STEP_DELIVERED
    return trade_pb2.Fulfil(key=new_key(), contract=contract, step=step, facts=facts, unit=1, part_steps=1)


def deposit(market: SmallMarket) -> Message:
    return trade_pb2.Deposit(
        key=new_key(), owner=market.buyer.party, currency="EUR", amount_minor=1, request=bytes(32)
    )


def fund(_: SmallMarket) -> Message:
    return trade_pb2.FundRequest(key=new_key(), currency="EUR", amount_minor=1)


def revoke(_: SmallMarket) -> Message:
    return identity_pb2.Revoke(key=new_key(), epoch=1, reason="a test")


def withdraw_offer(_: SmallMarket) -> Message:
    return catalog_pb2.WithdrawOffer(key=new_key(), offer=bytes(32))


def withdraw_need(_: SmallMarket) -> Message:
    return catalog_pb2.WithdrawNeed(key=new_key(), need=bytes(32))


def accept_delivery(market: SmallMarket) -> Message:
    contract = market.client.made(market.buyer, TypeId.PURCHASE, market.purchase())
    step = trade_pb2.FULFIL_STEP_DELIVERED
    report = trade_pb2.Fulfil(key=new_key(), contract=contract, step=step)
    market.client.made(market.shop, TypeId.FULFIL, report.SerializeToString())
    facts = [envelope_pb2.Fact(name="boxes", integer=1)]
    return trade_pb2.AcceptDelivery(key=new_key(), contract=contract, unit=1, facts=facts)


def cancel(market: SmallMarket) -> Message:
    body = offer_body(terms=Terms(cancel_planned_basis_points=0))
    suit = market.client.made(market.shop, TypeId.PUBLISH_OFFER, body)
    contract = market.client.made(market.buyer, TypeId.PURCHASE, purchase_body(suit))
    return trade_pb2.Cancel(key=new_key(), contract=contract, max_fee_minor=1)


def open_standing_order(market: SmallMarket) -> Message:
    return trade_pb2.OpenStandingOrder(
        key=new_key(),
        offer=market.offer,
        quantity_steps=1,
        currency="EUR",
        total_max_minor=100_00,
        interval_ms=DAY_MS,
        occurrences_max=1,
        first_ms=now_ms() + DAY_MS,
        slot="ink",
    )


def end_standing_order(_: SmallMarket) -> Message:
    return trade_pb2.EndStandingOrder(key=new_key(), standing_order=bytes(16))


def erase(_: SmallMarket) -> Message:
    return trade_pb2.Erase(key=new_key())


def present_mandate(market: SmallMarket) -> Message:
    link = market.client.mandate(market.buyer, market.printer.party)
    return identity_pb2.PresentMandate(key=new_key(), links=[signed_message(link)])


def admit_party(market: SmallMarket) -> Message:
    event = market.client.key_event(market.buyer.key)
    return identity_pb2.AdmitParty(key=new_key(), key_event=signed_message(event))


def register_device(_: SmallMarket) -> Message:
    commitment = bytes(range(32))
    return thing_pb2.RegisterDevice(
        key=new_key(),
        model="VM-1",
        serial_commitment=commitment,
        claim_commitment=commitment,
        salt=commitment,
    )


def claim_thing(market: SmallMarket) -> Message:
    link = market.client.mandate(market.buyer, market.printer.party)
    return thing_pb2.ClaimThing(
        key=new_key(), thing=market.printer.party, code=bytes(16), mandate=signed_message(link)
    )


def register_thing(_: SmallMarket) -> Message:
    return thing_pb2.RegisterThing(key=new_key(), kind="printer")


def set_thing_state(market: SmallMarket) -> Message:
    thing = market.client.thing(market.buyer).party  # the printer has to go on trading
    return thing_pb2.SetThingState(
        key=new_key(), thing=thing, order=thing_pb2.THING_ORDER_SUSPEND, reason="a test"
    )


def set_guards(market: SmallMarket) -> Message:
    ask = thing_pb2.GUARD_ACTION_ASK
    guards = thing_pb2.GuardRules(
        rate=thing_pb2.RateGuard(orders_max=1, window_ms=1_000, action=ask),
        quantity=thing_pb2.QuantityGuard(times_usual_milli=2_000, history_min=1, action=ask),
        price=thing_pb2.PriceGuard(times_market_milli=2_000, trades_min=1, action=ask),
    )
    thing = market.client.thing(market.buyer).party
    return thing_pb2.SetGuards(key=new_key(), thing=thing, guards=guards)


def report_malfunction(market: SmallMarket) -> Message:
    return thing_pb2.ReportMalfunction(
        key=new_key(),
        thing=market.printer.party,
        component="fuser",
        severity=thing_pb2.SEVERITY_MINOR,
        facts=[envelope_pb2.Fact(name="celsius", integer=19)],
    )


def refund(market: SmallMarket) -> Message:
    contract, client = market.buy().submitted.reference, market.client
    given = trade_pb2.Fulfil(key=new_key(), contract=contract, step=trade_pb2.FULFIL_STEP_DELIVERED)
    client.made(market.shop, TypeId.FULFIL, given.SerializeToString(deterministic=True))
    taken = trade_pb2.AcceptDelivery(key=new_key(), contract=contract)
    client.made(market.printer, TypeId.ACCEPT_DELIVERY, taken.SerializeToString(deterministic=True))
    return billing_pb2.Refund(key=new_key(), contract=contract, unit=1, amount_minor=1)


def publish_rate(_: SmallMarket) -> billing_pb2.PublishRate:
    return billing_pb2.PublishRate(
        key=new_key(),
        from_currency="USD",
        to_currency="EUR",
        numerator=110,
        denominator=100,
        max_minor=100,
        valid_until_ms=now_ms() + DAY_MS,
    )


def convert(market: SmallMarket) -> Message:
    known = load_identity(Home(market.node.home))
    operator = market.client.open(known.node, known.identity)
    rate = publish_rate(market)
    rate.from_currency, rate.to_currency = "EUR", "USD"
    name = market.client.made(operator, TypeId.PUBLISH_RATE, rate.SerializeToString(deterministic=True))
    return billing_pb2.Convert(key=new_key(), rate=name, amount_minor=1, min_out_minor=1)


def open_programme(_: SmallMarket) -> Message:
    return billing_pb2.OpenProgramme(
        key=new_key(), name="ink-club", currency="EUR", earn_basis_points=100, value_minor=1, idle_days=9
    )


MAKERS: Final[dict[TypeId, Callable[[SmallMarket], Message]]] = {
    TypeId.ADMIT_PARTY: admit_party,
    TypeId.PRESENT_MANDATE: present_mandate,
    TypeId.REVOKE: revoke,
    TypeId.PUBLISH_OFFER: offer,
    TypeId.WITHDRAW_OFFER: withdraw_offer,
    TypeId.ANNOUNCE_NEED: need,
    TypeId.WITHDRAW_NEED: withdraw_need,
    TypeId.PURCHASE: purchase,
    TypeId.FULFIL: fulfil,
    TypeId.ACCEPT_DELIVERY: accept_delivery,
    TypeId.CANCEL: cancel,
    TypeId.OPEN_STANDING_ORDER: open_standing_order,
    TypeId.END_STANDING_ORDER: end_standing_order,
    TypeId.DEPOSIT: deposit,
    TypeId.ERASE: erase,
    TypeId.FUND_REQUEST: fund,
    TypeId.REFUND: refund,
    TypeId.PUBLISH_RATE: publish_rate,
    TypeId.CONVERT: convert,
    TypeId.OPEN_PROGRAMME: open_programme,
    TypeId.REGISTER_DEVICE: register_device,
    TypeId.CLAIM_THING: claim_thing,
    TypeId.REGISTER_THING: register_thing,
    TypeId.SET_THING_STATE: set_thing_state,
    TypeId.SET_GUARDS: set_guards,
    TypeId.REPORT_MALFUNCTION: report_malfunction,
    **SPOKEN,
    **TRADED,
}


def good_bodies(market: SmallMarket) -> dict[TypeId, Message]:
    """One of each."""
    return {type_id: make(market) for type_id, make in MAKERS.items()}


def good_requests(market: SmallMarket) -> dict[str, Message]:
    """A good request of each method whose empty or random ones say little, by the method's name."""
    client, contract = market.client, market.buy().submitted.reference
    command = client.command(market.printer, TypeId.PURCHASE, market.purchase())
    hello, challenge = client.hello(market.printer.party)
    proof = answer(hello, read_challenge(challenge.payload), challenge.payload, plaintext=True)
    return {
        "Hello": hello_message(hello),
        "Prove": prove_request(sign(TypeId.PROOF, proof_payload(proof), market.printer.key)),
        "Submit": market_service_pb2.SubmitRequest(command=signed_message(command)),
        "SearchOffers": query_service_pb2.SearchOffersRequest(category="44", limit=10),
        "GetOffer": query_service_pb2.GetOfferRequest(digest=market.offer),
        "GetContract": query_service_pb2.GetContractRequest(contract=contract),
        "Explain": query_service_pb2.ExplainRequest(contract=contract),
        "Spending": query_service_pb2.SpendingRequest(mandate=market.printer.leaf),
        "Unseal": query_service_pb2.UnsealRequest(contract=contract, commitment=bytes(32)),
        "GetDepth": market_data_pb2.GetDepthRequest(market=1, levels=5),
        "ListTrades": market_data_pb2.ListTradesRequest(market=1, after_index=-1),
        "WatchMarket": market_data_pb2.WatchMarketRequest(market=1, levels=5),
        "ProveInclusion": audit_service_pb2.ProveInclusionRequest(seq=1),
        "ProveConsistency": audit_service_pb2.ProveConsistencyRequest(size1=1),
    }
