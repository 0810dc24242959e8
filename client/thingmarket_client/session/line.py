"""The line to one node: a pinned gRPC channel, and calls that end as an answer, a refusal or trouble."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
import grpc.aio

from thingmarket.audit.receipts import check_receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.anchor import TLS_NAME
from thingmarket.identity.cards import NodeCard
from thingmarket.limits import MESSAGE_BYTES_MAX
from thingmarket.v1.audit_service_pb2_grpc import AuditServiceStub
from thingmarket.v1.market_service_pb2_grpc import MarketServiceStub
from thingmarket.v1.query_service_pb2_grpc import QueryServiceStub
from thingmarket.v1.session_service_pb2_grpc import SessionServiceStub
from thingmarket.wire.calls import read_refusal
from thingmarket.wire.handshake import TOKEN_KEY
from thingmarket.wire.refusals import DETAILS_KEY
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.witness import Witness

R = TypeVar("R")

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
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Two parties in one process must not share a connection: its death would be both theirs.
    ("grpc.use_local_subchannel_pool", 1),
)


class Trouble(Exception):
    """The network, or a node in pain: nobody said yes or no. `status` is the name of a gRPC status."""

    def __init__(self, status: str, details: str) -> None:
        """Keep what gRPC said."""
        super().__init__(f"{status}: {details}")
        self.status = status


class Line:
    """A channel to the node of a card, and the stubs on it."""

    def __init__(self, card: NodeCard, witness: Witness) -> None:
        """Prepare to connect; nothing is sent yet. `witness` checks the receipts of refusals."""
        self._address = card.address
        self._channel = open_channel(card)
        self._witness = witness
        self.sessions = SessionServiceStub(self._channel)
        self.market = MarketServiceStub(self._channel)
        self.query = QueryServiceStub(self._channel)
        self.audit = AuditServiceStub(self._channel)

    async def close(self) -> None:
        """Cut the line; calls under way fail."""
        await self._channel.close()

    async def call(
        self, method: Callable[..., Awaitable[R]], request: Any, *, token: bytes = b"", floor: int = 0
    ) -> R:
        """One call with a timeout (RefusedByNode, Trouble)."""
        try:
            return await method(request, timeout=CALL_TIMEOUT_MS / 1000, metadata=metadata(token))
        except grpc.aio.AioRpcError as error:
            raise self.failure(error, floor) from None

    def failure(self, error: grpc.aio.AioRpcError, floor: int = 0) -> RefusedByNode | Trouble:
        """Tell a refusal, whose receipt is verified, from trouble (Forked, TAMPERED, BAD_SIGNATURE)."""
        for key, value in error.trailing_metadata() or ():
            if key != DETAILS_KEY or not isinstance(value, bytes):
                continue
            told = read_refusal(value)
            if told is None:
                break
            if told.receipt is not None:
                check_receipt(told.receipt, self._witness.vkey)
                self._witness.observe(told.receipt.checkpoint, floor)
            return RefusedByNode(
                told.number, told.reason, told.rule, receipt=told.receipt, decision=told.decision
            )
        details = str(error.details())
        if "CERTIFICATE_VERIFY_FAILED" in details:
            # Trying again would not help: it is another node, or a clock that is off by more than a day.
            raise Refusal(Code.BAD_SIGNATURE, f"what answers at {self._address} is not the node of this card")
        return Trouble(error.code().name, details[:200])


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


def failure_value(failure: RefusedByNode | Trouble) -> Refusal | str:
    """What the retry table is asked about."""
    return failure.status if isinstance(failure, Trouble) else failure
