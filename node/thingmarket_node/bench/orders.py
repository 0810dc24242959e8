"""`bench orders`: signed frames of 100 orders end to end over the unary call, each answered durably.

A node process and one load process share the machine. Sixteen things of eight owners trade in one market: a
frame has 40 orders that rest near the price, 20 that take at once, and 40 cancels of what the frame before
left. Closed loop with one frame in flight for each thing for the rate, then open loop at half of that rate,
timed from the intended moment, for the latencies. The reference is a bare gRPC server in a process of its own
that gives the same bytes back, in the same loop of the same load process.

Then the log is replayed from its first entry, as a start without snapshots does: CRC and hash chain of every
group, every entry applied, outcomes and state roots compared; signatures were verified before the entry was
written. And the orders that the book took go through the engine alone, which has to end at the same depth.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

import grpc

from thingmarket.identity.envelope import TypeId, sign
from thingmarket.matching.records import Kind, Side, TimeInForce
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import ORDER, order_id_of, statuses_of
from thingmarket.wire.calls import submit_request
from thingmarket.wire.market_data import read_seat_response, seat_request
from thingmarket.wire.orders import place_orders_body
from thingmarket_client.outbox import Letter
from thingmarket_node.bench.crowd import Buyer, new_key
from thingmarket_node.bench.echo import METHOD, echo_server
from thingmarket_node.bench.floor import MARKET, floor
from thingmarket_node.bench.layers import cpu_us_by_layer
from thingmarket_node.bench.load import closed_loop, open_loop, own_cpu_s
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load
from thingmarket_node.bench.order_recovery import recovered
from thingmarket_node.groups import Group
from thingmarket_node.journal_sqlite import SqliteLog

FRAME: Final = 100
_RESTING: Final = 40
_TAKING: Final = 20
_MIDDLE: Final = 1_000  # ticks
_SPREAD: Final = 50
_WARM_UP_S: Final = 0.5
_HEADER_BYTES: Final = 320  # what stands around the orders in a signed command


@dataclass(slots=True)
class Sender:
    """A thing that places frames, and what it remembers of its own."""

    buyer: Buyer
    slot: int
    counter: int
    frames: "count[int]"
    chance: Random
    resting: deque[int] = field(default_factory=deque)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def orders(self) -> bytes:
        """The next frame, packed."""
        cancelled = [self.resting.popleft() for _ in range(min(len(self.resting), _RESTING))]
        records = [ORDER.pack(Kind.CANCEL, 0, 0, 0, MARKET, 0, 0, name, 0) for name in cancelled]
        for place in range(FRAME - len(records)):
            self.counter += 1
            name = order_id_of(self.slot, self.counter)
            side = self.chance.choice((Side.BUY, Side.SELL))
            away = self.chance.randint(1, _SPREAD) * (-1 if side is Side.BUY else 1)
            takes = place < _TAKING
            tif = TimeInForce.IOC if takes else TimeInForce.GTC
            price = _MIDDLE - away if takes else _MIDDLE + away
            if not takes:
                self.resting.append(name)
            lots = self.chance.randint(1, 10)
            records.append(ORDER.pack(Kind.NEW_LIMIT, side, tif, 0, MARKET, lots, price, name, 0))
        return b"".join(records)


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Run the loads: half of `seconds` each in both loops, and an eighth for the echo; then recover."""
    with node_under_load() as node:
        found = asyncio.run(_measured(node, seconds))
        node.stop()
        layers = cpu_us_by_layer(node.home / "journal.db", kind=PlaceOrders)
        groups = _groups(node)
    frame_us = found["figures"].pop("node_cpu_us_per_frame")
    layers["rest"] = max(0.0, frame_us - sum(layers.values()))
    found["figures"]["node_cpu_us_per_order"] = round(frame_us / FRAME, 2)
    found["figures"]["node_cpu_by_layer_us_per_order"] = {
        name: round(value / FRAME, 3) for name, value in layers.items()
    }
    found["figures"] |= recovered(groups, MARKET)
    return found


async def _measured(node: NodeUnderLoad, seconds: float) -> dict[str, Any]:
    things = await floor(node)
    try:
        senders = [await _sender(buyer, number) for number, buyer in enumerate(things)]
        taken: list[int] = []

        async def place(sender: Sender) -> None:
            async with sender.turn:  # frames are numbered, and single calls may overtake each other
                answer = (await sender.buyer.session.submit(_letter(sender), alone=True)).made()
            taken.append(statuses_of(answer.statuses).count(0))

        await closed_loop(senders, place, _WARM_UP_S)
        with echo_server() as address:
            echoed = await _echoed(address, senders[0], len(senders), seconds / 8)
        taken.clear()
        node_cpu, own_cpu = node.cpu_s(), own_cpu_s()
        rate = await closed_loop(senders, place, seconds / 2)
        node_us = (node.cpu_s() - node_cpu) / rate.count * 1e6
        client_us = (own_cpu_s() - own_cpu) / rate.count * 1e6
        taken_share = sum(taken) / (FRAME * len(taken))
        paced = await open_loop(senders, place, rate.per_s / 2, seconds / 2)
    finally:
        for buyer in things:
            await buyer.session.close()
    return {
        "figures": {
            "orders_per_s": round(rate.per_s * FRAME),
            "frames_per_s": round(rate.per_s),
            "closed_loop_p50_ms": rate.percentile_ms(50),
            "closed_loop_p99_ms": rate.percentile_ms(99),
            "p50_ms": paced.percentile_ms(50),
            "p99_ms": paced.percentile_ms(99),
            "taken_share": round(taken_share, 3),
            "node_cpu_us_per_frame": node_us,
            "client_cpu_us_per_order": round(client_us / FRAME, 2),
            "node_rss_mb": round(node.rss_mb(), 1),
        },
        "references": {"echoed_orders_per_s": round(echoed * FRAME)},
        "ratios": {"orders_to_echo": round(rate.per_s / echoed, 3)},
    }


async def _sender(buyer: Buyer, number: int) -> Sender:
    seat = read_seat_response(await buyer.session.ask(lambda stub: stub.GetSeat, seat_request()))
    chance = Random(number)  # noqa: S311  the same orders in every run
    return Sender(buyer, seat.slot, seat.last_counter, count(seat.last_frame + 1), chance)


def _letter(sender: Sender) -> Letter:
    key = new_key()
    body = place_orders_body(PlaceOrders(key=key, frame=next(sender.frames), orders=sender.orders()))
    return Letter(key=key, type_id=TypeId.PLACE_ORDERS, body=body, mandate_leaf=sender.buyer.leaf)


async def _echoed(address: str, sender: Sender, callers: int, seconds: float) -> float:
    """Frames a second that a bare server gives back; every caller on a line of its own, as the things."""
    packed = sign(TypeId.PLACE_ORDERS, bytes(_HEADER_BYTES) + _letter(sender).body, sender.buyer.caller.key)
    frame = submit_request(packed).SerializeToString()
    channels = [
        grpc.aio.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),))
        for _ in range(callers)
    ]
    calls: list[Any] = [channel.unary_unary(METHOD) for channel in channels]

    async def once(call: Any) -> None:
        assert await call(frame) == frame, "an echo"

    try:
        await closed_loop(calls, once, _WARM_UP_S)
        return (await closed_loop(calls, once, seconds)).per_s
    finally:
        for channel in channels:
            await channel.close()


def _groups(node: NodeUnderLoad) -> list[Group]:
    log = SqliteLog.open(node.home / "journal.db")
    try:
        return list(log.read(1, log.head().number))
    finally:
        log.close()
