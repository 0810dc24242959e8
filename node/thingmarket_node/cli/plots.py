"""Plots for people who would rather look than read: drawn without a display."""

import datetime
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.limits import DAY_MS
from thingmarket.money import currency_of
from thingmarket.wire.insight import DecisionRow, SpendingRow

_DATES_MAX: Final = 8  # so many fit beside each other


def figure(rows: int) -> tuple[Any, Any]:
    """A figure with so many plots below each other, drawn without a display."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise click.ClickException(
            "plots need matplotlib: install thingmarket with its extra `report`"
        ) from None
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it muses about categories made of digits
    drawn = Figure(figsize=(9, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, 1)


def draw_report(
    path: Path, spent: Sequence[SpendingRow], decided: Sequence[DecisionRow], *, currency: str
) -> None:
    """Draw spending by day and thing, by category, and verdicts by day, into an SVG, PNG or PDF file."""
    drawn, (by_day, by_category, verdicts) = figure(3)
    _stacked_days(by_day, spent, currency)
    _category_bars(by_category, spent, currency)
    _verdict_days(verdicts, decided)
    drawn.savefig(path, dpi=144)


def _day(time_ms: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(time_ms / 1_000, datetime.UTC).date()


def _days(times_ms: Sequence[int]) -> list[int]:
    """Midnights from the first to the last day, so that a day without anything is seen to be empty."""
    days = [time_ms // DAY_MS * DAY_MS for time_ms in times_ms]
    return list(range(min(days), max(days) + 1, DAY_MS)) if days else []


def _stacked_days(axes: Any, spent: Sequence[SpendingRow], currency: str) -> None:
    unit = 10 ** currency_of(currency).scale
    days = _days([row.day_ms for row in spent])
    base = dict.fromkeys(days, 0)
    for thing in sorted({row.actor for row in spent}):
        sums = dict.fromkeys(days, 0)
        for row in spent:
            if row.actor == thing:
                sums[row.day_ms] += row.total_minor - row.returned_minor
        heights = [sums[day] / unit for day in days]
        axes.bar(
            [_day(day) for day in days],
            heights,
            bottom=[base[day] / unit for day in days],
            label=f"…{thing[-8:]}",
            width=0.8,
        )
        base = {day: base[day] + sums[day] for day in days}
    if any(row.income_minor for row in spent):
        earned = dict.fromkeys(days, 0)
        for row in spent:
            earned[row.day_ms] += row.income_minor - row.fee_minor
        heights = [-earned[day] / unit for day in days]
        axes.bar([_day(day) for day in days], heights, label="earned in books", color="tab:gray", width=0.8)
    axes.set_title("Spent by day and thing, less what came back; below, earned in books less fees")
    axes.set_ylabel(currency)
    _date_axis(axes, days)
    if spent:
        axes.legend(fontsize="small", frameon=False)


def _category_bars(axes: Any, spent: Sequence[SpendingRow], currency: str) -> None:
    unit = 10 ** currency_of(currency).scale
    sums: dict[str, int] = {}
    for row in spent:
        sums[row.category] = sums.get(row.category, 0) + row.total_minor - row.returned_minor
    names = sorted(sums, key=lambda name: sums[name])
    bars = axes.barh(names, [sums[name] / unit for name in names], color="tab:green")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_title("Spent by category (UNSPSC)")
    axes.set_xlabel(currency)
    axes.margins(x=0.12)


def _verdict_days(axes: Any, decided: Sequence[DecisionRow]) -> None:
    days = _days([row.time_ms for row in decided])
    base = [0] * len(days)
    for verdict, name, colour in (
        (1, "allowed", "tab:blue"),
        (3, "asked the owner", "tab:orange"),
        (2, "denied", "tab:red"),
    ):
        counts = [
            sum(row.verdict == verdict and row.time_ms // DAY_MS * DAY_MS == day for row in decided)
            for day in days
        ]
        axes.bar([_day(day) for day in days], counts, bottom=base, label=name, color=colour, width=0.8)
        base = [below + count for below, count in zip(base, counts, strict=True)]
    axes.set_title("What the owner's rules decided")
    axes.set_ylabel("decisions")
    axes.yaxis.get_major_locator().set_params(integer=True)
    _date_axis(axes, days)
    if days:
        axes.legend(fontsize="small", frameon=False)


def _date_axis(axes: Any, days: Sequence[int]) -> None:
    from matplotlib import dates

    if days:
        first, last = _day(days[0]), _day(days[-1])
        axes.set_xlim(first - datetime.timedelta(days=1), last + datetime.timedelta(days=1))
        every = -(-len(days) // _DATES_MAX)  # whole days: a bar stands for one, so hours would mean nothing
        axes.set_xticks([_day(day) for day in days[::every]])
        axes.xaxis.set_major_formatter(dates.DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]
        axes.margins(y=0.12)
