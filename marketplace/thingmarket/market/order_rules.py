"""The rule behind the status of an order: the one of several that leaves least. [MKT-7]"""

from collections.abc import Mapping
from typing import Final

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, Code
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.limits import INTEGER_MAX, RESTING_PER_OWNER_MAX
from thingmarket.market.order_permits import budget_rooms, on_probation, order_rooms, rest_rooms
from thingmarket.market.records import ThingRecord
from thingmarket.market.state import State
from thingmarket.market.thing_standing import orders_of_day
from thingmarket.policy.order_rules import buys_items
from thingmarket.time import UnixMs
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.frame import STATUS_SELF_TRADE
from thingmarket.trading.permits import Permit

_STATUSES_OF_ONE_KIND: Final = 1_000
_RULES: Final[Mapping[int, str]] = {
    Code.BAD_ID: "ORD-3",
    Code.BAD_FIELD: "ORD-3",
    Code.OUT_OF_RANGE: "ORD-9",
    Code.UNKNOWN_MARKET: "MKT-2",
    Code.OUTSIDE_BAND: "MKT-9",
    Code.NOT_PERMITTED: "MKT-8",
    Code.NEED_COSIGN: "COS-1",
    Code.OUT_OF_STOCK: "MKT-4",
    Code.OVER_OPEN_ORDERS: "MKT-8",
}

_RULES_WITHOUT_LIMIT: Final[Mapping[int, str]] = {  # of who sells, and may spend nothing
    Code.OVER_DAY_ORDERS: "THG-13",
    Code.OVER_OPEN_ORDERS: "MKT-8",
}


def plain_rule(status: int) -> str:
    """The rule of a status that no mandate has to be asked about."""
    if LEDGER_STATUS_BASE <= status < LEDGER_STATUS_BASE + _STATUSES_OF_ONE_KIND:
        return "ORD-7"
    if status == STATUS_SELF_TRADE:
        return "ORD-14"
    if BOOK_REASON_BASE <= status < LEDGER_STATUS_BASE:
        return "BOK-4"
    return _RULES.get(status, "")


def limit_rule(
    state: State,
    mandate: EffectiveMandate,
    thing: ThingRecord,
    status: int,
    *,
    listed: ListedMarket,
    permit: Permit,
    lots: int,
    now_ms: UnixMs,
) -> str:
    """The rule of the mandate that a limit comes from, by the counters before the frame; empty: of none."""
    limit = mandate.limit(listed.currency)
    if limit is None:
        return _RULES_WITHOUT_LIMIT.get(status, "LIM-0")
    currency, tried = listed.currency, on_probation(state, thing)
    match status:
        case Code.OVER_PRICE:
            agreed = [item for items in mandate.bound_items for item in items] if buys_items(mandate) else []
            prices = [one.max_unit_price_minor for one in agreed if one.product_id == listed.product_id]
            return "ITM-3" if min(prices, default=INTEGER_MAX) < limit.per_item_minor else "LIM-1"
        case Code.OVER_ORDER:
            if lots > permit.lots_max:
                return "ITM-4"
            return "THG-14" if permit.order_max_minor < limit.per_order_minor else "LIM-2"
        case Code.OVER_BUDGET:
            return _tightest(budget_rooms(state, limit, currency, now_ms))
        case Code.OVER_DAY_ORDERS:
            rooms = order_rooms(state, limit, currency, now_ms)
            if tried:
                rooms["THG-13"] = state.probation.orders_per_day - orders_of_day(thing, now_ms)
            return _tightest(rooms)
        case Code.OVER_OPEN_ORDERS:
            rooms = rest_rooms(state, limit, currency)
            resting = state.desk.count_of_owner(state.party(thing.owner).number)
            rooms["MKT-8"] = max(0, RESTING_PER_OWNER_MAX - resting)
            return _tightest(rooms)
    return ""


def _tightest(rooms: dict[str, int]) -> str:
    return min(rooms, key=lambda rule: (rooms[rule], rule))
