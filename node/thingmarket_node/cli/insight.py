"""`thingmarket owner orders|decisions|report`: what an owner and his things did, and what it cost."""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from thingmarket.limits import DAY_MS, INSIGHT_ROWS_MAX
from thingmarket.policy.decision import Verdict
from thingmarket.wire.insight import DecisionRow, Filter, OrderRow, SpendingRow, TradeRow
from thingmarket_client.insight import Insight
from thingmarket_node.cli.amounts import moment, written
from thingmarket_node.cli.naming import subject_if_named
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner
from thingmarket_node.cli.traded import tell_trades, trade_value

T = TypeVar("T")
_VERDICTS: Final = {0: "not asked", **{int(one): one.name.lower().replace("_", " ") for one in Verdict}}
_DECISION_PAGES_MAX: Final = 25  # of 200: a plot of more is one colour

since_option: Final = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="First UTC day; 30 days ago unless given."
)
until_option: Final = click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="Last UTC day; today unless given."
)
thing_option: Final = click.option(
    "--thing",
    default="",
    callback=subject_if_named,
    help="Only what this thing did: its folder, or did:key:z....",
)


def _ms(moment: datetime.datetime) -> int:
    return int(moment.replace(tzinfo=datetime.UTC).timestamp()) * 1_000


def wanted(
    since: datetime.datetime | None, until: datetime.datetime | None, thing: str, **more: Any
) -> Filter:
    """The rows of whole UTC days, the last one included."""
    today = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    midnight = datetime.datetime.combine((until or today).date(), datetime.time())
    first = since or midnight - datetime.timedelta(days=29)
    return Filter(actor=thing, since_ms=_ms(first), until_ms=_ms(midnight) + DAY_MS, **more)


def asked(home: Path, card: str | None, ask: Callable[[Insight], Awaitable[T]]) -> T:
    """Ask as the owner of a folder."""

    async def read() -> T:
        async with await open_owner(home, card) as opened:
            return await ask(opened.insight)

    return asyncio.run(read())


def value_of(row: Any) -> dict[str, Any]:
    """A row for programs; bytes in hexadecimal digits."""
    return {name: one.hex() if isinstance(one, bytes) else one for name, one in asdict(row).items()}


@click.command()
@home_argument
@since_option
@until_option
@thing_option
@click.option("--limit", type=click.IntRange(1, INSIGHT_ROWS_MAX), default=50, show_default=True)
@node_option
@json_option
def orders(
    home: Path,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    thing: str,
    limit: int,
    card: str | None,
    as_json: bool,
) -> None:
    """List what the owner's things ordered, refused orders too, and what they traded, newest first.

    What was ordered at a posted price comes first, then what orders in the books of markets traded, whose
    other side is not told. What rests in a book: `owner order list --of THING`.

    \b
    Example:
      thingmarket owner orders anna --since 2026-11-01
    """

    async def read(insight: Insight) -> tuple[tuple[OrderRow, ...], tuple[TradeRow, ...]]:
        period = wanted(since, until, thing, limit=limit)
        return await insight.orders(period), await insight.trades(period)

    rows, traded = asked(home, card, read)
    output = Output(as_json=as_json)
    output.table(
        f"orders of {home}",
        ("entry", "time (UTC)", "thing", "product", "total", "came to"),
        [
            (
                row.seq,
                moment(row.time_ms),
                row.actor,
                row.product_id or "unknown offer",
                written(row.total_minor, row.currency),
                _came_to(row),
            )
            for row in rows
        ],
    )
    tell_trades(output, f"trades in books of {home}", traded, most=limit)
    output.end({"orders": [value_of(row) for row in rows], "trades": [trade_value(row) for row in traded]})


def _came_to(row: OrderRow) -> str:
    return f"refused: {row.rule or row.code}" if row.code else row.reference.hex()


