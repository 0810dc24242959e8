"""Streams of order commands to measure with: read from files, or made by seed in shapes usual for engines."""

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

from thingmarket.matching import Engine
from thingmarket.matching.records import (
    COMMAND,
    COMMAND_BYTES,
    EVENT,
    EventKind,
    Kind,
    Side,
    TimeInForce,
)

STREAM_BYTES_MAX: Final = (
    1_000_000_000  # 25 million commands: more would not stay in memory with their events
)
MID: Final = 100_000  # first price of every market
ACCOUNTS: Final = 1_009  # an order's account is its id modulo this
CHUNK: Final = 500  # commands between two looks at what rests
GTC, BUY, SELL = TimeInForce.GTC, Side.BUY, Side.SELL


@dataclass(frozen=True, slots=True)
class Shape:
    """Commands over markets of unequal favour (Zipf), with about so many orders resting."""

    name: str
    commands: int
    markets: int
    resting: int


SHAPES: Final = (
    Shape("one", 300_000, 1, 10_000),
    Shape("multi", 300_000, 100, 20_000),
    Shape("thin", 300_000, 10_000, 80_000),
)


class _Maker:
    """Writes a stream against a real book, so that cancels are of orders that rest."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.chance = Random(f"stream {shape.name}")
        self.book = Engine()
        self.mids = [MID] * shape.markets
        self.favour = list(accumulate(1 / rank for rank in range(1, shape.markets + 1)))
        self.resting: list[tuple[int, int]] = []  # id and market
        self.where: dict[int, int] = {}
        self.next_id = 1

    def made(self) -> bytes:
        parts = []
        for _ in range(self.shape.commands // CHUNK):
            part = b"".join(self.command() for _ in range(CHUNK))
            self.follow(self.book.process(part))
            parts.append(part)
        return b"".join(parts)

    def command(self) -> bytes:
        """Cancels are 30 % once enough rests; of the rest one in eight is marketable."""
        chance = self.chance
        if len(self.resting) > self.shape.resting * (0.5 + chance.random()) or (
            len(self.resting) > self.shape.resting // 2 and chance.random() < 0.3
        ):
            order_id, market = self.resting[int(chance.random() * len(self.resting))]
            self.gone(order_id)
            return COMMAND.pack(Kind.CANCEL, 0, 0, 0, market, 0, 0, order_id, order_id % ACCOUNTS)
        (market,) = chance.choices(range(self.shape.markets), cum_weights=self.favour)
        self.mids[market] += chance.choice((-1, 0, 0, 0, 1))
        side = chance.choice((BUY, SELL))
        away = -5 if chance.random() < 0.125 else 1 + int(chance.expovariate(0.05))
        price = self.mids[market] + (away if side == SELL else -away)
        order_id = self.next_id
        self.next_id += 1
        quantity = 1 + int(chance.random() * 50)
        return COMMAND.pack(
            Kind.NEW_LIMIT, side, GTC, 0, market + 1, quantity, price, order_id, order_id % ACCOUNTS
        )

    def follow(self, events: bytes) -> None:
        """Keep in mind what rests."""
        for kind, _, _, _, market, _, maker, taker, _, _, left in EVENT.iter_unpack(events):
            if kind == EventKind.NEW:
                self.where[taker] = len(self.resting)
                self.resting.append((taker, market))
            elif kind == EventKind.TRADE and left == 0:
                self.gone(maker)

    def gone(self, order_id: int) -> None:
        at = self.where.pop(order_id, None)
        if at is None:
            return
        last = self.resting.pop()
        if last[0] != order_id:
            self.resting[at] = last
            self.where[last[0]] = at


def made(shape: Shape) -> bytes:
    """The stream of a shape: the same at each call."""
    return _Maker(shape).made()


def read(path: Path) -> dict[str, bytes]:
    """A file of packed commands, or every such file (`*.bin`) of a folder, by name."""
    paths = sorted(path.glob("*.bin")) if path.is_dir() else [path]
    streams = {}
    for each in paths:
        if each.stat().st_size > STREAM_BYTES_MAX or each.stat().st_size % COMMAND_BYTES:
            raise ValueError(f"{each} is no file of commands of {COMMAND_BYTES} bytes, or a very long one")
        streams[each.stem] = each.read_bytes()
    if not any(streams.values()):
        raise ValueError(f"no commands in {path}")
    return streams
