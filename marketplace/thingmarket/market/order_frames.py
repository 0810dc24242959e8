"""A frame of orders: from one signed command to the book, order by order. [MKT-5]"""

from collections.abc import Iterable
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.market.authority import Authority
from thingmarket.market.bands import order_band
from thingmarket.market.book_effects import set_expiry, settle
from thingmarket.market.entries import Command
from thingmarket.market.explained import explained
from thingmarket.market.fills import check_room_for_contracts, open_contracts
from thingmarket.market.goods import check_goods_owned
from thingmarket.market.order_permits import headroom_of, on_probation, permits_of, without_room
from thingmarket.market.order_records import MarketRecord, Seat
from thingmarket.market.records import PartyRecord, ThingRecord
from thingmarket.market.result import Result
from thingmarket.market.seats import remember_frame
from thingmarket.market.state import State
from thingmarket.market.thing_standing import orders_of_day, trading_thing
from thingmarket.matching.records import MarketState
from thingmarket.time import UnixMs, utc_day
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import DEADLINE
from thingmarket.trading.permits import Placed
from thingmarket.trading.terms import Settlement
from thingmarket.values import changed

_FIRST: Final = 0


def place(state: State, command: Command, body: PlaceOrders, authority: Authority, seq: int) -> Result:
    """Place a frame; what is wrong with one order is told of that one. [MKT-5] [MKT-7]"""
    sender, now_ms = state.party(command.header.sender), authority.now_ms
    seat = _seat(state, sender, authority, body, seq)
    # On probation its permits say how much it may buy; whether it may act at all is asked once.
    thing = None if authority.mandate is None else trading_thing(state, authority.mandate)
    sides = state.desk.touched(body.orders)
    permits = permits_of(state, authority, thing, sides)
    records = _records(state, sides)
    headroom = headroom_of(state, authority, thing, _currencies(records.values()))
    check_goods_owned(state, records, sides, authority.owner)
    if escrow := [record for record in records.values() if record.listed.settlement is Settlement.ESCROW]:
        check_room_for_contracts(state, escrow, body.orders)
        permits |= without_room(escrow, permits, headroom)
    placed = state.desk.place(
        body.orders,
        slot=sender.number,
        owner_number=state.party(authority.owner).number,
        last_counter=seat.last_counter,
        permits=permits,
        headroom=headroom,
        bands=_bands(state, records.values()),
        now_ms=now_ms,
        acts_for_owner=authority.mandate is None,
    )
    frame = (body.orders, placed.statuses)
    decision = explained(state, authority, thing, frame, permits=permits, headroom=headroom)
    # From here on nothing can be refused any more: the book and the ledger have changed.
    state.seats.put(sender.number, changed(seat, last_counter=placed.last_counter, last_frame=body.frame))
    notices = settle(state, placed, now_ms, sender.number)
    if placed.fills:
        notices += open_contracts(state, placed, seq, now_ms)
    for order_id, expires_ms in DEADLINE.iter_unpack(placed.deadlines):
        set_expiry(state, order_id, expires_ms)
    _count_orders(state, thing, placed, now_ms)
    remember_frame(state, sender.number, command, body, seq=seq, now_ms=now_ms, statuses=placed.statuses)
    return Result(notices=notices, decision=decision, statuses=placed.statuses)


def _seat(state: State, sender: PartyRecord, authority: Authority, body: PlaceOrders, seq: int) -> Seat:
    """The sender's seat as of this frame (KEY_TOO_OLD, WRONG_STATE). [MKT-6]"""
    leaf = b"" if authority.mandate is None else authority.mandate.leaf
    seat = state.seats.get(sender.number)
    if seat is None:
        return Seat(
            party=sender.id, owner=authority.owner, mandate_leaf=leaf, last_counter=_FIRST, last_frame=_FIRST
        )
    if body.frame <= seat.last_frame:
        raise Refusal(Code.KEY_TOO_OLD, f"the last frame was {seat.last_frame}; numbers only grow", "MKT-6")
    if seat.mandate_leaf == leaf and seat.owner == authority.owner:
        return seat
    if state.desk.count_of(sender.number):
        raise Refusal(
            Code.WRONG_STATE, "orders of this thing rest under another mandate; cancel them first", "MKT-6"
        )
    owner_seq = seat.owner_seq if seat.owner == authority.owner else seq
    return changed(seat, owner=authority.owner, mandate_leaf=leaf, owner_seq=owner_seq)


def _records(state: State, sides: tuple[tuple[int, int], ...]) -> dict[int, MarketRecord]:
    """The known markets that a frame touches, ascending."""
    markets = state.markets
    return {market: markets[market] for market, _ in sides if market in markets}


def _currencies(records: Iterable[MarketRecord]) -> list[str]:
    return list(dict.fromkeys([record.listed.currency for record in records]))


def _bands(state: State, records: Iterable[MarketRecord]) -> dict[int, tuple[int, int]]:
    """Of markets that trade; an auction has to be able to find any price. [MKT-9]"""
    bands = {}
    for record in records:
        listed = record.listed
        if listed.band_basis_points and state.desk.state_of(listed.market) is MarketState.CONTINUOUS:
            band = order_band(record)
            if band is not None:
                bands[record.listed.market] = band
    return bands


def _count_orders(state: State, thing: ThingRecord | None, placed: Placed, now_ms: UnixMs) -> None:
    """On probation the orders of a day are counted with the thing, too. [THG-13]"""
    if thing is None or not on_probation(state, thing):
        return
    count = sum(tally.placed for tally in placed.tallies)
    if count:
        orders = orders_of_day(thing, now_ms) + count
        state.things.put(
            (thing.owner, thing.thing), changed(thing, orders_of_day=orders, day=utc_day(now_ms))
        )
