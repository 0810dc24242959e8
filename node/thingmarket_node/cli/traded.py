"""Trades of own orders in the books of markets, as a list and an explanation show them."""

from collections.abc import Sequence
from typing import Any, Final

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.limits import INSIGHT_ROWS_MAX
from thingmarket.matching.records import COMMAND, Kind
from thingmarket.trading.frame import KINDS_NEW
from thingmarket.wire.insight import Filter, OrderRange, TradeRow
from thingmarket_client.insight import Insight
from thingmarket_node.cli.amounts import moment, written
from thingmarket_node.cli.output import Output

_PAGES_MAX: Final = 25  # of 200: more trades of one frame nobody reads
_SHOWN: Final = 20
_MAY_TRADE: Final = KINDS_NEW | {int(Kind.REPLACE)}


async def trades_of_frame(insight: Insight, frame: bytes, *, since_ms: int) -> tuple[TradeRow, ...]:
    """What the orders of a frame traded from its entry on, newest first, at most 5,000."""
    records = COMMAND.iter_unpack(frame)
    orders = {order_id for kind, *_, order_id, _ in records if kind in _MAY_TRADE}
    if not orders:
        return ()
    between = OrderRange(first=min(orders), last=max(orders))
    found: list[TradeRow] = []
    before_seq = before_index = 0
    for _ in range(_PAGES_MAX):
        wanted = Filter(
            since_ms=since_ms, before_seq=before_seq, before_index=before_index, limit=INSIGHT_ROWS_MAX
        )
        page = await insight.trades(wanted, between)
        found += page
        if len(page) < INSIGHT_ROWS_MAX:
            break
        before_seq, before_index = page[-1].seq, page[-1].index
    return tuple(row for row in found if row.order in orders)


def trade_value(row: TradeRow) -> dict[str, Any]:
    """A trade as one JSON object; `price_minor` is the price of one lot."""
    return {
        "seq": row.seq,
        "index": row.index,
        "time_ms": row.time_ms,
        "contract": row.contract.hex(),
        "actor": row.actor,
        "order": row.order,
        "side": _side(row),
        "market": row.market,
        "product_id": row.product_id,
        "lots": row.lots,
        "quantity_steps": row.quantity_steps,
        "unit": row.unit,
        "unit_scale": row.unit_scale,
        "price_ticks": row.price_ticks,
        "price_minor": _price_minor(row),
        "currency": row.currency,
        "cash_minor": row.cash_minor,
        "fee_minor": row.fee_minor,
        "settlement": "DVP" if row.at_once else "ESCROW",
    }


def tell_trades(output: Output, title: str, rows: Sequence[TradeRow], *, most: int = _SHOWN) -> None:
    """Show trades to people; the price is that of a lot."""
    columns = ("entry", "time (UTC)", "by", "market", "side", "quantity", "lots", "a lot", "cash", "fee")
    output.table(title, columns, [_row(one) for one in rows[:most]])
    if len(rows) > most:
        output.say(f"{len(rows) - most} older ones: --json tells them all")


def _row(row: TradeRow) -> tuple[object, ...]:
    return (
        row.seq,
        moment(row.time_ms),
        row.actor,
        f"{row.market} {row.product_id}",
        _side(row) if row.at_once else f"{_side(row)} (contract)",
        ScaledInteger(row.quantity_steps, row.unit_scale, row.unit),
        row.lots,
        written(_price_minor(row), row.currency),
        written(row.cash_minor, row.currency),
        written(row.fee_minor, row.currency),
    )


def _side(row: TradeRow) -> str:
    return "buy" if row.bought else "sell"


def _price_minor(row: TradeRow) -> int:
    return row.cash_minor // row.lots  # without a rest: each lot costs a whole number of ticks
