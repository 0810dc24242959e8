"""Buyers: they buy what they find, within their mandates or not, and do all that follows from it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

from thingmarket.audit.commitments import commit
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.pricing import price
from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.orders import Purchase, RetentionClass, SealedRef
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.mandates import Action, mandate_digest
from thingmarket.identity.things import ClaimThing, RegisterDevice, RegisterThing, claim_commitment
from thingmarket.ids import ContractId, Digest, Key, PartyId, digest
from thingmarket.limits import MINUTE_MS, SECOND_MS
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.wire import catalog, identity, things, trade
from thingmarket.wire.standing import end_standing_order_body, open_standing_order_body
from thingmarket_node.core.messages import SealedPart
from thingmarket_node.sim import deliveries
from thingmarket_node.sim.actors import Outcome, Place
from thingmarket_node.sim.owners import Owner
from thingmarket_node.sim.people import CATEGORY, RATES, Square, Thing, ignored
from thingmarket_node.sim.sellers import Seller

_OFTEN = 1_000_000_00  # a most for a standing order that every price is below


class Buyer(Thing):
    """Buys what it finds, within its mandate or not; accepts, or stays silent."""

    actions: tuple[Action, ...] = (
        Action.ANNOUNCE,
        Action.BUY,
        Action.CANCEL,
        Action.ACCEPT_DELIVERY,
        Action.FEEDBACK,
        Action.LOYALTY,
    )

    def __init__(self, place: Place, name: str, owner: Owner, square: Square, sellers: list[Seller]) -> None:
        """Know the sellers by name."""
        super().__init__(place, name, owner, square)
        self.sellers = sellers
        self.wishes = place.world.between(2, 8)
        self.patience = 60  # looks at an empty square
        self._used: list[tuple[Key, Digest, Offer]] = []
        self._told: set[bytes] = set()  # contracts that their sellers know of

    def work(self) -> None:
        """Buy now and then."""
        for _ in range(self.wishes):
            self.later(1, 200, self._want)
        self.wishes = 0

    def _want(self) -> None:
        world = self.world
        if not self.square.offers:
            self.patience -= 1
            if self.patience > 0:
                self.later(5, 40, self._want)
            return
        digest_, offer = self.square.offers[world.between(0, len(self.square.offers) - 1)]
        quantity = world.between(1, min(3, offer.max_steps))
        match world.between(0, 13):
            case 0:
                self._buy(digest_, offer, quantity, wrong=world.between(1, 3))
            case 1 | 2:
                self._need(digest_, offer, quantity)
            case 3 if self._used:
                self._reuse_key()
            case 4 | 5:
                self._stand(digest_, offer, quantity)
            case 6:
                self._break()
            case _:
                self._buy(digest_, offer, quantity)

    def _need(self, offer_digest: Digest, offer: Offer, quantity: int) -> None:
        valid_until_ms = max(self.world.now_ms, self.now_ms) + self.world.between(2, 30) * MINUTE_MS
        need = Need(
            key=b"",
            title="Ink for the printer",
            category=CATEGORY,
            unit="C62",
            quantity_steps=quantity,
            valid_until_ms=valid_until_ms,
            slot="ink" if self.world.chance(600) else "",
        )

        def announced(outcome: Outcome) -> None:
            if not outcome.code:
                for _ in range(1 + self.world.chance(200)):  # twice fills it once
                    self._buy(offer_digest, offer, quantity, need=outcome.reference)

        self.tell(TypeId.ANNOUNCE_NEED, need, catalog.announce_need_body, announced)

    def _stand(self, offer_digest: Digest, offer: Offer, quantity: int) -> None:
        """Buy again and again."""
        world = self.world
        times, interval_ms = world.between(1, 8), world.between(5, 200) * SECOND_MS
        body = OpenStandingOrder(
            key=b"",
            offer=offer_digest,
            quantity_steps=quantity,
            currency="EUR",
            total_max_minor=_OFTEN if world.chance(900) else 1,
            interval_ms=interval_ms,
            occurrences_max=times,
            slot="ink" if world.chance(400) else "",
        )

        def opened(outcome: Outcome) -> None:
            if outcome.code:
                return
            for turn in range(times + 1):
                seconds = 5 + turn * interval_ms // SECOND_MS
                self.later(seconds, seconds + 20, self._look)
            if world.chance(250):
                ends = EndStandingOrder(key=b"", standing_order=outcome.reference)
                self.later(
                    5,
                    200,
                    lambda: self.tell(TypeId.END_STANDING_ORDER, ends, end_standing_order_body),
                )

        self.tell(TypeId.OPEN_STANDING_ORDER, body, open_standing_order_body, opened)

    def _look(self) -> None:
        """See what a standing order has bought, and what of it waits."""
        for name, made in self.state.contracts.items():
            if made.buyer == self.party:
                self._tell_seller(name)
        for order in list(self.state.pendings.values()):
            if order.buyer == self.party and order.waits and order.id not in self._told:
                self._told.add(order.id)
                self._wait(order.id)

    def _break(self) -> None:
        """Report what is broken about itself."""
        severity = Severity.CRITICAL if self.world.chance(300) else Severity.DEGRADED
        body = ReportMalfunction(key=b"", thing=self.party, component="fuser", severity=severity)

        def reported(outcome: Outcome) -> None:
            if not outcome.code and severity is Severity.CRITICAL:
                self.owner.tripped(self)

        self.tell(TypeId.REPORT_MALFUNCTION, body, things.report_malfunction_body, reported)

    # --- orders

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
        purchase = self._purchase(offer_digest, offer, quantity, wrong)
        purchase = replace(purchase, need=need, approved_by=approved_by)
        parts: tuple[SealedPart, ...] = ()
        if self.world.chance(300):
            part = SealedPart(salt=self.world.some_bytes(32), data=b"12 Main Street", retention=2)
            parts = (part,)
            refs = (SealedRef(commit(part.salt, part.data), RetentionClass.CONTRACT),)
            purchase = replace(purchase, delivery=refs)

        def bought(outcome: Outcome) -> None:
            if outcome.code:
                if outcome.code == Code.GUARD_TRIPPED:
                    self.owner.tripped(self)
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

    def _purchase(self, offer_digest: Digest, offer: Offer, quantity: int, wrong: int) -> Purchase:
        points, less = self._points(offer_digest)
        try:
            cost = price(offer, quantity, RATES[offer.tax_row], less).total_minor
        except Refusal:  # the points are worth more than the goods
            points, cost = 0, price(offer, quantity, RATES[offer.tax_row]).total_minor
        return Purchase(
            key=b"",
            offer=digest(b"nobody") if wrong == 3 else offer_digest,
            quantity_steps=offer.max_steps + 1 if wrong == 2 else quantity,
            currency="EUR",
            total_minor=cost - 1 if wrong == 1 and cost > 1 else cost + (wrong == 1),
            points=points,
        )

    def _points(self, offer: Digest) -> tuple[int, int]:
        """Points of the seller to redeem, now and then more than there are, and what they take off."""
        listed = self.memory.offers.get(offer)
        programme = self.memory.points.get(listed.owner) if listed else None
        if programme is None or self.world.chance(600):
            return 0, 0
        points = programme.has.get(self.owner.party, 0) + self.world.chance(50)
        return points, points * programme.terms.value_minor

    def _wait(self, pending: bytes) -> None:
        """Tell those who may approve, and perhaps think better of it."""
        world, order = self.world, self._pending(pending)
        self._told.add(pending)
        if order is None:
            return  # it was forgotten before this answer came
        for who in (self.owner, *self.cosigners):
            self.later(1, 90, partial(who.asked, self, order))
        if world.chance(80):
            self.later(1, 60, lambda: self.say(order, approved=False, then=ignored))
        if world.chance(80):
            self.say(order, approved=True, then=ignored, hostile=True)

    def _pending(self, pending: bytes) -> PendingOrder | None:
        # What was answered is durable, so the log of the auditor has it.
        return self.state.pendings.get(PendingId(pending))

    def answered(self, asked: PendingOrder, outcome: Outcome) -> None:
        """Somebody said yes: it is bought, or something was missing, and perhaps another offer will do."""
        order = self._pending(asked.id)
        if outcome.code or order is None:
            return
        if order.contract:
            self._tell_seller(order.contract)
        elif order.missing is not None:
            self._buy_elsewhere(order)
            self.later(10, 240, partial(self._buy_elsewhere, order))

    def _buy_elsewhere(self, order: PendingOrder) -> None:
        """Use an approval for the newest offer of the same, at another price."""
        for digest_, offer in reversed(self.square.offers):
            if offer.product_id == order.product_id:
                steps = order.purchase.quantity_steps
                for _ in range(1 + self.world.chance(300)):  # it serves once, however often it is named
                    self._buy(digest_, offer, self.world.between(1, steps), approved_by=order.id)
                return

    def _reuse_key(self) -> None:
        """Use the key of an order once more, for another body."""
        key, offer_digest, offer = self._used[-1]
        other = Purchase(
            key=key, offer=offer_digest, quantity_steps=1, currency="EUR", total_minor=offer.price_minor + 77
        )
        self.send(TypeId.PURCHASE, lambda _: trade.purchase_body(other), hostile=True, key=key)

    # --- contracts

    def _tell_seller(self, contract: bytes) -> None:
        if contract in self._told:
            return
        self._told.add(contract)
        world, made = self.world, self.state.contracts[ContractId(contract)]
        seller = next(seller for seller in self.sellers if seller.party == made.seller)
        self.later(0, 5, lambda: seller.ordered(contract, self))
        if world.chance(200):
            self.later(0, world.between(1, 60), lambda: deliveries.cancel(self, contract))
        if world.chance(300):
            self.later(60, 900, lambda: deliveries.rate(self, contract))


class Delegator(Buyer):
    """A buyer that hands a part of its authority on to an agent of its own."""

    actions = tuple(sorted((*Buyer.actions, Action.SUBDELEGATE)))

    def __init__(self, place: Place, name: str, owner: Owner, square: Square, sellers: list[Seller]) -> None:
        """Have an agent."""
        super().__init__(place, name, owner, square, sellers)
        self.agent = Agent(place, f"{name}-agent", self)

    def presented(self) -> None:
        """Give the agent its part each time that there is a new mandate."""
        super().presented()
        self.agent.receive(*self.chain, self._link(self.chain))

    def _link(self, chain: Sequence[Signed]) -> Signed:
        world, parent = self.world, identity.read_mandate(chain[-1].payload)
        (limit,) = parent.limits
        order = world.between(limit.per_order_minor // 2, limit.per_order_minor)
        link = replace(
            parent,
            mandate_id=world.some_bytes(16),
            issuer=self.party,
            subject=self.agent.party,
            parent_digest=mandate_digest(parent),
            depth=1,
            actions=Buyer.actions,
            limits=(replace(limit, per_order_minor=order, cosign_above_minor=limit.cosign_above_minor),),
            nonce=world.some_bytes(12),
            signed_bytes=b"",
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(link), self.key)


class Agent(Buyer):
    """Buys under what a thing handed on to it; it shares its parent's budget."""

    def __init__(self, place: Place, name: str, parent: Delegator) -> None:
        """Belong to a thing."""
        super().__init__(place, name, parent.owner, parent.square, parent.sellers)
        self.parent = parent

    @property
    def root(self) -> PartyId:
        """The thing that it has its authority of."""
        return self.parent.party

    def begin(self) -> None:
        """Wait for the parent."""


