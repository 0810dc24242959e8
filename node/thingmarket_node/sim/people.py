"""Who takes part in a purchase: owners, sellers, buyers, and what each of them does by itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

from thingmarket.audit.commitments import commit
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer
from thingmarket.catalog.pricing import price
from thingmarket.contract.approvals import Approve, PendingId, PendingOrder
from thingmarket.contract.orders import (
    AcceptDelivery,
    Fulfil,
    FulfilStep,
    FundRequest,
    Purchase,
    RetentionClass,
    SealedRef,
)
from thingmarket.contract.personas import Persona, SetPersona
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Approval, Autonomy, Mandate, SpendingLimit
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.identity.scopes import EVERYTHING
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import ContractId, Digest, Key, NetworkId, digest
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.wire import catalog, identity, trade
from thingmarket.wire.approvals import approve_body, set_persona_body
from thingmarket_node.core.messages import SealedPart
from thingmarket_node.sim.actors import Client, Outcome, Place, Then
from thingmarket_node.sim.world import BEGIN_MS

TAXES: Final = (("S", 1_900), ("Z", 0))
RATES: Final = dict(TAXES)
_CATEGORY: Final = "44103105"


def seed_of(name: str) -> bytes:
    """The key seed of somebody; the same in every run, since keys are not what is tested."""
    return sha256(b"thingmarket simulation " + name.encode()).digest()


def key_event(role: Role, name: str, network_id: NetworkId) -> Signed:
    """Event 0 of an owner or a node."""
    key = SigningKey.from_seed(seed_of(name))
    is_node = role is Role.NODE
    event = KeyEvent(
        role=role,
        network_id=network_id,
        identity_key=key.public,
        log_key=SigningKey.from_seed(seed_of(f"{name} log")).public if is_node else b"",
        tls_key=SigningKey.from_seed(seed_of(f"{name} tls")).public if is_node else b"",
        created_ms=BEGIN_MS - DAY_MS,
        nonce=seed_of(name)[:12],
        signed_bytes=b"",
    )
    return sign(TypeId.KEY_EVENT, identity.key_event_payload(event), key)


class Square:
    """What people tell each other without the node: offers, orders, parcels."""

    def __init__(self) -> None:
        """Start with nothing to talk about."""
        self.offers: list[tuple[Digest, Offer]] = []


class Speaker(Client):
    """Says yes or no to orders that wait."""

    def say(self, order: PendingOrder, *, approved: bool, then: Then, hostile: bool = False) -> None:
        """Send a word about an order."""

        def make(key: Key) -> bytes:
            word = Approve(key=key, pending=order.id, body_digest=order.body_digest, approved=approved)
            return approve_body(word)

        self.send(TypeId.APPROVE, make, then, hostile=hostile)


class Owner(Speaker):
    """Is admitted, brings money, gives mandates, approves, and sometimes revokes."""

    def __init__(self, place: Place, name: str) -> None:
        """Be somebody whom the node does not know yet."""
        card = key_event(Role.OWNER, name, place.network_id)
        super().__init__(place, name, party_id(card.payload), SigningKey.from_seed(seed_of(name)))
        self.card = card
        self.things: list[Thing] = []
        self.neighbours: list[Owner] = []

    def begin(self) -> None:
        """Ask to be admitted."""
        card = self.card
        assert card is not None, "an owner has a card"
        self.send(TypeId.ADMIT_PARTY, lambda key: identity.admit_party_body(key, card), self._admitted)

    def _admitted(self, outcome: Outcome) -> None:
        world = self.world
        if outcome.code:
            return
        for _ in range(world.between(1, 2)):
            self.fund(world.between(20_00, 400_00))
        for thing in self.things:
            if world.chance(400):
                self.wish(thing)
            thing.receive(self.mandate(thing))

    def wish(self, thing: "Thing") -> None:
        """Say at what time of the day not to be asked."""
        now = self.now_ms % DAY_MS // MINUTE_MS
        start = min(max(0, now + self.world.between(-20, 20)), 22 * 60)  # about now, or nobody would notice
        quiet = WeeklyWindow(
            days_mask=127, start_minute=start, end_minute=start + self.world.between(1, 2 * 60)
        )

        def make(key: Key) -> bytes:
            return set_persona_body(SetPersona(key=key, thing=thing.party, persona=Persona(quiet=(quiet,))))

        self.send(TypeId.SET_PERSONA, make)

    def fund(self, amount_minor: int) -> None:
        """Bring money by the rail."""

        def make(key: Key) -> bytes:
            return trade.fund_request_body(FundRequest(key=key, currency="EUR", amount_minor=amount_minor))

        self.send(TypeId.FUND_REQUEST, make)

    def mandate(self, thing: "Thing") -> Signed:
        """A signed mandate for a thing, with limits that it will run into now and then."""
        world = self.world
        order = world.between(20_00, 200_00)
        if self.neighbours and world.chance(400):
            thing.cosigners = [self.neighbours[world.between(0, len(self.neighbours) - 1)]]
        limit = SpendingLimit(
            currency="EUR",
            per_item_minor=order,
            per_order_minor=order,
            per_day_minor=order * world.between(1, 4),
            total_minor=order * world.between(2, 5),
            cosign_above_minor=order if world.chance(350) else order // 5,
        )
        life_ms = world.between(2, 20) * MINUTE_MS if world.chance(100) else 30 * DAY_MS
        mandate = Mandate(
            network_id=self.place.network_id,
            mandate_id=world.some_bytes(16),
            issuer=self.party,
            subject=thing.party,
            root_owner=self.party,
            not_before_ms=BEGIN_MS - DAY_MS,
            expires_ms=max(world.now_ms, self.now_ms) + life_ms,
            autonomy=Autonomy.ADAPTABLE,
            actions=thing.actions,
            categories=EVERYTHING,
            counterparties=EVERYTHING,
            limits=(limit,),
            nodes=EVERYTHING,
            cosigners=tuple(sorted(other.party for other in thing.cosigners)),
            cosign_quorum=2 if thing.cosigners and world.chance(400) else 1,
            cosign_ttl_ms=world.between(1, 15) * MINUTE_MS,
            nonce=world.some_bytes(12),
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(mandate), self.key)

    def revoke(self) -> None:
        """End the mandates of one thing."""
        if not self.things:
            return
        thing = self.things[self.world.between(0, len(self.things) - 1)]

        def make(key: Key) -> bytes:
            return identity.revoke_body(key, subject=thing.party, reason="lost it")

        self.send(TypeId.REVOKE, make)

    def sign_approval(self, thing: "Thing", body: bytes) -> Signed:
        """Say yes to an order before it is sent."""
        approval = Approval(
            network_id=self.place.network_id,
            body_digest=digest(body),
            mandate_leaf=Digest(thing.leaf),
            owner=self.party,
            approved=True,
            expires_ms=max(self.world.now_ms, self.now_ms) + 3 * HOUR_MS,
            nonce=self.world.some_bytes(12),
        )
        return sign(TypeId.APPROVAL, identity.approval_payload(approval), self.key)

    def asked(self, buyer: "Buyer", order: PendingOrder) -> None:
        """Look at an order that waits: say yes to most, no to some, and nothing now and then."""
        world = self.world
        if world.chance(180):
            return
        yes = world.chance(850)
        then = partial(buyer.answered, order) if yes else ignored
        self.say(order, approved=yes, then=then)


def ignored(outcome: Outcome) -> None:
    """Nobody waits for this answer."""


class Thing(Speaker):
    """Acts under a mandate of its owner."""

    actions: tuple[Action, ...] = ()

    def __init__(self, place: Place, name: str, owner: Owner, square: Square) -> None:
        """Wait for a mandate."""
        key = SigningKey.from_seed(seed_of(name))
        super().__init__(place, name, did.encode(key.public), key)
        self.owner, self.square = owner, square
        self.cosigners: list[Owner] = []
        owner.things.append(self)

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Do something later, restarts or not."""
        self.world.after(delay_ms, f"{self.name} acts", act)

    def receive(self, mandate: Signed) -> None:
        """Show a mandate to the node, and work under it from then on."""

        def presented(outcome: Outcome) -> None:
            if not outcome.code:
                self.leaf = outcome.reference
                self.work()

        self.send(
            TypeId.PRESENT_MANDATE, lambda key: identity.present_mandate_body(key, (mandate,)), presented
        )

    def work(self) -> None:
        """Begin with what the thing is there for."""


