"""The operator of a node: what he alone says, signed with the node's identity key."""

from thingmarket.identity.envelope import TypeId
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import (
    ListedMarket,
    OpenMarket,
    SetMarketState,
    check_open_market,
    check_set_market_state,
)
from thingmarket.wire.orders import open_market_body, set_market_state_body
from thingmarket_client.books import BookKeeping


class Operator(BookKeeping):
    """The node's own party, by an ordinary session: who has the key of the node is its operator."""

    async def open_market(self, terms: ListedMarket) -> None:
        """Open a market, for good (ALREADY_KNOWN, BAD_FIELD, ...)."""
        wish = OpenMarket(key=self.new_key(), terms=terms)
        check_open_market(wish)
        await self.post.send(
            TypeId.OPEN_MARKET, lambda key: open_market_body(OpenMarket(key=key, terms=terms))
        )

    async def set_market_state(self, market: int, state: MarketState, *, uncross: bool = False) -> None:
        """Put a market into another state, after an auction where `uncross` says so."""

        def body(key: bytes) -> bytes:
            wish = SetMarketState(key=key, market=market, state=state, uncross=uncross)
            check_set_market_state(wish)
            return set_market_state_body(wish)

        await self.post.send(TypeId.SET_MARKET_STATE, body)
