"""Commands in a stream are taken and answered as those of single calls are. [CMD-5] [CMD-6]"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.network.command_streams import RawStream
from tests.network.node_process import NodeProcess
from tests.network.raw_client import Answer, RawClient, purchase_body
from tests.network.small_market import SmallMarket
from thingmarket.errors import Code
from thingmarket.identity.envelope import Signature, TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.limits import STREAM_ANSWERS_MAX, STREAM_COMMANDS_MAX, STREAM_SESSIONS_MAX
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket_client import Owner, Thing, Unanswered, create_owner, create_thing, spending_limit

MEGABYTE = 1_000_000


@pytest.fixture
def stream(market: SmallMarket) -> Iterator[RawStream]:
    """A stream on which the printer speaks as session 1."""
    with RawStream(market.node, market.printer.token) as opened:
        opened.attach(1, market.printer.token)
        yield opened


def without_time(answered: pb.StreamedAnswer | Answer) -> tuple[object, ...]:
    """What two equal commands must be told equally: all but places in the log and what was made there."""
    if isinstance(answered, Answer):
        detail = answered.detail
        yes = None if detail else answered.submitted
    else:
        detail = answered.refusal if answered.HasField("refusal") else None
        yes = answered.done if answered.HasField("done") else None
    if detail is not None:
        facts = [fact.name for fact in detail.decision.facts]
        return detail.code, detail.name, detail.reason, detail.rule, detail.HasField("receipt"), facts
    assert yes is not None
    return len(yes.reference), yes.HasField("receipt"), [fact.name for fact in yes.decision.facts]


def test_a_stream_answers_what_single_calls_are_answered(market: SmallMarket, stream: RawStream) -> None:
    client, printer = market.client, market.printer

    def bodies() -> list[bytes]:
        return [
            market.purchase(),
            market.purchase(total_minor=1),
            purchase_body(bytes(32)),
            market.purchase(quantity_steps=1_000_000),
            b"no purchase",
        ]

    calls = [client.send(printer, TypeId.PURCHASE, body) for body in bodies()]
    answers = stream.ask(*((1, client.command(printer, TypeId.PURCHASE, body)) for body in bodies()))
    assert list(map(without_time, answers)) == list(map(without_time, calls))
    assert [one.code for one in calls] != [0] * len(calls)


def test_a_command_of_a_stream_is_told_the_same_by_a_call(market: SmallMarket, stream: RawStream) -> None:
    body = market.purchase()
    (answer,) = stream.ask((1, market.client.command(market.printer, TypeId.PURCHASE, body)))
    again = market.client.send(market.printer, TypeId.PURCHASE, body).submitted
    assert (again.reference, again.receipt.seq) == (answer.done.reference, answer.done.receipt.seq)


def test_a_refused_command_ends_no_stream_and_spoils_no_other(market: SmallMarket, stream: RawStream) -> None:
    client, printer = market.client, market.printer
    good = [client.command(printer, TypeId.PURCHASE, market.purchase()) for _ in range(3)]
    forged = good[1]._replace(signatures=(Signature(good[1].signatures[0].key_hint, bytes(64)),))
    replayed = client.command(printer, TypeId.PURCHASE, market.purchase(), sequence=1)
    answers = stream.ask((1, good[0]), (1, forged), (1, replayed), (2, good[1]), (1, good[2]))
    assert [one.refusal.code for one in answers] == [
        0,
        Code.BAD_SIGNATURE,
        Code.REPLAYED,
        Code.NO_SESSION,
        0,
    ]
    assert stream.ask((1, good[1]))[0].HasField("done")


def test_each_session_speaks_for_itself_alone(market: SmallMarket, stream: RawStream) -> None:
    client, shop = market.client, market.shop
    stream.attach(2, shop.token)
    theirs = client.command(market.printer, TypeId.PURCHASE, market.purchase())
    (answer,) = stream.ask((2, theirs))
    assert answer.refusal.code == Code.NO_SESSION, "the token is of another session than the header"
    assert stream.ask((1, theirs))[0].HasField("done")
    stream.attach(1, b"")
    late = client.command(market.printer, TypeId.PURCHASE, market.purchase())
    assert stream.ask((1, late))[0].refusal.code == Code.NO_SESSION


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ("noise", Code.MALFORMED),
        ("too many commands", Code.TOO_LARGE),
        ("a call again", Code.BAD_FIELD),
        ("a session 0", Code.BAD_FIELD),
        ("a session too high", Code.BAD_FIELD),
        ("half a token", Code.BAD_FIELD),
    ],
)
def test_a_message_against_the_rules_ends_the_stream_and_nothing_else(
    market: SmallMarket, stream: RawStream, spoilt: str, code: Code
) -> None:
    before = market.look()[1]
    wishes = [(1, market.client.command(market.printer, TypeId.PURCHASE, market.purchase())) for _ in "ab"]
    assert stream.ask(wishes[0])[0].HasField("done")
    again = stream.message(wishes[1])
    again.commands[0].call = 1
    said: dict[str, pb.SubmitStreamRequest | bytes] = {
        "noise": b"\xff\xff\xff",
        "too many commands": stream.message(*wishes[1:] * (STREAM_COMMANDS_MAX + 1)),
        "a call again": again,
        "a session 0": pb.SubmitStreamRequest(attachments=[pb.Attachment(session=0, token=bytes(32))]),
        "a session too high": pb.SubmitStreamRequest(
            attachments=[pb.Attachment(session=STREAM_SESSIONS_MAX + 1, token=bytes(32))]
        ),
        "half a token": pb.SubmitStreamRequest(attachments=[pb.Attachment(session=1, token=bytes(16))]),
    }
    stream.say(said[spoilt])
    status, number = stream.end()
    assert (number, status.name) == (code, code.grpc_status)
    assert market.buy().code == 0
    assert len(market.node.trouble) == before


def test_no_stream_opens_without_a_living_session(market: SmallMarket) -> None:
    for token, code in ((b"", Code.NO_SESSION), (bytes(32), Code.SESSION_ENDED)):
        with RawStream(market.node, token) as stream:
            assert stream.end() == (grpc.StatusCode.UNAUTHENTICATED, code)


def test_what_is_owed_is_answered_after_the_last_command(market: SmallMarket, stream: RawStream) -> None:
    wishes = [market.client.command(market.printer, TypeId.PURCHASE, market.purchase()) for _ in range(8)]
    stream.say(stream.message(*((1, wish) for wish in wishes)))
    stream.no_more()
    answers = list(stream.hear())
    assert sorted(one.call for one in answers) == list(range(1, 9))
    assert all(one.HasField("done") for one in answers)
    assert stream.end() == (grpc.StatusCode.OK, 0)


def test_who_does_not_read_his_answers_is_cut_off_and_others_are_served(start_node) -> None:
    node = start_node()
    # A small window, so that what he does not read stays at the node.
    narrow = (("grpc.http2.lookahead_bytes", 1_024), ("grpc.http2.bdp_probe", 0))
    with RawClient(node) as client, RawStream(node, client.owner().token, narrow) as stream:
        market = SmallMarket.open(node, client)
        before = node.rss_bytes()
        unknown = client.command(market.printer, TypeId.PURCHASE, market.purchase())
        for _ in range(20 * STREAM_ANSWERS_MAX // STREAM_COMMANDS_MAX):
            stream.say(stream.message(*[(7, unknown)] * STREAM_COMMANDS_MAX))
        assert [market.buy().code for _ in range(20)] == [0] * 20
        assert stream.end() == (grpc.StatusCode.RESOURCE_EXHAUSTED, Code.BUSY)
        assert node.rss_bytes() - before < 20 * MEGABYTE
    assert not node.trouble


# --- the SDK


@pytest.fixture
async def crowd(node: NodeProcess, market: SmallMarket, tmp_path: Path) -> list[Thing]:
    """Six things of one owner in one process, so on one line."""
    return await made_crowd(node, tmp_path)


async def made_crowd(node: NodeProcess, homes: Path) -> list[Thing]:
    create_owner(homes / "ada", node.network_id)
    limit = spending_limit("EUR", per_order_minor=100_00, per_day_minor=900_00, total_minor=900_00)
    things = []
    async with await Owner.open(homes / "ada", node.card) as ada:
        await ada.admit()
        await ada.fund("EUR", 1_000_00)
        for number in range(6):
            home = homes / f"thing{number}"
            subject = create_thing(home)
            thing = await Thing.open(home, node.card)
            await thing.adopt([ada.mandate(subject, Autonomy.ADAPTABLE, limits=[limit])])
            await thing.present()
            things.append(thing)
    return things


async def test_things_of_one_process_share_a_line_and_get_each_his_own_answers(
    crowd: list[Thing], market: SmallMarket
) -> None:
    async def buy(thing: Thing) -> bytes:
        (ink,) = [
            seen for seen in await thing.reads.offers(category="44103105") if seen.digest == market.offer
        ]
        made = [(await thing.buy(ink, 1)).contract for _ in range(3)]
        assert {seen.id for seen in await thing.contracts()} >= set(made)
        return b"".join(made)

    bought = await asyncio.gather(*map(buy, crowd))
    assert len(set(bought)) == len(crowd)
    assert len({id(thing.session._line) for thing in crowd}) == 1
    await crowd[0].close()
    await buy(crowd[1])  # who hangs up hangs up alone
    for thing in crowd[1:]:
        await thing.close()


async def test_a_node_that_is_killed_in_the_middle_of_streams_loses_and_doubles_nothing(
    start_node, tmp_path: Path
) -> None:  # [CMD-4] [ID-11]
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
    things = await made_crowd(node, tmp_path)
    (ink,) = await things[0].reads.offers(category="44103105")
    told: list[bytes] = []
    posted: list[bytes] = []

    async def buy_until_it_dies(thing: Thing) -> None:
        while True:
            order = await thing.order(ink, 1)
            posted.append(order.letter.key)
            told.append((await thing.place(order)).contract)
            if len(told) == 30:
                node.kill()

    for thing in things:
        thing.session._patience_ms = 100  # it does not come back under this address
    gone = await asyncio.gather(*map(buy_until_it_dies, things), return_exceptions=True)
    assert [type(error) for error in gone] == [Unanswered] * len(things)
    for thing in things:
        await thing.close()
    node.restart(kill=True)
    contracts: set[bytes] = set()
    for thing in things:
        async with await Thing.open(thing.home, node.card) as again:
            told += [answer.reference for _, answer in (await again.flush()).answered]
            contracts |= {seen.id for seen in await again.contracts()}
    assert len(told) == len(set(told)) == len(posted) == len(set(posted))
    assert set(told) == contracts, "what was answered, now or then, is all that there is"
    assert market.offer == ink.digest
