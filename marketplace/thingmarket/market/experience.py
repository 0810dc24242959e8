"""What the contracts of a node teach: when and how much each thing buys, and at what prices. [GRD-6]

It follows from the contracts alone, so it has no root and stands in no snapshot. An entry is learnt from
when it stands; contracts of one entry in the order of their ids.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from thingmarket.catalog.offers import Offer
from thingmarket.contract.contract import Contract, ContractState
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import (
    GUARD_HISTORY_MAX,
    GUARD_ORDERS_MAX,
    GUARD_TRADES_MAX,
    GUARD_TRADES_OF_OWNER_MAX,
)
from thingmarket.market.fill_terms import offer_of_fill
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.records import MandateRecord, OfferRecord
from thingmarket.policy.acts import Act
from thingmarket.policy.guards import Seen, Trade, finest, unit_price
from thingmarket.tables import Table

_READ_OF_CONTRACTS: Final = (
    *("id", "seq", "state", "created_ms", "offer", "quantity_steps"),
    *("mandate_leaf", "buyer_owner", "seller_owner", "market", "net_minor"),
)


class Experience:
    """Bounded rings over the newest contracts: orders of a thing, its quantities, prices of a product."""

    def __init__(
        self,
        contracts: Table[ContractId, Contract],
        offers: Table[Digest, OfferRecord],
        mandates: Table[Digest, MandateRecord],
        markets: Table[int, MarketRecord],
    ) -> None:
        """Follow the contracts from now on."""
        self._offers, self._mandates, self._markets = offers, mandates, markets
        self.made: dict[ContractId, Contract] = {}  # by the entry in hand; it may still be refused
        self.completed: dict[ContractId, Contract] = {}
        self._orders_ms: dict[tuple[PartyId, PartyId], deque[int]] = {}
        self._quantities: dict[tuple[PartyId, PartyId, str, str], deque[int]] = {}
        self._prices: dict[tuple[str, str, str], list[Trade]] = {}
        contracts.watch(self._changed, reads=_READ_OF_CONTRACTS)

    def _changed(self, name: ContractId, old: Contract | None, new: Contract | None) -> None:
        if old is None and new is not None:
            self.made[name] = new
        elif new is None:
            self.made.pop(name, None)
        was = old is not None and old.state is ContractState.COMPLETED
        if new is not None and new.state is ContractState.COMPLETED and not was:
            self.completed[name] = new
        elif was and (new is None or new.state is not ContractState.COMPLETED):
            self.completed.pop(name, None)  # taken back by a refusal

    @property
    def has_news(self) -> bool:
        """Whether the entry in hand made or completed a contract."""
        return bool(self.made or self.completed)

    def take(self) -> tuple[list[Contract], list[Contract]]:
        """What the entry that now stands made and completed; learns from what was made."""
        made = sorted(self.made.values(), key=lambda contract: (contract.seq, contract.id))
        completed = sorted(self.completed.values(), key=lambda contract: contract.id)
        self.made.clear()
        self.completed.clear()
        for contract in made:
            self._learn(contract)
        return made, completed

    def _learn(self, contract: Contract) -> None:
        offer = self._promised(contract)
        steps = finest(contract.quantity_steps, offer.unit_scale)
        if contract.mandate_leaf:
            mandate = self._mandates[Digest(contract.mandate_leaf)].effective
            owner, thing = mandate.root_owner, mandate.subjects[0]
            orders = self._orders_ms.get((owner, thing))
            if orders is None:
                orders = self._orders_ms[owner, thing] = deque(maxlen=GUARD_ORDERS_MAX)
            orders.append(contract.created_ms)
            shelf = (owner, thing, offer.product_id, offer.unit)
            quantities = self._quantities.get(shelf)
            if quantities is None:
                quantities = self._quantities[shelf] = deque(maxlen=GUARD_HISTORY_MAX)
            quantities.append(steps)
        price = unit_price(offer.price_minor, offer.price_base_steps, offer.unit_scale)
        trades = self._prices.setdefault((offer.product_id, offer.currency, offer.unit), [])
        _remember(trades, (price, contract.seller_owner, contract.buyer_owner))

    def _promised(self, contract: Contract) -> Offer:
        if contract.market:
            return offer_of_fill(self._markets[contract.market].listed, contract)
        return self._offers[contract.offer].offer

    def in_hand(self, owner: PartyId, thing: PartyId) -> list[int]:
        """Times of the orders of a thing that the entry in hand has made so far, Unix milliseconds.

        Only one of deadlines makes several: standing orders of one moment are looked at one by one.
        """
        found = []
        for contract in self.made.values():
            if contract.mandate_leaf and contract.buyer_owner == owner:
                mandate = self._mandates[Digest(contract.mandate_leaf)].effective
                if mandate.subjects[0] == thing:
                    found.append(contract.created_ms)
        return found

    def seen(self, owner: PartyId, thing: PartyId, act: Act) -> Seen:
        """What the guards compare an act of a thing with."""
        orders_ms: Sequence[int] = self._orders_ms.get((owner, thing), ())
        if self.made:
            orders_ms = [*orders_ms, *self.in_hand(owner, thing)]
        return Seen(
            orders_ms=orders_ms,
            quantities=self._quantities.get((owner, thing, act.product_id, act.unit), ()),
            trades=self._prices.get((act.product_id, act.currency, act.unit), ()),
        )


def _remember(trades: list[Trade], trade: Trade) -> None:
    # Whoever has his share of the ring already pushes out his own oldest trade, never somebody else's.
    for side in (1, 2):
        own = [at for at, one in enumerate(trades) if one[side] == trade[side]]
        if len(own) >= GUARD_TRADES_OF_OWNER_MAX:
            del trades[own[0]]
    trades.append(trade)
    if len(trades) > GUARD_TRADES_MAX:
        del trades[0]
