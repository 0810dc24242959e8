"""The orders of one frame, as an explanation shows them: what was placed, what was refused and why."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, Code
from thingmarket.limits import ORDERS_EXPLAINED_MAX, ORDERS_PER_FRAME_MAX
from thingmarket.matching.records import COMMAND, Kind, Side
from thingmarket.money import CURRENCIES
from thingmarket.policy.decision import Fact
from thingmarket.trading.frame import KINDS_NEW
from thingmarket_client.live_book import Market
from thingmarket_node.cli.amounts import written
from thingmarket_node.cli.output import Output
from thingmarket_node.cli.trouble import words_of_order
from thingmarket_node.refused_orders import name_of

_LEFT: Final = ("permit.", "headroom.")
_MONEY: Final = frozenset({"order_max", "cosign_above", "money"})
_NO_LIMIT: Final = 2**52  # counters that begin at 2**53-1 limit nothing
_SHOWN: Final = 20  # of a frame with more orders only the refused ones


def orders_value(frame: bytes, facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """The orders of a frame as JSON; `refused` is empty for a taken one, None where the node did not say."""
    told = [fact for fact in facts if not fact.name.startswith(_LEFT)]
    why = {fact.name: str(fact.value) for fact in told}
    known = ORDERS_PER_FRAME_MAX
    if len(told) >= ORDERS_EXPLAINED_MAX:
        known = max(int(name.removeprefix("order.")) for name in why if name.startswith("order.")) + 1
    return [
        _order_value(record, why.get(f"order.{index}", "" if index < known else None))
        for index, record in enumerate(COMMAND.iter_unpack(frame))
    ]


def _order_value(record: tuple[int, ...], why: str | None) -> dict[str, Any]:
    kind, side, _, _, market, lots, price, order_id, _ = record
    code, _, rule = (why or "").partition(" ")
    return {
        "order": order_id,
        "kind": _name(Kind, kind),
        "side": _name(Side, side) if kind in KINDS_NEW else "",
        "market": market,
        "lots": lots,
        "price_ticks": price,
        "refused": why if why is None else name_of(_number(code)) if code else "",
        "reason": words_of_order(_number(code)) if code else "",
        "rule": rule,
    }


def _name(names: type[IntEnum], number: int) -> str:
    return names(number).name if number in names._value2member_map_ else str(number)


def _number(code: str) -> int:
    """The number that `errors.code_name` made this of; 0 for a name of a later version."""
    word, _, number = code.rpartition("_")
    bases = {"BOOK": BOOK_REASON_BASE, "LEDGER": LEDGER_STATUS_BASE, "CODE": 0}
    if word in bases and number.isdigit():
        return bases[word] + int(number)
    return int(Code[code]) if code in Code.__members__ else 0


def tell_orders(output: Output, orders: Sequence[dict[str, Any]], markets: Mapping[int, Market]) -> None:
    """Say to people what came of each order, or of those that were refused; prices as money a lot."""
    shown = [one for one in orders if one["refused"]] if len(orders) > _SHOWN else orders
    rows = [
        (
            one["order"] or "all",
            one["kind"],
            one["side"],
            one["market"] or "all",
            one["lots"] or "",
            _price(one, markets.get(one["market"])),
            _came_to(one),
        )
        for one in shown
    ]
    refused = sum(bool(one["refused"]) for one in orders)
    title = f"orders: {len(orders)}, of which refused {refused}"
    output.table(title, ("order", "what", "side", "market", "lots", "a lot", "came to"), rows)


def _price(one: dict[str, Any], market: Market | None) -> str:
    if not one["side"] or not one["price_ticks"]:
        return ""
    return _money(one["price_ticks"], market)


def _money(ticks: int, market: Market | None) -> str:
    return f"{ticks} ticks" if market is None else f"{market.money(ticks)} {market.terms.currency}"


def _came_to(one: dict[str, Any]) -> str:
    if one["refused"] is None:
        return "not told: only the first refusals of a frame are"
    if not one["refused"]:
        return "taken"
    rule = f" [{one['rule']}]" if one["rule"] else ""
    return f"{one['refused']}: {one['reason']}{rule}"


def limit_rows(facts: Sequence[dict[str, Any]], markets: Mapping[int, Market]) -> list[tuple[str, str]]:
    """What permits and counters left when the frame came, with money as such where its currency is known."""
    ledgers = {name.split(".")[1] for fact in facts if (name := str(fact["name"])).startswith("headroom.")}
    return [
        (str(fact["name"]), _words(str(fact["name"]), fact["value"], ledgers, markets))
        for fact in facts
        if str(fact["name"]).startswith(_LEFT)
    ]


def _words(name: str, value: int, ledgers: set[str], markets: Mapping[int, Market]) -> str:
    if value >= _NO_LIMIT:
        return "no limit"
    last = name.rpartition(".")[2]
    if last == "price_high":
        return _money(value, markets.get(int(name.split(".")[1])))
    # A permit names its market, and not the currency.
    of = {name.split(".")[1]} if name.startswith("headroom.") else ledgers
    codes = [currency.code for currency in CURRENCIES.values() if str(currency.ledger) in of]
    if last in _MONEY and len(codes) == 1:
        return written(value, codes[0])
    return str(value)
