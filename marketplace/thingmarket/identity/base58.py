"""Base58 in the Bitcoin alphabet, the text form of keys and hashes in ids."""

from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import ID_CHARS_MAX

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {character: digit for digit, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Write at most 128 bytes in base58; a leading zero byte is a leading `1`."""
    assert len(data) <= ID_CHARS_MAX, "only keys and hashes are written in base58"
    number = int.from_bytes(data, "big")
    characters = []
    while number:
        number, digit = divmod(number, 58)
        characters.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(characters))


def decode(text: str) -> bytes:
    """Read at most 128 characters of base58; every accepted text is the one text of its bytes (BAD_ID)."""
    # The length is looked at first: the work below grows with its square.
    if len(text) > ID_CHARS_MAX:
        raise Refusal(Code.BAD_ID, f"base58 text of {len(text)} characters is longer than {ID_CHARS_MAX}")
    number = 0
    for character in text:
        digit = _DIGITS.get(character)
        if digit is None:
            raise Refusal(Code.BAD_ID, "a character is not in the base58 alphabet")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
