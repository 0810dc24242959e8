"""`goods`: what an owner has in the markets, from which sell orders are held."""

import asyncio
from pathlib import Path
from typing import Any

import click

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.market.order_views import GoodsSeen
from thingmarket_client.live_book import Market
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import Opening, home_argument, market_argument, node_option


def goods_group(whose: str, home: str, opening: Opening) -> click.Group:
    """`goods` of an owner or of a thing, whose folder has this name in examples."""

    @click.group(
        cls=Group,
        help=f"""Bring goods to the node before they are sold there, see them, and take them out again.

        \b
        Example:
          thingmarket {whose} goods declare {home} 1 100
          thingmarket {whose} goods list {home}
        """,
    )
    def goods() -> None:
        pass

    goods.add_command(_list(whose, home, opening))
    for word, verb in (("declare", "Bring"), ("withdraw", "Take")):
        goods.add_command(_moving(whose, home, opening, word=word, verb=verb))
    return goods


def _list(whose: str, home: str, opening: Opening) -> click.Command:
    @click.command(
        name="list",
        help=f"""List the owner's goods in the markets: what is there, what of it is held, and what is free.

        There is what was declared and bought, less what was sold and withdrawn. Resting sell orders hold
        goods, and contracts of markets that make some.

        \b
        Example:
          thingmarket {whose} goods list {home}
        """,
    )
    @home_argument
    @node_option
    @json_option
    def list_goods(home: Path, card: str | None, as_json: bool) -> None:
        async def read() -> tuple[GoodsSeen, ...]:
            async with await opening(home, card) as opened:
                return await opened.goods()

        found = asyncio.run(read())
        output = Output(as_json=as_json)
        columns = ("market", "product", "there", "held", "free")
        output.table("goods", columns, [_row(one) for one in found])
        output.end({"goods": [goods_value(one) for one in found]})

    return list_goods


def _row(one: GoodsSeen) -> tuple[object, ...]:
    steps = (one.owned_steps, one.held_steps, one.free_steps)
    return (one.market, one.product_id, *(ScaledInteger(n, one.unit_scale, one.unit) for n in steps))


def goods_value(one: GoodsSeen) -> dict[str, Any]:
    """Goods of a product as one JSON object."""
    return {
        "market": one.market,
        "product_id": one.product_id,
        "unit": one.unit,
        "unit_scale": one.unit_scale,
        "owned_steps": one.owned_steps,
        "held_steps": one.held_steps,
        "free_steps": one.free_steps,
    }


def _moving(whose: str, home: str, opening: Opening, *, word: str, verb: str) -> click.Command:
    into, done = "in, as the owner's: sell orders are held from them", "are there to be sold"
    if word == "withdraw":
        into, done = "out that no order holds", "are out again"

    @click.command(
        name=word,
        help=f"""{verb} QUANTITY of the goods of MARKET {into}.

        \b
        Example:
          thingmarket {whose} goods {word} {home} 1 100
        """,
    )
    @home_argument
    @market_argument
    @click.argument("quantity")
    @node_option
    @json_option
    def move(home: Path, market: int, quantity: str, card: str | None, as_json: bool) -> None:
        async def act() -> tuple[Market, int]:
            async with await opening(home, card) as opened:
                found = await opened.market(market)
                steps = found.steps(quantity)
                if word == "declare":
                    await opened.declare_goods(market, steps)
                else:
                    await opened.withdraw_goods(market, steps)
                return found, steps

        found, steps = asyncio.run(act())
        moved = ScaledInteger(steps, found.terms.unit_scale, found.terms.unit)
        output = Output(as_json=as_json)
        output.say(f"{moved} of {found.terms.product_id} {done}")
        output.end({"market": market, "quantity_steps": steps})

    return move
