"""What a market lives through besides buying: the part of the golden story that has all the rest."""

from dataclasses import replace

from tests.builders import Actor, World, limit
from tests.support.things import broken, claim, device, guard, order, register, register_device
from thingmarket.billing.charges import Charges
from thingmarket.catalog.attributes import Attribute
from thingmarket.catalog.questions import AnswerFacts, AskFacts
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.feedback import AskFeedback, GiveFeedback, feedback_key
from thingmarket.contract.shadow import ProposeChoice
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import ThingOrder
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.policy.guards import GuardAction, GuardRules, QuantityGuard, RateGuard
from thingmarket.policy.malfunctions import Severity
from thingmarket.time import UnixMs
from thingmarket.wire import catalog, standing, trust

TAXES = (("DE:R", 700), ("DE:S", 1_900), ("S", 1_900), ("Z", 0))
CHARGES = Charges(fee_basis_points=150, reserve_basis_points=1_000, reserve_days=3)
IN_PARTS = Terms(
    milestones=(
        Milestone(title="looked at", share_millionths=333_333, delivery_ms=DAY_MS),
        Milestone(title="mended", share_millionths=666_667, delivery_ms=2 * DAY_MS),
    ),
    late_credit_basis_points_per_day=2_500,
    late_credit_max_basis_points=5_000,
    grace_ms=3 * DAY_MS,
    cancel_window_ms=HOUR_MS,
    cancel_planned_basis_points=1_000,
)


