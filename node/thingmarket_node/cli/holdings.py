"""What an owner looks at: his money, the needs of his things, his contracts."""

import asyncio
from pathlib import Path
from typing import Any

import click

from thingmarket.wire.listings import NeedSeen
from thingmarket.wire.views import ContractSeen
from thingmarket_client.owner import Owner
from thingmarket_node.cli.amounts import HexType, written
from thingmarket_node.cli.contract_units import UNIT_COLUMNS, unit_rows
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import contract_value, ended, home_argument, node_option, open_owner


@click.command()
@home_argument
@node_option
@json_option
def balance(home: Path, card: str | None, as_json: bool) -> None:
    """Show what is free to spend, and what purchases hold in escrow.

    \b
    Example:
      thingmarket owner balance anna
    """

    async def read() -> list[dict[str, Any]]:
        async with await open_owner(home, card) as opened:
            return [
                {
                    "currency": row.currency,
                    "available_minor": row.available_minor,
                    "escrow_minor": row.escrow_minor,
                }
                for row in await opened.balances()
            ]

    rows = asyncio.run(read())
    output = Output(as_json=as_json)
    shown = [
        (written(row["available_minor"], row["currency"]), written(row["escrow_minor"], row["currency"]))
        for row in rows
    ]
    output.table(f"wallet of {home}", ("available", "in escrow"), shown)
    output.end({"balances": rows})


@click.command()
@home_argument
@node_option
@json_option
def needs(home: Path, card: str | None, as_json: bool) -> None:
    """List what the owner's things need.

    \b
    Example:
      thingmarket owner needs anna
    """

    async def read() -> tuple[NeedSeen, ...]:
        async with await open_owner(home, card) as opened:
            return await opened.needs()

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [(seen.digest.hex(), seen.need.title, seen.need.quantity_steps, seen.state) for seen in found]
    output.table(f"needs of the things of {home}", ("need", "title", "steps", "state"), rows)
    output.end(
        {
            "needs": [
                {
                    "need": seen.digest.hex(),
                    "title": seen.need.title,
                    "thing": seen.announcer,
                    "quantity_steps": seen.need.quantity_steps,
                    "state": seen.state,
                    "contract": seen.contract.hex(),
                }
                for seen in found
            ]
        }
    )


@click.command()
@home_argument
@click.option("--wait", type=HexType(16), help="First wait until this contract has come to its end.")
@node_option
@json_option
def contracts(home: Path, wait: bytes | None, card: str | None, as_json: bool) -> None:
    """List the contracts of the owner and his things, the last changed last.

    \b
    Example:
      thingmarket owner contracts anna
    """

    async def read() -> list[dict[str, Any]]:
        async with await open_owner(home, card) as opened:
            if wait is not None:
                await ended(opened, wait)
            found = []
            for seen in await opened.contracts():
                product = await _product_of(opened, seen)
                found.append(contract_value(seen, product))
            return found

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (one["contract"], one["product_id"], written(one["total_minor"], one["currency"]), one["fulfilment"])
        for one in found
    ]
    output.table(f"contracts of {home}", ("contract", "product", "total", "fulfilment"), rows)
    for one in found:
        if len(one["units"]) > 1:
            output.table(f"units of {one['contract']}", UNIT_COLUMNS, unit_rows(one))
    output.end({"contracts": found})


async def _product_of(opened: Owner, seen: ContractSeen) -> str:
    """What a contract is about: it came of an offer, or of two orders in a market."""
    if seen.market:
        return (await opened.market(seen.market)).terms.product_id
    return (await opened.reads.offer(seen.offer)).offer.product_id
