"""One client program under load: an owner with buying things, an owner with a selling thing, all at once.

Started as `load.py FOLDER CARD`; on SIGTERM everybody finishes, empties his outbox, and it ends with 0.
Whatever else happens ends it with another code: a client that loses or doubts anything is a failed run.
"""

import asyncio
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.soak.evidence import Acknowledged, EvidenceFile
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import AcceptDelivery, Fulfil, FulfilStep, FundRequest, RetentionClass
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import Key
from thingmarket.wire import catalog, trade
from thingmarket.wire.handshake import read_node_card_text
from thingmarket_client import (
    Owner,
    RefusedByNode,
    Thing,
    Unanswered,
    create_owner,
    create_thing,
    spending_limit,
)
from thingmarket_client.outbox import Answer, Letter, SealedPart
from thingmarket_client.trader import Trader

BUYERS: Final = 3
FUND_MINOR: Final = 200_00
PAUSE_S: Final = 0.1  # at most, between two acts of one party
LIMIT_MINOR: Final = 1_000_000_000
FOLDER_OF_EVIDENCE: Final = "evidence.jsonl"
R = TypeVar("R")


class Client:
    """What all parties of this program share: the evidence, and whether it is time to stop."""

    def __init__(self, folder: Path, card: NodeCard, chance: random.Random) -> None:
        """Keep evidence in `folder`."""
        self.folder, self.card, self.chance = folder, card, chance
        self.evidence = EvidenceFile(folder / FOLDER_OF_EVIDENCE)
        self.stopping = asyncio.Event()

    async def send(self, trader: Trader, letter: Letter, sealed: tuple[SealedPart, ...] = ()) -> Answer:
        """Send until answered, and write the answer down before anything stands on it."""
        try:
            answer = await trader.post.deliver(letter, sealed)
        except (Unanswered, RefusedByNode) as trouble:
            check_passing(trouble)
            answer = await self._flushed(trader, letter.key)
        await asyncio.to_thread(self.evidence.write, Acknowledged.of(trader.id, letter, answer))
        return answer

    async def _flushed(self, trader: Trader, key: Key) -> Answer:
        while True:
            await patient(trader.flush)
            answer = await trader.post.answer_to(key)
            if answer is not None:
                return answer

    async def pause(self) -> None:
        """Do nothing for a moment."""
        await asyncio.sleep(self.chance.uniform(0, PAUSE_S))


async def patient(act: Callable[[], Awaitable[R]]) -> R:
    """Repeat what may be repeated until the node is there."""
    while True:
        try:
            return await act()
        except (Unanswered, RefusedByNode) as trouble:
            check_passing(trouble)


def check_passing(trouble: Unanswered | RefusedByNode) -> None:
    """Let pass what will pass: a node that is away, that is starting or that is busy."""
    if isinstance(trouble, RefusedByNode) and not trouble.retryable:
        raise trouble


async def made_owner(client: Client, name: str) -> Owner:
    """Make an owner and have him admitted."""
    home = client.folder / name
    create_owner(home, client.card.key_event.network_id)
    owner = await Owner.open(home, client.card)
    await patient(owner.admit)
    return owner


async def made_thing(client: Client, owner: Owner, name: str) -> Thing:
    """Make a thing that may do everything for its owner."""
    home = client.folder / name
    thing_id = create_thing(home)
    limit = spending_limit("EUR", per_order_minor=LIMIT_MINOR)
    thing = await Thing.open(home, client.card)
    await thing.adopt([owner.mandate(thing_id, Autonomy.AUTONOMOUS, limits=(limit,))])
    await patient(thing.present)
    return thing


async def funds(client: Client, owner: Owner) -> None:
    """Ask for money again and again."""
    while not client.stopping.is_set():
        key = owner.new_key()
        request = FundRequest(key=key, currency="EUR", amount_minor=FUND_MINOR)
        body = trade.fund_request_body(request)
        await client.send(owner, Letter(key=key, type_id=TypeId.FUND_REQUEST, body=body))
        await client.pause()


