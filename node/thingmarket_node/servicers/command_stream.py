"""One stream of commands: many sessions of one connection, answered in the order of the disk. [CMD-5]

What gathers while a message is on its way is the next message, in both directions: nothing waits for company.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    PAGE_BYTES_MAX,
    STREAM_ANSWERS_MAX,
    STREAM_COMMANDS_MAX,
    STREAM_IDLE_MS,
    STREAM_IN_FLIGHT_MAX,
    STREAM_SESSIONS_MAX,
    STREAM_WRITE_MS,
)
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.wire.refusals import fill_refusal
from thingmarket_node.core import messages as m
from thingmarket_node.core.sessions import TOKEN_BYTES
from thingmarket_node.gate import check_readable
from thingmarket_node.servicers.submissions import fill_submitted, read_submit
from thingmarket_node.shell import Answered, Shell

Write = Callable[[pb.SubmitStreamResponse], Awaitable[None]]


class CommandStream:
    """Who speaks on one stream, which calls are unanswered, and the answers that wait to be written."""

    def __init__(self, shell: Shell) -> None:
        """Hand over to `shell`."""
        self._shell = shell
        self._tokens: dict[int, bytes] = {}
        self._last_call = 0
        self._calls: dict[m.CallId, int] = {}  # the node's number of a call, and the caller's
        self._answers: deque[tuple[int, Answered]] = deque()
        self._grown = asyncio.Event()
        self._closing = False  # no more commands come: the answers that are owed are the last
        self._broken = False  # by a message that is none: nothing more is answered

    async def run(self, messages: AsyncIterator[pb.SubmitStreamRequest], write: Write) -> None:
        """Read and write until there is nothing more to do, or one of the two is refused."""
        reading = asyncio.ensure_future(self._read(messages))
        try:
            await self._write(write)
            if reading.done():
                reading.result()
        finally:
            for call in self._calls:
                self._shell.forget(call)  # what was asked for stands, and nobody hears of it here
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    # --- what comes in

    async def _read(self, messages: AsyncIterator[pb.SubmitStreamRequest]) -> None:
        """Take messages until the caller has no more; what is wrong with one of them ends the stream."""
        try:
            async for message in messages:
                check_readable(message)
                self._take(message)
        except Refusal:
            self._broken = True
            raise
        finally:
            self._closing = True
            self._grown.set()

    def _take(self, message: pb.SubmitStreamRequest) -> None:
        """Hand over what one message brings (TOO_LARGE, BAD_FIELD, UNAVAILABLE; BUSY: he does not read)."""
        if max(len(message.attachments), len(message.commands)) > STREAM_COMMANDS_MAX:
            raise Refusal(Code.TOO_LARGE, f"a message has at most {STREAM_COMMANDS_MAX} commands", "CMD-5")
        if len(self._answers) > STREAM_ANSWERS_MAX:
            raise Refusal(Code.BUSY, f"more than {STREAM_ANSWERS_MAX} answers were not read", "CMD-6")
        for attachment in message.attachments:
            self._attach(attachment)
        inputs = [one for command in message.commands if (one := self._submit(command)) is not None]
        if inputs:
            self._shell.take(m.Together(tuple(inputs)))

    def _attach(self, attachment: pb.Attachment) -> None:
        number, token = attachment.session, attachment.token
        if not 1 <= number <= STREAM_SESSIONS_MAX:
            raise Refusal(Code.BAD_FIELD, f"sessions are numbered 1 to {STREAM_SESSIONS_MAX}", "CMD-5")
        if not token:
            self._tokens.pop(number, None)
        elif len(token) == TOKEN_BYTES:
            self._tokens[number] = token
        else:
            raise Refusal(Code.BAD_FIELD, f"a token has {TOKEN_BYTES} bytes", "CMD-5")

    def _submit(self, command: pb.StreamedCommand) -> m.Submit | None:
        """The input for one command; what is wrong with the command is its own answer."""
        number = command.call
        if number <= self._last_call:
            raise Refusal(Code.BAD_FIELD, f"call {number} after call {self._last_call}", "CMD-5")
        self._last_call = number
        try:
            if len(self._calls) >= STREAM_IN_FLIGHT_MAX:
                raise Refusal(Code.BUSY, f"{STREAM_IN_FLIGHT_MAX} commands are unanswered here", "CMD-6")
            token = self._tokens.get(command.session)
            if token is None:
                raise Refusal(Code.NO_SESSION, f"no session {command.session} is attached here", "CMD-5")
            signed, sealed = read_submit(command.request)
        except Refusal as refusal:
            self._put(number, m.Refuse(0, refusal))
            return None
        call = self._shell.expect(self._hear)
        self._calls[call] = number
        return m.Submit(call, token, signed, sealed)

    # --- what goes out

    def _hear(self, answered: Answered) -> None:
        self._put(self._calls.pop(answered.call), answered)

    def _put(self, number: int, answered: Answered) -> None:
        self._answers.append((number, answered))
        self._grown.set()

    async def _write(self, write: Write) -> None:
        """Write answers until all that are owed are written, or nobody spoke for long (BUSY)."""
        while await self._anything():
            while self._answers and not self._broken:  # a write is never cut short by a bad message
                try:
                    async with asyncio.timeout(STREAM_WRITE_MS / 1000):
                        await write(self._gathered())
                except TimeoutError:
                    raise Refusal(Code.BUSY, "the answers were not read in time", "CMD-6") from None

    async def _anything(self) -> bool:
        """Wait for an answer; False when there will be none, or nobody spoke for long and none is owed."""
        while not (self._broken or self._answers):
            if self._closing and not self._calls:
                return False
            self._grown.clear()
            try:
                async with asyncio.timeout(STREAM_IDLE_MS / 1000):
                    await self._grown.wait()
            except TimeoutError:
                if not (self._calls or self._answers):
                    return False
        return not self._broken

    def _gathered(self) -> pb.SubmitStreamResponse:
        """The next message: what fits of the answers that wait, and at least one."""
        message, size = pb.SubmitStreamResponse(), 0
        while self._answers and size < PAGE_BYTES_MAX:
            number, answered = self._answers.popleft()
            answer = message.answers.add(call=number)
            if isinstance(answered, m.Refuse):
                fill_refusal(
                    answer.refusal,
                    answered.refusal,
                    receipt=answered.receipt,
                    decision=answered.decision,
                    node_time=answered.node_time,
                )
            else:
                assert isinstance(answered.answer, m.Accepted), "a command is answered by what it made"
                fill_submitted(answer.done, answered.answer)
            size += answer.ByteSize()
        return message
