"""The outermost wall of the gRPC server: unreadable bytes and refusals become coded answers. [ERR-1]"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from thingmarket.errors import Code, Refusal
from thingmarket.limits import MESSAGE_BYTES_MAX
from thingmarket.wire.handshake import TOKEN_KEY
from thingmarket.wire.refusals import DETAILS_KEY, refusal_status
from thingmarket_node.shell import RefusedCall

log = logging.getLogger("thingmarket.gate")

SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.max_metadata_size", 16 * 1024),
    # A peer that went away without a word is found out; one that pings too often is cut off.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ("grpc.http2.max_ping_strikes", 5),
    ("grpc.max_connection_idle_ms", 3_600_000),
    # Who connects and says nothing is cut off; gRPC alone would bear with him for two minutes.
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
)

Handler = Any
Context = Any
Unary = Callable[[Any, Context], Awaitable[Any]]
Streaming = Callable[[Any, Context], AsyncIterator[Any]]
Talking = Callable[[AsyncIterator[Any], Context], Awaitable[None]]


class Gate(grpc.aio.ServerInterceptor):
    """Wraps every method: nothing but documented codes leaves the node, and nothing makes it stop."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Give back the handler with its walls."""
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/thingmarket."):
            return handler
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                _walled_talk(handler.stream_stream),
                request_deserializer=_reader(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                _walled_stream(handler.unary_stream),
                request_deserializer=_reader(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _walled(handler.unary_unary),
            request_deserializer=_reader(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _reader(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read_or_none(data: bytes) -> Any:
        try:
            return read(data)
        except (DecodeError, ValueError, RecursionError):
            return None

    return read_or_none


def _walled(method: Unary) -> Unary:
    async def call(request: Any, context: Context) -> Any:
        try:
            check_readable(request)
            return await method(request, context)
        except Refusal as refusal:
            await refuse(context, refusal)

    return call


def _walled_stream(
    method: Callable[[Any, Context], AsyncIterator[Any]],
) -> Callable[[Any, Context], AsyncIterator[Any]]:
    async def call(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            check_readable(request)
            async for response in method(request, context):
                yield response
        except Refusal as refusal:
            await refuse(context, refusal)

    return call


def _walled_talk(method: Talking) -> Talking:
    async def call(requests: AsyncIterator[Any], context: Context) -> None:
        try:
            await method(requests, context)  # which checks each message, as it comes, for being one
        except Refusal as refusal:
            await refuse(context, refusal)

    return call


def check_readable(request: Any) -> None:
    """Refuse what the deserializer could not read (MALFORMED)."""
    if request is None:
        raise Refusal(Code.MALFORMED, "the request is no message of this method", "ERR-2")


async def refuse(context: Context, refusal: Refusal) -> None:
    """End a call with the status, and the typed detail beside it."""
    effect = refusal.effect if isinstance(refusal, RefusedCall) else None
    status = refusal_status(
        refusal,
        receipt=effect.receipt if effect else None,
        decision=effect.decision if effect else None,
        node_time=effect.node_time if effect else None,
    )
    code = grpc.StatusCode[refusal.grpc_status]
    metadata = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(code, str(refusal), trailing_metadata=metadata)


def token_of(context: Context) -> bytes:
    """The session's token from the call's metadata (NO_SESSION)."""
    for key, value in context.invocation_metadata() or ():
        if key == TOKEN_KEY and isinstance(value, bytes):
            return value
    raise Refusal(Code.NO_SESSION, f"send the session's token as metadata {TOKEN_KEY}", "SES-3")
