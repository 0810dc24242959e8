"""Who places orders: his place in the books, and the frames of his that are remembered. [MKT-6]"""

from thingmarket.errors import Code, Refusal
from thingmarket.limits import FRAMES_KEPT
from thingmarket.market.entries import Command
from thingmarket.market.order_records import FrameRecord
from thingmarket.market.records import Answer
from thingmarket.market.state import State
from thingmarket.time import UnixMs
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import STATUS


def recall_frame(state: State, command: Command, body: PlaceOrders) -> Answer | None:
    """What a frame that was placed before came to; None when it is new (KEY_CONFLICT, KEY_TOO_OLD)."""
    record = state.parties.get(command.header.sender)
    seat = None if record is None else state.seats.get(record.number)
    if record is None or seat is None or body.frame > seat.last_frame:
        return None
    found = state.frames.get((record.number, body.frame))
    if found is None:
        raise Refusal(Code.KEY_TOO_OLD, f"the last frame was {seat.last_frame}; numbers only grow", "MKT-6")
    if found.body_digest != command.body_digest:
        raise Refusal(Code.KEY_CONFLICT, f"frame {body.frame} was another one; take the next number", "MKT-6")
    return Answer(
        body_digest=found.body_digest,
        signed_digest=found.signed_digest,
        seq=found.seq,
        time_ms=found.time_ms,
        forget_ms=0,
        code=0,
        reason="",
        rule="",
        reference=b"",
        statuses=found.statuses or bytes(STATUS.size * found.orders),
    )


def remember_frame(
    state: State,
    slot: int,
    command: Command,
    body: PlaceOrders,
    *,
    seq: int,
    now_ms: UnixMs,
    statuses: bytes,
) -> None:
    """Keep what a frame came to, and forget the one that is too many."""
    kept = state.books.frames_of.get(slot, ())
    if len(kept) >= FRAMES_KEPT:
        state.frames.drop((slot, kept[0]))
    state.frames.put(
        (slot, body.frame),
        FrameRecord(
            body_digest=command.body_digest,
            signed_digest=command.signed_digest,
            seq=seq,
            time_ms=now_ms,
            orders=len(statuses) // STATUS.size,
            statuses=statuses if any(statuses) else b"",
        ),
    )
