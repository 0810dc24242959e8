"""`cancel` and `preview-cancel`: ending what was not delivered, at a price that is known before."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.market.views import CancelPreview
from thingmarket.money import currency_of
from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import HexType, amount_of, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import contract_value, home_argument, node_option, open_owner, open_thing

CONTRACT_BYTES: Final = 16

Opening = Callable[..., Awaitable[Trader]]
"""Opens the owner or thing of a folder."""


def commands(whose: str, home: str) -> tuple[click.Command, click.Command]:
    """`cancel` and `preview-cancel` of an owner or of a thing, whose folder is called `home` in examples."""
    opening = open_owner if whose == "owner" else open_thing
    return _cancel(opening, whose, home), _preview_cancel(opening, whose, home)


def _cancel(opening: Opening, whose: str, home: str) -> click.Command:
    @click.command(
        help=f"""Cancel what was not delivered yet under CONTRACT.

        The price is the offer's; above --max-fee nothing happens.

        \b
        Example:
          thingmarket {whose} preview-cancel {home} 019f...
          thingmarket {whose} cancel {home} 019f... --max-fee 2.50
        """
    )
    @home_argument
    @click.argument("contract", type=HexType(CONTRACT_BYTES))
    @click.option(
        "--max-fee",
        default="0",
        show_default=True,
        help="The most that it may cost, in the contract's currency, as in 2.50.",
    )
    @node_option
    @json_option
    def cancel(home: Path, contract: bytes, max_fee: str, card: str | None, as_json: bool) -> None:
        async def end() -> dict[str, Any]:
            async with await opening(home, card) as opened:
                currency = currency_of((await opened.contract(contract)).currency)
                await opened.cancel(contract, max_fee_minor=amount_of(max_fee, currency, "--max-fee"))
                return contract_value(await opened.contract(contract))

        value = asyncio.run(end())
        output = Output(as_json=as_json)
        output.say(f"cancelled; the contract is {value['state']}")
        output.end(value)

    return cancel


def _preview_cancel(opening: Opening, whose: str, home: str) -> click.Command:
    @click.command(
        help=f"""Say what cancelling costs: of a CONTRACT, or of an offer before buying from it.

        \b
        Example:
          thingmarket {whose} preview-cancel {home} 019f...
          thingmarket {whose} preview-cancel {home} 93ab... --quantity 2
        """
    )
    @home_argument
    @click.argument("name", metavar="CONTRACT|OFFER")
    @click.option("--quantity", type=click.IntRange(1), help="Steps that would be bought of the offer.")
    @node_option
    @json_option
    def preview_cancel(home: Path, name: str, quantity: int | None, card: str | None, as_json: bool) -> None:
        asked = _asked(name, quantity)

        async def read() -> CancelPreview:
            async with await opening(home, card) as opened:
                return await opened.preview_cancel(**asked)

        seen = asyncio.run(read())
        output = Output(as_json=as_json)
        for line in _told(seen):
            output.say(line)
        output.end(_value(seen))

    return preview_cancel


def _asked(name: str, quantity: int | None) -> dict[str, Any]:
    try:
        data = bytes.fromhex(name)
    except ValueError:
        raise Refusal(Code.BAD_ID, "name a contract of 32 or an offer of 64 hexadecimal digits") from None
    if len(data) == CONTRACT_BYTES:
        return {"contract": data}
    if quantity is None:
        raise click.UsageError("say with --quantity how much you would buy of the offer")
    return {"offer": data, "quantity_steps": quantity}


def _told(seen: CancelPreview) -> list[str]:
    currency = seen.currency
    lines = [
        f"  {each.state}: {'impossible' if each.fee_minor is None else written(each.fee_minor, currency)}"
        for each in seen.by_state
    ]
    if seen.now_minor is None:
        return ["cannot be cancelled", *lines]
    back = written(seen.back_minor, currency)
    return [f"cancelling costs {written(seen.now_minor, currency)} now; {back} come back", *lines]


def _value(seen: CancelPreview) -> dict[str, Any]:
    return {
        "currency": seen.currency,
        "total_minor": seen.total_minor,
        "now_minor": seen.now_minor,
        "back_minor": seen.back_minor,
        "free_until_ms": seen.free_until_ms,
        "by_state": {each.state: each.fee_minor for each in seen.by_state},
    }
