"""Why one command was decided as it was, refused ones too: the rules, the facts, and guards in words."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from thingmarket.audit.merkle import leaf_hash
from thingmarket.errors import Code, Refusal
from thingmarket.market.entries import Command, EntryKind
from thingmarket.matching.records import COMMAND
from thingmarket.policy.decision import Decision
from thingmarket.policy.rules import RULES
from thingmarket.trading.commands import PlaceOrders
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.insight import TradeRow
from thingmarket.wire.reads import Explanation
from thingmarket.wire.signing import entry_bytes
from thingmarket_client.live_book import Market
from thingmarket_client.trader import Trader
from thingmarket_node.cli.amounts import fact_words
from thingmarket_node.cli.output import Output
from thingmarket_node.cli.placed import limit_rows, orders_value, tell_orders
from thingmarket_node.cli.traded import tell_trades, trade_value, trades_of_frame
from thingmarket_node.refused_orders import name_of

_MINUTE_MS = 60_000
_MARKETS_MAX: Final = 20  # prices of orders in more markets are shown in ticks


def proven_command(found: Explanation) -> Command:
    """The command that an explanation is of, whose place in the log the receipt proves (TAMPERED)."""
    receipt = found.receipt
    if found.command is None or receipt is None:
        raise Refusal(Code.TAMPERED, "the node gave no proof that the command is in its log", "LOG-9")
    entry = entry_bytes(
        seq=receipt.seq, time_ms=receipt.time_ms, kind=EntryKind.COMMAND, body=signed_bytes(found.command)
    )
    if leaf_hash(entry) != receipt.leaf_hash:
        raise Refusal(Code.TAMPERED, "the proof is of another entry than the command shown", "LOG-9")
    return read_command(found.command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What the orders of a frame traded up to now, and the markets that they name."""

    trades: tuple[TradeRow, ...]
    markets: Mapping[int, Market]


NOTHING_TRADED: Final = Traded(trades=(), markets=MappingProxyType({}))


def decided(found: Explanation, placed: Traded = NOTHING_TRADED) -> dict[str, Any]:
    """What became of one command, and what its orders traded, as one JSON object (TAMPERED)."""
    if found.outcome is None:
        raise Refusal(Code.UNKNOWN_ENTRY, "no such command of this party", "QRY-5")
    command, outcome, decision = proven_command(found), found.outcome, found.outcome.decision
    return {
        "seq": outcome.seq,
        "command": command.type_id.name,
        "sender": command.header.sender,
        "code": outcome.code,
        "name": name_of(outcome.code),
        "reason": outcome.reason,
        "verdict": decision.verdict.name if decision else "",
        "rules": list(decision.rules) if decision else [],
        "rule_texts": {rule: RULES.get(rule, "") for rule in (decision.rules if decision else ())},
        "facts": [{"name": fact.name, "value": fact.value} for fact in (decision.facts if decision else ())],
        "orders": _orders(command.body, decision),
        "trades": [trade_value(row) for row in placed.trades],
    }


async def traded(party: Trader, found: Explanation) -> Traded:
    """What the orders that a command placed traded since, by whose frames ever (TAMPERED)."""
    if found.command is None or found.receipt is None:
        return NOTHING_TRADED
    body = proven_command(found).body
    if not isinstance(body, PlaceOrders):
        return NOTHING_TRADED
    trades = await trades_of_frame(party.insight, body.orders, since_ms=found.receipt.time_ms)
    markets: dict[int, Market] = {}
    for number in sorted({record[4] for record in COMMAND.iter_unpack(body.orders)})[:_MARKETS_MAX]:
        with suppress(Refusal):  # a frame may name a market that there never was
            markets[number] = await party.market(number)
    return Traded(trades=trades, markets=markets)


def _orders(body: object, decision: Decision | None) -> list[dict[str, Any]]:
    if not isinstance(body, PlaceOrders):
        return []
    return orders_value(body.orders, decision.facts if decision else ())


def tell_decided(output: Output, value: dict[str, Any], placed: Traded) -> None:
    """Say to people what became of one command."""
    if output.as_json:
        return
    output.say(f"entry {value['seq']}: {value['command']} of {value['sender']}")
    if value["orders"]:
        tell_orders(output, value["orders"], placed.markets)
        tell_trades(output, "what they traded up to now", placed.trades)
    else:
        output.say(f"  {value['name']}" + (f": {value['reason']}" if value["reason"] else ""))
    texts = [(rule, text) for rule, text in value["rule_texts"].items() if text or not value["orders"]]
    if texts:
        title = "what had to hold" if value["verdict"] == "ALLOW" else "what did not hold"
        output.table(title, ("rule", ""), texts)
    facts = [one for one in value["facts"] if not (value["orders"] and one["name"].startswith("order."))]
    limits = limit_rows(facts, placed.markets) if value["orders"] else []
    facts = facts[: len(facts) - len(limits)]  # what was left stands last
    if facts:
        currency = next((str(one["value"]) for one in facts if one["name"] == "currency"), "")
        rows = [(one["name"], fact_words(one["name"], one["value"], currency)) for one in facts]
        output.table("what was looked at", ("fact", "value"), rows)
    if limits:
        output.table("what the mandate let it do, by market and side, and by currency", ("left", ""), limits)
    for sentence in in_words(value["facts"]):
        output.say(f"  {sentence}")


def in_words(facts: list[dict[str, Any]]) -> list[str]:
    """What guards, the state of the thing and its probation found, as sentences."""
    known = {fact["name"]: fact["value"] for fact in facts}
    return [
        text.format(**{name.replace(".", "_"): value for name, value in known.items()}, minutes=minutes)
        for needed, text in _SENTENCES
        if all(name in known for name in needed)
        for minutes in (known.get("guard.rate.window", 0) // _MINUTE_MS,)
    ]


_SENTENCES = (
    (
        ("guard.rate.observed", "guard.rate.allowed"),
        "This is its order no. {guard_rate_observed} within {minutes} minutes; the guard lets it place"
        " {guard_rate_allowed}.",
    ),
    (
        ("guard.quantity.observed", "guard.quantity.usual"),
        "It asks for {guard_quantity_observed} steps; usually it buys {guard_quantity_usual}, and the guard"
        " lets it buy {guard_quantity_allowed}.",
    ),
    (
        ("guard.price.observed", "guard.price.usual"),
        "One unit costs {guard_price_observed} minor units; in the last {guard_price_trades} trades that"
        " count it was {guard_price_usual}, and the guard lets it pay {guard_price_allowed}.",
    ),
    (
        ("thing.state", "thing.cause"),
        "The thing is {thing_state}, by {thing_cause}.",
    ),
    (
        ("probation.orders", "probation.orders_allowed"),
        "It placed {probation_orders} orders today; in its probation {probation_orders_allowed} are allowed.",
    ),
    (
        ("probation.asked", "probation.allowed"),
        "The order costs {probation_asked} minor units; in its probation {probation_allowed} are allowed.",
    ),
    (
        ("claim.tries", "claim.tries_allowed"),
        "Before it {claim_tries} wrong codes were tried; {claim_tries_allowed} are allowed.",
    ),
)
