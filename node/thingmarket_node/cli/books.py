"""An owner's points, and money of other currencies."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.money import Currency, currency_of
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket_client.books import BookKeeping
from thingmarket_client.owner import Owner
from thingmarket_node.cli.amounts import CurrencyType, HexType, amount_of, moment, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner


@click.command()
@home_argument
@node_option
@json_option
def points(home: Path, card: str | None, as_json: bool) -> None:
    """Show points that the owner has, owes after refunds, or gave.

    \b
    Example:
      thingmarket owner points anna
    """

    async def read() -> list[dict[str, Any]]:
        async with await open_owner(home, card) as opened:
            return [asdict(one) for one in await opened.points()]

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (
            one["name"],
            one["issuer"],
            one["points"],
            one["owed"],
            written(one["value_minor"], one["currency"]),
            one["issued"] or "",
        )
        for one in found
    ]
    output.table(f"points of {home}", ("programme", "seller", "points", "owed", "worth", "given"), rows)
    output.end({"points": found})


@click.command()
@home_argument
@click.argument("name")
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True)
@click.option("--earn", type=click.IntRange(1, 10_000), required=True, help="Points for so much net.")
@click.option("--per", default="1", show_default=True, metavar="AMOUNT", help="How much net that is.")
@click.option("--worth", required=True, metavar="AMOUNT", help="What one point takes off, as in 0.02.")
@click.option("--idle-days", type=click.IntRange(min=0), default=0, help="Points end when idle for so long.")
@node_option
@json_option
def programme(
    home: Path,
    name: str,
    currency: Currency,
    earn: int,
    per: str,
    worth: str,
    idle_days: int,
    card: str | None,
    as_json: bool,
) -> None:
    """Give points for sales in a currency; who has some relies on it, so it stays as it is.

    \b
    Example, a point for each EUR, worth 2 cents:
      thingmarket owner programme inks ink-club --earn 1 --worth 0.02
    """
    terms = {
        "earn_basis_points": _of_ten_thousand(earn, amount_of(per, currency, "--per")),
        "value_minor": amount_of(worth, currency, "--worth"),
    }

    async def act() -> None:
        async with await open_owner(home, card) as opened:
            await opened.open_programme(name, currency.code, idle_days=idle_days, **terms)

    asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"Sales in {currency.code} earn points of {name}.")
    output.end({"name": name, "currency": currency.code, **terms})


def _of_ten_thousand(points: int, minor: int) -> int:
    """Points for 10,000 minor units, as a programme states them; they must come out even."""
    whole, rest = divmod(points * WHOLE_BASIS_POINTS, minor) if minor else (0, 1)
    if rest:
        raise click.BadParameter("--earn points for --per net come to no whole points for 10,000 minor units")
    return whole


@click.command()
@home_argument
@node_option
@json_option
def rates(home: Path, card: str | None, as_json: bool) -> None:
    """List the exchange rates that can be had now.

    \b
    Example:
      thingmarket owner rates anna
    """

    async def read() -> list[dict[str, Any]]:
        async with await open_owner(home, card) as opened:
            return [asdict(one) | {"digest": one.digest.hex()} for one in await opened.rates()]

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (
            one["digest"],
            f"{one['numerator']}/{one['denominator']}",
            written(one["left_minor"], one["from_currency"]),
            one["to_currency"],
            moment(one["valid_until_ms"]),
        )
        for one in found
    ]
    output.table("rates", ("rate", "minor for minor", "takes up to", "gives", "until (UTC)"), rows)
    output.end({"rates": found})


@click.command()
@home_argument
@click.argument("rate", type=HexType(32))
@click.argument("amount")
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True, help="What is given.")
@click.option(
    "--at-least", metavar="AMOUNT", help="Least to get for it, in the currency that the rate gives: 109.00."
)
@node_option
@json_option
def convert(
    home: Path,
    rate: bytes,
    amount: str,
    currency: Currency,
    at_least: str | None,
    card: str | None,
    as_json: bool,
) -> None:
    """Change money at a rate; see `owner rates`.

    \b
    Example:
      thingmarket owner convert anna RATE 100.00 --at-least 109.00
    """
    minor = amount_of(amount, currency, "AMOUNT")

    async def act() -> int:
        async with await open_owner(home, card) as opened:
            least = 1 if at_least is None else await _least(opened, rate, at_least, currency)
            await opened.convert(rate, minor, least)
            return least

    least = asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"{written(minor, currency.code)} were changed.")
    output.end({"rate": rate.hex(), "amount_minor": minor, "at_least_minor": least})


async def _least(opened: Owner, rate: bytes, text: str, given: Currency) -> int:
    """Read an amount in the currency that a rate gives (UNKNOWN_RATE)."""
    for one in await opened.rates(given.code):
        if one.digest == rate:
            return amount_of(text, currency_of(one.to_currency), "--at-least")
    raise Refusal(Code.UNKNOWN_RATE, f"no such rate for {given.code}, or it is over", "FX-2")


async def publish(opened: BookKeeping, ratio: str, most: str, pair: tuple[str, str], hours: int) -> bytes:
    """Offer a rate as whoever has the books open; `ratio` is of minor units, as in 110/100."""
    numerator, slash, denominator = ratio.partition("/")
    if not (slash and numerator.isdigit() and denominator.isdigit()):
        raise Refusal(Code.BAD_FIELD, f"a ratio of minor units is as in 110/100, not {ratio[:20]!r}", "FX-1")
    return await opened.publish_rate(
        pair[0],
        pair[1],
        numerator=int(numerator),
        denominator=int(denominator),
        max_minor=amount_of(most, currency_of(pair[0]), "--most"),
        life_ms=hours * 3_600_000,
    )


COMMANDS: Final = (points, programme, rates, convert)
