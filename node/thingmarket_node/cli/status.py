"""`thingmarket node status`: what a running node says of itself, once or again every second."""

import asyncio
import datetime
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.wire.status import NodeStatus, read_status, status_request
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.output import Output, json_option

_MEGABYTE: Final = 1_000_000
_RATED: Final = {"entries_per_s": "log entries", "contracts_per_s": "contracts", "cpu_percent": "computing"}


@click.command()
@click.argument("home", type=click.Path(path_type=Path), required=False)
@click.option("--card", help="The node's card, as text or file; instead of HOME.")
@click.option("--watch", is_flag=True, help="Ask again every second and show what changes, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True, help="Seconds.")
@json_option
def status(home: Path | None, card: str | None, watch: bool, every: float, as_json: bool) -> None:
    """Ask a running node what it is doing: the one of the folder HOME, or of a card.

    \b
    Example:
      thingmarket node status market
      thingmarket node status market --watch
      thingmarket node status --card market/node.card
    """
    given = card if card is not None else home
    if given is None or (card is not None and home is not None):
        raise click.UsageError("give either HOME or --card")
    found = card_of(str(given))
    output = Output(as_json=as_json)
    if watch:
        asyncio.run(_follow(found, output, every))
        return
    seen = asyncio.run(_once(found))
    output.table(f"node at {found.address}", ("what", "value"), [*_names(seen), *_figures(seen)])
    output.end({**_facts(seen), "address": found.address})


async def _once(card: NodeCard) -> NodeStatus:
    async with _asking(card) as ask:
        seen: NodeStatus = await ask()
        return seen


@asynccontextmanager
async def _asking(card: NodeCard) -> AsyncIterator[Any]:
    """One connection to ask by (Unanswered, TAMPERED when another node answers)."""
    from thingmarket_client.errors import Unanswered
    from thingmarket_client.session.line import Line
    from thingmarket_client.session.trouble import Trouble

    line = Line(card)

    async def ask() -> NodeStatus:
        try:
            seen = read_status(await line.call(line.audit.GetStatus, status_request()))
        except Trouble as trouble:
            raise Unanswered(f"no answer from {card.address}: {trouble}") from None
        if seen.node != card.node_id:
            raise Refusal(Code.TAMPERED, "another node answers than the card names", "ID-4")
        return seen

    try:
        yield ask
    finally:
        await line.close()


def _facts(seen: NodeStatus) -> dict[str, Any]:
    return {
        "node": seen.node,
        "network": seen.network_id.hex(),
        "entries": seen.durable_seq,
        "time_ms": seen.time_ms,
        "rules": seen.rules,
        "state_root": seen.state_root.hex(),
        "effects_root": seen.effects_root.hex(),
        "sessions": seen.sessions,
        "waiting": seen.waiting,
        "parties": seen.parties,
        "offers_live": seen.offers,
        "contracts_open": seen.contracts_open,
        "contracts": seen.contracts,
        "started_ms": seen.started_ms,
        "version": seen.version,
        "resident_bytes": seen.resident_bytes,
        "cpu_ms": seen.cpu_ms,
    }


@dataclass(frozen=True, slots=True)
class Sample:
    """What a node said, and when it was asked by a clock that never jumps, seconds."""

    at_s: float
    seen: NodeStatus


def rates(before: Sample, after: Sample) -> dict[str, float]:
    """Entries and contracts a second, and the share of one core in percent, between two samples."""
    passed_s = max(after.at_s - before.at_s, 1e-6)
    old, new = before.seen, after.seen
    return {
        "entries_per_s": (new.durable_seq - old.durable_seq) / passed_s,
        "contracts_per_s": (new.contracts - old.contracts) / passed_s,
        "cpu_percent": (new.cpu_ms - old.cpu_ms) / passed_s / 10,
    }


async def _follow(card: NodeCard, output: Output, every_s: float) -> None:
    from rich.live import Live

    async with _asking(card) as ask:
        last = Sample(time.monotonic(), await ask())
        if output.as_json:
            while True:
                last = await _next(ask, last, every_s, output)
        with Live(_table(card, last, {}), auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every_s)
                sample = Sample(time.monotonic(), await ask())
                live.update(_table(card, sample, rates(last, sample)), refresh=True)
                if not live.console.is_terminal:  # a file or a pipe gets one table after the other
                    live.console.print(live.renderable)
                last = sample


async def _next(ask: Any, last: Sample, every_s: float, output: Output) -> Sample:
    await asyncio.sleep(every_s)
    sample = Sample(time.monotonic(), await ask())
    output.event("status", "", **_facts(sample.seen), **rates(last, sample))
    return sample


def _table(card: NodeCard, sample: Sample, now: dict[str, float]) -> Any:
    from rich.table import Table

    seen = sample.seen
    table = Table(title=f"node at {card.address}, version {seen.version}", title_justify="left")
    for column, justify in (("", "left"), ("now", "right"), ("a second", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    rate = {_RATED[name]: f"{value:,.1f}" for name, value in now.items()}
    for what, value in _figures(seen):
        unit = " %" if what == "computing" and now else ""
        table.add_row(what, value, rate.get(what, "") + unit)
    return table


def _names(seen: NodeStatus) -> list[tuple[str, str]]:
    """Who it is, and how far it is."""
    entry_time = datetime.datetime.fromtimestamp(seen.time_ms / 1_000, datetime.UTC)
    return [
        ("node", seen.node),
        ("network", seen.network_id.hex()),
        ("version", seen.version),
        ("rules", str(seen.rules)),
        ("entry time", entry_time.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("state root", seen.state_root.hex()),
        ("effects root", seen.effects_root.hex()),
    ]


def _figures(seen: NodeStatus) -> list[tuple[str, str]]:
    running_s = max(0, time.time_ns() // 1_000_000 - seen.started_ms) // 1_000
    return [
        ("log entries", f"{seen.durable_seq:,}"),
        ("contracts", f"{seen.contracts:,}"),
        ("  of them open", f"{seen.contracts_open:,}"),
        ("offers live", f"{seen.offers:,}"),
        ("parties", f"{seen.parties:,}"),
        ("sessions", f"{seen.sessions:,}"),
        ("commands waiting", f"{seen.waiting:,}"),
        ("memory", f"{seen.resident_bytes / _MEGABYTE:,.1f} MB"),
        ("computing", f"{seen.cpu_ms / 1_000:,.1f} s"),
        ("running", f"{running_s:,} s"),
    ]
