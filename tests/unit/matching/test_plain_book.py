"""The plain book has a shorter way for the commonest commands, and another kind of queue for long levels."""

from random import Random

import pytest

from tests.unit.matching.conftest import Kind
from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND, MarketState, Reason, Side, TimeInForce, unpack_events
from thingmarket.matching.records import Kind as CommandKind

LONG = 1_000  # orders of one price: far more than a plain dict is used for


def new(order_id: int, side: Side, quantity: int, price: int, tif: TimeInForce = TimeInForce.GTC) -> bytes:
    return COMMAND.pack(CommandKind.NEW_LIMIT, side, tif, 0, 1, quantity, price, order_id, order_id % 7)


def cancel(order_id: int, tif: int = 0, *, market: int = 1, account: int | None = None) -> bytes:
    by = order_id % 7 if account is None else account
    return COMMAND.pack(CommandKind.CANCEL, 0, tif, 0, market, 0, 0, order_id, by)


def random_commands(tif: TimeInForce, tif_of_cancels: int) -> bytes:
    chance = Random("short ways")
    parts = []
    for order_id in range(1, 5_000):
        side = chance.choice((Side.BUY, Side.SELL))
        parts.append(new(order_id, side, chance.randrange(0, 20), chance.randrange(0, 30), tif))
        if chance.random() < 0.4:
            parts.append(cancel(chance.randrange(1, order_id + 1), tif_of_cancels))
    return b"".join(parts)


def test_the_short_way_of_plain_orders_and_cancels_has_the_same_end_as_the_long_one() -> None:
    """An order until an expiry, or a cancel with a tif, which is ignored, go the long way."""
    short = Engine("python").process(random_commands(TimeInForce.GTC, 0))
    assert short == Engine("python").process(random_commands(TimeInForce.GTD, 1))


REFUSED = {
    "an order without an id": (new(0, Side.BUY, 5, 9), Reason.BAD_FIELD),
    "no quantity": (new(3, Side.BUY, 0, 9), Reason.BAD_QUANTITY),
    "too large a quantity": (new(3, Side.BUY, 2**32, 9), Reason.BAD_QUANTITY),
    "no price": (new(3, Side.BUY, 5, 0), Reason.BAD_PRICE),
    "too high a price": (new(3, Side.BUY, 5, 2**53), Reason.BAD_PRICE),
    "an id that rests": (new(1, Side.BUY, 5, 9), Reason.DUPLICATE_ID),
    "a level too many": (new(3, Side.BUY, 5, 9), Reason.BOOK_FULL),
    "an order that crosses, and a level too many": (new(3, Side.BUY, 5, 20), Reason.BOOK_FULL),
    "an order too many": (new(4, Side.BUY, 5, 8), Reason.BOOK_FULL),
    "a cancel of no order": (cancel(3), Reason.UNKNOWN_ORDER),
    "a cancel by another account": (cancel(1, account=2), Reason.NOT_OWNER),
    "a cancel in another market": (cancel(1, market=2), Reason.UNKNOWN_ORDER),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_on_the_long_way_is_refused_on_the_short_one(name: str, native: Kind) -> None:
    """All of them look like a plain order or cancel, in a market that has both ways."""
    refused, reason = REFUSED[name]
    full = new(3, Side.SELL, 5, 10) if name == "an order too many" else b""
    other_market = COMMAND.pack(CommandKind.NEW_LIMIT, Side.BUY, TimeInForce.GTC, 0, 2, 5, 8, 5, 5)
    before = new(1, Side.BUY, 5, 8) + new(2, Side.SELL, 5, 10) + (full or other_market)
    limits = {"orders_max": 3 if full else 9, "levels_max": 1 if "level" in name else 9}
    plain, compiled = (Engine(kind, **limits) for kind in ("python", native))
    assert plain.process(before) == compiled.process(before)
    resting = plain.depth(1, 9)
    events = plain.process(refused)
    assert events == compiled.process(refused)
    assert [event.reason for event in unpack_events(events)] == [reason]
    assert plain.depth(1, 9) == resting


def test_a_market_out_of_continuous_trading_has_no_short_way(native: Kind) -> None:
    state = COMMAND.pack(CommandKind.SET_STATE, 0, MarketState.AUCTION, 0, 1, 0, 0, 0, 0)
    commands = new(1, Side.BUY, 5, 10) + state + new(2, Side.SELL, 5, 10) + cancel(1) + cancel(2)
    events = Engine("python").process(commands)
    assert events == Engine(native).process(commands)
    assert [event.kind.name for event in unpack_events(events)] == [
        "NEW",
        "STATE",
        "NEW",
        "CANCELED",
        "CANCELED",
    ]


@pytest.mark.parametrize("first_canceled", [0, 1, LONG - 100])
def test_a_long_level_trades_first_come_first_served(native: Kind, first_canceled: int) -> None:
    chance = Random("long level")
    parts = [new(order_id, Side.SELL, chance.randrange(1, 9), 10) for order_id in range(1, LONG)]
    parts += [cancel(order_id) for order_id in range(1, first_canceled + 1)]
    parts += [cancel(chance.randrange(1, LONG)) for _ in range(300)]
    parts += [new(LONG + count, Side.BUY, chance.randrange(1, 20), 10) for count in range(600)]
    commands = b"".join(parts)
    plain, compiled = Engine("python"), Engine(native)
    assert plain.process(commands) == compiled.process(commands)
    assert plain.snapshot() == compiled.snapshot()


def test_a_long_level_comes_out_of_a_snapshot_in_its_order() -> None:
    engine = Engine("python")
    engine.process(b"".join(new(order_id, Side.SELL, 1, 10) for order_id in range(LONG, 0, -1)))
    restored = Engine.restore(engine.snapshot(), "python")
    assert restored.snapshot() == engine.snapshot()
    taken = new(LONG + 1, Side.BUY, LONG, 10)
    assert restored.process(taken) == engine.process(taken)
