"""`order` and `goods`: who trades in a market places orders there, and keeps the goods that he sells."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.market.order_views import OrderSeen
from thingmarket.matching.records import Side, TimeInForce
from thingmarket_client.frames import CancelAll, CancelOrder, FrameAnswer, LimitOrder
from thingmarket_client.live_book import Market
from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import SpanType, moment
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner, open_thing
from thingmarket_node.cli.trouble import refusal_of

_Opening = Callable[..., Awaitable[Trader]]
_AT_ONCE = {"rest": TimeInForce.GTC, "at-once": TimeInForce.IOC, "all-or-nothing": TimeInForce.FOK}
market_argument = click.argument("market", type=click.IntRange(1))


def commands(whose: str, buyer: str, seller: str) -> tuple[click.Command, click.Command]:
    """`order` and `goods` of an owner or of a thing, whose folders have these names in examples."""
    opening: _Opening = open_owner if whose == "owner" else open_thing
    return _order(whose, buyer, seller, opening), _goods(whose, seller, opening)


def _order(whose: str, buyer: str, seller: str, opening: _Opening) -> click.Group:
    @click.group(
        cls=Group,
        help=f"""Buy and sell in the books of the node's markets.

        \b
        Example:
          thingmarket {whose} order buy {buyer} 1 5 0.20
          thingmarket {whose} order list {buyer}
          thingmarket {whose} order cancel {buyer} --all
        """,
    )
    def order() -> None:
        pass

    order.add_command(_placing(whose, buyer, opening, Side.BUY))
    order.add_command(_placing(whose, seller, opening, Side.SELL))
    order.add_command(_cancel(whose, seller, opening))
    order.add_command(_list(whose, seller, opening))
    return order


def _placing(whose: str, home: str, opening: _Opening, side: Side) -> click.Command:
    word, limit = side.name.lower(), "most" if side is Side.BUY else "least"

    @click.command(
        name=word,
        help=f"""{word.capitalize()} LOTS in MARKET, each for PRICE at {limit}.

        MARKET is its number: `thingmarket market list {home}` shows them, and `market depth` the prices of
        one. LOTS are whole. What does not trade at once rests in the book, where it holds money or goods
        until it trades, is cancelled or expires. A price below zero stands behind two dashes: `-- 1 5 -0.20`.

        \b
        Example:
          thingmarket {whose} order {word} {home} 1 5 0.20
          thingmarket {whose} order {word} {home} 1 5 0.20 --for 2h
          thingmarket {whose} order {word} {home} 1 5 0.20 --what-is-left at-once
        """,
    )
    @click.option("--for", "life_ms", type=SpanType(), help="Cancel what rests after this time, as in 2h.")
    @click.option(
        "--what-is-left",
        "rest",
        type=click.Choice(list(_AT_ONCE)),
        default="rest",
        show_default=True,
        help="Let it rest; trade at once what can be and drop the rest; or trade all of it or nothing.",
    )
    @click.option("--post-only", is_flag=True, help="Refuse it rather than trade at once.")
    @home_argument
    @market_argument
    @click.argument("lots", type=click.IntRange(1))
    @click.argument("price")
    @node_option
    @json_option
    def place(
        home: Path, market: int, lots: int, price: str, card: str | None, as_json: bool, **how: Any
    ) -> None:
        if how["life_ms"] and how["rest"] != "rest":
            raise click.UsageError("--for is for orders that rest")

        async def act() -> tuple[Market, FrameAnswer]:
            async with await opening(home, card) as opened:
                found = await opened.market(market)
                wanted = LimitOrder(
                    market=market,
                    side=side,
                    lots=lots,
                    price_ticks=found.ticks(price),
                    tif=_AT_ONCE[how["rest"]],
                    expires_ms=opened.session.now_ms + how["life_ms"] if how["life_ms"] else 0,
                    post_only=how["post_only"],
                )
                return found, await opened.place_orders([wanted])

        found, answer = asyncio.run(act())
        _tell_of_one(Output(as_json=as_json), found, answer)

    return place


def _tell_of_one(output: Output, market: Market, answer: FrameAnswer) -> None:
    (one,) = answer.orders
    if not one.taken:
        raise refusal_of(one.status, answer.decision)
    currency = market.terms.currency
    for fill in one.fills:
        output.say(f"traded {fill.lots} for {market.money(fill.price_ticks)} {currency} each")
    output.say(
        f"order {one.order_id}: {one.rests_lots} lots rest"
        if one.rests_lots
        else f"order {one.order_id}: nothing of it rests"
    )
    output.end(
        {
            "order": one.order_id,
            "frame": answer.frame,
            "rests_lots": one.rests_lots,
            "fills": [{"price_ticks": fill.price_ticks, "lots": fill.lots} for fill in one.fills],
            "seq": answer.receipt.seq if answer.receipt else 0,
        }
    )


def _cancel(whose: str, home: str, opening: _Opening) -> click.Command:
    @click.command(
        help=f"""Take resting orders back: one by its number, or all.

        \b
        Example:
          thingmarket {whose} order cancel {home} 5497558138881
          thingmarket {whose} order cancel {home} --all
        """
    )
    @home_argument
    @click.argument("order", type=click.IntRange(1), required=False)
    @click.option("--all", "everything", is_flag=True, help="All of one's own, in all markets.")
    @node_option
    @json_option
    def cancel(home: Path, order: int | None, everything: bool, card: str | None, as_json: bool) -> None:
        if (order is None) != everything:
            raise click.UsageError("give the number of an order, or --all")

        async def act() -> int:
            async with await opening(home, card) as opened:
                resting = [one for one in await opened.orders() if order in (None, one.order_id)]
                if order is None and not resting:
                    return 0
                market = resting[0].market if resting else 1
                wanted = CancelAll() if order is None else CancelOrder(market=market, order_id=order)
                answer = await opened.place_orders([wanted])
                if answer.refused:
                    raise refusal_of(answer.refused[0].status, answer.decision)
                return len(resting)

        count = asyncio.run(act())
        output = Output(as_json=as_json)
        output.say(f"cancelled {count} order{'' if count == 1 else 's'}")
        output.end({"cancelled": count})

    return cancel


def _list(whose: str, home: str, opening: _Opening) -> click.Command:
    @click.command(
        name="list",
        help=f"""List the orders that rest in the books.

        \b
        Example:
          thingmarket {whose} order list {home}
        """,
    )
    @home_argument
    @click.option("--of", default="", help="The id of a thing, for its owner.", hidden=whose != "owner")
    @node_option
    @json_option
    def list_orders(home: Path, of: str, card: str | None, as_json: bool) -> None:
        async def read() -> tuple[tuple[OrderSeen, ...], dict[int, Market]]:
            async with await opening(home, card) as opened:
                found = await opened.orders(of)
                markets = {number: await opened.market(number) for number in {one.market for one in found}}
                return found, markets

        found, markets = asyncio.run(read())
        output = Output(as_json=as_json)
        rows = [
            (
                one.order_id,
                one.market,
                Side(one.side).name.lower(),
                one.lots,
                f"{markets[one.market].money(one.price_ticks)} {markets[one.market].terms.currency}",
                moment(one.expires_ms) if one.expires_ms else "-",
            )
            for one in found
        ]
        output.table("resting orders", ("order", "market", "side", "lots", "price", "until (UTC)"), rows)
        output.end({"orders": [order_value(one) for one in found]})

    return list_orders


def order_value(one: OrderSeen) -> dict[str, Any]:
    """A resting order as one JSON object."""
    return {
        "order": one.order_id,
        "market": one.market,
        "side": Side(one.side).name.lower(),
        "lots": one.lots,
        "price_ticks": one.price_ticks,
        "expires_ms": one.expires_ms,
    }


def _goods(whose: str, home: str, opening: _Opening) -> click.Group:
    @click.group(
        cls=Group,
        help=f"""Bring goods to the node before they are sold there, and take them out again.

        \b
        Example:
          thingmarket {whose} goods declare {home} 1 100
        """,
    )
    def goods() -> None:
        pass

    for word, verb in (("declare", "Bring"), ("withdraw", "Take")):
        goods.add_command(_moving(whose, home, opening, word=word, verb=verb))
    return goods


def _moving(whose: str, home: str, opening: _Opening, *, word: str, verb: str) -> click.Command:
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
