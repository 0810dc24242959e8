"""Why orders of a frame were refused: rules and facts, for as many as an outcome has room for. [MKT-7]"""

from collections.abc import Mapping
from typing import Final

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, Code, code_name
from thingmarket.limits import ORDERS_EXPLAINED_MAX
from thingmarket.market.authority import Authority
from thingmarket.market.order_permits import side_decision
from thingmarket.market.state import State
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.trading.frame import ORDER, STATUS
from thingmarket.trading.permits import Headroom, Permit

RULES_OF: Final[Mapping[int, str]] = {
    Code.BAD_ID: "MKT-6",
    Code.BAD_FIELD: "MKT-10",
    Code.OUT_OF_RANGE: "ORD-9",
    Code.UNKNOWN_MARKET: "MKT-2",
    Code.OUTSIDE_BAND: "MKT-9",
    Code.NOT_PERMITTED: "MKT-8",
    Code.OVER_PRICE: "LIM-1",
    Code.OVER_ORDER: "LIM-2",
    Code.NEED_COSIGN: "COS-1",
    Code.OVER_BUDGET: "LIM-3",
    Code.OVER_DAY_ORDERS: "LIM-6",
    Code.OVER_OPEN_ORDERS: "LIM-7",
    Code.OUT_OF_STOCK: "MKT-4",
}
"""The rule behind each status that the book and the ledger do not give; DENIED has that of the mandate."""


def rule_of(status: int) -> str:
    """The rule by which an order got this status; empty for one that was taken."""
    if status >= LEDGER_STATUS_BASE and status < LEDGER_STATUS_BASE + 1_000:
        return "ORD-9"
    if status >= BOOK_REASON_BASE and status < LEDGER_STATUS_BASE:
        return "BOK-4"
    return RULES_OF.get(status, "")


def explained(
    state: State,
    authority: Authority,
    orders: bytes,
    statuses: bytes,
    *,
    permits: Mapping[tuple[int, int], Permit],
    headroom: Mapping[int, Headroom],
) -> Decision | None:
    """Facts about the first refused orders: `order.N` says why; and what the limits left. None: all went."""
    if not any(statuses):
        return None
    facts: list[Fact] = []
    rules: dict[str, None] = {}
    said: set[tuple[int, int]] = set()
    for index, (status,) in enumerate(STATUS.iter_unpack(statuses)):
        if not status:
            continue
        _, side, _, _, market, *_ = ORDER.unpack_from(orders, index * ORDER.size)
        rule = rule_of(status)
        if status == Code.DENIED:
            decision = side_decision(state, authority, state.markets[market], side)
            rule = decision.rules[0]
            if (market, side) not in said:
                said.add((market, side))
                facts += decision.facts[-2:]
        rules[rule] = None
        facts.append(Fact(f"order.{index}", f"{code_name(status)} {rule}"))
        if len(facts) >= ORDERS_EXPLAINED_MAX:
            break
    facts += _limits(permits, headroom)
    return Decision(Verdict.DENY, tuple(rules), tuple(facts))


def _limits(permits: Mapping[tuple[int, int], Permit], headroom: Mapping[int, Headroom]) -> list[Fact]:
    facts: list[Fact] = []
    for (market, side), permit in list(permits.items())[:4]:
        name = f"permit.{market}.{side}"
        facts.append(Fact(f"{name}.price_high", permit.price_high))
        facts.append(Fact(f"{name}.order_max", permit.order_max_minor))
        facts.append(Fact(f"{name}.cosign_above", permit.cosign_above_minor))
    for ledger, room in list(headroom.items())[:4]:
        name = f"headroom.{ledger}"
        facts.append(Fact(f"{name}.money", room.amount_left_minor))
        facts.append(Fact(f"{name}.orders", room.orders_left))
        facts.append(Fact(f"{name}.resting", room.open_left))
    return facts
