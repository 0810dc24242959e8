"""An owner's books: invoices, tax, refunds, points, and money of other currencies."""

import asyncio
import datetime
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.billing.invoice import Invoice, InvoiceKind
from thingmarket.billing.parties import InvoiceParty
from thingmarket.billing.ubl import invoice_xml
from thingmarket.errors import Code, Refusal
from thingmarket.money import Currency, currency_of
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket_client.books import BookKeeping
from thingmarket_client.owner import Owner
from thingmarket_node.cli.amounts import CurrencyType, HexType, amount_of, moment, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner

_FIELDS: Final = {field.name for field in fields(InvoiceParty)}
_DECEMBER: Final = 12


def _shown(invoice: Invoice) -> tuple[Any, ...]:
    kind = "invoice" if invoice.kind is InvoiceKind.INVOICE else f"credit note of {invoice.corrects}"
    total = written(invoice.totals.payable_minor, invoice.currency)
    tax = written(invoice.totals.tax_minor, invoice.currency)
    return (invoice.number, kind, invoice.seller, moment(invoice.issued_ms), tax, total)


def _value(invoice: Invoice) -> dict[str, Any]:
    found = asdict(invoice)
    found |= {"kind": int(invoice.kind), "contract": invoice.contract.hex()}
    found["sealed"] = [one.hex() for one in invoice.sealed]
    found["allowances"] = [
        {"reason": one.reason.value, "amount_minor": one.amount_minor} for one in invoice.allowances
    ]
    return found


@click.command()
@home_argument
@node_option
@json_option
def invoices(home: Path, card: str | None, as_json: bool) -> None:
    """List the invoices and credit notes that the owner wrote or got.

    \b
    Example:
      thingmarket owner invoices anna
    """

    async def read() -> tuple[Invoice, ...]:
        async with await open_owner(home, card) as opened:
            return await opened.invoices()

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    headings = ("number", "kind", "seller", "issued (UTC)", "tax", "payable")
    output.table(f"invoices of {home}", headings, [_shown(one) for one in found])
    output.end({"invoices": [_value(one) for one in found]})


@click.command()
@home_argument
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--seller", "issuer", default="", help="Owner id of who wrote it; the owner himself unless given."
)
@click.option("--ubl", type=click.Path(path_type=Path), help="Write it to this file as UBL 2.1.")
@click.option(
    "--seller-party",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with the seller's name, country, tax_id, street, city, postal_code, registration.",
)
@click.option(
    "--buyer-party",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The same of the buyer; unless given, what he sealed for this purchase is opened.",
)
@node_option
@json_option
def invoice(
    home: Path,
    number: int,
    issuer: str,
    ubl: Path | None,
    seller_party: Path | None,
    buyer_party: Path | None,
    card: str | None,
    as_json: bool,
) -> None:
    """Show one invoice, and write it as UBL 2.1 with --ubl.

    Names and addresses are not on the node's record: they come from files of yours.

    \b
    Example:
      thingmarket owner invoice inks 17 --ubl 17.xml --seller-party inks.json --buyer-party anna.json
    """
    seller, buyer = (_party(file.read_bytes()) if file else None for file in (seller_party, buyer_party))

    async def read() -> tuple[Invoice, bytes]:
        async with await open_owner(home, card) as opened:
            found = await opened.invoice(number, issuer)
            if ubl is None:
                return found, b""
            if seller is None:
                raise Refusal(Code.BAD_FIELD, "name the seller with --seller-party FILE", "INV-5")
            bought = buyer or await _sealed_party(opened, found)
            return found, invoice_xml(found, seller=seller, buyer=bought)

    found, document = asyncio.run(read())
    output = Output(as_json=as_json)
    headings = ("number", "kind", "seller", "issued (UTC)", "tax", "payable")
    output.table(f"invoice {number}", headings, [_shown(found)])
    for one in found.allowances:
        output.say(f"{one.reason.value}: {written(one.amount_minor, found.currency)}")
    if ubl is not None:
        ubl.write_bytes(document)
        output.say(f"Written to {ubl}.")
    output.end({"invoice": _value(found), "ubl": str(ubl) if ubl else ""})


