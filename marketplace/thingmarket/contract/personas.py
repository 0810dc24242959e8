"""How an owner wants to be treated by one of his things: when to be asked, who, how long he needs. [PER-1]"""

from dataclasses import dataclass
from typing import Final

from thingmarket.contract.orders import COMMITMENT_BYTES, RetentionClass, SealedRef
from thingmarket.contract.quiet import quiet_spans
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.parties import checked_party_id, is_thing
from thingmarket.identity.scopes import check_ascending
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import KEY_BYTES, PartyId, checked_bytes
from thingmarket.limits import (
    APPROVAL_LATENCY_MS_MAX,
    APPROVERS_MAX,
    CANCEL_WINDOW_MS_MAX,
    QUIET_WINDOWS_MAX,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """An owner's wishes for one thing. They permit nothing: what is permitted stands in the mandate.

    `approvers` are asked first among those who may approve; none named: all of them. `approval_latency_ms` is
    how long an answer usually takes. `channels` commits to how to reach them, which stays in the vault.
    """

    approvers: tuple[PartyId, ...] = ()
    quiet: tuple[WeeklyWindow, ...] = ()
    approval_latency_ms: int = 0
    cancel_window_ms: int = 0
    channels: SealedRef | None = None


NO_PERSONA: Final = Persona()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPersona:
    """An owner's wishes for a thing, in place of those before; an empty persona takes them away."""

    key: bytes
    thing: str
    persona: Persona


def check_set_persona(body: SetPersona) -> None:
    """Refuse names, windows and times that are none (BAD_ID, BAD_FIELD, OUT_OF_RANGE, TOO_LARGE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    did.decode(PartyId(body.thing))
    persona = body.persona
    check_ascending(persona.approvers, "approvers", APPROVERS_MAX)
    for approver in persona.approvers:
        if is_thing(checked_party_id(approver)):
            raise Refusal(Code.BAD_ID, "approvers must name owners, not things", "PER-1")
    check_ascending(persona.quiet, "quiet", QUIET_WINDOWS_MAX)
    quiet_spans(persona.quiet)
    for value, most, field in (
        (persona.approval_latency_ms, APPROVAL_LATENCY_MS_MAX, "approval_latency_ms"),
        (persona.cancel_window_ms, CANCEL_WINDOW_MS_MAX, "cancel_window_ms"),
    ):
        if not 0 <= value <= most:
            raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not between 0 and {most}", "PER-1")
    if persona.channels is not None:
        checked_bytes(persona.channels.commitment, COMMITMENT_BYTES, "commitment")
        if persona.channels.retention is not RetentionClass.CONSENT:
            raise Refusal(Code.BAD_FIELD, "channels are erased when their owner asks: CONSENT", "PER-4")
