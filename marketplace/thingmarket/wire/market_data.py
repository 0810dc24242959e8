"""Markets, seats, resting orders, trades and market data as they are asked for and told. [MKT-12]"""

from collections.abc import Iterable
from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.limits import (
    DEPTH_LEVELS_MAX,
    FILL_TRADES_TOLD_MAX,
    GOODS_MARKETS_PER_PAGE,
    INTEGER_MAX,
    MARKET_TRADES_WAITING_MAX,
    SEARCH_RESULTS_MAX,
)
from thingmarket.market.order_views import (
    DepthSeen,
    GoodsSeen,
    MarketSeen,
    OrderSeen,
    SeatSeen,
    TradeSeen,
    TradesSeen,
)
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import ListedMarket
from thingmarket.v1 import market_data_pb2 as pb
from thingmarket.v1 import order_pb2
from thingmarket.wire.orders import (
    depth_message,
    market_message,
    order_message,
    read_order,
    read_seat,
    read_trade,
    seat_message,
    terms_value,
    trade_message,
)
from thingmarket.wire.strict import member

Levels = tuple[tuple[int, int, int], ...]
"""Price, lots and number of orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSeen:
    """A market as a caller sees it; what is 0 is not there."""

    terms: ListedMarket
    state: MarketState
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    last_ticks: int
    next_change_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNews:
    """One message of a watched market; in what is no snapshot a level with 0 lots is gone."""

    seq: int
    snapshot: bool
    state: MarketState
    bids: Levels
    asks: Levels
    trades: tuple[TradeSeen, ...]
    trades_missed: int


# --- seats and orders


def seat_request() -> pb.GetSeatRequest:
    """Ask for the own seat."""
    return pb.GetSeatRequest()


def seat_response(seen: SeatSeen) -> pb.GetSeatResponse:
    """Tell where somebody stands."""
    return pb.GetSeatResponse(seat=seat_message(seen))


def read_seat_response(message: pb.GetSeatResponse) -> SeatSeen:
    """Read where one stands."""
    return read_seat(message.seat)


def resting_request(party: str, after: int) -> pb.ListRestingOrdersRequest:
    """Ask for resting orders of a thing, or with no name for one's own."""
    return pb.ListRestingOrdersRequest(party=party, after=after)


def resting_response(orders: Iterable[OrderSeen], more: bool) -> pb.ListRestingOrdersResponse:
    """Tell what rests."""
    return pb.ListRestingOrdersResponse(orders=map(order_message, orders), more=more)


def read_resting(message: pb.ListRestingOrdersResponse) -> tuple[tuple[OrderSeen, ...], bool]:
    """Read what rests (TOO_LARGE)."""
    _check_page(len(message.orders), SEARCH_RESULTS_MAX)
    return tuple(map(read_order, message.orders)), message.more


# --- markets and books


def markets_request(*, after: int = 0, market: int = 0) -> pb.ListMarketsRequest:
    """Ask for markets, or for one."""
    return pb.ListMarketsRequest(after=after, market=market)


def markets_response(markets: Iterable[MarketSeen], more: bool) -> pb.ListMarketsResponse:
    """Tell of markets."""
    return pb.ListMarketsResponse(markets=map(market_message, markets), more=more)


def read_markets(message: pb.ListMarketsResponse) -> tuple[tuple[ListedSeen, ...], bool]:
    """Read of markets (TOO_LARGE, BAD_FIELD)."""
    _check_page(len(message.markets), SEARCH_RESULTS_MAX)
    return tuple(map(_listed, message.markets)), message.more


def _listed(message: order_pb2.MarketView) -> ListedSeen:
    return ListedSeen(
        terms=terms_value(message.terms),
        state=member(MarketState, message.state, "state"),
        bid_ticks=message.bid_ticks,
        bid_lots=message.bid_lots,
        ask_ticks=message.ask_ticks,
        ask_lots=message.ask_lots,
        last_ticks=message.last_ticks,
        next_change_ms=message.next_change_ms,
    )


def depth_request(market: int, levels: int) -> pb.GetDepthRequest:
    """Ask for the best levels."""
    return pb.GetDepthRequest(market=market, levels=levels)


def depth_response(seen: DepthSeen) -> pb.GetDepthResponse:
    """Tell the best levels."""
    return pb.GetDepthResponse(depth=depth_message(seen))


def read_depth(message: pb.GetDepthResponse) -> DepthSeen:
    """Read the best levels (TOO_LARGE)."""
    depth = message.depth
    return DepthSeen(
        market=depth.market, seq=depth.seq, bids=_read_levels(depth.bids), asks=_read_levels(depth.asks)
    )


def _read_levels(messages: Iterable[order_pb2.BookLevel]) -> Levels:
    found = tuple((one.price_ticks, one.lots, one.orders) for one in messages)
    _check_page(len(found), 2 * DEPTH_LEVELS_MAX)
    return found


