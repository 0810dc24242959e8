from dataclasses import replace
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.errors import Code, Refusal
from thingmarket.identity import base58, did, parties
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Party, Role

IDENTITY, LOG, TLS = (SigningKey.from_seed(bytes([number]) * 32).public for number in (1, 2, 3))
MIXED_ORDER = bytes.fromhex("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d")
NODE = KeyEvent(
    role=Role.NODE,
    network_id=bytes(16),
    identity_key=IDENTITY,
    log_key=LOG,
    tls_key=TLS,
    created_ms=1_800_000_000_000,
    nonce=bytes(12),
    signed_bytes=b"event 0",
)
OWNER = replace(NODE, role=Role.OWNER, log_key=b"", tls_key=b"")
THING = did.encode(IDENTITY)
OWNER_ID = parties.party_id(b"event 0")


def refusal_of(**changes: Any) -> int:
    with raises(Refusal) as refused:
        replace(NODE, **changes)
    return refused.value.number


def test_a_party_is_the_multihash_of_its_first_event() -> None:  # [ID-2]
    assert parties.party_id(b"") == "tm:party:zQmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
    assert parties.party_id(b"event 0") == "tm:party:z" + base58.encode(
        b"\x12\x20" + sha256(b"event 0").digest()
    )


@given(st.binary(max_size=60))
def test_a_derived_id_is_accepted_as_it_is(payload: bytes) -> None:
    text = parties.party_id(payload)
    assert parties.checked_party_id(text) == text
    assert not parties.is_thing(text)
    assert len(text) == 56


@mark.parametrize("hashed", [bytes(32), b"\xff" * 32])
def test_the_smallest_and_largest_hashes_make_ids_of_one_length(hashed: bytes) -> None:
    text = "tm:party:z" + base58.encode(b"\x12\x20" + hashed)
    assert parties.checked_party_id(text) == text


@given(st.binary(min_size=32, max_size=32))
def test_a_did_key_is_a_thing(public_key: bytes) -> None:
    text = did.encode(public_key)
    assert parties.checked_party_id(text) == text
    assert parties.is_thing(text)


REFUSED = {
    "empty": "",
    "prefix": "tm:party:",
    "base only": "tm:party:z",
    "no base": OWNER_ID.replace(":z", ":"),
    "other base": OWNER_ID.replace(":z", ":Z"),
    "upper case": OWNER_ID.replace("tm:party", "TM:PARTY"),
    "sha1": "tm:party:z" + base58.encode(b"\x11\x14" + b"\xff" * 20),
    "sha3": "tm:party:z" + base58.encode(b"\x16\x20" + bytes(32)),
    "blake2b": "tm:party:z" + base58.encode(b"\xa0\xe4\x02\x20" + bytes(32)),
    "short hash": "tm:party:z" + base58.encode(b"\x12\x20" + b"\xff" * 31),
    "long hash": "tm:party:z" + base58.encode(b"\x12\x20" + bytes(33)),
    "wrong length byte": "tm:party:z" + base58.encode(b"\x12\x21" + bytes(32)),
    "leading one": OWNER_ID.replace(":z", ":z1"),
    "leading one, same length": OWNER_ID.replace(":z", ":z1")[:-1],
    "space before": " " + OWNER_ID,
    "space after": OWNER_ID + " ",
    "newline for last": OWNER_ID[:-1] + "\n",
    "letter outside": OWNER_ID[:-1] + "l",
    "look-alike": OWNER_ID.replace("p", "\u0440", 1),
    "surrogate": OWNER_ID[:-1] + "\ud800",
    "x25519": "did:key:z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW",
    "web": "did:web:example.com",
    "thing with space": THING + " ",
    "a million": "tm:party:z" + "Q" * 1_000_000,
}


@mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_other_texts_are_no_ids(text: str) -> None:  # [ID-2]
    for _ in range(2):  # a refusal is not remembered as anything else
        with raises(Refusal) as refused:
            parties.checked_party_id(text)
        assert refused.value.number == Code.BAD_ID


