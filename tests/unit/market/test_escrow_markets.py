"""Markets with escrow: a trade is a contract, which is delivered, accepted and paid like a purchase."""

from typing import Final

import pytest

from tests.builders import Actor, World, replayed
from tests.ordering import buy, cancel, events, sell
from tests.unit.market.escrow_trades import ESCROW, FUNDS, contracts_of, counter, sides, traded
from thingmarket.billing.charges import Charges
from thingmarket.contract.contract import ContractState
from thingmarket.contract.feedback import GiveFeedback, feedback_key
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import FulfilStep
from thingmarket.errors import Code, Refusal, code_name
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import ContractId
from thingmarket.limits import DAY_MS
from thingmarket.market import billing, fills, queries
from thingmarket.market.books import violations
from thingmarket.market.cancelling import preview
from thingmarket.market.entries import Command, NoticeKind
from thingmarket.market.indexes import Reader
from thingmarket.market.market import Market
from thingmarket.market.order_queries import trade_contract, trades_seen
from thingmarket.market.state import State
from thingmarket.matching.records import EventKind, Kind, Side, TimeInForce
from thingmarket.settlement.accounts import AccountKind
from thingmarket.trading.frame import Order
from thingmarket.wire import trust
from thingmarket.wire.log import read_entry
from thingmarket.wire.views import contract_message, contract_value

CHARGES: Final = Charges(fee_basis_points=250, reserve_basis_points=1_000, reserve_days=30)
TAXES: Final = (("S", 1900), ("Z", 0), ("DE:S", 1900))


@pytest.fixture
def world() -> World:
    """A market for ink whose trades are delivered afterwards."""
    world = World()
    world.market_of(**ESCROW)
    return world


# --- from a trade to a contract


def test_a_trade_is_a_contract_whose_money_and_goods_are_held(world: World) -> None:
    """[MKT-16]"""
    buyer, seller = sides(world)
    world.frame(seller, sell(5, 1_190))
    outcome = world.frame(buyer, buy(3, 1_300))
    (contract,) = contracts_of(world, outcome)
    assert (contract.state, contract.fulfilment) == (ContractState.ACTIVE, FulfilmentState.PLANNED)
    assert (contract.buyer, contract.seller) == (buyer.id, seller.id)
    assert (contract.market, contract.offer, contract.quantity_steps) == (1, b"", 3)
    assert (contract.net_minor, contract.tax_minor, contract.total_minor) == (3_000, 570, 3_570)
    assert contract.deliver_by_ms == world.time_ms + 2 * DAY_MS
    assert world.escrow_of(contract) == 3_570
    assert world.money(buyer).free == FUNDS - 3_570, "his limit was higher: the rest is free"
    assert world.balance(seller) == 0
    assert world.goods(seller).debits_pending == 3 + 2, "three of the contract, two that rest"
    told = [(one.owner, one.kind) for one in outcome.notices if one.kind is NoticeKind.CONTRACT]
    assert told == [(buyer.id, NoticeKind.CONTRACT), (seller.id, NoticeKind.CONTRACT)]


def test_each_trade_of_a_frame_is_a_contract_of_its_own(world: World) -> None:
    """[MKT-16] Trades of other markets in the same frame are settled at once."""
    buyer, seller = sides(world)
    world.market_of(market=2, product_id="paper")
    world.declare(seller, 10, market=2)
    world.frame(seller, sell(2, 100), sell(1, 110), sell(4, 50, market=2))
    outcome = world.frame(buyer, buy(2, 60, market=2), buy(3, 110))
    made = [contract for contract in world.state.contracts.values() if contract.seq == outcome.seq]
    assert sorted(contract.total_minor for contract in made) == [110, 200]
    places = [at for at, one in enumerate(events(outcome)) if one.kind == EventKind.TRADE and one.market == 1]
    time_ms, network = world.state.time_ms, world.state.network_id
    named = [trade_contract(network, seq=outcome.seq, index=at, time_ms=time_ms) for at in places]
    assert sorted(contract.id for contract in made) == sorted(named)
    assert world.balance(seller) == 100
    assert world.goods(buyer, market=2).free == 2


