"""`thingmarket market`: what is traded at a node, at which prices, once or as it happens."""

import asyncio
import json
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

import click

from thingmarket.limits import DEPTH_LEVELS_MAX
from thingmarket.market.order_views import DepthSeen, TradeSeen, TradesSeen
from thingmarket.wire.market_data import Levels
from thingmarket_client.live_book import LiveBook, Market
from thingmarket_node.cli.amounts import moment
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, market_argument, node_option, open_party

_levels_option = click.option(
    "--levels", type=click.IntRange(1, DEPTH_LEVELS_MAX), default=10, show_default=True, help="Prices a side."
)


@click.group(cls=Group)
def market() -> None:
    """Look at the markets of a node, as the owner or thing of the folder HOME.

    \b
    Example:
      thingmarket market list anna
      thingmarket market depth anna 1
      thingmarket market watch anna 1
    """


@market.command(name="list")
@home_argument
@node_option
@json_option
def list_markets(home: Path, card: str | None, as_json: bool) -> None:
    """List the markets with what they trade, their states and best prices.

    \b
    Example:
      thingmarket market list anna
    """

    async def read() -> tuple[Market, ...]:
        async with await open_party(home, card) as opened:
            return await opened.markets()

    tell_markets(Output(as_json=as_json), asyncio.run(read()))


def tell_markets(output: Output, found: tuple[Market, ...]) -> None:
    """Show markets as a table, or as values."""
    columns = ("market", "title", "product", "state", "buy", "sell", "last")
    output.table("markets", columns, [_row(one) for one in found])
    output.end({"markets": [market_value(one) for one in found]})


def _row(one: Market) -> tuple[object, ...]:
    seen = one.seen
    return (
        one.terms.market,
        one.terms.title,
        one.terms.product_id,
        seen.state.name,
        f"{seen.bid_lots} at {one.money(seen.bid_ticks)}" if seen.bid_lots else "-",
        f"{seen.ask_lots} at {one.money(seen.ask_ticks)}" if seen.ask_lots else "-",
        f"{one.money(seen.last_ticks)} {one.terms.currency}" if seen.last_ticks else "-",
    )


def market_value(one: Market) -> dict[str, Any]:
    """A market as one JSON object."""
    seen, terms = one.seen, one.terms
    return {
        "market": terms.market,
        "title": terms.title,
        "product_id": terms.product_id,
        "currency": terms.currency,
        "tick_minor": terms.tick_minor,
        "lot_steps": terms.lot_steps,
        "offset_ticks": terms.offset_ticks,
        "state": seen.state.name,
        "book": terms.book.name,
        "bid_ticks": seen.bid_ticks,
        "bid_lots": seen.bid_lots,
        "ask_ticks": seen.ask_ticks,
        "ask_lots": seen.ask_lots,
        "last_ticks": seen.last_ticks,
        "next_change_ms": seen.next_change_ms,
    }


@market.command()
@home_argument
@market_argument
@_levels_option
@node_option
@json_option
def depth(home: Path, market: int, levels: int, card: str | None, as_json: bool) -> None:
    """Show the best prices of MARKET and how many lots wait at each; of a closed book nobody sees them.

    \b
    Example:
      thingmarket market depth anna 1
      thingmarket market depth anna 1 --levels 50 --json
    """

    async def read() -> tuple[Market, DepthSeen]:
        async with await open_party(home, card) as opened:
            return await opened.market(market), await opened.depth(market, levels)

    found, seen = asyncio.run(read())
    output = Output(as_json=as_json)
    title = f"{found.terms.title}, {found.state.name}, {found.terms.currency} a lot"
    output.table(title, ("buy lots", "price", "sell lots"), ladder(found, seen.bids, seen.asks))
    output.end({"market": market, "seq": seen.seq, **book_value(seen.bids, seen.asks)})


def ladder(market: Market, bids: Levels, asks: Levels) -> list[tuple[object, ...]]:
    """Both sides as rows, the dearest first."""
    sells = [("", market.money(price), lots) for price, lots, _ in reversed(asks)]
    return sells + [(lots, market.money(price), "") for price, lots, _ in bids]


def book_value(bids: Levels, asks: Levels) -> dict[str, Any]:
    """Both sides as JSON."""
    return {
        side: [{"price_ticks": price, "lots": lots, "orders": orders} for price, lots, orders in levels]
        for side, levels in (("bids", bids), ("asks", asks))
    }


