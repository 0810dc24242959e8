import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.errors import Code, Refusal
from thingmarket.identity import envelope, keys
from thingmarket.identity.envelope import Signature, Signed, TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.limits import SIGNATURES_MAX

VECTOR = json.loads((Path(__file__).parents[2] / "vectors/dsse/pae.json").read_text())
KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
TYPES = list(TypeId)

# Frozen: a changed line would make every stored signature of that type worthless.
FROZEN = {
    1: "key-event",
    2: "mandate",
    3: "approval",
    4: "challenge",
    5: "proof",
    6: "node-time",
    20: "admit-party",
    21: "present-mandate",
    22: "revoke",
    23: "publish-offer",
    24: "withdraw-offer",
    25: "announce-need",
    26: "withdraw-need",
    27: "purchase",
    28: "fulfil",
    29: "accept-delivery",
    30: "deposit",
    31: "erase",
    32: "fund-request",
    33: "approve",
    34: "set-persona",
    35: "register-device",
    36: "claim-thing",
    37: "register-thing",
    38: "set-thing-state",
    39: "set-guards",
    40: "propose-choice",
    41: "give-feedback",
    42: "ask-facts",
    43: "answer-facts",
    44: "refund",
    45: "publish-rate",
    46: "convert",
    47: "open-programme",
    48: "cancel",
    49: "open-standing-order",
    50: "end-standing-order",
    51: "report-malfunction",
    52: "ask-feedback",
    54: "lower-autonomy",
    55: "agree-to-cosign",
    56: "place-orders",
    57: "open-market",
    58: "set-market-state",
    59: "declare-goods",
    60: "withdraw-goods",
}


def refusal_of(signed: Signed, public_key: bytes) -> int:
    with raises(Refusal) as refused:
        envelope.verify(signed, public_key)
    return refused.value.number


def test_the_table_of_types_is_frozen() -> None:  # [ID-10]
    assert {type_id.value: envelope.type_string(type_id) for type_id in TypeId} == {
        number: f"application/vnd.thingmarket.{name}.v1+protobuf" for number, name in FROZEN.items()
    }


@mark.parametrize("type_id", [0, 7, 19, 99, -1, 255, 2**64 - 1, 2**64 + 1])
def test_an_unknown_type_is_refused(type_id: int) -> None:
    for act in (
        lambda: envelope.type_string(type_id),
        lambda: envelope.signed_over(type_id, b""),
        lambda: envelope.sign(type_id, b"", KEY),
        lambda: envelope.verify(Signed(type_id, b"", ()), KEY.public),
    ):
        with raises(Refusal) as refused:
            act()
        assert refused.value.number == Code.WRONG_TYPE


def test_the_encoding_is_the_published_one() -> None:
    made = envelope.pae(VECTOR["payload_type"], VECTOR["payload"].encode())
    assert made == VECTOR["pae"].encode()


def test_lengths_are_those_of_bytes_not_of_characters() -> None:
    assert envelope.pae("\u00e9", "\u20ac".encode()) == "DSSEv1 2 \u00e9 3 \u20ac".encode()
    assert envelope.pae("", b"") == b"DSSEv1 0  0 "


@given(type_id=st.sampled_from(TYPES), payload=st.binary(max_size=300))
def test_the_fast_way_signs_the_same_bytes(type_id: TypeId, payload: bytes) -> None:
    assert envelope.signed_over(type_id, payload) == envelope.pae(envelope.type_string(type_id), payload)
    assert envelope.signed_over(type_id.value, payload) == envelope.signed_over(type_id, payload)


@given(
    one=st.tuples(st.text(max_size=12), st.binary(max_size=12)),
    two=st.tuples(st.text(max_size=12), st.binary(max_size=12)),
)
def test_two_messages_never_have_the_same_signed_bytes(
    one: tuple[str, bytes], two: tuple[str, bytes]
) -> None:
    assert (envelope.pae(*one) == envelope.pae(*two)) == (one == two)