def test_a_trade_is_seen_under_the_id_of_its_contract(world: World) -> None:
    """[MKT-11] [MKT-16]"""
    buyer, seller = sides(world)
    world.frame(seller, sell(2, 100))
    outcome = world.frame(buyer, buy(2, 100))
    (contract,) = contracts_of(world, outcome)
    reader = Reader(buyer.id, buyer.id)
    (seen,) = trades_seen(world.state, reader, outcome.events, seq=outcome.seq, time_ms=world.state.time_ms)
    assert (seen.contract, seen.cash_minor, seen.fee_minor) == (contract.id, 200, 0)
    assert queries.contract_view(world.state, reader, seen.contract) == contract
    assert contract_value(contract_message(contract)).market == 1


def test_a_contract_is_the_same_id_for_whoever_derives_it(world: World) -> None:
    """[MKT-11]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller)
    assert isinstance(contract.id, bytes) and len(contract.id) == 16
    name = ContractId(contract.id)
    assert world.state.contracts[name].history[0].cause == "Trade"


# --- delivered, paid, or not


def test_what_is_delivered_and_accepted_is_paid_to_the_cent() -> None:
    """[MKT-16] [SET-7] Tax is in the price; fee and reserve are of contracts, not of trades."""
    world = World(charges=CHARGES, taxes=TAXES)
    world.market_of(**ESCROW | {"jurisdiction": "DE"})
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller)
    assert world.deliver(contract.id).code == 0
    assert world.accept(contract.id).code == 0
    contract = world.contract(contract.id)
    assert (contract.state, contract.fulfilment) == (ContractState.COMPLETED, FulfilmentState.ACCEPTED)
    fee, tax = 75, 570  # of 3,000 net
    reserve = (3_570 - tax - fee) // 10
    assert world.balance(seller) == 3_570 - tax - fee - reserve
    assert world.fees_of() == fee
    assert world.balance(buyer) == FUNDS - 3_570
    assert world.goods(buyer).free == 3
    assert world.goods(seller).free == 997
    invoice = billing.invoice_view(world.state, Reader(seller.id, seller.id), "", 1)
    assert (invoice.lines[0].name, invoice.lines[0].net_minor) == ("Black ink", 3_000)
    assert (invoice.tax[0].jurisdiction, invoice.totals.payable_minor) == ("DE", 3_570)
    assert not list(violations(world.state))


@pytest.mark.parametrize("price", [1, 2, 7, 99, 100, 101, 1_189])
def test_tax_within_a_price_leaves_no_cent_over(price: int) -> None:
    """[MKT-16] [INV-3]"""
    world = World(charges=CHARGES, taxes=TAXES)
    world.market_of(**ESCROW | {"jurisdiction": "DE"})
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller, lots=1, price=price)
    assert contract.net_minor + contract.tax_minor == price
    world.deliver(contract.id)
    assert world.accept(contract.id).code == 0, "and the world reckons that no money came or went"
    invoice = billing.invoice_view(world.state, Reader(seller.id, seller.id), "", 1)
    assert invoice.totals.payable_minor == price


def test_a_part_may_be_delivered_and_the_rest_fails(world: World) -> None:
    """[MKT-16] [FUL-6]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller, lots=5, price=100)
    assert world.deliver(contract.id, quantity=2).code == 0
    assert world.accept(contract.id).code == 0
    world.pass_time(2 * DAY_MS)
    contract = world.contract(contract.id)
    assert contract.state is ContractState.COMPLETED
    assert [unit.fulfilment.value for unit in contract.units] == ["ACCEPTED", "FAILED"]
    assert (world.balance(seller), world.balance(buyer)) == (200, FUNDS - 200)
    assert (world.goods(buyer).free, world.goods(seller).free) == (2, 998)


