"""The owner: he pays in, answers what he is asked, and lets go of things, lowers them, takes them back."""

from dataclasses import replace
from typing import Any, Final

from tests.soak.buying import Buying
from tests.soak.client import Client, mandate_for, patient
from thingmarket.contract.approvals import Approve
from thingmarket.contract.orders import FundRequest
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import SetThingState, ThingOrder, ThingState
from thingmarket.ids import Digest, Key
from thingmarket.policy.guards import GuardAction, GuardRules, QuantityGuard, SetGuards
from thingmarket.wire import identity, things, trade, trust
from thingmarket.wire.approvals import approve_body
from thingmarket_client import Owner, Thing

FUND_MINOR: Final = 1_000_00
ENOUGH_MINOR: Final = 3_000_00
TURN: Final = 12  # rounds between two changes of somebody's authority


class Owning:
    """One owner and his buying things."""

    def __init__(self, client: Client, owner: Owner, buyers: list[Buying]) -> None:
        """Begin."""
        self.client, self.owner, self.buyers = client, owner, buyers

    async def run(self) -> None:
        """Look after everything until it is time to stop."""
        client, rounds = self.client, 0
        await self._guard(self.buyers[0].thing)
        while not client.stopping.is_set():
            await self._fund()
            for order in await patient(self.owner.inbox):
                approved = client.maybe(700)
                word = Approve(key=b"", pending=order.id, body_digest=order.body_digest, approved=approved)
                await self._say(TypeId.APPROVE, word, approve_body)
            await self._release()
            rounds += 1
            if rounds % TURN == 0:
                await self._change(self.buyers[rounds // TURN % len(self.buyers)])
            await client.pause()

    async def _say(self, type_id: TypeId, body: Any, write: Any) -> int:
        answer = await self.client.say(self.owner, type_id, lambda key: write(replace(body, key=key)))
        return answer.code

    async def _fund(self) -> None:
        balances = await patient(self.owner.balances)
        if sum(one.available_minor for one in balances if one.currency == "EUR") < ENOUGH_MINOR:
            request = FundRequest(key=b"", currency="EUR", amount_minor=FUND_MINOR)
            await self._say(TypeId.FUND_REQUEST, request, trade.fund_request_body)

    async def _guard(self, thing: Thing) -> None:
        """Hold one of them whenever it wants far more than usual without asking."""
        guard = QuantityGuard(times_usual_milli=3_000, history_min=3, action=GuardAction.QUARANTINE)
        body = SetGuards(key=b"", thing=thing.id, guards=GuardRules(quantity=guard))
        await self._say(TypeId.SET_GUARDS, body, things.set_guards_body)

    async def _release(self) -> None:
        for seen in await patient(self.owner.things):
            if seen.state is ThingState.QUARANTINED:
                order = SetThingState(key=b"", thing=seen.thing, order=ThingOrder.RELEASE)
                await self._say(TypeId.SET_THING_STATE, order, things.set_thing_state_body)

    async def _change(self, buyer: Buying) -> None:
        """Lower a thing while it goes on, or end its mandate; in both cases it has a new one."""
        client, thing, old = self.client, buyer.thing, Digest(buyer.thing.leaf)
        lowers = client.maybe(500)
        if lowers:
            body = LowerAutonomy(key=b"", thing=thing.id, autonomy=Autonomy.ANNOUNCER)
            assert await self._say(TypeId.LOWER_AUTONOMY, body, trust.lower_autonomy_body) == 0
            await client.pause()
        async with buyer.turn:
            if buyer.gone:
                return
            await thing.adopt([mandate_for(self.owner, thing)])
            await patient(thing.present)
        if not lowers:

            def revoke(key: Key) -> bytes:
                return identity.revoke_body(key, mandate=old, reason="there is a new one")

            assert (await client.say(self.owner, TypeId.REVOKE, revoke)).code == 0
