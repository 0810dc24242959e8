"""What each party may read, and that it reads nothing else."""

from dataclasses import replace

import pytest

from tests.builders import Actor, World
from tests.support.searches import search_offers
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import PartyId, digest
from thingmarket.limits import DAY_MS
from thingmarket.market import queries, searching
from thingmarket.market.entries import Command
from thingmarket.market.indexes import Reader
from thingmarket.market.queries import reader_of
from thingmarket.market.records import ListingState, TimerKind
from thingmarket.market.state import State
from thingmarket.wire.log import read_entry

PAYABLE = 1_190
SEALED = SealedRef(b"c" * 32, RetentionClass.CONTRACT)


class Street(World):
    """Alice's printer and lamp, Bob's shop with ink, and Carol, who has to do with neither."""

    def __init__(self) -> None:
        super().__init__(currencies=("EUR", "USD"))
        self.alice, self.bob = self.owner("alice", fund=100_00), self.owner("bob")
        self.carol = self.owner("carol", fund=5)
        self.printer, self.lamp = self.thing("printer", self.alice), self.thing("lamp", self.alice)
        self.shop, self.till = self.thing("shop", self.bob), self.thing("till", self.bob)
        self.ink = self.offer(self.shop)

    def reader(self, actor: Actor) -> Reader:
        return reader_of(self.state, actor.id)


def refused(code: Code, question: object, *arguments: object) -> None:
    with pytest.raises(Refusal) as refusal:
        question(*arguments)  # type: ignore[operator]
    assert refusal.value.number == code


def test_owners_read_for_themselves_and_things_for_their_owner() -> None:  # [QRY-1]
    world = Street()
    assert world.reader(world.alice) == (world.alice.id, world.alice.id)
    assert world.reader(world.printer) == (world.printer.id, world.alice.id)
    refused(Code.UNKNOWN_PARTY, reader_of, world.state, PartyId("tm:party:znobody"))
    refused(Code.NOT_PERMITTED, reader_of, world.state, world.operator.id)


def test_a_thing_reads_for_the_owner_of_its_newest_live_mandate() -> None:  # [QRY-1]
    world = Street()
    sold = world.present(world.printer, world.mandate(world.carol, world.printer.id))
    assert world.reader(sold).owner == world.carol.id
    world.revoke(world.carol, mandate=sold.mandate_leaf)
    assert world.reader(sold).owner == world.alice.id
    world.revoke(world.alice, subject=sold.id)
    refused(Code.MANDATE_REVOKED, world.reader, sold)
    world.pass_time(300 * DAY_MS)
    refused(Code.MANDATE_REVOKED, world.reader, world.lamp)  # expired


def test_search_gives_live_offers_in_the_order_of_their_publication() -> None:  # [QRY-2]
    world = Street()
    paper = world.offer(world.shop, product_id="paper", category="14111507")
    red = world.offer(world.shop, product_id="ink-red", category="441031")
    gone = world.offer(world.shop)
    world.withdraw_offer(world.bob, gone)

    def found(**filters: object) -> list[bytes]:
        page = search_offers(world.state, limit=100, **filters)  # type: ignore[arg-type]
        assert page.next_after_seq == 0
        return [view.digest for view in page.offers]

    assert found() == [world.ink, paper, red]
    assert found(category="44") == found(category="441031") == [world.ink, red]
    assert found(category="44103105") == found(product_id="ink-black") == [world.ink]
    assert found(product_id="ink-black", category="14") == found(product_id="toner") == []
    restored = State.restore(world.state.snapshot())
    assert search_offers(restored, limit=100) == search_offers(world.state, limit=100)


def test_search_goes_on_page_by_page() -> None:  # [QRY-2]
    world = Street()
    offers = [world.ink] + [world.offer(world.shop, price_minor=price) for price in range(1, 8)]
    seen, after_seq = [], 0
    while True:
        page = search_offers(world.state, limit=3, after_seq=after_seq)
        seen += [view.digest for view in page.offers]
        if not page.next_after_seq:
            break
        after_seq = page.next_after_seq
    assert seen == offers


def test_one_search_looks_at_a_bounded_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:  # [QRY-2]
    world = Street()
    elsewhere = world.offer(world.shop, product_id="toner", category="14")
    toner = world.offer(world.shop, product_id="toner")
    world.offer(world.shop)
    monkeypatch.setattr(searching, "QUERY_ROWS_MAX", 1)
    first = search_offers(world.state, product_id="toner", category="44", limit=9)
    assert first.offers == () and first.next_after_seq == world.state.offers[elsewhere].seq
    second = search_offers(
        world.state, product_id="toner", category="44", limit=9, after_seq=first.next_after_seq
    )
    assert [view.digest for view in second.offers] == [toner]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"limit": 0}, Code.OUT_OF_RANGE),
        ({"limit": 101}, Code.OUT_OF_RANGE),
        ({"limit": 1, "category": "4"}, Code.BAD_FIELD),
        ({"limit": 1, "product_id": "a b"}, Code.BAD_ID),
    ],
)
def test_a_search_that_asks_for_nonsense_is_refused(filters: dict[str, object], code: Code) -> None:
    with pytest.raises(Refusal) as refusal:
        search_offers(World().state, **filters)  # type: ignore[arg-type]
    assert refusal.value.number == code


