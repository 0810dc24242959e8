"""What a node could say to break a device, or whoever reads what it prints."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.wire.test_views import Pair
from thingmarket.errors import Code, Refusal, code_name
from thingmarket.market import queries
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire import listings, views
from thingmarket.wire.calls import read_refusal
from thingmarket.wire.refusals import refusal_status
from thingmarket_client.reads import Reads


@pytest.mark.parametrize("number", [1, 29_999, 40_012, 46_001, 2**31 - 1])
def test_a_refusal_with_a_number_that_nobody_knows_can_still_be_told(number: int) -> None:
    """[ERR-1] A later version of a node has more of them."""
    told = read_refusal(refusal_status(Refusal(number, "in a way of its own")).SerializeToString())
    assert told is not None
    refusal = Refusal(told.number, told.reason, told.rule)
    assert str(refusal) == f"{number} CODE_{number}: in a way of its own"
    assert (refusal.retryable, refusal.grpc_status) == (False, "FAILED_PRECONDITION")


def test_every_number_that_is_known_keeps_its_name() -> None:
    assert [code_name(code) for code in Code] == [code.name for code in Code]
    assert (code_name(0), code_name(44_001), code_name(45_056)) == ("OK", "BOOK_1", "LEDGER_56")


def test_the_words_of_a_refusal_give_no_orders_to_a_terminal() -> None:
    status = refusal_status(Refusal(Code.DENIED, "\x1b[2J\x1b]0;root\x07 né\n", "\x1b[31mLIM-3"))
    told = read_refusal(status.SerializeToString())
    assert told is not None
    assert (told.reason, told.rule) == ("?[2J?]0;root? né?", "?[31mLIM-3")


@pytest.mark.parametrize("lie", [{"tax_basis_points": -1}, {"tax_basis_points": 10_001}, {"stock_steps": -1}])
def test_an_offer_with_a_tax_or_stock_that_cannot_be_is_refused(lie: dict[str, Any]) -> None:
    world = Pair()
    message = listings.offer_message(queries.offer_view(world.state, world.ink))
    message.MergeFrom(pb.OfferView(**lie))
    with pytest.raises(Refusal) as refusal:
        listings.read_offer_view(message)
    assert refusal.value.number == Code.OUT_OF_RANGE


async def test_another_contract_than_the_one_asked_for_is_found_out() -> None:
    world = Pair()
    first, second = world.bought(world.printer, world.ink), world.bought(world.printer, world.ink, 2)

    async def ask(_method: Any, _request: Any) -> pb.GetContractResponse:
        return pb.GetContractResponse(contract=views.contract_message(world.contract(first)))

    reads = Reads(SimpleNamespace(ask=ask))  # type: ignore[arg-type]
    assert (await reads.contract(first)).id == first
    with pytest.raises(Refusal) as refusal:
        await reads.contract(second)
    assert refusal.value.number == Code.TAMPERED
