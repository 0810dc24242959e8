"""Owners, mandates and things: who is known, what ends, what is lowered, held, claimed."""

from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.commands import PresentMandate, Revoke
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import (
    ClaimThing,
    RegisterDevice,
    RegisterThing,
    SetThingState,
    ThingOrder,
    claim_commitment,
)
from thingmarket.ids import PartyId
from thingmarket.limits import CLAIM_LIFE_MS, CLAIM_TRIES_MAX
from thingmarket.market.entries import Command
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket_node.sim.oracle import buying
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.permits import GRANTED, REFUSED, owns
from thingmarket_node.sim.oracle.rows import Body, Device, Given

MISSED = "missed"
"""The verdict on a wrong claim code, which is counted."""

_HELD = {
    ThingOrder.SUSPEND: ("ACTIVE", "SUSPENDED"),
    ThingOrder.RESUME: ("SUSPENDED", "ACTIVE"),
    ThingOrder.QUARANTINE: ("ACTIVE", "QUARANTINED"),
    ThingOrder.RELEASE: ("QUARANTINED", "ACTIVE"),
}

# --- mandates


def may_present(memory: Memory, command: Command, body: PresentMandate, now_ms: int) -> str:
    """Whether a chain is taken: of a known owner, alive, and not of a thing that is another's or scrapped."""
    given = Given(body.mandates)
    owner, not_before_ms = given.owner, max(link.not_before_ms for link in given.chain)
    good = (
        owner in memory.owners
        and given.chain[-1].subject == command.header.sender
        and given.leaf not in memory.mandates
        and given.expires_ms > now_ms
        and not any((owner, link) in memory.revoked_links for link in given.links)
        and not any(memory.revoked_ms.get((owner, link.subject), -1) >= not_before_ms for link in given.chain)
        and memory.claimed.get(given.thing, owner) == owner
        and ((owner, given.thing) not in memory.things or owns(memory, owner, given.thing))
    )
    return GRANTED if good else REFUSED


def present(memory: Memory, body: PresentMandate) -> None:
    """A chain is known; a thing that nobody claimed takes part at once, a claimed one registers first."""
    given = Given(body.mandates)
    memory.mandates[given.leaf] = given
    name = given.owner, given.thing
    thing = memory.things.get(name)
    if thing is None:
        memory.devices.pop(given.thing, None)
        memory.things[name] = Body("ACTIVE")
    elif thing.state == "CLAIMED":
        thing.state = "MANDATED"


def revoke(memory: Memory, owner: PartyId, body: Revoke, now_ms: int) -> None:
    """Every chain that holds the link or the thing ends."""
    if body.mandate is not None:
        memory.revoked_links.add((owner, body.mandate))
    elif body.subject is not None:
        memory.revoked_ms[owner, body.subject] = now_ms
    for given in memory.mandates.values():
        named = body.mandate in given.links or body.subject in [link.subject for link in given.chain]
        if given.owner == owner and named:
            end(memory, given, "WITHDRAWN")


def end(memory: Memory, given: Given, then: str) -> None:
    """A chain ends: what waits under it comes to nothing, its offers and standing orders end."""
    if not given.alive:
        return
    given.alive = False
    for asked in memory.waiting.values():
        if asked.given is given:
            buying.end(memory, asked, then)
    for listed in memory.offers.values():
        if listed.leaf == given.leaf and listed.state == "LIVE":
            listed.state = "WITHDRAWN"
    for standing in memory.standing.values():
        if standing.leaf == given.leaf:
            standing.state = "ENDED"


def lower(memory: Memory, owner: PartyId, body: LowerAutonomy, now_ms: int) -> None:
    """A thing and those below it are lowered; a milder word does not raise them again."""
    below = [
        given
        for given in memory.mandates.values()
        if given.alive and given.owner == owner and any(link.subject == body.thing for link in given.chain)
    ]
    level, before = body.autonomy, memory.caps.get((owner, body.thing))
    if before is not None and any(
        max(link.not_before_ms for link in given.chain) <= before[1] for given in below
    ):
        level = min(level, before[0])
    memory.caps[owner, body.thing] = (Autonomy(level), now_ms)
    if level is not Autonomy.ANNOUNCER:
        return
    leaves = {given.leaf for given in below}
    for listed in memory.offers.values():
        if listed.leaf in leaves and listed.state == "LIVE":
            listed.state = "WITHDRAWN"