class Newborn(Buyer):
    """A buyer from the factory: its owner claims it by the code of its label, and hands it a mandate."""

    def begin(self) -> None:
        """Say that it is there."""
        self.code = sha256(self.name.encode()).digest()[:16]
        salt = sha256(self.code).digest()
        body = RegisterDevice(
            key=b"",
            model="VM-1",
            serial_commitment=salt,
            claim_commitment=claim_commitment(salt, self.code),
            salt=salt,
        )

        def registered(outcome: Outcome) -> None:
            if not outcome.code:
                for _ in range(self.world.between(0, 2) if self.world.chance(400) else 0):
                    self._claim(bytes(16), hostile=True)
                self._claim(self.code)

        self.tell(TypeId.REGISTER_DEVICE, body, things.register_device_body, registered)

    def _claim(self, code: bytes, *, hostile: bool = False) -> None:
        def claimed(outcome: Outcome) -> None:
            if not outcome.code:
                self.receive(self.owner.mandate(self))

        body = ClaimThing(key=b"", thing=self.party, code=code)
        self.owner.send(
            TypeId.CLAIM_THING,
            lambda key: things.claim_thing_body(replace(body, key=key)),
            claimed,
            hostile=hostile,
        )

    def presented(self) -> None:
        """Register once, then work."""
        if self.worked:
            return
        body = RegisterThing(key=b"", kind="printer")
        work = super().presented
        self.tell(TypeId.REGISTER_THING, body, things.register_thing_body, lambda _: work())
