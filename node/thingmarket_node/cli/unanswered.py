"""`thingmarket thing outbox`: what a device has not been answered, and how to send it again."""

import asyncio
from pathlib import Path
from typing import Any

import click

from thingmarket.identity.envelope import TypeId
from thingmarket.ids import key_time_ms
from thingmarket.wire.trade import read_purchase
from thingmarket_client.outbox import LetterState, Posted
from thingmarket_client.post import Flushed
from thingmarket_node.cli.amounts import moment, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_thing

_STATES = {LetterState.WAITING: "waits", LetterState.UNKNOWN: "nobody knows"}


@click.command()
@home_argument
@click.option("--send", is_flag=True, help="Send what waits; it happens once, however often it was sent.")
@node_option
@json_option
def outbox(home: Path, send: bool, card: str | None, as_json: bool) -> None:
    """List what was sent or could not be sent, and is not answered.

    What waits is sent by the device itself when it runs again, by `--send`, or singly by `thing again`.
    After 24 hours the node takes it no more: look by `owner contracts` what became of it.

    \b
    Example:
      thingmarket thing outbox printer
      thingmarket thing outbox printer --send
    """

    async def look() -> tuple[Flushed | None, list[Posted]]:
        async with await open_thing(home, card) as opened:
            flushed = await opened.flush() if send else None
            return flushed, await asyncio.to_thread(opened.post.outbox.unsettled)

    flushed, unsettled = asyncio.run(look())
    output = Output(as_json=as_json)
    sent = [] if flushed is None else [letter.key.hex() for letter, _ in flushed.answered]
    if flushed is not None:
        output.say(f"{len(sent)} commands were answered")
    letters = [_value(posted) for posted in unsettled]
    if letters:
        rows = [(one["what"], one["since"], one["state"], one["detail"], one["key"]) for one in letters]
        output.table("outbox", ("what", "since", "state", "detail", "key"), rows)
    else:
        output.say("everything was answered")
    output.end({"unanswered": letters, "answered_now": sent})


def _value(posted: Posted) -> dict[str, Any]:
    letter = posted.letter
    detail = ""
    if letter.type_id == TypeId.PURCHASE:
        purchase = read_purchase(letter.body)
        detail = f"{purchase.quantity_steps} steps for {written(purchase.total_minor, purchase.currency)}"
    return {
        "key": letter.key.hex(),
        "what": letter.type_id.name.lower().replace("_", " "),
        "since": f"{moment(key_time_ms(letter.key))} UTC",
        "state": _STATES[posted.state],
        "detail": detail,
    }
