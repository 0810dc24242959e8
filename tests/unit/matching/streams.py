"""Streams of commands by seed, as honest and as wicked senders write them; for tests and for fuzzing."""

from collections.abc import Iterator
from random import Random
from typing import Final

from thingmarket.matching.records import COMMAND, COMMAND_BYTES, Kind, MarketState, Side, TimeInForce

Fields = list[int]  # of a command, in the order of its record

# Books that never fill up, that do at times, and that are nearly always full: orders, levels of a side.
WIDE: Final = (1_048_576, 65_536)
LIMITS: Final = (WIDE, (400, 30), WIDE, WIDE, (1_000, 8), (20, 4), WIDE, (400, 30), WIDE, (1, 1))
EXTREMES: Final = (0, 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
REMEMBERED: Final = 300  # orders of late, many of them resting
CALM, STORMY = 0.01, 0.2  # share of spoilt commands
RESTING_TIFS: Final = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD)
TIFS: Final = (*RESTING_TIFS, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
FLAGS: Final = (0, 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7)
KINDS: Final = {
    Kind.NEW_LIMIT: 5_000,
    Kind.NEW_MARKET: 500,
    Kind.CANCEL: 1_600,
    Kind.REDUCE: 600,
    Kind.REPLACE: 1_500,
    Kind.MASS_CANCEL: 10,
    Kind.EXPIRE: 300,
    Kind.SET_STATE: 40,
    Kind.UNCROSS: 10,
}
FORGOTTEN: Final = 0.3  # of orders that were named: else those that traded long ago fill the list
OPENS_AGAIN: Final = 0.01  # by this chance, after each command
STATES: Final = (*MarketState, *[MarketState.AUCTION] * 6, *[MarketState.PRE_OPEN] * 3)


class Crowd:
    """Accounts that trade in a few markets. Equal seeds write equal streams."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.markets = [1, 2, 7, 2**32 - 1][: self.chance.randint(1, 4)]
        self.accounts = [0, 1, 2, 3, 2**64 - 1][: self.chance.randint(2, 5)]
        self.spread = self.chance.choice((2, 10, 200))  # few prices cross often, many make deep books
        self.spoilt = self.chance.choice((CALM, CALM, STORMY))
        self.next_id = 1
        self.next_market = 10
        self.known: list[Fields] = []  # orders of late
        self.closed: list[int] = []  # markets that do not trade at the moment
        self.plan: list[Fields] = []  # commands that come next
        self.kinds = self.chance.choices(list(KINDS), weights=list(KINDS.values()), k=4096)

    def command(self) -> bytes:
        """The next command."""
        chance = self.chance
        if self.closed and chance.random() < OPENS_AGAIN:
            self.plan += self.opening(self.closed.pop())
        fields = self.plan.pop(0) if self.plan else self.sound(chance.choice(self.kinds))
        if chance.random() < self.spoilt:
            self.spoil(fields)
        return COMMAND.pack(*fields)

    def sound(self, kind: int) -> Fields:
        """A command that an honest sender may write, if its order still rests."""
        if kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET):
            return self.new(kind)
        if kind in (Kind.SET_STATE, Kind.UNCROSS):
            return self.of_a_market(kind)
        if kind == Kind.MASS_CANCEL:
            market = self.chance.choice((0, *self.markets))
            return [kind, 0, 0, 0, market, 0, 0, 0, self.chance.choice(self.accounts)]
        return self.of_an_order(kind)

    def price(self, side: int) -> int:
        """Round 1,000, most of the time without crossing; at times at the ends of what is possible."""
        random = self.chance.random()
        if random < 0.002:
            return 1 if random < 0.001 else 2**53 - 1
        away = int(self.chance.random() * self.spread) - self.spread // 4
        return 1_000 - away if side == Side.BUY else 1_000 + away

    def quantity(self) -> int:
        """Small ones, and now and then the largest."""
        return 2**32 - 1 if self.chance.random() < 0.001 else 1 + int(self.chance.random() * 30)

    def new(self, kind: int) -> Fields:
        chance = self.chance
        side = chance.choice((Side.BUY, Side.SELL))
        tif, flags, price = chance.choice(TIFS), chance.choice(FLAGS), self.price(side)
        if kind == Kind.NEW_MARKET:
            tif, flags = chance.choice((TimeInForce.IOC, TimeInForce.FOK)), flags & 6
            price = chance.choice((0, price))
        elif tif not in RESTING_TIFS:
            flags &= 6
        market, account = chance.choice(self.markets), chance.choice(self.accounts)
        fields = [kind, side, tif, flags, market, self.quantity(), price, self.next_id, account]
        self.next_id += 1
        if tif not in RESTING_TIFS:
            return fields
        if len(self.known) < REMEMBERED:
            self.known.append(fields)
        else:
            self.known[int(chance.random() * REMEMBERED)] = fields
        return list(fields)

    def of_an_order(self, kind: int) -> Fields:
        """Cancel, reduce, replace or expire an order of late."""
        if not self.known:
            return self.new(Kind.NEW_LIMIT)
        at = int(self.chance.random() * len(self.known))
        known = self.known[at]
        if kind in (Kind.CANCEL, Kind.EXPIRE) or self.chance.random() < FORGOTTEN:
            self.known[at] = self.known[-1]
            self.known.pop()
        side, quantity, price = known[1], self.quantity(), known[6]
        if kind == Kind.REDUCE:
            quantity = 1 + quantity % 5
        if self.chance.random() < 0.5:
            price = self.price(side)
        tif, flags = self.chance.choice(RESTING_TIFS), self.chance.choice(FLAGS)
        return [kind, side, tif, flags, known[4], quantity, price, known[7], known[8]]

    def reference(self) -> int:
        return self.chance.choice((0, 0, 1_000, 990, -3, 2**63 - 1))

    def opening(self, market: int) -> list[Fields]:
        """Uncross a market and let it trade."""
        states = [[Kind.SET_STATE, 0, state, 0, market, 0, 0, 0, 0] for state in (2, 3)]
        return [states[0], [Kind.UNCROSS, 0, 0, 0, market, 0, self.reference(), 0, 0], states[1]]

    def of_a_market(self, kind: int) -> Fields:
        """Change a state, or uncross. A new market takes the place of a closed one."""
        at = int(self.chance.random() * len(self.markets))
        market = self.markets[at]
        if kind == Kind.UNCROSS:
            return [kind, 0, 0, 0, market, 0, self.reference(), 0, 0]
        state = self.chance.choice(STATES)
        if state == MarketState.CLOSED:
            self.markets[at] = self.next_market
            self.next_market += 1
        elif state != MarketState.CONTINUOUS:
            self.closed.append(market)
        return [kind, 0, state, 0, market, 0, 0, 0, 0]

    def spoil(self, fields: Fields) -> None:
        """Make one field wrong or odd, or all of them."""
        chance = self.chance
        if chance.random() < 0.1:
            fields[:] = COMMAND.unpack(chance.randbytes(COMMAND_BYTES))
            fields[0] = chance.choice((fields[0], fields[0] % 11))
            return
        at = chance.randrange(9)
        if at < 4:
            fields[at] = chance.choice((chance.randrange(256), chance.randrange(8)))
        elif at == 4:
            fields[at] = chance.choice((0, 5, *self.markets))
        elif at == 6:
            fields[at] = chance.choice((-1, -(2**63), *EXTREMES[:-2]))
        else:
            fields[at] = chance.choice((chance.randrange(20), *EXTREMES))


def stream(seed: int, count: int) -> bytes:
    """So many packed commands."""
    crowd = Crowd(seed)
    return b"".join(crowd.command() for _ in range(count))


def limits_of(seed: int) -> tuple[int, int]:
    """The limits of the book to which a stream goes: the most orders, the most levels of a side."""
    return LIMITS[seed % len(LIMITS)]


def cuts(commands: bytes, seed: int) -> Iterator[bytes]:
    """The stream in pieces of one to some thousands of commands."""
    chance, at = Random(seed), 0
    while at < len(commands):
        size = chance.choice((1, 2, 17, 512, 4_096)) * COMMAND_BYTES
        yield commands[at : at + size]
        at += size
