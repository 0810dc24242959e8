"""Node card, handshake, header: what caller and node show each other, messages to values and back."""

import base64
import binascii
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity import envelope, parties
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.handshake import Challenge, Hello, Proof
from thingmarket.identity.headers import Header
from thingmarket.identity.parties import Role, checked_party_id
from thingmarket.ids import PartyId
from thingmarket.limits import HANDSHAKE_BYTES_MAX, NODE_CARD_BYTES_MAX
from thingmarket.v1 import envelope_pb2, identity_pb2, session_service_pb2
from thingmarket.wire.envelope import signed_message, signed_value
from thingmarket.wire.identity import read_key_event
from thingmarket.wire.strict import parse

TOKEN_KEY: Final = "tm-token-bin"  # noqa: S105 - where a call carries its session's secret
CARD_PREFIX: Final = "thingmarket-node-card:v1:"
_CARD_CHARS_MAX: Final = len(CARD_PREFIX) + (NODE_CARD_BYTES_MAX * 4 + 2) // 3


def read_hello(message: session_service_pb2.HelloRequest) -> Hello:
    """Read a hello (BAD_ID, and what a bad envelope is refused for)."""
    return Hello(
        network_id=message.network_id,
        node=checked_party_id(message.node),
        party=checked_party_id(message.party),
        nonce=message.nonce,
        key_event=signed_value(message.key_event) if message.HasField("key_event") else None,
    )


def hello_message(hello: Hello) -> session_service_pb2.HelloRequest:
    """Write a hello."""
    return session_service_pb2.HelloRequest(
        party=hello.party,
        node=hello.node,
        network_id=hello.network_id,
        nonce=hello.nonce,
        key_event=None if hello.key_event is None else signed_message(hello.key_event),
    )


def challenge_payload(challenge: Challenge) -> bytes:
    """The bytes that the node signs; their SHA-256 names the challenge."""
    message = session_service_pb2.Challenge(
        network_id=challenge.network_id,
        node=challenge.node,
        party=challenge.party,
        client_nonce=challenge.client_nonce,
        node_nonce=challenge.node_nonce,
        time_ms=challenge.time_ms,
        certificate_hash=challenge.certificate_hash,
    )
    return message.SerializeToString(deterministic=True)


def read_challenge(payload: bytes) -> Challenge:
    """Read a signed challenge (MALFORMED, NOT_STRICT, TOO_LARGE, BAD_ID, OUT_OF_RANGE)."""
    message = parse(session_service_pb2.Challenge, payload, HANDSHAKE_BYTES_MAX)
    return Challenge(
        network_id=message.network_id,
        node=checked_party_id(message.node),
        party=checked_party_id(message.party),
        client_nonce=message.client_nonce,
        node_nonce=message.node_nonce,
        time_ms=message.time_ms,
        certificate_hash=message.certificate_hash,
    )


def proof_payload(proof: Proof) -> bytes:
    """The bytes that the party signs."""
    message = session_service_pb2.Proof(
        network_id=proof.network_id,
        node=proof.node,
        party=proof.party,
        challenge_hash=proof.challenge_hash,
    )
    return message.SerializeToString(deterministic=True)


def read_proof(payload: bytes) -> Proof:
    """Read a signed proof (MALFORMED, NOT_STRICT, TOO_LARGE, BAD_ID)."""
    message = parse(session_service_pb2.Proof, payload, HANDSHAKE_BYTES_MAX)
    return Proof(
        network_id=message.network_id,
        node=checked_party_id(message.node),
        party=checked_party_id(message.party),
        challenge_hash=message.challenge_hash,
    )


def read_header(message: envelope_pb2.Header) -> Header:
    """Read a header as it stands; the gate judges it against its session, the dear checks last."""
    return Header(
        network_id=message.network_id,
        # Compared with ids that were checked, never used on their own.
        audience=PartyId(message.audience),
        sender=PartyId(message.sender),
        mandate_leaf=message.mandate_leaf,
        session=message.session,
        sequence=message.sequence,
        created_ms=message.created_ms,
        expires_ms=message.expires_ms,
        nonce=message.nonce,
    )


def header_message(header: Header) -> envelope_pb2.Header:
    """Write a header."""
    return envelope_pb2.Header(
        network_id=header.network_id,
        audience=header.audience,
        sender=header.sender,
        mandate_leaf=header.mandate_leaf,
        session=header.session,
        sequence=header.sequence,
        created_ms=header.created_ms,
        expires_ms=header.expires_ms,
        nonce=header.nonce,
    )


def node_card(*, address: str, plaintext: bool, signed_key_event: envelope.Signed) -> NodeCard:
    """Make a card, its key event verified: a node's, signed by its identity key, no key weak. [ID-4]

    WRONG_TYPE, BAD_FIELD, BAD_SIGNATURE, WEAK_KEY, and what a bad key event is refused for.
    """
    if signed_key_event.type_id != TypeId.KEY_EVENT:
        raise Refusal(Code.WRONG_TYPE, "a node card holds a key event")
    key_event = read_key_event(signed_key_event.payload)
    if key_event.role is not Role.NODE:
        raise Refusal(Code.BAD_FIELD, "the key event of this card is not a node's")
    envelope.verify(signed_key_event, key_event.identity_key)
    return NodeCard(
        address=address,
        plaintext=plaintext,
        signed_key_event=signed_key_event,
        key_event=key_event,
        node_id=parties.known_party(key_event).id,
    )


def node_card_bytes(card: NodeCard) -> bytes:
    """Write a card."""
    message = identity_pb2.NodeCard(
        address=card.address, key_event=signed_message(card.signed_key_event), plaintext=card.plaintext
    )
    data = message.SerializeToString(deterministic=True)
    assert len(data) <= NODE_CARD_BYTES_MAX, "a key event and an address stay far below 1 KiB"
    return data


def read_node_card(data: bytes) -> NodeCard:
    """Read and verify a card (MALFORMED, NOT_STRICT, TOO_LARGE, and what `node_card` refuses)."""
    message = parse(identity_pb2.NodeCard, data, NODE_CARD_BYTES_MAX)
    return node_card(
        address=message.address, plaintext=message.plaintext, signed_key_event=signed_value(message.key_event)
    )


def node_card_text(card: NodeCard) -> str:
    """Write a card as one line of text, without its line end."""
    return CARD_PREFIX + base64.urlsafe_b64encode(node_card_bytes(card)).rstrip(b"=").decode("ascii")


def read_node_card_text(text: str) -> NodeCard:
    """Read and verify the text of a card; white space around it is nobody's fault (MALFORMED, ...)."""
    line = text.strip()
    if not line.startswith(CARD_PREFIX):
        raise Refusal(Code.MALFORMED, f"a node card begins with {CARD_PREFIX}")
    if len(line) > _CARD_CHARS_MAX:
        raise Refusal(Code.TOO_LARGE, f"a node card has at most {_CARD_CHARS_MAX} characters")
    body = line.removeprefix(CARD_PREFIX)
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(Code.MALFORMED, "a node card is base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != body:
        raise Refusal(Code.MALFORMED, "a node card is base64url without padding, in its one form")
    return read_node_card(data)
