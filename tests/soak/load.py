"""One client program under load: an owner with buying things, an owner with a selling thing, all at once.

Started as `load.py FOLDER CARD`; on SIGTERM everybody finishes, empties his outbox, and it ends with 0.
Whatever else happens ends it with another code: a client that loses or doubts anything is a failed run.
"""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from tests.soak.buying import Buying
from tests.soak.client import Client, made_owner, made_thing, patient
from tests.soak.owning import Owning
from tests.soak.selling import programme, sells
from tests.soak.trading import Trading
from thingmarket.identity.cards import NodeCard
from thingmarket.wire.handshake import read_node_card_text
from thingmarket_client import Owner, Thing

BUYERS: Final = 4
FOLDER_OF_EVIDENCE: Final = "evidence.jsonl"


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


async def left(thing: Thing) -> None:
    """A party goes: what was tried anew under another key still has its answer to get."""
    await patient(thing.flush)
    assert not thing.post.outbox.waiting(), "everything that was sent was answered"
    await thing.close()


async def keeps_shop(client: Client, merchant: Owner) -> None:
    """One selling thing after the other."""
    number = 0
    while not client.stopping.is_set():
        seller = await made_thing(client, merchant, f"seller{number}")
        watching = asyncio.create_task(watches(client, seller))
        await sells(client, seller)
        watching.cancel()
        (ended,) = await asyncio.gather(watching, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        await left(seller)
        number += 1


async def keeps_buying(client: Client, customer: Owner, buyers: list[Buying], place: int) -> None:
    """One buying thing after the other, in one place of the household."""
    number = 0
    while not client.stopping.is_set():
        await buyers[place].run()
        number += 1
        gone = buyers[place]
        async with gone.turn:
            gone.gone = True
            await left(gone.thing)
        if not client.stopping.is_set():
            thing = await made_thing(client, customer, f"buyer{place}-{number}")
            buyers[place] = Buying(client, thing)


async def keeps_trading(trading: Trading) -> None:
    """One thing at the order book, all the time."""
    await trading.run()
    await left(trading.thing)


async def run(folder: Path, card: NodeCard) -> None:
    """Everybody at once, until SIGTERM; then all outboxes are emptied."""
    client = Client(folder / FOLDER_OF_EVIDENCE, card, folder)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.stopping.set)
    customer, merchant = await made_owner(client, "customer"), await made_owner(client, "merchant")
    await programme(client, merchant)
    buyers = [
        Buying(client, await made_thing(client, customer, f"buyer{place}-0")) for place in range(BUYERS)
    ]
    traders = [
        Trading(client, await made_thing(client, owner, f"trader{number}"))
        for number, owner in enumerate((customer, merchant))
    ]
    acts: list[Coroutine[Any, Any, None]] = [
        Owning(client, customer, buyers).run(),
        keeps_shop(client, merchant),
        *(keeps_buying(client, customer, buyers, place) for place in range(BUYERS)),
        *(keeps_trading(trading) for trading in traders),
    ]
    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(act)
    for owner in (customer, merchant):
        await patient(owner.flush)
        assert not owner.post.outbox.waiting(), "everything that was sent was answered"
        await owner.close()
    client.evidence.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), read_node_card_text(sys.argv[2])))