@given(st.text(alphabet=base58.ALPHABET, min_size=44, max_size=44))
def test_texts_that_look_like_parties_are_accepted_or_refused(tail: str) -> None:
    try:
        assert parties.checked_party_id("tm:party:zQm" + tail) == "tm:party:zQm" + tail
    except Refusal as refused:
        assert refused.number == Code.BAD_ID


@given(st.text(max_size=70))
def test_any_text_is_refused(text: str) -> None:
    for prefix in ("", "tm:party:", "tm:party:z", "did:key:z"):
        with raises(Refusal) as refused:
            parties.checked_party_id(prefix + text)
        assert refused.value.number == Code.BAD_ID


@mark.parametrize(
    "changes",
    [
        {"network_id": bytes(15)},
        {"network_id": b""},
        {"nonce": bytes(16)},
        {"identity_key": b""},
        {"identity_key": bytes(31)},
        {"log_key": b""},
        {"tls_key": b""},
        {"log_key": LOG + b"\0"},
        {"role": Role.OWNER, "tls_key": TLS[:31]},
        {"role": Role.ARBITER, "log_key": LOG[:31]},
    ],
)
def test_a_key_event_of_the_wrong_shape_is_refused(changes: dict[str, Any]) -> None:  # [ID-3]
    assert refusal_of(**changes) == Code.BAD_ID


@mark.parametrize("created_ms", [0, -1, 1_800_000_000, 2**62])
def test_a_key_event_from_a_broken_clock_is_refused(created_ms: int) -> None:
    assert refusal_of(created_ms=created_ms) == Code.OUT_OF_RANGE


@mark.parametrize("changes", [{"log_key": IDENTITY}, {"tls_key": IDENTITY}, {"tls_key": LOG}])
def test_one_key_does_not_serve_two_purposes(changes: dict[str, Any]) -> None:  # [ID-3]
    assert refusal_of(**changes) == Code.BAD_FIELD
    assert refusal_of(role=Role.OWNER, **changes) == Code.BAD_FIELD


def test_an_owner_needs_his_identity_key_only() -> None:
    assert OWNER.named_keys == (IDENTITY,)
    assert replace(OWNER, role=Role.ARBITER).named_keys == (IDENTITY,)
    assert NODE.named_keys == (IDENTITY, LOG, TLS)


def test_a_party_becomes_known_by_its_card() -> None:
    assert parties.known_party(NODE) == Party(OWNER_ID, IDENTITY, Role.NODE)
    assert parties.known_party(OWNER) == Party(OWNER_ID, IDENTITY, Role.OWNER)
    assert parties.known_party(THING) == Party(THING, IDENTITY, None)
    assert parties.known_key(THING) == parties.known_key(NODE) == IDENTITY


def test_an_owner_is_not_known_by_his_id_alone() -> None:
    with raises(Refusal) as refused:
        parties.known_key(OWNER_ID)
    assert refused.value.number == Code.UNKNOWN_PARTY


@mark.parametrize("purpose", ["identity_key", "log_key", "tls_key"])
@mark.parametrize("weak", [MIXED_ORDER, bytes(32), b"\xff" * 32])
def test_a_weak_key_of_any_purpose_keeps_a_party_unknown(purpose: str, weak: bytes) -> None:  # [ID-7]
    changes: dict[str, Any] = {purpose: weak}
    with raises(Refusal) as refused:
        parties.known_party(replace(NODE, **changes))
    assert refused.value.number == Code.WEAK_KEY


@mark.parametrize("weak", [MIXED_ORDER, bytes(32), b"\xff" * 32])
def test_a_thing_with_a_weak_key_stays_unknown(weak: bytes) -> None:
    with raises(Refusal) as refused:
        parties.known_party(did.encode(weak))
    assert refused.value.number == Code.WEAK_KEY
