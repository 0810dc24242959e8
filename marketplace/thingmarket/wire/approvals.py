"""Bodies of words about waiting orders and of personas: exact bytes to checked values and back. [COS-6]"""

from collections.abc import Iterable

from thingmarket.contract.approvals import AgreeToCosign, Approve, check_agree_to_cosign, check_approve
from thingmarket.contract.orders import SealedRef
from thingmarket.contract.personas import Persona, SetPersona, check_set_persona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import PartyId
from thingmarket.limits import COMMAND_BYTES_MAX, QUIET_WINDOWS_MAX
from thingmarket.v1 import approval_pb2 as pb
from thingmarket.v1 import identity_pb2, trade_pb2
from thingmarket.wire.strict import parse
from thingmarket.wire.trade import sealed_value


def read_approve(body: bytes) -> Approve:
    """Read and check a yes or no."""
    message = parse(pb.Approve, body, COMMAND_BYTES_MAX)
    word = Approve(
        key=message.key,
        pending=message.pending,
        body_digest=message.body_digest,
        approved=message.approved,
        reason=message.reason,
    )
    check_approve(word)
    return word


def approve_body(word: Approve) -> bytes:
    """Write the body of a yes or no."""
    return pb.Approve(
        key=word.key,
        pending=word.pending,
        body_digest=word.body_digest,
        approved=word.approved,
        reason=word.reason,
    ).SerializeToString(deterministic=True)


def read_agree_to_cosign(body: bytes) -> AgreeToCosign:
    """Read and check a party's agreement to be asked, or its end."""
    message = parse(pb.AgreeToCosign, body, COMMAND_BYTES_MAX)
    word = AgreeToCosign(key=message.key, owner=message.owner, agreed=message.agreed)
    check_agree_to_cosign(word)
    return word


def agree_to_cosign_body(word: AgreeToCosign) -> bytes:
    """Write the body of such an agreement, or of its end."""
    return pb.AgreeToCosign(key=word.key, owner=word.owner, agreed=word.agreed).SerializeToString(
        deterministic=True
    )


def read_set_persona(body: bytes) -> SetPersona:
    """Read and check an owner's wishes for a thing."""
    message = parse(pb.SetPersona, body, COMMAND_BYTES_MAX)
    persona = Persona(
        approvers=tuple(map(PartyId, message.approvers)),
        quiet=windows_value(message.quiet),
        approval_latency_ms=message.approval_latency_ms,
        cancel_window_ms=message.cancel_window_ms,
        channels=sealed_value(message.channels) if message.HasField("channels") else None,
    )
    wishes = SetPersona(key=message.key, thing=message.thing, persona=persona)
    check_set_persona(wishes)
    return wishes


def set_persona_body(wishes: SetPersona) -> bytes:
    """Write the body of an owner's wishes for a thing."""
    persona = wishes.persona
    return pb.SetPersona(
        key=wishes.key,
        thing=wishes.thing,
        approvers=persona.approvers,
        quiet=windows_message(persona.quiet),
        approval_latency_ms=persona.approval_latency_ms,
        cancel_window_ms=persona.cancel_window_ms,
        channels=None if persona.channels is None else _sealed_message(persona.channels),
    ).SerializeToString(deterministic=True)


def windows_value(messages: Iterable[identity_pb2.WeeklyWindow]) -> tuple[WeeklyWindow, ...]:
    """Read weekly windows (OUT_OF_RANGE, TOO_LARGE)."""
    found = tuple(messages)
    if len(found) > QUIET_WINDOWS_MAX:
        raise Refusal(Code.TOO_LARGE, f"quiet: {len(found)} windows; at most {QUIET_WINDOWS_MAX}")
    return tuple(
        WeeklyWindow(days_mask=one.days_mask, start_minute=one.start_minute, end_minute=one.end_minute)
        for one in found
    )


def windows_message(windows: Iterable[WeeklyWindow]) -> list[identity_pb2.WeeklyWindow]:
    """Write weekly windows."""
    return [
        identity_pb2.WeeklyWindow(
            days_mask=one.days_mask, start_minute=one.start_minute, end_minute=one.end_minute
        )
        for one in windows
    ]


def _sealed_message(sealed: SealedRef) -> trade_pb2.SealedRef:
    return trade_pb2.SealedRef(
        commitment=sealed.commitment, retention=trade_pb2.RetentionClass.ValueType(sealed.retention)
    )
