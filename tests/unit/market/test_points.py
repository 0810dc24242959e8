"""Points of a seller: earned, redeemed before tax, returned, taken back, ended."""

import pytest

from tests.builders import World, limit
from tests.unit.market.test_billing import Shop
from thingmarket.billing.charges import Charges
from thingmarket.billing.invoice import AllowanceReason
from thingmarket.billing.rules import violations
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.limits import DAY_MS
from thingmarket.market import billing
from thingmarket.market.indexes import Reader
from thingmarket.market.points import points_of
from thingmarket.market.records import TimerKind
from thingmarket.settlement.transfers import Status

EXCEEDS_CREDITS = LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS


class Club(Shop):
    """A shop that gives one point for each EUR of net, worth 5 cents."""

    def __init__(self, **terms: object) -> None:
        super().__init__(Charges())
        self.opened = self.world.programme(self.inks, value_minor=5, **terms)

    @property
    def points(self) -> tuple[int, int]:
        """What anna has and what she owes."""
        return points_of(self.world.state, self.anna.id, self.world.state.programmes[self.inks.id, "EUR"])


@pytest.fixture
def club() -> Club:
    return Club()


def test_a_sale_earns_points_by_its_net(club: Club) -> None:
    """[PTS-3] [PTS-5]"""
    club.sold(price_minor=12_345)
    assert club.points == (123, 0)
    assert club.invoice(1).points_earned == 123
    (view,) = billing.points_view(club.world.state, Reader(club.anna.id, club.anna.id))
    assert (view.points, view.owed, view.issued, view.programme.name) == (123, 0, 0, "ink-club")
    (own,) = billing.points_view(club.world.state, Reader(club.inks.id, club.inks.id))
    assert own.issued == 123
    assert club.opened.reference.decode() == f"X-{club.inks.id}-ink-club"


def test_redeemed_points_are_a_discount_before_tax(club: Club) -> None:
    """[PTS-4] [INV-3]"""
    club.sold(price_minor=20_000)
    digest = club.world.offer(club.shop, jurisdiction="DE")
    before = club.world.balance(club.anna)
    contract = club.world.bought(club.printer, digest, points=100, less_minor=500)
    assert club.points == (100, 0) and before - club.world.balance(club.anna) == 500 + 95
    club.world.deliver(contract)
    club.world.accept(contract)
    invoice = club.invoice(2)
    assert [(a.reason, a.amount_minor) for a in invoice.allowances] == [(AllowanceReason.POINTS, 500)]
    assert (invoice.totals.lines_minor, invoice.totals.tax_minor, invoice.points_redeemed) == (1_000, 95, 100)
    assert not list(violations(invoice))
    assert club.points == (105, 0)  # of the 5.00 that were paid net


def test_redeemed_points_come_back_when_nothing_is_delivered(club: Club) -> None:
    """[PTS-4]"""
    club.sold(price_minor=20_000)
    digest = club.world.offer(club.shop, jurisdiction="DE")
    contract = club.world.bought(club.printer, digest, points=100, less_minor=500)
    club.world.fail(contract)
    assert club.points == (200, 0)


def test_points_are_divided_among_the_parts_of_a_contract(club: Club) -> None:
    """[PTS-4]"""
    club.sold(price_minor=20_000)
    halves = tuple(
        Milestone(title=t, share_millionths=500_000, delivery_ms=2 * DAY_MS) for t in ("one", "two")
    )
    digest = club.world.offer(club.shop, jurisdiction="DE", terms=Terms(milestones=halves))
    contract = club.world.bought(club.printer, digest, 10, points=101, less_minor=505)
    assert [unit.points for unit in club.world.contract(contract).units] == [51, 50]
    club.world.deliver(contract, unit=1, quantity=2)
    assert sum(unit.points for unit in club.world.contract(contract).units) == 101
    club.world.accept(contract, unit=1)
    club.world.fail(contract, unit=2)
    club.world.fail(contract, unit=3)
    unit = club.world.contract(contract).unit(1)
    earned = unit.net_minor // 100
    assert club.points == (200 - unit.points + earned, 0)


def test_delivery_versus_payment_takes_and_gives_points_at_once(club: Club) -> None:
    """[PTS-3] [PTS-4]"""
    club.sold(price_minor=20_000)
    digest = club.world.offer(club.shop, jurisdiction="DE", terms=Terms(settlement=SettlementKind.DVP))
    club.world.bought(club.printer, digest, points=100, less_minor=500)
    assert club.points == (105, 0)


