"""What an owner signs for his things: mandates, their end, and a yes or no to one order."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.identity.envelope import Signed
from thingmarket.identity.mandates import Action, Autonomy, BoundItem, SpendingLimit
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.ids import PartyId, digest
from thingmarket.limits import DAY_MS
from thingmarket.money import Currency
from thingmarket_client.mandates import only, spending_limit
from thingmarket_client.owner import Owner
from thingmarket_client.thing import Thing
from thingmarket_node.cli.amounts import CurrencyType, HexType, minor_of
from thingmarket_node.cli.mandate_terms import terms_of, terms_options
from thingmarket_node.cli.naming import is_key, subject_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.papers import write_mandate
from thingmarket_node.cli.parties import home_argument, node_option, open_owner

_LIMITS: Final = {
    "item": "per_item_minor",
    "order": "per_order_minor",
    "day": "per_day_minor",
    "month": "per_month_minor",
    "total": "total_minor",
    "cosign": "cosign_above_minor",
    "liability": "liability_cap_minor",
}
_NUMBERS: Final = {
    "orders": "orders_per_day",
    "open": "max_open_orders",
    "held": "max_open_holds",
}
_LEVELS: Final = [level.name.lower() for level in Autonomy]
_ACTIONS: Final = [action.name.lower() for action in Action]


@click.command()
@home_argument
@click.argument("thing")
@click.option("--autonomy", type=click.Choice(_LEVELS), required=True, help="How far it may go by itself.")
@click.option(
    "--may",
    "actions",
    type=click.Choice(_ACTIONS),
    multiple=True,
    help="An action; may be repeated. The usual ones of the level unless given.",
)
@click.option(
    "--item",
    "items",
    multiple=True,
    metavar="PRODUCT,PRICE,STEPS[,UNIT[/SCALE]]",
    help="An agreed item: highest net price of one unit, most steps an order.",
)
@click.option(
    "--seller",
    "sellers",
    multiple=True,
    metavar="OWNER",
    help="Who may sell the agreed items; anybody unless given.",
)
@click.option(
    "--spend",
    metavar="order=AMOUNT,...",
    help="What may be spent, tax included: order, item, day, month, total; cosign: above it you approve"
    " orders; liability: of all open orders. What is not given is no more than one order: order=20.00 alone"
    " is 20.00 in all. And how many orders: orders (a day), open, held (with money in escrow).",
)
@click.option(
    "--currency", type=CurrencyType(), default="EUR", show_default=True, help="Of prices and limits."
)
@click.option("--category", "categories", multiple=True, metavar="UNSPSC", help="Only within this prefix.")
@click.option("--with", "counterparties", multiple=True, metavar="OWNER", help="Only with this owner.")
@click.option(
    "--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it is valid."
)
@terms_options
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write it to a file for a thing that is elsewhere."
)
@node_option
@json_option
def mandate(home: Path, thing: str, as_json: bool, **terms: Any) -> None:
    """Sign what a thing may do. THING is its folder on this machine, or its did:key and --out.

    Levels: an announcer only says what it needs; bound buys agreed items; adaptable chooses seller and item
    within its limits; autonomous may hand on what it may. Nothing may be spent without --spend.

    \b
    Example, a printer that buys one kind of ink from one seller:
      thingmarket owner mandate anna printer --autonomy bound --item ink-black-xl,16.00,2 \\
          --seller tm:party:z... --spend order=20.00,day=40.00,total=200.00
    \b
    a shop that sells, and a freezer that only speaks:
      thingmarket owner mandate bob shop --autonomy bound --may sell
      thingmarket owner mandate carol freezer --autonomy announcer
    \b
    a vending machine that restocks itself by day, and asks two people above 50.00:
      thingmarket owner mandate anna machine --autonomy adaptable \\
          --spend order=200.00,day=300.00,month=2000.00,total=9000.00,cosign=50.00,orders=5 \\
          --hours 'mon-sat 06:00-20:00' --category 50 --deliver-within 48 \\
          --cosigner tm:party:z... --quorum 2
    """
    is_here = not is_key(thing)
    subject = _receiver(thing, is_here=is_here, out=terms["out"])

    async def sign() -> Signed:
        async with await open_owner(home, terms["card"]) as owner:
            if is_here:
                await owner.session.known()  # by the node's clock, a mandate may follow a revocation at once
            link = signed_mandate(owner, subject, terms)
            if is_here:
                async with await Thing.open(Path(thing), owner.session.card) as opened:
                    await opened.adopt([link])
                    await opened.present()
            return link

    link = asyncio.run(sign())
    if terms["out"] is not None:
        write_mandate(terms["out"], [link])
    _tell_signed(Output(as_json=as_json), link, subject, terms, is_here=is_here)


def _tell_signed(
    output: Output, link: Signed, subject: PartyId, terms: dict[str, Any], *, is_here: bool
) -> None:
    leaf, level = mandate_leaf(link), terms["autonomy"].upper()
    if terms["out"] is None or is_here:
        output.say(f"{subject}\n  is {level} under mandate {leaf}")
    else:
        output.say(f"{subject}\n  will be {level} once it has shown mandate {leaf}")
        output.say(f"Written to {terms['out']}.")
    output.end({"mandate": leaf, "thing": subject, "autonomy": level})


def _receiver(thing: str, *, is_here: bool, out: Path | None) -> PartyId:
    """Whom a mandate is for, when it can be handed over."""
    if not is_here and out is None:
        raise click.UsageError("say with --out where to write the mandate of a thing that is elsewhere")
    return subject_of(thing)


def mandate_leaf(link: Signed) -> str:
    """The digest by which a mandate is named, in hexadecimal digits."""
    return digest(link.payload).hex()


def signed_mandate(owner: Owner, subject: PartyId, terms: dict[str, Any]) -> Signed:
    """Sign what the options of a command say that a thing may do (UsageError)."""
    currency: Currency = terms["currency"]
    try:
        return owner.mandate(
            subject,
            Autonomy[terms["autonomy"].upper()],
            actions=[Action[name.upper()] for name in terms["actions"]] or None,
            items=[_item(text, terms["sellers"], currency) for text in terms["items"]],
            categories=_scope(terms["categories"]),
            counterparties=_scope(terms["counterparties"]),
            limits=[limit_of(terms["spend"], currency)] if terms["spend"] else (),
            life_ms=terms["days"] * DAY_MS,
            **terms_of(terms),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _scope(names: tuple[str, ...]) -> Scope:
    return only(*names) if names else EVERYTHING


def _item(text: str, sellers: tuple[str, ...], currency: Currency) -> BoundItem:
    parts = text.split(",")
    if len(parts) == 3:
        parts.append("C62")
    unit, _, scale = parts[-1].partition("/")
    if len(parts) != 4 or not all(one.isascii() and one.isdigit() for one in (parts[2], scale or "0")):
        raise ValueError(f"--item {text!r} is not like ink-black-xl,16.00,2 or energy,0.20,1500,KWH/3")
    return BoundItem(
        product_id=parts[0],
        sellers=_scope(sellers),
        currency=currency.code,
        max_unit_price_minor=minor_of(parts[1], currency),
        max_quantity_steps=int(parts[2]),
        unit=unit,
        unit_scale=int(scale or "0"),
    )


def limit_of(text: str, currency: Currency) -> SpendingLimit:
    """Read `order=20.00,day=40.00,orders=3` (ValueError)."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, amount = part.partition("=")
        field = _LIMITS.get(name) or _NUMBERS.get(name)
        if field is None or field in found:
            names = ", ".join((*_LIMITS, *_NUMBERS))
            raise ValueError(f"--spend takes each of {names} once, as in order=20.00,day=40.00,orders=3")
        if name in _NUMBERS and not (amount.isascii() and amount.isdigit()):
            raise ValueError(f"--spend {name} is a whole number, as in {name}=3")
        found[field] = int(amount) if name in _NUMBERS else minor_of(amount, currency)
    if "per_order_minor" not in found:
        raise ValueError("--spend says at least how much one order may cost: order=20.00")
    return spending_limit(currency.code, **found)