class DailyLife(World):
    """A vending machine, its owner Vera, a wholesaler and a mender."""

    def __init__(self, currencies: tuple[str, ...]) -> None:
        """Make the parties, at a node that takes fees and collects tax."""
        super().__init__(currencies=currencies, charges=CHARGES, taxes=TAXES)
        self.vera, self.hugo = self.owner("vera", fund=900_00), self.owner("hugo")
        self.van = self.thing("van", self.hugo)
        self.crate = self.offer(self.van, product_id="crate", price_minor=1_777, jurisdiction="DE")
        self.repair = self.offer(self.van, product_id="repair", terms=IN_PARTS, stock_steps=90)
        self.coffee = self.offer(
            self.van, product_id="coffee", terms=Terms(settlement=SettlementKind.DVP), tax_category="Z"
        )
        self.machine = self.onboarded_in_every_way()

    def onboarded_in_every_way(self) -> Actor:
        """By its label, after a wrong code; held, released and guarded; another device is never claimed."""
        bare, never = device(self, "machine"), device(self, "never")
        register_device(self, never)
        register_device(self, bare)
        claim(self, self.vera, bare.id, code=bytes(16))  # refused, and counted
        claim(self, self.vera, bare.id)
        permits = limit(900_00, cosign_above_minor=300_00)
        link = self.mandate(self.vera, bare.id, limits=(permits,))
        machine = self.present(replace(bare, owner=self.vera.id), link)
        register(self, machine)
        order(self, self.vera, machine.id, ThingOrder.SUSPEND, reason="moving house")
        self.buy(machine, self.crate)  # refused: it is held
        order(self, self.vera, machine.id, ThingOrder.RESUME)
        rate = RateGuard(orders_max=40, window_ms=DAY_MS, action=GuardAction.ASK)
        size = QuantityGuard(times_usual_milli=2_000, history_min=2, action=GuardAction.QUARANTINE)
        guard(self, self.vera, machine.id, GuardRules(rate=rate, quantity=size))
        return machine

    def a_week(self) -> None:
        """Parts, lateness, cancelling, refunds, points, exchange, slots, standing orders, facts, feedback."""
        self.contracts_in_parts()
        self.money_besides_trading()
        self.again_and_again()
        self.trust_is_earned_and_lost()

    def contracts_in_parts(self) -> None:
        """One in parts and late, one cancelled for nothing, one for a price, one at once."""
        free, priced, kept = (self.bought(self.machine, self.repair, 3) for _ in range(3))
        self.cancel(free)
        self.pass_time(2 * HOUR_MS)
        self.cancel(priced)  # refused: that costs more than nothing
        self.cancel(priced, most_minor=10_00)
        self.deliver(kept, unit=1, quantity=1)
        self.accept(kept, unit=1)
        self.pass_time(4 * DAY_MS)
        self.deliver(kept, unit=2)
        self.pass_time(5 * DAY_MS)
        self.bought(self.machine, self.coffee)

    def money_besides_trading(self) -> None:
        """Points earned and redeemed, a refund, too high a refund, a reserve paid out, money changed."""
        self.programme(self.hugo, earn_basis_points=10_000, idle_days=30)
        first = self.bought(self.machine, self.crate)
        self.deliver(first)
        self.accept(first)
        self.bought(self.machine, self.crate, points=10, less_minor=10)
        self.refund(first, 5_00)
        self.refund(first, 500_00)  # refused: more than was captured
        bank = self.owner("bank", fund=900_00)
        self.deposit(bank, 90_000, "JPY")
        rate = self.rate(bank, to_currency="JPY", numerator=163, denominator=100, max_minor=500_00)
        self.convert(self.vera, rate.reference, 12_34)
        self.convert(self.vera, rate.reference, 12_34, min_out_minor=10**9)  # refused: not for that much
        self.pass_time(2 * DAY_MS)

    def again_and_again(self) -> None:
        """A slot that takes one need at a time, an order that stands, a question that is answered."""
        self.need(self.machine, slot="cola")
        self.try_need(self.machine, slot="cola")  # refused: it is there
        first_ms = self.time_ms // HOUR_MS * HOUR_MS + HOUR_MS
        wish = OpenStandingOrder(
            key=self.key(),
            offer=self.crate,
            quantity_steps=1,
            currency="EUR",
            total_max_minor=50_00,
            interval_ms=DAY_MS,
            occurrences_max=5,
            first_ms=UnixMs(first_ms),
        )
        opened = self.send(self.machine, TypeId.OPEN_STANDING_ORDER, standing.open_standing_order_body(wish))
        self.pass_time(DAY_MS + 2 * HOUR_MS)
        ended = EndStandingOrder(key=self.key(), standing_order=opened.reference)
        self.send(self.vera, TypeId.END_STANDING_ORDER, standing.end_standing_order_body(ended))
        deadline_ms = UnixMs(self.time_ms + HOUR_MS)
        asked = AskFacts(key=self.key(), offer=self.crate, names=("caffeine",), deadline_ms=deadline_ms)
        question = self.send(self.machine, TypeId.ASK_FACTS, catalog.ask_facts_body(asked)).reference
        facts = (Attribute("caffeine", True),)
        answer = AnswerFacts(key=self.key(), question=question, offer=self.crate, attributes=facts)
        self.send(self.van, TypeId.ANSWER_FACTS, catalog.answer_facts_body(answer))

    def trust_is_earned_and_lost(self) -> None:
        """Proposed in the shadow, rated, broken, over-ordering, lowered, decommissioned."""
        need = self.need(self.machine, product_id="crate")
        propose = ProposeChoice(key=self.key(), need=need, offer=self.crate, total_minor=2_115)
        self.send(self.machine, TypeId.PROPOSE_CHOICE, trust.propose_choice_body(propose))
        rated = self.bought(self.vera, self.crate, need=need)
        self.deliver(rated)
        self.accept(rated)
        asked = AskFeedback(key=self.key(), contract=rated)
        self.send(self.van, TypeId.ASK_FEEDBACK, trust.ask_feedback_body(asked))
        minted = feedback_key(self.contract(rated))
        given = GiveFeedback(key=self.key(), contract=rated, feedback_key=minted)
        self.send(self.vera, TypeId.GIVE_FEEDBACK, trust.give_feedback_body(given))
        broken(self, self.machine, self.machine.id, Severity.DEGRADED)
        self.buy(self.machine, self.crate, 9)  # refused, and quarantined: nine times what is usual
        order(self, self.vera, self.machine.id, ThingOrder.RELEASE)
        lower = LowerAutonomy(key=self.key(), thing=self.machine.id, autonomy=Autonomy.ANNOUNCER)
        self.send(self.vera, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(lower))
        self.buy(self.machine, self.crate)  # refused: it only says what it needs
        self.pass_time(MINUTE_MS)
        order(self, self.vera, self.machine.id, ThingOrder.DECOMMISSION)
