"""The owners of a story and the operator of its node, in one program: `office NODE`."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from thingmarket.errors import Code
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.ids import PartyId
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import ListedMarket
from thingmarket.wire.envelope import signed_bytes
from thingmarket_client import Owner, RefusedByNode, create_owner, only, spending_limit
from thingmarket_client.operator import Operator
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.rate import open_operator
from thingmarket_node.scenarios.floor_orders import answered, order_of, trade_value
from thingmarket_node.scenarios.hearing import Line, listen


class Office:
    """What owners and the operator do when the story tells them to."""

    def __init__(self, card: NodeCard, operator: Operator, stack: AsyncExitStack) -> None:
        """Speak with the node of a card; what is opened is closed with the stack."""
        self._card, self._operator, self._stack = card, operator, stack
        self._owners: dict[str, Owner] = {}

    async def hear(self, cue: str, told: Line) -> Line:
        """Do what a line says."""
        found: Line = await getattr(self, f"_{cue}")(**told)
        return found

    async def _admit(self, owners: list[str]) -> Line:
        for name in owners:
            home = Path(name)
            create_owner(home, self._card.key_event.network_id)
            self._owners[name] = await self._stack.enter_async_context(await Owner.open(home, self._card))
        await asyncio.gather(*(self._owners[name].admit() for name in owners))
        return {"ids": {name: self._owners[name].id for name in owners}}

    async def _fund(self, currency: str, deposits_minor: dict[str, int]) -> Line:
        await asyncio.gather(
            *(self._owners[name].fund(currency, minor) for name, minor in deposits_minor.items())
        )
        return {}

    async def _mandate(self, mandates: dict[str, Any]) -> Line:
        links = {}
        for thing, terms in mandates.items():
            owner = self._owners[terms["owner"]]
            await owner.session.known()  # it is valid from now on by the node's clock
            limit = dict(terms["limit"])
            link = owner.mandate(
                PartyId(thing),
                Autonomy.ADAPTABLE,
                actions=[Action[name] for name in terms["actions"]],
                categories=only(*terms["categories"]),
                limits=[spending_limit(limit.pop("currency"), **limit)],
            )
            links[thing] = signed_bytes(link).hex()
        return {"links": links}

    async def _revoke(self, owner: str, thing: str, reason: str) -> Line:
        await self._owners[owner].revoke(subject=PartyId(thing), reason=reason)
        return {}

    async def _balances(self, currency: str) -> Line:
        async def of(owner: Owner) -> tuple[int, int]:
            rows = [row for row in await owner.balances() if row.currency == currency]
            return sum(row.available_minor for row in rows), sum(row.escrow_minor for row in rows)

        found = await asyncio.gather(*map(of, self._owners.values()))
        return {"balances": dict(zip(self._owners, found, strict=True))}

    # --- markets

    async def _open_markets(self, markets: list[Line]) -> Line:
        for terms in markets:
            await self._operator.open_market(ListedMarket(**terms))
        return {}

    async def _set_state(self, market: int, state: str, uncross: bool = False) -> Line:
        await self._operator.set_market_state(market, MarketState[state], uncross=uncross)
        return {}

    async def _market(self, market: int) -> Line:
        seen = (await self._operator.market(market)).seen
        return {
            "state": seen.state.name,
            "bid": seen.bid_ticks,
            "ask": seen.ask_ticks,
            "last": seen.last_ticks,
        }

    async def _depth(self, market: int) -> Line:
        seen = await self._operator.depth(market)
        return {"seq": seen.seq, "bids": seen.bids, "asks": seen.asks}

    async def _trades(self, market: int) -> Line:
        return {"trades": [trade_value(one) for one in await self._operator.trades(market)]}

    # --- an owner trades himself

    async def _declare(self, owner: str, market: int, steps: int) -> Line:
        await self._owners[owner].declare_goods(market, steps)
        return {}

    async def _take_out(self, owner: str, market: int, steps: int) -> Line:
        """Take so much out of his account; `more` is 0 when nothing is left then."""
        if steps:
            await self._owners[owner].withdraw_goods(market, steps)
        try:
            await self._owners[owner].withdraw_goods(market, 1)
        except RefusedByNode as refusal:
            if refusal.number != Code.OUT_OF_STOCK:
                raise
            return {"more": 0}
        return {"more": 1}

    async def _place(self, owner: str, orders: list[Line]) -> Line:
        placed = await self._owners[owner].place_orders([order_of(one) for one in orders])
        return answered(placed)

    async def _resting(self, owner: str, thing: str) -> Line:
        found = await self._owners[owner].orders(thing)
        return {"orders": [(one.market, one.side, one.price_ticks, one.lots) for one in found]}


async def _main(home: Path) -> None:
    card = card_of(str(home))
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(await open_operator(home))
        await listen(Office(card, operator, stack).hear)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
