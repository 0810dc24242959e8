"""A market with escrow at a real node: from a trade to delivered, accepted and paid, over a restart."""

import asyncio
from pathlib import Path

import pytest

from tests.network.floor import FUNDS, buy, open_floor, sell
from tests.network.node_process import NodeProcess
from tests.network.test_sdk_trade import free_address, money
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.errors import Code
from thingmarket.limits import DAY_MS
from thingmarket.trading.terms import Settlement
from thingmarket_client import RefusedByNode


async def test_a_trade_is_delivered_accepted_and_paid_over_a_restart(tmp_path: Path) -> None:
    """[MKT-16] Both sides see the same contract; the one that was met cannot read why the other bought."""
    node = NodeProcess.start(tmp_path / "node", address=free_address())
    terms = {"settlement": Settlement.ESCROW, "delivery_ms": DAY_MS, "inspection_ms": DAY_MS}
    async with open_floor(node, tmp_path, tax_category="S", **terms) as floor:
        await floor.shop.place_orders([sell(5, 119)])
        await floor.printer.place_orders([buy(2, 119)])
        (contract,) = await floor.printer.contracts()
        assert (contract.market, contract.offer, contract.state) == (1, b"", ContractState.ACTIVE)
        assert (contract.net_minor, contract.tax_minor) == (200, 38)
        assert await floor.anna.balances() == money(FUNDS - 238, 238)
        (trade,) = await floor.printer.trades(1)
        assert trade.contract == contract.id

        node.restart(kill=True)
        await asyncio.wait_for(floor.shop.delivered(contract.id), 60)
        assert (await floor.shop.contract(contract.id)).fulfilment is FulfilmentState.DELIVERED
        await floor.printer.accept(contract.id)
        done = await floor.shop.contract(contract.id)
        assert done.state is ContractState.COMPLETED
        assert await floor.anna.balances() == money(FUNDS - 238)
        assert await floor.bob.balances() == money(238)
        reasons = await floor.printer.explain(contract.id)
        assert reasons is not None
        with pytest.raises(RefusedByNode) as refused:
            await floor.shop.explain(contract.id)
        assert refused.value.number == Code.UNKNOWN_ENTRY
    node.kill()
    assert not node.trouble
