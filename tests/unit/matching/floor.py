"""A trading floor for tests: commands by name, events as sentences, resting orders as lists."""

from dataclasses import dataclass, field
from struct import unpack_from
from typing import Any, Literal

from thingmarket.matching import Engine
from thingmarket.matching.records import (
    Command,
    Event,
    Kind,
    MarketState,
    Side,
    TimeInForce,
    pack_commands,
    unpack_events,
)

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD
ANN, BOB, EVE = 11, 22, 33


def told(event: Event) -> str:
    """Kind and reason, then every field that is not 0; market 1 goes without saying."""
    parts = [event.kind.name, event.reason.name] if event.reason else [event.kind.name]
    if event.market != 1:
        parts.append(f"market={event.market}")
    names = ("side", "maker", "taker", "price", "quantity", "maker_left")
    parts += [f"{name}={getattr(event, name):d}" for name in names if getattr(event, name)]
    return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Rest:
    """A resting order."""

    id: int
    price: int
    remaining: int
    account: int


@dataclass(slots=True)
class Halves:
    """What rests in one market, best first, oldest first."""

    state: MarketState
    buys: list[Rest] = field(default_factory=list)
    sells: list[Rest] = field(default_factory=list)

    @property
    def crossed(self) -> bool:
        return bool(self.buys and self.sells) and self.buys[0].price >= self.sells[0].price


def resting(snapshot: bytes) -> dict[int, Halves]:
    """What a snapshot says, read by other code than the book's own."""
    (count,) = unpack_from("<I", snapshot, 32)
    at, markets = 36, {}
    for _ in range(count):
        number, state = unpack_from("<IB", snapshot, at)
        at += 5
        halves = markets[number] = Halves(MarketState(state))
        for side in (halves.buys, halves.sells):
            (orders,) = unpack_from("<Q", snapshot, at)
            at += 8
            for _ in range(orders):
                side.append(Rest(*unpack_from("<QqQQ", snapshot, at)))
                at += 32
    assert at + 32 == len(snapshot)
    return markets


class Floor:
    """An engine with a name for each command."""

    def __init__(self, kind: Literal["native", "python"], **limits: int) -> None:
        self.kind = kind
        self.engine = Engine(kind, **limits)

    def ask(self, *commands: Command) -> list[Event]:
        return list(unpack_events(self.engine.process(pack_commands(commands))))

    def told(self, *commands: Command) -> list[str]:
        return [told(event) for event in self.ask(*commands)]

    def new(self, side: int, id_: int, quantity: int, price: int, account: int, **fields: Any) -> list[str]:
        stated = {"kind": Kind.NEW_LIMIT, "tif": GTC, "market": 1, **fields}
        return self.told(
            Command(side=side, order_id=id_, quantity=quantity, price=price, account=account, **stated)
        )

    def buy(self, id_: int, quantity: int, price: int, account: int = ANN, **fields: Any) -> list[str]:
        return self.new(BUY, id_, quantity, price, account, **fields)

    def sell(self, id_: int, quantity: int, price: int, account: int = BOB, **fields: Any) -> list[str]:
        return self.new(SELL, id_, quantity, price, account, **fields)

    def market_buy(
        self, id_: int, quantity: int, cap: int = 0, account: int = ANN, **fields: Any
    ) -> list[str]:
        return self.new(BUY, id_, quantity, cap, account, **{"kind": Kind.NEW_MARKET, "tif": IOC, **fields})

    def cancel(self, id_: int, account: int, market: int = 1) -> list[str]:
        return self.told(Command(kind=Kind.CANCEL, order_id=id_, account=account, market=market))

    def expire(self, id_: int, market: int = 1) -> list[str]:
        return self.told(Command(kind=Kind.EXPIRE, order_id=id_, market=market))

    def reduce(self, id_: int, quantity: int, account: int, market: int = 1) -> list[str]:
        return self.told(
            Command(kind=Kind.REDUCE, order_id=id_, quantity=quantity, account=account, market=market)
        )

    def replace(
        self, side: int, id_: int, quantity: int, price: int, account: int, **fields: Any
    ) -> list[str]:
        return self.new(side, id_, quantity, price, account, **{"kind": Kind.REPLACE, **fields})

    def mass_cancel(self, account: int, market: int = 0) -> list[str]:
        return self.told(Command(kind=Kind.MASS_CANCEL, account=account, market=market))

    def set_state(self, state: int, market: int = 1) -> list[str]:
        return self.told(Command(kind=Kind.SET_STATE, tif=state, market=market))

    def uncross(self, reference: int = 0, market: int = 1) -> list[str]:
        return self.told(Command(kind=Kind.UNCROSS, price=reference, market=market))

    def rests(self) -> dict[int, Halves]:
        return resting(self.engine.snapshot())

    def ids(self, side: int, market: int = 1) -> list[int]:
        """Ids of resting orders, the first to trade first."""
        halves = self.rests().get(market, Halves(MarketState.CONTINUOUS))
        return [rest.id for rest in (halves.buys if side == BUY else halves.sells)]
