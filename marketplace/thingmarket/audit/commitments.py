"""Salted commitments: what the log keeps of data that must stay erasable."""

import hashlib
from typing import Final

from thingmarket.errors import Code, Refusal

SALT_BYTES: Final = 32


def commit(salt: bytes, data: bytes) -> bytes:
    """BLAKE2b-256 of `data` keyed with 32 random bytes; without the salt it tells nothing about the data."""
    if len(salt) != SALT_BYTES:  # a shorter key, or none, would leave a plain hash that can be guessed
        raise Refusal(Code.BAD_FIELD, f"salt has {len(salt)} bytes, not {SALT_BYTES}")
    return hashlib.blake2b(data, key=salt, digest_size=32).digest()
