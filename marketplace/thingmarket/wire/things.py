"""Bodies about things and guards, and what is shown of a thing: messages to values and back. [THG-1]"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.things import (
    NO_PROBATION,
    Assurance,
    ClaimThing,
    Probation,
    RegisterDevice,
    RegisterThing,
    SetThingState,
    ThingOrder,
    ThingState,
    check_claim_thing,
    check_probation,
    check_register_device,
    check_register_thing,
    check_set_thing_state,
)
from thingmarket.ids import PartyId
from thingmarket.limits import (
    COMMAND_BYTES_MAX,
    DEVICES_SHOWN_MAX,
    MANDATE_LINK_BYTES_MAX,
    SEARCH_RESULTS_MAX,
)
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.policy.guards import (
    NO_GUARDS,
    GuardAction,
    GuardRules,
    PriceGuard,
    QuantityGuard,
    RateGuard,
    SetGuards,
    check_set_guards,
)
from thingmarket.policy.malfunctions import ReportMalfunction, Severity, check_report_malfunction
from thingmarket.v1 import thing_pb2 as pb
from thingmarket.wire.envelope import (
    fact_message,
    fact_value,
    read_signed,
    signed_bytes,
    signed_message,
    signed_value,
)
from thingmarket.wire.strict import parse

E = TypeVar("E", bound=IntEnum)


def read_register_device(body: bytes) -> RegisterDevice:
    """Read and check the first word of a device."""
    message = parse(pb.RegisterDevice, body, COMMAND_BYTES_MAX)
    value = RegisterDevice(
        key=message.key,
        model=message.model,
        serial_commitment=message.serial_commitment,
        claim_commitment=message.claim_commitment,
        salt=message.salt,
    )
    check_register_device(value)
    return value


def register_device_body(value: RegisterDevice) -> bytes:
    """Write the first word of a device."""
    return pb.RegisterDevice(
        key=value.key,
        model=value.model,
        serial_commitment=value.serial_commitment,
        claim_commitment=value.claim_commitment,
        salt=value.salt,
    ).SerializeToString(deterministic=True)


def read_claim_thing(body: bytes) -> ClaimThing:
    """Read and check a claim (TOO_LARGE for a mandate that no device could show)."""
    message = parse(pb.ClaimThing, body, COMMAND_BYTES_MAX)
    mandate = signed_bytes(signed_value(message.mandate)) if message.HasField("mandate") else b""
    if len(message.mandate.payload) > MANDATE_LINK_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"mandate: at most {MANDATE_LINK_BYTES_MAX} bytes", "THG-3")
    value = ClaimThing(key=message.key, thing=message.thing, code=message.code, mandate=mandate)
    check_claim_thing(value)
    return value


def claim_thing_body(value: ClaimThing) -> bytes:
    """Write a claim."""
    message = pb.ClaimThing(key=value.key, thing=value.thing, code=value.code)
    if value.mandate:
        message.mandate.CopyFrom(signed_message(read_signed(value.mandate)))
    return message.SerializeToString(deterministic=True)


def read_register_thing(body: bytes) -> RegisterThing:
    """Read and check what a thing says it is."""
    message = parse(pb.RegisterThing, body, COMMAND_BYTES_MAX)
    value = RegisterThing(key=message.key, kind=message.kind)
    check_register_thing(value)
    return value


def register_thing_body(value: RegisterThing) -> bytes:
    """Write what a thing says it is."""
    return pb.RegisterThing(key=value.key, kind=value.kind).SerializeToString(deterministic=True)


def read_set_thing_state(body: bytes) -> SetThingState:
    """Read and check a word on a thing."""
    message = parse(pb.SetThingState, body, COMMAND_BYTES_MAX)
    value = SetThingState(
        key=message.key,
        thing=message.thing,
        order=_member(ThingOrder, message.order, "order"),
        reason=message.reason,
        owner=message.owner,
    )
    check_set_thing_state(value)
    return value


def set_thing_state_body(value: SetThingState) -> bytes:
    """Write a word on a thing."""
    return pb.SetThingState(
        key=value.key,
        thing=value.thing,
        order=pb.ThingOrder.ValueType(value.order),
        reason=value.reason,
        owner=value.owner,
    ).SerializeToString(deterministic=True)


def read_report_malfunction(body: bytes) -> ReportMalfunction:
    """Read and check what is broken."""
    message = parse(pb.ReportMalfunction, body, COMMAND_BYTES_MAX)
    value = ReportMalfunction(
        key=message.key,
        thing=message.thing,
        component=message.component,
        severity=_member(Severity, message.severity, "severity"),
        facts=tuple(map(fact_value, message.facts)),
    )
    check_report_malfunction(value)
    return value


def report_malfunction_body(value: ReportMalfunction) -> bytes:
    """Write what is broken."""
    return pb.ReportMalfunction(
        key=value.key,
        thing=value.thing,
        component=value.component,
        severity=pb.Severity.ValueType(value.severity),
        facts=map(fact_message, value.facts),
    ).SerializeToString(deterministic=True)


def read_set_guards(body: bytes) -> SetGuards:
    """Read and check an owner's guards."""
    message = parse(pb.SetGuards, body, COMMAND_BYTES_MAX)
    if not message.HasField("guards"):
        raise Refusal(Code.BAD_FIELD, "guards are given, be it none", "GRD-4")
    value = SetGuards(key=message.key, thing=message.thing, guards=guards_value(message.guards))
    check_set_guards(value)
    return value


