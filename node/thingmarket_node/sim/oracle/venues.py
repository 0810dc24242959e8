"""Markets: what may be said of them, what happens by schedule, what must follow an entry. [MKT-3] [MKT-9]"""

from collections.abc import Callable, Iterator
from functools import partial

from thingmarket.ids import PartyId
from thingmarket.market.entries import Command, TimersDue
from thingmarket.market.order_records import Change
from thingmarket.matching.records import MarketState, Side, unpack_events
from thingmarket.trading.commands import DeclareGoods, DerivedState, OpenMarket, SetMarketState, WithdrawGoods
from thingmarket_node.sim.oracle import trades
from thingmarket_node.sim.oracle.book import Venue, told_of
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.world import require

_ORDER, _AUCTION, _MARKET = 15, 16, 17
Deadline = tuple[int, int, bytes]
"""Moment, kind as the protocol numbers them, reference."""


def may_be(memory: Memory, body: OpenMarket | SetMarketState) -> bool:
    """Whether the operator may say this of a market."""
    if isinstance(body, OpenMarket):
        return body.terms.market not in memory.venues
    venue = memory.venues.get(body.market)
    if venue is None or venue.state is MarketState.CLOSED:
        return False
    if venue.is_escrow and body.state in (MarketState.PRE_OPEN, MarketState.AUCTION):
        return False
    if body.uncross:
        return venue.state is MarketState.AUCTION
    return body.state is not MarketState.CONTINUOUS or not _is_crossed(memory, body.market)


def _is_crossed(memory: Memory, market: int) -> bool:
    buys, sells = memory.book.makers(market, Side.BUY), memory.book.makers(market, Side.SELL)
    return bool(buys and sells) and buys[0].price >= sells[0].price


def may_move_goods(memory: Memory, body: DeclareGoods | WithdrawGoods, owner: PartyId) -> bool:
    """Whether there is such a market, and as much of its goods as is taken out."""
    venue = memory.venues.get(body.market)
    if venue is None:
        return False
    free = memory.free_goods(owner, venue.listed.product_id)
    return isinstance(body, DeclareGoods) or body.quantity_steps <= free


def apply(
    memory: Memory,
    body: OpenMarket | SetMarketState | DeclareGoods | WithdrawGoods,
    owner: PartyId,
    now_ms: int,
) -> None:
    """What the operator said of a market, and owners of their goods, comes true."""
    match body:
        case OpenMarket():
            _open(memory, body, now_ms)
        case SetMarketState():
            venue = memory.venues[body.market]
            if body.state in (MarketState.PRE_OPEN, MarketState.AUCTION) and not body.uncross:
                venue.reference = 0
            if body.uncross:
                trades.uncross(memory, venue, now_ms)
            trades.set_state(memory, venue, body.state, now_ms)
            venue.resumes_ms = 0
        case _:
            product = memory.venues[body.market].listed.product_id
            steps = body.quantity_steps if isinstance(body, DeclareGoods) else -body.quantity_steps
            memory.goods[owner, product] = memory.goods.get((owner, product), 0) + steps


def _open(memory: Memory, body: OpenMarket, now_ms: int) -> None:
    """It trades at once; by auction when its terms say so. Nobody in the simulation opens one for later."""
    assert body.terms.opens_ms == 0, "the oracle knows no market that opens later"
    venue = memory.venues[body.terms.market] = Venue(body.terms, MarketState.CONTINUOUS)
    if body.terms.auction_every_ms:
        trades.set_state(memory, venue, MarketState.AUCTION, now_ms)
        venue.auction_ms = trades.next_auction(venue, now_ms)


# --- what is due


def deadlines(memory: Memory, now_ms: int) -> Iterator[tuple[Deadline, Callable[[], None]]]:
    """Orders that expire, auctions, halts that are over, markets that close."""
    for order in memory.book.orders:
        if order.expires_ms:
            expires = partial(trades.expire, memory, order, order.expires_ms)
            yield (order.expires_ms, _ORDER, order.id.to_bytes(8, "big")), expires
    for market, venue in memory.venues.items():
        name = market.to_bytes(8, "big")
        if venue.state is MarketState.CLOSED:
            continue
        if venue.auction_ms:
            yield (venue.auction_ms, _AUCTION, name), partial(_auction, memory, venue, now_ms)
        if venue.resumes_ms:
            resume = partial(_resume, memory, venue, now_ms)
            yield (venue.resumes_ms, _MARKET, name + bytes((Change.RESUME,))), resume
        if venue.listed.closes_ms:
            close = partial(_close, memory, venue, now_ms)
            yield (venue.listed.closes_ms, _MARKET, name + bytes((Change.CLOSE,))), close


def _auction(memory: Memory, venue: Venue, now_ms: int) -> None:
    venue.auction_ms = trades.next_auction(venue, now_ms)
    if venue.state is MarketState.AUCTION:
        trades.uncross(memory, venue, now_ms)


def _resume(memory: Memory, venue: Venue, now_ms: int) -> None:
    if venue.state is MarketState.HALTED and venue.resumes_ms:
        trades.go_on(memory, venue, now_ms)


def _close(memory: Memory, venue: Venue, now_ms: int) -> None:
    if venue.state is not MarketState.CLOSED:
        trades.set_state(memory, venue, MarketState.CLOSED, now_ms)


# --- what an entry must be, and say


def check_derived(memory: Memory, content: object, seq: int) -> None:
    """The entry after one that left a breaker's band halts the market, and no other entry does."""
    owed = sorted(market for market, venue in memory.venues.items() if venue.halts)
    if isinstance(content, DerivedState):
        right = owed[:1] == [content.market] and content.state is MarketState.HALTED
        require(right, "derived", f"entry {seq} halts {content.market}, and {owed[:1]} was to be halted")
    elif isinstance(content, Command | TimersDue):
        require(not owed, "derived", f"entry {seq} should have halted {owed}")


def check_events(memory: Memory, events: bytes, seq: int) -> None:
    """The book did what it had to, and nothing else, one event after the other."""
    found = list(unpack_events(events))
    made = [told_of(event) for event in found]
    told, memory.book.told = memory.book.told, []
    require(made == told, "events", f"entry {seq}: {made}, not {told}")
    numbers = [event.seq for event in found]
    first = memory.book.events + 1
    memory.book.events += len(numbers)
    whole = numbers == list(range(first, first + len(numbers)))
    require(whole, "events", f"entry {seq}: numbered {numbers}, not from {first}")
