"""An owner's papers of money: invoices, credit notes, refunds, tax."""

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
from thingmarket.money import Currency
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


COMMANDS: Final = (invoices, invoice, tax_statement, refund)
