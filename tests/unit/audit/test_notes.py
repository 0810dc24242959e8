import json
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark, raises

from thingmarket.audit import notes
from thingmarket.audit.notes import Checkpoint, NoteKey
from thingmarket.errors import Code, Refusal
from thingmarket.identity import parties
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import NetworkId
from thingmarket.limits import INTEGER_MAX, NOTE_BYTES_MAX

VECTORS = Path(__file__).parents[2] / "vectors/c2sp-notes"
SIGNED = json.loads((VECTORS / "signed_note.json").read_text())
COSIGNED = json.loads((VECTORS / "checkpoint_cosigned.json").read_text())
# The example of the specification; its key ring is not published, so only its parts can be looked at.
KEY, OTHER = SigningKey.from_seed(bytes(range(32))), SigningKey.from_seed(bytes(32))
NAME = notes.log_origin(NetworkId(bytes(range(16))), parties.party_id(b"event 0"))
VKEY = NoteKey(NAME, KEY.public).vkey
CHECKPOINT = Checkpoint(NAME, 7, bytes(range(32)))


def refusal_of(note: bytes, vkey: str = VKEY) -> int:
    with raises(Refusal) as refused:
        notes.open_checkpoint(note, vkey)
    return refused.value.number


def line_of(name: str, key_id: bytes, signature: bytes) -> bytes:
    return f"\u2014 {name} {b64encode(key_id + signature).decode()}\n".encode()


def test_the_published_note_opens_with_its_key() -> None:
    text = notes.open_note(SIGNED["note"].encode(), SIGNED["vkey"])
    assert text == "This is an example message.\n"


def test_the_published_key_is_read_and_written_again() -> None:
    key = NoteKey.parse(SIGNED["vkey"])
    assert key.name == "example.com/foo"
    assert key.key_id.hex() == "530d903a"
    assert key.vkey == SIGNED["vkey"]