class Seller(Thing):
    """Publishes offers, and fulfils what is bought, mostly."""

    actions = (Action.SELL,)

    def work(self) -> None:
        """Publish one or two offers, perhaps withdrawing one later."""
        for number in range(self.world.between(1, 2)):
            self._publish(number)

    def _publish(self, number: int) -> None:
        world = self.world
        short = world.chance(300)
        offer = Offer(
            key=b"",
            product_id=f"ink-{self.name}-{number}",
            title="Black ink",
            category=_CATEGORY,
            unit="C62",
            currency="EUR",
            price_minor=world.between(100, 60_00),
            price_base_steps=world.between(1, 3),
            tax_category="S" if world.chance(500) else "Z",
            stock_steps=world.between(1, 12),
            min_steps=1,
            max_steps=world.between(2, 10),
            valid_until_ms=max(world.now_ms, self.now_ms)
            + (world.between(1, 8) * MINUTE_MS if short else DAY_MS),
            fulfilment=FulfilmentKind.HUMAN,
            delivery_ms=world.between(20, 400) * SECOND_MS,
            inspection_ms=world.between(20, 400) * SECOND_MS,
        )
        if world.chance(60):
            offer = replace(offer, delivery_ms=world.between(2, 30) * HOUR_MS)

        def published(outcome: Outcome) -> None:
            if outcome.code:
                return
            self.square.offers.append((Digest(outcome.reference), offer))
            if world.chance(200):
                delay_ms = world.between(10, 200) * SECOND_MS
                self.after(delay_ms, lambda: self._withdraw(outcome.reference, number))

        self.send(
            TypeId.PUBLISH_OFFER, lambda key: catalog.publish_offer_body(replace(offer, key=key)), published
        )

    def _withdraw(self, offer: bytes, number: int) -> None:
        """End an offer, mostly to sell the same at another price."""

        def withdrawn(outcome: Outcome) -> None:
            if not outcome.code and self.world.chance(700):
                self._publish(number)

        self.send(
            TypeId.WITHDRAW_OFFER,
            lambda key: catalog.withdraw_offer_body(WithdrawOffer(key=key, offer=offer)),
            withdrawn,
        )

    def ordered(self, contract: bytes, buyer: "Buyer") -> None:
        """Hear of an order, and do one of the things that sellers do."""
        world = self.world
        plans: tuple[tuple[FulfilStep, ...], ...] = (
            (FulfilStep.READY, FulfilStep.DELIVERED),
            (FulfilStep.DELIVERED,),
            (FulfilStep.READY, FulfilStep.FAILED),
            (FulfilStep.FAILED,),
            (FulfilStep.DELIVERED, FulfilStep.DELIVERED),
            (FulfilStep.READY,),
            (),
        )
        plan = plans[world.between(0, 1)] if world.chance(600) else plans[world.between(0, len(plans) - 1)]
        for place, step in enumerate(plan):
            delay_ms = world.between(place * 20, place * 20 + 30) * SECOND_MS
            self.after(delay_ms, lambda step=step: self._report(contract, step, buyer))  # type: ignore[misc]

    def _report(self, contract: bytes, step: FulfilStep, buyer: "Buyer") -> None:
        def reported(outcome: Outcome) -> None:
            if not outcome.code and step is FulfilStep.DELIVERED:
                buyer.delivered(contract)

        def make(key: Key) -> bytes:
            return trade.fulfil_body(Fulfil(key=key, contract=contract, step=step))

        self.send(TypeId.FULFIL, make, reported)


