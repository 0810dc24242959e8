"""The text on a device's label: a tag to find it by, its secret claim code, and a check character. [THG-3]

32 characters in groups of four. The check is a polynomial over GF(32) that is zero at a generator of
the field: any one wrong character and any two that changed places are found before anything is sent.
"""

import hashlib
from typing import Final, NamedTuple

from thingmarket.errors import Code, Refusal
from thingmarket.identity.things import CLAIM_CODE_BYTES

TAG_BYTES: Final = 3
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_READ_AS: Final = str.maketrans("ILO", "110", "- ")
_LENGTH: Final = 32
_DATA: Final = _LENGTH - 1
_PADDING_BITS: Final = 5 * _DATA - 8 * (TAG_BYTES + CLAIM_CODE_BYTES)
_GROUP: Final = 4
_REDUCED_BY: Final = 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


class ClaimLabel(NamedTuple):
    """What a label says: the first bytes of the hash of the device's id, and the claim code."""

    tag: bytes
    code: bytes


def device_tag(device: str) -> bytes:
    """The tag that finds a device among those that nobody claimed; a few devices may share one."""
    return hashlib.sha256(device.encode()).digest()[:TAG_BYTES]


def label_text(label: ClaimLabel) -> str:
    """Write a label in groups, as it is printed."""
    assert (len(label.tag), len(label.code)) == (TAG_BYTES, CLAIM_CODE_BYTES), "a tag and a code"
    number = int.from_bytes(label.tag + label.code, "big") << _PADDING_BITS
    digits = [number >> 5 * place & 31 for place in reversed(range(_DATA))]
    text = "".join(_ALPHABET[digit] for digit in (*digits, _times_x(_remainder(digits))))
    return "-".join(text[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def read_label(text: str) -> ClaimLabel:
    """Read what somebody typed from a label; says at once when a character is wrong (BAD_FIELD)."""
    typed = text.upper().translate(_READ_AS)
    if len(typed) != _LENGTH:
        raise Refusal(Code.BAD_FIELD, f"a claim code has {_LENGTH} characters, not {len(typed)}", "THG-3")
    digits = [_ALPHABET.find(char) for char in typed]
    if -1 in digits:
        wrong = typed[digits.index(-1)]
        raise Refusal(Code.BAD_FIELD, f"{wrong!r} stands in no claim code", "THG-3")
    number = 0
    for digit in digits[:-1]:
        number = number << 5 | digit
    if _remainder(digits) or number & ((1 << _PADDING_BITS) - 1):
        raise Refusal(Code.BAD_FIELD, "the claim code is mistyped; look at the label again", "THG-3")
    data = (number >> _PADDING_BITS).to_bytes(TAG_BYTES + CLAIM_CODE_BYTES, "big")
    return ClaimLabel(data[:TAG_BYTES], data[TAG_BYTES:])


def _times_x(element: int) -> int:
    """Multiply by the generator of GF(32)."""
    doubled = element << 1
    return doubled ^ _REDUCED_BY if doubled & 32 else doubled


def _remainder(digits: list[int]) -> int:
    """The polynomial with these coefficients, highest first, at the generator."""
    found = 0
    for digit in digits:
        found = _times_x(found) ^ digit
    return found
