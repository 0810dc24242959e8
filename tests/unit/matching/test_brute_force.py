"""The books do what a list of orders that is searched through each time does, and lose nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.matching.conftest import native_is_built
from tests.unit.matching.flat_book import Fact, FlatBook, FlatOrder, cleared
from tests.unit.matching.floor import BUY, SELL, resting
from tests.unit.matching.streams import limits_of, stream
from tests.unit.matching.test_equal_kinds import RECORDS
from thingmarket.matching import Engine
from thingmarket.matching.auction import clearing
from thingmarket.matching.records import (
    COMMAND_BYTES,
    Command,
    Event,
    EventKind,
    Kind,
    MarketState,
    TimeInForce,
    unpack_events,
)

KINDS: list[Any] = ["python", "native"] if native_is_built() else ["python"]
QUANTITY, PRICE = st.integers(1, 9), st.integers(1, 8)
COMMANDS = st.builds(
    Command,
    kind=st.sampled_from(
        (Kind.NEW_LIMIT,) * 4 + (Kind.NEW_MARKET, Kind.CANCEL, Kind.REDUCE) + (Kind.REPLACE,) * 2
    ),
    side=st.sampled_from((BUY, SELL)),
    tif=st.sampled_from((1, 1, 1, 3, 4, 6)),
    flags=st.sampled_from((0, 0, 0, 1, 2, 4, 5, 6)),
    market=st.just(1),
    quantity=QUANTITY,
    price=PRICE,
    order_id=st.integers(1, 12),
    account=st.integers(1, 2),
)


def sound(command: Command) -> Command:
    """The same command with a time in force and flags that its kind may have."""
    tif, flags = command.tif, command.flags
    if command.kind == Kind.NEW_MARKET and tif not in (TimeInForce.IOC, TimeInForce.FOK):
        tif = TimeInForce.IOC
    if command.kind == Kind.REPLACE:
        tif = TimeInForce.GTC
    if tif in (TimeInForce.IOC, TimeInForce.FOK):
        flags &= 6
    price = 0 if command.kind == Kind.NEW_MARKET and command.price > 6 else command.price
    return Command(
        kind=command.kind,
        side=command.side,
        tif=tif,
        flags=flags,
        market=1,
        quantity=command.quantity,
        price=price,
        order_id=command.order_id,
        account=command.account,
    )


def ask_flat(book: FlatBook, command: Command) -> list[Fact]:
    order = FlatOrder(command.order_id, command.account, command.side, command.price, command.quantity)
    match command.kind:
        case Kind.CANCEL:
            return book.cancel(order.id, order.account)
        case Kind.REDUCE:
            return book.reduce(order.id, order.account, command.quantity)
        case Kind.REPLACE:
            return book.replace(order, command.flags)
    return book.new(order, command.tif, command.flags)


def fact(event: Event) -> Fact:
    if event.kind == EventKind.REJECTED:
        return (event.reason.name, event.taker)
    if event.kind == EventKind.TRADE:
        return ("TRADE", event.maker, event.taker, event.price, event.quantity)
    return (event.kind.name, event.taker, event.quantity)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250)
@given(commands=st.lists(COMMANDS.map(sound), max_size=50))
def test_price_and_time_decide_as_in_a_list_that_is_searched_through(
    kind: Any, commands: list[Command]
) -> None:
    flat, engine = FlatBook(), Engine(kind)
    for command in commands:
        events = list(unpack_events(engine.process(command.pack())))
        assert [fact(event) for event in events] == ask_flat(flat, command)
    halves = resting(engine.snapshot()).get(1)
    for side in (BUY, SELL):
        own = [] if halves is None else halves.buys if side == BUY else halves.sells
        assert [(rest.id, rest.price, rest.remaining) for rest in own] == flat.side(side)


LEVELS = st.dictionaries(st.integers(1, 40), st.integers(1, 20), max_size=8)


@settings(max_examples=500)
@given(buys=LEVELS, sells=LEVELS, reference=st.integers(-3, 50))
def test_the_clearing_price_is_the_best_of_all_ticks(
    buys: dict[int, int], sells: dict[int, int], reference: int
) -> None:
    found = clearing(sorted(buys.items(), reverse=True), sorted(sells.items()), reference)
    if not buys or not sells or max(buys) < min(sells):
        assert (found.price, found.volume) == (0, 0)
    else:
        assert (found.price, found.volume) == cleared([*buys.items()], [*sells.items()], reference)


GATHERED = st.lists(st.tuples(st.sampled_from((BUY, SELL)), st.integers(1, 12), QUANTITY), max_size=25)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250)
@given(gathered=GATHERED, reference=st.integers(-1, 14))
def test_an_uncross_trades_what_the_best_tick_trades_and_leaves_no_crossed_book(
    kind: Any, gathered: list[tuple[int, int, int]], reference: int
) -> None:
    engine = Engine(kind)
    engine.process(Command(kind=Kind.SET_STATE, tif=MarketState.AUCTION, market=1).pack())
    for id_, (side, price, quantity) in enumerate(gathered, 1):
        fields = {"side": side, "price": price, "quantity": quantity, "order_id": id_}
        engine.process(Command(kind=Kind.NEW_LIMIT, tif=TimeInForce.GTC, market=1, **fields).pack())
    before = resting(engine.snapshot())[1]
    *trades, state = unpack_events(
        engine.process(Command(kind=Kind.UNCROSS, market=1, price=reference).pack())
    )
    buys, sells = ([(rest.price, rest.remaining) for rest in half] for half in (before.buys, before.sells))
    assert (state.price, state.maker_left) == (cleared(buys, sells, reference) if before.crossed else (0, 0))
    assert sum(trade.quantity for trade in trades) == state.maker_left
    assert [trade.price for trade in trades] == [state.price] * len(trades)
    order_of_buys, order_of_sells = ([rest.id for rest in half] for half in (before.buys, before.sells))
    assert [trade.maker for trade in trades] == sorted((t.maker for t in trades), key=order_of_buys.index)
    assert [trade.taker for trade in trades] == sorted((t.taker for t in trades), key=order_of_sells.index)
    assert not resting(engine.snapshot())[1].crossed


class Reader:
    """Keeps what rests by reading events alone."""

    def __init__(self) -> None:
        self.left: dict[int, int] = {}

    def read(self, command: Command, events: list[Event]) -> None:
        came = command.quantity if command.kind in (Kind.NEW_LIMIT, Kind.NEW_MARKET) else 0
        for event in events:
            match event.kind:
                case EventKind.REJECTED:
                    came = 0
                case EventKind.NEW:
                    came -= event.quantity
                    assert event.taker not in self.left
                    self.left[event.taker] = event.quantity
                case EventKind.TRADE:
                    self.take(event.maker, event.quantity)
                    assert self.left.get(event.maker, 0) == event.maker_left
                    if event.taker in self.left:
                        self.take(event.taker, event.quantity)
                    else:
                        came -= event.quantity
                case EventKind.CANCELED | EventKind.EXPIRED if event.taker in self.left:
                    assert self.left.pop(event.taker) == event.quantity
                case EventKind.CANCELED:
                    came -= event.quantity
                case EventKind.REDUCED | EventKind.REPLACED:
                    assert event.taker in self.left
                    self.left[event.taker] = event.quantity
        assert came == 0, "what came in traded, rests or was cancelled"

    def take(self, id_: int, quantity: int) -> None:
        self.left[id_] -= quantity
        assert self.left[id_] >= 0
        if not self.left[id_]:
            del self.left[id_]


def check(engine: Engine, reader: Reader) -> None:
    """What the events told rests, and no market that trades is crossed."""
    markets = resting(engine.snapshot())
    rests = {rest.id: rest.remaining for half in markets.values() for rest in (*half.buys, *half.sells)}
    assert rests == reader.left
    assert not [number for number, half in markets.items() if half.crossed and half.state == 3]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150)
@given(records=st.lists(RECORDS, max_size=40))
def test_no_quantity_is_lost_and_no_market_that_trades_is_crossed(kind: Any, records: list[bytes]) -> None:
    engine, reader = Engine(kind), Reader()
    for record in records:
        reader.read(Command.unpack(record), list(unpack_events(engine.process(record))))
        check(engine, reader)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10))
def test_no_quantity_is_lost_in_a_stream(kind: Any, seed: int) -> None:
    orders_max, levels_max = limits_of(seed)
    engine, reader = Engine(kind, orders_max=orders_max, levels_max=levels_max), Reader()
    commands = stream(seed, 2_000)
    for at in range(0, len(commands), COMMAND_BYTES):
        record = commands[at : at + COMMAND_BYTES]
        reader.read(Command.unpack(record), list(unpack_events(engine.process(record))))
        if not at // COMMAND_BYTES % 100:
            check(engine, reader)
    check(engine, reader)
