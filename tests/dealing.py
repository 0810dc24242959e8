"""What the world of tests does about offers, needs, purchases, contracts and orders that wait."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.catalog.needs import Need, WithdrawNeed
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer
from thingmarket.catalog.pricing import price
from thingmarket.contract.approvals import AgreeToCosign, Approve, PendingId
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.orders import (
    AcceptDelivery,
    Fulfil,
    FulfilStep,
    Purchase,
    SealedRef,
)
from thingmarket.contract.personas import Persona, SetPersona
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.terms import Place
from thingmarket.ids import ContractId, Digest
from thingmarket.limits import DAY_MS
from thingmarket.market.entries import Outcome
from thingmarket.policy.decision import Fact
from thingmarket.wire import approvals, catalog, trade
from thingmarket.wire.cancelling import cancel_body

PRINTER_INK: Final = "44103105"  # UNSPSC


def made(outcome: Outcome) -> Outcome:
    """What was not refused."""
    assert outcome.code == 0, f"{outcome.code} {outcome.reason} [{outcome.rule}]"
    return outcome


class Dealing:
    """Every `World` is one."""

    # --- catalogue

    def offer(self: Any, seller: Any, **changes: Any) -> Digest:
        """Publish an offer; `changes` are fields of `Offer`."""
        return Digest(made(self.try_offer(seller, **changes)).reference)

    def try_offer(self: Any, seller: Any, **changes: Any) -> Outcome:
        """Publish an offer that may be refused."""
        return self.send(seller, TypeId.PUBLISH_OFFER, self.offer_body(**changes))

    def offer_body(self: Any, **changes: Any) -> bytes:
        """The body of an offer of printer ink at 10.00 EUR net."""
        offer = Offer(
            key=self.key(),
            product_id="ink-black",
            title="Black ink",
            category=PRINTER_INK,
            unit="C62",
            currency="EUR",
            price_minor=1_000,
            price_base_steps=1,
            tax_category="S",
            stock_steps=100,
            min_steps=1,
            max_steps=100,
            valid_until_ms=self.time_ms + 30 * DAY_MS,
            fulfilment=FulfilmentKind.HUMAN,
            delivery_ms=2 * DAY_MS,
            inspection_ms=DAY_MS,
        )
        return catalog.publish_offer_body(replace(offer, **changes))

    def withdraw_offer(self: Any, by: Any, offer: bytes) -> Outcome:
        """End an offer."""
        body = catalog.withdraw_offer_body(WithdrawOffer(key=self.key(), offer=offer))
        return self.send(by, TypeId.WITHDRAW_OFFER, body)

    def need(self: Any, thing: Any, **changes: Any) -> Digest:
        """Announce a need; `changes` are fields of `Need`."""
        return Digest(made(self.try_need(thing, **changes)).reference)

    def try_need(self: Any, thing: Any, **changes: Any) -> Outcome:
        """Announce a need that may be refused."""
        need = Need(
            key=self.key(),
            title="Ink for the printer",
            category=PRINTER_INK,
            unit="C62",
            quantity_steps=1,
            valid_until_ms=self.time_ms + 30 * DAY_MS,
        )
        return self.send(thing, TypeId.ANNOUNCE_NEED, catalog.announce_need_body(replace(need, **changes)))

    def withdraw_need(self: Any, by: Any, need: bytes) -> Outcome:
        """End a need."""
        body = catalog.withdraw_need_body(WithdrawNeed(key=self.key(), need=need))
        return self.send(by, TypeId.WITHDRAW_NEED, body)

    # --- trade

    def purchase_body(
        self: Any,
        offer: Digest,
        quantity: int = 1,
        *,
        need: bytes = b"",
        total_minor: int | None = None,
        delivery: tuple[SealedRef, ...] = (),
        choice: bytes = b"",
        approved_by: bytes = b"",
        points: int = 0,
        less_minor: int = 0,
        place: Place | None = None,
    ) -> bytes:
        """The body of a purchase, with the right total unless another is given."""
        listed = self.state.offers[offer].offer
        rate = self.state.tax_basis_points[listed.tax_row]
        purchase = Purchase(
            key=self.key(),
            offer=offer,
            quantity_steps=quantity,
            currency=listed.currency,
            total_minor=total_minor or price(listed, quantity, rate, less_minor).total_minor,
            need=need,
            delivery=delivery,
            choice=choice,
            approved_by=approved_by,
            points=points,
            place=place,
        )
        return trade.purchase_body(purchase)

    def buy(self: Any, buyer: Any, offer: Digest, quantity: int = 1, **details: Any) -> Outcome:
        """Buy at the posted price; `details` are those of `purchase_body`."""
        return self.send(buyer, TypeId.PURCHASE, self.purchase_body(offer, quantity, **details))

    def bought(self: Any, buyer: Any, offer: Digest, quantity: int = 1, **details: Any) -> ContractId:
        """Buy, which must not be refused; the contract."""
        return ContractId(made(self.buy(buyer, offer, quantity, **details)).reference)

    def report(
        self: Any,
        contract: bytes,
        step: FulfilStep,
        by: Any = None,
        facts: tuple[Fact, ...] = (),
        *,
        unit: int = 0,
        quantity: int = 0,
    ) -> Outcome:
        """The seller (or whoever) reports a step."""
        by = by or self.actors[self.contract(contract).seller]
        report = Fulfil(
            key=self.key(), contract=contract, step=step, facts=facts, unit=unit, part_steps=quantity
        )
        return self.send(by, TypeId.FULFIL, trade.fulfil_body(report))

    def ready(self: Any, contract: bytes, by: Any = None, *, unit: int = 0) -> Outcome:
        """The goods are ready to go."""
        return self.report(contract, FulfilStep.READY, by, unit=unit)

    def deliver(
        self: Any,
        contract: bytes,
        by: Any = None,
        facts: tuple[Fact, ...] = (),
        *,
        unit: int = 0,
        quantity: int = 0,
    ) -> Outcome:
        """The goods of a unit, or a `quantity` of them, were handed over."""
        return self.report(contract, FulfilStep.DELIVERED, by, facts, unit=unit, quantity=quantity)

    def fail(self: Any, contract: bytes, by: Any = None, *, unit: int = 0) -> Outcome:
        """The seller cannot deliver."""
        return self.report(contract, FulfilStep.FAILED, by, unit=unit)

    def accept(
        self: Any, contract: bytes, by: Any = None, unit: int = 0, facts: tuple[Fact, ...] = ()
    ) -> Outcome:
        """The buyer (or whoever) accepts what was delivered."""
        by = by or self.actors[self.contract(contract).buyer]
        word = AcceptDelivery(key=self.key(), contract=contract, unit=unit, facts=facts)
        return self.send(by, TypeId.ACCEPT_DELIVERY, trade.accept_delivery_body(word))

    def cancel(self: Any, contract: bytes, by: Any = None, *, most_minor: int = 0) -> Outcome:
        """The buyer (or whoever) cancels what was not delivered, for at most `most_minor`."""
        by = by or self.actors[self.contract(contract).buyer]
        wish = Cancel(key=self.key(), contract=contract, max_fee_minor=most_minor)
        return self.send(by, TypeId.CANCEL, cancel_body(wish))

    # --- orders that wait

    def asked(self: Any, buyer: Any, offer: Digest, quantity: int = 1, **details: Any) -> PendingId:
        """Buy what needs an approval; the order that waits."""
        outcome = made(self.buy(buyer, offer, quantity, **details))
        assert outcome.pending, "this order needs no approval"
        return PendingId(outcome.reference)

    def approve(
        self: Any,
        by: Any,
        pending: bytes,
        *,
        approved: bool = True,
        reason: str = "",
        body_digest: bytes | None = None,
    ) -> Outcome:
        """Say yes or no to an order that waits; the buyer's own no withdraws it."""
        word = Approve(
            key=self.key(),
            pending=pending,
            body_digest=self.pending(pending).body_digest if body_digest is None else body_digest,
            approved=approved,
            reason=reason,
        )
        return self.send(by, TypeId.APPROVE, approvals.approve_body(word))

    def agree_to_cosign(self: Any, cosigner: Any, owner: Any, *, agreed: bool = True) -> Outcome:
        """A party agrees to be asked about an owner's orders, or does so no more."""
        body = AgreeToCosign(key=self.key(), owner=owner.id, agreed=agreed)
        return self.send(cosigner, TypeId.AGREE_TO_COSIGN, approvals.agree_to_cosign_body(body))

    def persona(self: Any, owner: Any, thing: Any, **wishes: Any) -> Outcome:
        """Say how an owner wants to be treated by a thing."""
        body = SetPersona(key=self.key(), thing=thing.id, persona=Persona(**wishes))
        return self.send(owner, TypeId.SET_PERSONA, approvals.set_persona_body(body))
