"""`bench desk`: frames of orders checked, matched and settled, beside the plain Python desk."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from thingmarket.limits import TIME_MIN_MS
from thingmarket.matching.engine import Asked
from thingmarket.matching.records import COMMAND, Kind
from thingmarket.settlement.accounts import AccountFlag, AccountKind
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Transfer
from thingmarket.trading.desk import Desk
from thingmarket.trading.frame import ORDER, order_id_of, touched
from thingmarket.trading.front import new_desk
from thingmarket.trading.permits import Headroom, Permit
from thingmarket.trading.terms import MarketTerms
from thingmarket_node.bench.order_streams import SHAPES, made, read

THINGS: Final = 64
FRAME_ORDERS: Final = 100
PLAIN_FRAMES: Final = 300  # of the Python desk, which takes thirty times as long or more
ROUNDS_MIN: Final = 3
MONEY_LEDGER: Final = 978
GOODS_LEDGER: Final = 2**32  # and the number of the market
FUNDS_MINOR: Final = 2**52
STOCK_STEPS: Final = 2**40
OPERATOR: Final = 1
FIRST_OWNER: Final = 2
PERMIT: Final = Permit(order_max_minor=2**50, cosign_above_minor=2**50)
HEADROOM: Final = {MONEY_LEDGER: Headroom(amount_left_minor=2**52)}
BAND: Final = (1, 2**40)
_SHAPE: Final = next(shape for shape in SHAPES if shape.name == "multi")


@dataclass(frozen=True, slots=True)
class Frame:
    """Orders of one thing."""

    slot: int
    orders: bytes
    last_counter: int
    sides: tuple[tuple[int, int], ...]


def measure(seconds: float = 2.0, *, stream: Path | None = None) -> dict[str, Any]:
    """Place all frames of a stream of the shape `multi` in a fresh desk, for about `seconds`; medians.

    Times are of processor, of the desk alone: what a node does before and after it is not in them. Both kinds
    give the same digest over the events of the frames that the Python one placed.
    """
    commands = read(stream) if stream else {_SHAPE.name: made(_SHAPE)}
    frames = frames_of(next(iter(commands.values())))
    taken_s: list[float] = []
    end_s = time.perf_counter() + seconds
    while len(taken_s) < ROUNDS_MIN or time.perf_counter() < end_s:
        taken_s.append(place(funded_desk(frames), frames))
    plain, compared = funded_desk(frames, "python"), funded_desk(frames)
    plain_s = place(plain, frames[:PLAIN_FRAMES])
    place(compared, frames[:PLAIN_FRAMES])
    assert plain.digest == compared.digest, "both kinds of desk give equal events"
    order_us = median(taken_s) / (len(frames) * FRAME_ORDERS) * 1e6
    plain_us = plain_s / (min(PLAIN_FRAMES, len(frames)) * FRAME_ORDERS) * 1e6
    return {
        "figures": {
            "kind": compared.kind,
            "orders": len(frames) * FRAME_ORDERS,
            "order_us": round(order_us, 3),
            "orders_per_s": round(1e6 / order_us),
        },
        "references": {"python_order_us": round(plain_us, 1)},
        "ratios": {"desk_to_python": round(plain_us / order_us, 1)},
    }


def frames_of(commands: bytes) -> list[Frame]:
    """The commands of a stream dealt to things by their account, each of which sends them in full frames."""
    names: dict[int, int] = {}  # ids of the stream to those of the things
    counters, waiting = [0] * (THINGS + 1), [list[bytes]() for _ in range(THINGS + 1)]
    begun = [0] * (THINGS + 1)  # counter before the frame that is being filled
    frames = []
    for kind, side, tif, flags, market, quantity, price, order_id, account in COMMAND.iter_unpack(commands):
        slot = account % THINGS + 1
        if kind == Kind.NEW_LIMIT:
            counters[slot] += 1
            names[order_id] = order_id_of(slot, counters[slot])
        own_id = names[order_id]
        waiting[slot].append(ORDER.pack(kind, side, tif, flags, market, quantity, price, own_id, 0))
        if len(waiting[slot]) == FRAME_ORDERS:
            orders = b"".join(waiting[slot])
            frames.append(Frame(slot, orders, begun[slot], touched(orders)))
            waiting[slot], begun[slot] = [], counters[slot]
    return frames


def funded_desk(frames: list[Frame], kind: Asked = "auto") -> Desk:
    """A desk with the markets of these frames, and owners who have enough of everything."""
    ledger = Ledger(kind)
    desk = new_desk(ledger=ledger, operator=OPERATOR, kind=kind)
    markets = sorted({market for frame in frames for market, _ in frame.sides})
    for market in markets:
        goods = GOODS_LEDGER + market
        desk.open_market(
            MarketTerms(
                number=market,
                product_id=f"goods-{market}",
                currency="EUR",
                money_ledger=MONEY_LEDGER,
                goods_ledger=goods,
                fee_basis_points=10,
            )
        )
        _fund(ledger, goods, AccountKind.GOODS, AccountKind.GOODS_ORIGIN, STOCK_STEPS)
    _fund(ledger, MONEY_LEDGER, AccountKind.OWNER_WALLET, AccountKind.EXTERNAL, FUNDS_MINOR)
    return desk


def place(desk: Desk, frames: list[Frame]) -> float:
    """Processor time of all frames, each with its permits, headroom and bands as a market gives them."""
    bands: Mapping[int, tuple[int, int]] = {market: BAND for frame in frames for market, _ in frame.sides}
    rights = [dict.fromkeys(frame.sides, PERMIT) for frame in frames]
    begin_s = time.process_time()
    for frame, permits in zip(frames, rights, strict=True):
        desk.place(
            frame.orders,
            slot=frame.slot,
            owner_number=FIRST_OWNER + frame.slot,
            last_counter=frame.last_counter,
            permits=permits,
            headroom=HEADROOM,
            bands=bands,
            now_ms=TIME_MIN_MS,
            acts_for_owner=False,
        )
    return time.process_time() - begin_s


def _fund(ledger: Ledger, number: int, kind: AccountKind, origin: AccountKind, amount: int) -> None:
    source = ledger.open(owner=OPERATOR, ledger=number, kind=origin)
    for slot in range(1, THINGS + 1):
        owner = FIRST_OWNER + slot
        transfer = Transfer(
            id=number.to_bytes(8, "big") + owner.to_bytes(8, "big"),
            debit=source,
            credit=ledger.open(
                owner=owner, ledger=number, kind=kind, flags=AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS
            ),
            amount=amount,
            ledger=number,
            code=1,
        )
        statuses = ledger.submit(transfer.pack(), TIME_MIN_MS)
        assert not any(statuses), "an account without guards pays"
