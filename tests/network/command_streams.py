"""A stream of commands whose messages the test writes itself, with nothing of the SDK in between."""

import itertools
import queue
from collections.abc import Iterator
from typing import Any, Final

import grpc

from tests.network.node_process import NodeProcess
from tests.network.raw_client import TOKEN_KEY
from thingmarket.identity.envelope import Signed
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.refusals import DETAILS_KEY, read_refusal_status

SUBMIT_STREAM: Final = "/thingmarket.v1.MarketService/SubmitStream"
STREAM_S: Final = 60.0


class RawStream:
    """One stream over a connection of its own; `say` and `hear` messages, or `ask` for answers by call."""

    def __init__(self, node: NodeProcess, token: bytes, options: tuple[tuple[str, Any], ...] = ()) -> None:
        unshared = ("grpc.use_local_subchannel_pool", 1)
        self._channel = grpc.insecure_channel(node.address, options=(unshared, *options))
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.calls = itertools.count(1)
        make: Any = self._channel.stream_stream(SUBMIT_STREAM)
        said = iter(self._said.get, None)
        self._stream: Any = make(said, metadata=((TOKEN_KEY, token),), timeout=STREAM_S)

    def __enter__(self) -> "RawStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._said.put(None)
        self._stream.cancel()
        self._channel.close()

    def say(self, message: pb.SubmitStreamRequest | bytes) -> None:
        """Write one message."""
        self._said.put(message if isinstance(message, bytes) else message.SerializeToString())

    def no_more(self) -> None:
        """Say that nothing else comes."""
        self._said.put(None)

    def attach(self, number: int, token: bytes) -> None:
        """Show a token."""
        self.say(pb.SubmitStreamRequest(attachments=[pb.Attachment(session=number, token=token)]))

    def message(self, *commands: tuple[int, Signed]) -> pb.SubmitStreamRequest:
        """Commands of attached sessions, with the next numbers."""
        message = pb.SubmitStreamRequest()
        for session, command in commands:
            streamed = message.commands.add(call=next(self.calls), session=session)
            streamed.request.command.CopyFrom(signed_message(command))
        return message

    def hear(self) -> Iterator[pb.StreamedAnswer]:
        """Answers as they come, until the stream ends."""
        for data in self._stream:
            yield from pb.SubmitStreamResponse.FromString(data).answers

    def ask(self, *commands: tuple[int, Signed]) -> list[pb.StreamedAnswer]:
        """The answers to commands of one message, in the order of the commands."""
        message = self.message(*commands)
        self.say(message)
        answers = {one.call: one for one in itertools.islice(self.hear(), len(commands))}
        return [answers[command.call] for command in message.commands]

    def end(self) -> tuple[grpc.StatusCode, int]:
        """Read to the end: the status, and the number of the refusal that stands in it or 0."""
        try:
            for _ in self.hear():
                pass
        except grpc.RpcError:
            details = dict(self._stream.trailing_metadata() or ())
            found = read_refusal_status(details[DETAILS_KEY]) if DETAILS_KEY in details else None
            return self._stream.code(), found.code if found else 0
        return self._stream.code(), 0
