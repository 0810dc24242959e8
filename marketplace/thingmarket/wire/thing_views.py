"""Views of things, and of devices that wait for their owners. [THG-10]"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.things import (
    NO_PROBATION,
    Assurance,
    Probation,
    ThingState,
)
from thingmarket.ids import PartyId
from thingmarket.limits import (
    DEVICES_SHOWN_MAX,
    SEARCH_RESULTS_MAX,
)
from thingmarket.policy.guards import NO_GUARDS, GuardRules
from thingmarket.policy.malfunctions import Severity
from thingmarket.v1 import thing_pb2 as pb
from thingmarket.wire.envelope import (
    read_signed,
    signed_message,
    signed_value,
)
from thingmarket.wire.strict import member
from thingmarket.wire.things import guards_message, guards_value, probation_message, probation_value

if TYPE_CHECKING:
    from thingmarket.market.records import DeviceRecord, ThingRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSeen:
    """A device that waits for its owner, as the node tells it."""

    device: PartyId
    model: str
    claim_commitment: bytes
    salt: bytes
    claim_by_ms: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingSeen:
    """A thing as its owner and itself read it; `handed` is a mandate that waits for it."""

    thing: PartyId
    owner: PartyId
    state: ThingState
    assurance: Assurance
    model: str
    kind: str
    since_ms: int
    since_seq: int
    cause: str
    barred: bool
    deliveries: int
    orders_of_day: int
    probation: Probation
    guards: GuardRules
    malfunctions: int
    component: str
    severity: Severity | None
    reported_ms: int
    handed: Signed | None
    seq: int


def thing_message(
    record: "ThingRecord", *, probation: Probation, guards: GuardRules, to_itself: bool
) -> pb.ThingView:
    """Write a thing for its owner, or for itself, to whom the mandate that waits is shown."""
    message = pb.ThingView(
        thing=record.thing,
        owner=record.owner,
        state=record.state.value,
        assurance=record.assurance,
        model=record.model,
        kind=record.kind,
        since_ms=record.since_ms,
        since_seq=record.since_seq,
        cause=record.cause,
        barred=record.barred,
        deliveries=record.deliveries,
        orders_of_day=record.orders_of_day,
        probation=None if record.probation_over else probation_message(probation),
        guards=None if guards == NO_GUARDS else guards_message(guards),
        malfunctions=record.malfunctions,
        component=record.component,
        severity=pb.Severity.ValueType(record.severity),
        reported_ms=record.reported_ms,
        seq=record.seq,
    )
    if to_itself and record.handed:
        message.handed.CopyFrom(signed_message(read_signed(record.handed)))
    return message


def factory_message(record: "DeviceRecord") -> pb.ThingView:
    """Write a device that nobody claimed yet, for itself."""
    return pb.ThingView(
        thing=record.device, state=ThingState.FACTORY.value, model=record.model, seq=record.seq
    )


def thing_value(message: pb.ThingView) -> ThingSeen:
    """Read a thing (BAD_FIELD)."""
    return ThingSeen(
        thing=PartyId(message.thing),
        owner=PartyId(message.owner),
        state=member(ThingState, message.state, "state"),
        assurance=member(Assurance, message.assurance, "assurance"),
        model=message.model,
        kind=message.kind,
        since_ms=message.since_ms,
        since_seq=message.since_seq,
        cause=message.cause,
        barred=message.barred,
        deliveries=message.deliveries,
        orders_of_day=message.orders_of_day,
        probation=probation_value(message.probation) if message.HasField("probation") else NO_PROBATION,
        guards=guards_value(message.guards),
        malfunctions=message.malfunctions,
        component=message.component,
        severity=member(Severity, message.severity, "severity") if message.severity else None,
        reported_ms=message.reported_ms,
        handed=signed_value(message.handed) if message.HasField("handed") else None,
        seq=message.seq,
    )


def things_value(message: pb.ListThingsResponse) -> tuple[tuple[ThingSeen, ...], bool]:
    """Read a page of things and whether there are more (TOO_LARGE)."""
    if len(message.things) > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.things)} things in one answer")
    return tuple(map(thing_value, message.things)), message.more


def devices_message(records: "Sequence[DeviceRecord]") -> pb.FindDevicesResponse:
    """Write devices that wait for their owners."""
    return pb.FindDevicesResponse(
        devices=[
            pb.DeviceView(
                device=one.device,
                model=one.model,
                claim_commitment=one.claim_commitment,
                salt=one.salt,
                claim_by_ms=one.claim_by_ms,
                tries=one.tries,
            )
            for one in records
        ]
    )


def devices_value(message: pb.FindDevicesResponse) -> tuple[DeviceSeen, ...]:
    """Read devices that wait for their owners (TOO_LARGE)."""
    if len(message.devices) > DEVICES_SHOWN_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.devices)} devices in one answer")
    return tuple(
        DeviceSeen(
            device=PartyId(one.device),
            model=one.model,
            claim_commitment=one.claim_commitment,
            salt=one.salt,
            claim_by_ms=one.claim_by_ms,
            tries=one.tries,
        )
        for one in message.devices
    )


def find_devices_request(tag: bytes) -> pb.FindDevicesRequest:
    """Ask for devices by the tag of a label."""
    return pb.FindDevicesRequest(tag=tag)


def thing_request(thing: str = "") -> pb.GetThingRequest:
    """Ask for one thing, or for the thing that asks."""
    return pb.GetThingRequest(thing=thing)


def things_request(after_seq: int = 0) -> pb.ListThingsRequest:
    """Ask for the things of the owner who asks."""
    return pb.ListThingsRequest(after_seq=after_seq)
