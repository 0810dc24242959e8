"""Hello, challenge, proof: how a caller and a node show each other their keys before the first command.

The transcript: the proof signs network, node, party and the SHA-256 of the challenge's payload; that
payload holds network, node, party, both nonces, the node's time and the hash of the node's certificate.
So the party's signature covers all of it, and a node in the middle cannot pass it on: it names one node.
"""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.parties import NETWORK_ID_BYTES
from thingmarket.ids import DIGEST_BYTES, PartyId, checked_bytes, digest
from thingmarket.time import checked_time

HANDSHAKE_NONCE_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A party asks one node for a challenge. [SES-1]"""

    network_id: bytes
    node: PartyId  # whom the caller means to talk to
    party: PartyId  # who the caller says he is
    nonce: bytes
    key_event: Signed | None = None  # event 0 of an owner whom the node may not know yet, unverified

    def __post_init__(self) -> None:
        """Refuse a wrong length (BAD_ID)."""
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.nonce, HANDSHAKE_NONCE_BYTES, "nonce")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The node's half of the transcript, signed by its identity key. [SES-1]"""

    network_id: bytes
    node: PartyId
    party: PartyId
    client_nonce: bytes
    node_nonce: bytes
    time_ms: int
    certificate_hash: bytes  # SHA-256 of the TLS certificate in DER; empty on plaintext

    def __post_init__(self) -> None:
        """Refuse a wrong length or time (BAD_ID, OUT_OF_RANGE)."""
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.client_nonce, HANDSHAKE_NONCE_BYTES, "client_nonce")
        checked_bytes(self.node_nonce, HANDSHAKE_NONCE_BYTES, "node_nonce")
        checked_time(self.time_ms, "time_ms")
        if self.certificate_hash:
            checked_bytes(self.certificate_hash, DIGEST_BYTES, "certificate_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The party's half of the transcript, signed by its key. [SES-2]"""

    network_id: bytes
    node: PartyId
    party: PartyId
    challenge_hash: bytes  # SHA-256 of the challenge's payload

    def __post_init__(self) -> None:
        """Refuse a wrong length (BAD_ID)."""
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.challenge_hash, DIGEST_BYTES, "challenge_hash")


def answer(hello: Hello, challenge: Challenge, payload: bytes, *, plaintext: bool) -> Proof:
    """What the party signs for a challenge, once it is the answer to his own hello (WRONG_TRANSCRIPT).

    `payload` is the challenge as the node signed it; the caller has verified that signature.
    """
    asked = (hello.network_id, hello.node, hello.party, hello.nonce)
    if asked != (challenge.network_id, challenge.node, challenge.party, challenge.client_nonce):
        raise Refusal(Code.WRONG_TRANSCRIPT, "the challenge answers somebody else's hello")
    # Who sees TLS at one end and none at the other does not talk to the node alone.
    if plaintext is bool(challenge.certificate_hash):
        raise Refusal(Code.WRONG_TRANSCRIPT, "caller and node disagree whether this connection has TLS")
    return Proof(
        network_id=hello.network_id, node=hello.node, party=hello.party, challenge_hash=digest(payload)
    )
