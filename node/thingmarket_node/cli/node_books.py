"""`thingmarket node books`: what the operator holds, for whom, and whether it is what was brought in."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.market.holdings import Holding
from thingmarket.settlement.accounts import AccountKind
from thingmarket.wire.holdings import holdings_request, read_holdings
from thingmarket_client.books import BookKeeping
from thingmarket_node.cli.amounts import written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.rate import open_operator

_TRIES: Final = 20  # a log that grows between two parts begins the sum anew
_PAGES_MAX: Final = 100_000
_WORDS: Final = {
    AccountKind.OWNER_WALLET: "wallets",
    AccountKind.ESCROW: "escrow",
    AccountKind.SELLER_RESERVE: "reserves",
    AccountKind.FEE_INCOME: "fees",
    AccountKind.TAX_PAYABLE: "tax",
    AccountKind.LIQUIDITY: "rates",
    AccountKind.CLEARING: "orders",  # always empty: what orders hold is in their owners' wallets still
}


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@json_option
def books(home: Path, as_json: bool) -> None:
    """Show what the running node in the folder HOME holds: for owners, sellers, tax offices and its operator.

    All of it together is what was paid in. Only the operator, whose keys are in HOME, may look.

    \b
    Example:
      thingmarket node books market
    """

    async def read() -> tuple[int, list[Holding]]:
        async with await open_operator(home) as opened:
            return await _of_one_moment(opened)

    seq, holdings = asyncio.run(read())
    found = books_value(holdings)
    output = Output(as_json=as_json)
    for currency, rows in found.items():
        shown = [(name, written(minor, currency)) for name, minor in rows["held"].items()]
        together = written(sum(rows["held"].values()), currency)
        output.table(f"{currency} at log position {seq}", ("held for", "amount"), shown)
        output.say(f"together {together}; paid in {written(rows['paid_in_minor'], currency)}")
    output.end({"seq": seq, "books": found})


async def _of_one_moment(opened: BookKeeping) -> tuple[int, list[Holding]]:
    """Every part at one log position (BUSY when the log never stands still for that long)."""
    for _ in range(_TRIES):
        seqs, found, after = set[int](), list[Holding](), 0
        for _ in range(_PAGES_MAX):
            request = holdings_request(after)
            page = read_holdings(await opened.session.ask(lambda stub: stub.ListHoldings, request))
            seqs.add(page.seq)
            found += page.holdings
            after = page.next_after
            if not after or len(seqs) > 1:
                break
        if len(seqs) == 1:
            return seqs.pop(), found
    raise Refusal(Code.BUSY, "the log grows while its accounts are added up; ask at a quieter time", "OPS-5")


def books_value(holdings: Sequence[Holding]) -> dict[str, dict[str, Any]]:
    """Holdings by currency: what is held, by whom for collected tax, and what was ever paid in."""
    found: dict[str, dict[str, Any]] = {}
    for one in holdings:
        rows = found.setdefault(one.currency, {"paid_in_minor": 0, "held": {}})
        if one.kind is AccountKind.EXTERNAL:
            rows["paid_in_minor"] -= one.minor
            continue
        name = f"{_WORDS[one.kind]} {one.row}".strip()
        rows["held"][name] = rows["held"].get(name, 0) + one.minor
    return found