def test_an_offer_shows_what_is_left_and_the_command_that_published_it() -> None:  # [QRY-2]
    world = Street()
    world.fail(world.bought(world.printer, world.ink, 4))
    world.bought(world.printer, world.ink, 3)
    view = queries.offer_view(world.state, world.ink)
    assert (view.stock_steps, view.tax_basis_points, view.state) == (97, 1_900, "LIVE")
    assert view.seller_owner == world.bob.id
    assert view.signed_bytes in world.log[view.seq - 1]
    world.withdraw_offer(world.shop, world.ink)
    assert queries.offer_view(world.state, world.ink).state == "WITHDRAWN"
    refused(Code.UNKNOWN_OFFER, queries.offer_view, world.state, b"x" * 32)


def test_all_needs_of_an_owner_are_seen_by_his_things_and_by_nobody_else() -> None:  # [QRY-3]
    world = Street()
    needs = [world.need(world.printer), world.need(world.lamp), world.need(world.alice)]
    contract = world.bought(world.printer, world.ink, need=needs[0])
    world.withdraw_need(world.lamp, needs[1])
    for actor in (world.alice, world.lamp):
        reader = world.reader(actor)
        views = queries.list_needs(world.state, reader)
        assert [view.digest for view in views] == needs
        assert [(view.state, view.contract) for view in views] == [
            ("FILLED", contract),
            ("WITHDRAWN", b""),
            ("OPEN", b""),
        ]
        assert queries.list_needs(world.state, reader, views[1].seq) == views[2:]
    assert queries.list_needs(world.state, world.reader(world.bob)) == ()


def test_a_contract_is_seen_by_its_parties_their_owners_and_who_announced_the_need() -> None:  # [CON-3]
    world = Street()
    contract = world.bought(world.alice, world.ink, need=world.need(world.printer))
    for actor in (world.alice, world.printer, world.bob, world.shop):
        reader = world.reader(actor)
        assert queries.contract_view(world.state, reader, contract).id == contract
        assert [c.id for c in queries.list_contracts(world.state, reader).contracts] == [contract]
    for actor in (world.carol, world.lamp, world.till):
        reader = world.reader(actor)
        refused(Code.UNKNOWN_CONTRACT, queries.contract_view, world.state, reader, contract)
        assert queries.list_contracts(world.state, reader).contracts == ()
    refused(Code.UNKNOWN_CONTRACT, queries.contract_view, world.state, world.reader(world.bob), b"x" * 16)


def test_a_thing_that_changed_hands_sees_nothing_of_its_former_owner() -> None:  # [CON-3]
    world = Street()
    contract = world.bought(world.printer, world.ink)
    world.present(world.printer, world.mandate(world.carol, world.printer.id))
    refused(Code.UNKNOWN_CONTRACT, queries.contract_view, world.state, world.reader(world.printer), contract)


def test_contracts_come_in_the_order_of_their_last_change() -> None:  # [QRY-4]
    world = Street()
    one, two, three = (world.bought(world.printer, world.ink) for _ in range(3))
    world.deliver(one)
    reader = world.reader(world.alice)
    page = queries.list_contracts(world.state, reader)
    assert [contract.id for contract in page.contracts] == [two, three, one] and not page.more
    since = page.contracts[1].changed_seq
    assert [c.id for c in queries.list_contracts(world.state, reader, since).contracts] == [one]
    restored = State.restore(world.state.snapshot())
    assert queries.list_contracts(restored, reader) == page


def test_contracts_that_one_entry_changed_are_all_listed_page_by_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [QRY-4]
    world = Street()
    contracts = {world.bought(world.printer, world.ink) for _ in range(5)}
    world.pass_time(3 * DAY_MS)  # all of them fail at one deadline
    monkeypatch.setattr(queries, "SEARCH_RESULTS_MAX", 2)
    reader, seen, more = world.reader(world.bob), [], True
    seq, last = 0, b""
    while more:
        page = queries.list_contracts(world.state, reader, seq, last)
        seen += [contract.id for contract in page.contracts]
        seq, last, more = page.contracts[-1].changed_seq, page.contracts[-1].id, page.more
    assert len(seen) == 5 and set(seen) == contracts