@click.command()
@home_argument
@click.option("--thing", help="End every mandate of this thing: its folder or did:key.")
@click.option("--mandate", "leaf", type=HexType(32), help="End this mandate and all below it.")
@click.option("--all", "everything", is_flag=True, help="End every mandate that this owner ever gave.")
@click.option("--reason", default="", help="Why; it stands in the log, so no personal data.")
@node_option
@json_option
def revoke(
    home: Path,
    thing: str | None,
    leaf: bytes | None,
    everything: bool,
    reason: str,
    card: str | None,
    as_json: bool,
) -> None:
    """End mandates at once: from this entry of the log on, nothing is done under them.

    \b
    Example:
      thingmarket owner revoke anna --thing printer --reason "another seller"
    """
    if sum((thing is not None, leaf is not None, everything)) != 1:
        raise click.UsageError("give exactly one of --thing, --mandate and --all")

    async def end() -> None:
        async with await open_owner(home, card) as owner:
            if everything:
                await owner.revoke_all(reason)
            elif leaf is not None:
                await owner.revoke(mandate=leaf, reason=reason)
            else:
                await owner.revoke(subject=subject_of(str(thing)), reason=reason)

    asyncio.run(end())
    output = Output(as_json=as_json)
    output.say("revoked; what was bought before stands")
    output.end({"revoked": True})
