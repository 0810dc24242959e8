"""A market under random commands, good and bad: what holds after every single entry.

`World` asserts after each entry that the ledger's invariants hold, that money is conserved, that a refusal
changed nothing and that no deadline is overdue; this machine adds wallets, stock, budgets, deadlines,
indexes, restarts and replay.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.builders import Actor, World, limit, replayed
from tests.support.searches import search_offers
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import FulfilStep
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.identity.parties import is_thing
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.market.entries import Outcome
from thingmarket.market.indexes import Reader
from thingmarket.market.market import Market
from thingmarket.market.queries import balances, list_contracts
from thingmarket.market.records import ListingState, MandateState
from thingmarket.market.state import State
from thingmarket.settlement.escrow import EscrowState
from thingmarket.settlement.transfers import Status

COSIGN_ABOVE = 30_00
ENDS = {
    ContractState.ACTIVE: EscrowState.HELD,
    ContractState.COMPLETED: EscrowState.RELEASED,
    ContractState.CANCELLED: EscrowState.REFUNDED,
}
MAY_BE_ANSWERED = {
    0,
    LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS,
    Code.ALREADY_KNOWN,
    Code.DENIED,
    Code.MANDATE_EXPIRED,
    Code.MANDATE_REVOKED,
    Code.UNKNOWN_ENTRY,
    Code.FULL,
    Code.NEED_ENDED,
    Code.NEED_NOT_MET,
    Code.NOT_PERMITTED,
    Code.OFFER_ENDED,
    Code.OPERATOR_ONLY,
    Code.OUT_OF_RANGE,
    Code.OUT_OF_STOCK,
    Code.SELF_PURCHASE,
    Code.UNKNOWN_CONTRACT,
    Code.UNKNOWN_NEED,
    Code.WRONG_QUANTITY,
    Code.WRONG_STATE,
    Code.WRONG_TOTAL,
}
somebody = st.integers(0, 8)
something = st.integers(0, 2**16)


class MarketMachine(RuleBasedStateMachine):
    """Alice and Carol buy and sell, Bob sells; their things have every level of autonomy."""

    def __init__(self) -> None:
        super().__init__()
        self.world = world = World()
        self.came_in = Counter[PartyId]()
        self.alice, self.carol, self.bob = (world.owner(name) for name in ("alice", "carol", "bob"))
        for owner, amount_minor in ((self.alice, 400_00), (self.carol, 50_00)):
            self.deposit(owner, amount_minor)
        self.things = self._things()
        self.offers = [
            world.offer(self.things[-1], valid_until_ms=world.time_ms + 80 * DAY_MS),
            world.offer(self.carol, stock_steps=2, tax_category="Z"),
        ]
        self.needs = [world.need(self.things[0], quantity_steps=3)]
        self.contracts: list[ContractId] = []
        self.orders: list[PendingId] = []
        self.approved: set[ContractId] = set()
        self.sent: list[tuple[Actor, TypeId, bytes]] = []

    def _things(self) -> list[Actor]:
        world = self.world
        budget = limit(per_day_minor=60_00, total_minor=150_00, cosign_above_minor=COSIGN_ABOVE)
        printer, tray = world.thing("printer", self.alice), world.thing("tray", self.alice, actions=())
        root = world.mandate(self.alice, printer.id, limits=(budget,))
        return [
            world.present(printer, root),
            world.present(tray, root, world.delegated(root, printer, tray.id)),
            world.thing("sensor", self.carol, autonomy=Autonomy.ANNOUNCER),
            world.thing("oven", self.carol, limits=(limit(20_00),), life_ms=20 * DAY_MS),
            world.thing("shop", self.bob, actions=(Action.SELL,)),
        ]

    def actor(self, number: int) -> Actor:
        return [*self.things, self.alice, self.carol, self.bob, self.world.operator][number]

    def answered(self, outcome: Outcome) -> Outcome:
        assert outcome.code in MAY_BE_ANSWERED, outcome
        return outcome

    # --- what parties do

    @precondition(lambda self: self.known_offers())
    @rule(by=somebody, offer=something, quantity=st.integers(1, 6) | st.integers(1, 120))
    def buy(self, by: int, offer: int, quantity: int) -> None:
        self._purchase(self.actor(by), self.world.purchase_body(self._offer(offer), quantity))

    @rule(by=st.sampled_from([0, 0, 1, 3, 5, 6]), offer=something, quantity=st.integers(1, 2))
    def buy_what_is_there(self, by: int, offer: int, quantity: int) -> None:
        actor, state = self.actor(by), self.world.state
        live = [
            digest
            for digest, record in state.offers.items()
            if record.seller_owner != actor.owner
            and record.state is ListingState.LIVE
            and self.world.stock(digest) >= quantity
        ]
        if live:
            self._purchase(actor, self.world.purchase_body(live[offer % len(live)], quantity))

    @precondition(lambda self: self.offers[0] in self.world.state.offers)
    @rule(by=st.sampled_from([0, 1, 5]), approved=st.sampled_from([True, True, False]))
    def buy_for_the_newest_need(self, by: int, approved: bool) -> None:
        actor, need = self.actor(by), self.world.need(self.alice, quantity_steps=3)
        self.needs.append(need)
        body = self.world.purchase_body(self.offers[0], 3, need=need)
        if is_thing(actor.id):
            word = self.world.approval(self.alice, body, actor.mandate_leaf, approved=approved)
            self._purchase(actor, body, word)
        else:
            self._purchase(actor, body)

    @precondition(lambda self: self.known_offers())
    @rule(by=somebody, offer=something, need=something, approved=st.booleans())
    def buy_for_a_need_with_a_word_of_the_owner(self, by: int, offer: int, need: int, approved: bool) -> None:
        actor = self.actor(by)
        body = self.world.purchase_body(self._offer(offer), 3, need=self.needs[need % len(self.needs)])
        word = self.world.approval(
            self.actor_of(actor.owner), body, actor.mandate_leaf or b"l" * 32, approved=approved
        )
        if is_thing(actor.id):
            self._purchase(actor, body, word)
        else:
            self._purchase(actor, body)

    @precondition(lambda self: self.known_offers())
    @rule(by=somebody, offer=something, total_minor=st.integers(1, 2**53 - 1))
    def buy_at_another_price(self, by: int, offer: int, total_minor: int) -> None:
        self._purchase(self.actor(by), self.world.purchase_body(self._offer(offer), total_minor=total_minor))

    def _purchase(self, actor: Actor, body: bytes, *words: Signed) -> None:
        outcome = self.answered(self.world.send(actor, TypeId.PURCHASE, body, *words))
        self.sent.append((actor, TypeId.PURCHASE, body))
        if outcome.pending:
            self.orders.append(PendingId(outcome.reference))
        elif not outcome.code:
            self._bought(ContractId(outcome.reference), outcome)

    def _bought(self, contract: ContractId, outcome: Outcome) -> None:
        self.contracts.append(contract)
        if outcome.decision and "COS-2" in outcome.decision.rules:
            self.approved.add(contract)

    @precondition(lambda self: self.orders)
    @rule(
        order=something, by=st.sampled_from([5, 5, 5, 6, 0, 1, 7]), yes=st.sampled_from([True, True, False])
    )
    def speak(self, order: int, by: int, yes: bool) -> None:
        name = self.orders[-1 - order % min(4, len(self.orders))]
        if name not in self.world.state.pendings:
            return  # it came to nothing a week ago
        outcome = self.answered(self.world.approve(self.actor(by), name, approved=yes))
        contract = self.world.pending(name).contract
        if not outcome.code and contract:
            self._bought(ContractId(contract), outcome)

    @precondition(lambda self: self.contracts)
    @rule(contract=something, step=st.sampled_from(FulfilStep))
    def report(self, contract: int, step: FulfilStep) -> None:
        self.answered(self.world.report(self.contracts[contract % len(self.contracts)], step))

    @precondition(lambda self: self.contracts)
    @rule(contract=something, step=st.sampled_from(FulfilStep), by=somebody)
    def report_as_somebody(self, contract: int, step: FulfilStep, by: int) -> None:
        name = self.contracts[contract % len(self.contracts)]
        self.answered(self.world.report(name, step, self.actor(by)))

    @precondition(lambda self: self.contracts)
    @rule()
    def deliver_the_newest(self) -> None:
        self.answered(self.world.deliver(self.contracts[-1]))

    @precondition(lambda self: self.contracts)
    @rule(contract=something)
    def accept(self, contract: int) -> None:
        self.answered(self.world.accept(self.contracts[-1 - contract % min(3, len(self.contracts))]))

    @precondition(lambda self: self.contracts)
    @rule(contract=something, by=somebody)
    def accept_as_somebody(self, contract: int, by: int) -> None:
        self.answered(self.world.accept(self.contracts[contract % len(self.contracts)], self.actor(by)))

    @rule(by=somebody, price_minor=st.integers(1, 20_00), stock=st.integers(1, 5), days=st.integers(0, 3))
    def publish(self, by: int, price_minor: int, stock: int, days: int) -> None:
        until_ms = self.world.time_ms + days * DAY_MS + 1
        outcome = self.answered(
            self.world.try_offer(
                self.actor(by), price_minor=price_minor, stock_steps=stock, valid_until_ms=until_ms
            )
        )
        if not outcome.code:
            self.offers.append(Digest(outcome.reference))

    @rule(by=somebody, days=st.integers(0, 3))
    def announce(self, by: int, days: int) -> None:
        until_ms = self.world.time_ms + days * DAY_MS + 1
        outcome = self.answered(
            self.world.try_need(self.actor(by), valid_until_ms=until_ms, quantity_steps=3)
        )
        if not outcome.code:
            self.needs.append(Digest(outcome.reference))

    @precondition(lambda self: self.known_offers())
    @rule(by=somebody, offer=something)
    def withdraw_offer(self, by: int, offer: int) -> None:
        self.answered(self.world.withdraw_offer(self.actor(by), self._offer(offer)))

    @rule(by=somebody, need=something)
    def withdraw_need(self, by: int, need: int) -> None:
        self.answered(self.world.withdraw_need(self.actor(by), self.needs[need % len(self.needs)]))

    @rule(by=somebody, thing=st.integers(0, 4), how=st.integers(0, 8))
    def revoke(self, by: int, thing: int, how: int) -> None:
        actor = self.actor(by)
        if how == 0:
            self.answered(self.world.revoke(actor, mandate=self.things[thing].mandate_leaf))
        elif how == 1:
            self.answered(self.world.revoke(actor, subject=self.things[thing].id))

    @rule(thing=st.integers(0, 4))
    def renew(self, thing: int) -> None:
        self.world.pass_time(MINUTE_MS)  # a mandate that begins when its subject was revoked is refused
        old = self.things[thing]
        budget = limit(per_day_minor=50_00, total_minor=90_00, cosign_above_minor=COSIGN_ABOVE)
        link = self.world.mandate(
            self.actor_of(old.owner), old.id, limits=(budget,), not_before_ms=self.world.time_ms
        )
        self.things[thing] = self.world.present(old, link)

    @rule(by=st.sampled_from([0, 5, 8]), amount_minor=st.integers(1, 100_00))
    def fund(self, by: int, amount_minor: int) -> None:
        if self.actor(by) == self.world.operator:
            self.deposit(self.alice, amount_minor)

    def deposit(self, owner: Actor, amount_minor: int) -> None:
        assert self.world.deposit(owner, amount_minor).code == 0
        self.came_in[owner.id] += amount_minor

    @precondition(lambda self: self.sent)
    @rule(which=something)
    def send_again(self, which: int) -> None:
        before = self.world.state.effects_root()
        actor, type_id, body = self.sent[which % len(self.sent)]
        try:
            outcome = self.answered(self.world.send(actor, type_id, body))
        except Refusal as refusal:
            assert refusal.number == Code.KEY_TOO_OLD, refusal
        else:
            known = outcome.code or outcome.pending or ContractId(outcome.reference) in self.contracts
            assert known, "nothing is bought by sending it again"
        assert self.world.state.effects_root() == before

    @rule(ms=st.sampled_from([1, MINUTE_MS, HOUR_MS, DAY_MS, 3 * DAY_MS, 9 * DAY_MS]))
    def wait(self, ms: int) -> None:
        self.world.pass_time(ms)

    @rule()
    def restart_from_a_snapshot(self) -> None:
        state = self.world.state
        restored = State.restore(state.snapshot())
        assert restored.state_root() == state.state_root()
        self.world.market = Market(restored)

    # --- what holds

    @invariant()
    def wallets_are_what_the_contracts_say(self) -> None:
        expected = Counter(self.came_in)
        for contract in self.world.state.contracts.values():
            assert contract.escrow is ENDS[contract.state]
            if contract.escrow is not EscrowState.REFUNDED:
                expected[contract.buyer_owner] -= contract.total_minor
            if contract.escrow is EscrowState.RELEASED:
                expected[contract.seller_owner] += contract.total_minor
        for owner in (self.alice, self.bob, self.carol):
            assert self.world.balance(owner) == expected[owner.id] >= 0

    @invariant()
    def stock_is_what_the_contracts_left(self) -> None:
        sold = Counter[Digest]()
        for contract in self.world.state.contracts.values():
            if contract.escrow is not EscrowState.REFUNDED:
                sold[contract.offer] += contract.quantity_steps
        for digest, record in self.world.state.offers.items():
            assert self.world.stock(digest) == record.offer.stock_steps - sold[digest] >= 0

    @invariant()
    def no_budget_is_exceeded(self) -> None:
        state, spent = self.world.state, Counter[tuple[Digest, int]]()
        # What waited counts in the day in which it was sent, waiting or bought.
        days = {order.contract: order.reservation.day for order in state.pendings.values() if order.contract}
        for order in state.pendings.values():
            for link in order.reservation.links if order.waits else ():
                spent[link, -1] += order.reservation.amount_minor
                spent[link, order.reservation.day] += order.reservation.amount_minor
        for contract in state.contracts.values():
            if contract.mandate_leaf:
                mandate = state.mandates[Digest(contract.mandate_leaf)].effective
                for link in mandate.links:
                    spent[link, -1] += contract.total_minor
                    spent[link, days.get(contract.id, contract.created_ms // DAY_MS)] += contract.total_minor
                if contract.total_minor > mandate.limits[0].cosign_above_minor:
                    assert contract.id in self.approved
        for record in state.mandates.values():
            for budget in (budget for one in record.effective.limits for budget in one.budgets):
                for (link, day), amount_minor in spent.items():
                    most = budget.total_minor if day < 0 else budget.per_day_minor
                    assert link != budget.link or amount_minor <= most

    @invariant()
    def a_need_is_filled_once(self) -> None:
        open_for = Counter(
            contract.need
            for contract in self.world.state.contracts.values()
            if contract.need and contract.escrow is not EscrowState.REFUNDED
        )
        for digest, record in self.world.state.needs.items():
            assert open_for[digest] == (record.state is ListingState.FILLED)

    @invariant()
    def nothing_waits_past_its_deadline(self) -> None:
        state, now_ms = self.world.state, self.world.time_ms
        for contract in state.contracts.values():
            if contract.state is ContractState.ACTIVE:
                delivered = contract.fulfilment is FulfilmentState.DELIVERED
                assert (contract.inspect_by_ms if delivered else contract.deliver_by_ms) > now_ms
        for offer in state.offers.values():
            assert offer.state is not ListingState.LIVE or offer.offer.valid_until_ms > now_ms
        for need in state.needs.values():
            assert need.state is not ListingState.LIVE or need.need.valid_until_ms > now_ms
        for order in state.pendings.values():
            assert not order.waits or order.deadline_ms > now_ms
        for mandate in state.mandates.values():
            assert mandate.state is not MandateState.ACTIVE or mandate.effective.expires_ms > now_ms

    @invariant()
    def queries_say_what_the_tables_say(self) -> None:
        state = self.world.state
        live = [
            (record.seq, digest)
            for digest, record in state.offers.items()
            if record.state is ListingState.LIVE
        ]
        assert [view.digest for view in search_offers(state, limit=100).offers] == [
            digest for _, digest in sorted(live)
        ][:100]
        for owner in (self.alice.id, self.bob.id, self.carol.id):
            mine = [
                (c.changed_seq, c.id)
                for c in state.contracts.values()
                if owner in (c.buyer_owner, c.seller_owner)
            ]
            page = list_contracts(state, Reader(owner, owner))
            assert [c.id for c in page.contracts] == [id_ for _, id_ in sorted(mine)][:100]
            held = sum(
                c.total_minor
                for c in state.contracts.values()
                if c.buyer_owner == owner and c.state is ContractState.ACTIVE
            )
            assert sum(row.escrow_minor for row in balances(state, Reader(owner, owner))) == held

    def teardown(self) -> None:
        world = self.world
        again, outcomes = replayed(world.log)
        assert outcomes == world.outcomes
        assert again.state.state_root() == world.state.state_root()
        assert again.state.snapshot() == world.state.snapshot()

    # --- looking

    def known_offers(self) -> list[Digest]:
        """Those that are not forgotten yet, as they are three days after their end."""
        return [digest for digest in self.offers if digest in self.world.state.offers]

    def _offer(self, number: int) -> Digest:
        known = self.known_offers()
        return known[number % len(known)]

    def actor_of(self, owner: PartyId) -> Actor:
        return self.world.actors[owner]


TestMarket = MarketMachine.TestCase
TestMarket.settings = settings(max_examples=25, stateful_step_count=40)
