"""Lowering a thing's autonomy: the owner's word that works at once, until he signs a new mandate. [TRU-1]"""

from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import KEY_BYTES, PartyId, checked_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerAutonomy:
    """The owner lowers what a thing may do by itself."""

    key: bytes
    thing: PartyId
    autonomy: Autonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyCap:
    """The highest level of mandates that were valid at a moment, Unix milliseconds; later ones are free."""

    autonomy: Autonomy
    time_ms: int


def check_lower_autonomy(body: LowerAutonomy) -> None:
    """Refuse a wrong shape (BAD_ID), or a level that lowers nothing (BAD_FIELD)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    did.decode(body.thing)
    if body.autonomy is Autonomy.AUTONOMOUS:
        raise Refusal(Code.BAD_FIELD, "AUTONOMOUS is the highest level: it lowers nothing", "TRU-1")
