"""`thingmarket node`: make a node, run it, look at it."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thingmarket.billing.charges import Charges
from thingmarket.catalog.offers import check_tax_row, row_parts
from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import checked_address, is_loopback
from thingmarket.identity.things import NO_PROBATION, Probation, check_probation
from thingmarket.ids import NetworkId
from thingmarket.limits import FEE_BASIS_POINTS_MAX, INTEGER_MAX, RESERVE_DAYS_MAX
from thingmarket.money import Currency
from thingmarket_node.cli.amounts import CurrencyType, HexType, amount_of, minor_of
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.node_books import books
from thingmarket_node.cli.node_market import market
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.rate import rate
from thingmarket_node.cli.status import status

if TYPE_CHECKING:
    from thingmarket_node.home import NodeIdentity

_RATE_MAX = 10_000  # basis points: 100 %


class TaxType(click.ParamType[tuple[str, int]]):
    """A row of the tax table and its rate, as in S=1900 or DE:S=1900."""

    name = "tax"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Read category and basis points."""
        if isinstance(value, tuple):
            return value
        row, sign, rate = str(value).partition("=")
        jurisdiction, category = row_parts(row)
        try:
            check_tax_row(jurisdiction, category)
        except Refusal:
            sign = ""
        if not (sign and rate.isascii() and rate.isdigit()) or (":" in row) != bool(jurisdiction):
            self.fail(f"{value!r} is not like S=1900 or DE:S=1900 (1900 basis points are 19 %)", param, ctx)
        if int(rate) > _RATE_MAX:
            self.fail(f"{value!r} is a rate above 100 %", param, ctx)
        return row, int(rate)


def _probation_of(text: str, currency: Currency) -> Probation:
    """Read what a new thing may do, as in orders=5,order=20.00,deliveries=10."""
    if not text:
        return NO_PROBATION
    found = dict(part.partition("=")[::2] for part in text.split(","))
    orders, amount, deliveries = (found.pop(name, "") for name in ("orders", "order", "deliveries"))
    try:
        if found or not all(one.isascii() and one.isdigit() for one in (orders, deliveries)):
            raise ValueError(f"{text!r} is not like orders=5,order=20.00,deliveries=10")
        probation = Probation(
            orders_per_day=int(orders), order_minor=minor_of(amount, currency), deliveries=int(deliveries)
        )
        check_probation(probation)
    except (ValueError, Refusal) as error:
        reason = error.reason if isinstance(error, Refusal) else str(error)
        raise click.BadParameter(reason, param_hint="--probation") from None
    return probation


def _play_money_of(text: str, currency: Currency) -> int:
    minor = amount_of(text, currency, "--play-money")
    if minor > INTEGER_MAX:
        raise click.BadParameter("more than 2^53-1 minor units", param_hint="--play-money")
    return minor


@click.group(cls=Group)
def node() -> None:
    """Make, run and look at a node.

    \b
    Example:
      thingmarket node init market --plaintext --play-money 10000.00
      thingmarket node run market
      thingmarket node status market
    """


