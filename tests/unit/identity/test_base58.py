from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.errors import Code, Refusal
from thingmarket.identity import base58

KNOWN = [
    (b"", ""),
    (b"\0", "1"),
    (b"\0\0\x01", "112"),
    (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (
        b"The quick brown fox jumps over the lazy dog.",
        "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
    ),
    (bytes.fromhex("0000287fb4cd"), "11233QC4"),
]


@mark.parametrize(("data", "text"), KNOWN)
def test_known_texts_are_written_and_read(data: bytes, text: str) -> None:
    assert base58.encode(data) == text
    assert base58.decode(text) == data


@given(st.binary(max_size=90))
def test_what_was_written_is_read_again(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.text(alphabet=base58.ALPHABET, max_size=128))
def test_every_accepted_text_is_the_only_text_of_its_bytes(text: str) -> None:
    assert base58.encode(base58.decode(text)) == text


@mark.parametrize("text", ["0", "O", "I", "l", " 2", "2\n", "2 ", "２", "+", "\ud800", "2\x00"])
def test_characters_outside_the_alphabet_are_refused(text: str) -> None:
    with raises(Refusal) as refused:
        base58.decode(text)
    assert refused.value.number == Code.BAD_ID


def test_a_long_text_is_refused_before_it_is_read() -> None:
    with raises(Refusal, match="longer than 128") as refused:
        base58.decode("0" * 1_000_000)  # its characters are wrong too, but were not looked at
    assert refused.value.number == Code.BAD_ID
    assert len(base58.decode("z" * 128)) == 94
