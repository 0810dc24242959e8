"""What goes in and comes out of a book: rules 1 to 7 of the design."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.matching.conftest import Kind
from tests.unit.matching.floor import ANN, BOB, BUY, FOK, GTC, IOC, SELL, Floor
from thingmarket.errors import Code, Refusal
from thingmarket.matching import Engine
from thingmarket.matching.records import (
    COMMAND_BYTES,
    EVENT_BYTES,
    Command,
    Event,
    EventKind,
    MarketState,
    pack_commands,
    unpack_events,
)
from thingmarket.matching.records import Kind as CommandKind

BYTE, U32, U64 = st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


def gtc(side: int, id_: int, quantity: int, price: int, account: int) -> Command:
    return Command(
        kind=CommandKind.NEW_LIMIT,
        side=side,
        tif=GTC,
        market=1,
        quantity=quantity,
        price=price,
        order_id=id_,
        account=account,
    )


# Rule 1 [BOK-1]
@pytest.mark.parametrize("length", [1, 39, 41, 79, 40 * 512 + 8])
def test_bytes_that_are_no_whole_number_of_commands_are_refused_whole(kind: Kind, length: int) -> None:
    floor = Floor(kind)
    floor.buy(1, 5, 100)
    before = floor.engine.snapshot()
    whole = pack_commands([gtc(BUY, 2 + n, 5, 100, ANN) for n in range(length // 40 + 1)])
    with pytest.raises(Refusal) as refused:
        floor.engine.process(whole[:length])
    assert refused.value.number == Code.MALFORMED
    assert floor.engine.snapshot() == before


# Rule 1
def test_no_bytes_give_no_bytes(floor: Floor) -> None:
    assert floor.engine.process(b"") == b""


# Rule 1
@pytest.mark.parametrize("as_bytes", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_will_do(kind: Kind, as_bytes: type) -> None:
    engine = Engine(kind)
    assert len(engine.process(as_bytes(gtc(BUY, 1, 5, 100, ANN).pack()))) == EVENT_BYTES
    assert engine.process(as_bytes(b"")) == b""


# Rule 1
def test_what_comes_out_does_not_depend_on_the_cuts(kind: Kind) -> None:
    commands = [gtc(BUY if n % 3 else SELL, n, 1 + n % 7, 95 + n % 11, n % 4) for n in range(1, 200)]
    data = pack_commands(commands)
    whole = Engine(kind).process(data)
    for size in (1, 3, 64):
        engine = Engine(kind)
        step = size * COMMAND_BYTES
        assert b"".join(engine.process(data[at : at + step]) for at in range(0, len(data), step)) == whole


# Rule 2 [BOK-2]
def test_events_are_numbered_from_1_without_gaps_rejections_and_states_included(floor: Floor) -> None:
    events = floor.ask(
        gtc(BUY, 1, 5, 100, ANN),
        gtc(BUY, 1, 5, 100, ANN),
        gtc(SELL, 2, 9, 100, BOB),
        Command(kind=CommandKind.SET_STATE, tif=MarketState.HALTED, market=1),
        Command(kind=77),
    )
    assert [event.seq for event in events] == list(range(1, 7))
    assert [event.kind.name for event in events] == ["NEW", "REJECTED", "TRADE", "NEW", "STATE", "REJECTED"]
    with pytest.raises(Refusal):
        floor.engine.process(b"no whole command")
    assert [event.seq for event in floor.ask(Command(kind=77))] == [7]


# Rule 2: every command gives at least one event, and its last one is marked
def test_the_last_event_of_each_command_is_marked(floor: Floor) -> None:
    floor.sell(1, 1, 100)
    floor.sell(2, 1, 101)
    events = floor.ask(gtc(BUY, 3, 5, 101, ANN), Command(kind=77), gtc(SELL, 4, 1, 102, BOB))
    assert [event.last for event in events] == [False, False, True, True, True]


# Rule 3 [BOK-3]
@pytest.mark.parametrize(
    ("quantity", "price", "said"),
    [
        (0, 100, "BAD_QUANTITY"),
        (1, 100, "NEW"),
        (2**32 - 1, 100, "NEW"),
        (2**32, 100, "BAD_QUANTITY"),
        (2**64 - 1, 100, "BAD_QUANTITY"),
        (1, -1, "BAD_PRICE"),
        (1, 0, "BAD_PRICE"),
        (1, 1, "NEW"),
        (1, 2**53 - 1, "NEW"),
        (1, 2**53, "BAD_PRICE"),
        (1, -(2**63), "BAD_PRICE"),
    ],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_quantities_and_prices_have_bounds(
    kind: Kind, side: int, quantity: int, price: int, said: str
) -> None:
    (answer,) = Floor(kind).new(side, 1, quantity, price, ANN)
    assert said in answer.split()


# Rule 3
@pytest.mark.parametrize("account", [0, 1, 2**64 - 1])
def test_an_account_may_be_any_number(kind: Kind, account: int) -> None:
    floor = Floor(kind)
    assert floor.buy(2**64 - 1, 5, 100, account) == [f"NEW side=1 taker={2**64 - 1} price=100 quantity=5"]
    assert floor.cancel(2**64 - 1, account) == [f"CANCELED side=1 taker={2**64 - 1} price=100 quantity=5"]


# Rule 3
@given(noise=st.binary(min_size=40, max_size=40))
def test_fields_that_a_command_does_not_use_are_ignored(noise: bytes) -> None:
    junk = Command.unpack(noise)
    floor = Floor("python")
    floor.buy(1, 5, 100)
    cancel = Command(
        kind=CommandKind.CANCEL,
        side=junk.side,
        tif=junk.tif,
        flags=junk.flags,
        market=1,
        quantity=junk.quantity,
        price=junk.price,
        order_id=1,
        account=ANN,
    )
    assert floor.told(cancel) == ["CANCELED side=1 taker=1 price=100 quantity=5"]
    state = Command(
        kind=CommandKind.SET_STATE,
        side=junk.side,
        tif=MarketState.AUCTION,
        flags=junk.flags,
        market=1,
        quantity=junk.quantity,
        price=junk.price,
        order_id=junk.order_id,
        account=junk.account,
    )
    assert floor.told(state) == ["STATE quantity=2 maker_left=3"]


# Rule 5 [BOK-5]
@given(side=BYTE, market=U32, quantity=U64, price=st.integers(-(2**63), 2**63 - 1), order_id=U64, flags=BYTE)
def test_a_rejection_repeats_the_command_and_changes_nothing(
    *, side: int, market: int, quantity: int, price: int, order_id: int, flags: int
) -> None:
    floor = Floor("python")
    floor.buy(1, 5, 100)
    book = floor.rests()
    (event,) = floor.ask(
        Command(
            kind=0,
            side=side,
            flags=flags,
            market=market,
            quantity=quantity,
            price=price,
            order_id=order_id,
            account=ANN,
        )
    )
    assert (event.kind, event.reason.name) == (EventKind.REJECTED, "UNKNOWN_KIND")
    assert (event.side, event.market, event.quantity, event.price) == (side, market, quantity, price)
    assert (event.taker, event.maker, event.maker_left, event.last) == (order_id, 0, 0, True)
    assert floor.rests() == book


# Rule 5
def test_a_rejection_says_nothing_of_somebody_elses_order(floor: Floor) -> None:
    floor.buy(1, 5, 100)
    assert floor.cancel(1, BOB) == ["REJECTED NOT_OWNER taker=1"]
    assert floor.sell(1, 7, 200, flags=1) == ["REJECTED DUPLICATE_ID side=2 taker=1 price=200 quantity=7"]
    assert floor.sell(2, 7, 90, flags=1) == ["REJECTED WOULD_CROSS side=2 taker=2 price=90 quantity=7"]


# Rule 6 [BOK-6]
def test_new_tells_what_rests_after_the_trades(floor: Floor) -> None:
    floor.sell(1, 4, 100)
    assert floor.buy(2, 10, 101) == [
        "TRADE side=1 maker=1 taker=2 price=100 quantity=4",
        "NEW side=1 taker=2 price=101 quantity=6",
    ]


# Rule 6
def test_an_order_that_is_filled_gives_its_trades_alone(floor: Floor) -> None:
    floor.sell(1, 4, 100)
    assert floor.buy(2, 4, 100) == ["TRADE side=1 maker=1 taker=2 price=100 quantity=4"]
    assert floor.rests() == {}


# Rule 7 [BOK-7]
def test_a_trade_is_at_the_makers_price_and_tells_what_the_maker_has_left(floor: Floor) -> None:
    floor.buy(1, 5, 102)
    floor.buy(2, 5, 101)
    assert floor.sell(3, 7, 100) == [
        "TRADE side=2 maker=1 taker=3 price=102 quantity=5",
        "TRADE side=2 maker=2 taker=3 price=101 quantity=2 maker_left=3",
    ]


# Rule 7
def test_what_leaves_names_what_was_removed_and_what_stays_names_what_remains(floor: Floor) -> None:
    floor.sell(1, 10, 100)
    floor.buy(2, 3, 100)
    assert floor.reduce(1, 2, BOB) == ["REDUCED side=2 taker=1 price=100 quantity=5"]
    assert floor.replace(SELL, 1, 4, 100, BOB) == ["REPLACED side=2 taker=1 price=100 quantity=4"]
    assert floor.replace(SELL, 1, 8, 101, BOB) == ["REPLACED side=2 taker=1 price=101 quantity=8"]
    assert floor.expire(1) == ["EXPIRED side=2 taker=1 price=101 quantity=8"]
    floor.sell(3, 6, 99)
    assert floor.cancel(3, BOB) == ["CANCELED side=2 taker=3 price=99 quantity=6"]


# Rule 7
def test_what_is_left_of_a_market_order_has_its_cap_as_price(floor: Floor) -> None:
    assert floor.market_buy(1, 5, cap=120) == [
        "CANCELED IMMEDIATE_REMAINDER side=1 taker=1 price=120 quantity=5"
    ]
    assert floor.market_buy(2, 5) == ["CANCELED IMMEDIATE_REMAINDER side=1 taker=2 quantity=5"]
    assert floor.buy(3, 5, 90, tif=IOC) == ["CANCELED IMMEDIATE_REMAINDER side=1 taker=3 price=90 quantity=5"]
    assert floor.buy(4, 5, 90, tif=FOK) == ["REJECTED NOT_FILLABLE side=1 taker=4 price=90 quantity=5"]


@given(st.binary(min_size=40, max_size=40))
def test_a_command_is_the_bytes_that_it_was_read_from(record: bytes) -> None:
    assert Command.unpack(record).pack() == record


def test_an_event_is_the_bytes_that_it_was_read_from(floor: Floor) -> None:
    floor.sell(1, 4, 100)
    packed = floor.engine.process(gtc(BUY, 2, 10, 101, ANN).pack())
    events = list(unpack_events(packed))
    assert b"".join(event.pack() for event in events) == packed
    assert events[0] == Event(
        kind=EventKind.TRADE, side=1, last=False, market=1, seq=2, maker=1, taker=2, price=100, quantity=4
    )
