"""A stream of commands at a real shell, without a network: how much, and for how long. [CMD-5] [CMD-6]"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.network.raw_client import new_key
from tests.unit.node.shells import Alice, CountingRail, opened_shell
from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import STREAM_COMMANDS_MAX, STREAM_IN_FLIGHT_MAX
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.trade import fund_request_body
from thingmarket_node.servicers import command_stream
from thingmarket_node.servicers.command_stream import CommandStream
from thingmarket_node.shell import Shell


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with opened_shell(tmp_path, CountingRail()) as opened:
        yield opened


def wishes(alice: Alice, count: int) -> Iterator[pb.SubmitStreamRequest]:
    """So many wishes for money, in as few messages as may be; the first one attaches her."""
    message = pb.SubmitStreamRequest(attachments=[pb.Attachment(session=1, token=alice.token)])
    for call in range(1, count + 1):
        body = fund_request_body(FundRequest(key=new_key(), currency="EUR", amount_minor=1))
        streamed = message.commands.add(call=call, session=1)
        streamed.request.command.CopyFrom(signed_message(alice.signed(TypeId.FUND_REQUEST, body)))
        if len(message.commands) == STREAM_COMMANDS_MAX or call == count:
            yield message
            message = pb.SubmitStreamRequest()


class Reader:
    """Takes what a stream writes."""

    def __init__(self) -> None:
        self.messages: list[pb.SubmitStreamResponse] = []

    async def write(self, message: pb.SubmitStreamResponse) -> None:
        self.messages.append(message)

    @property
    def answers(self) -> list[pb.StreamedAnswer]:
        return [answer for message in self.messages for answer in message.answers]


async def told(messages: list[pb.SubmitStreamRequest]) -> AsyncIterator[pb.SubmitStreamRequest]:
    """All that a caller says, at once, and then no more."""
    for message in messages:
        yield message


async def test_more_commands_in_flight_than_a_stream_may_have_are_refused_and_the_rest_done(
    shell: Shell,
) -> None:
    alice, reader = Alice(shell), Reader()
    await alice.arrive()
    messages = list(wishes(alice, STREAM_IN_FLIGHT_MAX + 3))
    await CommandStream(shell).run(told(messages), reader.write)
    refused = {answer.call: answer.refusal for answer in reader.answers if answer.HasField("refusal")}
    # A session has as many numbers in flight; that limit is another one.
    busy = [call for call, no in refused.items() if (no.code, no.rule) == (Code.BUSY, "CMD-6")]
    assert busy == [STREAM_IN_FLIGHT_MAX + 1, STREAM_IN_FLIGHT_MAX + 2, STREAM_IN_FLIGHT_MAX + 3]
    assert sum(answer.HasField("done") for answer in reader.answers) == STREAM_IN_FLIGHT_MAX
    assert not shell.fatal.done()


async def test_commands_of_one_message_share_groups_and_answers_share_messages(shell: Shell) -> None:
    alice, reader = Alice(shell), Reader()
    await alice.arrive()
    before = shell.core.durable.number
    await CommandStream(shell).run(told(list(wishes(alice, STREAM_COMMANDS_MAX))), reader.write)
    assert len(reader.answers) == STREAM_COMMANDS_MAX
    assert shell.core.durable.number - before < STREAM_COMMANDS_MAX / 4
    assert len(reader.messages) < STREAM_COMMANDS_MAX / 4


async def test_a_silent_stream_ends_by_itself_but_not_while_it_owes_an_answer(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_stream, "STREAM_IDLE_MS", 1)
    alice, reader, silence = Alice(shell), Reader(), asyncio.Event()
    await alice.arrive()

    async def one_word_and_silence() -> AsyncIterator[pb.SubmitStreamRequest]:
        for message in wishes(alice, 1):
            yield message
        await silence.wait()

    await CommandStream(shell).run(one_word_and_silence(), reader.write)
    assert [answer.HasField("done") for answer in reader.answers] == [True]


async def test_what_a_caller_asked_for_who_went_away_stands(shell: Shell) -> None:
    alice, reader = Alice(shell), Reader()
    await alice.arrive()
    before, silence = shell.core.state.seq, asyncio.Event()

    async def one_word_and_silence() -> AsyncIterator[pb.SubmitStreamRequest]:
        for message in wishes(alice, 1):
            yield message
        await silence.wait()

    stream = asyncio.create_task(CommandStream(shell).run(one_word_and_silence(), reader.write))
    while shell.core.state.seq == before:
        await asyncio.sleep(0)
    stream.cancel()
    await asyncio.wait((stream,))
    await shell.durable(before + 1)
    assert (stream.cancelled(), reader.answers) == (True, [])
    assert not shell.fatal.done()
