"""The tables that people query: orders, trades, contracts, decisions, made of what each entry came to.

They hold nothing that the log does not: dropped, they are made again, equal to the last byte.
"""

from collections.abc import Iterator
from typing import Final

from thingmarket.catalog.offers import Offer
from thingmarket.contract.approvals import PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.orders import Purchase
from thingmarket.contract.units import Unit
from thingmarket.matching.records import EVENT, EventKind, Side
from thingmarket.policy.decision import Decision
from thingmarket.settlement.escrow import EscrowState
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.frame import slot_of
from thingmarket.trading.terms import Settlement
from thingmarket_node.core.messages import Published, Traded

SCHEMA_VERSION: Final = 6
"""Raised with every change of a table or of what stands in it; a file of another version is made anew."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outcomes(
    seq INTEGER PRIMARY KEY, sender TEXT NOT NULL, time_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS decisions(
    seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, owner TEXT NOT NULL, actor TEXT NOT NULL,
    act TEXT NOT NULL, verdict INTEGER NOT NULL, rules TEXT NOT NULL, code INTEGER NOT NULL,
    reason TEXT NOT NULL, reference BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_of ON decisions(owner, seq);
CREATE TABLE IF NOT EXISTS orders(
    seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, owner TEXT NOT NULL, actor TEXT NOT NULL,
    offer BLOB NOT NULL, product TEXT NOT NULL, category TEXT NOT NULL, quantity_steps INTEGER NOT NULL,
    currency TEXT NOT NULL, total_minor INTEGER NOT NULL, code INTEGER NOT NULL, rule TEXT NOT NULL,
    reference BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS orders_of ON orders(owner, seq);
CREATE TABLE IF NOT EXISTS contracts(
    id BLOB PRIMARY KEY, state TEXT NOT NULL, buyer_owner TEXT NOT NULL, buyer TEXT NOT NULL,
    seller_owner TEXT NOT NULL, seller TEXT NOT NULL, product TEXT NOT NULL, title TEXT NOT NULL,
    category TEXT NOT NULL, quantity_steps INTEGER NOT NULL, currency TEXT NOT NULL,
    total_minor INTEGER NOT NULL, returned_minor INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL, changed_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contracts_bought ON contracts(buyer_owner, created_ms);
CREATE INDEX IF NOT EXISTS contracts_sold ON contracts(seller_owner, created_ms);
CREATE TABLE IF NOT EXISTS approvals(
    id BLOB PRIMARY KEY, state TEXT NOT NULL, owner TEXT NOT NULL, buyer TEXT NOT NULL,
    seller_owner TEXT NOT NULL, product TEXT NOT NULL, quantity_steps INTEGER NOT NULL,
    currency TEXT NOT NULL, total_minor INTEGER NOT NULL, rule TEXT NOT NULL, approved_by TEXT NOT NULL,
    asked_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, code INTEGER NOT NULL,
    contract BLOB NOT NULL, seq INTEGER NOT NULL, changed_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS approvals_of ON approvals(owner, seq);
CREATE TABLE IF NOT EXISTS parties(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS markets(
    number INTEGER PRIMARY KEY, product TEXT NOT NULL, category TEXT NOT NULL, unit TEXT NOT NULL,
    unit_scale INTEGER NOT NULL, lot_steps INTEGER NOT NULL, currency TEXT NOT NULL,
    at_once INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS trades(
    seq INTEGER NOT NULL, place INTEGER NOT NULL, time_ms INTEGER NOT NULL, market INTEGER NOT NULL,
    price_ticks INTEGER NOT NULL, lots INTEGER NOT NULL, cash_minor INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL, buyer INTEGER NOT NULL, buyer_owner INTEGER NOT NULL,
    buy_order INTEGER NOT NULL, seller INTEGER NOT NULL, seller_owner INTEGER NOT NULL,
    sell_order INTEGER NOT NULL, PRIMARY KEY(seq, place)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trades_bought ON trades(buyer_owner, time_ms);
CREATE INDEX IF NOT EXISTS trades_sold ON trades(seller_owner, time_ms);
"""

_MARKS: Final = {"outcomes": 4, "decisions": 10, "orders": 13, "contracts": 16, "approvals": 18}
_LASTING: Final = {"parties": 2, "markets": 8, "trades": 14}  # what stands in them once never changes
TABLES: Final = (*_MARKS, *_LASTING)
INSERTS: Final = {
    table: f"INSERT OR {verb} INTO {table} VALUES({', '.join('?' * columns)})"
    for verb, tables in (("REPLACE", _MARKS), ("IGNORE", _LASTING))
    for table, columns in tables.items()
}

