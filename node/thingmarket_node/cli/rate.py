"""`thingmarket node rate`: the operator offers to change money."""

import asyncio
from pathlib import Path

import click

from thingmarket.identity.cards import NodeCard
from thingmarket.limits import HOUR_MS, RATE_LIFE_MS
from thingmarket.money import Currency
from thingmarket_client.operator import Operator
from thingmarket_client.outbox import Outbox
from thingmarket_client.session.session import Caller
from thingmarket_node.cli.amounts import CurrencyType
from thingmarket_node.cli.books import publish
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import PATIENCE_MS
from thingmarket_node.home import Home, load_identity


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("ratio")
@click.option("--from", "taken", type=CurrencyType(), required=True, help="What owners give.")
@click.option("--to", "given", type=CurrencyType(), required=True, help="What they get.")
@click.option("--most", required=True, help="Most that is taken altogether, as in 1000.00.")
@click.option(
    "--hours",
    type=click.IntRange(1, RATE_LIFE_MS // HOUR_MS),
    default=24,
    show_default=True,
    help="How long.",
)
@json_option
def rate(
    home: Path, ratio: str, taken: Currency, given: Currency, most: str, hours: int, as_json: bool
) -> None:
    """Offer to change money, as the operator of the running node in the folder HOME.

    RATIO is minor units given for minor units taken. What may be given is set aside at once; the operator
    brings it from outside, as with a deposit.

    \b
    Example, 1.10 USD for each EUR:
      thingmarket node rate market 110/100 --from EUR --to USD --most 1000.00
    """

    async def act() -> bytes:
        async with await open_operator(home) as opened:
            return await publish(opened, ratio, most, (taken.code, given.code), hours)

    name = asyncio.run(act())
    output = Output(as_json=as_json)
    output.say(f"Owners can change {taken.code} to {given.code} at {ratio} for {hours} h:")
    output.say(f"  rate  {name.hex()}")
    output.end({"rate": name.hex()})


async def open_operator(home: Path) -> Operator:
    """The operator of the running node in a folder, whose keys are there."""

    def opened() -> tuple[Caller, Outbox, NodeCard]:
        identity = load_identity(Home(home))
        caller = Caller(party=identity.node, key=identity.identity, key_event=identity.signed_event)
        return caller, Outbox(home / "operator-outbox.db"), card_of(str(home))

    caller, outbox, card = await asyncio.to_thread(opened)
    return Operator(home, outbox, card, caller, PATIENCE_MS)