class Buyer(Thing):
    """Buys what it finds, within its mandate or not; accepts, or stays silent."""

    actions = (Action.ANNOUNCE, Action.BUY, Action.ACCEPT_DELIVERY)

    def __init__(self, place: Place, name: str, owner: Owner, square: Square, sellers: list[Seller]) -> None:
        """Know the sellers by name."""
        super().__init__(place, name, owner, square)
        self.sellers = sellers
        self.wishes = place.world.between(1, 4)
        self.patience = 60  # looks at an empty square
        self._used: list[tuple[Key, Digest, Offer]] = []
        self._told: set[bytes] = set()  # contracts that their sellers know of

    def work(self) -> None:
        """Buy now and then."""
        for _ in range(self.wishes):
            self.after(self.world.between(1, 120) * SECOND_MS, self._want)
        self.wishes = 0

    def _want(self) -> None:
        world = self.world
        if not self.square.offers:
            self.patience -= 1
            if self.patience > 0:
                self.after(world.between(5, 40) * SECOND_MS, self._want)
            return
        digest_, offer = self.square.offers[world.between(0, len(self.square.offers) - 1)]
        quantity = world.between(1, min(3, offer.max_steps))
        match world.between(0, 9):
            case 0:
                self._buy(digest_, offer, quantity, wrong=world.between(1, 3))
            case 1:
                self._need(digest_, offer, quantity)
            case 2 if self._used:
                self._reuse_key()
            case _:
                self._buy(digest_, offer, quantity)

    def _need(self, offer_digest: Digest, offer: Offer, quantity: int) -> None:
        valid_until_ms = max(self.world.now_ms, self.now_ms) + self.world.between(2, 30) * MINUTE_MS
        need = Need(
            key=b"",
            title="Ink for the printer",
            category=_CATEGORY,
            unit="C62",
            quantity_steps=quantity,
            valid_until_ms=valid_until_ms,
        )

        def announced(outcome: Outcome) -> None:
            if not outcome.code:
                self._buy(offer_digest, offer, quantity, need=outcome.reference)

        self.send(
            TypeId.ANNOUNCE_NEED, lambda key: catalog.announce_need_body(replace(need, key=key)), announced
        )

    def _buy(
        self,
        offer_digest: Digest,
        offer: Offer,
        quantity: int,
        *,
        need: bytes = b"",
        wrong: int = 0,
        approved_by: bytes = b"",
    ) -> None:
        """Buy; `wrong` is 1 for a wrong total, 2 for too much, 3 for an offer that nobody made."""
        cost = price(offer, quantity, RATES[offer.tax_category]).total_minor
        purchase = Purchase(
            key=b"",
            offer=digest(b"nobody") if wrong == 3 else offer_digest,
            quantity_steps=offer.max_steps + 1 if wrong == 2 else quantity,
            currency="EUR",
            total_minor=cost - 1 if wrong == 1 and cost > 1 else cost + (wrong == 1),
            need=need,
            approved_by=approved_by,
        )
        parts: tuple[SealedPart, ...] = ()
        if self.world.chance(300):
            part = SealedPart(salt=self.world.some_bytes(32), data=b"12 Main Street", retention=2)
            parts = (part,)
            refs = (SealedRef(commit(part.salt, part.data), RetentionClass.CONTRACT),)
            purchase = replace(purchase, delivery=refs)

        def bought(outcome: Outcome) -> None:
            if outcome.code:
                return
            assert item.key is not None, "it was sent"
            self._used.append((item.key, offer_digest, offer))
            if outcome.pending:
                self._wait(outcome.reference)
            else:
                self._tell_seller(outcome.reference)

        item = self.send(
            TypeId.PURCHASE,
            lambda key: trade.purchase_body(replace(purchase, key=key)),
            bought,
            hostile=wrong > 0,
            sealed=parts,
            approve=partial(self.owner.sign_approval, self) if self.world.chance(100) else None,
        )

    def _wait(self, pending: bytes) -> None:
        """Tell those who may approve, and perhaps think better of it."""
        world, order = self.world, self._pending(pending)
        if order is None:
            return  # it was forgotten before this answer came
        for who in (self.owner, *self.cosigners):
            self.after(world.between(1, 90) * SECOND_MS, lambda who=who: who.asked(self, order))  # type: ignore[misc]
        if world.chance(80):
            self.after(
                world.between(1, 60) * SECOND_MS, lambda: self.say(order, approved=False, then=ignored)
            )
        if world.chance(80):
            self.say(order, approved=True, then=ignored, hostile=True)

    def _pending(self, pending: bytes) -> PendingOrder | None:
        # What was answered is durable, so the log of the auditor has it.
        return self.place.auditor.reference.market.state.pendings.get(PendingId(pending))

    def answered(self, asked: PendingOrder, outcome: Outcome) -> None:
        """Somebody said yes: it is bought, or something was missing, and perhaps another offer will do."""
        order = self._pending(asked.id)
        if outcome.code or order is None:
            return
        if order.contract:
            self._tell_seller(order.contract)
        elif order.missing is not None:
            for digest_, offer in reversed(self.square.offers):  # the newest, at another price
                if offer.product_id == order.product_id:
                    steps = order.purchase.quantity_steps
                    for _ in range(1 + self.world.chance(300)):  # it serves once, however often it is named
                        self._buy(digest_, offer, self.world.between(1, steps), approved_by=order.id)
                    return

    def _tell_seller(self, contract: bytes) -> None:
        if contract in self._told:
            return
        self._told.add(contract)
        made = self.place.auditor.reference.market.state.contracts[ContractId(contract)]
        seller = next(seller for seller in self.sellers if seller.party == made.seller)
        self.after(self.world.between(0, 5_000), lambda: seller.ordered(contract, self))

    def _reuse_key(self) -> None:
        """Use the key of an order once more, for another body."""
        key, offer_digest, offer = self._used[-1]
        other = Purchase(
            key=key, offer=offer_digest, quantity_steps=1, currency="EUR", total_minor=offer.price_minor + 77
        )
        self.send(TypeId.PURCHASE, lambda _: trade.purchase_body(other), hostile=True, key=key)

    def delivered(self, contract: bytes) -> None:
        """Find the parcel; accept it, or say nothing."""
        if self.world.chance(650):
            self.after(self.world.between(0, 90) * SECOND_MS, lambda: self._accept(contract))

    def _accept(self, contract: bytes) -> None:
        self.send(
            TypeId.ACCEPT_DELIVERY,
            lambda key: trade.accept_delivery_body(AcceptDelivery(key=key, contract=contract)),
        )
