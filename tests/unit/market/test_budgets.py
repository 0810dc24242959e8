"""Mandates at work in the market: budgets of chains, sub-agents, and terms that offers must meet."""

from typing import Any

from pytest import mark

from tests.builders import Actor, World, limit
from tests.support.mandates import OTHER_NODE
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.errors import Code
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Autonomy, SpendingLimit
from thingmarket.identity.terms import GeoBox, Places, Week, WeeklyWindow
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.market.entries import Outcome
from thingmarket.policy.spending import SpendingCounter

PAYABLE = 1_190  # one black ink, tax included


def one_limit(field: str, value: Any) -> SpendingLimit:
    return limit(**{field: value})


class Office(World):
    """An owner whose printer buys ink and has agents of its own; a shop that sells it."""

    def __init__(self, **permits: Any) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=10_000_00)
        self.bob = self.owner("bob")
        self.shop = self.thing("shop", self.bob)
        self.printer = self.thing("printer", self.alice, actions=(Action.ANNOUNCE,))
        self.root = self.mandate(self.alice, self.printer.id, **permits)
        self.printer = self.present(self.printer, self.root)
        self.ink = self.offer(self.shop)

    def agent(self, name: str, *links: Signed, by: Actor | None = None, **narrowed: Any) -> Actor:
        """A sub-agent under a chain, unless its link is refused."""
        key = SigningKey.from_seed(name.encode().ljust(32, b"."))
        agent = Actor(id=did.encode(key.public), key=key, owner=self.alice.id)
        link = self.delegated(links[-1], by or self.printer, agent.id, **narrowed)
        self.last_link = link
        return self.present(agent, *links, link)

    def counter(self, link: Signed | bytes) -> SpendingCounter:
        """What is counted for a link in EUR."""
        name = link if isinstance(link, bytes) else self.printer.mandate_leaf
        return self.state.spending[Digest(name), "EUR"]


def codes(*outcomes: Outcome) -> list[int]:
    return [outcome.code for outcome in outcomes]


# --- sub-agents


def test_a_sub_agent_of_a_sub_agent_buys_within_every_link_above_it() -> None:  # [MAN-3] [MAN-7]
    office = Office(limits=(limit(total_minor=3 * PAYABLE),))
    tray = office.agent("tray", office.root, limits=(limit(total_minor=2 * PAYABLE),))
    tray_link = office.last_link
    nozzle = office.agent("nozzle", office.root, tray_link, by=tray, limits=(limit(total_minor=PAYABLE),))
    assert office.buy(nozzle, office.ink).code == 0
    assert office.buy(nozzle, office.ink).rule == "LIM-4"
    assert office.buy(tray, office.ink).code == 0
    assert office.buy(tray, office.ink).rule == "LIM-4"  # one of its two was its own agent's
    assert office.buy(office.printer, office.ink).code == 0
    assert office.buy(office.printer, office.ink).rule == "LIM-4"
    assert office.counter(office.printer.mandate_leaf).total_minor == 3 * PAYABLE
    assert office.counter(tray.mandate_leaf).total_minor == 2 * PAYABLE
    assert office.counter(nozzle.mandate_leaf).total_minor == PAYABLE


def test_a_sub_agent_that_is_given_more_than_its_parent_has_is_refused() -> None:  # [MAN-4]
    office = Office(limits=(limit(1_000_00),))
    stranger = office.thing("stranger", office.alice, actions=(Action.ANNOUNCE,))
    for broader in ({"limits": (limit(1_000_01),)}, {"min_assurance": 0}, {"cosign_quorum": 1}):
        root = office.mandate(
            office.alice,
            office.printer.id,
            limits=(limit(1_000_00),),
            min_assurance=1,
            cosigners=(office.bob.id,),
            cosign_quorum=2,
        )
        link = office.delegated(root, office.printer, stranger.id, **broader)
        assert office.try_present(stranger, root, link).code == Code.MANDATE_BROADER


def test_what_the_parent_loses_its_agents_lose_at_once() -> None:  # [MAN-8]
    office = Office()
    tray = office.agent("tray", office.root)
    nozzle = office.agent("nozzle", office.root, office.last_link, by=tray)
    contract = office.bought(nozzle, office.ink)
    assert office.revoke(office.alice, subject=tray.id).code == 0
    assert codes(office.buy(tray, office.ink), office.buy(nozzle, office.ink)) == [Code.MANDATE_REVOKED] * 2
    assert office.buy(office.printer, office.ink).code == 0
    assert office.revoke(office.alice, mandate=office.printer.mandate_leaf).code == 0
    assert office.buy(office.printer, office.ink).code == Code.MANDATE_REVOKED
    office.deliver(contract)  # what was bought before stands
    office.pass_time(2 * DAY_MS)
    assert office.counter(nozzle.mandate_leaf).open_orders == 0


def test_a_parent_below_the_highest_level_has_no_agents() -> None:  # [MAN-18]
    office = Office()
    root = office.mandate(office.alice, office.printer.id, autonomy=Autonomy.ADAPTABLE)
    stranger = office.thing("stranger", office.alice, actions=(Action.ANNOUNCE,))
    link = office.delegated(root, office.printer, stranger.id)
    assert office.try_present(stranger, root, link).rule == "MAN-18"


# --- counts


