"""A thing: a device with a key of its own that trades under its owner's mandate."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.effective import EffectiveMandate, effective
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.things import ThingState
from thingmarket.ids import PartyId
from thingmarket.limits import CLOCK_SKEW_MS
from thingmarket.time import UnixMs
from thingmarket.wire.identity import present_mandate_body, read_mandate
from thingmarket.wire.thing_views import ThingSeen
from thingmarket_client.choosing import Bars, MandateBars, nothing_barred
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.keystore import (
    ThingKeys,
    create_thing_keys,
    load_thing_keys,
    save_thing_keys,
    with_card,
)
from thingmarket_client.mandates import child_link
from thingmarket_client.onboarding import Onboarding
from thingmarket_client.outbox import Outbox
from thingmarket_client.session.session import PATIENCE_MS, Caller
from thingmarket_client.trader import OUTBOX_FILE


def create_thing(home: Path) -> PartyId:
    """Make a thing in a new folder and return its id; its owner writes a mandate for that id."""
    return create_thing_keys(home).id


class Thing(Onboarding):
    """A thing at its node: `async with await Thing.open(home) as thing`."""

    def __init__(
        self,
        home: Path,
        outbox: Outbox,
        keys: ThingKeys,
        card: NodeCard,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        """Use `Thing.open`."""
        super().__init__(home, outbox, card, Caller(party=keys.id, key=keys.signing_key), patience_ms)
        self._keys = keys

    @staticmethod
    async def open(home: Path, card: NodeCard | None = None, *, patience_ms: int = PATIENCE_MS) -> "Thing":
        """Open the thing of a folder; a new card is kept there. Needs no network yet (UnsafeFile).

        `patience_ms` is how long a call is tried before it counts as unanswered.
        """

        def opened() -> tuple[ThingKeys, Outbox]:
            keys = with_card(load_thing_keys(home), card)
            if card is not None:
                save_thing_keys(home, keys)
            return keys, Outbox(home / OUTBOX_FILE)

        keys, outbox = await asyncio.to_thread(opened)
        if keys.card is None:
            outbox.close()
            raise Refusal(Code.BAD_FIELD, "this thing knows no node yet: open it with a node card")
        return Thing(home, outbox, keys, keys.card, patience_ms)

    @property
    def leaf(self) -> bytes:
        """SHA-256 of the last link of its mandate; empty without one."""
        return self._keys.leaf

    @property
    def chain(self) -> tuple[Signed, ...]:
        """The links of its mandate, root first."""
        return self._keys.mandate

    @property
    def mandate(self) -> EffectiveMandate:
        """What its links permit together (CHAIN_BROKEN without any)."""
        network_id = self.session.card.key_event.network_id
        return effective([read_mandate(link.payload) for link in self.chain], network_id=network_id)

    async def adopt(self, links: Sequence[Signed]) -> None:
        """Keep a mandate for this thing, root first, in place of the one before (CHAIN_BROKEN, ...)."""
        network_id = self.session.card.key_event.network_id
        mandate = effective([read_mandate(link.payload) for link in links], network_id=network_id)
        if mandate.subject != self.id:
            raise Refusal(Code.CHAIN_BROKEN, "this mandate is for another thing", "MAN-3")
        keys = replace(self._keys, mandate=tuple(links))
        await asyncio.to_thread(save_thing_keys, self.home, keys)
        self._keys = keys

    async def present(self) -> None:
        """Show the mandate to the node, which makes the thing known; again does no harm."""
        try:
            await self.post.send(TypeId.PRESENT_MANDATE, lambda key: present_mandate_body(key, self.chain))
        except RefusedByNode as refusal:
            if refusal.number != Code.ALREADY_KNOWN:
                raise

    def bars(self) -> Bars:
        """What its mandate forbids it to buy; a thing without one may buy nothing that a node would sell."""
        if not self.chain:
            return nothing_barred
        mandate, now_ms = self.mandate, self.session.now_ms
        # Over a slow line the node's time is known to a second or so: what began just now has begun.
        if now_ms < mandate.not_before_ms <= now_ms + CLOCK_SKEW_MS:
            now_ms = mandate.not_before_ms
        return MandateBars(mandate=mandate, node=self.session.card.node_id, now_ms=UnixMs(now_ms))

    async def take_part(self, kind: str) -> ThingSeen:
        """Go on from wherever it is: show the mandate that waits at the node or here, and register.

        What is the owner's to do is not done: a device that nobody claimed is in FACTORY still.
        """
        seen = await self.look_at_itself()
        if seen.state is ThingState.CLAIMED:
            if seen.handed is not None:
                await self.adopt([seen.handed])
            if not self.leaf:
                return seen
            await self.present()
            seen = await self.look_at_itself()
        if seen.state is ThingState.MANDATED:
            await self.register(kind)
            seen = await self.look_at_itself()
        return seen

    def delegate(self, subject: PartyId, **narrowed: Any) -> tuple[Signed, ...]:
        """The chain for a sub-agent: one more link below, narrowed by fields of `Mandate`."""
        link = child_link(self._keys.signing_key, self.chain, subject, **narrowed)
        return (*self.chain, link)
