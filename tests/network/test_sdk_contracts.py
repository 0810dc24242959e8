"""Contracts in parts, cancelling and standing orders through the SDK and the command line, at a real node."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.network.node_process import NodeProcess
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.contract import ContractState
from thingmarket.contract.orders import RetentionClass
from thingmarket.contract.standing import StandingState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.policy.decision import Fact
from thingmarket.wire.listings import NeedSeen
from thingmarket_client import Owner, Thing, create_owner, create_thing, spending_limit
from thingmarket_node.cli.main import program
from thingmarket_node.cli.parties import until

FUNDS = 500_00
PAYABLE = 11_90
LIMIT = spending_limit("EUR", per_order_minor=100_00, per_day_minor=300_00, total_minor=300_00)
BUYS = (Action.ANNOUNCE, Action.BUY, Action.ACCEPT_DELIVERY, Action.CANCEL)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node of this test."""
    running = NodeProcess.start(tmp_path / "node")
    yield running
    running.kill()
    assert not running.trouble


@dataclass
class Town:
    """A machine with its owner, and a shop with its owner."""

    homes: Path
    ada: Owner
    machine: Thing
    shop: Thing

    async def sold(self, **terms: Any) -> bytes:
        """An offer with these terms."""
        return await self.shop.sell(
            self.shop.offer(
                product_id="beans",
                title="Coffee beans",
                category="50201706",
                currency="EUR",
                price_minor=10_00,
                stock_steps=100,
                terms=Terms(**terms),
            )
        )

    async def shown(self, *arguments: str) -> str:
        """What the command line writes."""
        done = await asyncio.to_thread(CliRunner().invoke, program, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    async def told(self, *arguments: str) -> dict[str, Any]:
        """What the command line ends with, for programs."""
        answer: dict[str, Any] = json.loads((await self.shown(*arguments, "--json")).splitlines()[-1])
        return answer


@pytest.fixture
async def town(node: NodeProcess, tmp_path: Path) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        owners = []
        for name in ("ada", "bob"):
            create_owner(tmp_path / name, node.network_id)
            owner = await stack.enter_async_context(await Owner.open(tmp_path / name, node.card))
            await owner.admit()
            owners.append(owner)
        things = []
        for name, owner, actions in (("machine", owners[0], BUYS), ("shop", owners[1], [Action.SELL])):
            subject = create_thing(tmp_path / name)
            thing = await stack.enter_async_context(await Thing.open(tmp_path / name, node.card))
            limits = [LIMIT] if name == "machine" else []
            mandate = owner.mandate(subject, Autonomy.ADAPTABLE, actions=actions, limits=limits)
            await thing.adopt([mandate])
            await thing.present()
            things.append(thing)
        await owners[0].fund("EUR", FUNDS)
        yield Town(tmp_path, owners[0], *things)


async def test_a_contract_is_delivered_in_parts_and_its_parts_are_shown(
    town: Town,
) -> None:
    # [CON-4] [FUL-6]
    halves = tuple(
        Milestone(title=title, share_millionths=500_000, delivery_ms=2 * DAY_MS) for title in ("one", "two")
    )
    offer = await town.machine.reads.offer(await town.sold(milestones=halves))
    contract = (await town.machine.buy(offer, 4)).contract
    await town.shop.delivered(contract, [Fact("boxes", 1)], unit=2, part_steps=1)
    await town.machine.accept(contract, [Fact("weight.grams", 990)])
    seen = await town.machine.contract(contract)
    assert [(unit.quantity_steps, unit.fulfilment.value) for unit in seen.units] == [
        (2, "PLANNED"),
        (1, "ACCEPTED"),
        (1, "PLANNED"),
    ]
    assert seen.history[-1].facts == (Fact("weight.grams", 990),) and seen.history[-1].unit == 2
    await town.shop.ready(contract, unit=3)
    await town.shop.failed(contract, unit=3)
    await town.shop.delivered(contract)
    await town.machine.accept(contract)
    assert (await town.machine.contract(contract)).state is ContractState.COMPLETED
    (told,) = (await town.told("owner", "contracts", str(town.homes / "ada")))["contracts"]
    assert [unit["escrow"] for unit in told["units"]] == ["RELEASED", "RELEASED", "REFUNDED"]
    shown = await town.shown("owner", "contracts", str(town.homes / "ada"))
    assert "REFUNDED" in shown and "units of" in shown


async def test_cancelling_costs_what_was_shown(town: Town) -> None:  # [CAN-1] [CAN-2] [CAN-5]
    name = await town.sold(cancel_planned_basis_points=1_000)
    offer = await town.machine.reads.offer(name)
    home = str(town.homes / "machine")
    before = await town.told("thing", "preview-cancel", home, name.hex(), "--quantity", "2")
    assert (before["now_minor"], before["back_minor"]) == (2_38, 21_42)
    contract = (await town.machine.buy(offer, 2)).contract
    with pytest.raises(Refusal) as caught:
        await town.machine.cancel(contract, max_fee_minor=2_37)
    assert caught.value.number == Code.FEE_TOO_HIGH
    assert (await town.told("thing", "preview-cancel", home, contract.hex()))["now_minor"] == 2_38
    done = await town.told("thing", "cancel", home, contract.hex(), "--max-fee", "2.38")
    assert (done["state"], done["fulfilment"]) == ("CANCELLED", "CANCELLED")
    free = await town.machine.reads.offer(await town.sold(cancel_window_ms=HOUR_MS))
    second = (await town.machine.buy(free, 1)).contract
    assert (await town.machine.contract(second)).state is ContractState.PENDING
    await town.ada.cancel(second)
    (money,) = await town.ada.balances()
    assert (money.available_minor, money.escrow_minor) == (FUNDS - 2_38, 0)


async def test_what_is_wanted_again_is_asked_for_once(town: Town) -> None:  # [SLT-1] [SLT-2]
    offer = await town.machine.reads.offer(await town.sold())
    fields: dict[str, Any] = {"title": "Beans", "category": "50201706", "quantity_steps": 1, "slot": "beans"}

    async def low() -> NeedSeen:
        return await town.machine.replenish(town.machine.need(**fields))

    first = await low()
    assert await low() == first
    contract = (await town.machine.buy(offer, 1, need=first.digest)).contract
    assert (await low()).contract == contract
    await town.shop.delivered(contract)
    await town.machine.accept(contract)
    assert (await low()).digest != first.digest


async def test_a_standing_order_buys_by_itself_and_is_explained(
    town: Town,
) -> None:
    # [STO-1] [STO-8] [QRY-5]
    offer = await town.machine.reads.offer(await town.sold(settlement=SettlementKind.DVP))
    sealed = {RetentionClass.CONTRACT: b"Ada Canary, 1 Sealed Street"}
    name = await town.machine.stand(
        offer, 1, interval_ms=DAY_MS, occurrences_max=2, slot="beans", delivery=sealed
    )

    async def look() -> bytes | None:
        (order,) = await town.machine.standing_orders()
        return order.last or None

    contract = await until(town.machine, look)
    seen = await town.machine.contract(contract)
    assert (seen.state, seen.total_minor) == (ContractState.COMPLETED, PAYABLE)
    assert await town.shop.unseal(contract, seen.sealed[0]) == b"Ada Canary, 1 Sealed Street"
    why = (await town.machine.explain(contract)).explanation
    assert why.outcome is not None and why.outcome.decision is not None and why.outcome.decision.allows
    (told,) = (await town.told("owner", "standing", str(town.homes / "ada")))["standing_orders"]
    assert (told["state"], told["made"], told["last"]) == ("ACTIVE", 1, contract.hex())
    await town.told("thing", "end-standing", str(town.homes / "machine"), name.hex())
    (order,) = await town.machine.standing_orders()
    assert order.state is StandingState.ENDED
    third = await town.told(
        *("owner", "stand", str(town.homes / "ada"), "--offer", offer.digest.hex(), "--quantity", "1"),
        *("--every", "24h", "--times", "3", "--max-total", "99.00"),
    )
    assert len(bytes.fromhex(str(third["standing_order"]))) == 16
