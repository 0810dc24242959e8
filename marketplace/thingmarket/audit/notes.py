"""Checkpoints of the log as signed notes, in the text formats of C2SP."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.identity import keys
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import NetworkId, PartyId
from thingmarket.limits import INTEGER_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX

_ED25519: Final = b"\x01"  # signature type: Ed25519 over the note text
_KEY_ID_BYTES: Final = 4
_ROOT_BYTES: Final = 32
_DASH: Final = "\u2014"  # every signature line begins with an em dash
_SIZE_DIGITS_MAX: Final = len(str(INTEGER_MAX))


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A signer's name and public key, as a `vkey` holds them."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name that could not stand in a signature line (BAD_FIELD)."""
        if not _is_name(self.name):
            raise Refusal(Code.BAD_FIELD, "a note key's name is empty or holds a space, a plus or a control")
        if len(self.public_key) != keys.PUBLIC_KEY_BYTES:
            raise Refusal(Code.BAD_FIELD, f"a note key has {len(self.public_key)} bytes, not 32")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `name+keyid+base64` of an Ed25519 key (MALFORMED, BAD_FIELD)."""
        parts = vkey.split("+", 2)  # a name has no plus, base64 may
        if len(vkey) > NOTE_BYTES_MAX or len(parts) != 3:
            raise Refusal(Code.MALFORMED, "a vkey is name+keyid+key")
        name, key_id, encoded = parts
        material = _unbase64(encoded)
        if material[:1] != _ED25519:
            raise Refusal(Code.MALFORMED, "a vkey of another type than Ed25519")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise Refusal(Code.MALFORMED, "a vkey whose id does not belong to its key")
        return key

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that with the name say whose a signature is."""
        hashed = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(hashed).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The one-line text in which this key is handed to verifiers."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public_key)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one log: how many entries, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what no checkpoint text can hold (BAD_FIELD)."""
        if not _is_name(self.origin):
            raise Refusal(Code.BAD_FIELD, "an origin is empty or holds a space, a plus or a control")
        if not 0 <= self.size <= INTEGER_MAX:
            raise Refusal(Code.BAD_FIELD, f"size={self.size} is no number of entries")
        if len(self.root) != _ROOT_BYTES:
            raise Refusal(Code.BAD_FIELD, f"root has {len(self.root)} bytes, not {_ROOT_BYTES}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the three lines; extension lines are refused, nobody could audit them (MALFORMED)."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise Refusal(Code.MALFORMED, "a checkpoint is origin, size and root, one a line")
        origin, size, root, _ = lines
        plain = size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS_MAX
        if not plain or (size[0] == "0" and size != "0"):
            raise Refusal(Code.MALFORMED, "a checkpoint's size is not a plain decimal number")
        return cls(origin, int(size), _unbase64(root))

    @property
    def text(self) -> str:
        """The bytes that are signed, as text."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def log_origin(network_id: NetworkId, node_id: PartyId) -> str:
    """The name of a node's log, which is also the name under which its log key signs."""
    return f"thingmarket/{network_id.hex()}/{node_id}"


def sign_note(text: str, name: str, key: SigningKey) -> bytes:
    """Append a signature line by `key` under `name` to a text that ends in a newline."""
    _check_text(text)
    signer = NoteKey(name, key.public)
    signature = signer.key_id + key.sign(text.encode())
    return f"{text}\n{_DASH} {name} {_base64(signature)}\n".encode()


def open_note(note: bytes, vkey: str) -> str:
    """Return the text of a note that the key of `vkey` signed (MALFORMED, BAD_SIGNATURE).

    Lines of unknown signers are ignored; one bad line of the known one spoils the note.
    """
    signer = NoteKey.parse(vkey)
    text, lines = _split(note)
    message, key_id = text.encode(), signer.key_id
    found = False
    for line in lines:
        name, signature = _signature_line(line)
        if name == signer.name and signature.startswith(key_id):
            if not keys.verify(signer.public_key, message, signature[_KEY_ID_BYTES:]):
                raise Refusal(Code.BAD_SIGNATURE, "a note's signature by the known key is wrong")
            found = True
    if not found:
        raise Refusal(Code.BAD_SIGNATURE, "a note without a signature by the known key")
    return text


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Sign a checkpoint with the log key; the signer is named like the log."""
    return sign_note(checkpoint.text, checkpoint.origin, key)


def open_checkpoint(note: bytes, vkey: str) -> Checkpoint:
    """Read a checkpoint signed by the log that `vkey` names (MALFORMED, BAD_FIELD, BAD_SIGNATURE)."""
    checkpoint = Checkpoint.parse(open_note(note, vkey))
    if checkpoint.origin != vkey.partition("+")[0]:  # else a key of one log could speak for another
        raise Refusal(Code.BAD_FIELD, "a checkpoint of another log than its signer's")
    return checkpoint


def _split(note: bytes) -> tuple[str, list[str]]:
    """Part a note at its last empty line into its text and its signature lines."""
    if len(note) > NOTE_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"a note of {len(note)} bytes > {NOTE_BYTES_MAX}")
    try:
        text, separator, block = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Refusal(Code.MALFORMED, "a note is not valid UTF-8") from None
    lines = block.split("\n")
    if not separator or lines.pop() or not lines:
        raise Refusal(Code.MALFORMED, "a note is a text, an empty line and lines of signatures")
    if len(lines) > NOTE_SIGNATURES_MAX:
        raise Refusal(Code.TOO_LARGE, f"a note with {len(lines)} signatures > {NOTE_SIGNATURES_MAX}")
    text += "\n"
    _check_text(text)
    return text, lines


def _signature_line(line: str) -> tuple[str, bytes]:
    """Read `dash name base64(key id, signature)`."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH or not _is_name(parts[1]):
        raise Refusal(Code.MALFORMED, "a signature line is a dash, a name and base64")
    signature = _unbase64(parts[2])
    if len(signature) <= _KEY_ID_BYTES:
        raise Refusal(Code.MALFORMED, "a signature line without a signature")
    return parts[1], signature


def _check_text(text: str) -> None:
    """Refuse a text that is not whole lines, or holds a control character (MALFORMED)."""
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise Refusal(Code.MALFORMED, "a note is lines of text without control characters")


def _is_name(name: str) -> bool:
    """Tell whether `name` can stand between two spaces of a signature line and before a plus."""
    return bool(name) and not any(
        character.isspace() or character < " " or character == "+" or "\ud800" <= character <= "\udfff"
        for character in name  # the last range, lone surrogates, is what no UTF-8 can hold
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes:
    """Read standard base64 in its one canonical spelling (MALFORMED)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(Code.MALFORMED, "not base64") from None
    if _base64(data) != text:  # spare bits, else one signature could be written in several ways
        raise Refusal(Code.MALFORMED, "not canonical base64")
    return data
