"""Bodies about things keep every field on the wire; a thing is shown to the right eyes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import World
from tests.support.things import claim, device, guard, register_device
from thingmarket.errors import Code, Refusal
from thingmarket.identity.claim_labels import device_tag
from thingmarket.identity.things import (
    NO_PROBATION,
    ClaimThing,
    Probation,
    RegisterDevice,
    RegisterThing,
    SetThingState,
    ThingOrder,
    ThingState,
)
from thingmarket.ids import PartyId
from thingmarket.market.indexes import Reader
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.thing_reads import guards_of, tagged_devices, thing_seen, things_of
from thingmarket.policy.decision import Fact
from thingmarket.policy.guards import (
    GuardAction,
    GuardRules,
    PriceGuard,
    QuantityGuard,
    RateGuard,
    SetGuards,
)
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.v1 import thing_pb2 as pb
from thingmarket.wire import thing_views, things
from thingmarket.wire.envelope import signed_bytes

KEY, BYTES = bytes(range(16)), bytes(range(32))
THING = device(World(), "wire").id
GUARDS = GuardRules(
    rate=RateGuard(orders_max=3, window_ms=60_000, action=GuardAction.QUARANTINE),
    quantity=QuantityGuard(times_usual_milli=1_500, history_min=2, action=GuardAction.ASK),
    price=PriceGuard(times_market_milli=1_300, trades_min=4, action=GuardAction.ASK),
)
REGISTRATION = RegisterDevice(
    key=KEY, model="VM-1", serial_commitment=BYTES, claim_commitment=BYTES, salt=BYTES
)
CASES: list[tuple[Any, Callable[[Any], bytes], Callable[[bytes], Any]]] = [
    (REGISTRATION, things.register_device_body, things.read_register_device),
    (
        ClaimThing(key=KEY, thing=THING, code=KEY),
        things.claim_thing_body,
        things.read_claim_thing,
    ),
    (RegisterThing(key=KEY, kind="fridge"), things.register_thing_body, things.read_register_thing),
    *(
        (
            SetThingState(key=KEY, thing=THING, order=order, reason="why", owner="tm:party:z"),
            things.set_thing_state_body,
            things.read_set_thing_state,
        )
        for order in ThingOrder
    ),
    (
        ReportMalfunction(
            key=KEY,
            thing=THING,
            component="door",
            severity=Severity.MINOR,
            facts=(Fact("opened", 7), Fact("error", "E42")),
        ),
        things.report_malfunction_body,
        things.read_report_malfunction,
    ),
    (SetGuards(key=KEY, thing=THING, guards=GUARDS), things.set_guards_body, things.read_set_guards),
    (SetGuards(key=KEY, thing=THING, guards=GuardRules()), things.set_guards_body, things.read_set_guards),
]


@pytest.mark.parametrize(("value", "write", "read"), CASES)
def test_every_field_survives_the_wire(
    value: Any, write: Callable[[Any], bytes], read: Callable[[bytes], Any]
) -> None:  # [THG-2] [THG-3] [THG-5] [THG-7] [THG-9] [GRD-4]
    assert read(write(value)) == value


BAD: list[tuple[Callable[[bytes], Any], bytes, Code]] = [
    (things.read_register_device, things.register_device_body(replace(REGISTRATION, salt=b"x")), Code.BAD_ID),
    (
        things.read_register_device,
        things.register_device_body(replace(REGISTRATION, model=" VM")),
        Code.BAD_FIELD,
    ),
    (
        things.read_claim_thing,
        pb.ClaimThing(key=KEY, thing="x", code=KEY).SerializeToString(),
        Code.BAD_ID,
    ),
    (things.read_claim_thing, pb.ClaimThing(key=KEY, thing=THING).SerializeToString(), Code.BAD_ID),
    (
        things.read_set_thing_state,
        pb.SetThingState(key=KEY, thing=THING).SerializeToString(),
        Code.BAD_FIELD,
    ),
    (
        things.read_set_thing_state,
        pb.SetThingState(
            key=KEY, thing=THING, order=pb.THING_ORDER_SUSPEND, reason="x" * 121
        ).SerializeToString(),
        Code.TOO_LARGE,
    ),
    (
        things.read_report_malfunction,
        pb.ReportMalfunction(
            key=KEY, thing=THING, component="a b", severity=pb.SEVERITY_MINOR
        ).SerializeToString(),
        Code.BAD_FIELD,
    ),
    (things.read_set_guards, pb.SetGuards(key=KEY, thing=THING).SerializeToString(), Code.BAD_FIELD),
    (
        things.read_set_guards,
        pb.SetGuards(
            key=KEY, thing=THING, guards=pb.GuardRules(rate=pb.RateGuard(orders_max=1, window_ms=1_000))
        ).SerializeToString(),
        Code.BAD_FIELD,
    ),
]


@pytest.mark.parametrize(("read", "body", "code"), BAD)
def test_a_body_that_breaks_its_own_rules_is_refused(
    read: Callable[[bytes], Any], body: bytes, code: Code
) -> None:  # [THG-2] [THG-3] [GRD-4]
    with pytest.raises(Refusal) as told:
        read(body)
    assert told.value.number == code


def test_half_a_probation_is_none() -> None:  # [THG-8]
    assert things.probation_message(NO_PROBATION) is None
    asked = Probation(orders_per_day=1, order_minor=2, deliveries=3)
    written = things.probation_message(asked)
    assert written is not None and things.probation_value(written) == asked
    for message in (pb.Probation(), pb.Probation(deliveries=1)):
        with pytest.raises(Refusal) as told:
            things.probation_value(message)
        assert told.value.number == Code.OUT_OF_RANGE


class Attic(World):
    """A device that nobody has claimed, and an owner with a guarded thing and a handed mandate."""

    def __init__(self) -> None:
        super().__init__(probation=Probation(orders_per_day=1, order_minor=1, deliveries=1))
        self.anna, self.bob = self.owner("anna"), self.owner("bob")
        self.fridge = self.thing("fridge", self.anna)
        assert guard(self, self.anna, self.fridge.id, GUARDS).code == 0
        self.lamp = device(self, "lamp")
        assert register_device(self, self.lamp).code == 0

    def shown(self, to: PartyId, thing: str = "") -> thing_views.ThingSeen:
        record = thing_seen(self.state, to, thing)
        if isinstance(record, DeviceRecord):
            return thing_views.thing_value(thing_views.factory_message(record))
        return thing_views.thing_value(self.message(record, to_itself=to == record.thing))

    def message(self, record: ThingRecord, *, to_itself: bool) -> pb.ThingView:
        return thing_views.thing_message(
            record,
            probation=self.state.probation,
            guards=guards_of(self.state, record),
            to_itself=to_itself,
        )


def test_a_thing_is_shown_to_its_owner_and_to_itself_alone() -> None:  # [THG-10]
    world = Attic()
    for reader in (world.anna.id, world.fridge.id):
        seen = world.shown(reader, world.fridge.id)
        assert (seen.state, seen.guards, seen.probation) == (
            ThingState.REGISTERED,
            GUARDS,
            world.state.probation,
        )
    for reader in (world.bob.id, world.lamp.id):
        with pytest.raises(Refusal) as told:
            world.shown(reader, world.fridge.id)
        assert told.value.number == Code.UNKNOWN_THING


def test_a_device_that_the_market_does_not_know_sees_itself_and_its_mandate_when_it_is_claimed() -> None:
    # [THG-3] [THG-10]
    world = Attic()
    assert world.shown(world.lamp.id).state is ThingState.FACTORY
    assert [one.device for one in tagged_devices(world.state, world.anna.id, device_tag(world.lamp.id))] == [
        world.lamp.id
    ]
    link = world.mandate(world.anna, world.lamp.id)
    assert claim(world, world.anna, world.lamp.id, mandate=link).code == 0
    to_itself, to_owner = world.shown(world.lamp.id), world.shown(world.anna.id, world.lamp.id)
    assert to_itself.state is to_owner.state is ThingState.CLAIMED
    assert to_itself.handed is not None and signed_bytes(to_itself.handed) == signed_bytes(link)
    assert to_owner.handed is None
    assert not tagged_devices(world.state, world.anna.id, device_tag(world.lamp.id))
    with pytest.raises(Refusal) as told:
        tagged_devices(world.state, world.fridge.id, b"tag")
    assert told.value.number == Code.NOT_PERMITTED


def test_things_are_listed_for_their_owner_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:  # [THG-10]
    world = Attic()
    others = [world.thing(f"other {n}", world.anna).id for n in range(2)]
    reader = Reader(world.anna.id, world.anna.id)
    assert [one.thing for one in things_of(world.state, reader)[0]] == [world.fridge.id, *others]
    monkeypatch.setattr("thingmarket.market.thing_reads.SEARCH_RESULTS_MAX", 2)
    page, more = things_of(world.state, reader)
    assert more and [one.thing for one in page] == [world.fridge.id, others[0]]
    rest, more = things_of(world.state, reader, page[-1].seq)
    assert not more and [one.thing for one in rest] == [others[1]]
    with pytest.raises(Refusal) as told:
        things_of(world.state, Reader(world.fridge.id, world.anna.id))
    assert told.value.number == Code.NOT_PERMITTED
