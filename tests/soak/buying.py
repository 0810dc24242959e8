"""The buying things: they buy, ask, wait, withdraw, accept, cancel, rate, repeat and break down."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Final

from tests.soak.client import Client, patient
from tests.soak.selling import CATEGORY, PRODUCT
from thingmarket.contract.approvals import Approve
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.contract import ContractState
from thingmarket.contract.feedback import GiveFeedback, minted_key
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import AcceptDelivery, Purchase, RetentionClass
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.wire import catalog, things, trade, trust
from thingmarket.wire.approvals import approve_body
from thingmarket.wire.cancelling import cancel_body
from thingmarket.wire.listings import OfferSeen
from thingmarket.wire.standing import end_standing_order_body, open_standing_order_body
from thingmarket.wire.views import ContractSeen
from thingmarket_client import Thing
from thingmarket_client.outbox import Letter

LARGE: Final = (9, 14)  # steps whose price is above the threshold
STANDING_MAX: Final = 4
INTERVAL_MS: Final = 20_000
MANY: Final = 1_000


class Buying:
    """One thing that buys, and what it remembers while its program runs."""

    def __init__(self, client: Client, thing: Thing) -> None:
        """Begin with nothing."""
        self.client, self.thing = client, thing
        self.since, self.number = 0, 0
        self.standing: list[bytes] = []
        self.gone = False
        self.turn = asyncio.Lock()  # held while it acts, and while it gets another mandate

    async def run(self) -> None:
        """Act until it is time to stop, or another's turn."""
        client = self.client
        while client.goes_on(self.thing):
            offers = await patient(partial(self.thing.reads.offers, product_id=PRODUCT))
            async with self.turn:
                if offers:
                    await self._act(client.chance.choice(offers))
                await self._look()
            await client.pause()

    async def _act(self, seen: OfferSeen) -> None:
        chance = self.client.chance
        match chance.randrange(20):
            case 0 | 1 | 2:
                await self._buy(seen, chance.randint(*LARGE))
            case 3:
                await self._repeat(seen)
            case 4 | 5:
                await self._need(seen)
            case 6:
                await self._wrong(seen)
            case 7 if self.client.maybe(150):
                await self._break_down()
            case _:
                await self._buy(seen, chance.randint(1, 3))

    async def _buy(self, seen: OfferSeen, quantity: int, need: bytes = b"") -> None:
        client = self.client
        self.number += 1
        sealed = {RetentionClass.CONTRACT: f"door {self.number}".encode()} if client.maybe(300) else None
        points = await self._points(seen) if client.maybe(100) else 0
        order = await patient(
            partial(self.thing.order, seen, quantity, delivery=sealed, points=points, need=need)
        )
        answer = await client.send(self.thing, order.letter, order.sealed)
        if answer.pending and client.maybe(100):
            word = Approve(key=b"", pending=answer.reference, body_digest=order.body_digest, approved=False)
            await client.say(self.thing, TypeId.APPROVE, lambda key: approve_body(_keyed(word, key)))

    async def _points(self, seen: OfferSeen) -> int:
        for programme in await patient(self.thing.points):
            if programme.issuer == seen.seller_owner:
                return min(programme.points, seen.offer.price_minor // 2)
        return 0

    async def _need(self, seen: OfferSeen) -> None:
        """Run out of something; the slot takes one order at a time."""
        client = self.client
        need = self.thing.need(
            title="Ink", category=CATEGORY, quantity_steps=2, slot=f"ink.{client.chance.randrange(3)}"
        )
        letter = Letter(
            key=Key(need.key),
            type_id=TypeId.ANNOUNCE_NEED,
            body=catalog.announce_need_body(need),
            mandate_leaf=self.thing.leaf,
        )
        answer = await client.send(self.thing, letter)
        if not answer.code:
            await self._buy(seen, 2, need=answer.reference)

    async def _repeat(self, seen: OfferSeen) -> None:
        """Open a standing order, or end the oldest."""
        client = self.client
        if len(self.standing) >= STANDING_MAX:
            ended = self.standing.pop(0)
            await client.say(
                self.thing,
                TypeId.END_STANDING_ORDER,
                lambda key: end_standing_order_body(EndStandingOrder(key=key, standing_order=ended)),
            )
            return

        def make(key: Key) -> bytes:
            wish = OpenStandingOrder(
                key=key,
                offer=seen.digest,
                quantity_steps=1,
                currency="EUR",
                total_max_minor=20_00,
                interval_ms=INTERVAL_MS,
                occurrences_max=MANY,
                slot=f"daily.{len(self.standing)}" if client.chance.randrange(2) else "",
            )
            return open_standing_order_body(wish)

        answer = await client.say(self.thing, TypeId.OPEN_STANDING_ORDER, make)
        if not answer.code:
            self.standing.append(answer.reference)

    async def _wrong(self, seen: OfferSeen) -> None:
        """Buy at a total that is not the price; it is refused, and logged."""

        def make(key: Key) -> bytes:
            wish = Purchase(key=key, offer=seen.digest, quantity_steps=1, currency="EUR", total_minor=1)
            return trade.purchase_body(wish)

        answer = await self.client.say(self.thing, TypeId.PURCHASE, make)
        assert answer.code, "nobody buys at a price of his own"

    async def _break_down(self) -> None:
        """Report a broken part; what is critical holds the thing until its owner looks."""
        severity = self.client.chance.choice((Severity.MINOR, Severity.CRITICAL))

        def make(key: Key) -> bytes:
            report = ReportMalfunction(
                key=key, thing=self.thing.id, component="compressor", severity=severity
            )
            return things.report_malfunction_body(report)

        await self.client.say(self.thing, TypeId.REPORT_MALFUNCTION, make)

    # --- what comes of it

    async def _look(self) -> None:
        for contract in await patient(partial(self.thing.contracts, self.since)):
            self.since = max(self.since, contract.changed_seq)
            if contract.buyer == self.thing.id:
                await self._follow(contract)

    async def _follow(self, contract: ContractSeen) -> None:
        client = self.client
        if contract.state is ContractState.COMPLETED and client.maybe(250):
            minted = minted_key(contract.id, contract.created_ms, contract.seq)
            given = GiveFeedback(key=b"", contract=contract.id, feedback_key=minted)
            await client.say(
                self.thing, TypeId.GIVE_FEEDBACK, lambda key: trust.give_feedback_body(_keyed(given, key))
            )
        elif contract.state in (ContractState.PENDING, ContractState.ACTIVE):
            delivered = [u for u in contract.units if u.fulfilment is FulfilmentState.DELIVERED]
            if delivered and client.maybe(750):
                unit = delivered[0].number
                word = AcceptDelivery(key=b"", contract=contract.id, unit=unit)
                await client.say(
                    self.thing,
                    TypeId.ACCEPT_DELIVERY,
                    lambda key: trade.accept_delivery_body(_keyed(word, key)),
                )
            elif not delivered and client.maybe(120):
                wish = Cancel(key=b"", contract=contract.id, max_fee_minor=contract.total_minor // 10)
                await client.say(self.thing, TypeId.CANCEL, lambda key: cancel_body(_keyed(wish, key)))


def _keyed(body: Any, key: Key) -> Any:
    return replace(body, key=key)
