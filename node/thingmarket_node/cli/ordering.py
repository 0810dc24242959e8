"""`order`: who trades in a market places orders there, takes them back, and sees what rests."""

import asyncio
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Refusal
from thingmarket.limits import ORDERS_PER_FRAME_MAX
from thingmarket.market.order_views import OrderSeen
from thingmarket.matching.records import Reason, Side, TimeInForce
from thingmarket.trading.frame import book_status
from thingmarket_client.frames import CancelAll, CancelOrder, FrameAnswer, LimitOrder, OrderAnswer
from thingmarket_client.live_book import Market
from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import SpanType, moment
from thingmarket_node.cli.goods import goods_group
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.naming import subject_if_named
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import (
    Opening,
    home_argument,
    market_argument,
    node_option,
    open_owner,
    open_thing,
)
from thingmarket_node.cli.trouble import refusal_of

_BELOW_ZERO: Final = re.compile(r"-\.?[0-9].*", re.ASCII)
_OF_THINGS: Final = "Only the owner's own orders are meant; those of a thing of his: --of THING."
_AT_ONCE: Final = {"rest": TimeInForce.GTC, "at-once": TimeInForce.IOC, "all-or-nothing": TimeInForce.FOK}


def commands(whose: str, buyer: str, seller: str) -> tuple[click.Command, click.Command]:
    """`order` and `goods` of an owner or of a thing, whose folders have these names in examples."""
    opening: Opening = open_owner if whose == "owner" else open_thing
    return _order(whose, buyer, seller, opening), goods_group(whose, seller, opening)


def _order(whose: str, buyer: str, seller: str, opening: Opening) -> click.Group:
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


class _LotsType(click.IntRange):
    """How many lots."""

    name = "whole number of lots"


class _PriceLast(click.Command):
    """A command whose last argument may be below zero: -0.20 is a price, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a command line."""
        ctx.ignore_unknown_options = any(map(_BELOW_ZERO.fullmatch, args))
        return super().parse_args(ctx, args)


def _placing(whose: str, home: str, opening: Opening, side: Side) -> click.Command:
    word = side.name.lower()

    @click.command(
        cls=_PriceLast,
        name=word,
        help=_help_of_placing(f"thingmarket {whose} order {word} {home}", side, home),
    )
    @_how_options
    @home_argument
    @market_argument
    @click.argument("lots", type=_LotsType(1))
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
                wanted = _limit_order(found, side, lots, price, now_ms=opened.session.now_ms, **how)
                return found, await opened.place_orders([wanted])

        _tell_of_one(Output(as_json=as_json), home, *asyncio.run(act()))

    return place


def _help_of_placing(line: str, side: Side, home: str) -> str:
    limit = "most" if side is Side.BUY else "least"
    return f"""{side.name.capitalize()} LOTS in MARKET, each for PRICE at {limit}.

        MARKET is its number: `thingmarket market list {home}` shows them, and `market depth` the prices of
        one. LOTS are whole. What does not trade at once rests in the book, where it holds money or goods
        until it trades, is cancelled or expires. Where a market takes prices below zero, one is -0.20.

        \b
        Example:
          {line} 1 5 0.20
          {line} 1 5 0.20 --for 2h
          {line} 1 5 0.20 --what-is-left at-once
        """


def _how_options(command: Callable[..., None]) -> Callable[..., None]:
    """What becomes of an order that does not trade at once."""
    for option in (
        click.option("--post-only", is_flag=True, help="Refuse it rather than trade at once."),
        click.option(
            "--what-is-left",
            "rest",
            type=click.Choice(list(_AT_ONCE)),
            default="rest",
            show_default=True,
            help="Let it rest; trade at once what can be and drop the rest; or trade all of it or nothing.",
        ),
        click.option(
            "--for", "life_ms", type=SpanType(), help="Cancel what rests after this time, as in 2h."
        ),
    ):
        command = option(command)
    return command


def _limit_order(
    market: Market,
    side: Side,
    lots: int,
    price: str,
    *,
    now_ms: int,
    rest: str,
    life_ms: int | None,
    post_only: bool,
) -> LimitOrder:
    return LimitOrder(
        market=market.terms.market,
        side=side,
        lots=lots,
        price_ticks=market.ticks(price),
        tif=_AT_ONCE[rest],
        expires_ms=now_ms + life_ms if life_ms else 0,
        post_only=post_only,
    )


