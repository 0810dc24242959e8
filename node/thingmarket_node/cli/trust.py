"""How an owner comes to trust a thing: preview, shadow, one step up or down, and what was measured."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.contract.feedback import Feedback, ServiceLevel
from thingmarket.contract.shadow import Proposal
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate, effective
from thingmarket.identity.mandates import Autonomy
from thingmarket.market.entries import Entry
from thingmarket.market.hindsight import past_acts
from thingmarket.policy.decision import Verdict
from thingmarket.policy.preview import Change, Preview, preview
from thingmarket.policy.rules import RULES
from thingmarket.proportions import WHOLE_MILLIONTHS
from thingmarket.wire.identity import read_mandate
from thingmarket.wire.log import read_entry
from thingmarket_client.keystore import load_owner_keys
from thingmarket_node.cli.amounts import fact_words, moment, share, written
from thingmarket_node.cli.naming import subject_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.papers import read_mandate_file
from thingmarket_node.cli.parties import home_argument, node_option, open_owner

_WORDS = {Verdict.ALLOW: "allowed", Verdict.DENY: "denied", Verdict.NEED_COSIGN: "asked you"}


@click.command("preview")
@home_argument
@click.argument("mandate", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--against",
    "log",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The log that the past stands in: a node's folder, or its journal.db. It is only read.",
)
@click.option("--all-things", is_flag=True, help="Look at all your things, not only at the mandate's.")
@json_option
def preview_command(home: Path, mandate: Path, log: Path, all_things: bool, as_json: bool) -> None:
    """Say which past decisions would have been others under MANDATE, a file of `owner mandate --out`.

    Every purchase that your rules decided is decided again, with the same facts and with budgets that start
    at nothing. Nothing is sent and nothing is changed.

    \b
    Example:
      thingmarket owner mandate anna did:key:z6Mk... --autonomy adaptable --spend order=15.00 --out new.json
      thingmarket owner preview anna new.json --against market
    """
    keys = load_owner_keys(home)
    links = read_mandate_file(mandate)
    proposed = effective([read_mandate(link.payload) for link in links], network_id=keys.network_id)
    if proposed.root_owner != keys.id:
        raise Refusal(Code.NOT_PERMITTED, f"{mandate.name} is another owner's mandate", "PRE-1")
    thing = None if all_things else proposed.subject
    found = preview(proposed, past_acts(_entries(log), keys.id, thing))
    _show(Output(as_json=as_json), found, proposed)


def _entries(log: Path) -> Iterator[Entry]:
    from thingmarket_node.journal_sqlite import SqliteLog

    path = log / "journal.db" if log.is_dir() else log
    if not path.exists():
        raise Refusal(Code.UNKNOWN_ENTRY, f"{log} is no node's folder and no journal", "PRE-2")
    with closing(SqliteLog.open(path)) as journal:
        for group in journal.read(1, journal.head().number):
            yield from map(read_entry, group.entries)


def _show(output: Output, found: Preview, proposed: EffectiveMandate) -> None:
    output.table(
        f"what would change for {proposed.subject}",
        ("entry", "time (UTC)", "product", "total", "was", "would be", "because"),
        [_row(change) for change in found.changes],
    )
    output.say(f"{len(found.changes)} of {found.looked_at} past decisions would change.")
    output.end({"looked_at": found.looked_at, "changes": [_value(change) for change in found.changes]})


def _row(change: Change) -> tuple[object, ...]:
    act, rule = change.past.act, change.now.rules[0]
    return (
        change.past.seq,
        moment(act.time_ms),
        act.product_id,
        written(act.payable_minor, act.currency),
        _WORDS[change.past.verdict],
        _WORDS[change.now.verdict],
        f"{rule}: {RULES[rule]}" if not change.now.allows else "all rules hold",
    )


def _value(change: Change) -> dict[str, Any]:
    act = change.past.act
    return {
        "entry": change.past.seq,
        "time_ms": act.time_ms,
        "product_id": act.product_id,
        "currency": act.currency,
        "payable_minor": act.payable_minor,
        "was": change.past.verdict.name,
        "now": change.now.verdict.name,
        "rules": list(change.now.rules),
        "facts": {fact.name: fact.value for fact in change.now.facts},
        "words": [fact_words(fact.name, fact.value, act.currency) for fact in change.now.facts],
    }


@click.command()
@home_argument
@click.argument("thing")
@node_option
@json_option
def shadow(home: Path, thing: str, card: str | None, as_json: bool) -> None:
    """Compare what THING would have bought with what you bought yourself.

    \b
    Example:
      thingmarket owner shadow anna printer
    """
    name = subject_of(thing)

    async def read() -> Any:
        async with await open_owner(home, card) as opened:
            return await opened.trust.shadow(name)

    agreement, proposals = asyncio.run(read())
    output = Output(as_json=as_json)
    columns = ("time (UTC)", "need", "it would have paid", "and you")
    output.table(f"{name} in the shadow", columns, map(_proposed, proposals))
    rate = agreement.agreed * 1_000_000 // agreement.decided if agreement.decided else 0
    percent = share(rate, WHOLE_MILLIONTHS)
    output.say(f"it chose as you did {agreement.agreed} of {agreement.decided} times ({percent}),")
    output.say(f"and the same product from another offer {agreement.same_product} times")
    output.end(
        {
            "thing": name,
            "decided": agreement.decided,
            "agreed": agreement.agreed,
            "same_product": agreement.same_product,
            "differed": agreement.differed,
            "not_bought": agreement.not_bought,
            "agreement_millionths": rate,
        }
    )


def _proposed(one: Proposal) -> tuple[str, str, str, str]:
    became = one.state.value.lower().replace("_", " ")
    return moment(one.time_ms), one.need.hex(), written(one.total_minor, one.currency), became


@click.command()
@home_argument
@click.argument("thing")
@click.option(
    "--to",
    "level",
    type=click.Choice([one.name.lower() for one in Autonomy if one is not Autonomy.AUTONOMOUS]),
    required=True,
    help="The highest level from now on.",
)
@node_option
@json_option
def lower(home: Path, thing: str, level: str, card: str | None, as_json: bool) -> None:
    """Lower what THING may do by itself, at once, for every mandate it has from you.

    What it bought stands. To raise it again, sign a new mandate with `thingmarket owner mandate`.

    \b
    Example:
      thingmarket owner lower anna printer --to announcer
    """
    name = subject_of(thing)

    async def send() -> None:
        async with await open_owner(home, card) as opened:
            await opened.trust.lower(name, Autonomy[level.upper()])

    asyncio.run(send())
    output = Output(as_json=as_json)
    output.say(f"{name} is {level.upper()} from now on; what it bought stands")
    output.end({"thing": name, "autonomy": level.upper()})


@click.command()
@home_argument
@click.option("--received", is_flag=True, help="What buyers gave about you, not what your things gave.")
@node_option
@json_option
def satisfaction(home: Path, received: bool, card: str | None, as_json: bool) -> None:
    """List what was promised and what was measured, contract by contract, and the share of kept promises.

    \b
    Example:
      thingmarket owner satisfaction anna
      thingmarket owner satisfaction bob --received
    """

    async def read() -> Any:
        async with await open_owner(home, card) as opened:
            return await opened.trust.feedback(received=received)

    rows = asyncio.run(read())
    mean = sum(row.satisfaction_millionths for row in rows) // len(rows) if rows else 0
    output = Output(as_json=as_json)
    output.table(
        f"feedback {'about' if received else 'of'} {home}",
        ("time (UTC)", "contract", "product", "kept", "broken promises"),
        [_feedback_row(row) for row in rows],
    )
    if rows:
        output.say(f"{share(mean, WHOLE_MILLIONTHS)} of the promises were kept; contracts: {len(rows)}")
    else:
        output.say("nobody has given feedback yet")
    output.end({"feedback": [_feedback_value(row) for row in rows], "satisfaction_millionths": mean})


def _feedback_row(row: Feedback) -> tuple[str, ...]:
    broken = [_broken_promise(level) for level in row.levels if not level.met]
    kept = share(row.satisfaction_millionths, WHOLE_MILLIONTHS)
    return moment(row.time_ms), row.contract.hex(), row.product_id, kept, ", ".join(broken) or "none"


def _broken_promise(level: ServiceLevel) -> str:
    measured = ScaledInteger(level.measured_steps, level.scale, level.unit)
    promised = ScaledInteger(level.promised_steps, level.scale, level.unit)
    return f"{level.name} {measured} instead of {promised}"


def _feedback_value(row: Feedback) -> dict[str, Any]:
    return {
        "contract": row.contract.hex(),
        "time_ms": row.time_ms,
        "product_id": row.product_id,
        "satisfaction_millionths": row.satisfaction_millionths,
        "levels": [
            {
                "name": level.name,
                "promised_steps": level.promised_steps,
                "measured_steps": level.measured_steps,
                "met": level.met,
            }
            for level in row.levels
        ],
    }
