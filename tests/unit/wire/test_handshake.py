"""Cards, handshakes and headers on the wire: what is written is read, and nothing else is."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket.identity import did, envelope, parties
from thingmarket.identity.cards import NodeCard, is_loopback
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.handshake import Challenge, Hello, Proof, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.ids import PartyId, digest
from thingmarket.limits import ADDRESS_CHARS_MAX, HANDSHAKE_BYTES_MAX, NODE_CARD_BYTES_MAX
from thingmarket.v1 import envelope_pb2, identity_pb2, session_service_pb2
from thingmarket.wire.handshake import (
    CARD_PREFIX,
    challenge_payload,
    header_message,
    hello_message,
    node_card,
    node_card_bytes,
    node_card_text,
    proof_payload,
    read_challenge,
    read_header,
    read_hello,
    read_node_card,
    read_node_card_text,
    read_proof,
)
from thingmarket.wire.identity import key_event_payload

NOW = 1_800_000_000_000
NETWORK = b"n" * 16
IDENTITY, LOG, TLS, THING = (SigningKey.from_seed(bytes([number]) * 32) for number in range(1, 5))
THING_ID = did.encode(THING.public)
SMALL_ORDER = b"\x01" + bytes(31)  # the neutral element: every message has a "signature" by it


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        act()
    return Code(caught.value.number)


def key_event(
    role: Role = Role.NODE, tls_key: bytes = TLS.public, identity: bytes = IDENTITY.public
) -> bytes:
    event = KeyEvent(
        role=role,
        network_id=NETWORK,
        identity_key=identity,
        log_key=LOG.public,
        tls_key=tls_key,
        created_ms=NOW,
        nonce=bytes(12),
        signed_bytes=b"",
    )
    return key_event_payload(event)


def signed_event(payload: bytes | None = None, by: SigningKey = IDENTITY) -> Signed:
    return envelope.sign(TypeId.KEY_EVENT, key_event() if payload is None else payload, by)


def card(address: str = "market.example:7443", *, plaintext: bool = False) -> NodeCard:
    return node_card(address=address, plaintext=plaintext, signed_key_event=signed_event())


CARD = card()
NODE = CARD.node_id
HELLO = Hello(network_id=NETWORK, node=NODE, party=THING_ID, nonce=b"h" * 32)
CHALLENGE = Challenge(
    network_id=NETWORK,
    node=NODE,
    party=THING_ID,
    client_nonce=HELLO.nonce,
    node_nonce=b"c" * 32,
    time_ms=NOW,
    certificate_hash=b"x" * 32,
)
PROOF = Proof(network_id=NETWORK, node=NODE, party=THING_ID, challenge_hash=digest(b"a challenge"))
HEADER = Header(
    network_id=NETWORK,
    audience=NODE,
    sender=THING_ID,
    mandate_leaf=b"",
    session=b"s" * 16,
    sequence=1,
    created_ms=NOW,
    expires_ms=NOW + 1,
    nonce=bytes(12),
)


# --- cards


def test_a_card_names_the_node_that_its_key_event_hashes_to() -> None:
    assert read_node_card(node_card_bytes(CARD)) == CARD
    assert CARD.node_id == parties.party_id(CARD.signed_key_event.payload)
    assert CARD.key_event.tls_key == TLS.public
    assert len(node_card_bytes(card("a" * 240 + ".example:65535"))) <= NODE_CARD_BYTES_MAX


def test_a_card_fits_one_line_of_text() -> None:
    text = node_card_text(CARD)
    assert text.startswith("thingmarket-node-card:v1:") and text.isascii() and not set(text) & set(" \n=+/")
    assert read_node_card_text(f"  {text}\n") == CARD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thingmarket-node-card:v2:AAAA",
        CARD_PREFIX,
        CARD_PREFIX + "A",
        CARD_PREFIX + "?",
        CARD_PREFIX + "\u00e9",
        node_card_text(CARD) + "=",
        node_card_text(CARD)[:-1] + "\n" + node_card_text(CARD)[-1],
        node_card_text(CARD)[:-4],
    ],
)
def test_a_damaged_text_is_no_card(text: str) -> None:
    assert refused(lambda: read_node_card_text(text)) in (Code.MALFORMED, Code.WRONG_TYPE, Code.NOT_STRICT)


def test_a_card_has_one_text() -> None:
    # The last character of base64 may hold bits that decoding drops.
    data = node_card_bytes(card("a" * 20 + ":1"))
    for size in range(3):
        text = base64.urlsafe_b64encode(data + bytes(size)).rstrip(b"=").decode()
        if len(text) % 4:
            other = text[:-1] + chr(ord(text[-1]) + 1)
            assert refused(lambda other=other: read_node_card_text(CARD_PREFIX + other)) is Code.MALFORMED  # type: ignore[misc]


def test_a_card_above_one_kilobyte_is_refused_unread() -> None:
    assert refused(lambda: read_node_card(bytes(NODE_CARD_BYTES_MAX + 1))) is Code.TOO_LARGE
    assert refused(lambda: read_node_card_text(CARD_PREFIX + "A" * 2_000)) is Code.TOO_LARGE


def test_a_card_signed_by_another_key_than_its_own_is_refused() -> None:
    forged = signed_event(by=LOG)
    assert (
        refused(lambda: node_card(address="a:1", plaintext=False, signed_key_event=forged))
        is Code.BAD_SIGNATURE
    )


def test_every_changed_byte_of_the_key_event_is_noticed() -> None:
    payload = CARD.signed_key_event.payload
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 0x01
        signed = CARD.signed_key_event._replace(payload=bytes(changed))
        with pytest.raises(Refusal):
            node_card(address="a:1", plaintext=False, signed_key_event=signed)


def test_only_a_node_has_a_node_card() -> None:
    owner = signed_event(key_event(Role.OWNER))
    assert (
        refused(lambda: node_card(address="a:1", plaintext=False, signed_key_event=owner)) is Code.BAD_FIELD
    )


def test_a_card_holds_a_key_event_and_no_other_document() -> None:
    other = envelope.sign(TypeId.CHALLENGE, key_event(), IDENTITY)
    assert (
        refused(lambda: node_card(address="a:1", plaintext=False, signed_key_event=other)) is Code.WRONG_TYPE
    )


def test_a_card_with_a_weak_key_is_refused() -> None:
    weak = signed_event(key_event(tls_key=SMALL_ORDER))
    assert refused(lambda: node_card(address="a:1", plaintext=False, signed_key_event=weak)) is Code.WEAK_KEY


def test_a_card_with_anything_besides_is_refused() -> None:
    assert refused(lambda: read_node_card(node_card_bytes(CARD) + b"\x20\x01")) is Code.NOT_STRICT
    assert refused(lambda: read_node_card(b"")) is Code.MALFORMED
    message = identity_pb2.NodeCard(address="a:1")
    assert refused(lambda: read_node_card(message.SerializeToString())) is Code.MALFORMED


LOOPBACK = [
    "127.0.0.1:1",
    "127.255.0.9:65535",
    "[::1]:7443",
    "[0:0:0:0:0:0:0:1]:1",
    "localhost:1",
    "unix:/run/tm",
]
ELSEWHERE = [
    "market.example:7443",
    "10.0.0.1:1",
    "128.0.0.1:1",
    "[::]:1",
    "[::2]:1",
    "[::ffff:127.0.0.1]:1",
    "0.0.0.0:1",
    "localhost.example:1",
    "127.0.0.1.example:1",
    "127.1:1",
    "0127.0.0.1:1",
    "[127.0.0.1]:1",
]
NO_ADDRESS = [
    "",
    "market.example",
    ":7443",
    "a:",
    "a:0",
    "a:65536",
    "a:999999",
    "a:-1",
    "a b:1",
    "a:1\n",
    "a:\u0661",
    "m\u0430rket.example:1",
    "::1:1",
    "http://a:1",
    "dns:///localhost:1",
    "ipv4:127.0.0.1:1",
    "unix:",
    "unix:a b",
    "a" * ADDRESS_CHARS_MAX + ":1",
]


@pytest.mark.parametrize("address", LOOPBACK)
def test_plaintext_is_for_loopback(address: str) -> None:
    assert is_loopback(address)
    assert card(address, plaintext=True).plaintext
    assert not card(address).plaintext


@pytest.mark.parametrize("address", ELSEWHERE)
def test_plaintext_elsewhere_is_refused(address: str) -> None:
    assert card(address).address == address
    assert refused(lambda: card(address, plaintext=True)) is Code.BAD_FIELD
    # and it is refused where a card is read, not only where it is made
    data = identity_pb2.NodeCard()
    data.ParseFromString(node_card_bytes(card(address)))
    data.plaintext = True
    assert refused(lambda: read_node_card(data.SerializeToString(deterministic=True))) is Code.BAD_FIELD


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert refused(lambda: card(address)) is Code.BAD_FIELD


# --- the handshake


def test_a_hello_is_read_as_it_was_said() -> None:
    for hello in (HELLO, replace(HELLO, key_event=signed_event())):
        assert read_hello(hello_message(hello)) == hello


@pytest.mark.parametrize(
    "change",
    [
        {"party": ""},
        {"party": "did:key:z6Mk"},
        {"party": THING_ID.replace("z6Mk", "z6M\u043a")},
        {"node": "node"},
        {"network_id": b""},
        {"nonce": bytes(31)},
    ],
)
def test_a_hello_with_a_bad_id_is_refused(change: dict[str, object]) -> None:
    fields = {"party": THING_ID, "node": NODE, "network_id": NETWORK, "nonce": bytes(32)} | change
    message = session_service_pb2.HelloRequest(**fields)  # type: ignore[arg-type]
    assert refused(lambda: read_hello(message)) is Code.BAD_ID


def test_challenge_and_proof_are_read_as_they_were_signed() -> None:
    for challenge in (CHALLENGE, replace(CHALLENGE, certificate_hash=b"")):
        assert read_challenge(challenge_payload(challenge)) == challenge
    assert read_proof(proof_payload(PROOF)) == PROOF


@pytest.mark.parametrize("payload", [challenge_payload(CHALLENGE), proof_payload(PROOF)])
def test_signed_handshakes_are_read_strictly(payload: bytes) -> None:
    read = read_challenge if payload == challenge_payload(CHALLENGE) else read_proof
    assert refused(lambda: read(payload + b"\x78\x01")) is Code.NOT_STRICT  # field 15 is unknown
    assert refused(lambda: read(payload + payload[:18])) is Code.NOT_STRICT  # network_id twice
    assert refused(lambda: read(payload[:-1])) is Code.MALFORMED
    assert refused(lambda: read(bytes(HANDSHAKE_BYTES_MAX + 1))) is Code.TOO_LARGE
    assert refused(lambda: read(b"")) is Code.BAD_ID


@pytest.mark.parametrize(
    "change",
    [{"client_nonce": b""}, {"node_nonce": bytes(33)}, {"certificate_hash": bytes(31)}, {"time_ms": 0}],
)
def test_a_challenge_of_a_wrong_shape_is_refused(change: dict[str, object]) -> None:
    message = session_service_pb2.Challenge()
    message.ParseFromString(challenge_payload(CHALLENGE))
    for field, value in change.items():
        setattr(message, field, value)
    payload = message.SerializeToString(deterministic=True)
    assert refused(lambda: read_challenge(payload)) in (Code.BAD_ID, Code.OUT_OF_RANGE)


def test_the_proof_covers_the_whole_transcript() -> None:
    proof = answer(HELLO, CHALLENGE, challenge_payload(CHALLENGE), plaintext=False)
    assert proof == replace(PROOF, challenge_hash=digest(challenge_payload(CHALLENGE)))
    for change in (
        {"node_nonce": b"d" * 32},
        {"time_ms": NOW + 1},
        {"certificate_hash": b"y" * 32},
    ):
        other = replace(CHALLENGE, **change)
        assert answer(HELLO, other, challenge_payload(other), plaintext=False) != proof


@pytest.mark.parametrize(
    "change",
    [
        {"network_id": b"m" * 16},
        {"node": THING_ID},
        {"party": NODE},
        {"client_nonce": b"i" * 32},
        {"certificate_hash": b""},
    ],
)
def test_a_challenge_that_answers_another_hello_is_not_signed(change: dict[str, object]) -> None:
    other = replace(CHALLENGE, **change)  # type: ignore[arg-type]
    payload = challenge_payload(other)
    assert refused(lambda: answer(HELLO, other, payload, plaintext=False)) is Code.WRONG_TRANSCRIPT


def test_caller_and_node_agree_whether_there_is_tls() -> None:
    bare = replace(CHALLENGE, certificate_hash=b"")
    answer(HELLO, bare, challenge_payload(bare), plaintext=True)
    payload = challenge_payload(CHALLENGE)
    assert refused(lambda: answer(HELLO, CHALLENGE, payload, plaintext=True)) is Code.WRONG_TRANSCRIPT


# --- headers


@given(
    st.builds(
        Header,
        network_id=st.binary(max_size=20),
        audience=st.text(max_size=20).map(PartyId),
        sender=st.text(max_size=20).map(PartyId),
        mandate_leaf=st.binary(max_size=40),
        session=st.binary(max_size=20),
        sequence=st.integers(0, 2**64 - 1),
        created_ms=st.integers(-(2**63), 2**63 - 1),
        expires_ms=st.integers(-(2**63), 2**63 - 1),
        nonce=st.binary(max_size=20),
    )
)
def test_a_header_is_read_as_it_was_written(header: Header) -> None:
    data = header_message(header).SerializeToString(deterministic=True)
    assert read_header(envelope_pb2.Header.FromString(data)) == header


def test_a_header_has_the_fields_of_its_message() -> None:
    assert {field.name for field in envelope_pb2.Header.DESCRIPTOR.fields} == set(Header.__slots__)
    assert read_header(header_message(HEADER)) == HEADER
