"""Questions to the projection, by connections of their own: neither its writer nor other callers wait."""

import asyncio
from pathlib import Path
from typing import Any, Final, Self

import aiosqlite

from thingmarket.errors import Code, Refusal
from thingmarket.ids import NetworkId
from thingmarket.limits import INSIGHT_CONNECTIONS, INSIGHT_WAIT_MS, SPENDING_ROWS_MAX
from thingmarket.market.indexes import Reader
from thingmarket.market.order_queries import trade_contract
from thingmarket.time import UnixMs
from thingmarket.wire.insight import (
    ContractRow,
    DecisionRow,
    Filter,
    OrderRange,
    OrderRow,
    SpendingRow,
    TradeRow,
)
from thingmarket_node.insight_queries import CONTRACTS, DECISIONS, ORDERS, SPENDING, TRADES

_LOOKED_AFTER: Final = 10_000  # steps of SQLite's machine, about a millisecond


class _Seat:
    """A connection for one query at a time, which ends soon after nobody wants it any more."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self.db = db
        self.wanted = True

    def unwanted(self) -> bool:
        """Asked by SQLite now and then, on the connection's thread: whether to stop."""
        return not self.wanted


class Insight:
    """Reads the tables of the projection for one party at a time; what is not his is not there."""

    def __init__(self, seats: tuple[_Seat, ...]) -> None:
        """Use `open`."""
        self._seats = seats
        self._free: asyncio.Queue[_Seat] = asyncio.Queue(len(seats))
        for seat in seats:
            self._free.put_nowait(seat)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the projection's file for reading; the projection must have made it."""
        source = f"file:{path}?mode=ro"
        seats = tuple([_Seat(await aiosqlite.connect(source, uri=True)) for _ in range(INSIGHT_CONNECTIONS)])
        for seat in seats:
            await seat.db.set_progress_handler(seat.unwanted, _LOOKED_AFTER)
        return cls(seats)

    async def close(self) -> None:
        """Close the connections."""
        for seat in self._seats:
            seat.wanted = False
            await seat.db.close()

    async def orders(self, reader: Reader, wanted: Filter) -> list[OrderRow]:
        """Purchases as they were ordered, newest first. [INS-2]"""
        names = OrderRow.__dataclass_fields__
        rows = await self._rows(ORDERS, reader, wanted)
        return [OrderRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def decisions(self, reader: Reader, wanted: Filter) -> list[DecisionRow]:
        """What the owner's rules decided, and what was refused, newest first. [INS-2]"""
        names = DecisionRow.__dataclass_fields__
        rows = await self._rows(DECISIONS, reader, wanted)
        return [DecisionRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def contracts(self, reader: Reader, wanted: Filter, state: str) -> list[ContractRow]:
        """Contracts from either side, newest first. [INS-2]"""
        names = ContractRow.__dataclass_fields__
        rows = await self._rows(CONTRACTS, reader, wanted, state=state)
        return [ContractRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def trades(
        self, reader: Reader, wanted: Filter, orders: OrderRange, network: NetworkId
    ) -> list[TradeRow]:
        """Trades of the reader's own orders, newest first; who was on the other side is not told. [INS-4]"""
        names = [name for name in TradeRow.__dataclass_fields__ if name != "contract"]
        more = {"first_order": orders.first, "last_order": orders.last}
        found = []
        for row in await self._rows(TRADES, reader, wanted, **more):
            values = dict(zip(names, row, strict=True))
            seq, index, time_ms = row[:3]
            values["contract"] = trade_contract(network, seq=seq, index=index, time_ms=UnixMs(time_ms))
            found.append(TradeRow(**values))
        return found

    async def spending(self, reader: Reader, wanted: Filter) -> list[SpendingRow]:
        """What was spent and earned, by UTC day, thing, category and currency. [INS-3]"""
        names = SpendingRow.__dataclass_fields__
        rows = await self._rows(SPENDING, reader, wanted)
        if len(rows) > SPENDING_ROWS_MAX:
            raise Refusal(Code.TOO_LARGE, f"over {SPENDING_ROWS_MAX} rows: ask for a shorter time", "INS-3")
        return [SpendingRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def _rows(self, query: str, reader: Reader, wanted: Filter, **more: str | int) -> list[Any]:
        actor = wanted.actor
        if reader.party != reader.owner:  # a thing sees its own rows alone
            actor = reader.party
        values = {
            "owner": reader.owner,
            "actor": actor,
            "since_ms": wanted.since_ms,
            "until_ms": wanted.until_ms,
            "category": wanted.category,
            "before_seq": wanted.before_seq,
            "before_contract": wanted.before_contract,
            "before_index": wanted.before_index,
            "limit": wanted.limit,
            **more,
        }
        try:
            async with asyncio.timeout(INSIGHT_WAIT_MS / 1000):
                return await self._asked(query, values)
        except TimeoutError:
            raise Refusal(Code.BUSY, "this would take too long: ask for a shorter time", "INS-1") from None

    async def _asked(self, query: str, values: dict[str, Any]) -> list[Any]:
        seat = await self._free.get()
        seat.wanted = True
        asked = asyncio.ensure_future(seat.db.execute_fetchall(query, values))
        asked.add_done_callback(lambda _: self._free.put_nowait(seat))
        try:
            return list(await asyncio.shield(asked))
        except asyncio.CancelledError:  # late, or its caller is gone; its thread may not even have begun
            seat.wanted = False
            asked.add_done_callback(lambda done: done.exception())
            raise
