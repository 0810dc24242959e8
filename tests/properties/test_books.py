"""Whatever is sold, refunded, redeemed and changed: the books agree with what moved."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import World
from thingmarket.billing.charges import Charges
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.ids import ContractId
from thingmarket.limits import DAY_MS
from thingmarket.market import billing, books
from thingmarket.market.indexes import Reader
from thingmarket.market.points import points_of
from thingmarket.market.state import State
from thingmarket.settlement.accounts import AccountKind

TAXES = (("DE:S", 1_900), ("FR:S", 2_000), ("S", 777), ("Z", 0))
ROWS = (("DE", "S"), ("FR", "S"), ("", "S"), ("", "Z"))
TERMS = (
    Terms(),
    Terms(settlement=SettlementKind.DVP),
    Terms(
        milestones=tuple(
            Milestone(title=str(share), share_millionths=share, delivery_ms=2 * DAY_MS)
            for share in (142_857, 285_715, 571_428)
        )
    ),
    Terms(late_credit_basis_points_per_day=777, late_credit_max_basis_points=3_333, grace_ms=9 * DAY_MS),
)

charges = st.builds(
    Charges,
    fee_basis_points=st.sampled_from((0, 1, 333, 5_000)),
    reserve_basis_points=st.sampled_from((1, 1_000, 5_000)),
    reserve_days=st.integers(1, 5),
)
offers = st.tuples(st.sampled_from(ROWS), st.sampled_from(TERMS), st.integers(1, 5_000))
sales = st.tuples(
    st.sampled_from(("sell", "trade")), st.integers(0, 3), st.integers(1, 12), st.integers(0, 30)
)
recent = st.integers(1, 5)  # which contract, counted from the last one
steps = st.one_of(
    sales,
    sales,
    st.tuples(st.sampled_from(("deliver", "deliver", "accept", "accept", "fail")), recent, st.integers(0, 3)),
    st.tuples(st.just("refund"), recent, st.integers(1, 3), st.integers(1, 900)),
    st.tuples(st.just("convert"), st.integers(1, 500)),
    st.tuples(st.just("spend"), st.integers(1, 2_000)),
    st.tuples(st.just("pass"), st.integers(1, 3)),
)


class Run:
    """A seller with a programme, a buyer, a press where the seller spends, and a rate."""

    def __init__(self, kept: Charges, listed: list[tuple[tuple[str, str], Terms, int]]) -> None:
        world = self.world = World(currencies=("EUR", "USD"), charges=kept, taxes=TAXES)
        self.inks, self.anna = world.owner("inks"), world.owner("anna", fund=5_000_00)
        self.shop, self.printer = world.thing("shop", self.inks), world.thing("printer", self.anna)
        self.press = world.thing("press", world.owner("press owner"))
        assert world.programme(self.inks, earn_basis_points=900, value_minor=3, idle_days=4).code == 0
        self.offers = [
            world.offer(self.shop, jurisdiction=row[0], tax_category=row[1], terms=terms, price_minor=minor)
            for row, terms, minor in listed
        ]
        self.paper = world.offer(
            self.press, price_minor=1, tax_category="Z", stock_steps=10**6, max_steps=10**6
        )
        bank = world.owner("bank", fund=10_000_00, currency="USD")
        self.rate = world.rate(bank, numerator=113, denominator=97, valid_until_ms=world.time_ms + 3 * DAY_MS)
        self.contracts: list[ContractId] = []

    def step(self, kind: str, *numbers: int) -> None:
        """One act, which may be refused; the world checks itself and the books after every entry."""
        world = self.world
        match kind, numbers:
            case "sell" | "trade", (which, quantity, points):
                offer = self.offers[which % len(self.offers)]
                listed = world.state.offers[offer].offer
                programme = world.state.programmes[self.inks.id, "EUR"]
                points = min(points, points_of(world.state, self.anna.id, programme)[0])
                if 3 * points >= listed.price_minor * quantity:
                    points = 0
                outcome = world.buy(self.printer, offer, quantity, points=points, less_minor=3 * points)
                if outcome.code == 0:
                    self.contracts.append(ContractId(outcome.reference))
                if outcome.code == 0 and kind == "trade":
                    world.deliver(outcome.reference)
                    world.accept(outcome.reference, unit=1)
            case "pass", (days,):
                world.pass_time(days * DAY_MS)
            case "convert", (minor,):
                world.convert(self.anna, self.rate.reference, minor)
            case "spend", (minor,):
                world.buy(self.inks, self.paper, minor)
            case _ if self.contracts:
                contract = self.contracts[-numbers[0] % len(self.contracts)]
                unit = 1 + numbers[1] % len(world.contract(contract).units)
                if kind == "refund":
                    world.refund(contract, numbers[2], unit=unit)
                elif kind == "accept":
                    world.accept(contract, unit=unit)
                else:
                    act = world.deliver if kind == "deliver" else world.fail
                    act(contract, unit=unit)


@settings(max_examples=120, deadline=None)
@given(charges, st.lists(offers, min_size=1, max_size=4), st.lists(steps, min_size=10, max_size=50))
def test_the_books_agree_with_what_moved_whatever_happens(kept, listed, script) -> None:
    """[SET-7] [SET-9] [INV-7] [TAX-3] [PTS-6] [FX-3]"""
    run = Run(kept, listed)
    for step in script:
        run.step(*step)
    state, world = run.world.state, run.world
    for record in state.invoices.values():
        assert 0 <= record.refunded_minor <= record.payable_minor
        assert record.net_minor >= 0 and record.tax_minor >= 0 and record.fee_minor >= 0
    _statement_is_what_the_operator_holds(run)
    world.pass_time(20 * DAY_MS)
    assert not state.reserves and not list(books.violations(state))
    restored = State.restore(state.snapshot())
    assert restored.state_root() == state.state_root()


def _statement_is_what_the_operator_holds(run: Run) -> None:
    """[TAX-4]"""
    world = run.world
    collected: dict[str, int] = {}
    for party in world.state.parties.values():
        if not party.id.startswith("tm:party:") or party.id == world.operator.id:
            continue
        part = billing.tax_statement(world.state, Reader(party.id, party.id), from_ms=0, to_ms=2**53)
        for key, line in part.lines.items():
            if key.sold and key.jurisdiction:
                row = f"{key.jurisdiction}:{key.category}"
                collected[row] = collected.get(row, 0) + line.tax_minor
    for row in ("DE:S", "FR:S"):
        account = world.state.ledger.find(
            owner=1, ledger=978, kind=AccountKind.TAX_PAYABLE, reference=row.encode()
        )
        assert account and world.state.ledger.balance(account).free == collected.get(row, 0)
