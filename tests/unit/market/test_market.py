"""The market from its first entry to paid contracts: what must hold of every trade."""

import pytest

from tests.builders import World, limit, replayed
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.errors import LEDGER_STATUS_BASE, Code
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.limits import DAY_MS
from thingmarket.market.market import Market
from thingmarket.market.records import ListingState
from thingmarket.market.state import State
from thingmarket.settlement.escrow import EscrowState
from thingmarket.settlement.transfers import Status

PAYABLE = 1_190  # 10.00 and 19 % tax


class Shop(World):
    """Alice's printer and Bob's shop with one offer of ink."""

    def __init__(self, fund: int = 100_00) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=fund)
        self.bob = self.owner("bob")
        self.printer = self.thing("printer", self.alice)
        self.shop = self.thing("shop", self.bob)
        self.ink = self.offer(self.shop)


def test_the_first_trade_moves_goods_one_way_and_money_the_other() -> None:  # [BUY-1] [SET-4]
    world = Shop()
    contract = world.bought(world.printer, world.ink, 2)
    assert (world.balance(world.alice), world.balance(world.bob)) == (100_00 - 2 * PAYABLE, 0)
    assert world.stock(world.ink) == 98
    assert world.ready(contract).code == world.deliver(contract).code == world.accept(contract).code == 0
    assert (world.balance(world.alice), world.balance(world.bob)) == (100_00 - 2 * PAYABLE, 2 * PAYABLE)
    done = world.contract(contract)
    assert (done.state, done.fulfilment, done.escrow) == (
        ContractState.COMPLETED,
        FulfilmentState.ACCEPTED,
        EscrowState.RELEASED,
    )
    assert [event.cause for event in done.history] == ["Purchase", "Ready", "Delivered", "AcceptDelivery"]


def test_a_failure_gives_back_money_goods_and_the_need() -> None:  # [SET-4] [CAT-3]
    world = Shop()
    need = world.need(world.printer)
    contract = world.bought(world.printer, world.ink, need=need)
    assert world.state.needs[need].state is ListingState.FILLED
    assert world.fail(contract).code == 0
    assert (world.balance(world.alice), world.balance(world.bob), world.stock(world.ink)) == (100_00, 0, 100)
    assert world.contract(contract).state is ContractState.CANCELLED
    assert world.state.needs[need].state is ListingState.LIVE
    world.bought(world.printer, world.ink, need=need)


@pytest.mark.parametrize("ready", [False, True])
def test_goods_that_never_come_are_paid_back(ready: bool) -> None:  # [FUL-4]
    world = Shop()
    contract = world.bought(world.printer, world.ink)
    if ready:
        world.ready(contract)
    world.pass_time(2 * DAY_MS - 1)
    assert world.contract(contract).state is ContractState.ACTIVE
    world.pass_time(1)
    assert world.contract(contract).state is ContractState.CANCELLED
    assert world.balance(world.alice) == 100_00
    assert world.deliver(contract).code == Code.WRONG_STATE


def test_goods_that_nobody_complains_about_are_paid() -> None:  # [FUL-4]
    world = Shop()
    contract = world.bought(world.printer, world.ink)
    world.deliver(contract)
    world.pass_time(DAY_MS)
    done = world.contract(contract)
    assert (done.fulfilment, done.history[-1].cause) == (FulfilmentState.ACCEPTED, "silence: inspection")
    assert world.balance(world.bob) == PAYABLE
    assert world.accept(contract).code == Code.WRONG_STATE


def test_a_need_whose_time_is_over_is_not_opened_again() -> None:  # [CAT-3]
    world = Shop()
    need = world.need(world.printer, valid_until_ms=world.time_ms + DAY_MS)
    contract = world.bought(world.printer, world.ink, need=need)
    world.pass_time(DAY_MS)
    world.fail(contract)
    assert world.state.needs[need].state is ListingState.EXPIRED


def test_refused_purchases_change_nothing_and_say_why() -> None:  # the world compares effects_root
    # [BUY-2] [BUY-4] [BUY-5]
    world = Shop(fund=20_00)
    stranger = world.thing("mower", world.owner("carol", fund=1_00))
    small = world.offer(world.shop, stock_steps=1)
    refused = {
        "too little money": (
            world.buy(world.printer, world.ink, 2),
            LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS,
        ),
        "no wallet money": (world.buy(stranger, world.ink), LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS),
        "out of stock": (world.buy(world.printer, small, 2), Code.OUT_OF_STOCK),
        "wrong total": (world.buy(world.printer, world.ink, total_minor=PAYABLE - 1), Code.WRONG_TOTAL),
        "too many": (world.buy(world.printer, world.ink, 101), Code.WRONG_QUANTITY),
        "of himself": (world.buy(world.shop, world.ink), Code.SELF_PURCHASE),
        "foreign need": (world.buy(world.printer, world.ink, need=world.need(stranger)), Code.UNKNOWN_NEED),
        "the operator": (world.buy(world.operator, world.ink), Code.NOT_PERMITTED),
    }
    assert {name: outcome.code for name, (outcome, _) in refused.items()} == {
        name: code for name, (_, code) in refused.items()
    }
    assert world.balance(world.alice) == 20_00 and not world.state.contracts


