"""`thingmarket owner`: everything that a person or company does, each command signed by his key."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.contract.orders import RetentionClass
from thingmarket.errors import Code, Refusal
from thingmarket.money import Currency
from thingmarket.wire.listings import NeedSeen
from thingmarket_client.orders import Order
from thingmarket_client.owner import Owner, create_owner
from thingmarket_node.cli import books, cancelling, invoices, ordering, selling, standing
from thingmarket_node.cli.amounts import CurrencyType, HexType, amount_of, written
from thingmarket_node.cli.authority import mandate, revoke
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.holdings import balance, contracts, needs
from thingmarket_node.cli.inbox import approve, cosign_for, inbox, reject
from thingmarket_node.cli.insight import decisions, orders, report
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.owned import ORDERS, guards, things
from thingmarket_node.cli.parties import (
    PATIENCE_MS,
    accepted_on_arrival,
    check_free,
    contract_value,
    home_argument,
    node_option,
    open_owner,
)
from thingmarket_node.cli.persona import persona
from thingmarket_node.cli.trust import lower, preview_command, satisfaction, shadow

_SECTIONS: Final = {
    "Yourself": ("init", "persona", "erase"),
    "Authority": ("mandate", "revoke", "lower", "preview"),
    "Things": ("things", "guards", "suspend", "resume", "quarantine", "release", "decommission"),
    "Approvals": ("inbox", "approve", "reject", "cosign-for"),
    "Buying": (
        *("needs", "buy", "contracts", "accept", "cancel", "preview-cancel"),
        *("stand", "standing", "end-standing"),
    ),
    "Selling": ("sell", "fulfil", "refund", "programme"),
    "In markets": ("order", "goods"),
    "Money": ("fund", "balance", "points", "rates", "convert", "invoices", "invoice", "tax-statement"),
    "Trust and reports": ("orders", "decisions", "report", "satisfaction", "shadow"),
}


@click.group(cls=Group, sections=_SECTIONS)
def owner() -> None:
    """Act as an owner, whose keys are in a folder: permit, pay, buy, revoke.

    \b
    Example:
      thingmarket owner init anna --node market
      thingmarket owner fund anna 100.00
      thingmarket owner mandate anna printer --autonomy adaptable --spend order=20.00
      thingmarket owner balance anna
    """


owner.add_command(mandate)
owner.add_command(revoke)
owner.add_command(inbox)
owner.add_command(approve)
owner.add_command(reject)
owner.add_command(cosign_for)
owner.add_command(persona)
owner.add_command(balance)
owner.add_command(needs)
owner.add_command(contracts)
owner.add_command(things)
owner.add_command(guards)
for order in ORDERS:
    owner.add_command(order)
owner.add_command(orders)
owner.add_command(decisions)
owner.add_command(report)
owner.add_command(preview_command)
owner.add_command(shadow)
owner.add_command(lower)
owner.add_command(satisfaction)
for paper in (*books.COMMANDS, *invoices.COMMANDS):
    owner.add_command(paper)
for command in (
    *cancelling.commands("owner", "anna"),
    *standing.commands("owner", "anna"),
    *selling.commands("owner", "bob"),
    *ordering.commands("owner", "anna", "bob"),
):
    owner.add_command(command)


@owner.command()
@home_argument
@click.option("--node", "card", required=True, help="Folder or card of the node to be an owner at.")
@json_option
def init(home: Path, card: str, as_json: bool) -> None:
    """Make an owner in the folder HOME and make him known to a node.

    \b
    Example:
      thingmarket owner init anna --node market
    """
    found = card_of(card)
    check_free(home)
    party = create_owner(home, found.key_event.network_id)

    async def admit() -> None:
        async with await Owner.open(home, found, patience_ms=PATIENCE_MS) as opened:
            await opened.admit()

    asyncio.run(admit())
    output = Output(as_json=as_json)
    output.say(f"An owner was made in {home}, and the node knows him:\n  {party}")
    output.say(f"His key is in {home / 'owner.json'}: who has it is the owner. Keep a copy.")
    output.end({"owner": party, "home": str(home)})


@owner.command()
@home_argument
@click.argument("amount")
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True)
@node_option
@json_option
def fund(home: Path, amount: str, currency: Currency, card: str | None, as_json: bool) -> None:
    """Ask the node's payment rail for AMOUNT, into the owner's wallet.

    \b
    Example:
      thingmarket owner fund anna 100.00 --currency EUR
    """
    minor = amount_of(amount, currency, "AMOUNT")

    async def pay() -> None:
        async with await open_owner(home, card) as opened:
            await opened.fund(currency.code, minor)

    asyncio.run(pay())
    output = Output(as_json=as_json)
    output.say(f"{written(minor, currency.code)} are in the wallet.")
    output.end({"currency": currency.code, "amount_minor": minor})


@owner.command()
@home_argument
@click.option("--need", type=HexType(32), help="Digest of the need to fill; chooses an offer unless --offer.")
@click.option("--offer", type=HexType(32), help="Digest of the offer to buy from.")
@click.option(
    "--quantity", type=click.IntRange(1), help="Steps to buy; as much as the need says unless given."
)
@click.option("--deliver-to", help="Name and address: sealed, the log holds only a commitment to it.")
@click.option("--wait", is_flag=True, help="Wait for the goods, accept them, and only then end.")
@node_option
@json_option
def buy(
    home: Path,
    need: bytes | None,
    offer: bytes | None,
    quantity: int | None,
    deliver_to: str | None,
    wait: bool,
    card: str | None,
    as_json: bool,
) -> None:
    """Buy: for a need that a thing announced, or from one offer.

    \b
    Example:
      thingmarket owner needs anna
      thingmarket owner buy anna --need 5f1c... --wait
      thingmarket owner buy anna --offer 93ab... --quantity 2
    """
    if need is None and (offer is None or quantity is None):
        raise click.UsageError("give --need, or --offer and --quantity")
    output = Output(as_json=as_json)

    async def trade() -> dict[str, Any]:
        async with await open_owner(home, card) as opened:
            announced = await _need(opened, need) if need else None
            offers = None if offer is None else [await opened.reads.offer(offer)]
            wanted: Any = await opened.choose(announced.need, offers) if announced else offers and offers[0]
            delivery = {RetentionClass.CONTRACT: deliver_to.encode()} if deliver_to else None
            made = await opened.order(wanted, quantity, need=need or b"", delivery=delivery)
            return await _placed(opened, made, output, wait=wait)

    value = asyncio.run(trade())
    output.say(f"fulfilment: {value['fulfilment']}, escrow: {value['escrow']}")
    output.end(value)


async def _placed(opened: Owner, made: Order, output: Output, *, wait: bool) -> dict[str, Any]:
    reasons = made.record.value["reasons"]
    for reason in reasons:
        output.say(f"  {reason}")
    bought = await opened.place(made)
    output.say(f"bought for {written(made.price.total_minor, made.currency)}: {bought.contract.hex()}")
    if wait:
        output.say("waiting for the goods ...")
        await accepted_on_arrival(opened, bought.contract)
    return {**contract_value(await opened.contract(bought.contract)), "reasons": reasons}


async def _need(opened: Owner, digest: bytes) -> NeedSeen:
    for seen in await opened.needs():
        if seen.digest == digest:
            return seen
    raise Refusal(Code.UNKNOWN_NEED, "no such need of this owner or his things", "BUY-3")


@owner.command()
@home_argument
@click.argument("contract", type=HexType(16))
@node_option
@json_option
def accept(home: Path, contract: bytes, card: str | None, as_json: bool) -> None:
    """Accept what was delivered under CONTRACT; the seller gets the money out of escrow.

    \b
    Example:
      thingmarket owner accept anna 019f...
    """

    async def accepted() -> dict[str, Any]:
        async with await open_owner(home, card) as opened:
            await opened.accept(contract)
            return contract_value(await opened.contract(contract))

    value = asyncio.run(accepted())
    output = Output(as_json=as_json)
    output.say(f"accepted; escrow: {value['escrow']}")
    output.end(value)


@owner.command()
@home_argument
@click.confirmation_option("--yes", prompt="Forget names, addresses and delivery details for ever?")
@node_option
@json_option
def erase(home: Path, card: str | None, as_json: bool) -> None:
    """Have the node forget what it may forget: sealed data whose retention is not over stays.

    \b
    Example:
      thingmarket owner erase anna --yes
    """

    async def forget() -> None:
        async with await open_owner(home, card) as opened:
            await opened.erase()

    asyncio.run(forget())
    output = Output(as_json=as_json)
    output.say("The node destroys the keys of what may be forgotten.")
    output.end({"erased": True})
