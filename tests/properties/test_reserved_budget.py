"""Budget never leaks: after any script of orders, words, silence and revocations."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import Actor, World, limit, replayed
from thingmarket.contract.approvals import PendingId
from thingmarket.identity.scopes import EVERYTHING
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS

STEPS = (
    "ask",
    "buy",
    "approve",
    "second",
    "reject",
    "withdraw",
    "wait",
    "revoke",
    "fail",
    "end",
    "again",
    "mind",
)
scripts = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7)), min_size=1, max_size=24)


class Household(World):
    """A printer and its tray, which shares its budget; two people may approve, for the tray both must."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.ada = self.owner("alice", fund=300_00), self.owner("ada")
        self.shop = self.thing("shop", self.owner("bob"))
        self.offers = [self.offer(self.shop, stock_steps=20)]
        self.agree_to_cosign(self.ada, self.alice)
        self.orders: list[PendingId] = []
        self.bought_ids: list[bytes] = []
        self.printer = self.thing("printer", self.alice)
        self.tray = self.thing("tray", self.alice)
        self.renew()

    def renew(self) -> None:
        self.pass_time(MINUTE_MS)
        budget = limit(200_00, per_day_minor=120_00, cosign_above_minor=20_00, max_open_orders=4)
        root = self.mandate(
            self.alice,
            self.printer.id,
            not_before_ms=self.time_ms,
            counterparties=EVERYTHING,
            limits=(budget,),
            cosigners=(self.ada.id,),
            cosign_ttl_ms=12 * HOUR_MS,
        )
        self.printer = self.present(self.printer, root)
        child = self.delegated(root, self.printer, self.tray.id, cosign_quorum=2)
        self.tray = self.present(self.tray, root, child)

    def buyer(self, number: int) -> Actor:
        return (self.printer, self.tray)[number % 2]

    # --- the steps of a script; most are refused now and then

    def ask(self, number: int, **details: bytes) -> None:
        outcome = self.buy(self.buyer(number), self.offers[-1], 2 + number % 3, **details)
        if outcome.pending:
            self.orders.append(PendingId(outcome.reference))
        elif not outcome.code:
            self.bought_ids.append(outcome.reference)

    def small(self, number: int) -> None:
        self.buy(self.buyer(number), self.offers[-1], 1)

    def again(self, number: int) -> None:
        if self.orders:
            self.ask(number, approved_by=self.orders[number % len(self.orders)])

    def word(self, number: int, by: Actor | None, *, approved: bool) -> None:
        if not self.orders:
            return
        name = self.orders[-1 - number % len(self.orders)]
        if name in self.state.pendings:
            self.approve(by or self.actors[self.pending(name).buyer], name, approved=approved)

    def end(self, number: int) -> None:
        if number % 2:
            self.withdraw_offer(self.shop, self.offers[-1])
        self.offers.append(self.offer(self.shop, price_minor=9_50 + 25 * number, stock_steps=20))

    def change_mind(self) -> None:
        agreed = (self.ada.id, self.alice.id) in self.state.willing_cosigners
        assert self.agree_to_cosign(self.ada, self.alice, agreed=not agreed).code == 0

    def revoke_one(self, number: int) -> None:
        self.revoke(self.alice, mandate=self.buyer(number).mandate_leaf)
        self.renew()

    def fail_one(self, number: int) -> None:
        if self.bought_ids:
            self.fail(self.bought_ids[number % len(self.bought_ids)])

    def do(self, step: str, number: int) -> None:
        acts: dict[str, Callable[[], None]] = {
            "ask": lambda: self.ask(number),
            "buy": lambda: self.small(number),
            "again": lambda: self.again(number),
            "approve": lambda: self.word(number, self.alice, approved=True),
            "second": lambda: self.word(number, self.ada, approved=True),
            "reject": lambda: self.word(number, self.ada, approved=False),
            "withdraw": lambda: self.word(number, None, approved=False),
            "wait": lambda: self.pass_time((MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS)[number % 4]),
            "mind": self.change_mind,
            "revoke": lambda: self.revoke_one(number),
            "fail": lambda: self.fail_one(number),
            "end": lambda: self.end(number),
        }
        acts[step]()


@given(scripts)
def test_what_is_reserved_is_what_waits_whatever_happened(script: list[tuple[str, int]]) -> None:
    # [COS-4] [COS-9]
    world = Household()
    for step, number in script:
        world.do(step, number)  # `World.check` compares the reserved sums after every entry
    world.pass_time(DAY_MS)
    assert not any(order.waits for order in world.state.pendings.values())
    assert not any(counter.reserved_minor for counter in world.state.spending.values())
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and again.state.state_root() == world.state.state_root()


@given(scripts)
def test_what_is_spent_is_what_was_bought_and_what_waits(script: list[tuple[str, int]]) -> None:
    # [COS-4] [MAN-7]
    world = Household()
    for step, number in script:
        world.do(step, number)
    for (link, currency), counter in world.state.spending.items():
        bought = sum(
            contract.total_minor
            for contract in world.state.contracts.values()
            if contract.mandate_leaf
            and link in world.state.mandates[Digest(contract.mandate_leaf)].effective.links
        )
        waits = sum(
            order.reservation.amount_minor
            for order in world.state.pendings.values()
            if order.waits and link in order.reservation.links
        )
        assert currency == "EUR" and counter.total_minor == bought + waits <= 200_00
