"""A client that may do everything wrong: calls are bytes, headers and signatures are what the test says.

It stands on `thingmarket.wire` alone, so that no check of the real client hides a missing one of the node.
"""

import itertools
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from tests.network.node_process import NodeProcess
from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.contract.orders import FundRequest, Purchase
from thingmarket.errors import code_name
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Autonomy, Mandate, SpendingLimit
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.identity.scopes import EVERYTHING
from thingmarket.ids import Key, PartyId, make_key
from thingmarket.limits import CLOCK_SKEW_MS, COMMAND_LIFE_MS, DAY_MS
from thingmarket.time import UnixMs
from thingmarket.v1 import audit_service_pb2, envelope_pb2, market_service_pb2, session_service_pb2
from thingmarket.wire import catalog, identity, trade
from thingmarket.wire.calls import prove_request, read_hello_response, read_prove_response
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.handshake import hello_message, proof_payload, read_challenge
from thingmarket.wire.refusals import DETAILS_KEY, read_refusal_status
from thingmarket.wire.signing import sign_command

HELLO: Final = "/thingmarket.v1.SessionService/Hello"
PROVE: Final = "/thingmarket.v1.SessionService/Prove"
SUBMIT: Final = "/thingmarket.v1.MarketService/Submit"
STATUS: Final = "/thingmarket.v1.AuditService/GetStatus"
HEALTH: Final = "/grpc.health.v1.Health/Check"
TOKEN_KEY: Final = "tm-token-bin"
CALL_S: Final = 20.0

Metadata = Sequence[tuple[str, str | bytes]]


