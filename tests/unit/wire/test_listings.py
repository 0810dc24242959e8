"""Facts that were answered reach the client with the seller's signature, and nobody else's do."""

from dataclasses import replace

import pytest

from tests.unit.market.test_facts import Counter
from thingmarket.catalog.attributes import Attribute
from thingmarket.errors import Code, Refusal
from thingmarket.limits import ANSWERED_FACTS_MAX
from thingmarket.market import queries
from thingmarket.market.entries import Command
from thingmarket.market.queries import reader_of
from thingmarket.market.views import OfferView
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire import listings
from thingmarket.wire.envelope import read_signed, signed_bytes
from thingmarket.wire.log import read_entry

RED, XL = Attribute("colour", "red"), Attribute("size", "XL")


def answered() -> tuple[Counter, OfferView]:
    world = Counter()
    world.answer(world.question("size"), XL)
    world.answer(world.question("colour"), RED)
    return world, queries.offer_view(world.state, world.ink)


def test_answered_facts_reach_the_client_beside_those_of_the_offer() -> None:  # [CAT-17]
    _, view = answered()
    seen = listings.read_offer_view(pb.OfferView.FromString(listings.offer_message(view).SerializeToString()))
    assert seen.answers == (RED, XL)
    assert [fact.name for fact in seen.offer.attributes] == ["pages"]
    assert [fact.name for fact in seen.stated.attributes] == ["colour", "pages", "size"]


def test_facts_of_another_offer_or_of_nobody_are_refused() -> None:  # [CAT-17]
    world, view = answered()
    other = queries.offer_view(world.state, world.offer(world.shop))
    stranger = queries.offer_view(world.state, world.offer(world.thing("carols shop", world.carol)))
    first = read_signed(view.answers[0])
    forged = first._replace(
        signatures=(first.signatures[0]._replace(signature=first.signatures[0].signature[::-1]),)
    )
    for shown, code in (
        (replace(other, answers=view.answers), Code.TAMPERED),
        (replace(stranger, digest=stranger.digest, answers=view.answers), Code.TAMPERED),
        (replace(view, answers=(view.signed_bytes,)), Code.TAMPERED),
        (replace(view, answers=(signed_bytes(forged),)), Code.BAD_SIGNATURE),
        (replace(view, answers=view.answers * ANSWERED_FACTS_MAX), Code.TOO_LARGE),
    ):
        with pytest.raises(Refusal) as caught:
            listings.read_offer_view(listings.offer_message(shown))
        assert caught.value.number == code


def test_an_answer_that_another_party_signed_is_refused() -> None:  # [CAT-17]
    world = Counter()
    question = world.question()
    assert world.answer(question, RED, by=world.stranger).code == Code.UNKNOWN_QUESTION
    refused = read_entry(world.log[-1]).content
    assert isinstance(refused, Command)
    view = replace(queries.offer_view(world.state, world.ink), answers=(refused.signed_bytes,))
    with pytest.raises(Refusal) as caught:
        listings.read_offer_view(listings.offer_message(view))
    assert caught.value.number == Code.TAMPERED


def test_questions_reach_the_client_as_they_are() -> None:  # [QRY-8]
    world, _ = answered()
    views = queries.list_questions(world.state, reader_of(world.state, world.shop.id))
    response = pb.ListQuestionsResponse(questions=map(listings.question_message, views))
    seen = listings.read_questions(pb.ListQuestionsResponse.FromString(response.SerializeToString()))
    assert [(one.digest, one.offer, one.names, one.state, one.seq) for one in seen] == [
        (one.digest, one.offer, one.names, one.state, one.seq) for one in views
    ]
    assert not any(one.open or one.asked_by_us for one in seen)
    with pytest.raises(Refusal) as caught:
        listings.read_questions(pb.ListQuestionsResponse(questions=[pb.QuestionView()] * 101))
    assert caught.value.number == Code.TOO_LARGE