def test_an_announcer_never_buys_not_even_with_an_approval() -> None:  # [MAN-5]
    world = Shop()
    sensor = world.thing("sensor", world.alice, autonomy=Autonomy.ANNOUNCER)
    need = world.need(sensor)
    body = world.purchase_body(world.ink, need=need)
    yes = world.approval(world.alice, body, sensor.mandate_leaf)
    outcome = world.send(sensor, TypeId.PURCHASE, body, yes)
    assert (outcome.code, outcome.rule) == (Code.DENIED, "AUT-0")
    assert world.buy(world.alice, world.ink, need=need).code == 0  # the owner himself does


def test_an_order_above_the_threshold_waits_for_its_approval() -> None:  # [MAN-9]
    world = Shop()
    world.printer = world.thing("plotter", world.alice, limits=(limit(cosign_above_minor=PAYABLE - 1),))
    body = world.purchase_body(world.ink)
    waits = world.send(world.printer, TypeId.PURCHASE, body)
    assert waits.pending and not world.state.contracts
    yes = world.approval(world.alice, body, world.printer.mandate_leaf)
    again = world.send(world.printer, TypeId.PURCHASE, body, yes)  # the key is used: the answer is the same
    assert again.reference == waits.reference and not world.state.contracts
    body = world.purchase_body(world.ink)
    yes = world.approval(world.alice, body, world.printer.mandate_leaf)
    assert not world.send(world.printer, TypeId.PURCHASE, body, yes).pending  # signed before it was sent
    assert len(world.state.contracts) == 1


def test_a_revoked_mandate_buys_nothing_and_its_offers_end() -> None:  # [MAN-8] [CAT-2]
    world = Shop()
    contract = world.bought(world.printer, world.ink)
    assert world.revoke(world.alice, mandate=world.printer.mandate_leaf).code == 0
    assert world.buy(world.printer, world.ink).code == Code.MANDATE_REVOKED
    world.revoke(world.bob, subject=world.shop.id)
    assert world.state.offers[world.ink].state is ListingState.WITHDRAWN
    assert world.deliver(contract).code == Code.MANDATE_REVOKED
    assert world.deliver(contract, by=world.bob).code == 0  # contracts stand, the owner fulfils them


def test_siblings_share_the_budget_of_the_link_above_them() -> None:  # [MAN-7]
    world = Shop()
    root = world.mandate(world.alice, world.printer.id, limits=(limit(total_minor=2 * PAYABLE),))
    printer = world.present(world.printer, root)
    twins = []
    for name in ("left", "right"):
        twin = world.thing(name, world.alice, actions=(Action.ANNOUNCE,))
        twins.append(world.present(twin, root, world.delegated(root, printer, twin.id)))
    assert [world.buy(twin, world.ink).code for twin in twins] == [0, 0]
    assert world.buy(twins[0], world.ink).rule == world.buy(printer, world.ink).rule == "LIM-4"


def test_a_body_that_is_sent_again_is_answered_and_not_applied_again() -> None:  # [ID-11]
    world = Shop()
    body = world.purchase_body(world.ink)
    first = world.send(world.printer, TypeId.PURCHASE, body)
    entries = len(world.log)
    again = world.send(world.printer, TypeId.PURCHASE, body)
    assert (again.seq, again.reference, len(world.log)) == (first.seq, first.reference, entries)


def busy_log() -> Shop:
    """A world in which a little of everything has happened."""
    world = Shop()
    need = world.need(world.printer)
    one, two, three = (world.bought(world.printer, world.ink) for _ in range(3))
    world.bought(world.printer, world.ink, need=need)
    world.deliver(one)
    world.accept(one)
    world.fail(two)
    world.buy(world.printer, world.ink, 101)
    world.deliver(three)
    world.withdraw_offer(world.shop, world.ink)
    world.offer(world.bob, price_minor=7, stock_steps=3)
    world.revoke(world.bob, epoch=3)
    world.erase(world.alice)
    world.pass_time(3 * DAY_MS)
    world.bought(world.alice, world.offer(world.bob, tax_category="Z"))
    world.pass_time(200 * DAY_MS)
    return world


def test_a_replay_gives_the_same_outcomes_and_the_same_state() -> None:  # [LOG-3]
    world = busy_log()
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert again.state.state_root() == world.state.state_root()
    assert again.state.effects_root() == world.state.effects_root()
    assert again.state.snapshot() == world.state.snapshot()


def test_a_snapshot_anywhere_in_the_log_leads_to_the_same_end() -> None:  # [LOG-4]
    world = busy_log()
    whole = Market()
    for cut in range(len(world.log) + 1):
        snapshot = whole.state.snapshot()
        restored = State.restore(snapshot)
        assert restored.snapshot() == snapshot
        assert restored.state_root() == whole.state.state_root()
        market, outcomes = replayed(world.log[cut:], Market(restored))
        assert outcomes == world.outcomes[cut:]
        assert market.state.snapshot() == world.state.snapshot()
        assert market.state.state_root() == world.state.state_root()
        if cut < len(world.log):
            replayed(world.log[cut : cut + 1], whole)
