"""The tables that people query: equal to the log, made again at will, each party's own."""

import asyncio
from pathlib import Path

import pytest

from tests.builders import Actor, World, limit
from tests.dealing import PRINTER_INK
from tests.projecting import Floor, dump, everything, projected
from thingmarket.catalog.terms import Terms
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import DAY_MS, INSIGHT_CONNECTIONS
from thingmarket.market.indexes import Reader
from thingmarket.market.refunds import refunded_minor
from thingmarket.v1 import insight_pb2
from thingmarket.wire.insight import Filter, check_report, read_filter
from thingmarket.wire.standing import open_standing_order_body
from thingmarket_node.insight import Insight
from thingmarket_node.projected import contract_row


class Street:
    """Anna's two printers, Bob's shop: two purchases, one refused; the first is delivered and accepted."""

    def __init__(self) -> None:
        self.world = world = World()
        self.anna, self.bob = world.owner("anna", 100_000), world.owner("bob")
        self.printer = world.thing("printer", self.anna, limits=(limit(5_000),))
        self.copier = world.thing("copier", self.anna)
        self.shop = world.thing("shop", self.bob)
        self.ink = world.offer(self.shop)
        self.first = world.bought(self.printer, self.ink, 2)
        world.deliver(self.first)
        world.accept(self.first)
        world.pass_time(DAY_MS)
        self.second = world.bought(self.copier, self.ink, 1)
        assert world.buy(self.printer, self.ink, 9).code == Code.DENIED

    def reader(self, actor: Actor) -> Reader:
        return Reader(actor.id, actor.owner)


@pytest.fixture
def street() -> Street:
    return Street()


async def test_what_was_dropped_is_made_again_equal(street: Street, tmp_path: Path) -> None:
    """[INS-1]"""
    scanner = street.world.thing("scanner", street.anna, limits=(limit(5_000, cosign_above_minor=0),))
    street.world.asked(scanner, street.ink)
    floor = Floor(street.world)
    floor.deal(3, 100)
    path = tmp_path / "projection.db"
    await projected(street.world, path)
    before = dump(path)
    for file in tmp_path.iterdir():
        file.unlink()
    await projected(street.world, path)
    assert dump(path) == before
    assert all(before.values()), "every table has rows"


async def test_the_contracts_are_those_of_the_state(street: Street, tmp_path: Path) -> None:
    """[INS-1]"""
    await projected(street.world, tmp_path / "projection.db")
    state = street.world.state
    expected = sorted(
        contract_row(contract, state.offers[contract.offer].offer, refunded_minor(state, contract))
        for contract in state.contracts.values()
    )
    assert dump(tmp_path / "projection.db")["contracts"] == expected


