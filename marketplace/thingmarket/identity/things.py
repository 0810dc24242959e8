"""The life of a thing at a node: from the factory to the scrapyard, as one table. [THG-1]"""

import hashlib
from dataclasses import dataclass
from enum import Enum, IntEnum, unique
from typing import Final

from thingmarket.catalog.labels import check_label
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.ids import KEY_BYTES, PartyId, checked_bytes
from thingmarket.limits import NAME_CHARS_MAX, REASON_CHARS_MAX
from thingmarket.transitions import Protocol, Role, Silence, Step

CLAIM_CODE_BYTES: Final = 16
COMMITMENT_BYTES: Final = 32
SALT_BYTES: Final = 32


class ThingState(Enum):
    """How far a thing has come with one owner at one node."""

    FACTORY = "FACTORY"
    CLAIMED = "CLAIMED"
    MANDATED = "MANDATED"
    REGISTERED = "REGISTERED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    QUARANTINED = "QUARANTINED"
    DECOMMISSIONED = "DECOMMISSIONED"


TRADING: Final = frozenset((ThingState.REGISTERED, ThingState.ACTIVE))
"""States in which a thing commits its owner to anything."""


@unique
class Assurance(IntEnum):
    """What stands behind the bond of a thing and its owner; higher levels come with attestations."""

    SELF_ASSERTED = 0  # the thing alone says so, by the mandate that it shows
    OWNER_BOUND = 1  # the owner knew the secret code of its label


@unique
class ThingOrder(IntEnum):
    """What an owner or the operator may say about a thing."""

    ACTIVATE = 1
    SUSPEND = 2
    RESUME = 3
    QUARANTINE = 4
    RELEASE = 5
    DECOMMISSION = 6


_S = ThingState

THINGS: Final = Protocol(
    "THG",
    start=_S.FACTORY,
    steps=(
        Step(_S.FACTORY, "Claim", Role.OWNER, _S.CLAIMED),
        Step(_S.FACTORY, "PresentMandate", Role.THING, _S.MANDATED),
        Step(_S.CLAIMED, "PresentMandate", Role.THING, _S.MANDATED),
        Step(_S.MANDATED, "Register", Role.THING, _S.REGISTERED),
        Step(_S.REGISTERED, "ProbationOver", Role.NODE, _S.ACTIVE),
        Step(_S.REGISTERED, "Activate", Role.OPERATOR, _S.ACTIVE),
        *(
            step
            for state in (_S.REGISTERED, _S.ACTIVE)
            for step in (
                Step(state, "Suspend", Role.OWNER, _S.SUSPENDED),
                Step(state, "Bar", Role.OPERATOR, _S.SUSPENDED),
                Step(state, "Quarantine", Role.OWNER, _S.QUARANTINED),
                Step(state, "Isolate", Role.OPERATOR, _S.QUARANTINED),
                Step(state, "GuardTripped", Role.NODE, _S.QUARANTINED),
                Step(state, "Malfunction", Role.NODE, _S.QUARANTINED),
            )
        ),
        # Back to REGISTERED: a thing whose probation is over becomes ACTIVE again in the same entry.
        Step(_S.SUSPENDED, "Resume", Role.OWNER, _S.REGISTERED),
        Step(_S.SUSPENDED, "Unbar", Role.OPERATOR, _S.REGISTERED),
        Step(_S.QUARANTINED, "Release", Role.OWNER, _S.REGISTERED),
        *(
            Step(state, "Decommission", Role.OWNER, _S.DECOMMISSIONED)
            for state in (_S.CLAIMED, _S.MANDATED, _S.REGISTERED, _S.ACTIVE, _S.SUSPENDED, _S.QUARANTINED)
        ),
    ),
    # Nobody waits for the other states: what a thing may do in them is bounded, not how long it stays.
    silences=(Silence(_S.FACTORY, "claim_by", _S.DECOMMISSIONED),),
    driven_by="its owner",
)

# The operator's own words for what the owner may say too: each ends what he himself began.
_OPERATORS_WORDS: Final = {
    ThingOrder.SUSPEND: "Bar",
    ThingOrder.RESUME: "Unbar",
    ThingOrder.QUARANTINE: "Isolate",
}


def message_of(order: ThingOrder, role: Role) -> str:
    """The message of the table that an order is, from the owner or from the operator."""
    owners_word = order.name.capitalize()
    return _OPERATORS_WORDS.get(order, owners_word) if role is Role.OPERATOR else owners_word


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """What a new thing may do at a node until it is ACTIVE; no deliveries asked for means no probation."""

    orders_per_day: int = 0
    order_minor: int = 0
    deliveries: int = 0


NO_PROBATION: Final = Probation()


def check_probation(probation: Probation) -> None:
    """Refuse a probation that lets nothing be done, or limits without an end (OUT_OF_RANGE)."""
    given = (probation.orders_per_day, probation.order_minor, probation.deliveries)
    if probation != NO_PROBATION and not all(1 <= number <= 2**53 - 1 for number in given):
        raise Refusal(Code.OUT_OF_RANGE, "a probation has all three numbers, each at least 1", "THG-8")


def claim_commitment(salt: bytes, code: bytes) -> bytes:
    """What the node is told of a claim code before it is used: BLAKE2b-256, keyed by the salt. [THG-3]"""
    return hashlib.blake2b(code, key=salt, digest_size=COMMITMENT_BYTES).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDevice:
    """The first thing that a device sends: its model, and commitments to its serial number and claim code."""

    key: bytes
    model: str
    serial_commitment: bytes
    claim_commitment: bytes
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimThing:
    """An owner binds a device by the code of its label, and may hand it a signed mandate with that."""

    key: bytes
    thing: str
    code: bytes
    mandate: bytes = b""  # a Signed link, as bytes; whether it is good is asked when the device shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterThing:
    """A claimed thing that has its mandate says what it is, and takes part from then on."""

    key: bytes
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetThingState:
    """An owner's or the operator's word on a thing; `owner` is named by the operator alone."""

    key: bytes
    thing: str
    order: ThingOrder
    reason: str = ""
    owner: str = ""


def check_register_device(body: RegisterDevice) -> None:
    """Refuse bytes of another length (BAD_ID) and a model that is no label (BAD_FIELD, CONFUSABLE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    check_label(body.model, NAME_CHARS_MAX, "model")
    checked_bytes(body.serial_commitment, COMMITMENT_BYTES, "serial_commitment")
    checked_bytes(body.claim_commitment, COMMITMENT_BYTES, "claim_commitment")
    checked_bytes(body.salt, SALT_BYTES, "salt")


def check_claim_thing(body: ClaimThing) -> None:
    """Refuse what is no thing's id and bytes of another length (BAD_ID)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    did.decode(PartyId(body.thing))
    checked_bytes(body.code, CLAIM_CODE_BYTES, "code")


def check_register_thing(body: RegisterThing) -> None:
    """Refuse a key of another length (BAD_ID) and a kind that is no label (BAD_FIELD, CONFUSABLE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    check_label(body.kind, NAME_CHARS_MAX, "kind")


def check_set_thing_state(body: SetThingState) -> None:
    """Refuse what is no thing's id (BAD_ID) and a reason that cannot be shown (TOO_LARGE, BAD_FIELD)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    did.decode(PartyId(body.thing))
    if len(body.reason) > REASON_CHARS_MAX:
        raise Refusal(Code.TOO_LARGE, f"reason has more than {REASON_CHARS_MAX} characters")
    if not body.reason.isprintable():
        raise Refusal(Code.BAD_FIELD, "reason must be printable text")
