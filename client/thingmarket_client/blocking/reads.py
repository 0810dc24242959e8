"""`reads` of a blocking party.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from thingmarket_client.blocking.calls import Calls
from thingmarket_client.blocking.watching import BlockingWatch
from thingmarket_client.reads import Reads

if TYPE_CHECKING:
    from thingmarket.catalog.needs import Constraint, Need
    from thingmarket.market.views import CancelPreview, MoneyBalance, SpendingView
    from thingmarket.wire.listings import NeedSeen, OfferSeen, QuestionSeen
    from thingmarket.wire.reads import Explanation
    from thingmarket.wire.standing import StandingSeen
    from thingmarket.wire.views import ContractSeen
    from thingmarket_client.reads import Change


class BlockingReads:
    """Queries of one session; all answers are durable. What is not one's own is as if not there."""

    def __init__(self, calls: Calls, part: Reads, watches: WeakSet[BlockingWatch[Any]]) -> None:
        """Part of a blocking party."""
        self._calls = calls
        self._part = part
        self._watches = watches

    def offers(
        self,
        *,
        category: str = "",
        product_id: str = "",
        text: str = "",
        must: tuple[Constraint, ...] = (),
        currency: str = "",
    ) -> tuple[OfferSeen, ...]:
        """Live offers within a UNSPSC prefix, of a product, with all words of a text, or all.

        What fails a condition of `must` is left out; what does not state the fact is found. Each offer
        is what its seller signed.
        """
        return self._calls.run(
            lambda: self._part.offers(
                category=category, product_id=product_id, text=text, must=must, currency=currency
            )
        )

    def best(self, need: Need, currency: str, most: int, *, leave_out: int = 0) -> tuple[OfferSeen, ...]:
        """The best `most` offers for a need, ranked by the node out of all; in no certain order.

        They are what a full search would rank first, as far as the node is honest about what it leaves
        out: each is what its seller signed. `leave_out` is the number of a wish not looked at.
        """
        return self._calls.run(lambda: self._part.best(need, currency, most, leave_out=leave_out))

    def questions(self, after_seq: int = 0) -> tuple[QuestionSeen, ...]:
        """Questions for facts that the party's owner asked or was asked, oldest first."""
        return self._calls.run(lambda: self._part.questions(after_seq))

    def offer(self, digest: bytes) -> OfferSeen:
        """One offer, whatever its state (UNKNOWN_OFFER)."""
        return self._calls.run(lambda: self._part.offer(digest))

    def needs(self) -> tuple[NeedSeen, ...]:
        """Needs of the party's owner, oldest first."""
        return self._calls.run(self._part.needs)

    def contract(self, contract: bytes) -> ContractSeen:
        """One contract (UNKNOWN_CONTRACT)."""
        return self._calls.run(lambda: self._part.contract(contract))

    def contracts(self, since: int = 0) -> tuple[ContractSeen, ...]:
        """Contracts that changed after a log position, in the order of their last change."""
        return self._calls.run(lambda: self._part.contracts(since))

    def preview_cancel(
        self, *, contract: bytes = b"", offer: bytes = b"", quantity_steps: int = 0
    ) -> CancelPreview:
        """What cancelling costs: a contract, or a purchase before it is made (UNKNOWN_CONTRACT, ...)."""
        return self._calls.run(
            lambda: self._part.preview_cancel(contract=contract, offer=offer, quantity_steps=quantity_steps)
        )

    def standing_orders(self) -> tuple[StandingSeen, ...]:
        """Standing orders of an owner and his things, or of the thing itself, oldest first."""
        return self._calls.run(self._part.standing_orders)

    def balances(self) -> tuple[MoneyBalance, ...]:
        """Balances of an owner who asks himself (NOT_PERMITTED)."""
        return self._calls.run(self._part.balances)

    def explain(self, *, contract: bytes = b"", seq: int = 0) -> Explanation:
        """Why a contract was made, or a command of one's own decided as it was; the proof is verified."""
        return self._calls.run(lambda: self._part.explain(contract=contract, seq=seq))

    def spending(self, mandate: bytes) -> SpendingView:
        """What was spent under a mandate, and whether it lives (UNKNOWN_MANDATE)."""
        return self._calls.run(lambda: self._part.spending(mandate))

    def unseal(self, contract: bytes, commitment: bytes) -> bytes:
        """The bytes behind a commitment of a contract (UNKNOWN_CONTRACT, ERASED)."""
        return self._calls.run(lambda: self._part.unseal(contract, commitment))

    def watch(self, since: int | None = None) -> BlockingWatch[Change]:
        """Changes as they become durable; reconnects by itself, and catches up on contracts.

        Begins after the log position `since`; without it when entered by `with`, else at the first question.
        A change may be told twice, none of a contract is left out. Ends only by a refusal.
        """
        return BlockingWatch(self._calls, self._watches, lambda: self._part.watch(since))