async def test_an_owner_finds_orders_decisions_contracts_and_spending(street: Street, tmp_path: Path) -> None:
    """[INS-2] [INS-3]"""
    await projected(street.world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    anna = street.reader(street.anna)
    orders = await insight.orders(anna, everything())
    assert [(row.actor, row.quantity_steps, row.code) for row in orders] == [
        (street.printer.id, 9, Code.DENIED),
        (street.copier.id, 1, 0),
        (street.printer.id, 2, 0),
    ]
    assert orders[0].rule == "LIM-1" or orders[0].rule.startswith("LIM")
    assert orders[1].reference == street.second
    denied = [row for row in await insight.decisions(anna, everything()) if row.verdict == 2]
    assert [(row.act, row.rules, row.code) for row in denied] == [("PURCHASE", orders[0].rule, Code.DENIED)]
    rows = await insight.contracts(anna, everything(), "COMPLETED")
    assert [(row.id, row.bought, row.counterparty) for row in rows] == [(street.first, True, street.bob.id)]
    spending = await insight.spending(anna, everything())
    assert [(row.actor, row.category, row.orders, row.total_minor) for row in spending] == [
        (street.printer.id, PRINTER_INK, 1, 2_380),
        (street.copier.id, PRINTER_INK, 1, 1_190),
    ]
    assert spending[1].day_ms - spending[0].day_ms == DAY_MS
    await insight.close()


async def test_all_that_went_back_is_told_less_what_cancelling_cost(tmp_path: Path) -> None:
    """[INS-3]"""
    street = Street()
    world = street.world
    assert world.refund(street.first, 500).code == 0
    half_price = world.offer(street.shop, terms=Terms(cancel_planned_basis_points=5_000))
    cancelled = world.bought(street.copier, half_price, 1)
    assert world.cancel(cancelled, most_minor=1_000).code == 0
    await projected(world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    returned = {
        row.id: row.returned_minor
        for row in await insight.contracts(street.reader(street.anna), everything(), "")
    }
    assert returned == {street.first: 500, street.second: 0, cancelled: 1_190 - 595}
    await insight.close()


async def test_rows_are_found_by_thing_time_and_category(street: Street, tmp_path: Path) -> None:
    """[INS-2]"""
    await projected(street.world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    anna = street.reader(street.anna)
    assert len(await insight.orders(anna, everything(actor=street.copier.id))) == 1
    assert len(await insight.orders(anna, everything(category=PRINTER_INK[:4]))) == 3
    assert await insight.orders(anna, everything(category="99")) == []
    newest = await insight.orders(anna, everything(limit=1))
    assert len(await insight.orders(anna, everything(before_seq=newest[0].seq))) == 2
    cut_ms = street.world.time_ms - DAY_MS // 2
    assert len(await insight.spending(anna, everything(since_ms=cut_ms))) == 1
    await insight.close()


async def test_a_stranger_finds_nothing_and_a_thing_only_its_own(street: Street, tmp_path: Path) -> None:
    """[INS-2]"""
    await projected(street.world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    carol = street.world.owner("carol")
    assert await insight.orders(street.reader(carol), everything()) == []
    assert await insight.spending(street.reader(street.bob), everything()) == []
    copier = street.reader(street.copier)
    assert [row.actor for row in await insight.orders(copier, everything())] == [street.copier.id]
    assert await insight.contracts(
        copier, everything(actor=street.printer.id), ""
    ) == await insight.contracts(copier, everything(), ""), (
        "another thing's name gives a thing no more than its own rows"
    )
    await insight.close()


def test_a_report_has_a_beginning_and_covers_a_year_at_most() -> None:
    """[INS-3]"""
    for wrong in (Filter(), Filter(since_ms=5, until_ms=4), Filter(since_ms=1, until_ms=400 * DAY_MS)):
        with pytest.raises(Refusal):
            check_report(wrong)
    check_report(Filter(since_ms=1, until_ms=366 * DAY_MS))


def test_a_filter_beyond_its_limits_is_refused() -> None:
    """[INS-2]"""
    for wrong in (
        {"actor": "nobody"},
        {"category": "x"},
        {"since_ms": -1},
        {"limit": 201},
        {"before_seq": 2**60},
    ):
        with pytest.raises(Refusal):
            read_filter(insight_pb2.InsightFilter(**wrong))


async def test_who_names_the_mandate_of_another_thing_stands_in_nobodys_books(
    street: Street, tmp_path: Path
) -> None:
    """[INS-2]"""
    world = street.world
    thief = world.thing("thief", world.owner("carol"))
    body = world.purchase_body(street.ink)
    outcome = world.send(thief, TypeId.PURCHASE, body, leaf=street.printer.mandate_leaf)
    assert outcome.code == Code.NOT_PERMITTED
    await projected(world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    anna = street.reader(street.anna)
    assert thief.id not in {row.actor for row in await insight.orders(anna, everything())}
    assert thief.id not in {row.actor for row in await insight.decisions(anna, everything())}
    await insight.close()


async def test_pages_lose_no_contract_of_an_entry_that_made_many(street: Street, tmp_path: Path) -> None:
    """[INS-2]"""
    world = street.world
    for _ in range(5):
        wish = OpenStandingOrder(
            key=world.key(),
            offer=street.ink,
            quantity_steps=1,
            currency="EUR",
            total_max_minor=100_00,
            interval_ms=DAY_MS,
            occurrences_max=1,
            first_ms=world.time_ms + DAY_MS,
        )
        world.send(street.copier, TypeId.OPEN_STANDING_ORDER, open_standing_order_body(wish))
    world.pass_time(2 * DAY_MS)
    await projected(world, tmp_path / "projection.db")
    insight = await Insight.open(tmp_path / "projection.db")
    anna, found = street.reader(street.anna), list[bytes]()
    before: dict[str, object] = {}
    while page := await insight.contracts(anna, everything(limit=2, **before), ""):
        found += [row.id for row in page]
        before = {"before_seq": page[-1].seq, "before_contract": page[-1].id}
    assert sorted(found) == sorted(world.state.contracts)
    await insight.close()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"


async def test_a_query_without_end_delays_nobody_else(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[INS-1]"""
    await projected(street.world, tmp_path / "projection.db")
    insight, anna = await Insight.open(tmp_path / "projection.db"), street.reader(street.anna)
    monkeypatch.setattr("thingmarket_node.insight.ORDERS", ENDLESS)
    monkeypatch.setattr("thingmarket_node.insight.INSIGHT_WAIT_MS", 60_000)
    slow = [asyncio.ensure_future(insight.orders(anna, everything())) for _ in range(INSIGHT_CONNECTIONS - 1)]
    await asyncio.sleep(0)
    assert len(await insight.decisions(anna, everything())) == 4
    assert not any(one.done() for one in slow)
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    await insight.close()  # which waits for whatever still runs


async def test_who_takes_too_long_or_waits_too_long_for_a_connection_is_busy_and_it_is_free_again(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[INS-1]"""
    await projected(street.world, tmp_path / "projection.db")
    insight, anna = await Insight.open(tmp_path / "projection.db"), street.reader(street.anna)
    monkeypatch.setattr("thingmarket_node.insight.ORDERS", ENDLESS)
    monkeypatch.setattr("thingmarket_node.insight.INSIGHT_WAIT_MS", 200)
    asked = [insight.orders(anna, everything()) for _ in range(2 * INSIGHT_CONNECTIONS)]
    for told in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(told, Refusal) and told.number == Code.BUSY
    monkeypatch.setattr("thingmarket_node.insight.INSIGHT_WAIT_MS", 60_000)
    for _ in range(INSIGHT_CONNECTIONS):
        assert len(await insight.decisions(anna, everything())) == 4
    await insight.close()