@pytest.mark.parametrize(
    ("points", "less", "code"),
    [(201, 1_005, EXCEEDS_CREDITS), (200, 999, Code.OUT_OF_RANGE), (50, 249, Code.WRONG_TOTAL)],
)
def test_points_that_are_not_there_or_leave_nothing_to_pay_are_refused(
    club: Club, points: int, less: int, code: int
) -> None:
    """[PTS-4]"""
    club.sold(price_minor=20_000)
    digest = club.world.offer(club.shop, jurisdiction="DE", price_minor=1_000)
    body = club.world.purchase_body(digest, points=points, less_minor=min(less, 999))
    assert club.world.send(club.printer, TypeId.PURCHASE, body).code == code


def test_points_are_worth_nothing_at_another_seller(club: Club) -> None:
    """[PTS-4]"""
    club.sold(price_minor=20_000)
    other = club.world.thing("other", club.world.owner("others"))
    digest = club.world.offer(other)
    assert club.world.buy(club.printer, digest, points=1, less_minor=5).code == Code.UNKNOWN_PROGRAMME


def test_a_thing_redeems_points_only_with_leave_to(club: Club) -> None:
    """[PTS-4]"""
    club.sold(price_minor=20_000)
    digest = club.world.offer(club.shop, jurisdiction="DE")
    actions = tuple(action for action in Action if action is not Action.LOYALTY)
    narrow = club.world.thing("narrow", club.anna, actions=actions, limits=(limit(),))
    assert club.world.buy(narrow, digest, points=1, less_minor=5).code == Code.DENIED
    assert club.world.buy(narrow, digest).code == 0


# --- refunds


def test_a_refund_takes_the_points_back_in_proportion(club: Club) -> None:
    """[PTS-6]"""
    contract = club.sold(price_minor=10_000)
    club.world.refund(contract, 5_950)
    assert club.points == (50, 0)
    club.world.refund(contract, 5_950)
    assert club.points == (0, 0)


def test_points_that_were_spent_before_the_refund_are_owed_and_settled_first(club: Club) -> None:
    """[PTS-6]"""
    contract = club.sold(price_minor=10_000)
    digest = club.world.offer(club.shop, jurisdiction="DE", price_minor=2_000)
    spent = club.world.bought(club.printer, digest, points=90, less_minor=450)
    club.world.refund(contract, 11_900)
    assert club.points == (0, 90)
    club.world.deliver(spent)
    club.world.accept(spent)
    assert club.points == (0, 90 - 15)
    club.sold(price_minor=10_000)
    assert club.points == (100 - 75, 0)


def test_buying_and_refunding_in_turns_earns_nothing(club: Club) -> None:
    """[PTS-6]"""
    club.world.deposit(club.inks, 1_000_00)
    for _ in range(5):
        contract = club.sold(price_minor=9_999)
        for part in (1, 3_000, 11_899 - 3_001):
            assert club.world.refund(contract, part).code == 0
    assert club.points == (0, 0)


# --- programmes


@pytest.mark.parametrize(
    "changes",
    [
        {"earn_basis_points": 10_001},
        {"earn_basis_points": 0},
        {"earn_basis_points": 2_001, "value_minor": 5},
        {"value_minor": 0},
        {"idle_days": -1},
        {"name": ""},
        {"name": "Club"},
        {"currency": "XXX"},
    ],
)
def test_points_worth_more_than_what_earned_them_are_refused(changes: dict[str, object]) -> None:
    """[PTS-1] [PTS-2]"""
    world = World()
    with pytest.raises(Refusal):
        world.programme(world.owner("inks"), **changes)


def test_a_programme_is_opened_once_by_the_owner_himself(club: Club) -> None:
    """[PTS-1]"""
    assert club.world.programme(club.inks, name="second").code == Code.ALREADY_KNOWN
    assert club.world.programme(club.shop, name="things").code == Code.NOT_PERMITTED
    assert club.world.programme(club.inks, currency="USD").code == Code.UNKNOWN_CURRENCY


def test_points_that_lie_idle_end_and_used_ones_last() -> None:
    """[PTS-7]"""
    club = Club(idle_days=30)
    club.sold(price_minor=10_000)
    club.sold(price_minor=10_000)
    state = club.world.state
    assert sum(kind is TimerKind.POINTS for _, kind, _ in state.timers.table) == 1
    club.world.pass_time(20 * DAY_MS)
    club.sold(price_minor=10_000)
    club.world.pass_time(20 * DAY_MS)
    assert club.points == (300, 0)
    club.world.pass_time(12 * DAY_MS)
    assert club.points == (0, 0) and not state.points_idle
