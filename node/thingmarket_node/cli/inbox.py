"""`thingmarket owner inbox|approve|reject|cosign-for`: orders that wait for an owner's word; the word."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from thingmarket.catalog.units import span_words, unit_word
from thingmarket.contract.approvals import PENDING_ID_BYTES, PendingState
from thingmarket.contract.orders import Purchase
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import digest
from thingmarket.policy.decision import Fact
from thingmarket.policy.rules import RULES
from thingmarket.wire.inbox import PendingSeen
from thingmarket.wire.listings import OfferSeen
from thingmarket.wire.trade import read_purchase
from thingmarket_client.owner import Owner
from thingmarket_node.cli.amounts import moment, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.papers import read_order, write_approval
from thingmarket_node.cli.parties import home_argument, node_option, open_owner
from thingmarket_node.refused_orders import name_of

_PREFIX_MIN = 4  # hexadecimal digits by which an order may be named


@dataclass(frozen=True, slots=True)
class Item:
    """A waiting order beside the offer that it is of, which the seller signed."""

    order: PendingSeen
    offer: OfferSeen


@click.command()
@home_argument
@click.option("--watch", is_flag=True, help="Go on, and show the inbox anew whenever it changes.")
@node_option
@json_option
def inbox(home: Path, watch: bool, card: str | None, as_json: bool) -> None:
    """Show the orders that wait for your word: what, from whom, how much, why, and how long yet.

    \b
    Example:
      thingmarket owner inbox anna
      thingmarket owner inbox anna --watch
    """
    output = Output(as_json=as_json)

    async def look() -> list[Item]:
        async with await open_owner(home, card) as owner:
            if not watch:
                return await _items(owner, await owner.inbox())
            async with owner.waiting.inboxes() as inboxes:
                async for orders in inboxes:
                    _show(output, await _items(owner, orders), watched=True)
        return []

    items = asyncio.run(look())
    _show(output, items, watched=False)
    output.end({"waiting": [item_value(item) for item in items]})


async def _items(owner: Owner, orders: tuple[PendingSeen, ...]) -> list[Item]:
    return [Item(order, await owner.reads.offer(order.purchase.offer)) for order in orders]


def _show(output: Output, items: list[Item], *, watched: bool) -> None:
    if watched and output.as_json:
        output.event("inbox", "", waiting=[item_value(item) for item in items])
        return
    now_ms = time.time_ns() // 1_000_000
    if not items:
        output.say("nothing waits for your word")
        return
    rows = [
        (
            item.order.id.hex(),
            what(item.order.purchase, item.offer),
            written(item.order.purchase.total_minor, item.order.purchase.currency),
            why(item.order),
            span_words(max(0, item.order.deadline_ms - now_ms)),
            f"{moment(item.order.quiet_until_ms)} UTC" if item.order.quiet_until_ms else "",
        )
        for item in items
    ]
    output.table(
        f"{len(items)} waiting for your word", ("order", "what", "total", "why", "left", "quiet until"), rows
    )
    output.say("thingmarket owner approve OWNER ORDER, or reject; the first digits of the order will do")


@click.command()
@home_argument
@click.argument("order")
@click.option("--reason", default="", help="Why; it stands in the log, so no personal data.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the approval of a file.")
@click.option("--reject", "no", is_flag=True, help="Say no instead of yes.")
@node_option
@json_option
def approve(
    home: Path, order: str, reason: str, out: Path | None, no: bool, card: str | None, as_json: bool
) -> None:
    """Say yes to ORDER: one of the inbox, or the file of one that was not sent yet.

    The approving entry makes the contract, if goods and money are still there. Every limit of the mandate
    besides `cosign` still holds.

    \b
    Example:
      thingmarket owner approve anna 019f3c
    \b
    before it was sent, for a thing that is offline:
      thingmarket thing buy printer --offer 93ab... --quantity 3 --prepare order.json
      thingmarket owner approve anna order.json --out approval.json
      thingmarket thing buy printer --order order.json --approval approval.json
    """
    output = Output(as_json=as_json)
    if Path(order).is_file():
        if out is None:
            raise click.UsageError("say with --out where to write the approval of an order that was not sent")
        output.end(asyncio.run(_sign(output, home, card, Path(order), out, approved=not no)))
    else:
        output.end(asyncio.run(_answer(output, home, card, order, reason, approved=not no)))


@click.command()
@home_argument
@click.argument("order")
@click.option("--reason", default="", help="Why; it stands in the log, so no personal data.")
@node_option
@json_option
def reject(home: Path, order: str, reason: str, card: str | None, as_json: bool) -> None:
    """Say no to ORDER of the inbox: one no is enough, and its budget is free again.

    \b
    Example:
      thingmarket owner reject anna 019f3c --reason "too dear"
    """
    output = Output(as_json=as_json)
    output.end(asyncio.run(_answer(output, home, card, order, reason, approved=False)))


@click.command("cosign-for")
@home_argument
@click.argument("owner")
@click.option("--end", is_flag=True, help="Be asked no more; what you approved already stands.")
@node_option
@json_option
def cosign_for(home: Path, owner: str, end: bool, card: str | None, as_json: bool) -> None:
    """Agree to be asked about the orders of OWNER, an id, who names you as one who may approve.

    Without that nothing of his comes into your inbox, whatever his mandates say.

    \b
    Example:
      thingmarket owner cosign-for anna tm:party:zQmPf...
      thingmarket owner cosign-for anna tm:party:zQmPf... --end
    """
    name = checked_party_id(owner)

    async def agree() -> None:
        async with await open_owner(home, card) as cosigner:
            await cosigner.agree_to_cosign(name, agreed=not end)

    asyncio.run(agree())
    output = Output(as_json=as_json)
    output.say(f"you are asked {'no more' if end else 'from now on'} about the orders of {name}")
    output.end({"owner": name, "agreed": not end})


async def _answer(
    output: Output, home: Path, card: str | None, name: str, reason: str, *, approved: bool
) -> dict[str, Any]:
    async with await open_owner(home, card) as owner:
        order = await _named(owner, name)
        item = Item(order, await owner.reads.offer(order.purchase.offer))
        _tell(output, order.purchase, item.offer)
        output.say(f"  by {order.buyer}\n  it {why(order)}: you are asked")
        if order.owner != owner.id:
            output.say(f"  for {order.owner}, who named you as one who may approve")
        done = await (owner.approve if approved else owner.reject)(order, reason)
    _tell_outcome(output, done)
    return item_value(Item(done, item.offer))


async def _named(owner: Owner, name: str) -> PendingSeen:
    """The order of an id, or of the first digits of one that waits (UNKNOWN_ENTRY)."""
    digits = name.lower()
    if len(digits) < _PREFIX_MIN or any(digit not in "0123456789abcdef" for digit in digits):
        raise click.BadParameter(f"{name!r} is neither a file nor the id of an order", param_hint="ORDER")
    if len(digits) == 2 * PENDING_ID_BYTES:
        return await owner.pending(bytes.fromhex(digits))
    found = [order for order in await owner.inbox() if order.id.hex().startswith(digits)]
    if len(found) != 1:
        raise Refusal(Code.UNKNOWN_ENTRY, f"{len(found)} waiting orders begin with {digits[:32]}", "COS-8")
    return found[0]


def became(done: PendingSeen) -> str:
    """What an order came to that was not bought, in a few words."""
    if done.missing is not None:
        return f"was approved, but {name_of(done.missing.code)}: {done.missing.reason}"
    reasons = [word.reason for word in done.words if word.reason]
    return f"was {done.state.value.lower().replace('_', ' ')}" + (f": {reasons[-1]}" if reasons else "")


def _tell_outcome(output: Output, done: PendingSeen) -> None:
    yes = sum(word.approved for word in done.words)
    if done.state is PendingState.REJECTED:
        output.say("rejected; its budget is free again")
    elif done.waits:
        output.say(f"approved by {yes} of {done.quorum}: it waits for {done.quorum - yes} more")
    elif done.contract:
        output.say(f"approved and bought: contract {done.contract.hex()}")
    elif done.missing is not None:
        output.say(f"approved, but not bought: {name_of(done.missing.code)}: {done.missing.reason}")
        if done.usable_until_ms:
            output.say(
                f"  until {moment(done.usable_until_ms)} UTC the thing may buy it elsewhere, if not dearer"
            )
    else:
        output.say(f"it is {done.state.value.lower()} by now")


async def _sign(
    output: Output, home: Path, card: str | None, path: Path, out: Path, *, approved: bool
) -> dict[str, Any]:
    """Approve an order that was not sent: only one that is to be sent under a mandate of this owner."""
    body, leaf = read_order(path)
    purchase = read_purchase(body)  # what is shown is what is signed, not what somebody wrote beside it

    async with await open_owner(home, card) as owner:
        state = (await owner.spending(leaf)).state  # UNKNOWN_MANDATE: it is another owner's
        if state != "ACTIVE":
            raise Refusal(Code.UNKNOWN_MANDATE, f"the mandate of this order is {state}", "MAN-9")
        seen = await owner.reads.offer(purchase.offer)
        _tell(output, purchase, seen)
        output.say(f"  under your mandate {leaf.hex()}")
        approval: Signed = owner.sign_approval(digest(body), leaf, approved=approved)
    write_approval(out, approval)
    output.say(f"{'approved' if approved else 'rejected'}; hand {out} to the thing")
    return {"approved": approved, "body_digest": digest(body).hex(), "approval": str(out)}


def _tell(output: Output, purchase: Purchase, seen: OfferSeen) -> None:
    output.say(f"{what(purchase, seen)} for {written(purchase.total_minor, purchase.currency)}")
    output.say(f"  from {seen.seller_owner}")


def what(purchase: Purchase, seen: OfferSeen) -> str:
    """What is to be bought and how much of it, by the seller's own words."""
    whole, part = divmod(purchase.quantity_steps, 10**seen.offer.unit_scale)
    digits = f".{part:0{seen.offer.unit_scale}}".rstrip("0") if part else ""
    word = unit_word(seen.offer.unit, one=whole == 1 and not part)
    return f"{whole}{digits} {word} of {seen.offer.title}"


