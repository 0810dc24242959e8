"""What an owner does about his things: claims them by their labels, holds and releases them, guards them."""

from collections.abc import Sequence
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.claim_labels import read_label
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.things import (
    ClaimThing,
    SetThingState,
    ThingOrder,
    check_set_thing_state,
    claim_commitment,
)
from thingmarket.ids import PartyId
from thingmarket.policy.decision import Fact
from thingmarket.policy.guards import GuardRules, SetGuards, check_set_guards
from thingmarket.policy.malfunctions import ReportMalfunction, Severity, check_report_malfunction
from thingmarket.wire import thing_views
from thingmarket.wire import things as wire
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.thing_views import DeviceSeen, ThingSeen
from thingmarket_client.trader import Trader

PAGES_MAX: Final = 100  # of 100 rows: an owner has at most 10,000 things


class OwnedThings(Trader):
    """An owner's side of the life of his things; every `Owner` is one."""

    async def find_device(self, label: str) -> DeviceSeen:
        """The device whose label this is (BAD_FIELD when it is mistyped, UNKNOWN_THING).

        The code is compared here: what is sent later is right, so no try of the device is wasted.
        """
        tag, code = read_label(label)
        response = await self.session.ask(
            lambda stub: stub.FindDevices, thing_views.find_devices_request(tag)
        )
        for device in thing_views.devices_value(response):
            if claim_commitment(device.salt, code) == device.claim_commitment:
                return device
        raise Refusal(Code.UNKNOWN_THING, "no device with this label waits; let it register first", "THG-3")

    async def claim(self, label: str, device: DeviceSeen, mandate: Signed | None = None) -> None:
        """Bind a device that was found by its label; the mandate then waits for it at the node."""
        _, code = read_label(label)
        handed = signed_bytes(mandate) if mandate is not None else b""
        key = self.new_key()
        body = ClaimThing(key=key, thing=device.device, code=code, mandate=handed)
        await self._tell(TypeId.CLAIM_THING, key, wire.claim_thing_body(body))

    async def things(self) -> tuple[ThingSeen, ...]:
        """His things, oldest first."""
        found: list[ThingSeen] = []
        for _ in range(PAGES_MAX):
            request = thing_views.things_request(found[-1].seq if found else 0)
            response = await self.session.ask(lambda stub: stub.ListThings, request)
            page, more = thing_views.things_value(response)
            found += page
            if not (more and page):
                break
        return tuple(found)

    async def thing(self, thing: str) -> ThingSeen:
        """One of his things (UNKNOWN_THING)."""
        response = await self.session.ask(lambda stub: stub.GetThing, thing_views.thing_request(thing))
        return thing_views.thing_value(response.thing)

    async def say(self, thing: PartyId, order: ThingOrder, reason: str = "") -> None:
        """Suspend, resume, quarantine, release or decommission a thing."""
        key = self.new_key()
        body = SetThingState(key=key, thing=thing, order=order, reason=reason)
        check_set_thing_state(body)
        await self._tell(TypeId.SET_THING_STATE, key, wire.set_thing_state_body(body))

    async def guard(self, thing: PartyId, guards: GuardRules) -> None:
        """Put guards over a thing, in place of those before; none at all takes them away."""
        key = self.new_key()
        body = SetGuards(key=key, thing=thing, guards=guards)
        check_set_guards(body)
        await self._tell(TypeId.SET_GUARDS, key, wire.set_guards_body(body))

    async def report_malfunction(
        self, thing: PartyId, component: str, severity: Severity, facts: Sequence[Fact] = ()
    ) -> None:
        """Say what is broken about a thing that cannot say it itself."""
        key = self.new_key()
        body = ReportMalfunction(
            key=key, thing=thing, component=component, severity=severity, facts=tuple(facts)
        )
        check_report_malfunction(body)
        await self._tell(TypeId.REPORT_MALFUNCTION, key, wire.report_malfunction_body(body))
