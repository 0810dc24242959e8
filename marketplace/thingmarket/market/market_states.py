"""Markets: opened by the operator; what they take by his word, by schedule, after a breaker. [MKT-2]"""

from typing import Final

from thingmarket.catalog.offers import tax_row
from thingmarket.errors import Code, Refusal
from thingmarket.limits import MARKETS_MAX
from thingmarket.market.book_effects import settle
from thingmarket.market.desk_terms import desk_terms
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.goods import market_of
from thingmarket.market.listings import GOODS_LEDGERS_FROM
from thingmarket.market.order_records import Change, MarketRecord
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.matching.records import MarketState, Reason
from thingmarket.time import UnixMs
from thingmarket.trading.commands import DerivedState, ListedMarket, OpenMarket, SetMarketState
from thingmarket.trading.frame import book_status
from thingmarket.trading.terms import Settlement
from thingmarket.values import changed

_NUMBER_BYTES: Final = 8
_GATHERS: Final = (MarketState.PRE_OPEN, MarketState.AUCTION)


def open_market(state: State, command: Command, body: OpenMarket, seq: int, now_ms: UnixMs) -> Result:
    """The operator opens a market. [MKT-2]"""
    _check_operator(state, command)
    listed = body.terms
    if listed.currency not in state.currencies:
        raise Refusal(Code.UNKNOWN_CURRENCY, f"this node has no ledger for {listed.currency}", "MKT-2")
    row = tax_row(listed.jurisdiction, listed.tax_category)
    if listed.settlement is Settlement.ESCROW and row not in state.tax_basis_points:
        raise Refusal(Code.UNKNOWN_TAX_CATEGORY, f"this node has no tax row {row}", "MKT-16")
    if listed.market in state.markets:
        raise Refusal(Code.ALREADY_KNOWN, f"market {listed.market} was opened already", "MKT-2")
    if len(state.markets) >= MARKETS_MAX:
        raise Refusal(Code.FULL, f"this node has {MARKETS_MAX} markets already", "MKT-2")
    _check_unit(state, listed)
    if listed.closes_ms and listed.closes_ms <= now_ms:
        raise Refusal(Code.BAD_FIELD, "closes_ms: this time has passed", "MKT-2")
    goods_ledger = state.goods_ledgers.get(listed.product_id)
    if goods_ledger is None:
        goods_ledger = GOODS_LEDGERS_FROM + len(state.goods_ledgers)
        state.goods_ledgers.put(listed.product_id, goods_ledger)
    record = MarketRecord(listed=listed, goods_ledger=goods_ledger, seq=seq)
    state.markets.put(listed.market, record)
    state.desk.open_market(desk_terms(record))
    # Nothing is refused any more: the desk has the market.
    first = _begun(listed) if listed.opens_ms <= now_ms else MarketState.PRE_OPEN
    notices = _set(state, record, first, now_ms) if first is not MarketState.CONTINUOUS else ()
    if listed.opens_ms > now_ms:
        _schedule(state, listed.market, Change.OPEN, listed.opens_ms)
    elif first is MarketState.AUCTION:
        _schedule_auction(state, listed, now_ms)
    if listed.closes_ms:
        _schedule(state, listed.market, Change.CLOSE, listed.closes_ms)
    return Result(reference=_name(listed.market), notices=notices or (_notice(state, record, first),))


def set_state(state: State, command: Command, body: SetMarketState, now_ms: UnixMs) -> Result:
    """The operator puts a market into another state. [MKT-3]"""
    _check_operator(state, command)
    record = market_of(state, body.market)
    was = state.desk.state_of(body.market)
    if was is MarketState.CLOSED:
        raise Refusal(book_status(Reason.WRONG_STATE), "a closed market stays closed", "MKT-3")
    if record.listed.settlement is Settlement.ESCROW and body.state in _GATHERS:
        raise Refusal(Code.BAD_FIELD, "a market with escrow holds no auctions", "MKT-16")
    if body.uncross and was is not MarketState.AUCTION:
        raise Refusal(book_status(Reason.WRONG_STATE), "only an auction is uncrossed", "MKT-3")
    if body.state is MarketState.CONTINUOUS and not body.uncross and _is_crossed(state, body.market):
        raise Refusal(book_status(Reason.BOOK_CROSSED), "the book has to be uncrossed first", "MKT-3")
    notices: tuple[Notice, ...] = ()
    if body.state in _GATHERS and not body.uncross:  # his word against a price that nobody meant
        state.markets.put(body.market, changed(record, reference_ticks=0))
    if body.uncross:
        notices = _uncross(state, record, now_ms)
    notices += _set(state, record, body.state, now_ms)
    if body.state is MarketState.HALTED:  # by the operator's word, whatever a breaker said before
        _resume_no_more(state, record)
    return Result(reference=_name(body.market), notices=notices)


# --- by schedule


