"""Rows of the projection, as a node answers them and its caller reads them. [INS-1]"""

from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

from thingmarket.catalog.offers import check_category
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import CONTRACT_ID_BYTES, checked_bytes
from thingmarket.limits import DAY_MS, INSIGHT_DAYS_MAX, INSIGHT_ROWS_MAX, INTEGER_MAX
from thingmarket.v1 import insight_pb2 as pb

ROWS_USUAL: Final = 100
ORDER_ID_MAX: Final = 2**63 - 1  # what a column of the projection holds; no order has more


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows are wanted; an empty field wants all. Times in Unix milliseconds, `until_ms` excluded."""

    actor: str = ""
    since_ms: int = 0
    until_ms: int = 0
    category: str = ""
    before_seq: int = 0
    limit: int = ROWS_USUAL
    before_contract: bytes = b""
    before_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRange:
    """Which orders trades are wanted of, by their ids: all of them, unless it is said."""

    first: int = 0
    last: int = ORDER_ID_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One purchase as it was ordered; `code` is 0 or the number of its refusal."""

    seq: int
    time_ms: int
    actor: str
    offer: bytes
    product_id: str
    category: str
    quantity_steps: int
    currency: str
    total_minor: int
    code: int
    rule: str
    reference: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision: `verdict` as in policy.decision, 0 when the owner's rules were not asked."""

    seq: int
    time_ms: int
    actor: str
    act: str
    verdict: int
    rules: str
    code: int
    reason: str
    reference: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRow:
    """One contract from its owner's side; amounts in minor units of `currency`."""

    id: bytes
    state: str
    bought: bool
    actor: str
    counterparty: str
    product_id: str
    title: str
    category: str
    quantity_steps: int
    currency: str
    total_minor: int
    returned_minor: int
    created_ms: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One trade of an own order in a book; the amounts are minor units of `currency`.

    `cash_minor` is what the buyer paid, who was paid what is below 0. `at_once`: money and goods moved in
    its entry, else there is a contract of this id.
    """

    seq: int
    index: int
    time_ms: int
    contract: bytes
    actor: str
    bought: bool
    market: int
    product_id: str
    category: str
    order: int
    price_ticks: int
    lots: int
    quantity_steps: int
    unit: str
    unit_scale: int
    currency: str
    cash_minor: int
    fee_minor: int
    at_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingRow:
    """What a thing spent on one category on one UTC day, minor units of `currency`.

    `orders` are contracts, `trades` those of books that were settled at once: `total_minor` is what both
    cost, `income_minor` and `fee_minor` are of such trades alone.
    """

    actor: str
    category: str
    currency: str
    day_ms: int
    orders: int
    total_minor: int
    returned_minor: int
    trades: int = 0
    income_minor: int = 0
    fee_minor: int = 0


Row = TypeVar("Row", OrderRow, DecisionRow, ContractRow, TradeRow, SpendingRow)


def read_filter(message: pb.InsightFilter) -> Filter:
    """Read what a caller wants (BAD_ID, BAD_FIELD, OUT_OF_RANGE)."""
    if message.actor:
        checked_party_id(message.actor)
    if message.category:
        check_category(message.category)
    for name in ("since_ms", "until_ms", "before_seq"):
        if not 0 <= getattr(message, name) <= INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, f"{name}={getattr(message, name)} is beyond 2^53-1", "INS-2")
    if message.limit > INSIGHT_ROWS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"at most {INSIGHT_ROWS_MAX} rows at once", "INS-2")
    if message.before_index > INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"before_index={message.before_index} is beyond 2^53-1", "INS-2")
    if message.before_contract:
        checked_bytes(message.before_contract, CONTRACT_ID_BYTES, "before_contract")
    return Filter(
        actor=message.actor,
        since_ms=message.since_ms,
        until_ms=message.until_ms or INTEGER_MAX,
        category=message.category,
        before_seq=message.before_seq or INTEGER_MAX,
        limit=message.limit or ROWS_USUAL,
        before_contract=message.before_contract,
        before_index=message.before_index,
    )


def read_orders(message: pb.FindTradesRequest) -> OrderRange:
    """Read which orders trades are wanted of (OUT_OF_RANGE)."""
    if max(message.first_order, message.last_order) > ORDER_ID_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "no order has an id beyond 2^63-1", "INS-4")
    return OrderRange(first=message.first_order, last=message.last_order or ORDER_ID_MAX)


def check_report(wanted: Filter) -> None:
    """Refuse a report of no beginning, or of more days than one answer may cover."""
    if not 0 < wanted.since_ms <= wanted.until_ms:
        raise Refusal(Code.BAD_FIELD, "give since_ms, and an until_ms that is not before it", "INS-3")
    if wanted.until_ms != INTEGER_MAX and wanted.until_ms - wanted.since_ms > INSIGHT_DAYS_MAX * DAY_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"at most {INSIGHT_DAYS_MAX} days in one report", "INS-3")


def filter_message(wanted: Filter) -> pb.InsightFilter:
    """Write what is wanted."""
    return pb.InsightFilter(**_values(wanted))


def orders_request(wanted: Filter) -> pb.ListOrdersRequest:
    """Ask for orders."""
    return pb.ListOrdersRequest(filter=filter_message(wanted))


def decisions_request(wanted: Filter) -> pb.ListDecisionsRequest:
    """Ask for decisions."""
    return pb.ListDecisionsRequest(filter=filter_message(wanted))


def contracts_request(wanted: Filter, state: str = "") -> pb.FindContractsRequest:
    """Ask for contracts, of one state or all."""
    return pb.FindContractsRequest(filter=filter_message(wanted), state=state)


def find_trades_request(wanted: Filter, orders: OrderRange) -> pb.FindTradesRequest:
    """Ask for trades of own orders, of all or of some."""
    return pb.FindTradesRequest(
        filter=filter_message(wanted), first_order=orders.first, last_order=orders.last
    )


def report_request(wanted: Filter) -> pb.SpendingReportRequest:
    """Ask for spending by day, thing and category."""
    return pb.SpendingReportRequest(filter=filter_message(wanted))


def row_message(row: Any, message: Any) -> Any:
    """Write a row into a message with fields of the same names."""
    return message(**_values(row))


def read_row(kind: type[Row], message: Any) -> Row:
    """Read a row from a message with fields of the same names."""
    return kind(**{field.name: getattr(message, field.name) for field in fields(kind)})


def _values(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
