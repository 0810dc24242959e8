"""The signed envelope: exact bytes, a type that cannot be confused, and whose signatures."""

from enum import IntEnum, unique
from typing import Final, NamedTuple

from thingmarket.errors import Code, Refusal
from thingmarket.identity import keys
from thingmarket.identity.keys import SigningKey
from thingmarket.limits import SIGNATURES_MAX


@unique
class TypeId(IntEnum):
    """What a payload is; numbers and names are frozen, since the names stand in what is signed."""

    # documents: the payload is the message
    KEY_EVENT = 1
    MANDATE = 2
    APPROVAL = 3
    CHALLENGE = 4
    PROOF = 5
    NODE_TIME = 6
    # commands: the payload is a Command of header and body
    ADMIT_PARTY = 20
    PRESENT_MANDATE = 21
    REVOKE = 22
    PUBLISH_OFFER = 23
    WITHDRAW_OFFER = 24
    ANNOUNCE_NEED = 25
    WITHDRAW_NEED = 26
    PURCHASE = 27
    FULFIL = 28
    ACCEPT_DELIVERY = 29
    DEPOSIT = 30
    ERASE = 31
    FUND_REQUEST = 32
    REFUND = 44
    PUBLISH_RATE = 45
    CONVERT = 46
    OPEN_PROGRAMME = 47
    APPROVE = 33
    SET_PERSONA = 34
    REGISTER_DEVICE = 35
    CLAIM_THING = 36
    REGISTER_THING = 37
    SET_THING_STATE = 38
    SET_GUARDS = 39
    PROPOSE_CHOICE = 40
    GIVE_FEEDBACK = 41
    ASK_FACTS = 42
    ANSWER_FACTS = 43
    CANCEL = 48
    OPEN_STANDING_ORDER = 49
    END_STANDING_ORDER = 50
    REPORT_MALFUNCTION = 51
    ASK_FEEDBACK = 52
    LOWER_AUTONOMY = 54
    AGREE_TO_COSIGN = 55
    PLACE_ORDERS = 56
    OPEN_MARKET = 57
    SET_MARKET_STATE = 58
    DECLARE_GOODS = 59
    WITHDRAW_GOODS = 60


# Named tuples, which are made in half the time of a frozen dataclass: every command brings two of them.
class Signature(NamedTuple):
    """One Ed25519 signature of 64 bytes, and 8 bytes that say by which key."""

    key_hint: bytes
    signature: bytes


class Signed(NamedTuple):
    """Payload bytes exactly as they were signed; they are stored and verified, never made again."""

    type_id: int
    payload: bytes
    signatures: tuple[Signature, ...]


_TYPE_STRINGS: Final[dict[int, str]] = {
    type_id.value: f"application/vnd.thingmarket.{type_id.name.lower().replace('_', '-')}.v1+protobuf"
    for type_id in TypeId
}
# Everything of the pre-authentication encoding that does not depend on the payload.
_PREFIXES: Final[dict[int, bytes]] = {
    type_id: b"DSSEv1 %d %s " % (len(name), name.encode()) for type_id, name in _TYPE_STRINGS.items()
}


def type_string(type_id: int) -> str:
    """The media type that a signature of this type covers (WRONG_TYPE when there is none)."""
    name = _TYPE_STRINGS.get(type_id)
    if name is None:
        raise Refusal(Code.WRONG_TYPE, f"type {type_id} is not known")
    return name


def pae(type_string: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE v1: type and payload, each after its length in bytes."""
    name = type_string.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def signed_over(type_id: int, payload: bytes) -> bytes:
    """The exact bytes that a signature covers (WRONG_TYPE)."""
    prefix = _PREFIXES.get(type_id)
    if prefix is None:
        raise Refusal(Code.WRONG_TYPE, f"type {type_id} is not known")
    return b"%s%d %s" % (prefix, len(payload), payload)


def sign(type_id: int, payload: bytes, key: SigningKey) -> Signed:
    """Put `payload` into an envelope with one signature by `key`."""
    signature = key.sign(signed_over(type_id, payload))
    return Signed(type_id, payload, (Signature(keys.key_hint(key.public), signature),))


def verify(signed: Signed, public_key: bytes) -> None:
    """Return when `public_key` signed this payload as this type (BAD_SIGNATURE, WRONG_TYPE)."""
    if len(signed.signatures) > SIGNATURES_MAX:
        raise Refusal(Code.BAD_SIGNATURE, f"{len(signed.signatures)} signatures > {SIGNATURES_MAX}")
    message = signed_over(signed.type_id, signed.payload)
    hint = keys.key_hint(public_key)
    for candidate in signed.signatures:
        if candidate.key_hint == hint:
            # The first one decides: more of them would be free work that a stranger makes us do.
            if keys.verify(public_key, message, candidate.signature):
                return
            break
    raise Refusal(Code.BAD_SIGNATURE, "no valid signature by the key that must have signed")