@mark.parametrize("type_id", TYPES)
def test_what_was_signed_verifies_as_its_type(type_id: TypeId) -> None:
    signed = envelope.sign(type_id, b"payload", KEY)
    envelope.verify(signed, KEY.public)
    assert signed.signatures == (
        Signature(keys.key_hint(KEY.public), KEY.sign(envelope.signed_over(type_id, b"payload"))),
    )


@mark.parametrize("type_id", TYPES)
def test_a_signature_of_one_type_verifies_as_no_other(type_id: TypeId) -> None:  # [ID-10]
    signed = envelope.sign(type_id, b"payload", KEY)
    for other in TYPES:
        if other is not type_id:
            assert refusal_of(signed._replace(type_id=other), KEY.public) == Code.BAD_SIGNATURE


@given(payload=st.binary(min_size=1, max_size=80), data=st.data())
def test_a_payload_with_one_changed_bit_is_refused(payload: bytes, data: st.DataObject) -> None:
    signed = envelope.sign(TypeId.PURCHASE, payload, KEY)
    bit = data.draw(st.integers(0, len(payload) * 8 - 1))
    changed = bytearray(payload)
    changed[bit // 8] ^= 1 << bit % 8
    assert refusal_of(signed._replace(payload=bytes(changed)), KEY.public) == Code.BAD_SIGNATURE


def test_somebody_elses_signature_is_refused_even_under_my_hint() -> None:
    signed = envelope.sign(TypeId.MANDATE, b"mandate", OTHER)
    assert refusal_of(signed, KEY.public) == Code.BAD_SIGNATURE
    forged = Signature(keys.key_hint(KEY.public), signed.signatures[0].signature)
    assert refusal_of(signed._replace(signatures=(forged,)), KEY.public) == Code.BAD_SIGNATURE


def test_a_good_signature_under_another_hint_is_not_found() -> None:
    signed = envelope.sign(TypeId.MANDATE, b"mandate", KEY)
    hidden = Signature(keys.key_hint(OTHER.public), signed.signatures[0].signature)
    assert refusal_of(signed._replace(signatures=(hidden,)), KEY.public) == Code.BAD_SIGNATURE


def test_each_of_several_signers_is_found() -> None:
    mine, theirs = (envelope.sign(TypeId.APPROVAL, b"yes", key) for key in (KEY, OTHER))
    both = mine._replace(signatures=theirs.signatures + mine.signatures)
    envelope.verify(both, KEY.public)
    envelope.verify(both, OTHER.public)


def test_the_first_signature_under_a_hint_decides() -> None:  # [ID-5]
    good = envelope.sign(TypeId.APPROVAL, b"yes", KEY)
    bad = Signature(keys.key_hint(KEY.public), bytes(64))
    envelope.verify(good._replace(signatures=(*good.signatures, bad)), KEY.public)
    assert refusal_of(good._replace(signatures=(bad, *good.signatures)), KEY.public) == Code.BAD_SIGNATURE


def test_an_envelope_has_one_to_four_signatures() -> None:
    signed = envelope.sign(TypeId.APPROVAL, b"yes", KEY)
    strange = Signature(bytes(8), bytes(64))
    assert refusal_of(signed._replace(signatures=()), KEY.public) == Code.BAD_SIGNATURE
    full = (*[strange] * (SIGNATURES_MAX - 1), *signed.signatures)
    envelope.verify(signed._replace(signatures=full), KEY.public)
    assert (
        refusal_of(signed._replace(signatures=(*signed.signatures, *full)), KEY.public) == Code.BAD_SIGNATURE
    )


ANY_SIGNATURES = st.lists(
    st.builds(Signature, st.sampled_from([b"", keys.key_hint(KEY.public)]), st.binary(max_size=70)),
    max_size=6,
)


@given(payload=st.binary(max_size=40), signatures=ANY_SIGNATURES, public_key=st.binary(max_size=40))
def test_any_rubbish_is_refused(payload: bytes, signatures: list[Signature], public_key: bytes) -> None:
    signed = Signed(TypeId.PURCHASE, payload, tuple(signatures))
    assert refusal_of(signed, KEY.public) == Code.BAD_SIGNATURE
    assert refusal_of(signed, public_key) == Code.BAD_SIGNATURE
