"""What a call to the desk leaves behind: counters, deadlines, last prices, breakers, notices. [MKT-7]"""

from typing import Final

from thingmarket.ids import Digest
from thingmarket.limits import FILL_NOTICES_MAX
from thingmarket.market import budgets
from thingmarket.market.bands import band_of
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EventKind
from thingmarket.policy.spending import Booked
from thingmarket.time import UnixMs
from thingmarket.trading.frame import slot_of
from thingmarket.trading.permits import Effects, Tally, Traded
from thingmarket.values import changed

_TRADED: Final = "TRADED"
_LEFT: Final = "LEFT"
_SLOT_BYTES: Final = 8


def settle(state: State, effects: Effects, now_ms: UnixMs, sender: int = 0) -> tuple[Notice, ...]:
    """Keep the books of one call; tell all whose orders it changed but the sender's own slot."""
    if not effects.events:
        return ()
    state.books.events.append(effects.events)
    for tally in effects.tallies:
        _count(state, tally, now_ms)
    for traded in effects.traded:
        _note_trades(state, traded)
    _note_fees(state, effects)
    assert not effects.fills, "a market with escrow is not opened yet"
    return _told(state, effects.events, sender)


def _count(state: State, tally: Tally, now_ms: UnixMs) -> None:
    seat = state.seats.get(tally.slot)
    if seat is None or not seat.mandate_leaf:
        return  # an owner himself: nobody counts for him
    booked = Booked(
        placed=tally.placed,
        resting=tally.opened - tally.ended,
        held_minor=tally.held_minor,
        paid_minor=tally.paid_minor,
    )
    links = state.mandates[Digest(seat.mandate_leaf)].effective.links
    budgets.count_book(state, links, state.currency_under(tally.money_ledger), now_ms, booked)


def _note_trades(state: State, traded: Traded) -> None:
    record: MarketRecord = state.markets[traded.market]
    band = band_of(record)
    halts = band is not None and not (band[0] <= traded.low and traded.high <= band[1])
    state.markets.put(traded.market, changed(record, last_ticks=traded.last, halts=record.halts or halts))


def _note_fees(state: State, effects: Effects) -> None:
    """Fees of trades are told apart from those of contracts, which have invoices. [MKT-11]"""
    asking = {one.market for one in effects.traded if state.markets[one.market].listed.fee_basis_points}
    if not asking:
        return
    fees: dict[str, int] = {}
    for kind, _, _, _, market, _, _, _, price, quantity, _ in EVENT.iter_unpack(effects.events):
        if kind == EventKind.TRADE and market in asking:
            terms = state.desk.terms(market)
            assert terms is not None, "who trades has terms"
            fee = terms.fee(terms.cash(price, quantity))
            fees[terms.currency] = fees.get(terms.currency, 0) + fee
    for currency in sorted(fees):
        state.trade_fees.put(currency, (state.trade_fees.get(currency) or 0) + fees[currency])


def _told(state: State, events: bytes, sender: int) -> tuple[Notice, ...]:
    """Go through the events once: expiries of what is gone are dropped, and whose it was is told."""
    words: dict[int, str] = {}
    expiries = state.expiries if len(state.expiries) else None
    for kind, _, _, _, _, _, maker, taker, _, _, left in EVENT.iter_unpack(events):
        if kind == EventKind.TRADE:
            words[slot_of(maker)] = words[slot_of(taker)] = _TRADED
            if expiries is not None and not left:
                end_expiry(state, maker)
        elif kind in (EventKind.CANCELED, EventKind.EXPIRED):
            words.setdefault(slot_of(taker), _LEFT)
            if expiries is not None:
                end_expiry(state, taker)
    words.pop(sender, None)
    notices = []
    for slot in sorted(words)[:FILL_NOTICES_MAX]:
        seat = state.seats[slot]
        reference = slot.to_bytes(_SLOT_BYTES, "big")
        notices.append(Notice(seat.owner, NoticeKind.FILL, reference, words[slot]))
    return tuple(notices)


# --- expiries


def set_expiry(state: State, order_id: int, expires_ms: int) -> None:
    """An order rests until then; 0: it does not expire by itself any more. [MKT-10]"""
    end_expiry(state, order_id)
    if expires_ms:
        state.expiries.put(order_id, expires_ms)
        state.timers.set(expires_ms, TimerKind.ORDER, _name(order_id))


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
