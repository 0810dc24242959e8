"""A thing of a story that trades: `trading_post NODE NAME`. It remembers its executions as it saw them."""

import asyncio
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

from thingmarket.market.entries import NoticeKind
from thingmarket.market.order_views import TradeSeen
from thingmarket.matching.records import EventKind, Reason, Side
from thingmarket.trading.frame import slot_of
from thingmarket.wire.envelope import read_signed
from thingmarket_client import Thing, create_thing
from thingmarket_client.frames import FrameAnswer
from thingmarket_node.cli.cards import card_of
from thingmarket_node.cli.decided import decided
from thingmarket_node.scenarios.floor_orders import answered, kind_of, order_of
from thingmarket_node.scenarios.hearing import Line, listen
from thingmarket_node.scenarios.robo_cast import TRADERS
from thingmarket_node.scenarios.robots import Sight

_SLOT_BYTES: Final = 8
_SOON_S: Final = 5.0  # a notice comes within milliseconds
_LATEST_S: Final = 20.0  # more than any order of the story lives

Execution = tuple[int, int, str, int, int]
"""Log position, own order, side, price, lots."""


class TradingPost:
    """Does what it is told, and listens for what becomes of its resting orders."""

    def __init__(self, name: str, thing: Thing) -> None:
        """Trade as the robot of that name."""
        self._thing, self._part = thing, TRADERS[name]
        self._robot = self._part.robot()
        self._answered: Counter[Execution] = Counter()  # what its own frames traded at once
        self._noticed: Counter[Execution] = Counter()  # what it looked up because it was told of a fill
        self._looked_seq = 0
        self._slot = 0
        self._grown = asyncio.Condition()
        self._ears: asyncio.Task[None] | None = None

    async def hear(self, cue: str, told: Line) -> Line:
        """Do what a line says."""
        found: Line = await getattr(self, f"_{cue}")(**told)
        return found

    async def _hello(self) -> Line:
        return {"id": self._thing.id}

    async def _adopt(self, links: dict[str, str]) -> Line:
        for link in links.values():
            await self._thing.adopt([read_signed(bytes.fromhex(link))])
        await self._thing.present()
        self._slot = (await self._thing.seat()).slot
        self._ears = asyncio.create_task(self._listen())
        return {}

    async def _declare(self, steps: int) -> Line:
        await self._thing.declare_goods(self._part.market, steps)
        return {}

    async def _turn(self) -> Line:
        """Look at the market and do what the robot wants."""
        market = (await self._thing.market(self._part.market)).seen
        sight = Sight(
            market=self._part.market,
            now_ms=self._thing.session.now_ms,
            bid=market.bid_ticks,
            ask=market.ask_ticks,
            last=market.last_ticks,
            own=await self._thing.orders(),
        )
        wanted = self._robot.wants(sight)
        if not wanted:
            return {"orders": [], "events": []}
        return {**self._note(await self._thing.place_orders(wanted)), "kinds": [*map(kind_of, wanted)]}

    async def _place(self, orders: list[Line]) -> Line:
        return self._note(await self._thing.place_orders([order_of(one) for one in orders]))

    async def _place_for(self, order: Line, life_ms: int) -> Line:
        """Place an order that ends by itself."""
        return await self._place([{**order, "expires_ms": self._thing.session.now_ms + life_ms}])

    async def _until_nothing_rests(self) -> Line:
        """Wait until its last order left the book, of which it is told; what rests still after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LATEST_S), self._grown:
                while await self._thing.orders():
                    await self._grown.wait()
        return {"orders": [one.order_id for one in await self._thing.orders()]}

    async def _explain(self, seq: int) -> Line:
        """Why its frame of an entry was decided as it was, after a proof that it is in the log."""
        return decided(await self._thing.reads.explain(seq=seq))

    def _note(self, placed: FrameAnswer) -> Line:
        assert placed.receipt is not None and not placed.events_cut, "these frames are short"
        for event in placed.events:
            if event.kind is EventKind.TRADE and slot_of(event.taker) == self._slot:
                side = Side(event.side).name
                self._answered[placed.receipt.seq, event.taker, side, event.price, event.quantity] += 1
        own = sum(event.reason is Reason.SELF_TRADE for event in placed.events)
        return {**answered(placed), "own_met": own}

    # --- executions

    async def _listen(self) -> None:
        """Look at the trades up to where it was told of a fill."""
        async with self._thing.watch(since=0) as changes:
            async for change in changes:
                slot = int.from_bytes(change.reference[:_SLOT_BYTES], "big")
                if change.kind is NoticeKind.FILL and slot == self._slot:
                    found = _own(await self._thing.trades(self._part.market, self._looked_seq))
                    self._noticed += Counter(_execution(one) for one in found)
                    self._looked_seq = max((one.seq for one in found), default=self._looked_seq)
                    async with self._grown:
                        self._grown.notify_all()

    @property
    def _seen(self) -> list[Execution]:
        """Both together; what it learnt both ways counts once."""
        return sorted((self._answered | self._noticed).elements())

    async def _executions(self) -> Line:
        """What it saw, and what the node lists of it; waits until a last notice has come."""
        trades = _own(await self._thing.trades(self._part.market))
        with suppress(TimeoutError):  # then what it saw is not what the node lists, and the story says so
            async with asyncio.timeout(_SOON_S), self._grown:
                await self._grown.wait_for(lambda: len(self._seen) >= len(trades))
        return {
            "seen": self._seen,
            "listed": sorted(map(_execution, trades)),
            "bought": [one.contract.hex() for one in trades if one.buy_order],
            "sold": [one.contract.hex() for one in trades if one.sell_order],
            "paid_minor": sum(
                one.cash_minor if one.buy_order else one.fee_minor - one.cash_minor for one in trades
            ),
            "got_lots": sum(one.lots if one.buy_order else -one.lots for one in trades),
        }

    def close(self) -> None:
        """Listen no more."""
        if self._ears is not None:
            self._ears.cancel()


def _own(trades: tuple[TradeSeen, ...]) -> list[TradeSeen]:
    return [one for one in trades if one.buy_order or one.sell_order]


def _execution(one: TradeSeen) -> Execution:
    side = Side.BUY if one.buy_order else Side.SELL
    return one.seq, one.buy_order or one.sell_order, side.name, one.price_ticks, one.lots


async def _main(node: str, name: str) -> None:
    home = Path(name)
    create_thing(home)
    async with await Thing.open(home, card_of(node)) as thing:
        post = TradingPost(name, thing)
        try:
            await listen(post.hear)
        finally:
            post.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:3]))
