"""`did:key` ids of things: the id is the Ed25519 public key itself."""

from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity import base58
from thingmarket.identity.keys import PUBLIC_KEY_BYTES
from thingmarket.ids import PartyId

DID_PREFIX: Final = "did:key:"
_ED25519: Final = b"\xed\x01"  # the multicodec ed25519-pub as a varint
_MULTIBASE: Final = "z"


def encode(public_key: bytes) -> PartyId:
    """Write a public key of 32 bytes as the id of its thing."""
    assert len(public_key) == PUBLIC_KEY_BYTES, "an Ed25519 public key has 32 bytes"
    return PartyId(DID_PREFIX + _MULTIBASE + base58.encode(_ED25519 + public_key))


def decode(did: str) -> bytes:
    """Read the public key out of a thing's id; any other method, key type or spelling is BAD_ID."""
    if not did.startswith(DID_PREFIX + _MULTIBASE):
        raise Refusal(Code.BAD_ID, "not a did:key in base58")
    public_key = base58.decode(did[len(DID_PREFIX) + 1 :])[len(_ED25519) :]
    # Written again it must be the same text: that covers the key type and the spelling.
    if len(public_key) != PUBLIC_KEY_BYTES or encode(public_key) != did:
        raise Refusal(Code.BAD_ID, "a did:key of another key type than Ed25519")
    return public_key