def test_what_is_never_delivered_is_paid_back(world: World) -> None:
    """[MKT-16] [FUL-4]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller)
    world.pass_time(2 * DAY_MS)
    assert world.contract(contract.id).state is ContractState.CANCELLED
    assert world.balance(buyer) == FUNDS
    assert world.goods(seller).free == 1_000
    assert world.state.contracts[contract.id].units[0].fulfilment is FulfilmentState.FAILED


def test_goods_that_were_refunded_or_bought_can_be_sold_again(world: World) -> None:
    """[MKT-16]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller, lots=3, price=100)
    world.deliver(contract.id)
    world.accept(contract.id)
    again = traded(world, seller_funded(world, seller), buyer, lots=3, price=90)
    world.fail(again.id)
    assert world.goods(buyer).free == 3


def seller_funded(world: World, seller: Actor) -> Actor:
    """The same party with money to buy."""
    assert world.deposit(seller, FUNDS).code == 0
    return seller


def test_it_is_refunded_rated_and_earns_points_like_a_purchase() -> None:
    """[MKT-16] [SET-9] [FBK-1] [PTS-3] [INV-6]"""
    world = World(charges=CHARGES, taxes=TAXES)
    world.market_of(**ESCROW | {"jurisdiction": "DE"})
    buyer, seller = sides(world)
    assert world.programme(seller).code == 0
    contract = traded(world, buyer, seller)
    world.deliver(contract.id)
    world.accept(contract.id)
    (points,) = billing.points_view(world.state, Reader(buyer.id, buyer.id))
    assert points.points == 30, "one percent of the net"
    assert world.refund(contract.id, 1_190).code == 0
    note = billing.invoice_view(world.state, Reader(seller.id, seller.id), "", 2)
    assert (note.corrects, note.tax[0].tax_minor) == (1, 190)
    assert world.balance(buyer) == FUNDS - 3_570 + 1_190
    judged = GiveFeedback(
        key=world.key(), contract=contract.id, feedback_key=feedback_key(world.contract(contract.id))
    )
    assert world.send(buyer, TypeId.GIVE_FEEDBACK, trust.give_feedback_body(judged)).code == 0
    assert world.state.feedback[contract.id].product_id == "ink-black"
    statement = billing.tax_statement(
        world.state, Reader(seller.id, seller.id), from_ms=0, to_ms=world.time_ms + 1
    )
    assert sum(line.tax_minor for line in statement.lines.values()) == 380


