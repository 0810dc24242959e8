"""The markets as a part of every party; what they need is loaded at their first use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from thingmarket_client.post import Post

if TYPE_CHECKING:
    from thingmarket.market.order_views import (
        DepthSeen,
        GoodsSeen,
        OrderSeen,
        SeatSeen,
        TradeSeen,
        TradesSeen,
    )
    from thingmarket_client.floor import Floor
    from thingmarket_client.frames import AnyOrder, FrameAnswer
    from thingmarket_client.live_book import LiveBook, Market
    from thingmarket_client.watching import Watch

LEVELS: Final = 10


class FloorTrader:
    """A party in the markets: things under their mandates, owners for themselves."""

    post: Post
    _on_floor: "Floor | None" = None

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        raise NotImplementedError

    def _floor(self) -> "Floor":
        if self._on_floor is None:
            from thingmarket_client.floor import Floor  # noqa: PLC0415  a megabyte, for who trades in markets

            self._on_floor = Floor(self.post, lambda: self.leaf)
        return self._on_floor

    # --- orders

    async def place_orders(self, wanted: "Sequence[AnyOrder]") -> "FrameAnswer":
        """Place 1 to 1,000 orders in one command; each is answered by itself.

        Unanswered: nobody knows what became of them until `resend_orders`. RefusedByNode: none was placed.
        """
        return await self._floor().frames.place(wanted)

    async def resend_orders(self) -> "FrameAnswer | None":
        """Send the last orders again if they were not answered, byte for byte: they are placed once."""
        return await self._floor().frames.again()

    async def seat(self) -> "SeatSeen":
        """Its number among those who place orders, and how far it has counted."""
        return await self._floor().frames.seat()

    async def orders(self, of: str = "") -> "tuple[OrderSeen, ...]":
        """Its own orders that rest in the books, oldest first; an owner's question may be `of` his thing."""
        return await self._floor().orders(of)

    # --- goods

    async def declare_goods(self, market: int, quantity_steps: int) -> None:
        """Bring goods of a market's product into the owner's account: sell orders are held from it."""
        await self._floor().declare_goods(market, quantity_steps)

    async def withdraw_goods(self, market: int, quantity_steps: int) -> None:
        """Take free goods out again."""
        await self._floor().withdraw_goods(market, quantity_steps)

    async def goods(self) -> "tuple[GoodsSeen, ...]":
        """What the owner has in the markets, by product: all, held by orders and contracts, and free."""
        return await self._floor().goods()

    # --- markets

    async def market(self, number: int) -> "Market":
        """One market (UNKNOWN_MARKET)."""
        return await self._floor().market(number)

    async def markets(self) -> "tuple[Market, ...]":
        """All markets, by number."""
        return await self._floor().markets()

    async def depth(self, market: int, levels: int = LEVELS) -> "DepthSeen":
        """The best levels of an open book (NOT_PERMITTED for a closed one)."""
        return await self._floor().depth(market, levels)

    async def trades(self, market: int, since_seq: int = 0) -> "tuple[TradeSeen, ...]":
        """Trades behind a log position that the node still keeps, oldest first; one's own name one's orders.

        Those of a closed book are one's own alone.
        """
        return (await self._floor().trades(market, since_seq)).trades

    async def trades_known(self, market: int, since_seq: int = 0) -> "TradesSeen":
        """The same, with the log position and time up to which the node keeps no trades of this market.

        What a node keeps is lost when it starts again, and of much trade it keeps the last.
        """
        return await self._floor().trades(market, since_seq)

    def watch_market(self, market: int, levels: int = LEVELS) -> "Watch[LiveBook]":
        """The best levels of an open book, again whenever they change; reconnects by itself.

        Who is slow gets fewer and newer ones. Ends only by a refusal.
        """
        return self._floor().watch_market(market, levels)
