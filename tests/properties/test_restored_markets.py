"""A market that was restored from a snapshot goes on exactly as the one that never stopped.

Snapshots hold tables in an order of their own, and no derived index: what depends on the order in which rows
came, or on what an index remembers beyond its tables, shows here.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import Actor, World, limit, replayed
from tests.support.things import broken, claim, device, guard, order, register, register_device
from thingmarket.billing.charges import Charges
from thingmarket.catalog.attributes import Attribute
from thingmarket.catalog.questions import AnswerFacts, AskFacts
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.feedback import AskFeedback, GiveFeedback, feedback_key
from thingmarket.contract.orders import FulfilStep
from thingmarket.contract.shadow import ProposeChoice
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.things import NO_PROBATION, Probation, ThingOrder
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.market.entries import EntryKind, Outcome
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.market.timelines import Timeline
from thingmarket.policy.guards import GuardAction, GuardRules, PriceGuard, QuantityGuard, RateGuard
from thingmarket.policy.malfunctions import Severity
from thingmarket.time import UnixMs
from thingmarket.wire import catalog, standing, trust
from thingmarket.wire.log import outcome_bytes, read_entry

TAXES = (("DE:S", 1_900), ("S", 777), ("Z", 0))
CHARGES = Charges(fee_basis_points=250, reserve_basis_points=1_000, reserve_days=2)
PROBATION = Probation(orders_per_day=3, order_minor=90_00, deliveries=2)
INDEXES = ("experience", "owned", "track_record", "inbox", "asked", "billed", "quoted", "calendar", "indexes")
TERMS = (
    Terms(),
    Terms(settlement=SettlementKind.DVP),
    Terms(
        milestones=(
            Milestone(title="half", share_millionths=500_000, delivery_ms=DAY_MS),
            Milestone(title="rest", share_millionths=500_000, delivery_ms=2 * DAY_MS),
        ),
        cancel_window_ms=HOUR_MS,
        cancel_planned_basis_points=1_000,
    ),
    Terms(late_credit_basis_points_per_day=777, late_credit_max_basis_points=3_333, grace_ms=DAY_MS),
)


class Bazaar(World):
    """A world whose every entry is applied by a second market too, once that was restored."""

    def __init__(self, probation: Probation) -> None:
        self.twin: Market | None = None
        self.bodies: list[bytes] = []  # a snapshot, and what changed after it, piece by piece
        super().__init__(currencies=("EUR", "USD"), charges=CHARGES, probation=probation, taxes=TAXES)
        self.alice, self.carol = (self.owner(name, fund=4_000_00) for name in ("alice", "carol"))
        self.bob, self.bank = self.owner("bob"), self.owner("bank", fund=1_000_00, currency="USD")
        asks = limit(cosign_above_minor=40_00, per_day_minor=900_00)
        self.things = [
            self.thing("printer", self.alice, limits=(asks,)),
            self.thing("kettle", self.alice),
            self.thing("oven", self.carol, limits=(asks,), life_ms=9 * DAY_MS),
            self.thing("robot", self.carol),
            self.thing("shop", self.bob),
        ]
        self.programme(self.bob, idle_days=3)
        self.bare = replace(device(self, "bare"), owner=self.alice.id)

    def apply(self, kind: EntryKind, body: bytes = b"") -> Outcome:
        """Apply an entry to both markets: the same outcome, the same roots, the same next deadline."""
        outcome = super().apply(kind, body)
        if self.twin is not None:
            again = self.twin.apply(read_entry(self.log[-1]))
            assert outcome_bytes(again) == self.outcomes[-1]
            assert self.twin.state.state_root() == self.state.state_root()
            assert self.twin.next_deadline_ms() == self.market.next_deadline_ms()
        return outcome

    def restore(self, how: int = 0, *_: int) -> None:
        """Read a snapshot into the second market: a whole one, a node's own, or one with changes on top."""
        match how % 3:
            case 0:
                bodies = [self.state.snapshot()]
            case 1:
                bodies = self.bodies = [b"".join(self.state.frozen())]
            case _:
                self.bodies = self.bodies or [b"".join(self.state.frozen())]
                bodies = self.bodies = [*self.bodies, b"".join(self.state.changes())]
        self.twin = Market(State.restore(*bodies))
        assert self.twin.state.state_root() == self.state.state_root()

    # --- what parties do; most acts are good ones, some are refused

    def sell(self, by: int, terms: int, price: int) -> None:
        jurisdiction, category = (("DE", "S"), ("", "S"), ("", "Z"))[price % 3]
        self.try_offer(
            (self.things[4], self.things[3], self.carol)[by % 3],
            price_minor=10 + price * 37,
            terms=TERMS[terms % len(TERMS)],
            jurisdiction=jurisdiction,
            tax_category=category,
            product_id=f"ink-{price % 2}",
            valid_until_ms=self.time_ms + (1 + by) * 2 * DAY_MS,
        )

    def trade(self, by: int, offer: int, quantity: int) -> None:
        if offers := sorted(self.state.offers):
            self.buy(self._party(by), offers[offer % len(offers)], 1 + quantity % 9)

    def order_for_a_need(self, by: int, offer: int, slot: int) -> None:
        thing = self.things[by % 4]
        need = self.try_need(thing, slot=("", "toner")[slot % 2])
        if need.code == 0 and (offers := sorted(self.state.offers)):
            chosen = offers[offer % len(offers)]
            body = ProposeChoice(key=self.key(), need=need.reference, offer=chosen, total_minor=1)
            self.send(thing, TypeId.PROPOSE_CHOICE, trust.propose_choice_body(body))
            buyer = thing if slot % 3 else self.actors[thing.owner]
            self.buy(buyer, chosen, 1, need=need.reference)

    def stand(self, by: int, offer: int, first: int) -> None:
        if not (offers := sorted(self.state.offers)):
            return
        wish = OpenStandingOrder(
            key=self.key(),
            offer=offers[offer % len(offers)],
            quantity_steps=1 + by,
            currency="EUR",
            total_max_minor=200_00,
            interval_ms=HOUR_MS,
            occurrences_max=4,
            first_ms=self.time_ms // HOUR_MS * HOUR_MS + (1 + first % 2) * HOUR_MS,
        )
        body = standing.open_standing_order_body(wish)
        self.send(self._party(by), TypeId.OPEN_STANDING_ORDER, body)

    def end_standing(self, by: int, which: int, _: int) -> None:
        if names := sorted(self.state.standing_orders):
            body = EndStandingOrder(key=self.key(), standing_order=names[which % len(names)])
            end = standing.end_standing_order_body(body)
            self.send(self._party(by), TypeId.END_STANDING_ORDER, end)

    def speak(self, which: int, yes: int, _: int) -> None:
        if names := sorted(self.state.pendings):
            name = names[which % len(names)]
            self.approve(self.actors[self.pending(name).owner], name, approved=yes % 4 != 0)

    def handle(self, which: int, how: int, quantity: int) -> None:
        if not self.state.contracts:
            return
        open_ones = sorted(name for name, one in self.state.contracts.items() if not one.over)
        name = (open_ones or sorted(self.state.contracts))[which % max(1, len(open_ones))]
        match how % 8:
            case 0:
                self.fail(name)
            case 1:
                self.cancel(name, most_minor=100_00)
            case 2:
                self.report(name, FulfilStep.DELIVERED, quantity=1 + quantity % 3)
            case 3 | 4 | 5:
                self.deliver(name)
            case _:
                self.accept(name)

    def judge(self, which: int, how: int, amount: int) -> None:
        if not self.state.contracts:
            return
        over = sorted(name for name, one in self.state.contracts.items() if one.over)
        name = (over or sorted(self.state.contracts))[which % max(1, len(over))]
        contract = self.contract(name)
        if how % 3 == 0:
            self.refund(name, 1 + amount)
        elif how % 3 == 1:
            asked = trust.ask_feedback_body(AskFeedback(key=self.key(), contract=name))
            self.send(self.actors[contract.seller], TypeId.ASK_FEEDBACK, asked)
        else:
            body = GiveFeedback(key=self.key(), contract=name, feedback_key=feedback_key(contract))
            self.send(self.actors[contract.buyer], TypeId.GIVE_FEEDBACK, trust.give_feedback_body(body))

    def ask(self, by: int, offer: int, name: int) -> None:
        if not (offers := sorted(self.state.offers)):
            return
        chosen, names = offers[offer % len(offers)], (f"fact{name % 5}",)
        question = AskFacts(
            key=self.key(), offer=chosen, names=names, deadline_ms=UnixMs(self.time_ms + HOUR_MS)
        )
        asked = self.send(self._party(by), TypeId.ASK_FACTS, catalog.ask_facts_body(question))
        if asked.code == 0 and name % 3:
            facts = (Attribute(names[0], "yes"),) if name % 2 else ()
            answer = AnswerFacts(key=self.key(), question=asked.reference, offer=chosen, attributes=facts)
            seller = self.actors[self.state.offers[chosen].seller]
            self.send(seller, TypeId.ANSWER_FACTS, catalog.answer_facts_body(answer))

    def change(self, by: int, days: int, minor: int) -> None:
        if by % 2:
            self.rate(self.bank, max_minor=1 + minor, valid_until_ms=self.time_ms + 1 + days % 3 * DAY_MS)
        elif self.state.rates:
            rates = sorted(self.state.rates)
            self.convert(self.alice, rates[days % len(rates)], 1 + minor % 50)

    def redeem(self, by: int, offer: int, points: int) -> None:
        own = [one for one in sorted(self.state.offers) if self.state.offers[one].seller == self.things[4].id]
        if own:
            self.buy(
                self._party(by), own[offer % len(own)], 3, points=1 + points % 5, less_minor=1 + points % 5
            )

    def watch_over(self, by: int, which: int, how: int) -> None:
        action = GuardAction.ASK if how % 2 else GuardAction.QUARANTINE
        rules = (
            GuardRules(rate=RateGuard(orders_max=1 + how % 4, window_ms=DAY_MS, action=action)),
            GuardRules(quantity=QuantityGuard(times_usual_milli=1_500, history_min=2, action=action)),
            GuardRules(price=PriceGuard(times_market_milli=1_100, trades_min=2, action=action)),
            GuardRules(),
        )
        thing = self.things[by % 4]
        guard(self, self.actors[thing.owner], thing.id, rules[which % 4])

    def command(self, by: int, what: int, _: int) -> None:
        thing = self.things[by % 5]
        word = (ThingOrder.SUSPEND, ThingOrder.RESUME, ThingOrder.RELEASE, ThingOrder.ACTIVATE)[what % 4]
        if what % 7 == 5:
            broken(self, self.actors[thing.owner], thing.id, tuple(Severity)[what % len(Severity)])
        who = self.operator if word is ThingOrder.ACTIVATE else self.actors[thing.owner]
        order(self, who, thing.id, word, owner=thing.owner if who is self.operator else "")

    def onboard(self, step: int, _: int, __: int) -> None:
        if step % 4 == 0:
            register_device(self, self.bare)
        elif step % 4 == 1:
            claim(self, self.alice, self.bare.id, code=b"code on a label." if step % 5 else bytes(16))
        elif step % 4 == 2:
            made = self.try_present(self.bare, self.mandate(self.alice, self.bare.id))
            self.bare = replace(self.bare, mandate_leaf=made.reference or self.bare.mandate_leaf)
        elif self.bare.mandate_leaf:
            register(self, self.bare)
            self.trade(99, step, 0)

    def renew(self, by: int, how: int, _: int) -> None:
        place = by % 5
        old = self.things[place]
        if how % 3 == 0:
            body = LowerAutonomy(key=self.key(), thing=old.id, autonomy=Autonomy.ANNOUNCER)
            self.send(self.actors[old.owner], TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(body))
        elif how % 3 == 1:
            self.revoke(self.actors[old.owner], mandate=old.mandate_leaf)
        self.pass_time(MINUTE_MS)
        link = self.mandate(self.actors[old.owner], old.id, not_before_ms=self.time_ms, life_ms=5 * DAY_MS)
        made = self.try_present(old, link)
        self.things[place] = replace(old, mandate_leaf=made.reference or old.mandate_leaf)

    def wait(self, how: int, _: int, __: int) -> None:
        self.pass_time((1, MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS)[how % 6])

    def sleep(self, how: int, _: int, __: int) -> None:
        """Nobody is there for a while: then all that came due fires in one entry."""
        self.time_ms = UnixMs(self.time_ms + (HOUR_MS, DAY_MS, 4 * DAY_MS)[how % 3])
        due_ms = self.market.next_deadline_ms()
        if due_ms is not None and due_ms <= self.time_ms:
            self.apply(EntryKind.TIMERS_DUE)

    def _party(self, number: int) -> Actor:
        if number == 99:
            return self.bare
        return (*self.things, self.alice, self.carol)[number % 7]


