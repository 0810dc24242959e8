"""Ed25519 keys with the semantics of libsodium, the only ones the protocol knows."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from thingmarket.ids import checked_bytes

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32
KEY_HINT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; comparing and printing look at the public half only."""

    public: bytes
    _secret: bytes = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Derive the key pair from 32 secret random bytes."""
        public, secret = crypto_sign_seed_keypair(checked_bytes(seed, SEED_BYTES, "seed"))
        return cls(public, secret)

    def sign(self, message: bytes) -> bytes:
        """Sign exact bytes; 64 bytes, always the same for the same message."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` over `message` is by `public_key`; no bytes make this raise."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (ValueError, BadSignatureError):  # PyNaCl answers some malformed input with ValueError
        return False
    return True


def admit(public_key: bytes) -> bool:
    """Tell whether a key may become known: canonical, of prime order, not small; 160 us, so once per key."""
    # Keys of mixed order let a signer craft signatures on which Ed25519 libraries disagree.
    return len(public_key) == PUBLIC_KEY_BYTES and crypto_core_ed25519_is_valid_point(public_key)


def key_hint(public_key: bytes) -> bytes:
    """The 8 bytes by which a signature says whose it is; found by it, never trusted for it."""
    return hashlib.sha256(public_key).digest()[:KEY_HINT_BYTES]
