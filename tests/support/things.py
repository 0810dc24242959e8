"""Devices, claims, guards and malfunctions, really signed, for a World."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

from tests.builders import Actor, World
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.things import (
    ClaimThing,
    RegisterDevice,
    RegisterThing,
    SetThingState,
    ThingOrder,
    ThingState,
    claim_commitment,
)
from thingmarket.ids import PartyId
from thingmarket.market.entries import Outcome
from thingmarket.market.records import ThingRecord
from thingmarket.policy.decision import Fact
from thingmarket.policy.guards import GuardRules, SetGuards
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.wire import things
from thingmarket.wire.envelope import signed_bytes

CODE = b"code on a label."


def device(world: World, name: str) -> Actor:
    """A device that left its factory: it has a key and nobody whom it belongs to."""
    key = SigningKey.from_seed(sha256(b"thing " + name.encode()).digest())
    party = did.encode(key.public)
    actor = Actor(id=party, key=key, owner=PartyId(""))
    world.actors[party] = actor
    return actor


def register_device(world: World, who: Actor, code: bytes = CODE, **changes: Any) -> Outcome:
    """The first thing that a device says."""
    salt = sha256(b"salt of " + who.id.encode() + world.key()).digest()
    body = RegisterDevice(
        key=world.key(),
        model="VM-1",
        serial_commitment=sha256(b"serial").digest(),
        claim_commitment=claim_commitment(salt, code),
        salt=salt,
    )
    body_bytes = things.register_device_body(replace(body, **changes))
    return world.send(who, TypeId.REGISTER_DEVICE, body_bytes, leaf=b"")


def claim(
    world: World, owner: Actor, thing: PartyId, code: bytes = CODE, mandate: Signed | None = None
) -> Outcome:
    """An owner claims a device."""
    body = ClaimThing(
        key=world.key(), thing=thing, code=code, mandate=signed_bytes(mandate) if mandate else b""
    )
    return world.send(owner, TypeId.CLAIM_THING, things.claim_thing_body(body))


def register(world: World, thing: Actor, kind: str = "vending machine") -> Outcome:
    """A mandated thing says what it is."""
    body = things.register_thing_body(RegisterThing(key=world.key(), kind=kind))
    return world.send(thing, TypeId.REGISTER_THING, body)


def order(
    world: World, who: Actor, thing: PartyId, what: ThingOrder, *, owner: str = "", reason: str = ""
) -> Outcome:
    """An owner's or the operator's word on a thing."""
    body = SetThingState(key=world.key(), thing=thing, order=what, reason=reason, owner=owner)
    return world.send(who, TypeId.SET_THING_STATE, things.set_thing_state_body(body))


def guard(world: World, owner: Actor, thing: PartyId, guards: GuardRules) -> Outcome:
    """An owner puts guards over a thing."""
    body = SetGuards(key=world.key(), thing=thing, guards=guards)
    return world.send(owner, TypeId.SET_GUARDS, things.set_guards_body(body))


def broken(
    world: World,
    who: Actor,
    thing: PartyId,
    severity: Severity = Severity.CRITICAL,
    facts: tuple[Fact, ...] = (),
) -> Outcome:
    """Somebody says that the compressor is broken."""
    body = ReportMalfunction(
        key=world.key(), thing=thing, component="compressor", severity=severity, facts=facts
    )
    return world.send(who, TypeId.REPORT_MALFUNCTION, things.report_malfunction_body(body))


def record_of(world: World, owner: Actor, thing: PartyId) -> ThingRecord:
    """A thing as the node has it."""
    return world.state.things[owner.id, thing]


def state_of(world: World, owner: Actor, thing: PartyId) -> ThingState:
    """How far a thing has come with an owner."""
    return record_of(world, owner, thing).state


def onboarded(world: World, owner: Actor, name: str, **permits: Any) -> Actor:
    """A device that walks all the way by its claim code."""
    bare = device(world, name)
    assert register_device(world, bare).code == 0
    assert claim(world, owner, bare.id).code == 0
    thing = world.present(replace(bare, owner=owner.id), world.mandate(owner, bare.id, **permits))
    assert register(world, thing).code == 0
    return thing
