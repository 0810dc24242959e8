"""What all parties of one client program share: evidence, patience, and how they came to be there."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from tests.soak.evidence import Acknowledged, EvidenceFile
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.ids import Key
from thingmarket.limits import ANSWERS_PER_SENDER_MAX
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

PAUSE_S: Final = 0.3  # at most, between two acts of one party
SENT_MAX: Final = ANSWERS_PER_SENDER_MAX - 500  # then another thing takes its place
LIMIT_MINOR: Final = 1_000_000_000
ASK_ABOVE_MINOR: Final = 100_00
ACTIONS: Final = (
    Action.ANNOUNCE,
    Action.BUY,
    Action.SELL,
    Action.CANCEL,
    Action.ACCEPT_DELIVERY,
    Action.FEEDBACK,
    Action.LOYALTY,
)
R = TypeVar("R")


class Client:
    """The evidence, and whether it is time to stop."""

    def __init__(self, evidence: Path, card: NodeCard, folder: Path) -> None:
        """Keep evidence in a file."""
        self.folder, self.card, self.chance = folder, card, random.Random(folder.name)
        self.evidence = EvidenceFile(evidence)
        self.stopping = asyncio.Event()
        self._sent = Counter[str]()

    async def send(self, trader: Trader, letter: Letter, sealed: tuple[SealedPart, ...] = ()) -> Answer:
        """Send until answered, and write the answer down before anything stands on it."""
        self._sent[trader.id] += 1
        try:
            answer = await trader.post.deliver(letter, sealed)
        except (Unanswered, RefusedByNode) as trouble:
            check_passing(trouble)
            answer = await self._flushed(trader, letter.key)
        await asyncio.to_thread(self.evidence.write, Acknowledged.of(trader.id, letter, answer))
        return answer

    async def say(self, trader: Trader, type_id: TypeId, make: Callable[[Key], bytes]) -> Answer:
        """Send a new body under a new key."""
        key = trader.new_key()
        return await self.send(
            trader, Letter(key=key, type_id=type_id, body=make(key), mandate_leaf=trader.leaf)
        )

    async def _flushed(self, trader: Trader, key: Key) -> Answer:
        while True:
            await patient(trader.flush)
            answer = await trader.post.answer_to(key)
            if answer is not None:
                return answer

    def goes_on(self, trader: Trader) -> bool:
        """Whether it is not time to stop, nor has this party said nearly all that a node remembers of one."""
        return not self.stopping.is_set() and self._sent[trader.id] < SENT_MAX

    async def pause(self) -> None:
        """Do nothing for a moment."""
        await asyncio.sleep(self.chance.uniform(0, PAUSE_S))

    def maybe(self, per_mille: int) -> bool:
        """True in so many of a thousand cases."""
        return self.chance.randrange(1_000) < per_mille


async def patient(act: Callable[[], Awaitable[R]]) -> R:
    """Repeat what may be repeated until the node is there."""
    while True:
        try:
            return await act()
        except (Unanswered, RefusedByNode) as trouble:
            check_passing(trouble)
            await asyncio.sleep(PAUSE_S)


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
    """Make a thing that may do everything for its owner, but has to ask for what is dear."""
    home = client.folder / name
    create_thing(home)
    thing = await Thing.open(home, client.card)
    await thing.adopt([mandate_for(owner, thing)])
    await patient(thing.present)
    return thing


def mandate_for(owner: Owner, thing: Thing) -> Signed:
    """A new mandate: all that a thing needs here."""
    limit = spending_limit("EUR", per_order_minor=LIMIT_MINOR, cosign_above_minor=ASK_ABOVE_MINOR)
    return owner.mandate(thing.id, Autonomy.AUTONOMOUS, actions=ACTIONS, limits=(limit,))