def market_due(state: State, name: bytes, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A market opens, closes or goes on after a halt, as its terms say. [MKT-3]"""
    record = state.markets[int.from_bytes(name[:_NUMBER_BYTES], "big")]
    change, number = Change(name[_NUMBER_BYTES]), record.listed.market
    now = state.desk.state_of(number)
    if change is Change.CLOSE and now is not MarketState.CLOSED:
        return _set(state, record, MarketState.CLOSED, now_ms)
    if change is Change.RESUME and now is MarketState.HALTED and record.resumes_ms:
        return _go_on(state, record, now_ms)
    if change is Change.OPEN and now is MarketState.PRE_OPEN:
        return _go_on(state, record, now_ms)
    return ()  # the operator decided otherwise meanwhile


def auction_due(state: State, name: bytes, now_ms: UnixMs) -> tuple[Notice, ...]:
    """The next auction of a market is held. [MKT-3]"""
    record = state.markets[int.from_bytes(name, "big")]
    now = state.desk.state_of(record.listed.market)
    if now is MarketState.CLOSED:
        return ()
    _schedule_auction(state, record.listed, now_ms)
    return _uncross(state, record, now_ms) if now is MarketState.AUCTION else ()


def _go_on(state: State, record: MarketRecord, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Begin to trade: by auction as the market does, or by one auction of what has come meanwhile."""
    listed = record.listed
    if _begun(listed) is MarketState.AUCTION:
        _schedule_auction(state, listed, now_ms)
        return _set(state, record, MarketState.AUCTION, now_ms)
    settled = settle(state, state.desk.set_state(listed.market, MarketState.AUCTION), now_ms)
    settled += _uncross(state, record, now_ms)
    return settled + _set(state, state.markets[listed.market], MarketState.CONTINUOUS, now_ms)


# --- after a breaker


def derived(state: State) -> DerivedState | None:
    """What the very next entry has to be: the lowest market whose trades left its band halts. [MKT-9]"""
    halting = state.books.halting
    return DerivedState(market=halting[0], state=MarketState.HALTED) if halting else None


def halt(state: State, content: DerivedState, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Halt a market as was derived; it goes on by itself where its terms say so. [MKT-9]"""
    assert derived(state) == content, "a derived entry is what the one before led to"
    record: MarketRecord = state.markets[content.market]
    resumes_ms = now_ms + record.listed.halt_ms if record.listed.halt_ms else 0
    record = changed(record, halts=False, resumes_ms=resumes_ms, reference_ticks=record.last_ticks)
    state.markets.put(content.market, record)
    if resumes_ms:
        _schedule(state, content.market, Change.RESUME, resumes_ms)
    return _set(state, record, content.state, now_ms)


# --- what all of them do


def _set(state: State, record: MarketRecord, to: MarketState, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Put a market into a state; when it closes, its orders leave the book."""
    number = record.listed.market
    notices = settle(state, state.desk.set_state(number, to), now_ms)
    if to is MarketState.CLOSED:
        notices += settle(state, state.desk.cancel_orders(state.desk.orders_in(number)), now_ms)
    if to is not MarketState.HALTED:
        _resume_no_more(state, record)
    return (*notices, _notice(state, record, to))


def _resume_no_more(state: State, record: MarketRecord) -> None:
    """The time when a halted market would go on by itself is off."""
    number = record.listed.market
    if record.resumes_ms:
        state.timers.cancel(record.resumes_ms, TimerKind.MARKET, _name(number) + bytes((Change.RESUME,)))
        state.markets.put(number, changed(state.markets[number], resumes_ms=0))


def _uncross(state: State, record: MarketRecord, now_ms: UnixMs) -> tuple[Notice, ...]:
    return settle(state, state.desk.uncross(record.listed.market, record.last_ticks), now_ms)


def _is_crossed(state: State, market: int) -> bool:
    bid, _, ask, _ = state.desk.best(market)
    return 0 < ask <= bid


def _begun(listed: ListedMarket) -> MarketState:
    return MarketState.AUCTION if listed.auction_every_ms else MarketState.CONTINUOUS


def _schedule(state: State, market: int, change: Change, deadline_ms: int) -> None:
    state.timers.set(deadline_ms, TimerKind.MARKET, _name(market) + bytes((change,)))


def _schedule_auction(state: State, listed: ListedMarket, now_ms: UnixMs) -> None:
    every_ms = listed.auction_every_ms
    state.timers.set((now_ms // every_ms + 1) * every_ms, TimerKind.AUCTION, _name(listed.market))


def _check_unit(state: State, listed: ListedMarket) -> None:
    """Goods are counted in steps, which are the same ones in all markets of a product."""
    first = state.books.first_of.get(listed.product_id)
    if first is None:
        return
    other: ListedMarket = state.markets[first].listed
    if (listed.unit, listed.unit_scale) != (other.unit, other.unit_scale):
        raise Refusal(
            Code.BAD_FIELD,
            f"unit: market {first} counts this product in {other.unit} of scale {other.unit_scale}",
            "MKT-2",
        )


def _check_operator(state: State, command: Command) -> None:
    if command.header.sender != state.node:
        raise Refusal(Code.OPERATOR_ONLY, "only the operator opens markets and sets their states", "MKT-2")


def _notice(state: State, record: MarketRecord, to: MarketState) -> Notice:
    return Notice(state.node, NoticeKind.MARKET, _name(record.listed.market), to.name)


def _name(market: int) -> bytes:
    return market.to_bytes(_NUMBER_BYTES, "big")