Values = tuple[int | str | bytes, ...]


def rows_of(one: Published) -> Iterator[tuple[str, Values]]:
    """Name the table and give the values of every row that one entry writes."""
    yield "outcomes", (one.seq, one.sender, one.time_ms, one.body)
    command, outcome = one.command, one.outcome
    if command is not None and (outcome.code or outcome.decision):
        yield "decisions", _decision(one, command.type_id.name)
    if command is not None and isinstance(command.body, Purchase):
        yield "orders", _order(one, command.body)
    for contract, offer, refunded_minor in one.trades:
        yield "contracts", contract_row(contract, offer, refunded_minor)
    for order in one.waiting:
        yield "approvals", _approval(order)
    if one.floor is not None:
        yield from _traded(one, one.floor)


def _traded(one: Published, floor: Traded) -> Iterator[tuple[str, Values]]:
    """The trades of an entry, and what they refer to by number: a row of a trade is 14 numbers."""
    for slot, seat in floor.seats.items():
        yield "parties", (slot, seat.party)
    for owner, number in floor.numbers.items():
        yield "parties", (number, owner)
    for market, (listed, _) in floor.markets.items():
        yield "markets", (market, *_goods(listed), listed.currency, listed.settlement is Settlement.DVP)
    for place, fields in enumerate(EVENT.iter_unpack(one.outcome.events)):
        kind, _, side, _, market, _, maker, taker, price, lots, _ = fields
        if kind != EventKind.TRADE:
            continue
        buy, sell = (taker, maker) if side == Side.BUY else (maker, taker)
        terms = floor.markets[market][1]
        cash_minor = terms.cash(price, lots)
        head = (one.seq, place, one.time_ms, market, price, lots, cash_minor, terms.fee(cash_minor))
        yield "trades", (*head, *_order_of(floor, buy), *_order_of(floor, sell))


def _goods(listed: ListedMarket) -> Values:
    return (listed.product_id, listed.category, listed.unit, listed.unit_scale, listed.lot_steps)


def _order_of(floor: Traded, order_id: int) -> tuple[int, int, int]:
    """Who placed an order, for which owner, and its id."""
    slot = slot_of(order_id)
    return slot, floor.numbers[floor.seats[slot].owner], order_id


def _decision(one: Published, act: str) -> Values:
    outcome = one.outcome
    decision: Decision | None = outcome.decision
    verdict = int(decision.verdict) if decision else 0
    rules = " ".join(decision.rules) if decision else outcome.rule
    head = (one.seq, one.time_ms, one.owner, one.sender, act)
    return (*head, verdict, rules, outcome.code, outcome.reason, outcome.reference)


def _order(one: Published, body: Purchase) -> Values:
    listing, outcome = one.listing, one.outcome
    product, category = (listing.product_id, listing.category) if listing else ("", "")
    head = (one.seq, one.time_ms, one.owner, one.sender, body.offer, product, category)
    rule = outcome.decision.rules[0] if outcome.code and outcome.decision else outcome.rule
    amounts = (body.quantity_steps, body.currency, body.total_minor)
    return (*head, *amounts, outcome.code, rule, outcome.reference)


def _approval(order: PendingOrder) -> Values:
    """An order that waits or waited; `approved_by` are those who said yes, apart by spaces."""
    purchase, missing = order.purchase, order.missing
    head = (order.id, order.state.value, order.owner, order.buyer, order.seller_owner, order.product_id)
    amounts = (purchase.quantity_steps, purchase.currency, purchase.total_minor)
    said = (order.rule, " ".join(order.approved_by), order.asked_ms, order.deadline_ms, order.ended_ms)
    came_to = (missing.code if missing else 0, order.contract, order.seq, order.changed_seq)
    return (*head, *amounts, *said, *came_to)


def contract_row(contract: Contract, offer: Offer, refunded_minor: int) -> Values:
    """A contract as it stands; `returned_minor` is all that went back to the buyer, refunds included."""
    sides = (contract.buyer_owner, contract.buyer, contract.seller_owner, contract.seller)
    goods = (offer.product_id, offer.title, offer.category, contract.quantity_steps)
    returned_minor = refunded_minor + sum(map(_returned_minor, contract.units))
    money = (contract.currency, contract.total_minor, returned_minor)
    when = (contract.created_ms, contract.seq, contract.changed_seq)
    return (contract.id, contract.state.value, *sides, *goods, *money, *when)


def _returned_minor(unit: Unit) -> int:
    if unit.escrow is EscrowState.REFUNDED:
        return unit.total_minor - unit.cancel_fee_minor
    return unit.late_credit_minor if unit.escrow is EscrowState.RELEASED else 0
