"""The stream of commands of a line: what gathers while the node works goes as one message. [CMD-5]

A lone command goes at once, and nothing runs while none is under way. In a crowd the next message leaves
when answers come: so many commands travel together as arrive in the time that the node takes anyway.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio

from thingmarket.limits import PAGE_BYTES_MAX, STREAM_COMMANDS_MAX
from thingmarket.wire.calls import stream_message
from thingmarket_client.session.trouble import Trouble


class Commands:
    """Sends the commands of all parties of a line over one stream, which opens when one is sent."""

    def __init__(self, open_stream: Callable[[bytes], Any], *, timeout_ms: int) -> None:
        """`open_stream` begins the call with a token; what is not answered in `timeout_ms` has failed."""
        self._open_stream = open_stream
        self._timeout_s = timeout_ms / 1000
        self._stream: _Stream | None = None

    def submit(self, speaker: int, token: bytes, request: Any) -> asyncio.Future[Any]:
        """The answer to come for the party with the number `speaker` on this line (AioRpcError, Trouble)."""
        if self._stream is None or self._stream.ended:
            self._stream = _Stream(self._open_stream(token), self._timeout_s)
        return self._stream.submit(speaker, token, request)

    async def close(self) -> None:
        """End the stream; calls under way fail."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()


@dataclass(slots=True)
class _Call:
    """A command that is not answered yet."""

    speaker: int
    token: bytes
    request: Any
    due_s: float
    answer: asyncio.Future[Any]

    def fail(self, error: Exception) -> None:
        if not self.answer.done():  # else whoever asked went away
            self.answer.set_exception(error)


class _Stream:
    """One stream from its first command to its end, which is that of all calls on it."""

    def __init__(self, call: Any, timeout_s: float) -> None:
        self.ended = False
        self._call = call
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._last_call = 0
        self._tokens: dict[int, bytes] = {}  # what the node was told of the speakers
        self._waiting: deque[_Call] = deque()  # not written yet
        self._sent: dict[int, _Call] = {}  # both in the order of their due times
        self._heard_s = self._loop.time()
        self._is_heard = True  # since the last message that was written
        self._alarm: asyncio.TimerHandle | None = None
        self._grown = asyncio.Event()
        self._tasks = (self._loop.create_task(self._write()), self._loop.create_task(self._read()))

    def submit(self, speaker: int, token: bytes, request: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = self._loop.create_future()
        due_s = self._loop.time() + self._timeout_s
        self._waiting.append(_Call(speaker, token, request, due_s, answer))
        self._grown.set()
        if self._alarm is None:
            self._alarm = self._loop.call_at(due_s, self._look_for_late)
        return answer

    async def close(self) -> None:
        self._end(Trouble("CANCELLED", "the line was closed"))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- to the node and back

    async def _write(self) -> None:
        try:
            while await self._grown.wait():
                self._grown.clear()
                if self._is_heard or not self._sent:
                    message = self._gathered()
                    if message is not None:
                        self._is_heard = False
                        await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            self._end(error)
        except asyncio.InvalidStateError:
            await self._tasks[1]  # the stream is over, and the reader knows why

    async def _read(self) -> None:
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                self._heard_s, self._is_heard = self._loop.time(), True
                for answer in message.answers:
                    call = self._sent.pop(answer.call, None)
                    if call is not None and not call.answer.done():
                        call.answer.set_result(answer)
                if self._waiting:
                    self._grown.set()
            self._end(Trouble("UNAVAILABLE", "the node ended the stream of commands"))
        except grpc.aio.AioRpcError as error:
            self._end(error)

    def _gathered(self) -> Any:
        """The next message: what fits of what waits; None when nothing does."""
        attachments: list[tuple[int, bytes]] = []
        commands: list[tuple[int, int, Any]] = []
        size = 0
        while self._waiting and len(commands) < STREAM_COMMANDS_MAX:
            call = self._waiting[0]
            size += call.request.ByteSize()
            if commands and size > PAGE_BYTES_MAX:
                break
            self._waiting.popleft()
            if call.answer.done():
                continue  # whoever asked went away
            if self._tokens.get(call.speaker) != call.token:
                self._tokens[call.speaker] = call.token
                attachments.append((call.speaker, call.token))
            self._last_call += 1
            self._sent[self._last_call] = call
            commands.append((self._last_call, call.speaker, call.request))
        return stream_message(attachments, commands) if commands else None

    # --- ends

    def _look_for_late(self) -> None:
        """Give up the calls whose time is over, and with them a stream that was silent for as long."""
        self._alarm = None
        now_s = self._loop.time()
        late = Trouble("DEADLINE_EXCEEDED", "the node did not answer in time")
        while (oldest := self._oldest()) is not None and oldest[1].due_s <= now_s:
            number, call = oldest
            if self._heard_s <= now_s - self._timeout_s:
                self._end(late)
                return
            call.fail(late)
            self._grown.set()  # others may have waited for its answer
            if number:
                del self._sent[number]
            else:
                self._waiting.popleft()
        if oldest is not None:
            self._alarm = self._loop.call_at(oldest[1].due_s, self._look_for_late)

    def _oldest(self) -> tuple[int, _Call] | None:
        """The call that is due first, with its number; 0 when it was not sent yet."""
        if self._sent:
            return next(iter(self._sent.items()))
        return (0, self._waiting[0]) if self._waiting else None

    def _end(self, error: Exception) -> None:
        """Nobody knows what became of the calls that were under way: they fail, and are sent again."""
        if self.ended:
            return
        self.ended = True
        if self._alarm is not None:
            self._alarm.cancel()
        for call in (*self._sent.values(), *self._waiting):
            call.fail(error)
        self._sent.clear()
        self._waiting.clear()
        self._call.cancel()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