def why(order: PendingSeen) -> str:
    """Why somebody is asked, in words made of the facts that the rule looked at."""
    facts = {fact.name: fact.value for fact in order.facts if isinstance(fact.value, int)}
    currency = order.purchase.currency
    match order.rule:
        case "COS-1" if "cosign.above" in facts:
            return f"costs more than {written(facts['cosign.above'], currency)}"
        case "GRD-1" if "guard.rate.observed" in facts:
            seen, most = facts["guard.rate.observed"], facts["guard.rate.allowed"]
            return f"is order {seen} in {span_words(facts['guard.rate.window'])}, more than {most}"
        case "GRD-2" if "guard.quantity.observed" in facts:
            return (
                f"is more than usual: {facts['guard.quantity.observed']}, not {facts['guard.quantity.usual']}"
            )
        case "GRD-3" if "guard.price.observed" in facts and "guard.price.usual" in facts:
            price, usual = (written(facts[f"guard.price.{name}"], currency) for name in ("observed", "usual"))
            return f"is dear: {price} net for one, usual is {usual}"
    return f"breaks a rule: {RULES.get(order.rule, order.rule)}"


def item_value(item: Item) -> dict[str, Any]:
    """A waiting order as one JSON object."""
    order, offer = item.order, item.offer.offer
    return {
        "pending": order.id.hex(),
        "state": order.state.value,
        "title": offer.title,
        "product_id": offer.product_id,
        "quantity_steps": order.purchase.quantity_steps,
        "currency": order.purchase.currency,
        "total_minor": order.purchase.total_minor,
        "thing": order.buyer,
        "owner": order.owner,
        "seller_owner": order.seller_owner,
        "rule": order.rule,
        "why": why(order),
        "facts": [_fact_value(fact) for fact in order.facts],
        "quorum": order.quorum,
        "words": words_value(order),
        "asked_ms": order.asked_ms,
        "usual_ms": order.usual_ms,
        "deadline_ms": order.deadline_ms,
        "quiet_until_ms": order.quiet_until_ms,
        "contract": order.contract.hex(),
        "code": order.missing.code if order.missing else 0,
        "reason": order.missing.reason if order.missing else "",
        "usable_until_ms": order.usable_until_ms,
    }


def words_value(order: PendingSeen) -> list[dict[str, Any]]:
    """Who said what and when, as JSON."""
    return [
        {"party": one.party, "approved": one.approved, "time_ms": one.time_ms, "reason": one.reason}
        for one in order.words
    ]


def _fact_value(fact: Fact) -> dict[str, int | str]:
    return {"name": fact.name, "value": fact.value}
