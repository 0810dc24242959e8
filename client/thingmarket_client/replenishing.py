"""What is wanted again and again: need slots, and standing orders."""

from collections.abc import Mapping

from thingmarket.catalog.needs import Need
from thingmarket.catalog.pricing import price
from thingmarket.contract.orders import RetentionClass
from thingmarket.contract.standing import (
    EndStandingOrder,
    OpenStandingOrder,
    StandingId,
    check_open_standing_order,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.wire.listings import NeedSeen, OfferSeen
from thingmarket.wire.standing import StandingSeen, end_standing_order_body, open_standing_order_body
from thingmarket_client.orders import seal, sealed_refs
from thingmarket_client.outbox import Letter
from thingmarket_client.post import Post
from thingmarket_client.reads import Reads


class Replenisher:
    """A party that never runs out, and never has the same on order twice."""

    id: PartyId
    post: Post
    reads: Reads

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        raise NotImplementedError

    async def announce(self, need: Need) -> Digest:
        """Announce a need; the same one again is the same need."""
        raise NotImplementedError

    async def replenish(self, need: Need) -> NeedSeen:
        """Announce a need of a slot, unless one is open there: then that one (SLOT_TAKEN for another order).

        It may be called whenever stock is low, as often as one likes.
        """
        if not need.slot:
            raise Refusal(Code.BAD_FIELD, "name the slot of the need: slot='toner'")
        refused: Refusal | None = None
        try:
            await self.announce(need)
        except Refusal as refusal:
            if refusal.number != Code.SLOT_TAKEN:
                raise
            refused = refusal
        for seen in reversed(await self.reads.needs()):
            if seen.announcer == self.id and seen.need.slot == need.slot and seen.state in ("OPEN", "FILLED"):
                return seen
        raise refused or Refusal(Code.UNKNOWN_NEED, "the need that was just announced has ended")

    async def stand(
        self,
        seen: OfferSeen,
        quantity_steps: int,
        *,
        interval_ms: int,
        occurrences_max: int,
        total_max_minor: int | None = None,
        first_ms: int = 0,
        slot: str = "",
        delivery: Mapping[RetentionClass, bytes] | None = None,
    ) -> StandingId:
        """Buy again every `interval_ms`, for at most today's total unless told otherwise."""
        parts = seal(delivery)
        cost = price(seen.offer, quantity_steps, seen.tax_basis_points)
        wish = OpenStandingOrder(
            key=self.post.new_key(),
            offer=seen.digest,
            quantity_steps=quantity_steps,
            currency=seen.offer.currency,
            total_max_minor=cost.total_minor if total_max_minor is None else total_max_minor,
            interval_ms=interval_ms,
            occurrences_max=occurrences_max,
            first_ms=first_ms,
            slot=slot,
            delivery=sealed_refs(parts),
        )
        check_open_standing_order(wish)
        letter = Letter(
            key=Key(wish.key),
            type_id=TypeId.OPEN_STANDING_ORDER,
            body=open_standing_order_body(wish),
            mandate_leaf=self.leaf,
        )
        return StandingId((await self.post.deliver(letter, parts)).made().reference)

    async def end_standing(self, standing_order: bytes) -> None:
        """End a standing order; what it bought stands."""

        def body(key: Key) -> bytes:
            return end_standing_order_body(EndStandingOrder(key=key, standing_order=standing_order))

        await self.post.send(TypeId.END_STANDING_ORDER, body, leaf=self.leaf)

    async def standing_orders(self) -> tuple[StandingSeen, ...]:
        """Standing orders of the owner and his things; of a thing, its own."""
        return await self.reads.standing_orders()
