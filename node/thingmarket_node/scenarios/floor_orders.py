"""Orders, answers and trades as lines of a story carry them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from thingmarket.market.order_views import TradeSeen
from thingmarket.matching.records import Event, Side, TimeInForce
from thingmarket_client.frames import (
    AnyOrder,
    CancelAll,
    CancelOrder,
    FrameAnswer,
    LimitOrder,
    MarketOrder,
    ReduceOrder,
    ReplaceOrder,
)

_KINDS: Final[Mapping[str, Callable[..., AnyOrder]]] = {
    "limit": LimitOrder,
    "market": MarketOrder,
    "cancel": CancelOrder,
    "cancel_all": CancelAll,
    "reduce": ReduceOrder,
    "replace": ReplaceOrder,
}


def order_of(line: Mapping[str, Any]) -> AnyOrder:
    """An order as it was told: `type`, and fields of the SDK's order of that type."""
    fields = dict(line)
    if "side" in fields:
        fields["side"] = Side[fields["side"]]
    if "tif" in fields:
        fields["tif"] = TimeInForce[fields["tif"]]
    return _KINDS[fields.pop("type")](**fields)


def answered(placed: FrameAnswer) -> dict[str, Any]:
    """What came of a frame: of each order, and of all of it as the book said."""
    decision = placed.decision
    return {
        "seq": placed.receipt.seq if placed.receipt else 0,
        "orders": [
            {
                "id": one.order_id,
                "status": one.status,
                "refusal": one.refusal,
                "filled": sum(fill.lots for fill in one.fills),
                "rests": one.rests_lots,
            }
            for one in placed.orders
        ],
        "facts": {fact.name: fact.value for fact in decision.facts} if decision else {},
        "events": [event_value(event) for event in placed.events],
    }


def event_value(event: Event) -> dict[str, Any]:
    """An event of the book in words."""
    return {
        "kind": event.kind.name,
        "reason": event.reason.name,
        "price": event.price,
        "lots": event.quantity,
        "maker": event.maker,
        "taker": event.taker,
    }


def kind_of(order: AnyOrder) -> str:
    """What kind of order it is, in words."""
    if isinstance(order, LimitOrder):
        return "post-only" if order.post_only else "GTD" if order.expires_ms else order.tif.name
    return type(order).__name__


def trade_value(seen: TradeSeen) -> dict[str, Any]:
    """A trade as a line carries it."""
    return {
        "contract": seen.contract.hex(),
        "seq": seen.seq,
        "market": seen.market,
        "price": seen.price_ticks,
        "lots": seen.lots,
        "cash_minor": seen.cash_minor,
        "fee_minor": seen.fee_minor,
        "buy_order": seen.buy_order,
        "sell_order": seen.sell_order,
    }
