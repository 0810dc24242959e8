import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.errors import Code, Refusal
from thingmarket.identity import base58, did
from thingmarket.identity.keys import SigningKey

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/did-key/ed25519-x25519-first-2.json").read_text())
GOOD = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"


def with_code(code: bytes, key: bytes) -> str:
    return "did:key:z" + base58.encode(code + key)


@mark.parametrize("text", VECTORS)
def test_published_ids_come_from_their_seeds(text: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(VECTORS[text]["seed"]))
    assert base58.encode(key.public) == VECTORS[text]["verificationKeyPair"]["publicKeyBase58"]
    assert did.encode(key.public) == text
    assert did.decode(text) == key.public


def test_the_published_list_is_there() -> None:
    assert len(VECTORS) == 2


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_its_key(public_key: bytes) -> None:  # [ID-1]
    text = did.encode(public_key)
    assert did.decode(text) == public_key
    assert len(text) == 56
    assert text.startswith("did:key:z6Mk")


@mark.parametrize("public_key", [bytes(32), b"\xff" * 32])
def test_the_smallest_and_largest_keys_have_ids_of_one_length(public_key: bytes) -> None:
    assert len(did.encode(public_key)) == 56


REFUSED = {
    "empty": "",
    "prefix only": "did:key:",
    "no key": "did:key:z",
    "x25519": VECTORS[GOOD]["keyAgreementKeyPair"]["id"].replace("#", "did:key:"),
    "x25519 code": with_code(b"\xec\x01", bytes(32)),
    "secp256k1": with_code(b"\xe7\x01", b"\x02" + bytes(32)),
    "p256": with_code(b"\x80\x24", b"\x02" + bytes(32)),
    "p256 published": "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
    "code not minimal": with_code(b"\xed\x81\x00", bytes(31)),
    "short key": with_code(b"\xed\x01", b"\xff" * 31),
    "long key": with_code(b"\xed\x01", bytes(33)),
    "no code": "did:key:z" + base58.encode(b"\xff" * 34),
    "leading one": GOOD.replace("z6Mk", "z16Mk"),
    "web": "did:web:example.com",
    "web of same length": "did:web:" + "example.com/a".ljust(48, "b"),
    "upper case method": GOOD.replace("did:key", "DID:KEY"),
    "upper case base": GOOD.replace("key:z", "key:Z"),
    "other base": GOOD.replace("key:z", "key:f"),
    "space before": " " + GOOD[:-1],
    "space before whole": " " + GOOD,
    "space after": GOOD + " ",
    "newline after": GOOD + "\n",
    "newline for last": GOOD[:-1] + "\n",
    "fragment": f"{GOOD}#{GOOD[8:]}",
    "query": GOOD + "?a",
    "without prefix": GOOD[8:],
    "letter outside": GOOD[:-1] + "0",
    "cyrillic o": GOOD.replace("ooWp", "\u043eoWp"),
    "wide letter": GOOD[:-1] + "\uff50",
    "surrogate": GOOD[:-1] + "\ud800",
    "zero": GOOD[:-1] + "\0",
    "party": "tm:party:z" + base58.encode(b"\x12\x20" + bytes(32)),
    "a million": "did:key:z" + "6" * 1_000_000,
}


@mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_id_of_an_ed25519_key_is_refused(text: str) -> None:  # [ID-1]
    with raises(Refusal) as refused:
        did.decode(text)
    assert refused.value.number == Code.BAD_ID


@given(
    st.text(alphabet=base58.ALPHABET, min_size=44, max_size=44), st.sampled_from(["6Mk", "6Mz", "6LS", "111"])
)
def test_any_accepted_id_is_the_one_spelling_of_its_key(tail: str, head: str) -> None:
    text = "did:key:z" + head + tail
    try:
        public_key = did.decode(text)
    except Refusal as refused:
        assert refused.number == Code.BAD_ID
    else:
        assert did.encode(public_key) == text


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with raises(Refusal):
        did.decode(text)
    with raises(Refusal):
        did.decode("did:key:" + text)
