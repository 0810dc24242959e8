"""The part of QueryService about markets, books and orders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import islice
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import SEARCH_RESULTS_MAX
from thingmarket.market import order_queries as queries
from thingmarket.market.goods import goods_seen, market_of
from thingmarket.market.order_views import DepthSeen, MarketSeen, TradeSeen
from thingmarket.market.queries import reader_of
from thingmarket.market.state import State
from thingmarket.v1 import market_data_pb2 as pb
from thingmarket.v1.order_pb2 import MarketState as StateMessage
from thingmarket.wire import market_data as wire
from thingmarket.wire.orders import trade_message
from thingmarket_node.gate import token_of
from thingmarket_node.market_data import MarketWatch, Row, Turn
from thingmarket_node.shell import Shell
from thingmarket_node.watches import News, slot_named

SIGN_OF_LIFE_S = 15.0


class OrderQueries:
    """Answers about what rests, what was traded, and how markets go on."""

    _shell: Shell

    async def GetSeat(self, request: pb.GetSeatRequest, context: Any) -> pb.GetSeatResponse:
        """Where the caller stands."""
        seen = await self._shell.look(token_of(context), queries.seat_seen)
        return wire.seat_response(seen)

    async def ListMarkets(self, request: pb.ListMarketsRequest, context: Any) -> pb.ListMarketsResponse:
        """Markets by number, or one of them."""

        def found(state: State, party: PartyId) -> tuple[tuple[MarketSeen, ...], bool]:
            state.party(party)
            if request.market:
                return (queries.market_seen(state, request.market),), False
            return queries.markets_seen(state, request.after)

        return wire.markets_response(*await self._shell.look(token_of(context), found))

    async def GetDepth(self, request: pb.GetDepthRequest, context: Any) -> pb.GetDepthResponse:
        """The best prices of an open book."""
        return wire.depth_response(await self._depth(context, request.market, request.levels))

    async def ListRestingOrders(
        self, request: pb.ListRestingOrdersRequest, context: Any
    ) -> pb.ListRestingOrdersResponse:
        """Orders of the caller, or of a thing of his, that rest."""
        page = await self._shell.read(
            token_of(context),
            lambda state, reader: queries.orders_seen(
                state, reader, PartyId(request.party or reader.party), request.after
            ),
        )
        return wire.resting_response(*page)

    async def ListGoods(self, request: pb.ListGoodsRequest, context: Any) -> pb.ListGoodsResponse:
        """What the caller's owner has in the markets."""
        page = await self._shell.read(
            token_of(context), lambda state, reader: goods_seen(state, reader, request.after)
        )
        return wire.goods_response(*page)

    async def ListTrades(self, request: pb.ListTradesRequest, context: Any) -> pb.ListTradesResponse:
        """Trades that are kept, those of the caller with his orders; of a closed book his own alone."""
        wire.check_after(request)
        trades = self._shell.market_data.trades

        def found(state: State, party: PartyId) -> pb.ListTradesResponse:
            market_of(state, request.market)
            own = _own_orders(state, party)
            rows = trades.after(request.market, request.after_seq, request.after_index)
            seen = (_trade(state, own, row) for row in rows)
            shown = list(islice((one for one in seen if one is not None), SEARCH_RESULTS_MAX + 1))
            return wire.trades_response(
                shown[:SEARCH_RESULTS_MAX],
                more=len(shown) > SEARCH_RESULTS_MAX,
                forgotten=trades.forgotten(request.market),
            )

        return await self._shell.look(token_of(context), found)

    async def WatchMarket(
        self, request: pb.WatchMarketRequest, context: Any
    ) -> AsyncIterator[pb.WatchMarketResponse]:
        """The book as it is, then what changes in it, as fast as the reader takes it."""
        token, data = token_of(context), self._shell.market_data
        await self._depth(context, request.market, request.levels)  # or a refusal, once it is durable
        session = self._shell.session_of(token)
        seen = queries.depth_seen(self._shell.core.state, session.party, request.market, request.levels)
        state = self._shell.core.state.desk.state_of(request.market)
        watch = MarketWatch(
            market=request.market, levels=request.levels, session=session.id, seq=seen.seq, state=state
        )
        data.open(watch)
        try:
            await self._shell.durable(seen.seq)
            watch.start(seen.bids, seen.asks)
            yield self._told(Turn(seq=seen.seq, state=state, snapshot=True, bids=seen.bids, asks=seen.asks))
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(watch.grown.wait(), SIGN_OF_LIFE_S)
                if watch.ended is not None:
                    raise watch.ended
                self._shell.session_of(token)  # an ended session watches no longer
                turn = watch.turn() or Turn(
                    seq=watch.seq, state=watch.state, snapshot=False, bids=(), asks=()
                )
                yield self._told(turn)
        finally:
            data.close_one(watch)

    def _fill_trades(self, party: PartyId, news: tuple[News, ...]) -> list[pb.NoticeTrades]:
        """The trades that notices are about, of orders of the reader and of his things. [MKT-7]"""
        if not any(one.trades or one.more for one in news):
            return []
        state = self._shell.core.state
        own = _own_orders(state, party)
        return [
            wire.notice_trades(
                place,
                [seen for row in one.trades if (seen := _trade(state, own, row)) is not None],
                more=one.more,
            )
            for place, one in enumerate(news)
            if (one.trades or one.more) and own.has(state, slot_named(one.notice), one.seq)
        ]

    async def _depth(self, context: Any, market: int, levels: int) -> DepthSeen:
        def found(state: State, party: PartyId) -> DepthSeen:
            state.party(party)
            return queries.depth_seen(state, party, market, levels)

        return await self._shell.look(token_of(context), found)

    def _told(self, turn: Turn) -> pb.WatchMarketResponse:
        state = self._shell.core.state
        trades = (_trade(state, queries.NO_ORDERS, row) for row in turn.trades)
        return pb.WatchMarketResponse(
            seq=turn.seq,
            snapshot=turn.snapshot,
            state=StateMessage.ValueType(turn.state),
            bids=wire.level_messages(turn.bids),
            asks=wire.level_messages(turn.asks),
            trades=[trade_message(one) for one in trades if one is not None],
            trades_missed=turn.missed,
        )


def _own_orders(state: State, party: PartyId) -> queries.OwnOrders:
    """Those that the caller may know; the operator knows none."""
    state.party(party)
    if party == state.node:
        return queries.NO_ORDERS
    try:
        return queries.own_orders(state, reader_of(state, party))
    except Refusal as refusal:
        if refusal.number != Code.MANDATE_REVOKED:
            raise
        return queries.OwnOrders(slot=state.party(party).number)  # what it traded while it might


def _trade(state: State, own: queries.OwnOrders, row: Row) -> TradeSeen | None:
    seq, index, time_ms, fields = row
    return queries.trade_seen(state, own, fields, seq=seq, index=index, time_ms=time_ms)
