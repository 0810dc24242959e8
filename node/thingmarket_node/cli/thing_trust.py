"""What a thing says about trust: what it would buy, what it measured; and a seller who asks for it."""

import asyncio
from pathlib import Path

import click

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.contract.feedback import Better, Measured
from thingmarket.money import currency_of
from thingmarket_node.cli.amounts import HexType, amount_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_thing


@click.command()
@home_argument
@click.option("--need", type=HexType(32), required=True, help="Digest of the open need.")
@click.option("--offer", type=HexType(32), required=True, help="Digest of the offer that it would take.")
@click.option("--total", required=True, help="What it would pay, as in 11.90.")
@node_option
@json_option
def propose(home: Path, need: bytes, offer: bytes, total: str, card: str | None, as_json: bool) -> None:
    """Say what the thing would buy, while its owner still buys himself: his choice is compared with it.

    \b
    Example:
      thingmarket thing propose printer --need 93ab... --offer 51c0... --total 11.90
    """

    async def send() -> None:
        async with await open_thing(home, card) as opened:
            currency = currency_of((await opened.reads.offer(offer)).offer.currency)
            await opened.trust.propose(need, offer, total_minor=amount_of(total, currency, "--total"))

    asyncio.run(send())
    output = Output(as_json=as_json)
    output.say("proposed; see `thingmarket owner shadow` for what the owner did")
    output.end({"need": need.hex(), "offer": offer.hex()})


@click.command()
@home_argument
@click.argument("contract", type=HexType(16))
@click.option(
    "--measured",
    "texts",
    multiple=True,
    metavar="NAME=STEPS[/SCALE][,UNIT],lower|higher",
    help="A fact that the offer promised, as it was measured, and which way is better; may be repeated.",
)
@node_option
@json_option
def rate(home: Path, contract: bytes, texts: tuple[str, ...], card: str | None, as_json: bool) -> None:
    """Rate a CONTRACT that has ended: promised against measured. Delivery the node measures itself.

    \b
    Example:
      thingmarket thing rate vending 019f... --measured temperature_max=11,CEL,lower
    """
    try:
        measured = [_measured(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--measured") from None

    async def send() -> None:
        async with await open_thing(home, card) as opened:
            await opened.trust.rate(await opened.contract(contract), measured)

    asyncio.run(send())
    output = Output(as_json=as_json)
    output.say("rated; see `thingmarket owner satisfaction`")
    output.end({"contract": contract.hex(), "measured": len(measured)})


def _measured(text: str) -> Measured:
    name, _, rest = text.partition("=")
    parts = rest.split(",")
    if len(parts) not in (2, 3) or parts[-1].upper() not in Better.__members__:
        raise ValueError(f"{text!r} is not like temperature_max=11,CEL,lower")
    steps, _, scale = parts[0].partition("/")
    unit = parts[1] if len(parts) == 3 else ""
    return Measured(name, ScaledInteger(int(steps), int(scale or "0"), unit), Better[parts[-1].upper()])


@click.command("ask-feedback")
@home_argument
@click.argument("contract", type=HexType(16))
@node_option
@json_option
def ask_feedback(home: Path, contract: bytes, card: str | None, as_json: bool) -> None:
    """Ask the buyer of a CONTRACT that has ended for feedback, as its seller; once.

    \b
    Example:
      thingmarket thing ask-feedback shop 019f...
    """

    async def send() -> None:
        async with await open_thing(home, card) as opened:
            await opened.trust.ask_for_feedback(contract)

    asyncio.run(send())
    output = Output(as_json=as_json)
    output.say("asked")
    output.end({"contract": contract.hex()})
