"""Things and owners of the SDK against a real node: one whole trade, and every kind of interruption."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.network.node_process import NodeProcess
from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.catalog.needs import Need, Preference
from thingmarket.contract.approvals import PendingState
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import RetentionClass
from thingmarket.contract.personas import Persona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.limits import DAY_MS
from thingmarket.market.entries import NoticeKind
from thingmarket.market.views import MoneyBalance
from thingmarket.policy.decision import Fact
from thingmarket_client import (
    Owner,
    RefusedByNode,
    Thing,
    Unanswered,
    bound_item,
    create_owner,
    create_thing,
    spending_limit,
)
from thingmarket_client.approvals import NeedsApproval, Pending

INK = "44103105"
FUNDS = 500_00
ADDRESS = b"Ada Canary, 1 Sealed Street"
LIMIT = spending_limit("EUR", per_order_minor=100_00, per_day_minor=300_00, total_minor=300_00)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NodeProcess]:
    """A node that comes back at the same address."""
    tls = getattr(request, "param", True)
    running = NodeProcess.start(tmp_path / "node", tls=tls, address=free_address())
    yield running
    running.kill()
    assert not running.trouble


@dataclass
class Town:
    """A buyer with a printer, a seller with a shop, each with an owner."""

    homes: Path
    node: NodeProcess
    ada: Owner
    bob: Owner
    printer: Thing
    shop: Thing


async def owner_at(node: NodeProcess, home: Path) -> Owner:
    create_owner(home, node.network_id)
    owner = await Owner.open(home, node.card)
    await owner.admit()
    return owner


async def thing_at(node: NodeProcess, home: Path, owner: Owner, autonomy: Autonomy, **permits: Any) -> Thing:
    subject = create_thing(home)
    thing = await Thing.open(home, node.card)
    await thing.adopt([owner.mandate(subject, autonomy, **permits)])
    await thing.present()
    return thing


@pytest.fixture
async def town(node: NodeProcess, tmp_path: Path) -> AsyncIterator[Town]:
    async with AsyncExitStack() as open_ones:
        ada = await open_ones.enter_async_context(await owner_at(node, tmp_path / "ada"))
        bob = await open_ones.enter_async_context(await owner_at(node, tmp_path / "bob"))
        await ada.fund("EUR", FUNDS)
        printer = await thing_at(node, tmp_path / "printer", ada, Autonomy.ADAPTABLE, limits=[LIMIT])
        await open_ones.enter_async_context(printer)
        shop = await thing_at(node, tmp_path / "shop", bob, Autonomy.BOUND, actions=[Action.SELL])
        await open_ones.enter_async_context(shop)
        yield Town(tmp_path, node, ada, bob, printer, shop)


async def ink_on_sale(town: Town, price_minor: int = 10_00, **more: object) -> bytes:
    return await town.shop.sell(
        town.shop.offer(
            product_id="ink-black",
            title="Black ink",
            category=INK,
            currency="EUR",
            price_minor=price_minor,
            stock_steps=20,
            **more,
        )
    )


def money(available_minor: int, escrow_minor: int = 0) -> tuple[MoneyBalance, ...]:
    return (MoneyBalance(currency="EUR", available_minor=available_minor, escrow_minor=escrow_minor),)


@pytest.mark.parametrize("node", [False, True], ids=["plaintext", "tls"], indirect=True)
async def test_one_whole_trade_from_the_need_to_the_money(town: Town) -> None:
    dear = await ink_on_sale(town, 12_00)
    cheap = await ink_on_sale(town, 10_00)
    changes = town.shop.watch()
    waiting = asyncio.ensure_future(anext(changes))

    wish = Preference(
        attribute="price", ideal=ScaledInteger(0), worst=ScaledInteger(50_00), weight_millionths=1_000_000
    )
    need = town.printer.need(title="Ink for the printer", category=INK, quantity_steps=2, prefer=(wish,))
    announced = await town.printer.announce(need)
    assert await town.printer.announce(need) == announced
    chosen = await town.printer.choose(need)
    assert (chosen.choice.chosen, chosen.offer.seller_owner) == (cheap, town.bob.id)
    bought = await town.printer.buy(chosen, delivery={RetentionClass.CONTRACT: ADDRESS})
    assert bought.decision is not None and bought.decision.allows
    assert await town.ada.balances() == money(FUNDS - 23_80, 23_80)

    change = await asyncio.wait_for(waiting, 20)
    assert (change.kind, change.reference, change.state) == (NoticeKind.CONTRACT, bought.contract, "PLANNED")
    (seen,) = await town.shop.contracts()
    assert await town.shop.unseal(seen.id, seen.sealed[0]) == ADDRESS
    await town.shop.ready(seen.id)
    await town.shop.delivered(seen.id, [Fact("pieces", 2)])
    assert [(await asyncio.wait_for(anext(changes), 20)).state for _ in range(2)] == ["READY", "DELIVERED"]
    await town.printer.accept(bought.contract)

    contract = await town.printer.contract(bought.contract)
    assert (contract.state, contract.fulfilment) == (ContractState.COMPLETED, FulfilmentState.ACCEPTED)
    assert contract.need == announced and contract.total_minor == 23_80
    assert await town.ada.balances() == money(FUNDS - 23_80)
    assert await town.bob.balances() == money(23_80)
    (need_seen,) = await town.ada.needs()
    assert (need_seen.digest, need_seen.state, need_seen.contract) == (announced, "FILLED", bought.contract)

    why = await town.printer.explain(bought.contract)
    assert why.record_proven and why.record is not None
    assert [one["offer"] for one in why.record.value["alternatives"]] == [cheap.hex(), dear.hex()]
    assert why.explanation.outcome is not None and why.explanation.outcome.decision == bought.decision
    kept = json.loads((town.homes / f"printer/decisions/{bought.contract.hex()}.json").read_text())
    assert kept["commitment"] == contract.choice.hex()
    spent = await town.ada.spending(town.printer.leaf)
    assert (spent.counters[0][1].total_minor, spent.state) == (23_80, "ACTIVE")
    await changes.aclose()


async def test_a_node_killed_between_two_sendings_does_it_once(town: Town) -> None:  # [ID-11]
    await ink_on_sale(town)
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    key = town.printer.new_key()
    first = await town.printer.buy(seen, 1, key=key)
    town.node.restart(kill=True)
    # As if the first answer had been lost: the same letter, under a new session and header.
    posted = await asyncio.to_thread(town.printer.post.outbox.find, key)
    assert posted is not None
    order = posted.letter
    again = await town.printer.session.submit(order, posted.sealed, sent_before=True)
    assert again.reference == first.contract
    assert again.receipt is not None and again.receipt.seq == first.receipt.seq
    assert (await town.printer.buy(seen, 1, key=key)).contract == first.contract
    assert [one.id for one in await town.printer.contracts()] == [first.contract]
    assert await town.ada.balances() == money(FUNDS - 11_90, 11_90)


async def test_commands_under_way_while_the_node_is_killed_happen_once_each(town: Town) -> None:
    await ink_on_sale(town)
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    keys = [town.printer.new_key() for _ in range(12)]
    buying = [asyncio.ensure_future(town.printer.buy(seen, 1, key=key)) for key in keys]
    await asyncio.wait(buying, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(town.node.restart, kill=True)
    made = [bought.contract for bought in await asyncio.gather(*buying)]
    assert len(set(made)) == 12
    assert {one.id for one in await town.printer.contracts()} == set(made)
    assert await town.ada.balances() == money(FUNDS - 12 * 11_90, 12 * 11_90)


async def test_what_was_bought_offline_is_bought_once_when_the_node_is_back(town: Town) -> None:
    await ink_on_sale(town)
    home = town.homes / "printer"
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    town.node.stop()
    async with await Thing.open(home, patience_ms=300) as offline:
        with pytest.raises(Unanswered) as caught:
            await offline.buy(seen, 3, delivery={RetentionClass.CONTRACT: ADDRESS})
        assert caught.value.key is not None
        assert await offline.post.answer_to(caught.value.key) is None
        with pytest.raises(Unanswered):
            await offline.flush()
    town.node.restart(kill=True)
    async with await Thing.open(home) as device:  # the device was switched off and on again
        flushed = await device.flush()
        ((letter, answer),) = flushed.answered
        assert (letter.key, answer.code, flushed.unknown) == (caught.value.key, 0, ())
        assert (await device.flush()).answered == ()
        (contract,) = await device.contracts()
        assert (contract.id, contract.quantity_steps) == (answer.reference, 3)
        assert (await device.explain(contract.id)).record_proven
        assert await town.shop.unseal(contract.id, contract.sealed[0]) == ADDRESS


async def test_a_device_that_was_restarted_goes_on(town: Town) -> None:
    await ink_on_sale(town)
    need = town.printer.need(title="Ink", category=INK, quantity_steps=1)
    bought = await town.printer.buy(need)
    await town.printer.close()
    async with await Thing.open(town.homes / "printer") as again:
        assert again.id == town.printer.id and again.leaf == town.printer.leaf
        assert [one.id for one in await again.contracts()] == [bought.contract]
        assert again.session.witness.size >= bought.receipt.tree_size
        await again.present()
        await again.buy(need)


async def test_a_watch_catches_up_after_the_node_was_away(town: Town) -> None:
    await ink_on_sale(town)
    changes = town.shop.watch()
    first = asyncio.ensure_future(anext(changes))
    need = town.printer.need(title="Ink", category=INK, quantity_steps=1)
    bought = await town.printer.buy(need)
    assert (await asyncio.wait_for(first, 20)).reference == bought.contract
    following = asyncio.ensure_future(anext(changes))
    await asyncio.to_thread(town.node.restart, kill=True)
    second = await town.printer.buy(need)
    assert (await asyncio.wait_for(following, 30)).reference == second.contract
    await changes.aclose()


async def careful(town: Town) -> Need:
    """Let the printer ask above 5.00, and put ink on sale that costs more."""
    await ink_on_sale(town)
    asks = spending_limit("EUR", per_order_minor=100_00, cosign_above_minor=5_00)
    await town.printer.adopt([town.ada.mandate(town.printer.id, Autonomy.ADAPTABLE, limits=[asks])])
    await town.printer.present()
    return town.printer.need(title="Ink", category=INK, quantity_steps=1)


async def test_a_purchase_above_the_threshold_waits_and_its_owner_approves_it(town: Town) -> None:
    # [COS-4] [COS-6] [COS-8]
    order = await town.printer.order(await careful(town), delivery={RetentionClass.CONTRACT: ADDRESS})
    waits = await town.printer.purchase(order)
    assert isinstance(waits, Pending)
    with pytest.raises(NeedsApproval) as caught:  # the same order again is the same order
        await town.printer.place(order)
    assert (caught.value.number, caught.value.rule) == (Code.NEED_COSIGN, "COS-1")
    assert caught.value.pending == waits and caught.value.is_logged
    assert (await town.printer.pending(waits.id)).state is PendingState.PENDING
    outcome = asyncio.ensure_future(town.printer.outcome_of(waits))
    (seen,) = await town.ada.inbox()
    assert (seen.id, seen.body_digest, seen.buyer) == (waits.id, order.body_digest, town.printer.id)
    assert not await town.bob.inbox() and not await town.printer.waiting.inbox()
    approved = await town.ada.approve(seen, "for the holidays")
    assert await asyncio.wait_for(outcome, 20) == replace(approved, quiet_until_ms=0)
    contract = await town.printer.contract(approved.contract)
    assert contract.state is ContractState.ACTIVE and contract.buyer == town.printer.id
    assert not await town.ada.inbox()
    for party in (town.printer, town.ada):
        reasons = await party.explain(contract.id)
        assert reasons.explanation.approval is not None
        assert reasons.explanation.approval.words[0].party == town.ada.id
        assert reasons.explanation.mandate_leaf == order.mandate_leaf
    assert (await town.printer.explain(contract.id)).record_proven
    assert (await town.shop.unseal(contract.id, contract.sealed[0])) == ADDRESS
    with pytest.raises(RefusedByNode) as told:
        await town.shop.explain(contract.id)
    assert told.value.number == Code.UNKNOWN_ENTRY


async def test_a_node_that_is_killed_between_question_and_answer_loses_nothing(town: Town) -> None:
    # [COS-4] [LOG-6]
    need = await careful(town)
    first, second = [await town.printer.purchase(await town.printer.order(need)) for _ in range(2)]
    assert isinstance(first, Pending) and isinstance(second, Pending)
    await asyncio.to_thread(town.node.restart, kill=True)
    inbox = {seen.id: seen for seen in await town.ada.inbox()}
    assert set(inbox) == {first.id, second.id}
    assert (await town.ada.reject(inbox[second.id], "one is enough")).state is PendingState.REJECTED
    await asyncio.to_thread(town.node.restart, kill=True)
    made = await town.ada.approve(inbox[first.id])
    assert (await town.printer.contract(made.contract)).state is ContractState.ACTIVE
    assert (await town.printer.outcome_of(second)).words[0].reason == "one is enough"
    with pytest.raises(RefusedByNode) as caught:
        await town.ada.approve(inbox[second.id])
    assert caught.value.number == Code.WRONG_STATE


async def test_a_thing_takes_back_what_it_asked_and_reads_what_its_owner_wishes(town: Town) -> None:
    # [COS-6] [PER-1] [PER-3]
    need = await careful(town)
    nights = WeeklyWindow(days_mask=127, start_minute=0, end_minute=1439)  # one minute a day is left
    await town.ada.set_persona(town.printer.id, Persona(quiet=(nights,), approval_latency_ms=60_000))
    wishes = await town.printer.waiting.persona()
    assert (wishes.quiet, wishes.approval_latency_ms) == ((nights,), 60_000)
    with pytest.raises(NeedsApproval) as caught:
        await town.printer.buy(need)
    waits = await town.printer.pending(caught.value.pending.id)
    assert waits.usual_ms > waits.asked_ms and waits.deadline_ms > waits.asked_ms + 5 * DAY_MS
    taken = await town.printer.withdraw(waits.id, "found some in the cupboard")
    assert taken.state is PendingState.WITHDRAWN and not await town.ada.inbox()


async def test_a_cosigner_is_asked_once_he_agreed_and_until_he_takes_it_back(town: Town) -> None:
    # [COS-13] [COS-14]
    await ink_on_sale(town)
    asks = spending_limit("EUR", per_order_minor=100_00, cosign_above_minor=5_00)
    link = town.ada.mandate(town.printer.id, Autonomy.ADAPTABLE, limits=[asks], cosigners=(town.bob.id,))
    await town.printer.adopt([link])
    await town.printer.present()
    need = town.printer.need(title="Ink", category=INK, quantity_steps=1)
    await town.printer.purchase(await town.printer.order(need))
    assert len(await town.ada.inbox()) == 1 and not await town.bob.inbox()
    await town.bob.agree_to_cosign(town.ada.id)
    waits = await town.printer.purchase(await town.printer.order(need))
    assert isinstance(waits, Pending) and [seen.id for seen in await town.bob.inbox()] == [waits.id]
    await town.bob.agree_to_cosign(town.ada.id, agreed=False)
    assert not await town.bob.inbox() and len(await town.ada.inbox()) == 2


async def test_an_approval_that_is_signed_beforehand_travels_with_its_order(town: Town) -> None:  # [MAN-9]
    order = await town.printer.order(await careful(town))
    approval = town.ada.sign_approval(order.body_digest, order.mandate_leaf)
    bought = await town.printer.place(order, approval)
    assert bought.decision is not None and "COS-2" in bought.decision.rules
    assert (await town.printer.place(order)).contract == bought.contract


async def test_an_announcer_says_what_it_needs_and_its_owner_buys(town: Town) -> None:
    ink = await ink_on_sale(town)
    sensor = await thing_at(town.node, town.homes / "sensor", town.ada, Autonomy.ANNOUNCER)
    async with sensor:
        need = sensor.need(title="Ink", category=INK, quantity_steps=1)
        announced = await sensor.announce(need)
        with pytest.raises(Refusal, match="AUT-0"):  # the device knows its own mandate
            await sensor.buy(need)
        with pytest.raises(RefusedByNode) as caught:
            await sensor.buy(await sensor.reads.offer(ink), 1, need=announced)
        assert caught.value.rule == "AUT-0"
        seen = (await town.ada.choose((await town.ada.needs())[0].need)).offer
        bought = await town.ada.buy(seen, 1, need=announced)
        assert [one.id for one in await sensor.contracts()] == [bought.contract]


async def test_a_bound_thing_buys_its_item_and_delegates_nothing(town: Town) -> None:
    ink = await ink_on_sale(town)
    item = bound_item(
        "ink-black", sellers=[town.bob.id], currency="EUR", max_unit_price_minor=10_00, max_quantity_steps=2
    )
    bound = await thing_at(
        town.node, town.homes / "bound", town.ada, Autonomy.BOUND, items=[item], limits=[LIMIT]
    )
    async with bound:
        need = bound.need(title="Ink", category=INK, product_id="ink-black", quantity_steps=2)
        await bound.buy(need)
        with pytest.raises(Refusal, match="ITM-4"):
            await bound.buy(bound.need(title="Ink", category=INK, quantity_steps=3))
        with pytest.raises(RefusedByNode) as caught:
            await bound.buy(await bound.reads.offer(ink), 3)
        assert caught.value.rule == "ITM-4"
        with pytest.raises(Refusal) as broader:
            bound.delegate(town.shop.id)
        assert broader.value.number == Code.MANDATE_BROADER


async def test_a_sub_agent_trades_within_what_its_thing_hands_on(town: Town) -> None:
    ink = await ink_on_sale(town)
    parent = await thing_at(town.node, town.homes / "parent", town.ada, Autonomy.AUTONOMOUS, limits=[LIMIT])
    small = spending_limit("EUR", per_order_minor=12_00)
    agent_id = create_thing(town.homes / "agent")
    async with parent, await Thing.open(town.homes / "agent", town.node.card) as agent:
        await agent.adopt(parent.delegate(agent_id, limits=(small,)))
        await agent.present()
        await agent.buy(agent.need(title="Ink", category=INK, quantity_steps=1))
        with pytest.raises(Refusal, match="LIM-"):
            await agent.buy(agent.need(title="Ink", category=INK, quantity_steps=2))
        with pytest.raises(RefusedByNode) as caught:
            await agent.buy(await agent.reads.offer(ink), 2)
        assert caught.value.rule == "LIM-2"


@pytest.mark.parametrize("how", ["mandate", "subject", "epoch"])
async def test_a_revoked_thing_buys_nothing_until_it_has_a_new_mandate(town: Town, how: str) -> None:
    await ink_on_sale(town)
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    if how == "mandate":
        await town.ada.revoke(mandate=town.printer.leaf)
    elif how == "subject":
        await town.ada.revoke(subject=town.printer.id)
    else:
        await town.ada.revoke_all()
        assert town.ada.epoch == 1
    with pytest.raises(RefusedByNode) as caught:
        await town.printer.buy(seen, 1)
    assert caught.value.number == Code.MANDATE_REVOKED
    await town.printer.adopt([town.ada.mandate(town.printer.id, Autonomy.ADAPTABLE, limits=[LIMIT])])
    await town.printer.present()
    await town.printer.buy(seen, 1)


async def test_a_mandate_may_follow_a_revocation_at_once_also_from_another_process(
    town: Town,
) -> None:  # [MAN-8]
    await town.ada.revoke(subject=town.printer.id)
    await town.ada.close()
    async with await Owner.open(town.homes / "ada") as again:  # as another process of the same owner would
        await again.session.known()
        await town.printer.adopt([again.mandate(town.printer.id, Autonomy.ADAPTABLE, limits=[LIMIT])])
        await town.printer.present()


async def test_money_that_was_asked_for_with_one_key_comes_once(town: Town) -> None:  # [SET-2]
    key = town.bob.new_key()
    first = await town.bob.fund("EUR", 7_00, key=key)
    assert await town.bob.fund("EUR", 7_00, key=key) == first
    assert await town.bob.balances() == money(7_00)


@pytest.mark.parametrize("node", [False, True], ids=["plaintext", "tls"], indirect=True)
async def test_a_node_with_another_identity_is_not_talked_to(town: Town, tmp_path: Path) -> None:
    impostor = NodeProcess.start(tmp_path / "impostor", tls=not town.node.card.plaintext)
    try:
        card = replace(town.node.card, address=impostor.address)
        async with await Thing.open(town.homes / "printer", card, patience_ms=300) as misled:
            with pytest.raises(Refusal) as caught:
                await misled.contracts()
            assert caught.value.number == (Code.WRONG_NETWORK if card.plaintext else Code.BAD_SIGNATURE)
    finally:
        impostor.kill()
