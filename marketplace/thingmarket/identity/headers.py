"""The header of a signed command: one network, one node, one sender, one session, one moment."""

from dataclasses import dataclass

from thingmarket.ids import PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What binds one copy of a command; as it was read, the node's gate decides what it is worth. [ID-9]"""

    network_id: bytes  # 16 bytes
    audience: PartyId  # the node that may accept the command
    sender: PartyId
    mandate_leaf: bytes  # SHA-256 of the signed leaf, or empty when an owner or operator acts himself
    session: bytes  # public id, 16 bytes
    sequence: int  # from 1, each accepted once in its session
    created_ms: int
    expires_ms: int  # bounds arrival, never the life of what the command starts
    nonce: bytes  # 12 random bytes
