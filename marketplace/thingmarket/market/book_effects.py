"""What a call to the desk leaves behind: counters, deadlines, last prices, breakers, notices. [MKT-7]"""

from functools import lru_cache
from itertools import islice
from typing import Final

from thingmarket.ids import PartyId
from thingmarket.limits import FILL_NOTICES_MAX
from thingmarket.market import budgets
from thingmarket.market.bands import leaves_band
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EventKind, MarketState
from thingmarket.time import UnixMs
from thingmarket.trading.permits import Effects, Tally, Traded
from thingmarket.values import changed

_TRADED: Final = "TRADED"
_LEFT: Final = "LEFT"
_SLOT_BYTES: Final = 8


def settle(state: State, effects: Effects, now_ms: UnixMs, sender: int = 0) -> tuple[Notice, ...]:
    """Keep the books of one call; tell all whose orders it changed but the sender himself."""
    if not effects.events:
        return ()
    state.books.events.append(effects.events)
    _count(state, effects.tallies, now_ms)
    fees: dict[str, int] = {}
    for traded in effects.traded:
        record = _note_trades(state, traded, effects.events)
        if traded.fee_minor:
            currency = record.listed.currency
            fees[currency] = fees.get(currency, 0) + traded.fee_minor
    for currency, minor in fees.items():
        state.trade_fees.put(currency, state.trade_fees.get(currency, 0) + minor)
    assert sender or not effects.fills, "where a trade is a contract, only frames trade"
    if len(state.expiries):
        _end_expiries(state, effects.events)
    return _told(state, effects.tallies, sender)


def _count(state: State, tallies: tuple[Tally, ...], now_ms: UnixMs) -> None:
    currencies: dict[int, str] = {}
    seats, mandates = state.seats, state.mandates
    for slot, ledger, placed, opened, ended, _, held_minor, paid_minor in tallies:
        resting = opened - ended
        if not (placed or resting or held_minor or paid_minor):
            continue
        leaf = seats[slot].mandate_leaf
        if not leaf:
            continue  # an owner himself: nobody counts for him
        if ledger not in currencies:
            currencies[ledger] = state.currency_under(ledger)
        booked = (placed, resting, held_minor, paid_minor)
        links = mandates[leaf].effective.links  # type: ignore[index]  # a leaf is a digest
        budgets.count_book(state, links, currencies[ledger], now_ms, booked)


def _note_trades(state: State, traded: Traded, events: bytes) -> MarketRecord:
    """Keep the last price, and see whether the band was left. [MKT-9]"""
    record: MarketRecord = state.markets[traded.market]
    trades = state.desk.state_of(traded.market) is MarketState.CONTINUOUS  # an auction finds a new price
    reference = (record.reference_ticks or _first_price(events, traded.market)) if trades else traded.last
    halts = record.halts or (trades and leaves_band(record, reference, traded.low, traded.high))
    if (traded.last, reference, halts) != (record.last_ticks, record.reference_ticks, record.halts):
        now = changed(record, last_ticks=traded.last, reference_ticks=reference, halts=halts)
        state.markets.put(traded.market, now)
    return record


def _first_price(events: bytes, market: int) -> int:
    """What follows the very first trade of a market is measured from it, in the same frame already."""
    for kind, _, _, _, number, _, _, _, price, _, _ in EVENT.iter_unpack(events):
        if kind == EventKind.TRADE and number == market:
            first: int = price
            return first
    raise AssertionError("a market that traded has a trade")


def _told(state: State, tallies: tuple[Tally, ...], sender: int) -> tuple[Notice, ...]:
    """Whose resting orders traded or left the book, by ascending slot."""
    words: dict[int, str] = {}
    for slot, _, _, _, ended, fills, _, _ in tallies:
        if slot != sender and (fills or ended):
            words[slot] = _TRADED if fills else words.get(slot, _LEFT)
    seats = state.seats
    return tuple(
        [_notice(seats[slot].owner, slot, word) for slot, word in islice(words.items(), FILL_NOTICES_MAX)]
    )


@lru_cache(maxsize=4096)  # the same few tell most of what happens in a book
def _notice(owner: PartyId, slot: int, word: str) -> Notice:
    return Notice(owner, NoticeKind.FILL, _name(slot), word)


# --- expiries


def set_expiry(state: State, order_id: int, expires_ms: int) -> None:
    """An order rests until then; 0: it does not expire by itself any more. [MKT-10]"""
    end_expiry(state, order_id)
    if expires_ms:
        state.expiries.put(order_id, expires_ms)
        state.timers.set(expires_ms, TimerKind.ORDER, _name(order_id))


def _end_expiries(state: State, events: bytes) -> None:
    """What is gone expires no more; what never had a time is passed over."""
    for kind, _, _, _, _, _, maker, taker, _, _, left in EVENT.iter_unpack(events):
        if kind == EventKind.TRADE:
            if not left:
                end_expiry(state, maker)
            # A sell of an auction and an order that came in again at another price rested, too.
            if taker in state.expiries and state.desk.order(taker) is None:
                end_expiry(state, taker)
        elif kind in (EventKind.CANCELED, EventKind.EXPIRED):
            end_expiry(state, taker)


def end_expiry(state: State, order_id: int) -> None:
    """An order rests no more, or for another time."""
    deadline_ms = state.expiries.get(order_id)
    if deadline_ms is not None:
        state.expiries.drop(order_id)
        state.timers.cancel(deadline_ms, TimerKind.ORDER, _name(order_id))


def expired(state: State, name: bytes, now_ms: UnixMs) -> tuple[Notice, ...]:
    """The time of an order has come. [MKT-10]"""
    order_id = int.from_bytes(name, "big")
    if order_id in state.expiries:
        state.expiries.drop(order_id)
    return settle(state, state.desk.expire((order_id,)), now_ms)


def _name(order_id: int) -> bytes:
    return order_id.to_bytes(_SLOT_BYTES, "big")