def test_balances_are_for_the_owner_himself() -> None:
    world = Street()
    world.deposit(world.alice, 7, "USD")
    world.bought(world.printer, world.ink, 2)
    done = world.bought(world.alice, world.ink)
    world.deliver(done)
    world.accept(done)
    rows = queries.balances(world.state, world.reader(world.alice))
    assert [(row.currency, row.available_minor, row.escrow_minor) for row in rows] == [
        ("EUR", 100_00 - 3 * PAYABLE, 2 * PAYABLE),
        ("USD", 7, 0),
    ]
    (earned,) = queries.balances(world.state, world.reader(world.bob))
    assert (earned.available_minor, earned.escrow_minor) == (PAYABLE, 0)
    refused(Code.NOT_PERMITTED, queries.balances, world.state, world.reader(world.printer))


def test_spending_is_told_to_the_owner_of_a_mandate_and_to_its_subject() -> None:
    world = Street()
    world.bought(world.printer, world.ink, 2)
    world.pass_time(DAY_MS)
    world.bought(world.printer, world.ink)
    leaf = world.printer.mandate_leaf
    for actor in (world.alice, world.printer):
        view = queries.spending(world.state, world.reader(actor), leaf)
        ((currency, counter),) = view.counters
        assert (currency, counter.orders, view.state) == ("EUR", 2, "ACTIVE")
        assert (counter.day_minor, counter.total_minor) == (PAYABLE, 3 * PAYABLE)
    for actor in (world.lamp, world.bob):
        refused(Code.UNKNOWN_MANDATE, queries.spending, world.state, world.reader(actor), leaf)
    refused(Code.UNKNOWN_MANDATE, queries.spending, world.state, world.reader(world.alice), b"x" * 32)


def test_sealed_bytes_are_opened_for_the_seller_and_for_the_owner_who_sealed_them() -> None:  # [PRI-5]
    world = Street()
    contract = world.bought(world.printer, world.ink, delivery=(SEALED,))
    for actor in (world.bob, world.shop, world.alice):
        reader = world.reader(actor)
        assert queries.may_unseal(world.state, reader, contract, SEALED.commitment) == world.alice.id
        refused(Code.UNKNOWN_CONTRACT, queries.may_unseal, world.state, reader, contract, b"d" * 32)
    for actor in (world.printer, world.carol, world.till):
        reader = world.reader(actor)
        refused(Code.UNKNOWN_CONTRACT, queries.may_unseal, world.state, reader, contract, SEALED.commitment)


def test_a_decision_is_explained_to_who_asked_for_it_and_to_his_owner() -> None:  # [QRY-5]
    world = Street()
    contract = world.bought(world.printer, world.ink)
    command = read_entry(world.log[world.contract(contract).seq - 1]).content
    assert isinstance(command, Command)
    for actor in (world.alice, world.printer):
        queries.may_explain(world.state, world.reader(actor), command)
    for actor in (world.bob, world.shop, world.lamp, world.carol):  # the other side sees no budgets
        refused(Code.UNKNOWN_ENTRY, queries.may_explain, world.state, world.reader(actor), command)


def test_refused_commands_are_explained_too() -> None:  # [QRY-5]
    world = Street()
    world.send(world.printer, TypeId.PURCHASE, world.purchase_body(world.ink), leaf=digest(b"none"))
    command = read_entry(world.log[-1]).content
    assert isinstance(command, Command)
    refused(Code.UNKNOWN_ENTRY, queries.may_explain, world.state, world.reader(world.alice), command)
    world.buy(world.alice, world.ink, 101)
    command = read_entry(world.log[-1]).content
    assert isinstance(command, Command)
    queries.may_explain(world.state, world.reader(world.alice), command)
    refused(Code.UNKNOWN_ENTRY, queries.may_explain, world.state, world.reader(world.printer), command)


def test_what_an_entry_changed_before_it_was_refused_is_taken_back() -> None:  # [LOG-3]
    world = Street()
    contract = world.bought(world.printer, world.ink, need=world.need(world.printer))
    state, reader = world.state, world.reader(world.alice)
    before = (state.effects_root(), state.snapshot(), queries.list_contracts(state, reader))
    offers = search_offers(state, limit=9)
    state.contracts.put(contract, replace(state.contracts[contract], changed_seq=state.seq + 1))
    state.contracts.drop(contract)
    state.offers.put(world.ink, replace(state.offers[world.ink], state=ListingState.WITHDRAWN))
    state.timers.set(world.time_ms + 1, TimerKind.OFFER, world.ink)
    assert state.effects_root() != before[0] and not search_offers(state, limit=9).offers
    state.undo.roll_back()
    assert (state.effects_root(), state.snapshot(), queries.list_contracts(state, reader)) == before
    assert search_offers(state, limit=9) == offers
    assert world.market.next_deadline_ms() != world.time_ms + 1
