"""A shop that sells ink: publishes one offer and delivers what is bought, until one sale is complete.

    .venv/bin/python examples/seller_sells_ink.py market/node.card FOLDER

market is a node with play money that runs: `thingmarket node --help` says how to make it.

The folder keeps the keys; started again, the shop is the same shop.
"""
# ruff: noqa: T201  an example talks

import asyncio
import sys
from pathlib import Path

from thingmarket.identity.cards import NodeCard
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.market.entries import NoticeKind
from thingmarket.policy.decision import Fact
from thingmarket.wire.handshake import read_node_card_text
from thingmarket_client import Owner, Thing, create_owner, create_thing


async def main(card: NodeCard, folder: Path) -> None:
    """Sell until the first buyer has accepted."""
    async with (
        await Owner.open(folder / "owner", card) as owner,
        await Thing.open(folder / "shop", card) as shop,
    ):
        await owner.admit()
        if not shop.chain:  # its owner lets it sell, and nothing else
            await shop.adopt([owner.mandate(shop.id, Autonomy.BOUND, actions=[Action.SELL])])
        await shop.present()
        offer = shop.offer(
            product_id="ink-black-80ml",
            title="Black ink, 80 ml",
            category="44103105",
            currency="EUR",
            price_minor=10_00,
            stock_steps=20,
        )
        print(f"on sale: {(await shop.sell(offer)).hex()[:16]}", flush=True)
        handed_over = set()
        async with shop.watch(since=0) as changes:  # also what was bought while we were away
            async for change in changes:
                if change.kind is not NoticeKind.CONTRACT:
                    continue
                print(f"contract {change.reference.hex()[:16]} is {change.state}", flush=True)
                if change.state == "PLANNED":
                    await deliver(shop, change.reference)
                    handed_over.add(change.reference)
                elif change.state == "ACCEPTED" and change.reference in handed_over:
                    break
        for balance in await owner.balances():
            print(f"earned {balance.available_minor} {balance.currency} minor units")


async def deliver(shop: Thing, contract: bytes) -> None:
    """Hand over what was bought; where to, only the seller of this contract may unseal."""
    bought = await shop.contract(contract)
    for commitment in bought.sealed:
        print("deliver to:", (await shop.unseal(contract, commitment)).decode(), flush=True)
    await shop.ready(contract)
    await shop.delivered(contract, [Fact("pieces", bought.quantity_steps)])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    node_card, home = read_node_card_text(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    if not home.exists():
        create_owner(home / "owner", node_card.key_event.network_id)
        create_thing(home / "shop")
    asyncio.run(main(node_card, home))