async def buys(client: Client, buyer: Thing) -> None:
    """Buy from whoever offers, sometimes with sealed details, and accept what comes."""
    since, number = 0, 0
    while not client.stopping.is_set():
        offers = await patient(partial(buyer.reads.offers, product_id="ink-black"))
        if offers:
            number += 1
            sealed = {RetentionClass.CONTRACT: f"door {number}".encode()} if number % 2 else None
            seen = client.chance.choice(offers)
            order = await patient(partial(buyer.order, seen, 1, delivery=sealed))
            await client.send(buyer, order.letter, order.sealed)
        since = await _delivered(client, buyer, since)
        await client.pause()


async def _delivered(client: Client, buyer: Thing, since: int) -> int:
    for contract in await patient(partial(buyer.contracts, since)):
        since = max(since, contract.changed_seq)
        if contract.buyer == buyer.id and contract.fulfilment is FulfilmentState.DELIVERED:
            key = buyer.new_key()
            body = trade.accept_delivery_body(AcceptDelivery(key=key, contract=contract.id))
            letter = Letter(key=key, type_id=TypeId.ACCEPT_DELIVERY, body=body, mandate_leaf=buyer.leaf)
            await client.send(buyer, letter)
    return since


async def sells(client: Client, seller: Thing) -> None:
    """Publish one offer and deliver what is bought."""
    offer = seller.offer(
        product_id="ink-black",
        title="Black ink",
        category="44103105",
        currency="EUR",
        price_minor=1_000,
        stock_steps=1_000_000,
    )
    body = catalog.publish_offer_body(offer)
    letter = Letter(key=Key(offer.key), type_id=TypeId.PUBLISH_OFFER, body=body, mandate_leaf=seller.leaf)
    await client.send(seller, letter)
    since = 0
    while not client.stopping.is_set():
        for contract in await patient(partial(seller.contracts, since)):
            since = max(since, contract.changed_seq)
            if contract.seller == seller.id and contract.fulfilment is FulfilmentState.PLANNED:
                await _deliver(client, seller, contract.id)
        await client.pause()


async def _deliver(client: Client, seller: Thing, contract: bytes) -> None:
    key = seller.new_key()
    body = trade.fulfil_body(Fulfil(key=key, contract=contract, step=FulfilStep.DELIVERED))
    await client.send(seller, Letter(key=key, type_id=TypeId.FULFIL, body=body, mandate_leaf=seller.leaf))


async def watches(client: Client, thing: Thing) -> None:
    """Listen through all reconnections; a watch ends by a refusal alone, and there is none."""

    async def listen() -> None:
        async for _ in thing.watch():
            pass
        raise AssertionError("a watch does not end by itself")

    listening = asyncio.create_task(listen())
    stop = asyncio.create_task(client.stopping.wait())
    done, _ = await asyncio.wait((listening, stop), return_when=asyncio.FIRST_COMPLETED)
    if listening in done:
        listening.result()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def run(folder: Path, card: NodeCard) -> None:
    """Everybody at once, until SIGTERM; then all outboxes are emptied."""
    client = Client(folder, card, random.Random(folder.name))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.stopping.set)
    customer, merchant = await made_owner(client, "customer"), await made_owner(client, "merchant")
    seller = await made_thing(client, merchant, "seller")
    buyers = [await made_thing(client, customer, f"buyer{number}") for number in range(BUYERS)]
    acts: list[Coroutine[Any, Any, None]] = [funds(client, customer), sells(client, seller)]
    acts += [buys(client, buyer) for buyer in buyers]
    acts.append(watches(client, seller))
    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(act)
    for trader in (customer, merchant, seller, *buyers):
        assert not trader.post.outbox.waiting(), "everything that was sent was answered"
        await trader.close()
    client.evidence.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), read_node_card_text(sys.argv[2])))
