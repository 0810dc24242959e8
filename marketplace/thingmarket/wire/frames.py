"""Calls of devices as bytes: which message goes into a method and which comes out."""

from typing import Any, Final

from google.protobuf.message import DecodeError

from thingmarket.errors import Code, Refusal
from thingmarket.v1 import market_service_pb2, session_service_pb2

METHODS: Final[dict[str, tuple[Any, Any]]] = {
    "Hello": (session_service_pb2.HelloRequest, session_service_pb2.HelloResponse),
    "Prove": (session_service_pb2.ProveRequest, session_service_pb2.ProveResponse),
    "Submit": (market_service_pb2.SubmitRequest, market_service_pb2.SubmitResponse),
}
"""Request and response of each method."""


def read_request(method: str, data: bytes) -> Any:
    """Read what a caller sent (MALFORMED)."""
    return _read(METHODS[method][0], data)


def read_response(method: str, data: bytes) -> Any:
    """Read what the node answered (MALFORMED)."""
    return _read(METHODS[method][1], data)


def _read(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except (DecodeError, ValueError, RecursionError):
        raise Refusal(Code.MALFORMED, "the bytes are no message of this method", "ERR-2") from None
