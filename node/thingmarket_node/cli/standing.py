"""`stand`, `standing` and `end-standing`: what is bought again and again."""

import asyncio
from pathlib import Path
from typing import Any

import click

from thingmarket.contract.orders import RetentionClass
from thingmarket.contract.standing import STANDING_ID_BYTES
from thingmarket.money import currency_of
from thingmarket.wire.standing import StandingSeen
from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import HexType, SpanType, amount_of, written
from thingmarket_node.cli.cancelling import Opening
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner, open_thing
from thingmarket_node.refused_orders import name_of


def commands(whose: str, home: str) -> tuple[click.Command, click.Command, click.Command]:
    """The commands of an owner or of a thing, whose folder is called `home` in examples."""
    opening = open_owner if whose == "owner" else open_thing
    return _stand(opening, whose, home), _standing(opening, whose, home), _end_standing(opening, whose, home)


def _stand(opening: Opening, whose: str, home: str) -> click.Command:
    @click.command(
        help=f"""Buy from one offer again and again, each time under the owner's rules of that moment.

        \b
        Example:
          thingmarket {whose} stand {home} --offer 93ab... --quantity 2 --every 7d --times 30
        """
    )
    @home_argument
    @click.option("--offer", type=HexType(32), required=True, help="Digest of the offer.")
    @click.option("--quantity", type=click.IntRange(1), required=True, help="Steps bought each time.")
    @click.option("--every", type=SpanType(), required=True, help="From one to the next: 7d, 2h, 20m, 30s.")
    @click.option("--times", type=click.IntRange(1), required=True, help="How many times it is its turn.")
    @click.option("--max-total", help="Most per purchase, as in 15.50; today's total unless given.")
    @click.option("--slot", default="", help="Name of a want: at most one order of it is open.")
    @click.option("--deliver-to", help="Name and address: sealed, the log holds only a commitment to it.")
    @node_option
    @json_option
    def stand(home: Path, card: str | None, as_json: bool, **wish: Any) -> None:
        async def begin() -> bytes:
            async with await opening(home, card) as opened:
                return await _opened(opened, wish)

        name = asyncio.run(begin())
        output = Output(as_json=as_json)
        output.say(f"standing order {name.hex()}")
        output.end({"standing_order": name.hex()})

    return stand


def _standing(opening: Opening, whose: str, home: str) -> click.Command:
    @click.command(
        help=f"""List standing orders and what has come of them.

        \b
        Example:
          thingmarket {whose} standing {home}
        """
    )
    @home_argument
    @node_option
    @json_option
    def standing(home: Path, card: str | None, as_json: bool) -> None:
        async def read() -> tuple[StandingSeen, ...]:
            async with await opening(home, card) as opened:
                return await opened.standing_orders()

        found = asyncio.run(read())
        output = Output(as_json=as_json)
        columns = ("standing order", "most", "state", "made", "skipped", "why")
        output.table(f"standing orders of {home}", columns, [_row(one) for one in found])
        output.end({"standing_orders": [_value(one) for one in found]})

    return standing


def _end_standing(opening: Opening, whose: str, home: str) -> click.Command:
    @click.command(
        help=f"""End a standing order; what it bought stands.

        \b
        Example:
          thingmarket {whose} end-standing {home} 019f...
        """
    )
    @home_argument
    @click.argument("name", type=HexType(STANDING_ID_BYTES))
    @node_option
    @json_option
    def end_standing(home: Path, name: bytes, card: str | None, as_json: bool) -> None:
        async def end() -> None:
            async with await opening(home, card) as opened:
                await opened.end_standing(name)

        asyncio.run(end())
        output = Output(as_json=as_json)
        output.say("it buys no more")
        output.end({"standing_order": name.hex(), "state": "ENDED"})

    return end_standing


async def _opened(party: Trader, wish: dict[str, Any]) -> bytes:
    seen = await party.reads.offer(wish["offer"])
    where, most = wish["deliver_to"], wish["max_total"]
    currency = currency_of(seen.offer.currency)
    return await party.stand(
        seen,
        wish["quantity"],
        interval_ms=wish["every"],
        occurrences_max=wish["times"],
        total_max_minor=None if most is None else amount_of(most, currency, "--max-total"),
        slot=wish["slot"],
        delivery={RetentionClass.CONTRACT: where.encode()} if where else None,
    )


def _row(one: StandingSeen) -> tuple[Any, ...]:
    most = written(one.wish.total_max_minor, one.wish.currency)
    why = one.cause or (f"last skipped: {name_of(one.code)}" if one.code else "")
    return (one.id.hex(), most, one.state.value, one.made, one.skipped, why)


def _value(one: StandingSeen) -> dict[str, Any]:
    return {
        "standing_order": one.id.hex(),
        "state": one.state.value,
        "buyer": one.buyer,
        "offer": one.wish.offer.hex(),
        "quantity_steps": one.wish.quantity_steps,
        "currency": one.wish.currency,
        "total_max_minor": one.wish.total_max_minor,
        "interval_ms": one.wish.interval_ms,
        "occurrences_max": one.wish.occurrences_max,
        "slot": one.wish.slot,
        "next_ms": one.next_ms,
        "made": one.made,
        "skipped": one.skipped,
        "last": one.last.hex(),
        "code": one.code,
        "reason": one.reason,
        "rule": one.rule,
        "cause": one.cause,
    }
