"""Trades of a market with escrow: each is a contract, made in its entry. [MKT-16]

The book has traded when contracts are made, so all that could refuse one is asked before the frame is placed.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from thingmarket.billing.arithmetic import net_within
from thingmarket.catalog.offers import tax_row
from thingmarket.contract.contract import Contract, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT
from thingmarket.contract.units import ONE, planned
from thingmarket.errors import Code, Refusal
from thingmarket.ids import Digest
from thingmarket.limits import CONTRACTS_MAX, ESCROW_FILLS_MAX, INTEGER_MAX, LEDGER_AMOUNT_MAX
from thingmarket.market import budgets, contracts
from thingmarket.market.entries import Notice
from thingmarket.market.order_queries import trade_contract
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.settling import fee_account, reserve_account, tax_account
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EventKind, Kind, Side
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.time import UnixMs
from thingmarket.trading.frame import KINDS_NEW, ORDER, slot_of
from thingmarket.trading.permits import Effects, EscrowFill

_NO_OFFER: Final = Digest(b"")
_ROWS_OF_FILL: Final = 2  # its escrow, and perhaps the reserve of its seller
_ROWS_OF_SENDER: Final = 2  # wallet and goods, which the desk opens with his first order in a market


def check_room_for_contracts(state: State, records: Iterable[MarketRecord], orders: bytes) -> None:
    """Refuse a frame that could make more contracts than an entry or the ledger takes (TOO_LARGE, FULL)."""
    fills, orders_in = 0, defaultdict[int, list[tuple[int, ...]]](list)
    for fields in ORDER.iter_unpack(orders):
        orders_in[fields[4]].append(fields)
    for record in records:
        _check_turnover(state, record)
        fills += _fills_at_most(state, record.listed.market, orders_in[record.listed.market])
        if fills > ESCROW_FILLS_MAX:
            reason = f"it could meet more than {ESCROW_FILLS_MAX} orders: fewer lots, or a better price"
            raise Refusal(Code.TOO_LARGE, reason, "MKT-16")
        state.ledger.check_room(fills * _ROWS_OF_FILL + _ROWS_OF_SENDER)
    if len(state.contracts) + fills > CONTRACTS_MAX:
        raise Refusal(Code.FULL, f"this node holds {CONTRACTS_MAX} contracts already", "MKT-16")


def _fills_at_most(state: State, market: int, orders: Iterable[tuple[int, ...]]) -> int:
    """How many trades the orders of a frame can make in their market.

    Each trade ends one of two orders, and takes a lot at least. Orders of one frame are of one owner, so they
    meet none of their own.
    """
    bids, asks = state.desk.depth(market, ESCROW_FILLS_MAX)
    count: dict[int, int] = {Side.BUY: 0, Side.SELL: 0}
    lots: dict[int, int] = {Side.BUY: 0, Side.SELL: 0}
    high, low = 0, INTEGER_MAX
    for kind, side, _, _, _, quantity, price, _, _ in orders:
        if side not in count or not (kind in KINDS_NEW or kind == Kind.REPLACE):
            continue
        count[side] += 1
        lots[side] += quantity
        if side == Side.BUY:
            high = max(high, price)
        else:
            low = min(low, price)
    asked = sum(resting for price, _, resting in asks if price <= high)
    bid = sum(resting for price, _, resting in bids if price >= low)
    bought = min(lots[Side.BUY], asked + count[Side.BUY]) if asked else 0
    sold = min(lots[Side.SELL], bid + count[Side.SELL]) if bid else 0
    return bought + sold


def _check_turnover(state: State, record: MarketRecord) -> None:
    """Refuse what the operator's accounts could not take when it is released. [SET-6]

    All trades of a frame together are at most all the money of the node, which is below 2^53.
    """
    listed, money = record.listed, currency_of(record.listed.currency).ledger
    accounts = [fee_account(state, money)]
    if listed.jurisdiction:
        accounts.append(tax_account(state, money, tax_row(listed.jurisdiction, listed.tax_category)))
    if any(state.ledger.turnover(account) + INTEGER_MAX > LEDGER_AMOUNT_MAX for account in accounts):
        raise Refusal(Code.OUT_OF_RANGE, "the operator's turnover would pass 2^62 minor units", "SET-6")


# --- the book has traded


def open_contracts(state: State, effects: Effects, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Make the contracts of the trades of a frame, in their order; nothing may be refused any more."""
    notices: tuple[Notice, ...] = ()
    for fill, index in zip(effects.fills, _places(state, effects), strict=True):
        contract = _contract(state, fill, index, seq, now_ms)
        _start_columns_again(state, contract)
        contracts.hold(state, contract)
        contracts.wait_for_delivery(state, contract, contract.unit(ONE))
        budgets.count_fill(state, contract, now_ms)
        state.contracts.put(contract.id, contract)
        notices += contracts.contract_notices(contract)
    return notices


def _places(state: State, effects: Effects) -> list[int]:
    """Places of the trades with escrow among the events of an entry, which a frame begins."""
    escrow = {fill.market for fill in effects.fills}
    return [
        index
        for index, fields in enumerate(EVENT.iter_unpack(effects.events))
        if fields[0] == EventKind.TRADE and fields[4] in escrow
    ]


def _contract(state: State, fill: EscrowFill, index: int, seq: int, now_ms: UnixMs) -> Contract:
    listed = state.markets[fill.market].listed
    buyer, seller = state.seats[slot_of(fill.buy_order)], state.seats[slot_of(fill.sell_order)]
    rate = state.tax_basis_points[tax_row(listed.jurisdiction, listed.tax_category)]
    net_minor = net_within(fill.cash_minor, rate)  # the tax is in the price
    tax_minor, steps = fill.cash_minor - net_minor, fill.quantity * listed.lot_steps
    return Contract(
        id=trade_contract(state.network_id, seq=seq, index=index, time_ms=now_ms),
        state=contracts.STARTED,
        buyer=buyer.party,
        buyer_owner=buyer.owner,
        seller=seller.party,
        seller_owner=seller.owner,
        offer=_NO_OFFER,
        quantity_steps=steps,
        currency=listed.currency,
        net_minor=net_minor,
        tax_minor=tax_minor,
        total_minor=fill.cash_minor,
        created_ms=now_ms,
        inspection_ms=listed.inspection_ms,
        seq=seq,
        changed_seq=seq,
        units=(planned(ONE, steps, net_minor, tax_minor, now_ms + listed.delivery_ms),),
        mandate_leaf=buyer.mandate_leaf,
        history=(FulfilmentEvent(state=FULFILMENT.start, seq=seq, time_ms=now_ms, cause="Trade"),),
        market=fill.market,
        seller_leaf=seller.mandate_leaf,
    )


def _start_columns_again(state: State, contract: Contract) -> None:
    """Whoever traded may have turned over much: columns start again, so what is open can be paid out.

    The reserve of the seller is opened here, so that no release fails for want of room.
    """
    ledger, money = state.ledger, currency_of(contract.currency).ledger
    goods = state.markets[contract.market].goods_ledger
    for owner in (contract.buyer_owner, contract.seller_owner):
        number = state.party(owner).number
        for under, kind in ((money, AccountKind.OWNER_WALLET), (goods, AccountKind.GOODS)):
            account = ledger.find(owner=number, ledger=under, kind=kind)
            assert account is not None, "who trades has his accounts since his order was admitted"
            ledger.accounts.set_off(account)
    if state.charges.reserve_basis_points:
        ledger.accounts.set_off(reserve_account(state, contract.seller_owner, money))
