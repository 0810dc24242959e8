"""A printer that buys ink under its owner's mandate, and says why it chose what it chose.

    .venv/bin/python examples/printer_buys_ink.py market/node.card FOLDER

market is a node with play money that runs: `thingmarket node --help` says how to make it.

The folder keeps the keys and what is unanswered; started again, the printer is the same printer.
"""
# ruff: noqa: T201  an example talks

import asyncio
import sys
from pathlib import Path

from thingmarket.catalog.choice import explain_choice
from thingmarket.contract.orders import RetentionClass
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.mandates import Autonomy
from thingmarket.wire.handshake import read_node_card_text
from thingmarket_client import Owner, Thing, create_owner, create_thing, only, spending_limit


async def main(card: NodeCard, folder: Path) -> None:
    """Announce the need, wait for an offer, buy, and accept what is delivered."""
    async with (
        await Owner.open(folder / "owner", card) as owner,
        await Thing.open(folder / "printer", card) as printer,
    ):
        await owner.admit()
        if not printer.chain:  # ink only, at most 30 EUR an order and 100 EUR in all
            await owner.fund("EUR", 100_00)
            limit = spending_limit("EUR", per_order_minor=30_00, per_day_minor=60_00, total_minor=100_00)
            mandate = owner.mandate(printer.id, Autonomy.ADAPTABLE, categories=only("441031"), limits=[limit])
            await printer.adopt([mandate])
        await printer.present()
        await printer.flush()  # whatever a power cut left unanswered

        need = printer.need(title="Ink for the printer", category="44103105", quantity_steps=2)
        await printer.announce(need)
        print("announced: 2 pieces of ink", flush=True)
        chosen = await printer.choose(need)
        while chosen.choice.chosen is None:
            await asyncio.sleep(1)
            chosen = await printer.choose(need)
        print(*explain_choice(chosen.choice), sep="\n", flush=True)

        async with printer.watch(since=0) as changes:
            address = b"Ada Lovelace, 12 St James's Square, London"
            bought = await printer.buy(chosen, delivery={RetentionClass.CONTRACT: address})
            assert bought.decision is not None
            print(f"contract {bought.contract.hex()[:16]}, allowed by {', '.join(bought.decision.rules)}")
            async for change in changes:
                if change.reference == bought.contract and change.state == "DELIVERED":
                    break
        await printer.accept(bought.contract)
        contract = await printer.contract(bought.contract)
        print(f"{contract.state.value}: paid {contract.total_minor} {contract.currency} minor units")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    node_card, home = read_node_card_text(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    if not home.exists():
        create_owner(home / "owner", node_card.key_event.network_id)
        create_thing(home / "printer")
    asyncio.run(main(node_card, home))
