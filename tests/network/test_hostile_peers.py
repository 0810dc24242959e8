"""Peers who keep to the form and mean harm: what they may cost others, hear of others, and put on them."""

from collections.abc import Iterator

import grpc
import pytest

from tests.network.raw_client import TOKEN_KEY, RawClient, Session, new_key, offer_body
from tests.network.sealed_purchase import sealed_purchase, send_sealed
from tests.network.small_market import SmallMarket
from thingmarket.contract.orders import SealedRef
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import MESSAGE_BYTES_MAX
from thingmarket.market.entries import NoticeKind
from thingmarket.v1 import market_service_pb2, query_service_pb2
from thingmarket.v1.market_service_pb2_grpc import MarketServiceStub
from thingmarket.v1.query_service_pb2_grpc import QueryServiceStub
from thingmarket.wire import identity
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.refusals import DETAILS_KEY, read_refusal_status

PATIENCE_S = 20.0
MANY_OFFERS = 3_000  # their notices together are longer than a message may be
EXPLAIN = "/thingmarket.v1.QueryService/Explain"


@pytest.fixture
def channel(market: SmallMarket) -> Iterator[grpc.Channel]:
    """A line on which calls overlap."""
    with grpc.insecure_channel(market.node.address) as line:
        yield line


def watching(channel: grpc.Channel, session: Session):
    """A watch that has begun."""
    metadata = ((TOKEN_KEY, session.token),)
    stream = QueryServiceStub(channel).Watch(
        query_service_pb2.WatchRequest(), metadata=metadata, timeout=PATIENCE_S
    )
    next(stream)
    return stream


def refusal_of(stream) -> tuple[int, list[NoticeKind]]:
    """The number of the refusal that ends a watch, and what was told before."""
    told: list[NoticeKind] = []
    try:
        for message in stream:
            told += [NoticeKind(notice.kind) for notice in message.notices]
    except grpc.RpcError:
        found = read_refusal_status(dict(stream.trailing_metadata()).get(DETAILS_KEY, b""))
        return (found.code if found is not None else -1), told
    raise AssertionError("a watch does not end by itself")


def test_who_has_no_session_has_no_body_read(market: SmallMarket) -> None:
    """[CMD-1] A body of 48 KiB takes 25 ms to read: that must be somebody's who can be charged for it."""
    no_offer = offer_body(title="ß" * 121)
    command = market.client.command(market.shop, TypeId.PUBLISH_OFFER, no_offer)
    market.refused(Code.SESSION_ENDED, market.client.submit, market.shop, command, token=bytes(32))
    market.refused(Code.NO_SESSION, market.client.submit, market.shop, command, token=market.printer.token)
    market.refused(Code.BAD_FIELD, market.client.submit, market.shop, command)


def test_a_thing_that_lost_its_mandate_hears_no_more_of_its_former_owner(
    market: SmallMarket, channel: grpc.Channel
) -> None:  # [QRY-1] [QRY-6]
    stolen = market.client.thing(market.buyer)
    stream = watching(channel, stolen)
    revoke = identity.revoke_body(new_key(), mandate=stolen.leaf, reason="stolen")  # type: ignore[arg-type]
    market.client.made(market.buyer, TypeId.REVOKE, revoke)
    assert market.buy().code == 0
    code, told = refusal_of(stream)
    assert code == Code.MANDATE_REVOKED
    assert NoticeKind.CONTRACT not in told


def test_a_thing_that_changed_hands_hears_of_its_new_owner_when_it_watches_again(
    market: SmallMarket, channel: grpc.Channel
) -> None:  # [QRY-1] [CON-3]
    sold = market.client.thing(market.buyer)
    stream = watching(channel, sold)
    body = identity.present_mandate_body(new_key(), [market.client.mandate(market.seller, sold.party)])
    market.client.made(sold, TypeId.PRESENT_MANDATE, body)
    assert market.buy().code == 0
    code, told = refusal_of(stream)
    assert (code, told) == (Code.BUSY, [])
    again = watching(channel, sold)
    assert market.buy().code == 0
    assert NoticeKind(next(again).notices[0].kind) is NoticeKind.CONTRACT
    again.cancel()


def test_a_session_that_ended_watches_no_longer_while_things_happen(
    market: SmallMarket, channel: grpc.Channel
) -> None:  # [SES-4] [QRY-6]
    stream = watching(channel, market.buyer)
    young = [market.client.again(market.buyer) for _ in range(8)]  # the ninth session ends the first
    assert young
    assert market.buy().code == 0
    code, told = refusal_of(stream)
    assert (code, told) == (Code.SESSION_ENDED, [])


def test_nobody_fills_the_vault_in_the_name_of_an_owner_whose_thing_he_is_not(market: SmallMarket) -> None:
    """[PRI-2] [MAN-4] Parts are sealed before the log decides, under the key of the mandate's owner."""
    thief = market.client.thing(market.seller)
    own_leaf, thief.leaf = thief.leaf, market.printer.leaf
    body, parts = sealed_purchase(market)
    market.refused(Code.NOT_PERMITTED, send_sealed, market, body, parts, thief)
    # Had they been sealed in the buyer's name, nobody else could seal them any more (ALREADY_KNOWN).
    thief.leaf = own_leaf
    refs = tuple(SealedRef(part.commitment, part.retention) for part in parts)
    again = market.purchase(delivery=refs)
    market.refused(Code.SELF_PURCHASE, send_sealed, market, again, parts, thief)


def test_more_notices_than_a_message_holds_come_in_several(start_node) -> None:  # [QRY-6] [QRY-5]
    node = start_node()
    with RawClient(node) as client, grpc.insecure_channel(node.address) as channel:
        market = SmallMarket.open(node, client)
        _publish(market, channel, MANY_OFFERS)
        stream = watching(channel, market.seller)
        revoke = identity.revoke_body(new_key(), mandate=market.shop.leaf, reason="")  # type: ignore[arg-type]
        done = client.send(market.seller, TypeId.REVOKE, revoke).submitted
        ended = 0
        while ended < MANY_OFFERS + 1:
            message = next(stream)
            assert message.ByteSize() < MESSAGE_BYTES_MAX
            ended += sum(notice.kind == NoticeKind.OFFER for notice in message.notices)
            # Who is cut off in between must not believe that he was told all of that entry.
            assert (message.seq == done.receipt.seq) == (ended == MANY_OFFERS + 1)
        explained = client.call(
            EXPLAIN, query_service_pb2.ExplainRequest(seq=done.receipt.seq), token=market.seller.token
        )
        assert explained.status is grpc.StatusCode.OK, explained
        shown = query_service_pb2.ExplainResponse.FromString(explained.messages[0])
        assert shown.outcome.seq == done.receipt.seq
        assert shown.command.type_id == TypeId.REVOKE
        assert NoticeKind(shown.outcome.notices[0].kind) is NoticeKind.MANDATE
    assert not node.trouble


def _publish(market: SmallMarket, channel: grpc.Channel, count: int) -> None:
    submit = MarketServiceStub(channel).Submit
    for _ in range(count // 100):
        calls = []
        for _ in range(100):
            command = market.client.command(market.shop, TypeId.PUBLISH_OFFER, offer_body())
            request = market_service_pb2.SubmitRequest(command=signed_message(command))
            calls.append(submit.future(request, metadata=((TOKEN_KEY, market.shop.token),)))
        for call in calls:
            call.result(timeout=PATIENCE_S)
