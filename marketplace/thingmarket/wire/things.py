"""Bodies about things and guards, and what is shown of a thing: messages to values and back. [THG-1]"""

from thingmarket.errors import Code, Refusal
from thingmarket.identity.things import (
    NO_PROBATION,
    ClaimThing,
    Probation,
    RegisterDevice,
    RegisterThing,
    SetThingState,
    ThingOrder,
    check_claim_thing,
    check_probation,
    check_register_device,
    check_register_thing,
    check_set_thing_state,
)
from thingmarket.limits import (
    COMMAND_BYTES_MAX,
    MANDATE_LINK_BYTES_MAX,
)
from thingmarket.policy.guards import (
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
from thingmarket.wire.strict import member, parse


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
        order=member(ThingOrder, message.order, "order"),
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
        severity=member(Severity, message.severity, "severity"),
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
            action=member(GuardAction, rate.action, "rate.action"),
        )
        if message.HasField("rate")
        else None,
        quantity=QuantityGuard(
            times_usual_milli=quantity.times_usual_milli,
            history_min=quantity.history_min,
            action=member(GuardAction, quantity.action, "quantity.action"),
        )
        if message.HasField("quantity")
        else None,
        price=PriceGuard(
            times_market_milli=price.times_market_milli,
            trades_min=price.trades_min,
            action=member(GuardAction, price.action, "price.action"),
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