def now_ms() -> UnixMs:
    return UnixMs(time.time_ns() // 1_000_000)


def new_key() -> Key:
    return make_key(now_ms(), secrets.token_bytes(10))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the gRPC status, and the message or the typed refusal."""

    status: grpc.StatusCode
    words: str
    messages: tuple[bytes, ...] = ()
    detail: envelope_pb2.RefusalDetail | None = None

    @property
    def code(self) -> int:
        """The number of the refusal; 0 for a yes, -1 for a gRPC status without a detail of ours."""
        if self.detail is not None:
            return self.detail.code
        return 0 if self.status is grpc.StatusCode.OK else -1

    @property
    def submitted(self) -> market_service_pb2.SubmitResponse:
        """The yes to a command."""
        assert self.status is grpc.StatusCode.OK, self
        return market_service_pb2.SubmitResponse.FromString(self.messages[0])

    def __str__(self) -> str:
        name = code_name(self.code) if self.code >= 0 else "no detail"
        return f"{self.status.name} {name}: {self.words}"


@dataclass(slots=True, kw_only=True)
class Session:
    """A party with its key and one open session; `sequence` gives the next number."""

    party: PartyId
    key: SigningKey
    leaf: bytes = b""
    session: bytes = bytes(16)
    token: bytes = field(default=b"", repr=False)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)


class RawClient:
    """Calls one node over plaintext; a refusal is an `Answer`, never an exception."""

    def __init__(self, node: NodeProcess, options: Sequence[tuple[str, Any]] = ()) -> None:
        self.node_id, self.network_id = node.node_id, node.network_id
        self._channel = grpc.insecure_channel(node.address, options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    # --- calls

    def call(
        self,
        method: str,
        request: bytes | Message,
        *,
        token: bytes = b"",
        metadata: Metadata = (),
        streaming: bool = False,
        compression: grpc.Compression | None = None,
    ) -> Answer:
        """Send bytes to a method; of a stream the first message is taken and the rest cancelled."""
        data = request if isinstance(request, bytes) else request.SerializeToString(deterministic=True)
        if token:
            metadata = (*metadata, (TOKEN_KEY, token))
        make: Any = self._channel.unary_stream if streaming else self._channel.unary_unary
        how = {"metadata": metadata, "timeout": CALL_S, "compression": compression}
        try:
            if not streaming:
                return Answer(grpc.StatusCode.OK, "", (make(method)(data, **how),))
            stream = make(method)(data, **how)
            first = tuple(itertools.islice(stream, 1))
            stream.cancel()
            return Answer(grpc.StatusCode.OK, "", first)
        except grpc.RpcError as error:
            return _refused(error)

    def status(self) -> audit_service_pb2.GetStatusResponse:
        """What the node is doing, roots included."""
        answered = self.call(STATUS, b"")
        assert answered.status is grpc.StatusCode.OK, answered
        return audit_service_pb2.GetStatusResponse.FromString(answered.messages[0])

    def is_serving(self, service: str = "") -> bool:
        """What the health service says."""
        answered = self.call(HEALTH, health_pb2.HealthCheckRequest(service=service))
        if answered.status is not grpc.StatusCode.OK:
            return False
        found = health_pb2.HealthCheckResponse.FromString(answered.messages[0])
        return found.status == health_pb2.HealthCheckResponse.SERVING

    # --- sessions

    def hello(self, party: PartyId, key_event: Signed | None = None) -> tuple[Hello, Signed]:
        """The node's signed challenge to a hello."""
        hello = Hello(
            network_id=self.network_id,
            node=self.node_id,
            party=party,
            nonce=secrets.token_bytes(32),
            key_event=key_event,
        )
        answered = self.call(HELLO, hello_message(hello))
        assert answered.status is grpc.StatusCode.OK, answered
        message = session_service_pb2.HelloResponse.FromString(answered.messages[0])
        return hello, read_hello_response(message)

    def open(self, party: PartyId, key: SigningKey, key_event: Signed | None = None) -> Session:
        """Do the handshake."""
        hello, challenge = self.hello(party, key_event)
        proof = answer(hello, read_challenge(challenge.payload), challenge.payload, plaintext=True)
        answered = self.call(PROVE, prove_request(sign(TypeId.PROOF, proof_payload(proof), key)))
        assert answered.status is grpc.StatusCode.OK, answered
        granted = read_prove_response(session_service_pb2.ProveResponse.FromString(answered.messages[0]))
        return Session(party=party, key=key, session=granted.session, token=granted.token)

    def again(self, session: Session) -> Session:
        """Another session of the same party."""
        return replace(self.open(session.party, session.key), leaf=session.leaf)

    # --- commands

    def header(self, session: Session, /, **changes: Any) -> Header:
        """A right header, but for `changes`."""
        time_ms = now_ms()
        right = Header(
            network_id=self.network_id,
            audience=self.node_id,
            sender=session.party,
            mandate_leaf=session.leaf,
            session=session.session,
            sequence=next(session.numbers),
            created_ms=time_ms,
            expires_ms=time_ms + COMMAND_LIFE_MS,
            nonce=secrets.token_bytes(12),
        )
        return replace(right, **changes)

    def command(
        self,
        session: Session,
        type_id: TypeId,
        body: bytes,
        /,
        *,
        key: SigningKey | None = None,
        approvals: tuple[Signed, ...] = (),
        **changes: Any,
    ) -> Signed:
        """A signed command with a right header but for `changes`, signed by `key` or else the sender's."""
        return sign_command(type_id, self.header(session, **changes), body, key or session.key, approvals)

    def submit(self, session: Session, command: Signed, **how: Any) -> Answer:
        """Hand over a command with the session's token."""
        request = market_service_pb2.SubmitRequest(command=signed_message(command))
        return self.call(SUBMIT, request, **{"token": session.token, **how})

    def send(self, session: Session, type_id: TypeId, body: bytes, /, **changes: Any) -> Answer:
        """Sign a body and hand it over."""
        return self.submit(session, self.command(session, type_id, body, **changes))

    def made(self, session: Session, type_id: TypeId, body: bytes) -> bytes:
        """Send a body that must not be refused; what was made."""
        return self.send(session, type_id, body).submitted.reference

    # --- parties

    def key_event(self, key: SigningKey, **changes: Any) -> Signed:
        """Event 0 of an owner."""
        draft = KeyEvent(
            role=Role.OWNER,
            network_id=self.network_id,
            identity_key=key.public,
            log_key=b"",
            tls_key=b"",
            created_ms=now_ms(),
            nonce=secrets.token_bytes(12),
            signed_bytes=b"",
        )
        return sign(TypeId.KEY_EVENT, identity.key_event_payload(replace(draft, **changes)), key)

    def owner(self, fund_minor: int = 0) -> Session:
        """A new owner, admitted and with money."""
        key = SigningKey.from_seed(secrets.token_bytes(32))
        event = self.key_event(key)
        session = self.open(party_id(event.payload), key, event)
        self.made(session, TypeId.ADMIT_PARTY, identity.admit_party_body(new_key(), event))
        if fund_minor:
            wish = FundRequest(key=new_key(), currency="EUR", amount_minor=fund_minor)
            self.made(session, TypeId.FUND_REQUEST, trade.fund_request_body(wish))
        return session

    def stranger(self) -> Session:
        """A thing that proved its key and has no mandate."""
        key = SigningKey.from_seed(secrets.token_bytes(32))
        return self.open(did.encode(key.public), key)

    def thing(self, owner: Session, **changes: Any) -> Session:
        """A new thing with a mandate that permits everything, but for `changes`."""
        session = self.stranger()
        body = identity.present_mandate_body(new_key(), [self.mandate(owner, session.party, **changes)])
        session.leaf = self.made(session, TypeId.PRESENT_MANDATE, body)
        return session

    def mandate(self, owner: Session, subject: PartyId, **changes: Any) -> Signed:
        """A root link."""
        draft = Mandate(
            network_id=self.network_id,
            mandate_id=secrets.token_bytes(16),
            issuer=owner.party,
            subject=subject,
            root_owner=owner.party,
            max_depth=2,
            not_before_ms=now_ms() - CLOCK_SKEW_MS,
            expires_ms=now_ms() + 100 * DAY_MS,
            autonomy=Autonomy.AUTONOMOUS,
            actions=tuple(Action),
            categories=EVERYTHING,
            counterparties=EVERYTHING,
            limits=(spending_limit(),),
            nodes=EVERYTHING,
            nonce=secrets.token_bytes(12),
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(replace(draft, **changes)), owner.key)


# --- bodies


def spending_limit(most_minor: int = 1_000_000_00) -> SpendingLimit:
    """The same limit everywhere, minor units."""
    return SpendingLimit(
        currency="EUR",
        per_item_minor=most_minor,
        per_order_minor=most_minor,
        per_day_minor=most_minor,
        total_minor=most_minor,
        cosign_above_minor=most_minor,
    )


def offer_body(**changes: Any) -> bytes:
    """Printer ink at 10.00 EUR net, 11.90 gross."""
    offer = Offer(
        key=new_key(),
        product_id="ink-black",
        title="Black ink",
        category="44103105",
        unit="C62",
        currency="EUR",
        price_minor=1_000,
        price_base_steps=1,
        tax_category="S",
        stock_steps=1_000_000,
        min_steps=1,
        max_steps=100,
        valid_until_ms=now_ms() + 30 * DAY_MS,
        fulfilment=FulfilmentKind.HUMAN,
        delivery_ms=2 * DAY_MS,
        inspection_ms=DAY_MS,
    )
    return catalog.publish_offer_body(replace(offer, **changes))


def purchase_body(offer: bytes, **changes: Any) -> bytes:
    """One piece of that ink."""
    purchase = Purchase(key=new_key(), offer=offer, quantity_steps=1, currency="EUR", total_minor=1_190)
    return trade.purchase_body(replace(purchase, **changes))


def _refused(error: Any) -> Answer:  # every RpcError of a call is a grpc.Call too
    details = [value for key, value in error.trailing_metadata() or () if key == DETAILS_KEY]
    detail = read_refusal_status(details[0]) if details else None
    assert len(details) <= 1 and (detail is not None) == bool(details), "one readable detail, or none"
    return Answer(error.code(), error.details() or "", detail=detail)