@given(st.integers(0, len(SIGNED["note"].encode()) * 8 - 1))
def test_the_published_note_with_one_changed_bit_does_not_open(bit: int) -> None:
    changed = bytearray(SIGNED["note"].encode())
    changed[bit // 8] ^= 1 << bit % 8
    with raises(Refusal):
        notes.open_note(bytes(changed), SIGNED["vkey"])


def test_the_published_checkpoint_is_read_past_its_cosignature() -> None:
    note = COSIGNED["checkpoint_with_cosignature"]
    text, _, _ = note.rpartition("\n\n")
    checkpoint = Checkpoint.parse(text + "\n")
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == text + "\n"
    assert COSIGNED["cosigned_message_example"].endswith(checkpoint.text)
    # Both lines are by keys that we do not know.
    stranger = NoteKey(checkpoint.origin, KEY.public).vkey
    assert refusal_of(note.encode(), stranger) == Code.BAD_SIGNATURE
    ours = notes.sign_note(checkpoint.text, checkpoint.origin, KEY).removeprefix(f"{text}\n\n".encode())
    assert notes.open_checkpoint(note.encode() + ours, stranger) == checkpoint


def test_a_signed_checkpoint_opens_with_the_key_of_its_log() -> None:
    note = notes.sign_checkpoint(CHECKPOINT, KEY)
    assert notes.open_checkpoint(note, VKEY) == CHECKPOINT
    assert len(note) < 512
    # The signature stands over the text alone, without the empty line.
    text, line = note.split(b"\n\n")
    assert text.decode() + "\n" == f"{NAME}\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert b64decode(line.split()[-1])[4:] == KEY.sign(text + b"\n")


def test_a_log_is_named_by_its_network_and_node() -> None:
    assert "thingmarket/000102030405060708090a0b0c0d0e0f/" + parties.party_id(b"event 0") == NAME


@given(st.integers(0, INTEGER_MAX), st.binary(min_size=32, max_size=32))
def test_any_checkpoint_is_read_as_it_was_signed(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(NAME, size, root)
    assert notes.open_checkpoint(notes.sign_checkpoint(checkpoint, KEY), VKEY) == checkpoint


def test_another_key_under_the_same_name_is_not_believed() -> None:
    assert refusal_of(notes.sign_checkpoint(CHECKPOINT, OTHER)) == Code.BAD_SIGNATURE


def test_the_same_key_under_another_name_is_not_believed() -> None:
    other = replace(CHECKPOINT, origin="elsewhere")
    assert refusal_of(notes.sign_checkpoint(other, KEY)) == Code.BAD_SIGNATURE
    # Its name in the line, but another log in the text.
    assert refusal_of(notes.sign_note(other.text, NAME, KEY)) == Code.BAD_FIELD


def test_one_bad_line_of_the_known_key_spoils_a_note() -> None:
    note, key = notes.sign_checkpoint(CHECKPOINT, KEY), NoteKey.parse(VKEY)
    bad = line_of(NAME, key.key_id, bytes(64))
    short = line_of(NAME, key.key_id, bytes(5))
    for line in (bad, short):
        assert refusal_of(note + line) == Code.BAD_SIGNATURE
        text, good = note.split(b"\n\n")
        assert refusal_of(text + b"\n\n" + line + good) == Code.BAD_SIGNATURE


def test_lines_of_unknown_signers_are_ignored() -> None:
    note, key = notes.sign_checkpoint(CHECKPOINT, KEY), NoteKey.parse(VKEY)
    same_name = line_of(NAME, b"\0\0\0\0", bytes(64))
    same_id = line_of("another", key.key_id, bytes(64))
    longer = line_of("post-quantum", b"\x01\x02\x03\x04", bytes(2_000))
    assert notes.open_checkpoint(note + same_name + same_id + longer, VKEY) == CHECKPOINT


def test_a_note_has_at_most_sixteen_signatures() -> None:
    note, strange = notes.sign_checkpoint(CHECKPOINT, KEY), line_of("witness", b"\0\0\0\0", bytes(72))
    assert notes.open_checkpoint(note + strange * 15, VKEY) == CHECKPOINT
    assert refusal_of(note + strange * 16) == Code.TOO_LARGE


def test_a_long_note_is_refused_before_it_is_read() -> None:
    assert refusal_of(b"\xff" * (NOTE_BYTES_MAX + 1)) == Code.TOO_LARGE


GOOD = notes.sign_checkpoint(CHECKPOINT, KEY)
MALFORMED = {
    "empty": b"",
    "no line": GOOD.split(b"\n\n")[0] + b"\n\n",
    "no empty line": GOOD.replace(b"\n\n", b"\n"),
    "empty line last": GOOD + b"\n",
    "no newline last": GOOD[:-1],
    "carriage returns": GOOD.replace(b"\n", b"\r\n"),
    "tab in text": b"\t" + GOOD,
    "zero in text": b"\0" + GOOD,
    "not utf-8": b"\xff" + GOOD,
    "hyphen for dash": GOOD.replace("\u2014".encode(), b"-"),
    "two spaces": GOOD.replace("\u2014 ".encode(), "\u2014  ".encode()),
    "space last": GOOD[:-1] + b" \n",
    "no name": GOOD.replace(b" thingmarket", b"  ").replace(b"  /", b" /", 1)[:-3] + b"\n",
    "plus in name": GOOD + line_of("a+b", b"\0\0\0\0", bytes(64)),
    "wide space in name": GOOD + line_of("a\u2003b", b"\0\0\0\0", bytes(64)),
    "no signature": GOOD + line_of("a", b"\0\0\0\0", b""),
    "not base64": GOOD + "\u2014 a AAAAAAA*\n".encode(),
    "url base64": GOOD + "\u2014 a AAAAAA-_AAAA\n".encode(),
    "no padding": GOOD + "\u2014 a AAAAAAA\n".encode(),
    "spare bits": GOOD + "\u2014 a AAAAAAB=\n".encode(),
    "not ascii": GOOD + "\u2014 a AAAA\u00e9AAA\n".encode(),
}


@mark.parametrize("note", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_a_note_is_refused(note: bytes) -> None:
    assert refusal_of(note) == Code.MALFORMED


ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BAD_TEXTS = {
    "no root": f"{NAME}\n7\n",
    "extension": f"{NAME}\n7\n{ROOT}\nmore\n",
    "empty extension": f"{NAME}\n7\n{ROOT}\n\n",
    "empty first": f"\n{NAME}\n7\n{ROOT}\n",
    "no size": f"{NAME}\n\n{ROOT}\n",
    "leading zero": f"{NAME}\n07\n{ROOT}\n",
    "two zeros": f"{NAME}\n00\n{ROOT}\n",
    "sign": f"{NAME}\n+7\n{ROOT}\n",
    "minus": f"{NAME}\n-7\n{ROOT}\n",
    "underscore": f"{NAME}\n1_0\n{ROOT}\n",
    "space": f"{NAME}\n 7\n{ROOT}\n",
    "hexadecimal": f"{NAME}\n0x7\n{ROOT}\n",
    "arabic digit": f"{NAME}\n\u0667\n{ROOT}\n",
    "superscript": f"{NAME}\n\u00b2\n{ROOT}\n",
    "million digits": f"{NAME}\n{'9' * 7000}\n{ROOT}\n",
    "root without padding": f"{NAME}\n7\n{ROOT[:-1]}\n",
    "root with spare bits": f"{NAME}\n7\n{ROOT[:-2]}9=\n",
    "root with space": f"{NAME}\n7\n{ROOT} \n",
}


@mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    assert refusal_of(notes.sign_note(text, NAME, KEY)) == Code.MALFORMED


@mark.parametrize(
    "text",
    [
        f"\n7\n{ROOT}\n",
        f"a b\n7\n{ROOT}\n",
        f"{NAME}\n{INTEGER_MAX + 1}\n{ROOT}\n",
        f"{NAME}\n7\n{ROOT[:40]}\n",
        f"{NAME}\n7\n\n",
    ],
)
def test_a_checkpoint_out_of_range_is_refused(text: str) -> None:
    with raises(Refusal) as refused:
        Checkpoint.parse(text)
    assert refused.value.number == Code.BAD_FIELD


def test_the_checkpoint_of_an_empty_log_has_size_zero() -> None:
    assert Checkpoint.parse(f"{NAME}\n0\n{ROOT}\n").size == 0


BAD_VKEYS = {
    "empty": "",
    "no parts": NAME,
    "no key": VKEY.rsplit("+", 1)[0],
    "wrong id": NoteKey(NAME, OTHER.public).vkey.split("+")[0] + "+00000000+" + VKEY.split("+", 2)[2],
    "upper case id": VKEY.replace(VKEY.split("+")[1], VKEY.split("+")[1].upper() + "A"),
    "cosigner": f"a+00000000+{b64encode(bytes([4]) + KEY.public).decode()}",
    "no type": f"a+00000000+{b64encode(b'').decode()}",
    "space after": VKEY + " ",
    "million": VKEY + "A" * 1_000_000,
}


@mark.parametrize("vkey", BAD_VKEYS.values(), ids=BAD_VKEYS)
def test_what_is_not_a_key_of_ours_is_refused(vkey: str) -> None:
    assert refusal_of(GOOD, vkey) == Code.MALFORMED


@mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00", "a\ud800"])
def test_a_name_that_no_line_can_hold_is_refused(name: str) -> None:
    with raises(Refusal) as refused:
        NoteKey(name, KEY.public)
    assert refused.value.number == Code.BAD_FIELD
    with raises(Refusal):
        Checkpoint(name, 0, bytes(32))


@mark.parametrize("length", [0, 31, 33])
def test_a_note_key_has_32_bytes(length: int) -> None:
    with raises(Refusal) as refused:
        NoteKey.parse(f"a+00000000+{b64encode(bytes([1]) + bytes(length)).decode()}")
    assert refused.value.number == Code.BAD_FIELD


@mark.parametrize("text", ["", "no newline", "a\tb\n", "a\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with raises(Refusal) as refused:
        notes.sign_note(text, NAME, KEY)
    assert refused.value.number == Code.MALFORMED


def test_a_text_may_hold_empty_lines_and_dashes() -> None:
    text = "\n\u2014 not a signature\n\nlast\n\n"
    assert notes.open_note(notes.sign_note(text, NAME, KEY), VKEY) == text


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(note: bytes) -> None:
    assert refusal_of(note) in (Code.MALFORMED, Code.BAD_SIGNATURE)
    assert refusal_of(GOOD + note) if note else True


@given(st.text(max_size=200))
def test_any_text_is_no_key(vkey: str) -> None:
    assert refusal_of(GOOD, vkey) in (Code.MALFORMED, Code.BAD_FIELD)
