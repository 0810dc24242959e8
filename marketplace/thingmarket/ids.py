"""Names of things, owners and what they make: how each is written, derived and checked."""

import hashlib
from typing import NewType

from thingmarket.errors import Code, Refusal
from thingmarket.limits import ID_CHARS_MAX
from thingmarket.time import UnixMs

PartyId = NewType("PartyId", str)
"""`did:key:z6Mk...` of a thing or `tm:party:z...` of an owner or node."""

Key = NewType("Key", bytes)
"""16-byte idempotency key made by the sender; its first 48 bits are Unix milliseconds."""

Digest = NewType("Digest", bytes)
"""SHA-256 of exact bytes: of a command's body, of a signed mandate link, of an offer's body."""

ContractId = NewType("ContractId", bytes)
"""16 bytes, derived from the log position of the entry that made the contract."""

NetworkId = NewType("NetworkId", bytes)
"""16 random bytes, one value per network."""

KEY_BYTES = 16
DIGEST_BYTES = 32
CONTRACT_ID_BYTES = 16
_ID_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-")


def digest(data: bytes) -> Digest:
    """SHA-256 of exact bytes."""
    return Digest(hashlib.sha256(data).digest())


def key_time_ms(key: Key) -> UnixMs:
    """The time that the maker of a key wrote into it."""
    return UnixMs(int.from_bytes(key[:6], "big"))


def make_key(time_ms: UnixMs, entropy: bytes) -> Key:
    """Build a key from a time and at least 10 random bytes."""
    assert len(entropy) >= 10, "a key needs ten random bytes"
    return Key(time_ms.to_bytes(6, "big") + entropy[:10])


def derived_id(time_ms: UnixMs, *parts: bytes) -> bytes:
    """Derive a 16-byte id from its cause, so that a replay makes the same one again. [LOG-6]"""
    name = hashlib.blake2b(digest_size=10, person=b"tm-derived-id")
    for part in parts:
        name.update(len(part).to_bytes(4, "big") + part)
    return time_ms.to_bytes(6, "big") + name.digest()


def checked_bytes(value: bytes, length: int, field: str) -> bytes:
    """Accept exactly `length` bytes (BAD_ID)."""
    if len(value) != length:
        raise Refusal(Code.BAD_ID, f"{field} has {len(value)} bytes, not {length}")
    return value


def checked_id(value: str, field: str) -> str:
    """Accept 1 to 128 characters of [A-Za-z0-9._:-]; look-alikes of other scripts are refused (BAD_ID)."""
    if not 1 <= len(value) <= ID_CHARS_MAX or not _ID_CHARS.issuperset(value):
        raise Refusal(Code.BAD_ID, f"{field} must be 1 to {ID_CHARS_MAX} characters of A-Z a-z 0-9 . _ : -")
    return value
