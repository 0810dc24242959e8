"""`sell` and `fulfil`: who sells by hand publishes an offer and says what he did for an order."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import HexType, written
from thingmarket_node.cli.claiming import read_fact
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import contract_value, home_argument, node_option, open_owner, open_thing
from thingmarket_node.cli.sheets import OFFER_HELP, offer_of, read_sheet

_STEPS = ("ready", "delivered", "failed")
_Opening = Callable[..., Awaitable[Trader]]


def commands(whose: str, home: str) -> tuple[click.Command, click.Command]:
    """`sell` and `fulfil` of an owner or of a thing, whose folder is called `home` in examples."""
    opening: _Opening = open_owner if whose == "owner" else open_thing
    return _sell(whose, home, opening), _fulfil(whose, home, opening)


def _sell(whose: str, home: str, opening: _Opening) -> click.Command:
    @click.command(
        epilog=OFFER_HELP,
        help=f"""Publish the offer of a SHEET, and leave what follows to `fulfil`.

        \b
        Example:
          thingmarket {whose} sell {home} repair.json
        """,
    )
    @home_argument
    @click.argument("sheet", type=click.Path(path_type=Path, exists=True, dir_okay=False))
    @node_option
    @json_option
    def sell(home: Path, sheet: Path, card: str | None, as_json: bool) -> None:
        async def publish() -> dict[str, Any]:
            async with await opening(home, card) as opened:
                await opened.session.known()  # its time counts by the node's clock
                key, now_ms = opened.new_key(), opened.session.now_ms
                offer = offer_of(read_sheet(sheet), key=key, now_ms=now_ms)
                cost = written(offer.price_minor, offer.currency)
                told = f"offers {offer.title}: {cost} without tax"
                return {"offer": (await opened.sell(offer)).hex(), "told": told}

        value = asyncio.run(publish())
        output = Output(as_json=as_json)
        output.say(f"{value.pop('told')}\n  {value['offer']}")
        output.end(value)

    return sell


def _fulfil(whose: str, home: str, opening: _Opening) -> click.Command:
    @click.command(
        help=f"""Say, as the seller, what was done for CONTRACT: a part of it is ready, delivered or failed.

        \b
        Example:
          thingmarket {whose} fulfil {home} 019f... delivered
          thingmarket {whose} fulfil {home} 019f... delivered --unit 1 --fact finding=relay
          thingmarket {whose} fulfil {home} 019f... delivered --quantity 3
        """
    )
    @home_argument
    @click.argument("contract", type=HexType(16))
    @click.argument("step", type=click.Choice(_STEPS))
    @click.option("--unit", type=click.IntRange(1), help="Which part; the first to which it can apply.")
    @click.option("--quantity", type=click.IntRange(1), help="Only so many steps of it were delivered.")
    @click.option(
        "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What was measured; repeatable."
    )
    @node_option
    @json_option
    def fulfil(home: Path, contract: bytes, step: str, card: str | None, as_json: bool, **told: Any) -> None:
        if told["quantity"] and step != "delivered":
            raise click.UsageError("--quantity says how much was delivered")

        async def report() -> dict[str, Any]:
            async with await opening(home, card) as opened:
                await _say(opened, contract, step, **told)
                return contract_value(await opened.contract(contract))

        value = asyncio.run(report())
        output = Output(as_json=as_json)
        for unit in value["units"]:
            output.say(f"unit {unit['number']}: {unit['fulfilment']}, money {unit['escrow']}")
        output.end(value)

    return fulfil


async def _say(
    party: Trader,
    contract: bytes,
    step: str,
    *,
    unit: int | None,
    quantity: int | None,
    facts: tuple[str, ...],
) -> None:
    measured = [read_fact(text) for text in facts]
    match step:
        case "ready":
            await party.ready(contract, measured, unit=unit or 0)
        case "delivered":
            await party.delivered(contract, measured, unit=unit or 0, part_steps=quantity or 0)
        case _:
            await party.failed(contract, measured, unit=unit or 0)