def set_guards_body(value: SetGuards) -> bytes:
    """Write an owner's guards."""
    message = pb.SetGuards(key=value.key, thing=value.thing, guards=guards_message(value.guards))
    return message.SerializeToString(deterministic=True)


def guards_value(message: pb.GuardRules) -> GuardRules:
    """Read guards (BAD_FIELD)."""
    rate, quantity, price = message.rate, message.quantity, message.price
    return GuardRules(
        rate=RateGuard(
            orders_max=rate.orders_max,
            window_ms=rate.window_ms,
            action=_member(GuardAction, rate.action, "rate.action"),
        )
        if message.HasField("rate")
        else None,
        quantity=QuantityGuard(
            times_usual_milli=quantity.times_usual_milli,
            history_min=quantity.history_min,
            action=_member(GuardAction, quantity.action, "quantity.action"),
        )
        if message.HasField("quantity")
        else None,
        price=PriceGuard(
            times_market_milli=price.times_market_milli,
            trades_min=price.trades_min,
            action=_member(GuardAction, price.action, "price.action"),
        )
        if message.HasField("price")
        else None,
    )


def guards_message(guards: GuardRules) -> pb.GuardRules:
    """Write guards."""
    message = pb.GuardRules()
    if (rate := guards.rate) is not None:
        action = pb.GuardAction.ValueType(rate.action)
        message.rate.CopyFrom(
            pb.RateGuard(orders_max=rate.orders_max, window_ms=rate.window_ms, action=action)
        )
    if (quantity := guards.quantity) is not None:
        message.quantity.CopyFrom(
            pb.QuantityGuard(
                times_usual_milli=quantity.times_usual_milli,
                history_min=quantity.history_min,
                action=pb.GuardAction.ValueType(quantity.action),
            )
        )
    if (price := guards.price) is not None:
        message.price.CopyFrom(
            pb.PriceGuard(
                times_market_milli=price.times_market_milli,
                trades_min=price.trades_min,
                action=pb.GuardAction.ValueType(price.action),
            )
        )
    return message


def probation_message(probation: Probation) -> pb.Probation | None:
    """Write a probation; none is not set."""
    if probation == NO_PROBATION:
        return None
    return pb.Probation(
        orders_per_day=probation.orders_per_day,
        order_minor=probation.order_minor,
        deliveries=probation.deliveries,
    )


def probation_value(message: pb.Probation) -> Probation:
    """Read a probation that is set (OUT_OF_RANGE)."""
    probation = Probation(
        orders_per_day=message.orders_per_day,
        order_minor=message.order_minor,
        deliveries=message.deliveries,
    )
    if probation == NO_PROBATION:
        raise Refusal(Code.OUT_OF_RANGE, "a probation that asks nothing is not set", "THG-8")
    check_probation(probation)
    return probation


# --- what is shown


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
    record: ThingRecord, *, probation: Probation, guards: GuardRules, to_itself: bool
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


def factory_message(record: DeviceRecord) -> pb.ThingView:
    """Write a device that nobody claimed yet, for itself."""
    return pb.ThingView(
        thing=record.device, state=ThingState.FACTORY.value, model=record.model, seq=record.seq
    )


def thing_value(message: pb.ThingView) -> ThingSeen:
    """Read a thing (BAD_FIELD)."""
    if message.state not in ThingState._value2member_map_:
        raise Refusal(Code.BAD_FIELD, f"state {message.state[:20]!r} of a thing is not known")
    return ThingSeen(
        thing=PartyId(message.thing),
        owner=PartyId(message.owner),
        state=ThingState(message.state),
        assurance=_member(Assurance, message.assurance, "assurance"),
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
        severity=_member(Severity, message.severity, "severity") if message.severity else None,
        reported_ms=message.reported_ms,
        handed=signed_value(message.handed) if message.HasField("handed") else None,
        seq=message.seq,
    )


def things_value(message: pb.ListThingsResponse) -> tuple[tuple[ThingSeen, ...], bool]:
    """Read a page of things and whether there are more (TOO_LARGE)."""
    if len(message.things) > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.things)} things in one answer")
    return tuple(map(thing_value, message.things)), message.more


def devices_message(records: Sequence[DeviceRecord]) -> pb.FindDevicesResponse:
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


def _member(kind: type[E], number: int, field: str) -> E:
    if number not in kind._value2member_map_:
        raise Refusal(Code.BAD_FIELD, f"{field}={number} is not known")
    return kind(number)
