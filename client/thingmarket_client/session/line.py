"""The line to one node: a pinned gRPC channel, and calls that end as an answer, a refusal or trouble.

The parties of one process share lines to their node: a connection costs the node more than a session does,
and commands that leave together cost less than alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from thingmarket.errors import Code, Refusal
from thingmarket.identity.anchor import TLS_NAME
from thingmarket.identity.cards import NodeCard
from thingmarket.limits import MESSAGE_BYTES_MAX
from thingmarket.wire.calls import Submitted, Told, read_refusal, read_streamed_answer, read_submit_response
from thingmarket.wire.handshake import TOKEN_KEY
from thingmarket.wire.refusals import DETAILS_KEY
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.session.commands import Commands
from thingmarket_client.session.services import Service
from thingmarket_client.session.trouble import Trouble

if TYPE_CHECKING:
    from thingmarket.v1.audit_service_pb2_grpc import AuditServiceAsyncStub
    from thingmarket.v1.market_service_pb2_grpc import MarketServiceAsyncStub
    from thingmarket.v1.query_service_pb2_grpc import QueryServiceAsyncStub
    from thingmarket.v1.session_service_pb2_grpc import SessionServiceAsyncStub

R = TypeVar("R")

PARTIES_PER_LINE_MAX: Final = 64  # each may watch twice, and a connection carries 256 streams
CALL_TIMEOUT_MS: Final = 10_000  # a node that takes longer is in trouble; the command is sent again
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # A half-open line is found out while a call is under way; the node allows a ping every 20 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Retries are ours: each has a header of its own.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # So long an attempt to connect may take: over TLS it is five trips there and back.
    ("grpc.min_reconnect_backoff_ms", CALL_TIMEOUT_MS),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A line has a connection of its own: at most so many parties share one as it says.
    ("grpc.use_local_subchannel_pool", 1),
)


class Line:
    """A channel to the node of a card, and one stream for the commands of all parties on it."""

    def __init__(self, card: NodeCard) -> None:
        """Prepare to connect; nothing is sent yet."""
        self._address = card.address
        self._channel = open_channel(card)
        self.sessions = cast("SessionServiceAsyncStub", Service(self._channel, "SessionService"))
        self.market = cast("MarketServiceAsyncStub", Service(self._channel, "MarketService"))
        self.query = cast("QueryServiceAsyncStub", Service(self._channel, "QueryService"))
        self.audit = cast("AuditServiceAsyncStub", Service(self._channel, "AuditService"))
        self._commands = Commands(self._open_stream, timeout_ms=CALL_TIMEOUT_MS)
        self._streams = True  # until the node says that it knows no such method
        self._free = list(range(PARTIES_PER_LINE_MAX, 0, -1))

    @property
    def parties(self) -> int:
        """How many have joined and not left."""
        return PARTIES_PER_LINE_MAX - len(self._free)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may join."""
        return not self._free

    def join(self) -> int:
        """A number for one more party, by which its commands are told from others'."""
        return self._free.pop()

    def leave(self, number: int) -> None:
        """Give a number back."""
        self._free.append(number)

    async def close(self) -> None:
        """Cut the line; calls under way fail."""
        await self._commands.close()
        await self._channel.close()

    async def call(self, method: Callable[..., Awaitable[R]], request: Any, *, token: bytes = b"") -> R:
        """One call with a timeout (RefusedByNode, Trouble)."""
        try:
            return await method(request, timeout=CALL_TIMEOUT_MS / 1000, metadata=metadata(token))
        except grpc.aio.AioRpcError as error:
            raise self.failure(error) from None

    async def submit(self, speaker: int, token: bytes, request: Any, *, alone: bool = False) -> Submitted:
        """Send one command of the party that joined as `speaker` (RefusedByNode, Trouble).

        `alone`: not in the stream, where others would wait for it. Receipts are yet to be checked.
        """
        if self._streams and not alone:
            try:
                told = read_streamed_answer(await self._commands.submit(speaker, token, request))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise self._end_of_stream(error) from None
                self._streams = False
            else:
                if isinstance(told, Told):
                    raise _refused(told)
                return told
        return read_submit_response(await self.call(self.market.Submit, request, token=token))

    def failure(self, error: grpc.aio.AioRpcError) -> RefusedByNode | Trouble:
        """Tell a refusal, whose receipt is yet to be checked, from trouble (BAD_SIGNATURE)."""
        for key, value in error.trailing_metadata() or ():
            if key != DETAILS_KEY or not isinstance(value, bytes):
                continue
            told = read_refusal(value)
            if told is None:
                break
            return _refused(told)
        return self._trouble(error)

    def _open_stream(self, token: bytes) -> Any:
        return self.market.SubmitStream(metadata=metadata(token))

    def _end_of_stream(self, error: grpc.aio.AioRpcError) -> RefusedByNode | Trouble:
        """A refused stream says nothing of the commands on it, but that its opener's session is over."""
        failure = self.failure(error)
        if isinstance(failure, RefusedByNode) and failure.number not in (Code.SESSION_ENDED, Code.NO_SESSION):
            return Trouble(failure.grpc_status, failure.reason)
        return failure

    def _trouble(self, error: grpc.aio.AioRpcError) -> Trouble:
        details = str(error.details())
        if "CERTIFICATE_VERIFY_FAILED" in details:
            # Trying again would not help: it is another node, or a clock that is off by more than a day.
            raise Refusal(Code.BAD_SIGNATURE, f"what answers at {self._address} is not the node of this card")
        return Trouble(error.code().name, details[:200])


def _refused(told: Told) -> RefusedByNode:
    return RefusedByNode(told.number, told.reason, told.rule, receipt=told.receipt, decision=told.decision)


def metadata(token: bytes) -> tuple[tuple[str, bytes], ...]:
    """The session's secret, where the node looks for it."""
    return ((TOKEN_KEY, token),) if token else ()


def open_channel(card: NodeCard) -> grpc.aio.Channel:
    """TLS pinned to the card's identity; plaintext only where the card says so, which is loopback."""
    if card.plaintext:
        return grpc.aio.insecure_channel(card.address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificates=card.anchor_pem)
    options = (*_OPTIONS, ("grpc.ssl_target_name_override", TLS_NAME))
    return grpc.aio.secure_channel(card.address, credentials, options=options)


_LINES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[NodeCard, list[Line]]]] = WeakKeyDictionary()


def join_line(card: NodeCard, *, alone: bool = False) -> tuple[Line, int]:
    """A line to the node that has room for one more party, and the party's number on it."""
    if alone:
        line = Line(card)
        return line, line.join()
    lines = _LINES.setdefault(asyncio.get_running_loop(), {}).setdefault(card, [])
    if all(line.is_full for line in lines):
        lines.append(Line(card))
    line = next(line for line in lines if not line.is_full)
    return line, line.join()


async def leave_line(card: NodeCard, line: Line, number: int) -> None:
    """Leave a line that was joined; the last one cuts it."""
    line.leave(number)
    if line.parties:
        return
    shared = _LINES.get(asyncio.get_running_loop(), {})
    if line in shared.get(card, ()):
        shared[card].remove(line)
        if not shared[card]:
            del shared[card]
    await line.close()


def failure_value(failure: RefusedByNode | Trouble) -> Refusal | str:
    """What the retry table is asked about."""
    return failure.status if isinstance(failure, Trouble) else failure
