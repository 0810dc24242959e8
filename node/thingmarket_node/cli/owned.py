"""What an owner looks at and says about his things: their states, their guards."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.identity.things import ThingOrder
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.policy.guards import (
    NO_GUARDS,
    WHOLE_MILLI,
    GuardAction,
    GuardRules,
    PriceGuard,
    QuantityGuard,
    RateGuard,
)
from thingmarket.wire.thing_views import ThingSeen
from thingmarket_node.cli.naming import subject_of
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_owner

_UNITS_MS: Final = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_ACTIONS: Final = {action.name.lower(): action for action in GuardAction}
HISTORY_MIN: Final = 3  # orders, or trades, from which on a guard judges unless told otherwise


@click.command()
@home_argument
@node_option
@json_option
def things(home: Path, card: str | None, as_json: bool) -> None:
    """Show the owner's things: what state each is in and why, how sure its bond is, and its guards.

    \b
    Example:
      thingmarket owner things anna
    """

    async def read() -> tuple[ThingSeen, ...]:
        async with await open_owner(home, card) as opened:
            return await opened.things()

    seen = asyncio.run(read())
    output = Output(as_json=as_json)
    rows = [
        (
            one.thing,
            one.kind or one.model or "-",
            one.state.value,
            one.assurance.name.lower().replace("_", "-"),
            one.cause,
            _probation(one),
            guards_text(one.guards),
        )
        for one in seen
    ]
    columns = ("thing", "what", "state", "assurance", "by", "probation", "guards")
    output.table(f"things of {home}", columns, rows)
    output.end({"things": [thing_value(one) for one in seen]})


def _probation(seen: ThingSeen) -> str:
    asked = seen.probation.deliveries
    return f"{seen.deliveries} of {asked} deliveries" if asked else "-"


def thing_value(seen: ThingSeen) -> dict[str, Any]:
    """A thing as one JSON object."""
    return {
        "thing": seen.thing,
        "owner": seen.owner,
        "state": seen.state.value,
        "assurance": int(seen.assurance),
        "model": seen.model,
        "kind": seen.kind,
        "since_ms": seen.since_ms,
        "since_seq": seen.since_seq,
        "cause": seen.cause,
        "barred": seen.barred,
        "deliveries": seen.deliveries,
        "probation_deliveries": seen.probation.deliveries,
        "guards": guards_text(seen.guards),
        "malfunctions": seen.malfunctions,
        "component": seen.component,
        "severity": seen.severity.name if seen.severity else "",
    }


def _order(name: str, order: ThingOrder, told: str, help_text: str, example: str) -> click.Command:
    @home_argument
    @click.argument("thing")
    @click.option("--reason", default="", help="Why; it stands in the log, so no personal data.")
    @node_option
    @json_option
    def say(home: Path, thing: str, reason: str, card: str | None, as_json: bool) -> None:
        subject = subject_of(thing)

        async def send() -> ThingSeen:
            async with await open_owner(home, card) as opened:
                await opened.say(subject, order, reason)
                return await opened.thing(subject)

        seen = asyncio.run(send())
        output = Output(as_json=as_json)
        output.say(f"{told}; it is {seen.state.value}")
        output.end(thing_value(seen))

    text = f"{help_text} THING is its folder or did:key.\n\n\b\nExample:\n  thingmarket owner {example}"
    return click.command(name, help=text)(say)


ORDERS: Final = (
    _order(
        "suspend",
        ThingOrder.SUSPEND,
        "suspended",
        "Let a thing commit to nothing for a while; what it owes it still completes.",
        "suspend anna machine --reason holidays",
    ),
    _order(
        "resume",
        ThingOrder.RESUME,
        "resumed",
        "End a suspension; what the operator suspended he alone resumes.",
        "resume anna machine",
    ),
    _order(
        "quarantine",
        ThingOrder.QUARANTINE,
        "quarantined",
        "Hold a thing that you suspect: it commits to nothing until you release it.",
        "quarantine anna machine --reason 'odd orders'",
    ),
    _order(
        "release",
        ThingOrder.RELEASE,
        "released",
        "Release a thing from quarantine, whether you, a guard or a malfunction put it there.",
        "release anna machine",
    ),
    _order(
        "decommission",
        ThingOrder.DECOMMISSION,
        "decommissioned",
        "Be done with a thing for good: every mandate of it ends, and its offers.",
        "decommission anna machine",
    ),
)


@click.command()
@home_argument
@click.argument("thing")
@click.option("--rate", metavar="ORDERS/TIME", help="At most so many orders in that time: 5/1d, 3/2h, 2/30m.")
@click.option("--quantity", metavar="TIMES", help="At most so many times its usual quantity: 2 or 1.5.")
@click.option("--price", metavar="TIMES", help="At most so many times what the market pays: 1.3.")
@click.option(
    "--then",
    "actions",
    multiple=True,
    metavar="[GUARD=]ACTION",
    help="What a guard does: ask (the order waits for your word) or quarantine; of one guard as in rate=ask.",
)
@click.option(
    "--after",
    type=click.IntRange(1, 16),
    default=HISTORY_MIN,
    show_default=True,
    help="Orders of its own, and trades of others, that a comparison takes.",
)
@click.option("--none", "remove", is_flag=True, help="Take all guards away.")
@node_option
@json_option
def guards(home: Path, thing: str, card: str | None, as_json: bool, **wanted: Any) -> None:
    """Guard THING (its folder or did:key) against being wrong, or show its guards.

    A guard looks at what the mandate allows and is odd all the same. What is given takes the place of all
    guards before.

    \b
    Example:
      thingmarket owner guards anna machine --rate 5/1d --quantity 2 --price 1.3
      thingmarket owner guards anna machine --rate 5/1h --then quarantine
      thingmarket owner guards anna machine
    """
    subject, rules = subject_of(thing), guard_rules(**wanted)

    async def send() -> ThingSeen:
        async with await open_owner(home, card) as opened:
            if rules is not None:
                await opened.guard(subject, rules)
            return await opened.thing(subject)

    seen = asyncio.run(send())
    output = Output(as_json=as_json)
    output.say(f"guards of {subject}: {guards_text(seen.guards)}")
    output.end(thing_value(seen))


def guard_rules(
    *,
    rate: str | None,
    quantity: str | None,
    price: str | None,
    actions: tuple[str, ...],
    after: int,
    remove: bool,
) -> GuardRules | None:
    """Read the guards that options name; None when they name none (UsageError)."""
    if remove:
        return NO_GUARDS
    if rate is quantity is price is None:
        return None
    then = dict.fromkeys(("rate", "quantity", "price"), GuardAction.ASK)
    for text in actions:
        name, sign, action = text.rpartition("=")
        if action not in _ACTIONS or (sign and name not in then):
            raise click.UsageError(f"--then {text!r} is not like ask, quarantine or price=quarantine")
        then |= dict.fromkeys((name,) if sign else tuple(then), _ACTIONS[action])
    return GuardRules(
        rate=None if rate is None else _rate(rate, then["rate"]),
        quantity=None
        if quantity is None
        else QuantityGuard(times_usual_milli=_milli(quantity), history_min=after, action=then["quantity"]),
        price=None
        if price is None
        else PriceGuard(times_market_milli=_milli(price), trades_min=after, action=then["price"]),
    )


def _rate(text: str, action: GuardAction) -> RateGuard:
    orders, _, window = text.partition("/")
    length, unit = window[:-1], window[-1:]
    if not (_is_number(orders) and _is_number(length) and unit in _UNITS_MS):
        raise click.UsageError(f"--rate {text!r} is not like 5/1d, 3/2h or 2/30m")
    return RateGuard(orders_max=int(orders), window_ms=int(length) * _UNITS_MS[unit], action=action)


def _milli(text: str) -> int:
    whole, _, part = text.partition(".")
    if not _is_number(whole) or (part and not _is_number(part)) or len(part) > 3:
        raise click.UsageError(f"{text!r} is not like 2 or 1.25")
    return int(whole) * WHOLE_MILLI + int(part.ljust(3, "0"))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def guards_text(rules: GuardRules) -> str:
    """Guards in one line."""
    parts = []
    if rules.rate:
        parts.append(
            f"{rules.rate.orders_max} orders in {_time(rules.rate.window_ms)}, else {_word(rules.rate)}"
        )
    if rules.quantity:
        times = _times(rules.quantity.times_usual_milli)
        parts.append(f"{times} x its usual quantity, else {_word(rules.quantity)}")
    if rules.price:
        times = _times(rules.price.times_market_milli)
        parts.append(f"{times} x the market's price, else {_word(rules.price)}")
    return "; ".join(parts) or "none"


def _word(guard: RateGuard | QuantityGuard | PriceGuard) -> str:
    return guard.action.name.lower()


def _times(milli: int) -> str:
    return f"{milli // WHOLE_MILLI}.{milli % WHOLE_MILLI:03d}".rstrip("0").rstrip(".")


def _time(ms: int) -> str:
    for unit, length in reversed(_UNITS_MS.items()):
        if ms % length == 0:
            return f"{ms // length} {unit}"
    return f"{ms} ms"
