"""Goods of an owner that sell orders are held from: brought in and taken out again. [MKT-4]"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import PartyId
from thingmarket.limits import GOODS_MARKETS_PER_PAGE, GOODS_OWNED_MAX, LEDGER_AMOUNT_MAX
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import GUARDED
from thingmarket.market.indexes import Reader
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.order_views import GoodsSeen
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.matching.records import Side
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.time import UnixMs
from thingmarket.trading.commands import DeclareGoods, WithdrawGoods

_BUY: Final = int(Side.BUY)  # plain numbers: enums are slow here


def declare(state: State, command: Command, body: DeclareGoods, authority: Authority) -> Result:
    """Bring goods into the owner's own account. [MKT-4]"""
    record = market_of(state, body.market)
    decision = _permitted(state, authority, record)
    ledger, number = state.ledger, state.party(authority.owner).number
    origin = ledger.find(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS_ORIGIN)
    declared = ledger.balance(origin).debits_posted if origin else 0
    own = ledger.find(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS)
    credited = ledger.balance(own).credits_posted if own else 0
    if max(declared, credited) + body.quantity_steps > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "the goods ever declared would pass 2^62 steps", "MKT-4")
    name = derived_id_of(command.body_digest, authority.now_ms, TransferCode.STOCK)
    ledger.check_room(2)
    ledger.check_unused(name)
    source = ledger.open(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS_ORIGIN)
    target = ledger.open(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS, flags=GUARDED)
    _move(state, authority.now_ms, _transfer(record, name, source, target, body.quantity_steps))
    return _told(authority, name, decision, "DECLARED")


def withdraw(state: State, command: Command, body: WithdrawGoods, authority: Authority) -> Result:
    """Take free goods out of the owner's own account. [MKT-4]"""
    record = market_of(state, body.market)
    decision = _permitted(state, authority, record)
    ledger, number = state.ledger, state.party(authority.owner).number
    own = ledger.find(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS)
    free = ledger.balance(own).free if own else 0
    if own is None or free < body.quantity_steps:
        raise Refusal(Code.OUT_OF_STOCK, f"{free} steps are free; cancel orders that hold more", "MKT-4")
    name = derived_id_of(command.body_digest, authority.now_ms, TransferCode.STOCK)
    ledger.check_room(1)
    ledger.check_unused(name)
    origin = ledger.open(owner=number, ledger=record.goods_ledger, kind=AccountKind.GOODS_ORIGIN)
    if ledger.balance(origin).credits_posted + body.quantity_steps > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "the goods ever withdrawn would pass 2^62 steps", "MKT-4")
    _move(state, authority.now_ms, _transfer(record, name, own, origin, body.quantity_steps))
    return _told(authority, name, decision, "WITHDRAWN")


def check_goods_owned(
    state: State, records: Mapping[int, MarketRecord], sides: Iterable[tuple[int, int]], owner: PartyId
) -> None:
    """Refuse to buy more of what somebody has very much of: an account has an end. [MKT-4]"""
    ledgers = [records[market].goods_ledger for market, side in sides if side == _BUY and market in records]
    most = state.ledger.accounts.most_owned(state.party(owner).number, AccountKind.GOODS, ledgers)
    if most > GOODS_OWNED_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "more than 2^61 steps are there: withdraw some first", "MKT-4")


def goods_seen(state: State, reader: Reader, after: int = 0) -> tuple[tuple[GoodsSeen, ...], int]:
    """Goods of the reader's owner in markets behind one; and the last market looked at, 0 when at the end."""
    begin = bisect_right(state.books.numbers, after)
    numbers = state.books.numbers[begin : begin + GOODS_MARKETS_PER_PAGE + 1]
    page = numbers[:GOODS_MARKETS_PER_PAGE]
    owner = state.party(reader.owner).number
    rows = [_goods(state, owner, state.markets[number]) for number in page]
    return tuple(row for row in rows if row is not None), page[-1] if len(numbers) > len(page) else 0


def _goods(state: State, owner: int, record: MarketRecord) -> GoodsSeen | None:
    ledger, listed = state.ledger, record.listed
    own = ledger.find(owner=owner, ledger=record.goods_ledger, kind=AccountKind.GOODS)
    if own is None:
        return None
    balance = ledger.balance(own)
    return GoodsSeen(
        market=listed.market,
        product_id=listed.product_id,
        unit=listed.unit,
        unit_scale=listed.unit_scale,
        owned_steps=balance.credits_posted - balance.debits_posted,
        held_steps=balance.debits_pending,
        free_steps=balance.free,
    )


def market_of(state: State, market: int) -> MarketRecord:
    """A market that was opened (UNKNOWN_MARKET)."""
    record: MarketRecord | None = state.markets.get(market)
    if record is None:
        raise Refusal(Code.UNKNOWN_MARKET, f"there is no market {market}", "MKT-2")
    return record


def _permitted(state: State, authority: Authority, record: MarketRecord) -> Decision:
    act = Act(
        action=Action.SELL,
        time_ms=authority.now_ms,
        node=state.node,
        category=record.listed.category,
        product_id=record.listed.product_id,
    )
    return permit(state, authority, act)


def _transfer(
    record: MarketRecord, name: bytes, debit: AccountNumber, credit: AccountNumber, steps: int
) -> Transfer:
    return Transfer(
        id=name,
        debit=debit,
        credit=credit,
        amount=steps,
        ledger=record.goods_ledger,
        code=TransferCode.STOCK,
    )


def _move(state: State, now_ms: UnixMs, transfer: Transfer) -> None:
    status = state.ledger.submit(transfer.pack(), now_ms)[0]
    assert status == Status.CREATED, f"the guards were asked before, yet {status}"


def _told(authority: Authority, name: bytes, decision: Decision, word: str) -> Result:
    notice = Notice(authority.owner, NoticeKind.BALANCE, name, word)
    return Result(reference=name, decision=decision, notices=(notice,))