@market.command()
@home_argument
@market_argument
@click.option("--since", default=0, type=click.IntRange(0), help="Only those behind this log position.")
@node_option
@json_option
def trades(home: Path, market: int, since: int, card: str | None, as_json: bool) -> None:
    """List the last trades of MARKET; one's own are marked, and those of a closed book are one's own alone.

    A node tells trades since its last start, and of much trade the last; it says up to when it knows none.

    \b
    Example:
      thingmarket market trades anna 1
      thingmarket market trades anna 1 --since 5000
    """

    async def read() -> tuple[Market, TradesSeen]:
        async with await open_party(home, card) as opened:
            return await opened.market(market), await opened.trades_known(market, since)

    found, known = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (moment(one.time_ms), one.lots, f"{found.money(one.price_ticks)} {found.terms.currency}", _own(one))
        for one in known.trades
    ]
    output.table(f"trades of {found.terms.title}", ("time (UTC)", "lots", "price", "own order"), rows)
    if known.forgotten_seq > since:
        for line in _forgotten(known):
            output.say(line)
    output.end(
        {
            "trades": [trade_value(one) for one in known.trades],
            "forgotten_seq": known.forgotten_seq,
            "forgotten_ms": known.forgotten_ms,
        }
    )


def _forgotten(known: TradesSeen) -> tuple[str, str]:
    """What a reader does not see, and where it stands."""
    place = f"{moment(known.forgotten_ms)} UTC, log position {known.forgotten_seq}"
    return (
        f"Trades up to {place}, are not told: the node knows the last ones since its start.",
        "Your own ones are in `owner orders`; all stand in its log, which its operator has.",
    )


def _own(trade: TradeSeen) -> str:
    bought = f"bought by {trade.buy_order}" if trade.buy_order else ""
    sold = f"sold by {trade.sell_order}" if trade.sell_order else ""
    return ", ".join(word for word in (bought, sold) if word)


def trade_value(one: TradeSeen) -> dict[str, Any]:
    """A trade as one JSON object."""
    return {
        "contract": one.contract.hex(),
        "seq": one.seq,
        "index": one.index,
        "time_ms": one.time_ms,
        "price_ticks": one.price_ticks,
        "lots": one.lots,
        "cash_minor": one.cash_minor,
        "fee_minor": one.fee_minor,
        "buy_order": one.buy_order,
        "sell_order": one.sell_order,
    }


@market.command()
@home_argument
@market_argument
@_levels_option
@click.option("--most", type=click.IntRange(1), help="End after so many changes; else with Ctrl-C.")
@node_option
@json_option
def watch(home: Path, market: int, levels: int, most: int | None, card: str | None, as_json: bool) -> None:
    """Follow MARKET live: the best prices and the trades, as they happen.

    With --json every change is one line, whole levels each time.

    \b
    Example:
      thingmarket market watch anna 1
      thingmarket market watch anna 1 --json --most 10
    """

    async def follow() -> int:
        async with await open_party(home, card) as opened:
            found = await opened.market(market)
            async with opened.watch_market(market, levels) as books:
                return await (_as_lines if as_json else _as_table)(found, books, most)

    count = asyncio.run(follow())
    Output(as_json=as_json).end({"changes": count})


async def _as_lines(market: Market, books: AsyncIterable[LiveBook], most: int | None) -> int:
    count = 0
    async for book in books:
        traded = [trade_value(one) for one in book.trades]
        value = {"seq": book.seq, "state": book.state.name, **book_value(book.bids, book.asks)}
        print(
            json.dumps({"event": "book", **value, "trades": traded, "missed": book.trades_missed}), flush=True
        )
        count += 1
        if count == most:
            break
    return count


async def _as_table(market: Market, books: AsyncIterable[LiveBook], most: int | None) -> int:
    from rich.live import Live

    count, last = 0, f"at {market.money(market.seen.last_ticks)}" if market.seen.last_ticks else "-"
    with Live(auto_refresh=False) as live:
        async for book in books:
            if book.trades:
                last = f"{book.trades[-1].lots} at {market.money(book.trades[-1].price_ticks)}"
            if live.console.is_terminal:
                live.update(_drawn(market, book, last), refresh=True)
            else:  # a file or a pipe gets one table after the other
                live.console.print(_drawn(market, book, last))
            count += 1
            if count == most:
                break
    return count


def _drawn(market: Market, book: LiveBook, last: str) -> Any:
    from rich.table import Table

    title = f"{market.terms.title}, {book.state.name}, {market.terms.currency} a lot"
    caption = f"last trade {last}; log position {book.seq}"
    table = Table(title=title, min_width=max(len(title), len(caption)) + 2, caption=caption)
    for name in ("buy lots", "price", "sell lots"):
        table.add_column(name, justify="right")
    for row in ladder(market, book.bids, book.asks):
        table.add_row(*map(str, row))
    return table