def _party(data: bytes) -> InvoiceParty:
    try:
        given = json.loads(data)
        return InvoiceParty(**{name: str(value) for name, value in given.items() if name in _FIELDS})
    except (ValueError, AttributeError, TypeError):
        raise Refusal(
            Code.BAD_FIELD, "a party is a JSON object with at least name and country", "INV-5"
        ) from None


async def _sealed_party(opened: Owner, found: Invoice) -> InvoiceParty:
    """What the buyer sealed for this purchase, when it is a party."""
    for commitment in found.sealed:
        try:
            return _party(await opened.reads.unseal(found.contract, commitment))
        except Refusal:
            continue
    raise Refusal(Code.BAD_FIELD, "the buyer sealed no name and country: use --buyer-party FILE", "INV-5")


@click.command("tax-statement")
@home_argument
@click.option("--month", type=click.DateTime(["%Y-%m"]), required=True, help="UTC month, as in 2026-11.")
@node_option
@json_option
def tax_statement(home: Path, month: datetime.datetime, card: str | None, as_json: bool) -> None:
    """Add up the tax of a month, by thing and jurisdiction; credit notes are taken off.

    Where a jurisdiction is named, the operator collected the tax; where none is, the seller owes it.

    \b
    Example:
      thingmarket owner tax-statement inks --month 2026-11
    """
    year, number = month.year + month.month // _DECEMBER, month.month % _DECEMBER + 1
    until = datetime.datetime(year, number, 1, tzinfo=datetime.UTC)
    begin = month.replace(tzinfo=datetime.UTC)

    async def read() -> dict[Any, Any]:
        async with await open_owner(home, card) as opened:
            return await opened.tax_statement(int(begin.timestamp()) * 1_000, int(until.timestamp()) * 1_000)

    found = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (
            "sold" if key.sold else "bought",
            key.party,
            key.jurisdiction or "seller owes",
            f"{key.category} {key.rate_basis_points / 100:g} %",
            written(line.taxable_minor, key.currency),
            written(line.tax_minor, key.currency),
            f"{line.invoices} - {line.credit_notes}",
        )
        for key, line in found.items()
    ]
    headings = ("", "thing", "jurisdiction", "category", "net", "tax", "invoices - notes")
    output.table(f"tax of {home}, {month:%Y-%m}", headings, rows)
    output.end({"rows": [key._asdict() | asdict(line) for key, line in found.items()]})


@click.command()
@home_argument
@click.argument("contract", type=HexType(16))
@click.argument("amount")
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True)
@click.option("--unit", type=click.IntRange(min=1), default=1, show_default=True, help="Which part of it.")
@node_option
@json_option
def refund(
    home: Path, contract: bytes, amount: str, currency: Currency, unit: int, card: str | None, as_json: bool
) -> None:
    """Pay a part of what a buyer paid back, tax included; a credit note is written.

    \b
    Example:
      thingmarket owner refund inks CONTRACT 5.00
    """
    minor = amount_of(amount, currency, "AMOUNT")

    async def act() -> None:
        async with await open_owner(home, card) as opened:
            await opened.refund(contract, minor, unit)

    asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"{written(minor, currency.code)} were paid back.")
    output.end({"contract": contract.hex(), "unit": unit})


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
    earn_basis_points = _of_ten_thousand(earn, amount_of(per, currency, "--per"))
    value_minor = amount_of(worth, currency, "--worth")

    async def act() -> None:
        async with await open_owner(home, card) as opened:
            await opened.open_programme(
                name,
                currency.code,
                earn_basis_points=earn_basis_points,
                value_minor=value_minor,
                idle_days=idle_days,
            )

    asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"Sales in {currency.code} earn points of {name}.")
    output.end(
        {
            "name": name,
            "currency": currency.code,
            "earn_basis_points": earn_basis_points,
            "value_minor": value_minor,
        }
    )


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


COMMANDS: Final = (invoices, invoice, tax_statement, refund, points, programme, rates, convert)
