"""Owners: they bring money, give mandates, approve, guard and hold their things, and change their minds."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from thingmarket.billing.commands import OpenProgramme
from thingmarket.contract.approvals import AgreeToCosign, PendingOrder
from thingmarket.contract.orders import FundRequest
from thingmarket.contract.personas import Persona, SetPersona
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Approval, Autonomy, Mandate, SpendingLimit
from thingmarket.identity.parties import Role, party_id
from thingmarket.identity.scopes import EVERYTHING
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.identity.things import SetThingState, ThingOrder
from thingmarket.ids import Digest, Key, digest
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.policy.guards import GuardAction, GuardRules, QuantityGuard, RateGuard, SetGuards
from thingmarket.policy.malfunctions import ReportMalfunction, Severity
from thingmarket.wire import billing, identity, things, trade, trust
from thingmarket.wire.approvals import agree_to_cosign_body, set_persona_body
from thingmarket_node.sim.actors import Outcome, Place
from thingmarket_node.sim.people import Person, Thing, ignored, key_event, seed_of
from thingmarket_node.sim.world import BEGIN_MS

if TYPE_CHECKING:
    from thingmarket_node.sim.buyers import Buyer


class Owner(Person):
    """Is admitted, brings money, gives mandates, and looks after his things."""

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
            self.fund(world.between(40_00, 800_00))
        if world.chance(600):
            self._open_programme()
        for thing in self.things:
            if world.chance(400):
                self.wish(thing)
            thing.begin()
            if world.chance(350):
                self.later(3, 30, partial(self.guard, thing))
            if world.chance(300):
                self.later(5, 240, partial(self._change_mind, thing))

    def _open_programme(self) -> None:
        terms = OpenProgramme(
            key=b"",
            name="drops",
            currency="EUR",
            earn_basis_points=self.world.between(1, 2_000),
            value_minor=self.world.between(1, 3),
            idle_days=self.world.between(0, 1),
        )
        self.tell(TypeId.OPEN_PROGRAMME, terms, billing.open_programme_body)

    def wish(self, thing: Thing) -> None:
        """Say at what time of the day not to be asked."""
        minute = (self.now_ms // MINUTE_MS + self.world.between(-20, 20)) % (24 * 60)
        end = min(24 * 60, minute + self.world.between(1, 2 * 60))  # about now, or nobody would notice
        quiet = WeeklyWindow(days_mask=127, start_minute=minute, end_minute=end)
        body = SetPersona(key=b"", thing=thing.party, persona=Persona(quiet=(quiet,)))
        self.tell(TypeId.SET_PERSONA, body, set_persona_body)

    def fund(self, amount_minor: int) -> None:
        """Bring money by the rail."""
        body = FundRequest(key=b"", currency="EUR", amount_minor=amount_minor)
        self.tell(TypeId.FUND_REQUEST, body, trade.fund_request_body)

    # --- mandates

    def mandate(self, thing: Thing, *, anew: bool = False) -> Signed:
        """A signed mandate for a thing, with limits that it will run into now and then."""
        world = self.world
        if self.neighbours and world.chance(400):
            neighbour = self.neighbours[world.between(0, len(self.neighbours) - 1)]
            thing.cosigners = [neighbour]
            if world.chance(850):
                neighbour.later(0, 20, partial(neighbour.agree_for, self))
            if world.chance(150):
                neighbour.later(20, 240, partial(neighbour.agree_for, self, agreed=False))
        delegates = Action.SUBDELEGATE in thing.actions
        life_ms = world.between(2, 20) * MINUTE_MS if world.chance(100) else 30 * DAY_MS
        now_ms = max(world.now_ms, self.now_ms)
        mandate = Mandate(
            network_id=self.place.network_id,
            mandate_id=world.some_bytes(16),
            issuer=self.party,
            subject=thing.party,
            root_owner=self.party,
            max_depth=1 if delegates else 0,
            not_before_ms=now_ms if anew else BEGIN_MS - DAY_MS,
            expires_ms=now_ms + life_ms,
            autonomy=Autonomy.AUTONOMOUS if delegates else Autonomy.ADAPTABLE,
            actions=thing.actions,
            categories=EVERYTHING,
            counterparties=EVERYTHING,
            limits=(self._limit(thing.haste),),
            nodes=EVERYTHING,
            cosigners=tuple(sorted(other.party for other in thing.cosigners)),
            cosign_quorum=2 if thing.cosigners and world.chance(400) else 1,
            cosign_ttl_ms=world.between(1, 15) * MINUTE_MS,
            nonce=world.some_bytes(12),
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(mandate), self.key)

    def _limit(self, haste: int) -> SpendingLimit:
        world = self.world
        order = world.between(20_00, 200_00)
        day = order * world.between(1, 4)
        month = day * world.between(1, 2)
        limit = SpendingLimit(
            currency="EUR",
            per_item_minor=order,
            per_order_minor=order,
            per_day_minor=day,
            per_month_minor=month,
            total_minor=month + order * world.between(0, 3),
            cosign_above_minor=order if world.chance(350) else order // 5,
        )
        if world.chance(300):
            limit = replace(
                limit,
                orders_per_day=haste * world.between(1, 4),
                max_open_orders=haste * world.between(1, 3),
                max_open_holds=haste * world.between(1, 2),
                liability_cap_minor=order * world.between(1, 2),
            )
        return limit

    def revoke(self) -> None:
        """End the mandates of one thing, or one link of it; mostly a new one follows."""
        if not self.things:
            return
        thing = self.things[self.world.between(0, len(self.things) - 1)]
        link = Digest(thing.leaf) if thing.leaf and self.world.chance(400) else None

        def make(key: Key) -> bytes:
            subject = None if link else thing.party
            return identity.revoke_body(key, mandate=link, subject=subject, reason="lost it")

        self.send(TypeId.REVOKE, make, self._then_anew(thing))

    def _then_anew(self, thing: Thing) -> Callable[[Outcome], None]:
        def then(outcome: Outcome) -> None:
            if not outcome.code and thing.root == thing.party and self.world.chance(600):
                self.later(1, 40, lambda: thing.receive(self.mandate(thing, anew=True)))

        return then

    # --- minds that change

    def _change_mind(self, thing: Thing) -> None:
        """Hold a thing for a while, guard it, lower it, call it broken, or throw it away."""
        world = self.world
        match world.between(0, 9):
            case 0 | 1:
                self.order(thing, ThingOrder.SUSPEND)
                self.later(5, 90, lambda: self.order(thing, ThingOrder.RESUME))
            case 2:
                self.order(thing, ThingOrder.QUARANTINE)
                self.later(5, 90, lambda: self.order(thing, ThingOrder.RELEASE))
            case 3:
                critical = Severity.CRITICAL if world.chance(500) else Severity.MINOR
                body = ReportMalfunction(key=b"", thing=thing.party, component="fuser", severity=critical)
                self.tell(TypeId.REPORT_MALFUNCTION, body, things.report_malfunction_body)
                self.later(5, 90, lambda: self.order(thing, ThingOrder.RELEASE))
            case 4 | 5 | 6:
                level = Autonomy.ANNOUNCER if world.chance(700) else Autonomy.ADAPTABLE
                lowered = LowerAutonomy(key=b"", thing=thing.party, autonomy=level)
                then = self._then_anew(thing)
                self.tell(TypeId.LOWER_AUTONOMY, lowered, trust.lower_autonomy_body, then)
            case 7 if world.chance(300):
                self.order(thing, ThingOrder.DECOMMISSION)
            case _:
                self.guard(thing)

    def order(self, thing: Thing, order: ThingOrder) -> None:
        """Say what is to become of a thing."""
        body = SetThingState(key=b"", thing=thing.root, order=order)
        self.tell(TypeId.SET_THING_STATE, body, things.set_thing_state_body)

    def guard(self, thing: Thing) -> None:
        """Guard a thing against ordering too often, or far more than usual."""
        world = self.world
        action = GuardAction.QUARANTINE if world.chance(600) else GuardAction.ASK
        rate = RateGuard(
            orders_max=world.between(1, 3), window_ms=world.between(1, 30) * MINUTE_MS, action=action
        )
        quantity = QuantityGuard(
            times_usual_milli=world.between(1_000, 2_500), history_min=world.between(1, 2), action=action
        )
        rules = GuardRules(
            rate=rate if world.chance(600) else None, quantity=quantity if world.chance(600) else None
        )
        body = SetGuards(key=b"", thing=thing.root, guards=rules)
        self.tell(TypeId.SET_GUARDS, body, things.set_guards_body)

    def tripped(self, thing: Thing) -> None:
        """Hear that a guard held a thing: mostly let it go on."""
        if self.world.chance(800):
            self.later(2, 60, lambda: self.order(thing, ThingOrder.RELEASE))

    # --- words

    def agree_for(self, other: "Owner", *, agreed: bool = True) -> None:
        """Say that one may be asked about a neighbour's orders, or no more."""
        body = AgreeToCosign(key=b"", owner=other.party, agreed=agreed)
        self.tell(TypeId.AGREE_TO_COSIGN, body, agree_to_cosign_body)

    def sign_approval(self, thing: Thing, body: bytes) -> Signed:
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