ACTS = [
    *("sell", "sell", "trade", "trade", "trade", "order_for_a_need", "order_for_a_need", "stand", "stand"),
    *("end_standing", "speak", "speak", "handle", "handle", "handle", "judge", "judge", "ask", "change"),
    *("redeem", "watch_over", "command", "onboard", "onboard", "renew", "wait", "wait", "sleep", "restore"),
]
number = st.integers(0, 40)
steps = st.tuples(st.sampled_from(ACTS), number, number, number)


def seen(index: Any) -> Any:
    """What an index says: its rows, without keys under which nothing is left."""
    if isinstance(index, Timeline):
        return list(index.after(0))
    if isinstance(index, Mapping):
        rows = {key: seen(value) for key, value in index.items()}
        return {key: value for key, value in rows.items() if value}
    if isinstance(index, deque):
        return list(index)
    return index


def indexed(state: State) -> dict[str, Any]:
    """Every derived index of a state."""
    found = {}
    for name in INDEXES:
        for field, value in vars(getattr(state, name)).items():
            if isinstance(value, int | Mapping | set | list):
                found[f"{name}.{field}"] = {} if hasattr(value, "watch") else seen(value)
    return found


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((NO_PROBATION, PROBATION)), st.lists(steps, min_size=30, max_size=80))
def test_a_restored_market_goes_on_as_if_it_had_never_stopped(
    probation: Probation, script: list[tuple[str, int, int, int]]
) -> None:  # [LOG-3] [LOG-4]
    world = Bazaar(probation)
    for act, *numbers in script:
        getattr(world, act)(*numbers)
    world.pass_time(2 * DAY_MS)
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert again.state.state_root() == world.state.state_root()
    world.restore()
    assert world.twin is not None
    assert indexed(world.twin.state) == indexed(world.state) == indexed(again.state)
