"""Good bodies of what is said besides trading: approvals, wishes, questions, choices, feedback."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from google.protobuf.message import Message

from tests.network.raw_client import new_key, now_ms, offer_body, purchase_body, spending_limit
from tests.network.small_market import SmallMarket
from thingmarket.contract.feedback import minted_key
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import ContractId, digest
from thingmarket.limits import DAY_MS
from thingmarket.v1 import (
    approval_pb2,
    catalog_pb2,
    identity_pb2,
    query_service_pb2,
    trade_pb2,
    trust_pb2,
)

GET_CONTRACT: Final = "/thingmarket.v1.QueryService/GetContract"


def approve(market: SmallMarket) -> Message:
    limit = replace(spending_limit(), cosign_above_minor=0)
    asking = market.client.thing(market.buyer, limits=(limit,))
    order = market.purchase()
    pending = market.client.made(asking, TypeId.PURCHASE, order)
    return approval_pb2.Approve(
        key=new_key(), pending=pending, body_digest=digest(order), approved=False, reason="a test"
    )


def set_persona(market: SmallMarket) -> Message:
    window = identity_pb2.WeeklyWindow(days_mask=127, start_minute=1, end_minute=2)
    return approval_pb2.SetPersona(
        key=new_key(),
        thing=market.printer.party,
        approvers=[market.buyer.party],
        quiet=[window],
        approval_latency_ms=1,
        cancel_window_ms=1,
    )


def agree_to_cosign(market: SmallMarket) -> Message:
    return approval_pb2.AgreeToCosign(key=new_key(), owner=market.client.owner().party, agreed=True)


def lower_autonomy(market: SmallMarket) -> Message:
    thing = market.client.thing(market.buyer).party
    return trust_pb2.LowerAutonomy(key=new_key(), thing=thing, autonomy=identity_pb2.AUTONOMY_BOUND)


def propose_choice(market: SmallMarket) -> Message:
    wish = catalog_pb2.AnnounceNeed(
        key=new_key(),
        title="Ink",
        category="44103105",
        unit="C62",
        quantity_steps=1,
        valid_until_ms=now_ms() + DAY_MS,
    )
    body = wish.SerializeToString(deterministic=True)
    need = market.client.made(market.buyer, TypeId.ANNOUNCE_NEED, body)
    return trust_pb2.ProposeChoice(
        key=new_key(), need=need, offer=market.offer, total_minor=1_190, choice=bytes(32)
    )


def _measurable_offer() -> bytes:
    offer = catalog_pb2.PublishOffer.FromString(offer_body())
    number = catalog_pb2.ScaledInteger(steps=9, scale=1, unit="C62")
    offer.attributes.add(name="yield", value=catalog_pb2.AttributeValue(number=number))
    return offer.SerializeToString(deterministic=True)


def _completed(market: SmallMarket) -> bytes:
    """A contract that has ended, of an offer that promises something to be measured."""
    client = market.client
    offer = client.made(market.shop, TypeId.PUBLISH_OFFER, _measurable_offer())
    contract = client.made(market.buyer, TypeId.PURCHASE, purchase_body(offer))
    given = trade_pb2.Fulfil(key=new_key(), contract=contract, step=trade_pb2.FULFIL_STEP_DELIVERED)
    client.made(market.shop, TypeId.FULFIL, given.SerializeToString(deterministic=True))
    taken = trade_pb2.AcceptDelivery(key=new_key(), contract=contract)
    client.made(market.buyer, TypeId.ACCEPT_DELIVERY, taken.SerializeToString(deterministic=True))
    return contract


def give_feedback(market: SmallMarket) -> Message:
    contract = _completed(market)
    request = query_service_pb2.GetContractRequest(contract=contract)
    (answered,) = market.client.call(GET_CONTRACT, request, token=market.buyer.token).messages
    seen = query_service_pb2.GetContractResponse.FromString(answered).contract
    body = trust_pb2.GiveFeedback(
        key=new_key(),
        contract=contract,
        feedback_key=minted_key(ContractId(contract), seen.created_ms, seen.seq),
    )
    number = catalog_pb2.ScaledInteger(steps=8, scale=1, unit="C62")
    body.measured.add(name="yield", value=number, better=trust_pb2.BETTER_HIGHER)
    return body


def ask_feedback(market: SmallMarket) -> Message:
    return trust_pb2.AskFeedback(key=new_key(), contract=_completed(market))


def ask_facts(market: SmallMarket) -> catalog_pb2.AskFacts:
    offer = market.client.made(market.shop, TypeId.PUBLISH_OFFER, offer_body())
    return catalog_pb2.AskFacts(key=new_key(), offer=offer, names=["yield"], deadline_ms=now_ms() + DAY_MS)


def answer_facts(market: SmallMarket) -> Message:
    question = ask_facts(market)
    asked = question.SerializeToString(deterministic=True)
    name = market.client.made(market.printer, TypeId.ASK_FACTS, asked)
    answer = catalog_pb2.AnswerFacts(key=new_key(), question=name, offer=question.offer)
    number = catalog_pb2.ScaledInteger(steps=9, scale=1, unit="C62")
    answer.attributes.add(name="yield", value=catalog_pb2.AttributeValue(number=number))
    return answer


SPOKEN: Final[dict[TypeId, Callable[[SmallMarket], Message]]] = {
    TypeId.APPROVE: approve,
    TypeId.SET_PERSONA: set_persona,
    TypeId.AGREE_TO_COSIGN: agree_to_cosign,
    TypeId.LOWER_AUTONOMY: lower_autonomy,
    TypeId.PROPOSE_CHOICE: propose_choice,
    TypeId.GIVE_FEEDBACK: give_feedback,
    TypeId.ASK_FEEDBACK: ask_feedback,
    TypeId.ASK_FACTS: ask_facts,
    TypeId.ANSWER_FACTS: answer_facts,
}
