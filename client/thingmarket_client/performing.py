"""What both sides say about a contract: steps of its units, acceptance, cancelling and its price."""

from collections.abc import Sequence

from thingmarket.contract.cancelling import Cancel, check_cancel
from thingmarket.contract.orders import (
    AcceptDelivery,
    Fulfil,
    FulfilStep,
    check_accept_delivery,
    check_fulfil,
)
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.market.views import CancelPreview
from thingmarket.policy.decision import Fact
from thingmarket.wire import trade
from thingmarket.wire.cancelling import cancel_body
from thingmarket_client.post import Post
from thingmarket_client.reads import Reads


class Performer:
    """A party that performs contracts; unit 0 is the first to which a word can apply."""

    post: Post
    reads: Reads

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        raise NotImplementedError

    async def ready(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Report, as the seller, that the goods of a unit are ready to go."""
        await self._fulfil(contract, FulfilStep.READY, facts, unit)

    async def delivered(
        self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0, part_steps: int = 0
    ) -> None:
        """Report that a unit, or so many steps of it, was handed over; facts without personal data."""
        await self._fulfil(contract, FulfilStep.DELIVERED, facts, unit, part_steps)

    async def failed(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Report that a unit cannot be delivered; the buyer is refunded."""
        await self._fulfil(contract, FulfilStep.FAILED, facts, unit)

    async def accept(self, contract: bytes, facts: Sequence[Fact] = (), *, unit: int = 0) -> None:
        """Accept, as the buyer, what was delivered, and say what was measured; escrow is released."""

        def body(key: Key) -> bytes:
            word = AcceptDelivery(key=key, contract=contract, unit=unit, facts=tuple(facts))
            check_accept_delivery(word)
            return trade.accept_delivery_body(word)

        await self.post.send(TypeId.ACCEPT_DELIVERY, body, leaf=self.leaf)

    async def preview_cancel(
        self, *, contract: bytes = b"", offer: bytes = b"", quantity_steps: int = 0
    ) -> CancelPreview:
        """What cancelling costs: a contract now, or a purchase of an offer before it is made."""
        return await self.reads.preview_cancel(contract=contract, offer=offer, quantity_steps=quantity_steps)

    async def cancel(self, contract: bytes, *, max_fee_minor: int = 0) -> None:
        """Cancel, as the buyer, what was not delivered yet, for at most so much (FEE_TOO_HIGH)."""

        def body(key: Key) -> bytes:
            wish = Cancel(key=key, contract=contract, max_fee_minor=max_fee_minor)
            check_cancel(wish)
            return cancel_body(wish)

        await self.post.send(TypeId.CANCEL, body, leaf=self.leaf)

    async def _fulfil(
        self, contract: bytes, step: FulfilStep, facts: Sequence[Fact], unit: int, part_steps: int = 0
    ) -> None:
        def body(key: Key) -> bytes:
            report = Fulfil(
                key=key,
                contract=contract,
                step=step,
                facts=tuple(facts),
                unit=unit,
                part_steps=part_steps,
            )
            check_fulfil(report)
            return trade.fulfil_body(report)

        await self.post.send(TypeId.FULFIL, body, leaf=self.leaf)
