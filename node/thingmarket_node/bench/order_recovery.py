"""How fast a log of orders comes back: through the whole market, and through the engine alone."""

import gc
import time
from typing import Any, Final

from thingmarket.limits import DEPTH_LEVELS_MAX
from thingmarket.market.state import State
from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND, SELF_TRADE_MASK, SelfTrade
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import ORDER, slot_of, statuses_of
from thingmarket.wire.log import read_entry
from thingmarket_node.core.boot import Replay
from thingmarket_node.groups import Group

_MILLION: Final = 1_000_000
_Frame = tuple[bytes, bytes]  # orders and their statuses


def recovered(groups: list[Group], market: int) -> dict[str, Any]:
    """Seconds for each million orders; the log is replayed as by a start without snapshots."""
    gc.disable()  # as a start of the node does
    replay = Replay(groups)
    frames: list[_Frame] = []
    begin = time.process_time()
    for told in replay.outcomes():
        for one in told:
            command = one.command
            if command is not None and isinstance(command.body, PlaceOrders) and not one.outcome.code:
                frames.append((command.body.orders, one.outcome.statuses))
    whole_s = time.process_time() - begin
    begin = time.process_time()
    for group in groups:
        for data in group.entries:
            read_entry(data)
    read_s = time.process_time() - begin
    gc.enable()
    orders = sum(len(packed) // ORDER.size for packed, _ in frames)
    engine_s = _engine_alone(replay.sequencer.market.state, frames, market)
    return {
        "replayed_orders": orders,
        "replay_s_per_million": round(whole_s * _MILLION / max(1, orders), 3),
        "reading_entries_s_per_million": round(read_s * _MILLION / max(1, orders), 3),
        "engine_alone_s_per_million": round(engine_s * _MILLION / max(1, orders), 3),
    }


def _engine_alone(state: State, frames: list[_Frame], market: int) -> float:
    """Seconds for what the book took, a frame a call; it must end where the market's book is."""
    batches = [_commands(state, orders, statuses) for orders, statuses in frames]
    engine = Engine()
    begin = time.process_time()
    for batch in batches:
        engine.process(batch)
    took_s = time.process_time() - begin
    depth = engine.depth(market, DEPTH_LEVELS_MAX)
    assert depth == state.desk.depth(market, DEPTH_LEVELS_MAX), "the engine alone comes to the same book"
    return took_s


def _commands(state: State, orders: bytes, statuses: bytes) -> bytes:
    """Orders as the book took them: with the owner for the expiry, and the market's least flag."""
    taken = []
    for fields, status in zip(ORDER.iter_unpack(orders), statuses_of(statuses), strict=True):
        if status:
            continue
        kind, side, tif, flags, market, quantity, price, name, _ = fields
        owner = state.party(state.seats[slot_of(name)].owner).number
        flags |= 0 if flags & SELF_TRADE_MASK else SelfTrade.CANCEL_TAKER
        taken.append(COMMAND.pack(kind, side, tif, flags, market, quantity, price, name, owner))
    return b"".join(taken)
