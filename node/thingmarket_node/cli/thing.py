"""`thingmarket thing`: what a device does, each command signed by its key, under its owner's mandate."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key, digest
from thingmarket.wire.trade import read_purchase
from thingmarket_client.orders import Order
from thingmarket_client.outbox import Answer, Letter
from thingmarket_client.thing import Thing, create_thing
from thingmarket_node.cli import cancelling, ordering, selling, standing
from thingmarket_node.cli.amounts import HexType, LateType, PlaceType, written
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.catalogue import answer, ask, choose, questions, search
from thingmarket_node.cli.claiming import claim, factory, report_malfunction
from thingmarket_node.cli.delegation import delegate
from thingmarket_node.cli.inbox import became
from thingmarket_node.cli.lazy import Group
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.papers import (
    kept_order,
    read_approval_file,
    read_mandate_file,
    read_order,
    write_order,
)
from thingmarket_node.cli.parties import (
    DEVICE_PATIENCE_MS,
    check_free,
    home_argument,
    node_option,
    open_thing,
)
from thingmarket_node.cli.patience import within
from thingmarket_node.cli.sheets import NEED_HELP, OFFER_HELP
from thingmarket_node.cli.thing_trust import ask_feedback, propose, rate
from thingmarket_node.cli.unanswered import outbox

if TYPE_CHECKING:
    from thingmarket_node.cli.device import Device

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


_SECTIONS: Final = {
    "Itself": ("init", "factory", "claim", "mandate", "delegate", "run", "report-malfunction"),
    "Looking": ("search", "choose", "ask", "questions"),
    "Buying": (
        *("buy", "again", "outbox", "cancel", "preview-cancel"),
        *("stand", "standing", "end-standing", "propose", "rate"),
    ),
    "Selling": ("sell", "fulfil", "answer", "ask-feedback"),
    "In markets": ("order", "goods"),
}


@click.group(cls=Group, sections=_SECTIONS)
def thing() -> None:
    """Act as a thing, whose key and mandate are in a folder: sell, need, buy.

    \b
    Example:
      thingmarket thing init printer --node market
      thingmarket owner mandate anna printer --autonomy adaptable --spend order=20.00
      thingmarket thing run buyer printer --need need.json
    """


thing.add_command(outbox)
thing.add_command(search)
thing.add_command(choose)
thing.add_command(ask)
thing.add_command(questions)
thing.add_command(answer)
thing.add_command(propose)
thing.add_command(rate)
thing.add_command(ask_feedback)
thing.add_command(factory)
thing.add_command(claim)
thing.add_command(report_malfunction)
thing.add_command(delegate)
for command in (
    *cancelling.commands("thing", "printer"),
    *standing.commands("thing", "printer"),
    *selling.commands("thing", "shop"),
    *ordering.commands("thing", "printer", "shop"),
):
    thing.add_command(command)


@thing.command()
@home_argument
@click.option("--node", "card", required=True, help="Folder or card of the node to trade at.")
@json_option
def init(home: Path, card: str, as_json: bool) -> None:
    """Make a thing in the folder HOME: a key of its own. It may do nothing before it has a mandate.

    \b
    Example:
      thingmarket thing init printer --node market
    """
    found = card_of(card)
    check_free(home)
    party = create_thing(home)

    async def remember() -> None:
        async with await Thing.open(home, found):
            pass

    asyncio.run(remember())
    output = Output(as_json=as_json)
    output.say(f"A thing was made in {home}:\n  {party}")
    output.say(f"Its owner says what it may do: thingmarket owner mandate OWNER {home} --autonomy ...")
    output.end({"thing": party, "home": str(home)})


@thing.command()
@home_argument
@click.argument("file", type=_FILE)
@node_option
@json_option
def mandate(home: Path, file: Path, card: str | None, as_json: bool) -> None:
    """Take the mandate of FILE, in place of the one before, and show it to the node.

    \b
    Example, for a thing that is not on its owner's machine:
      thingmarket owner mandate anna did:key:z6Mk... --autonomy announcer --out mandate.json
      thingmarket thing mandate printer mandate.json
    """
    links = read_mandate_file(file)

    async def adopt() -> dict[str, Any]:
        async with await open_thing(home, card) as opened:
            await opened.adopt(links)
            await opened.present()
            level = opened.mandate.autonomy.name
            return {"mandate": opened.leaf.hex(), "thing": opened.id, "autonomy": level}

    value = asyncio.run(adopt())
    output = Output(as_json=as_json)
    output.say(f"{value['thing']}\n  is {value['autonomy']} under mandate {value['mandate']}")
    output.end(value)


@thing.command(epilog=f"{OFFER_HELP}\n{NEED_HELP}")
@click.argument("role", type=click.Choice(["seller", "buyer", "announcer"]))
@home_argument
@click.option("--sell", type=_FILE, multiple=True, help="Sheet of an offer to publish; for a seller.")
@click.option("--need", type=_FILE, multiple=True, help="Sheet of a need; for a buyer or announcer.")
@click.option(
    "--fails", type=click.IntRange(1), multiple=True, help="A seller does not deliver its n-th order."
)
@click.option(
    "--late",
    type=LateType(),
    multiple=True,
    metavar="ORDER=SECONDS",
    help="A seller delivers its n-th order so long after it is due.",
)
@click.option(
    "--no-accept", is_flag=True, help="A buyer says nothing on arrival: silence accepts in the end."
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.IntRange(1),
    help="A buyer or announcer ends after so many seconds; run again it goes on where it was.",
)
@node_option
@json_option
def run(
    role: str,
    home: Path,
    sell: tuple[Path, ...],
    need: tuple[Path, ...],
    fails: tuple[int, ...],
    late: tuple[tuple[int, int], ...],
    no_accept: bool,
    timeout_s: int | None,
    card: str | None,
    as_json: bool,
) -> None:
    """Run a device: a seller, a buyer or an announcer.

    A seller publishes its offers and delivers what is bought, until it is stopped. A buyer announces its
    need, searches, chooses under its owner's rules, buys, accepts on arrival, and ends; run again with the
    same sheet it goes on where it was and never buys twice. An announcer only says what it needs, and waits
    for its owner to buy.

    \b
    Example:
      thingmarket thing run seller shop --sell ink.json
      thingmarket thing run buyer printer --need ink-is-low.json --timeout 600
      thingmarket thing run announcer freezer --need compressor.json
    """
    _check_role(role, sell, need, timeout_s)
    output = Output(as_json=as_json)

    async def work() -> dict[str, Any]:
        async with await open_thing(home, card, DEVICE_PATIENCE_MS) as opened:
            await opened.present()
            await opened.flush()
            device = _device(opened, output, fails, late, accepts=not no_accept)
            if role == "seller":
                await device.sell(sell)  # until it is stopped
            buying = device.buy(need) if role == "buyer" else device.announce(need)
            return {"thing": opened.id, "role": role, "needs": await within(timeout_s, buying, output)}

    output.end(asyncio.run(work()))


def _device(
    opened: Thing, output: Output, fails: tuple[int, ...], late: tuple[tuple[int, int], ...], *, accepts: bool
) -> "Device":
    from thingmarket_node.cli.device import Device, Habits

    return Device(opened, output, Habits(fails=frozenset(fails), late_ms=dict(late), accepts=accepts))


def _check_role(role: str, sell: tuple[Path, ...], need: tuple[Path, ...], timeout_s: int | None) -> None:
    if bool(sell) != (role == "seller") or bool(need) == (role == "seller"):
        raise click.UsageError("a seller takes --sell, a buyer or announcer takes --need")
    if role == "seller" and timeout_s is not None:
        raise click.UsageError("a seller works until it is stopped; --timeout is for a buyer or announcer")


@thing.command()
@home_argument
@click.option("--offer", type=HexType(32), help="Digest of the offer to buy from.")
@click.option("--quantity", type=click.IntRange(1), help="Steps to buy.")
@click.option("--need", type=HexType(32), help="Digest of the announced need that this fills.")
@click.option(
    "--prepare",
    type=click.Path(path_type=Path),
    help="Send nothing; write the order here for the owner's approval.",
)
@click.option("--order", type=_FILE, help="Place an order that was prepared before.")
@click.option("--approval", type=_FILE, help="The owner's approval of that order.")
@click.option("--wait", is_flag=True, help="Wait for the owner's word, if it is needed.")
@click.option("--at", "place", type=PlaceType(), help="Where it is bought for, in degrees: 52.52,13.41.")
@click.option("--approved-by", type=HexType(16), help="An approved order that came to nothing, for not more.")
@click.option("--points", type=click.IntRange(0), default=0, help="Points of the seller to redeem.")
@node_option
@json_option
def buy(
    home: Path,
    offer: bytes | None,
    quantity: int | None,
    prepare: Path | None,
    order: Path | None,
    approval: Path | None,
    wait: bool,
    card: str | None,
    as_json: bool,
    **details: Any,
) -> None:
    """Buy from one offer, or place an order that was approved; above the threshold it waits for the owner.

    \b
    Example:
      thingmarket thing buy printer --offer 93ab... --quantity 1
      thingmarket thing buy printer --offer 93ab... --quantity 9 --prepare order.json
      thingmarket owner approve anna order.json --out approval.json
      thingmarket thing buy printer --order order.json --approval approval.json
    """
    _check_one_order(order, offer, quantity)
    output = Output(as_json=as_json)

    async def trade() -> dict[str, Any]:
        async with await open_thing(home, card) as opened:
            if order is not None:
                letter = _prepared(home, order, approval)
            else:
                made = await _ordered(opened, offer or b"", quantity, details)
                if prepare is not None:
                    write_order(prepare, home, made)
                    return {"prepared": str(prepare), "body_digest": made.body_digest.hex()}
                letter = made.letter
            value = _bought(letter.key, letter.body, await opened.post.deliver(letter))
            return await _after_the_word(opened, value, output) if value["pending"] and wait else value

    _tell_of(asyncio.run(trade()), output)


def _check_one_order(order: Path | None, offer: bytes | None, quantity: int | None) -> None:
    if (order is None) == (offer is None) or (offer is not None and quantity is None):
        raise click.UsageError("give --offer and --quantity, or --order")


async def _ordered(opened: Thing, offer: bytes, quantity: int | None, details: dict[str, Any]) -> Order:
    given = {name: detail for name, detail in details.items() if detail is not None}
    return await opened.order(await opened.reads.offer(offer), quantity, **given)


async def _after_the_word(opened: Thing, value: dict[str, Any], output: Output) -> dict[str, Any]:
    output.say(f"order {value['pending']} waits for approval ...")
    done = await opened.outcome_of(bytes.fromhex(value["pending"]))
    return {**value, "contract": done.contract.hex(), "became": became(done)}


def _prepared(home: Path, order: Path, approval: Path | None) -> Letter:
    approvals = [read_approval_file(approval)] if approval else []
    body, _ = read_order(order)
    return kept_order(home, digest(body), approvals)


def _tell_of(value: dict[str, Any], output: Output) -> None:
    """Say what an order has come to."""
    if "prepared" in value:
        output.say(f"nothing was sent; let the owner approve {value['prepared']}")
    elif value["contract"]:
        output.say(f"bought for {written(value['total_minor'], value['currency'])}: {value['contract']}")
    else:
        output.say(f"not bought yet: order {value['pending']} {value.get('became', 'waits for approval')}")
        output.say("  the owner sees it with `thingmarket owner inbox`")
    output.end(value)


@thing.command()
@home_argument
@click.argument("key", type=HexType(16), required=False)
@node_option
@json_option
def again(home: Path, key: bytes | None, card: str | None, as_json: bool) -> None:
    """Send a purchase once more, as a device does that never saw the answer: the last one, or that of KEY.

    The body is the same, so the node does nothing twice and gives the same answer. Keys of what is not
    answered are in `thing outbox`.

    \b
    Example:
      thingmarket thing again printer
      thingmarket thing again printer 019f...
    """

    async def resend() -> dict[str, Any]:
        async with await open_thing(home, card) as opened:
            letters = opened.post.outbox
            if key is None:
                posted = await asyncio.to_thread(letters.newest, TypeId.PURCHASE)
            else:
                posted = await asyncio.to_thread(letters.find, Key(key))
            if posted is None:
                raise Refusal(Code.UNKNOWN_ENTRY, "this thing sent no such purchase; see `thing outbox`")
            answer = await opened.session.submit(posted.letter, posted.sealed, sent_before=True)
            return _bought(posted.letter.key, posted.letter.body, answer)

    value = asyncio.run(resend())
    output = Output(as_json=as_json)
    output.say(f"the node answers as before: {value['contract'] or value['pending']}")
    output.end(value)


def _bought(key: bytes, body: bytes, answer: Answer) -> dict[str, Any]:
    made, purchase = answer.made(), read_purchase(body)
    return {
        "contract": "" if made.pending else made.reference.hex(),
        "pending": made.reference.hex() if made.pending else "",
        "key": key.hex(),
        "total_minor": purchase.total_minor,
        "currency": purchase.currency,
        "rules": list(made.decision.rules) if made.decision else [],
        "seq": made.receipt.seq if made.receipt else 0,
    }
