"""`thingmarket node market`: the operator opens markets and says what they take."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from thingmarket.limits import FEE_BASIS_POINTS_MAX, MARKET_NUMBER_MAX
from thingmarket.matching.records import MarketState
from thingmarket.money import Currency
from thingmarket.trading.commands import LeastSelfTrade, ListedMarket
from thingmarket.trading.terms import BookShown, Settlement
from thingmarket_client.live_book import Market
from thingmarket_node.cli.amounts import CurrencyType, SpanType, amount_of
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.markets import tell_markets
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.rate import open_operator

_NUMBER = click.IntRange(1, MARKET_NUMBER_MAX)
_STATES = {state.name.lower().replace("_", "-"): state for state in MarketState}
_SELF_TRADE = {kind.name.lower().replace("_", "-"): kind for kind in LeastSelfTrade}
_HOME = click.argument("home", type=click.Path(path_type=Path))


@click.group(cls=Group)
def market() -> None:
    """Open markets on the running node of the folder HOME, and change what they take.

    Only the operator may: each command is signed with the node's key, which is in HOME.

    \b
    Example:
      thingmarket node market open market 1 --product ink-black --category 44103105 --title "Black ink"
      thingmarket node market state market 1 halted
      thingmarket node market list market
    """


@market.command(name="open")
@_HOME
@click.argument("number", type=_NUMBER)
@click.option("--title", required=True, help="For people, at most 120 characters.")
@click.option("--product", "product_id", required=True, help="Product id, as in offers.")
@click.option("--category", required=True, help="UNSPSC code or own category: mandates are asked about it.")
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True)
@click.option("--tick", default="0.01", show_default=True, help="Money between two prices of a lot.")
@click.option("--unit", default="C62", show_default=True, help="UN/CEFACT code; C62 is a piece.")
@click.option("--unit-scale", type=click.IntRange(0, 15), default=0, help="10^SCALE steps are one unit.")
@click.option("--lot", "lot_steps", type=click.IntRange(1), default=1, show_default=True, help="Steps a lot.")
@click.option("--negative", "offset_ticks", type=click.IntRange(0), default=0, help="Ticks below zero.")
@click.option(
    "--fee", type=click.IntRange(0, FEE_BASIS_POINTS_MAX), default=0, help="Of the seller, 1/100 %."
)
@click.option(
    "--self-trade",
    type=click.Choice(list(_SELF_TRADE)),
    default="cancel-taker",
    show_default=True,
    help="What at least happens between two orders of one owner.",
)
@click.option("--closed-book", is_flag=True, help="Show best prices and the last trade only.")
@click.option(
    "--band", type=click.IntRange(0, 10_000), default=0, help="Halt when a trade leaves it, 1/100 %."
)
@click.option("--halt", type=SpanType(), default="0s", help="How long, as in 5m; 0s: until you go on.")
@click.option("--auction-every", type=SpanType(), default="0s", help="Trade in auctions, as in 15m.")
@click.option("--opens", type=click.DateTime(), help="UTC; at once unless given.")
@click.option("--closes", type=click.DateTime(), help="UTC; never unless given.")
@click.option("--delivery", type=SpanType(), default="0s", help="Trades are contracts, due in this.")
@click.option("--inspection", type=SpanType(), default="0s", help="With --delivery: time to look.")
@click.option("--tax", default="", help="With --delivery: tax category of your table; it is in the price.")
@click.option("--jurisdiction", default="", help="With --tax: where you collect it, as in DE.")
@json_option
def open_market(home: Path, number: int, currency: Currency, tick: str, as_json: bool, **given: Any) -> None:
    """Open market NUMBER, for good: its terms never change, and its number is never used again.

    \b
    Example, black ink by the piece, in whole cents:
      thingmarket node market open market 1 --product ink-black --category 44103105 --title "Black ink"
    \b
    Example, a quarter of an hour of energy, in auctions of a minute:
      thingmarket node market open market 2 --product block-1815 --category 26131500 \\
        --title "Energy 18:15" --unit KWH --unit-scale 3 --lot 100 --auction-every 1m
    \b
    Example, toner that is sent within two days, paid out of escrow when it came:
      thingmarket node market open market 3 --product toner --category 44103103 --title Toner \\
        --delivery 2d --inspection 1d --tax S
    """
    terms = _terms(number, currency, tick, given)

    async def act() -> Market:
        async with await open_operator(home) as opened:
            await opened.open_market(terms)
            return await opened.market(number)

    found = asyncio.run(act())
    output = Output(as_json=as_json)
    tick_money = found.money(terms.offset_ticks + 1)
    output.say(
        f"market {number} is {found.state.name}: {terms.title}, {terms.currency}, prices {tick_money} apart"
    )
    output.end({"market": number, "state": found.state.name})


def _terms(number: int, currency: Currency, tick: str, given: dict[str, Any]) -> ListedMarket:
    return ListedMarket(
        market=number,
        title=given["title"],
        product_id=given["product_id"],
        category=given["category"],
        unit=given["unit"],
        unit_scale=given["unit_scale"],
        currency=currency.code,
        tick_minor=amount_of(tick, currency, "--tick"),
        lot_steps=given["lot_steps"],
        offset_ticks=given["offset_ticks"],
        self_trade=_SELF_TRADE[given["self_trade"]],
        fee_basis_points=given["fee"],
        book=BookShown.CLOSED if given["closed_book"] else BookShown.OPEN,
        band_basis_points=given["band"],
        halt_ms=given["halt"],
        auction_every_ms=given["auction_every"],
        opens_ms=_unix_ms(given["opens"]),
        closes_ms=_unix_ms(given["closes"]),
        settlement=Settlement.ESCROW if given["delivery"] else Settlement.DVP,
        delivery_ms=given["delivery"],
        inspection_ms=given["inspection"],
        tax_category=given["tax"],
        jurisdiction=given["jurisdiction"],
    )


def _unix_ms(when: datetime | None) -> int:
    from datetime import UTC

    return int(when.replace(tzinfo=UTC).timestamp()) * 1_000 if when else 0


@market.command()
@_HOME
@click.argument("number", type=_NUMBER)
@click.argument("state", metavar="STATE", type=click.Choice(list(_STATES)))
@click.option("--uncross", is_flag=True, help="Hold the auction first.")
@json_option
def state(home: Path, number: int, state: str, uncross: bool, as_json: bool) -> None:
    """Put market NUMBER into STATE: pre-open, auction, continuous, halted, or closed for ever.

    A market whose orders cross needs --uncross before it trades continuously.

    \b
    Example:
      thingmarket node market state market 1 halted
      thingmarket node market state market 1 continuous --uncross
    """

    async def act() -> Market:
        async with await open_operator(home) as opened:
            await opened.set_market_state(number, _STATES[state], uncross=uncross)
            return await opened.market(number)

    found = asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"market {number} is {found.state.name}")
    output.end({"market": number, "state": found.state.name})


@market.command(name="list")
@_HOME
@json_option
def list_markets(home: Path, as_json: bool) -> None:
    """List the markets of the running node, with states and best prices.

    \b
    Example:
      thingmarket node market list market
    """

    async def read() -> tuple[Market, ...]:
        async with await open_operator(home) as opened:
            return await opened.markets()

    tell_markets(Output(as_json=as_json), asyncio.run(read()))
