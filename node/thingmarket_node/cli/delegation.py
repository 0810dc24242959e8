"""What a thing permits a sub-agent: one more link below its own mandate, never more than that permits."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.mandates import Action, Autonomy, Mandate, SpendingLimit
from thingmarket.ids import digest
from thingmarket.limits import HOUR_MS
from thingmarket.money import Currency
from thingmarket.wire.identity import read_mandate
from thingmarket_client.mandates import narrowed_limit, only
from thingmarket_client.thing import Thing
from thingmarket_node.cli.amounts import CurrencyType
from thingmarket_node.cli.authority import limit_of
from thingmarket_node.cli.naming import is_key, subject_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.papers import write_mandate
from thingmarket_node.cli.parties import home_argument, node_option, open_thing

_LEVELS: Final = [level.name.lower() for level in Autonomy]
_ACTIONS: Final = [action.name.lower() for action in Action]


@click.command()
@home_argument
@click.argument("agent")
@click.option("--autonomy", type=click.Choice(_LEVELS), help="Its own level unless given.")
@click.option("--may", "actions", type=click.Choice(_ACTIONS), multiple=True, help="Only this; repeatable.")
@click.option(
    "--spend",
    metavar="order=AMOUNT,...",
    help="Limits as in `owner mandate`, no wider than its own. What an agent spends counts for both.",
)
@click.option("--currency", type=CurrencyType(), default="EUR", show_default=True, help="Of the limits.")
@click.option("--category", "categories", multiple=True, metavar="UNSPSC", help="Only within this prefix.")
@click.option("--with", "counterparties", multiple=True, metavar="OWNER", help="Only with this owner.")
@click.option(
    "--hours", type=click.IntRange(1, 366 * 24), default=24, show_default=True, help="How long it is valid."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write it to a file for an agent that is elsewhere."
)
@node_option
@json_option
def delegate(home: Path, agent: str, as_json: bool, **terms: Any) -> None:
    """Hand on a part of what the thing HOME may do. AGENT is a thing's folder, or its did:key and --out.

    The thing is AUTONOMOUS and may subdelegate. What is not narrowed stays as in its own mandate; when that
    ends or is revoked, its agents end with it.

    \b
    Example, a vending machine whose coffee module buys its own beans for a day:
      thingmarket thing init module --node market
      thingmarket thing delegate machine module --spend order=15.00,day=30.00 --category 5020
      thingmarket thing buy module --offer 93ab... --quantity 1
    """
    is_here = not is_key(agent)
    if not is_here and terms["out"] is None:
        raise click.UsageError("say with --out where to write the mandate of an agent that is elsewhere")
    subject = subject_of(agent)

    async def sign() -> tuple[Signed, ...]:
        async with await open_thing(home, terms["card"]) as parent:
            if not parent.chain:
                raise Refusal(Code.UNKNOWN_MANDATE, f"{home} has no mandate to hand on")
            await parent.session.known()
            above = read_mandate(parent.chain[-1].payload)
            links = parent.delegate(subject, **_narrowed(above, parent.session.least_now_ms, terms))
            if is_here:
                async with await Thing.open(Path(agent), parent.session.card) as opened:
                    await opened.adopt(links)
                    await opened.present()
            return links

    links = asyncio.run(sign())
    if terms["out"] is not None:
        write_mandate(terms["out"], links)
    leaf = digest(links[-1].payload).hex()
    output = Output(as_json=as_json)
    output.say(f"{subject}\n  acts for {home} under mandate {leaf}, {terms['hours']} hours at most")
    output.end({"mandate": leaf, "thing": subject, "links": len(links)})


def _narrowed(above: Mandate, now_ms: int, terms: dict[str, Any]) -> dict[str, Any]:
    """Fields of the new link: what was given, else nothing, and no time beyond the parent's."""
    begin_ms = max(above.not_before_ms, now_ms)
    fields: dict[str, Any] = {
        "not_before_ms": begin_ms,
        "expires_ms": min(above.expires_ms, begin_ms + terms["hours"] * HOUR_MS),
    }
    if terms["autonomy"]:
        fields["autonomy"] = Autonomy[terms["autonomy"].upper()]
    if terms["actions"]:
        fields["actions"] = tuple(sorted({Action[name.upper()] for name in terms["actions"]}))
    if terms["categories"]:
        fields["categories"] = only(*terms["categories"])
    if terms["counterparties"]:
        fields["counterparties"] = only(*terms["counterparties"])
    if terms["spend"]:
        fields["limits"] = (_limit(above, terms["spend"], terms["currency"]),)
    return fields


def _limit(above: Mandate, text: str, currency: Currency) -> SpendingLimit:
    limits = [limit for limit in above.limits if limit.currency == currency.code]
    if not limits:
        raise click.UsageError(f"the thing itself may spend nothing in {currency.code}")
    try:
        return narrowed_limit(limit_of(text, currency), limits[0])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
