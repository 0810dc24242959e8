"""What a party does in the node's markets: it places orders, keeps goods there, and follows the books."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.limits import DEPTH_LEVELS_MAX
from thingmarket.market.order_views import DepthSeen, GoodsSeen, OrderSeen, TradeSeen, TradesSeen
from thingmarket.trading.commands import DeclareGoods, WithdrawGoods, check_goods
from thingmarket.wire import market_data as wire
from thingmarket.wire import orders
from thingmarket_client.errors import Unanswered
from thingmarket_client.frames import Frames
from thingmarket_client.live_book import LiveBook, Market
from thingmarket_client.outbox import Letter
from thingmarket_client.post import Post
from thingmarket_client.reads import PAGES_MAX
from thingmarket_client.retry import FIRST_DELAY_MS, LONGEST_DELAY_MS
from thingmarket_client.session.session import pause
from thingmarket_client.watching import Watch

_WHOLE_ENTRY: Final = -1


class Floor:
    """What one party asks and says about markets; made by its `FloorTrader` when it is first needed."""

    def __init__(self, post: Post, leaf: Callable[[], bytes]) -> None:
        """Send by `post`, under the mandate that `leaf` gives."""
        self._post, self._leaf = post, leaf
        self.frames = Frames(post.session, leaf, post.new_key)

    async def orders(self, of: str) -> tuple[OrderSeen, ...]:
        """Its own orders that rest in the books, oldest first; an owner's question may be `of` his thing."""
        found: list[OrderSeen] = []
        for _ in range(PAGES_MAX):
            request = wire.resting_request(of, found[-1].order_id if found else 0)
            page, more = wire.read_resting(await self._ask("ListRestingOrders", request))
            found += page
            if not (more and page):
                break
        return tuple(found)

    # --- goods

    async def declare_goods(self, market: int, quantity_steps: int) -> None:
        """Bring goods of a market's product into the owner's account: sell orders are held from it."""
        goods = DeclareGoods(key=self._post.new_key(), market=market, quantity_steps=quantity_steps)
        check_goods(goods)
        await self._say(TypeId.DECLARE_GOODS, Key(goods.key), orders.declare_goods_body(goods))

    async def withdraw_goods(self, market: int, quantity_steps: int) -> None:
        """Take free goods out again."""
        goods = WithdrawGoods(key=self._post.new_key(), market=market, quantity_steps=quantity_steps)
        check_goods(goods)
        await self._say(TypeId.WITHDRAW_GOODS, Key(goods.key), orders.withdraw_goods_body(goods))

    async def goods(self) -> tuple[GoodsSeen, ...]:
        """What the owner has of each product, by the lowest market of it."""
        found: dict[str, GoodsSeen] = {}
        after = 0
        for _ in range(PAGES_MAX):
            page, after = wire.read_goods(await self._ask("ListGoods", wire.goods_request(after)))
            for one in page:
                found.setdefault(one.product_id, one)
            if not after:
                break
        return tuple(found.values())

    # --- markets

    async def market(self, number: int) -> Market:
        """One market (UNKNOWN_MARKET)."""
        request = wire.markets_request(market=number)
        found, _ = wire.read_markets(await self._ask("ListMarkets", request))
        if [one.terms.market for one in found] != [number]:
            raise Refusal(Code.TAMPERED, "the node shows another market than the one asked for")
        return Market(found[0])

    async def markets(self) -> tuple[Market, ...]:
        """All markets, by number."""
        found: list[Market] = []
        for _ in range(PAGES_MAX):
            request = wire.markets_request(after=found[-1].terms.market if found else 0)
            page, more = wire.read_markets(await self._ask("ListMarkets", request))
            found += map(Market, page)
            if not (more and page):
                break
        return tuple(found)

    async def depth(self, market: int, levels: int) -> DepthSeen:
        """The best levels of an open book (NOT_PERMITTED for a closed one)."""
        return wire.read_depth(await self._ask("GetDepth", wire.depth_request(market, levels)))

    async def trades(self, market: int, since_seq: int) -> TradesSeen:
        """Trades behind a log position that the node still keeps, and up to where it keeps none."""
        found: list[TradeSeen] = []
        seq, time_ms = 0, 0
        for _ in range(PAGES_MAX):
            after = (found[-1].seq, found[-1].index) if found else (since_seq + 1, _WHOLE_ENTRY)
            page, more = wire.read_trades(await self._ask("ListTrades", wire.trades_request(market, *after)))
            found += page.trades
            seq, time_ms = page.forgotten_seq, page.forgotten_ms
            if not (more and page.trades):
                break
        return TradesSeen(trades=tuple(found), forgotten_seq=seq, forgotten_ms=time_ms)

    def watch_market(self, market: int, levels: int) -> Watch[LiveBook]:
        """The best levels of an open book, again whenever they change; reconnects by itself.

        Who is slow gets fewer and newer ones. Ends only by a refusal.
        """
        return Watch(lambda _: self._books(market, levels), self._post.session.patience_ms)

    async def _books(self, market: int, levels: int) -> AsyncGenerator[LiveBook, None]:
        failures = 0
        request = wire.watch_market_request(market, min(levels, DEPTH_LEVELS_MAX))
        while True:
            book = LiveBook(market=market)
            with suppress(Unanswered):  # it waited long enough in there
                stream = self._post.session.listen(request, lambda stub: stub.WatchMarket)
                async with aclosing(stream) as messages:
                    async for message in messages:
                        news = wire.read_market_news(message)
                        failures = 0
                        if news.seq > book.seq or news.snapshot:
                            book = book.after(news)
                            yield book
            failures += 1
            await pause(min(FIRST_DELAY_MS << min(failures, 10), LONGEST_DELAY_MS))

    # --- how it asks

    async def _say(self, type_id: TypeId, key: Key, body: bytes) -> None:
        letter = Letter(key=key, type_id=type_id, body=body, mandate_leaf=self._leaf())
        (await self._post.deliver(letter)).made()

    async def _ask(self, method: str, request: Any) -> Any:
        return await self._post.session.ask(lambda stub: getattr(stub, method), request)