def test_siblings_share_orders_of_the_day_open_orders_and_the_month() -> None:  # [MAN-7]
    for field, rule in (
        ("orders_per_day", "LIM-6"),
        ("max_open_orders", "LIM-7"),
        ("max_open_holds", "LIM-8"),
    ):
        office = Office(limits=(one_limit(field, 2),))
        left, right = office.agent("left", office.root), office.agent("right", office.root)
        assert codes(office.buy(left, office.ink), office.buy(right, office.ink)) == [0, 0]
        assert office.buy(left, office.ink).rule == office.buy(right, office.ink).rule == rule
    office = Office(limits=(limit(per_month_minor=2 * PAYABLE),))
    left, right = office.agent("left", office.root), office.agent("right", office.root)
    office.bought(left, office.ink, 2)
    assert office.buy(right, office.ink).rule == "LIM-5"
    office.pass_time(31 * DAY_MS)
    assert office.buy(right, office.offer(office.shop)).code == 0  # another month


def test_an_order_that_has_ended_is_open_no_more_however_it_ended() -> None:  # [MAN-7]
    office = Office(limits=(limit(max_open_orders=1, max_open_holds=1, liability_cap_minor=PAYABLE),))
    for end in ("accepted", "failed", "silence"):
        contract = office.bought(office.printer, office.ink)
        assert office.buy(office.printer, office.ink).rule == "LIM-7"
        if end == "failed":
            office.fail(contract)
        else:
            office.deliver(contract)
            if end == "accepted":
                office.accept(contract)
            else:
                office.pass_time(2 * DAY_MS)
    counter = office.counter(office.printer.mandate_leaf)
    assert (counter.open_orders, counter.open_holds, counter.open_minor) == (0, 0, 0)
    assert (counter.orders, counter.total_minor) == (3, 3 * PAYABLE)  # refunds give no budget back


def test_open_orders_oblige_to_no_more_than_the_liability_cap() -> None:  # [LIM-9]
    office = Office(limits=(limit(liability_cap_minor=3 * PAYABLE),))
    office.bought(office.printer, office.ink, 2)
    assert office.buy(office.printer, office.ink, 2).rule == "LIM-9"
    assert office.buy(office.printer, office.ink).code == 0


def test_a_refused_order_counts_nothing() -> None:
    office = Office()
    office.bought(office.printer, office.ink)
    before = office.counter(office.printer.mandate_leaf)
    assert office.buy(office.printer, office.ink, 100).code == Code.OUT_OF_STOCK
    assert office.counter(office.printer.mandate_leaf) == before


# --- terms


def test_an_offer_meets_what_the_mandate_asks_of_it() -> None:  # [CRT-1] [SLA-1] [SLA-2] [SLA-3] [PAR-3]
    office = Office(
        required_certificates=("eu.blue_angel",),
        delivery_max_ms=2 * DAY_MS,
        warranty_min_days=365,
        co2_max_grams=400,
    )
    facts = {
        "certificate.eu.blue_angel": Attribute("certificate.eu.blue_angel", True),
        "co2": Attribute("co2", ScaledInteger(400, 0, "GRM")),
        "warranty": Attribute("warranty", ScaledInteger(365, 0, "DAY")),
    }
    good = office.offer(office.shop, attributes=tuple(facts.values()))
    assert office.buy(office.printer, good).code == 0
    slow = office.offer(office.shop, attributes=tuple(facts.values()), delivery_ms=3 * DAY_MS)
    assert office.buy(office.printer, slow).rule == "SLA-1"
    for name, rule in (("certificate.eu.blue_angel", "CRT-1"), ("co2", "SLA-3"), ("warranty", "SLA-2")):
        rest = tuple(fact for other, fact in facts.items() if other != name)
        refused = office.buy(office.printer, office.offer(office.shop, attributes=rest))
        assert (refused.code, refused.rule) == (Code.DENIED, rule)


def test_a_self_asserted_shop_is_not_enough_where_assurance_is_asked_and_an_owner_is() -> None:  # [PAR-3]
    office = Office(min_assurance=1)
    assert office.buy(office.printer, office.ink).rule == "PAR-3"
    assert office.buy(office.printer, office.offer(office.bob)).code == 0


def test_things_act_in_their_hours_and_deliver_at_any() -> None:  # [TIM-3]
    noon = Week(windows=(WeeklyWindow(days_mask=0b111_1111, start_minute=700, end_minute=780),))
    office = Office(windows=noon)
    shop = office.present(office.shop, office.mandate(office.bob, office.shop.id, windows=noon))
    contract = office.bought(office.printer, office.offer(shop))
    office.pass_time(6 * HOUR_MS)
    assert office.buy(office.printer, office.ink).rule == "TIM-3"
    assert office.try_offer(shop).rule == "TIM-3"
    assert office.deliver(contract, by=shop).code == 0
    assert office.accept(contract).code == 0


def test_a_mandate_for_a_place_buys_nothing_for_an_unknown_one() -> None:  # [GEO-1]
    berlin = GeoBox(south_e7=523_000_000, west_e7=131_000_000, north_e7=526_000_000, east_e7=137_000_000)
    office = Office(geo=Places(boxes=(berlin,)))
    assert office.buy(office.printer, office.ink).rule == "GEO-1"
    assert office.try_need(office.printer).code == 0


def test_a_denied_seller_sells_nothing_to_this_thing() -> None:  # [PAR-2]
    office = Office()
    root = office.mandate(office.alice, office.printer.id, deny_counterparties=(office.bob.id,))
    assert office.buy(office.present(office.printer, root), office.ink).rule == "PAR-2"


@mark.parametrize("own", [True, False])
def test_a_budget_is_counted_at_this_node_or_the_mandate_is_refused_by_name(own: bool) -> None:  # [MAN-6]
    office = Office()
    authority = office.operator.id if own else OTHER_NODE
    root = office.mandate(office.alice, office.printer.id, budget_authority=authority)
    outcome = office.try_present(office.printer, root)
    assert outcome.code == (0 if own else Code.MANDATE_FIELD_UNSUPPORTED)
    assert own or "budget_authority" in outcome.reason