def level_messages(levels: Levels) -> list[order_pb2.BookLevel]:
    """Write levels."""
    return [
        order_pb2.BookLevel(price_ticks=price, lots=lots, orders=orders) for price, lots, orders in levels
    ]


# --- goods


def goods_request(after: int) -> pb.ListGoodsRequest:
    """Ask for goods in markets behind one."""
    return pb.ListGoodsRequest(after=after)


def goods_response(goods: Iterable[GoodsSeen], next_after: int) -> pb.ListGoodsResponse:
    """Tell what somebody has in the markets."""
    return pb.ListGoodsResponse(goods=map(_goods_message, goods), next_after=next_after)


def _goods_message(seen: GoodsSeen) -> pb.GoodsView:
    return pb.GoodsView(
        market=seen.market,
        product_id=seen.product_id,
        unit=seen.unit,
        unit_scale=seen.unit_scale,
        owned_steps=seen.owned_steps,
        held_steps=seen.held_steps,
        free_steps=seen.free_steps,
    )


def read_goods(message: pb.ListGoodsResponse) -> tuple[tuple[GoodsSeen, ...], int]:
    """Read goods, and the market behind which to go on, 0 at the end (TOO_LARGE)."""
    _check_page(len(message.goods), GOODS_MARKETS_PER_PAGE)
    return tuple(map(_goods_value, message.goods)), message.next_after


def _goods_value(message: pb.GoodsView) -> GoodsSeen:
    return GoodsSeen(
        market=message.market,
        product_id=message.product_id,
        unit=message.unit,
        unit_scale=message.unit_scale,
        owned_steps=message.owned_steps,
        held_steps=message.held_steps,
        free_steps=message.free_steps,
    )


# --- trades and watches


def trades_request(market: int, after_seq: int, after_index: int) -> pb.ListTradesRequest:
    """Ask for trades behind a place of the log."""
    return pb.ListTradesRequest(market=market, after_seq=after_seq, after_index=after_index)


def trades_response(
    trades: Iterable[TradeSeen], *, more: bool, forgotten: tuple[int, int]
) -> pb.ListTradesResponse:
    """Tell trades, and up to which log position and time others are not kept."""
    seq, time_ms = forgotten
    return pb.ListTradesResponse(
        trades=map(trade_message, trades), more=more, forgotten_seq=seq, forgotten_ms=time_ms
    )


def read_trades(message: pb.ListTradesResponse) -> tuple[TradesSeen, bool]:
    """Read trades, and whether there are more (TOO_LARGE)."""
    _check_page(len(message.trades), SEARCH_RESULTS_MAX)
    page = TradesSeen(
        trades=tuple(map(read_trade, message.trades)),
        forgotten_seq=message.forgotten_seq,
        forgotten_ms=message.forgotten_ms,
    )
    return page, message.more


def notice_trades(place: int, trades: Iterable[TradeSeen], *, more: bool) -> pb.NoticeTrades:
    """Tell what the notice at a place of a message is about."""
    return pb.NoticeTrades(notice=place, trades=map(trade_message, trades), more=more)


def read_notice_trades(
    messages: Iterable[pb.NoticeTrades],
) -> dict[int, tuple[tuple[TradeSeen, ...], bool]]:
    """Read what notices are about, by their place, and whether there were more trades (TOO_LARGE)."""
    found = {one.notice: (tuple(map(read_trade, one.trades)), one.more) for one in messages}
    _check_page(sum(len(trades) for trades, _ in found.values()), FILL_TRADES_TOLD_MAX)
    return found


def check_after(request: pb.ListTradesRequest) -> None:
    """Refuse a place that no log has (OUT_OF_RANGE)."""
    if request.after_seq > INTEGER_MAX or not -1 <= request.after_index <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "no log has such a place", "MKT-14")


def watch_market_request(market: int, levels: int) -> pb.WatchMarketRequest:
    """Ask how a market goes on."""
    return pb.WatchMarketRequest(market=market, levels=levels)


def read_market_news(message: pb.WatchMarketResponse) -> MarketNews:
    """Read how a market went on (TOO_LARGE, BAD_FIELD)."""
    _check_page(len(message.trades), MARKET_TRADES_WAITING_MAX)
    return MarketNews(
        seq=message.seq,
        snapshot=message.snapshot,
        state=member(MarketState, message.state, "state"),
        bids=_read_levels(message.bids),
        asks=_read_levels(message.asks),
        trades=tuple(map(read_trade, message.trades)),
        trades_missed=message.trades_missed,
    )


def _check_page(rows: int, most: int) -> None:
    if rows > most:
        raise Refusal(Code.TOO_LARGE, f"{rows} rows > {most} in one answer", "MKT-12")
