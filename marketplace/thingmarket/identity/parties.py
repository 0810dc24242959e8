"""Who takes part: things are their key, owners and nodes are the hash of their first key event."""

from dataclasses import dataclass
from enum import IntEnum, unique
from functools import lru_cache
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity import base58, did, keys
from thingmarket.ids import DIGEST_BYTES, PartyId, checked_bytes, digest
from thingmarket.limits import PARTY_IDS_CACHED
from thingmarket.time import checked_time

PARTY_PREFIX: Final = "tm:party:"
NETWORK_ID_BYTES: Final = 16
NONCE_BYTES: Final = 12
_MULTIHASH: Final = b"\x12\x20"  # sha2-256, 32 bytes
_MULTIBASE: Final = "z"


@unique
class Role(IntEnum):
    """What a party with a key event does in the market."""

    OWNER = 1
    NODE = 2
    ARBITER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvent:
    """Event 0 of a party: its role and its separate keys; the id is the hash of `signed_bytes`."""

    role: Role
    network_id: bytes
    identity_key: bytes
    log_key: bytes
    tls_key: bytes
    created_ms: int
    nonce: bytes
    signed_bytes: bytes

    def __post_init__(self) -> None:
        """Refuse a wrong shape (BAD_ID, BAD_FIELD, OUT_OF_RANGE); whether keys are weak is asked later."""
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.nonce, NONCE_BYTES, "nonce")
        checked_time(self.created_ms, "created_ms")
        checked_bytes(self.identity_key, keys.PUBLIC_KEY_BYTES, "identity_key")
        for field, key in (("log_key", self.log_key), ("tls_key", self.tls_key)):
            if key or self.role is Role.NODE:
                checked_bytes(key, keys.PUBLIC_KEY_BYTES, field)
        # One key for two purposes would let a signature of one stand for the other.
        if len(set(self.named_keys)) != len(self.named_keys):
            raise Refusal(Code.BAD_FIELD, "identity, log and tls keys must differ")

    @property
    def named_keys(self) -> tuple[bytes, ...]:
        """The keys that this event names, the identity key first."""
        return tuple(key for key in (self.identity_key, self.log_key, self.tls_key) if key)


@dataclass(frozen=True, slots=True)
class Party:
    """A party whose identity key passed the gate; a thing has no role."""

    id: PartyId
    public_key: bytes
    role: Role | None


def party_id(event0_payload: bytes) -> PartyId:
    """Derive the id of an owner, node or arbiter from the exact bytes of its first key event."""
    return _written(digest(event0_payload))


@lru_cache(maxsize=PARTY_IDS_CACHED)  # refusals are not kept, so strangers cannot fill it with rubbish
def checked_party_id(text: str) -> PartyId:
    """Accept the one spelling of a thing's did:key or of a `tm:party:` id (BAD_ID)."""
    if is_thing(text):
        did.decode(text)
        return PartyId(text)
    if not text.startswith(PARTY_PREFIX + _MULTIBASE):
        raise Refusal(Code.BAD_ID, "neither a did:key nor a tm:party id")
    event0_hash = base58.decode(text[len(PARTY_PREFIX) + 1 :])[len(_MULTIHASH) :]
    # Written again it must be the same text: that covers the kind of hash and the spelling.
    if len(event0_hash) != DIGEST_BYTES or _written(event0_hash) != text:
        raise Refusal(Code.BAD_ID, "a tm:party id must hold a sha2-256 multihash")
    return PartyId(text)


def _written(event0_hash: bytes) -> PartyId:
    """Write a SHA-256 as the id of a party."""
    return PartyId(PARTY_PREFIX + _MULTIBASE + base58.encode(_MULTIHASH + event0_hash))


def is_thing(party: str) -> bool:
    """Tell a thing (or its sub-agent) from a party with a key event."""
    return party.startswith(did.DID_PREFIX)


def known_party(card: PartyId | KeyEvent) -> Party:
    """Make a party known from its card: a did:key is its own, all others need event 0 (WEAK_KEY, BAD_ID).

    The caller has verified the signature of the event under its identity key.
    """
    if isinstance(card, KeyEvent):
        party, named = Party(party_id(card.signed_bytes), card.identity_key, card.role), card.named_keys
    elif is_thing(card):
        party = Party(card, did.decode(card), None)
        named = (party.public_key,)
    else:
        raise Refusal(Code.UNKNOWN_PARTY, "an owner or node is known by its first key event only")
    if not all(keys.admit(key) for key in named):
        raise Refusal(Code.WEAK_KEY, "a key is not a canonical point of prime order")
    return party


def known_key(card: PartyId | KeyEvent) -> bytes:
    """The identity key of a party, from its card (WEAK_KEY, BAD_ID, UNKNOWN_PARTY)."""
    return known_party(card).public_key
