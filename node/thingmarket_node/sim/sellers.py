"""Sellers: they promise different things, deliver in time, late, in parts or not at all, and pay back."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.wire import catalog
from thingmarket_node.sim import deliveries
from thingmarket_node.sim.actors import Outcome
from thingmarket_node.sim.people import CATEGORY, Thing

if TYPE_CHECKING:
    from thingmarket_node.sim.buyers import Buyer


class Seller(Thing):
    """Publishes offers, and fulfils what is bought, mostly."""

    actions = (Action.SELL, Action.FEEDBACK)

    def work(self) -> None:
        """Publish one or two offers, perhaps withdrawing one later."""
        for number in range(self.world.between(1, 2)):
            self._publish(number)

    def _publish(self, number: int, earlier: Offer | None = None) -> None:
        world = self.world
        short = world.chance(300)
        delivery_ms = (
            world.between(2, 30) * HOUR_MS if world.chance(60) else world.between(20, 400) * SECOND_MS
        )
        jurisdiction = "" if world.chance(500) else ("DE", "FR")[world.between(0, 1)]
        offer = Offer(
            key=b"",
            product_id=f"ink-{self.name}-{number}",
            title="Black ink",
            category=CATEGORY,
            unit="C62",
            currency="EUR",
            price_minor=world.between(100, 60_00),
            price_base_steps=world.between(1, 3),
            tax_category="S" if jurisdiction or world.chance(500) else "Z",
            stock_steps=world.between(1, 20),
            min_steps=1,
            max_steps=world.between(2, 10),
            valid_until_ms=max(world.now_ms, self.now_ms)
            + (world.between(1, 8) * MINUTE_MS if short else DAY_MS),
            fulfilment=FulfilmentKind.HUMAN,
            delivery_ms=delivery_ms,
            inspection_ms=world.between(20, 400) * SECOND_MS,
            terms=self._terms(delivery_ms),
            jurisdiction=jurisdiction,
        )
        if earlier is not None and world.chance(800):  # an approval serves no other terms
            offer = replace(offer, terms=earlier.terms, delivery_ms=earlier.delivery_ms)

        def published(outcome: Outcome) -> None:
            if outcome.code:
                return
            self.square.offers.append((Digest(outcome.reference), offer))
            if world.chance(350):
                self.later(10, 200, lambda: self._withdraw(outcome.reference, number, offer))

        self.tell(TypeId.PUBLISH_OFFER, offer, catalog.publish_offer_body, published)

    def _terms(self, delivery_ms: int) -> Terms:
        """What is promised besides goods and price: nothing, or one thing or the other."""
        world = self.world
        if world.chance(350):
            return Terms()
        if world.chance(120):
            return Terms(settlement=SettlementKind.DVP)
        terms = Terms(grace_ms=world.between(1, 300) * SECOND_MS)
        if world.chance(600):
            credit = world.between(1, 50_000_000) if world.chance(800) else 1
            terms = replace(
                terms,
                late_credit_basis_points_per_day=credit,
                late_credit_max_basis_points=world.between(1, 10_000),
            )
        if world.chance(300):
            terms = replace(terms, milestones=self._milestones(delivery_ms))
        if world.chance(400):
            first_ms = min((one.delivery_ms for one in terms.milestones), default=delivery_ms)
            terms = replace(terms, cancel_window_ms=world.between(1, max(1, first_ms // 2)))
        if world.chance(600):
            terms = replace(terms, cancel_planned_basis_points=world.between(0, 3_000))
        if world.chance(400):
            terms = replace(terms, cancel_ready_basis_points=world.between(0, 10_000))
        return terms

    def _milestones(self, delivery_ms: int) -> tuple[Milestone, ...]:
        share = self.world.between(1, 999_999)
        first_ms = self.world.between(delivery_ms // 2, delivery_ms)
        return (
            Milestone(title="first", share_millionths=share, delivery_ms=first_ms),
            Milestone(title="second", share_millionths=1_000_000 - share, delivery_ms=delivery_ms),
        )

    def _withdraw(self, name: bytes, number: int, offer: Offer) -> None:
        """End an offer, mostly to sell the same at another price."""

        def withdrawn(outcome: Outcome) -> None:
            if not outcome.code and self.world.chance(700):
                self._publish(number, offer)

        body = WithdrawOffer(key=b"", offer=name)
        self.tell(TypeId.WITHDRAW_OFFER, body, catalog.withdraw_offer_body, withdrawn)

    # --- what was bought

    def ordered(self, contract: bytes, buyer: "Buyer") -> None:
        """Hear of an order, and do one of the things that sellers do."""
        deliveries.ordered(self, contract, partial(deliveries.find_parcel, buyer, contract))