@click.command()
@home_argument
@since_option
@until_option
@thing_option
@click.option("--limit", type=click.IntRange(1, INSIGHT_ROWS_MAX), default=50, show_default=True)
@node_option
@json_option
def decisions(
    home: Path,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    thing: str,
    limit: int,
    card: str | None,
    as_json: bool,
) -> None:
    """List what the owner's rules decided, newest first; `thingmarket explain --entry` tells all of one.

    Of orders in the books of markets those that were refused.

    \b
    Example:
      thingmarket owner decisions anna --limit 20
    """
    rows = asked(home, card, lambda insight: insight.decisions(wanted(since, until, thing, limit=limit)))
    output = Output(as_json=as_json)
    output.table(
        f"decisions of {home}",
        ("entry", "time (UTC)", "who", "act", "verdict", "rules"),
        [
            (
                row.seq,
                moment(row.time_ms),
                row.actor,
                row.act.lower().replace("_", " "),
                _VERDICTS[row.verdict],
                row.rules if row.verdict != Verdict.ALLOW else "all hold",
            )
            for row in rows
        ],
    )
    output.end({"decisions": [value_of(row) for row in rows]})


@click.command()
@home_argument
@since_option
@until_option
@thing_option
@click.option("--currency", default="EUR", show_default=True, help="Currency of the plots.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw spending and decisions into this file: .svg, .png or .pdf.",
)
@node_option
@json_option
def report(
    home: Path,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    thing: str,
    currency: str,
    plot: Path | None,
    card: str | None,
    as_json: bool,
) -> None:
    """Tell what was spent and earned, by thing and category, and what the owner's rules decided.

    Spent is what contracts and trades in books cost. Earned, and the fees out of it, are of trades in books
    that are settled at once: what contracts brought stands in `owner invoices`. --plot draws it all.

    \b
    Example:
      thingmarket owner report anna --since 2026-11-01 --plot november.svg
    """
    if plot is not None and plot.suffix not in (".svg", ".png", ".pdf"):
        raise click.BadParameter("give a file that ends in .svg, .png or .pdf", param_hint="--plot")

    async def read(insight: Insight) -> tuple[tuple[SpendingRow, ...], list[DecisionRow]]:
        period = wanted(since, until, thing)
        return await insight.spending(period), await _decisions(insight, period)

    spent, decided = asked(home, card, read)
    output = Output(as_json=as_json)
    if plot is not None:  # first, for who reads on with `| head` wants it too
        from thingmarket_node.cli.plots import draw_report

        draw_report(plot, [row for row in spent if row.currency == currency], decided, currency=currency)
    _tables(output, home, spent, decided)
    if plot is not None:
        output.say(f"drawn: {plot}")
    output.end(
        {
            "spending": [value_of(row) for row in spent],
            "decisions": verdicts(decided),
            "plot": str(plot) if plot else "",
        }
    )


async def _decisions(insight: Insight, period: Filter) -> list[DecisionRow]:
    found: list[DecisionRow] = []
    before = 0
    for _ in range(_DECISION_PAGES_MAX):
        asked_for = Filter(
            actor=period.actor,
            since_ms=period.since_ms,
            until_ms=period.until_ms,
            before_seq=before,
            limit=INSIGHT_ROWS_MAX,
        )
        page = await insight.decisions(asked_for)
        found += page
        if len(page) < INSIGHT_ROWS_MAX:
            break
        before = page[-1].seq
    return found


def verdicts(decided: list[DecisionRow]) -> dict[str, int]:
    """How often each verdict fell; where a rule said no or asked, by that rule."""
    tally: dict[str, int] = {}
    for row in decided:
        name = _VERDICTS[row.verdict]
        if row.verdict in (Verdict.DENY, Verdict.NEED_COSIGN):
            name += f" {row.rules.split(' ')[0]}"
        tally[name] = tally.get(name, 0) + 1
    return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))


def _tables(output: Output, home: Path, spent: tuple[SpendingRow, ...], decided: list[DecisionRow]) -> None:
    sums: dict[tuple[str, str, str], list[int]] = {}
    for row in spent:
        line = sums.setdefault((row.actor, row.category, row.currency), [0] * 6)
        counts, money = (row.orders, row.trades), (row.total_minor, row.returned_minor)
        for place, more in enumerate((*counts, *money, row.income_minor, row.fee_minor)):
            line[place] += more
    output.table(
        f"spending of {home}",
        ("thing", "category", "orders", "trades", "spent", "came back", "earned", "fees"),
        [
            (actor, category, *line[:2], *(written(minor, code) for minor in line[2:]))
            for (actor, category, code), line in sums.items()
        ],
    )
    output.table(f"decisions for {home}", ("verdict", "times"), verdicts(decided).items())
