"""`thingmarket owner persona`: how an owner wants to be treated by one of his things."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.catalog.units import span_words
from thingmarket.contract.personas import NO_PERSONA, Persona
from thingmarket.identity.parties import checked_party_id
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.time import MINUTES_A_DAY
from thingmarket.wire.inbox import PersonaSeen
from thingmarket_node.cli.naming import subject_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(
    r"(?P<days>[a-z,-]+) (?P<from>[0-2][0-9]:[0-5][0-9])-(?P<to>[0-2][0-9]:[0-5][0-9])", re.ASCII
)
_SPAN: Final = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[mhd])", re.ASCII)
_UNITS: Final = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


@click.command()
@home_argument
@click.argument("thing")
@click.option(
    "--quiet",
    "windows",
    multiple=True,
    metavar="DAYS FROM-TO",
    help="UTC times in which nobody has to answer, as in 'mon-fri 22:00-07:00'; may be repeated.",
)
@click.option("--approver", "approvers", multiple=True, metavar="OWNER", help="Ask this owner first.")
@click.option("--latency", metavar="SPAN", help="How long an answer usually takes: 20m, 2h, 1d.")
@click.option("--cancel-window", metavar="SPAN", help="How long to be able to cancel for nothing.")
@click.option("--channel", help="How the approvers are reached: sealed, the log holds only a commitment.")
@click.option("--clear", is_flag=True, help="Take all wishes for this thing back.")
@node_option
@json_option
def persona(home: Path, thing: str, as_json: bool, **wishes: Any) -> None:
    """Say how you want to be treated by THING, its folder or did:key; or see what you said.

    Quiet time does not count while an order waits for your word. Wishes permit nothing: who may approve
    stands in the mandate. What is given replaces all that was said before.

    \b
    Example:
      thingmarket owner persona anna printer --quiet "mon-fri 22:00-07:00" --quiet "sat,sun 00:00-09:00" \\
          --latency 2h
      thingmarket owner persona anna printer
    """
    name = subject_of(thing)
    said = [wishes[field] for field in ("windows", "approvers", "latency", "cancel_window", "channel")]
    wished = _persona(wishes)
    channel = (wishes["channel"] or "").encode()

    async def tell() -> dict[str, Any]:
        async with await open_owner(home, wishes["card"]) as owner:
            if wishes["clear"]:
                await owner.set_persona(name, NO_PERSONA)
            elif any(said):
                await owner.set_persona(name, wished, channel)
            return _value(name, await owner.waiting.persona(name))

    value = asyncio.run(tell())
    output = Output(as_json=as_json)
    _say(output, value)
    output.end(value)


def _value(name: str, seen: PersonaSeen) -> dict[str, Any]:
    return {
        "thing": name,
        "approvers": list(seen.approvers),
        "quiet": [spoken(window) for window in seen.quiet],
        "approval_latency_ms": seen.approval_latency_ms,
        "cancel_window_ms": seen.cancel_window_ms,
        "quiet_until_ms": seen.quiet_until_ms,
    }


def _say(output: Output, value: dict[str, Any]) -> None:
    output.say(value["thing"])
    output.say(f"  quiet (UTC): {'; '.join(value['quiet']) or 'never'}")
    output.say(f"  asked first: {', '.join(value['approvers']) or 'everybody who may approve'}")
    for field, words in (
        ("approval_latency_ms", "an answer takes"),
        ("cancel_window_ms", "may be cancelled for"),
    ):
        if value[field]:
            output.say(f"  {words}: {span_words(value[field])}")


def _persona(wishes: dict[str, Any]) -> Persona:
    try:
        quiet = sorted({window for text in wishes["windows"] for window in quiet_windows(text)})
        return Persona(
            approvers=tuple(sorted(map(checked_party_id, set(wishes["approvers"])))),
            quiet=tuple(quiet),
            approval_latency_ms=_span_ms(wishes["latency"]),
            cancel_window_ms=_span_ms(wishes["cancel_window"]),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def quiet_windows(text: str) -> tuple[WeeklyWindow, ...]:
    """Read `mon-fri 22:00-07:00`: what goes past midnight ends on the next day (ValueError)."""
    found = _WINDOW.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"--quiet {text!r} is not like 'mon-fri 22:00-07:00' or 'sat,sun 00:00-24:00'")
    mask, start, end = _days(found["days"]), _minute(found["from"]), _minute(found["to"])
    if start in {MINUTES_A_DAY, end}:
        raise ValueError(f"--quiet {text!r} has no minute in it")
    if start < end:
        return (WeeklyWindow(days_mask=mask, start_minute=start, end_minute=end),)
    evening = WeeklyWindow(days_mask=mask, start_minute=start, end_minute=MINUTES_A_DAY)
    if end == 0:
        return (evening,)
    following = (mask << 1 | mask >> 6) & 0b111_1111
    return evening, WeeklyWindow(days_mask=following, start_minute=0, end_minute=end)


def _days(text: str) -> int:
    mask = 0
    for part in text.split(","):
        first, dash, last = ("mon", "-", "sun") if part == "daily" else part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"--quiet: {part!r} is no day; write {', '.join(DAYS)}, mon-fri or daily")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        for day in range(begin, end + 1 if end >= begin else end + 8):
            mask |= 1 << day % 7
    return mask


def _minute(text: str) -> int:
    minute = int(text[:2]) * 60 + int(text[3:])
    if minute > MINUTES_A_DAY:
        raise ValueError(f"--quiet: {text} is no time of the day")
    return minute


def _span_ms(text: str | None) -> int:
    if text is None:
        return 0
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no span of time; write 20m, 2h or 1d")
    return int(found["count"]) * _UNITS[found["unit"]]


def spoken(window: WeeklyWindow) -> str:
    """Write a window for people: `mon,tue 22:00-24:00`."""
    days = ",".join(day for number, day in enumerate(DAYS) if window.days_mask >> number & 1)
    start, end = (
        f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start_minute, window.end_minute)
    )
    return f"{'daily' if days.count(',') == 6 else days} {start}-{end}"