# --- things


def may_register_device(memory: Memory, body: RegisterDevice, sender: PartyId) -> str | None:
    """A device that has no owner waits for one; of one that had an owner the oracle has no opinion."""
    states = [thing.state for (_, name), thing in memory.things.items() if name == sender]
    if not states:
        return GRANTED
    return None if all(state == "DECOMMISSIONED" for state in states) else REFUSED


def register_device(memory: Memory, body: RegisterDevice, sender: PartyId, now_ms: int) -> None:
    """It waits."""
    memory.devices[sender] = Device(body, now_ms + CLAIM_LIFE_MS)


def may_claim(memory: Memory, body: ClaimThing, owner: PartyId) -> str:
    """Who knows the code has the thing; a wrong one is counted, and five are too many."""
    device = memory.devices.get(PartyId(body.thing))
    if owner not in memory.owners or device is None or device.tries >= CLAIM_TRIES_MAX:
        return REFUSED
    if claim_commitment(device.said.salt, body.code) != device.said.claim_commitment:
        return MISSED
    return REFUSED if (owner, PartyId(body.thing)) in memory.things else GRANTED


def claim(memory: Memory, body: ClaimThing, owner: PartyId) -> None:
    """A device has an owner, and waits for its mandate."""
    thing = PartyId(body.thing)
    del memory.devices[thing]
    memory.things[owner, thing] = Body("CLAIMED")
    memory.claimed[thing] = owner


def may_register(memory: Memory, command: Command) -> str:
    """A claimed thing with its mandate takes part."""
    _, given = memory.acting(command)
    good = given is not None and len(given.chain) == 1
    good = good and memory.things[given.owner, given.thing].state == "MANDATED"  # type: ignore[union-attr]
    return GRANTED if good else REFUSED


def register(memory: Memory, command: Command, body: RegisterThing) -> None:
    """It trades from now on."""
    _, given = memory.acting(command)
    assert given is not None, "judged before"
    memory.things[given.owner, given.thing].state = "ACTIVE"


def may_order(memory: Memory, body: SetThingState, owner: PartyId) -> str:
    """What an owner may say of his thing in its state."""
    thing = memory.things.get((owner, PartyId(body.thing)))
    if thing is None or owner not in memory.owners or body.owner not in ("", owner):
        return REFUSED
    if body.order is ThingOrder.DECOMMISSION:
        return GRANTED if thing.state != "DECOMMISSIONED" else REFUSED
    return GRANTED if _HELD.get(body.order, ("", ""))[0] == thing.state else REFUSED


def order(memory: Memory, body: SetThingState, owner: PartyId, now_ms: int) -> None:
    """A thing is held, let go or done for."""
    name = owner, PartyId(body.thing)
    if body.order is not ThingOrder.DECOMMISSION:
        memory.things[name].state = _HELD[body.order][1]
        return
    memory.things[name].state = "DECOMMISSIONED"
    memory.claimed.pop(name[1], None)
    memory.revoked_ms[name] = now_ms
    for given in memory.mandates.values():
        if given.owner == owner and any(link.subject == body.thing for link in given.chain):
            end(memory, given, "WITHDRAWN")


def may_report(memory: Memory, command: Command, body: ReportMalfunction) -> str:
    """An owner, or the thing itself under a mandate that lives."""
    owner, given = memory.acting(command)
    if owner is None or (owner, PartyId(body.thing)) not in memory.things:
        return REFUSED
    return GRANTED if given is None or command.header.sender == body.thing else REFUSED


def report(memory: Memory, command: Command, body: ReportMalfunction) -> None:
    """What is critical holds the thing."""
    owner, _ = memory.acting(command)
    assert owner is not None, "judged before"
    thing = memory.things[owner, PartyId(body.thing)]
    if body.severity is Severity.CRITICAL and thing.state == "ACTIVE":
        thing.state = "QUARANTINED"
