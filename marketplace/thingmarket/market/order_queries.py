"""Pure reads of markets, books, seats, resting orders and trades. [MKT-12]"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.ids import ContractId, NetworkId, PartyId, derived_id
from thingmarket.limits import DEPTH_LEVELS_MAX, SEARCH_RESULTS_MAX
from thingmarket.market.goods import market_of
from thingmarket.market.indexes import Reader
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.order_views import DepthSeen, MarketSeen, OrderSeen, SeatSeen, TradeSeen
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EventKind, MarketState, Side
from thingmarket.time import UnixMs
from thingmarket.trading.frame import slot_of
from thingmarket.trading.terms import BookShown, MarketTerms


def market_seen(state: State, market: int) -> MarketSeen:
    """A market as it is now (UNKNOWN_MARKET)."""
    record = market_of(state, market)
    bid_ticks, bid_lots, ask_ticks, ask_lots = state.desk.best(market)
    return MarketSeen(
        record=record,
        state=state.desk.state_of(market),
        bid_ticks=bid_ticks,
        bid_lots=bid_lots,
        ask_ticks=ask_ticks,
        ask_lots=ask_lots,
        next_change_ms=_next_change_ms(state, record),
    )


def markets_seen(state: State, after: int = 0) -> tuple[tuple[MarketSeen, ...], bool]:
    """Markets by ascending number behind one, at most 100, and whether there are more."""
    begin = bisect_right(state.books.numbers, after)
    numbers = state.books.numbers[begin : begin + SEARCH_RESULTS_MAX + 1]
    page = tuple(market_seen(state, number) for number in numbers[:SEARCH_RESULTS_MAX])
    return page, len(numbers) > SEARCH_RESULTS_MAX


def _next_change_ms(state: State, record: MarketRecord) -> int:
    listed, now_ms = record.listed, state.time_ms
    every_ms = listed.auction_every_ms
    auction_ms = (now_ms // every_ms + 1) * every_ms if every_ms else 0
    planned = (listed.opens_ms, listed.closes_ms, record.resumes_ms, auction_ms)
    if state.desk.state_of(listed.market) is MarketState.CLOSED:
        return 0
    return min((time_ms for time_ms in planned if time_ms > now_ms), default=0)


def depth_seen(state: State, party: PartyId, market: int, levels: int) -> DepthSeen:
    """The best levels of an open book; of a closed one for the operator (UNKNOWN_MARKET, NOT_PERMITTED)."""
    record = market_of(state, market)
    _check_shown(state, party, record)
    if not 1 <= levels <= DEPTH_LEVELS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"levels={levels} is not between 1 and {DEPTH_LEVELS_MAX}", "MKT-12")
    bids, asks = state.desk.depth(market, levels)
    return DepthSeen(market=market, seq=state.seq, bids=tuple(bids), asks=tuple(asks))


def _check_shown(state: State, party: PartyId, record: MarketRecord) -> None:
    if record.listed.book is not BookShown.OPEN and party != state.node:
        reason = "this book is closed: only its best prices and its last one are shown"
        raise Refusal(Code.NOT_PERMITTED, reason, "MKT-12")


def seat_seen(state: State, party: PartyId) -> SeatSeen:
    """The place of a known party, whether it has placed an order or not (UNKNOWN_PARTY). [MKT-6]"""
    slot = state.party(party).number
    seat = state.seats.get(slot)
    resting = state.desk.count_of(slot)
    return SeatSeen(
        slot=slot,
        last_counter=seat.last_counter if seat else 0,
        last_frame=seat.last_frame if seat else 0,
        mandate_leaf=seat.mandate_leaf if seat and resting else b"",
        resting_orders=resting,
    )


def orders_seen(
    state: State, reader: Reader, party: PartyId, after: int = 0
) -> tuple[tuple[OrderSeen, ...], bool]:
    """Resting orders of the reader, or of a thing of his, by id behind one; and whether there are more."""
    slot = state.party(party).number
    seat = state.seats.get(slot)
    if party != reader.party and (reader.party != reader.owner or seat is None or seat.owner != reader.owner):
        raise Refusal(Code.NOT_PERMITTED, "orders are seen by who placed them and his owner", "MKT-12")
    ids = state.desk.orders_after(slot, after, SEARCH_RESULTS_MAX + 1)
    page = tuple(_order(state, order_id) for order_id in ids[:SEARCH_RESULTS_MAX])
    return page, len(ids) > SEARCH_RESULTS_MAX


def _order(state: State, order_id: int) -> OrderSeen:
    order = state.desk.order(order_id)
    assert order is not None, "who rests is known"
    return OrderSeen(
        order_id=order_id,
        market=order.market,
        side=order.side,
        price_ticks=order.price,
        lots=order.remaining,
        expires_ms=state.expiries.get(order_id, 0),
    )


# --- trades of an entry


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrders:
    """Whose orders a reader knows: those of his slot; an owner also those that his things placed for him."""

    slot: int  # 0: none
    owner: PartyId | None = None

    def has(self, state: State, slot: int, seq: int) -> bool:
        """Whether an order of a slot that traded in an entry is one of them.

        Who had a thing before its owner of today, or has it after him, learns nothing of his trades.
        """
        if slot == self.slot:
            return True
        seat = None if self.owner is None else state.seats.get(slot)
        return seat is not None and seat.owner == self.owner and seat.owner_seq <= seq


NO_ORDERS: Final = OwnOrders(slot=0)


def own_orders(state: State, reader: Reader) -> OwnOrders:
    """Those that the reader may know."""
    slot = state.party(reader.party).number
    return OwnOrders(slot=slot, owner=reader.owner if reader.party == reader.owner else None)


def trade_contract(network_id: NetworkId, *, seq: int, index: int, time_ms: UnixMs) -> ContractId:
    """The id of the contract that a trade is: of the network, its entry and its place in that. [MKT-11]"""
    place = seq.to_bytes(8, "big") + index.to_bytes(4, "big")
    return ContractId(derived_id(time_ms, b"trade", network_id, place))


def trades_seen(
    state: State, reader: Reader | None, events: bytes, *, seq: int, time_ms: UnixMs
) -> Iterator[TradeSeen]:
    """The trades among the events of an entry; the reader's own ones with his orders, others without.

    Without a reader all are as strangers see them. Of closed books only own ones are given.
    """
    own = own_orders(state, reader) if reader else NO_ORDERS
    for index, fields in enumerate(EVENT.iter_unpack(events)):
        if fields[0] == EventKind.TRADE:
            seen = trade_seen(state, own, fields, seq=seq, index=index, time_ms=time_ms)
            if seen is not None:
                yield seen


def trade_seen(
    state: State, own: OwnOrders, fields: tuple[int, ...], *, seq: int, index: int, time_ms: UnixMs
) -> TradeSeen | None:
    """One trade out of the fields of its event, as whose orders those are sees it; None: not at all."""
    _, _, side, _, market, _, maker, taker, price, lots, _ = fields
    buy, sell = (taker, maker) if side == Side.BUY else (maker, taker)
    orders = (
        buy if own.has(state, slot_of(buy), seq) else 0,
        sell if own.has(state, slot_of(sell), seq) else 0,
    )
    if not any(orders) and state.markets[market].listed.book is not BookShown.OPEN:
        return None
    terms = _terms(state, market)
    cash = terms.cash(price, lots)
    return TradeSeen(
        contract=trade_contract(state.network_id, seq=seq, index=index, time_ms=time_ms),
        seq=seq,
        index=index,
        time_ms=time_ms,
        market=market,
        price_ticks=price,
        lots=lots,
        cash_minor=cash,
        fee_minor=terms.fee(cash),
        buy_order=orders[0],
        sell_order=orders[1],
    )


def _terms(state: State, market: int) -> MarketTerms:
    terms = state.desk.terms(market)
    assert terms is not None, "who trades has terms"
    return terms