def test_why_it_was_traded_is_told_to_who_sent_the_frame(world: World) -> None:
    """[MKT-16] [QRY-5]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller)
    assert queries.explained_seq(contract) == contract.seq == world.state.seq
    command = read_entry(world.log[-1]).content
    assert isinstance(command, Command)
    queries.may_explain(world.state, Reader(buyer.id, buyer.id), command)
    with pytest.raises(Refusal):
        queries.may_explain(world.state, Reader(seller.id, seller.id), command)


def test_nobody_cancels_what_was_traded(world: World) -> None:
    """[MKT-16] [CAN-2]"""
    buyer, seller = sides(world)
    contract = traded(world, buyer, seller)
    shown = preview(world.state, Reader(buyer.id, buyer.id), contract.id, b"", 0)
    assert shown.now_minor is None
    refused = world.cancel(contract.id, most_minor=FUNDS)
    assert refused.code == Code.NOT_CANCELLABLE, code_name(refused.code)
    assert world.report(contract.id, FulfilStep.FAILED).code == 0, "the seller may say that he cannot"


def test_turnover_starts_again_for_those_who_traded_much(world: World) -> None:
    """[MKT-16] [SET-6] Nobody comes to the end of a column, however often money goes round."""
    buyer, seller = sides(world)
    traded(world, buyer, seller, lots=1, price=100)
    ledger, number = world.state.ledger, world.state.party(seller.id).number
    wallet = ledger.find(owner=number, ledger=978, kind=AccountKind.OWNER_WALLET)
    assert wallet is not None
    for _ in range(4):
        ledger.accounts.move(wallet, wallet, 2**59)
    world.deposit(seller, 100)
    before = ledger.balance(wallet)
    assert before.credits_posted > 2**61
    traded(world, buyer, seller, lots=1, price=100)
    after = ledger.balance(wallet)
    assert after.credits_posted < 2**61
    assert after.free == before.free


def test_a_contract_is_an_open_order_of_its_mandate_until_it_ends(world: World) -> None:
    """[MKT-16] [MKT-8] What rests is booked, what traded is open: nothing counts twice."""
    owner, seller = world.owner("owner", fund=FUNDS), world.owner("seller")
    world.declare(seller, 100)
    thing = world.thing("printer", owner)
    world.frame(thing, buy(5, 200))
    now = counter(world, thing)
    assert (now.book_minor, now.book_orders, now.open_minor, now.day_orders) == (1_000, 1, 0, 1)
    outcome = world.frame(seller, sell(2, 150))
    now = counter(world, thing)
    assert (now.book_minor, now.book_orders) == (600, 1)
    assert (now.open_minor, now.open_orders, now.open_holds) == (400, 1, 1)
    assert (now.day_minor, now.total_minor, now.day_orders) == (400, 400, 1), "one order, one contract"
    (contract,) = contracts_of(world, outcome)
    assert (contract.buyer, contract.buyer_owner) == (thing.id, owner.id)
    world.deliver(contract.id)
    world.accept(contract.id, by=thing)
    now = counter(world, thing)
    assert (now.open_minor, now.open_orders, now.open_holds, now.total_minor) == (0, 0, 0, 400)


# --- room for contracts


def test_a_frame_makes_so_many_contracts_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-16] What it could meet is asked before it is placed; few lots are always welcome."""
    monkeypatch.setattr(fills, "ESCROW_FILLS_MAX", 3)
    buyer, seller = sides(world)
    world.frame(seller, sell(1, 100), sell(1, 100), sell(1, 101), sell(5, 102))
    assert world.frame(buyer, buy(4, 102)).code == Code.TOO_LARGE
    assert world.frame(buyer, everything(4)).code == Code.TOO_LARGE
    assert len(contracts_of(world, world.frame(buyer, buy(9, 100)))) == 2, "two orders are within its price"
    resting = world.rests(buyer)[0]
    assert world.frame(buyer, cancel(resting)).code == 0
    assert len(contracts_of(world, world.frame(buyer, buy(3, 102)))) == 2, (
        "three lots are three trades at most"
    )
    moved = Order(
        kind=Kind.REPLACE, side=Side.SELL, market=1, order_id=world.rests(seller)[-1], quantity=2, price=90
    )
    assert world.frame(seller, moved).code == 0


def everything(lots: int) -> Order:
    """Buys at any price that there is."""
    return buy(lots, 5_000, kind=Kind.NEW_MARKET, tif=TimeInForce.IOC)


def test_a_full_node_refuses_the_frame_before_the_book(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """[MKT-16]"""
    buyer, seller = sides(world)
    world.frame(seller, sell(2, 100))
    monkeypatch.setattr(fills, "CONTRACTS_MAX", 0)
    assert world.frame(buyer, buy(1, 100)).code == Code.FULL
    assert world.frame(buyer, buy(1, 99)).code == 0, "it meets nobody"
    assert not world.state.contracts


# --- the same again


def test_replay_and_snapshots_have_the_same_contracts(world: World) -> None:
    """[LOG-3] [LOG-6] [MKT-16]"""
    buyer, seller = sides(world)
    done, waits = traded(world, buyer, seller), traded(world, buyer, seller, lots=2)
    world.deliver(done.id)
    restored = State.restore(world.state.snapshot())
    assert restored.state_root() == world.state.state_root()
    world.market = Market(restored)
    world.accept(done.id)
    world.pass_time(3 * DAY_MS)
    market, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert market.state.state_root() == world.state.state_root()
    assert market.state.contracts[waits.id].state is ContractState.CANCELLED
    assert market.state.snapshot() == world.state.snapshot()


def test_guards_learn_prices_of_trades_after_a_restart_too(world: World) -> None:
    """[GRD-6] [MKT-16]"""
    buyer, seller = sides(world)
    traded(world, buyer, seller)
    learnt = dict(world.state.experience._prices)
    assert learnt
    assert State.restore(world.state.snapshot()).experience._prices == learnt