def _tell_of_one(output: Output, home: Path, market: Market, answer: FrameAnswer) -> None:
    (one,) = answer.orders
    if not one.taken:
        raise refusal_of(one.status, answer.decision, _seq_of(answer))
    currency = market.terms.currency
    for fill in one.fills:
        output.say(f"traded {fill.lots} for {market.money(fill.price_ticks)} {currency} each")
    output.say(f"order {one.order_id}: {_what_rests(one, answer)}")
    if seq := _seq_of(answer):
        line = shlex.join(("thingmarket", "explain", "--entry", str(seq), "--home", str(home)))
        output.say(f"  placed by entry {seq} of the log: `{line}` tells more")
    output.end(
        {
            "order": one.order_id,
            "frame": answer.frame,
            "rests_lots": one.rests_lots,
            "fills": [{"price_ticks": fill.price_ticks, "lots": fill.lots} for fill in one.fills],
            "seq": _seq_of(answer),
        }
    )


def _seq_of(answer: FrameAnswer) -> int:
    return answer.receipt.seq if answer.receipt else 0


def _what_rests(one: OrderAnswer, answer: FrameAnswer) -> str:
    """How many lots wait now; when none do although not all traded, why."""
    if one.rests_lots:
        return "1 lot rests" if one.rests_lots == 1 else f"{one.rests_lots} lots rest"
    why = {event.reason for event in answer.events if event.taker == one.order_id}
    if Reason.SELF_TRADE in why:
        return "nothing of it rests: it met an order of the same owner"
    if Reason.IMMEDIATE_REMAINDER in why:
        return "nothing of it rests: what did not trade at once was dropped"
    return "nothing of it rests"


def _cancel(whose: str, home: str, opening: Opening) -> click.Command:
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
    @_of_option(whose)
    @node_option
    @json_option
    def cancel(
        home: Path, order: int | None, everything: bool, of: str, card: str | None, as_json: bool
    ) -> None:
        if (order is None) != everything:
            raise click.UsageError("give the number of an order, or --all")

        async def act() -> int:
            async with await opening(home, card) as opened:
                found = [one for one in await opened.orders(of) if order in (None, one.order_id)]
                if order is not None and not found:
                    reason = f"order {order} does not rest: it traded, was taken back, ended, or is another's"
                    raise Refusal(book_status(Reason.UNKNOWN_ORDER), reason, "ORD-3")
                return await _cancelled(opened, found, every_own=order is None and not of)

        count = asyncio.run(act())
        output = Output(as_json=as_json)
        output.say(f"cancelled {count} order{'' if count == 1 else 's'}")
        if not count and whose == "owner" and not of:
            output.say(_OF_THINGS)
        output.end({"cancelled": count})

    return cancel


def _of_option(whose: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--of",
        default="",
        callback=subject_if_named,
        help="Those of this thing of his: its folder, or did:key:z....",
        hidden=whose != "owner",
    )


async def _cancelled(opened: Trader, found: Sequence[OrderSeen], *, every_own: bool) -> int:
    """Take these orders back; `every_own` also those that came to rest since they were listed."""
    for first in range(0, len(found), ORDERS_PER_FRAME_MAX):
        part = found[first : first + ORDERS_PER_FRAME_MAX]
        each = [CancelOrder(market=one.market, order_id=one.order_id) for one in part]
        answer = await opened.place_orders([CancelAll()] if every_own else each)
        if answer.refused:
            raise refusal_of(answer.refused[0].status, answer.decision, _seq_of(answer))
        if every_own:
            break
    return len(found)


def _list(whose: str, home: str, opening: Opening) -> click.Command:
    @click.command(
        name="list",
        help=f"""List the orders that rest in the books.

        \b
        Example:
          thingmarket {whose} order list {home}
        """,
    )
    @home_argument
    @_of_option(whose)
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
        if not rows and whose == "owner" and not of:
            output.say(_OF_THINGS)
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