@node.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.option(
    "--address",
    default="127.0.0.1:0",
    show_default=True,
    help="Where it listens; port 0 takes a free one, and keeps it while it is free.",
)
@click.option("--plaintext", is_flag=True, help="Without TLS; for loopback addresses only.")
@click.option("--network", type=HexType(16), help="Join this network; a new one unless given.")
@click.option(
    "--currency",
    "currencies",
    type=CurrencyType(),
    multiple=True,
    default=["EUR"],
    show_default=True,
    help="A currency with a ledger; several times for several.",
)
@click.option(
    "--tax",
    "taxes",
    type=TaxType(),
    multiple=True,
    default=["S=1900", "Z=0"],
    show_default=True,
    help="A tax category and its rate in basis points, as in S=1900: the seller owes it. As in DE:S=1900 the "
    "operator collects it for that jurisdiction. Several times for several.",
)
@click.option(
    "--fee",
    type=click.IntRange(0, FEE_BASIS_POINTS_MAX),
    default=0,
    show_default=True,
    help="The operator's fee of a sale, in basis points of its net.",
)
@click.option(
    "--reserve",
    type=click.IntRange(0, FEE_BASIS_POINTS_MAX),
    default=0,
    show_default=True,
    help="What of the rest a seller gets only later, in basis points.",
)
@click.option(
    "--reserve-days",
    type=click.IntRange(1, RESERVE_DAYS_MAX),
    default=14,
    show_default=True,
    help="How many days later.",
)
@click.option(
    "--play-money",
    default="0",
    show_default=True,
    metavar="AMOUNT",
    help="Give owners what they ask for, up to this amount of the first --currency, and of others up to as"
    " many minor units, all counted together. Never with real money.",
)
@click.option(
    "--probation",
    "probation_text",
    default="",
    metavar="orders=N,order=AMOUNT,deliveries=N",
    help="What a new thing may do: so many orders a day, each of at most so much of the first --currency, and"
    " of others as many minor units, until so many of its deliveries were accepted. Nothing is asked unless"
    " given.",
)
@json_option
def init(
    home: Path,
    address: str,
    plaintext: bool,
    network: bytes | None,
    currencies: tuple[Currency, ...],
    taxes: tuple[tuple[str, int], ...],
    fee: int,
    reserve: int,
    reserve_days: int,
    play_money: str,
    probation_text: str,
    as_json: bool,
) -> None:
    """Make a node in the folder HOME: its keys, its settings, the first entry of its log.

    \b
    Example, a market on this machine alone, with play money:
      thingmarket node init market --plaintext --currency EUR --tax S=1900 --play-money 10000.00
    """
    from thingmarket_node.config import Config
    from thingmarket_node.home import init_node

    _check_address(address, plaintext=plaintext)
    probation = _probation_of(probation_text, currencies[0])
    most_minor = _play_money_of(play_money, currencies[0])
    days = reserve_days if reserve else 0
    identity = init_node(
        home,
        Config(address=address, plaintext=plaintext, play_money_max_minor=most_minor),
        network_id=NetworkId(network or secrets.token_bytes(16)),
        now_ms=time.time_ns() // 1_000_000,
        currencies=tuple(sorted({currency.code for currency in currencies})),
        tax_basis_points=tuple(sorted(dict(taxes).items())),
        probation=probation,
        charges=Charges(fee_basis_points=fee, reserve_basis_points=reserve, reserve_days=days),
    )
    _tell_of(home, identity, Output(as_json=as_json))


def _tell_of(home: Path, identity: "NodeIdentity", output: Output) -> None:
    output.say(f"A node was made in {home}:")
    output.say(f"  node     {identity.node}")
    output.say(f"  network  {identity.network_id.hex()}")
    output.say(
        f"Its keys are in {home / 'keys.json'}: who has them is the node. Keep a copy where nobody looks."
    )
    output.say(f"Start it: thingmarket node run {home}")
    output.end({"node": identity.node, "network": identity.network_id.hex(), "home": str(home)})


def _check_address(address: str, *, plaintext: bool) -> None:
    """Refuse what no node can listen on, before anything is made (BAD_FIELD)."""
    host, _, port = address.rpartition(":")
    some = f"{host}:1" if port == "0" else address  # a node finds a free port; a card names the one it found
    checked_address(some)
    if plaintext and not is_loopback(some):
        raise Refusal(Code.BAD_FIELD, "plaintext is for loopback addresses only, as in 127.0.0.1:0", "ID-4")


@node.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.option(
    "--log",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of logs.",
)
@click.option("--log-trades", is_flag=True, help="Log every step of a contract, with its id, and refusals.")
@json_option
def run(home: Path, form: str, log_trades: bool, as_json: bool) -> None:
    """Run the node in the folder HOME until Ctrl-C or SIGTERM.

    It replays its log first, then writes HOME/node.card: what owners and things need to find and trust it.

    \b
    Example:
      thingmarket node run market
      thingmarket node run market --log json --log-trades 2>market.log
    """
    import uvloop

    from thingmarket_node import logs
    from thingmarket_node.home import Home
    from thingmarket_node.node import Ready, run_node

    output = Output(as_json=as_json)
    logs.set_up(as_json=form == "json", trades=log_trades)

    def ready(found: Ready) -> None:
        output.event(
            "ready",
            f"serving on {found.address}\n  node  {found.node}\n  log   {found.entries} entries\n"
            f"  card  {home / 'node.card'}",
            address=found.address,
            card=found.card,
            node=found.node,
            entries=found.entries,
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(run_node(Home(home), ready=ready))
    output.end({"stopped": code == 0})
    click.get_current_context().exit(code)


node.add_command(status)
node.add_command(rate)
node.add_command(books)
node.add_command(market)
