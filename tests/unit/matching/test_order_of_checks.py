"""Of several faults the first in the order of rule 4 is told. [BOK-4]"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from tests.unit.matching.conftest import Kind
from tests.unit.matching.floor import ANN, BOB, BUY, EVE, FOK, GTC, IOC, SELL, Floor
from thingmarket.matching.records import Command, MarketState
from thingmarket.matching.records import Kind as CommandKind

Fields = dict[str, Any]
Fault = Callable[[Floor, Fields], None]


def fault(change: Callable[[Fields], Fields], act: Callable[[Floor], object] | None = None) -> Fault:
    """Something that is wrong with the command, or with the book in which it comes."""

    def breaking(floor: Floor, fields: Fields) -> None:
        if act is not None:
            act(floor)
        for name, value in change(fields).items():
            fields[name] = value

    return breaking


def set_(**fields: Any) -> Fault:
    return fault(lambda _: fields)


def halt(floor: Floor) -> object:
    return floor.set_state(MarketState.HALTED)


def fill(floor: Floor) -> object:
    return floor.buy(8, 1, 100, EVE)


def price_of_its_own(fields: Fields) -> Fields:
    return {"price": 98 if fields["price"] == 100 else fields["price"]}


NEW: dict[str, Fault] = {
    "UNKNOWN_KIND": set_(kind=10),
    "BAD_FIELD": set_(flags=0x80),
    "BAD_TIF": set_(tif=2),
    "BAD_QUANTITY": set_(quantity=0),
    "BAD_PRICE": set_(price=-1),
    "WRONG_STATE": fault(lambda _: {}, halt),
    "DUPLICATE_ID": set_(order_id=1),
    "BOOK_FULL": fault(lambda _: {}, fill),
    "WOULD_CROSS": set_(price=150, flags=1),
    "NOT_FILLABLE": set_(tif=FOK),
}
REPLACE: dict[str, Fault] = {
    "UNKNOWN_ORDER": set_(market=2),
    "NOT_OWNER": set_(account=EVE),
    "BAD_FIELD": set_(side=SELL),
    "BAD_TIF": set_(tif=IOC),
    "BAD_QUANTITY": set_(quantity=2**32),
    "BAD_PRICE": set_(price=0),
    "WRONG_STATE": fault(lambda _: {}, halt),
    "BOOK_FULL": fault(price_of_its_own, fill),
    "WOULD_CROSS": set_(price=150, flags=1),
}
REDUCE: dict[str, Fault] = {
    "UNKNOWN_ORDER": set_(order_id=9),
    "NOT_OWNER": set_(account=EVE),
    "BAD_QUANTITY": set_(quantity=5),
}
CANCEL: dict[str, Fault] = {"UNKNOWN_ORDER": set_(market=2), "NOT_OWNER": set_(account=EVE)}

NEW_COMMAND = {"kind": CommandKind.NEW_LIMIT, "order_id": 5}
SOUND: dict[str, tuple[Fields, dict[str, Fault]]] = {
    "NEW": (NEW_COMMAND, NEW),
    "REPLACE": ({"kind": CommandKind.REPLACE, "order_id": 1}, REPLACE),
    "REDUCE": ({"kind": CommandKind.REDUCE, "order_id": 1}, REDUCE),
    "CANCEL": ({"kind": CommandKind.CANCEL, "order_id": 1}, CANCEL),
}
EXCLUSIVE = {("BOOK_FULL", "NOT_FILLABLE"), ("WOULD_CROSS", "NOT_FILLABLE"), ("BAD_TIF", "NOT_FILLABLE")}
CASES = [
    (command, first, second)
    for command, (_, faults) in SOUND.items()
    for first, second in combinations(faults, 2)
    if (first, second) not in EXCLUSIVE
]


def prepared(kind: Kind, command: str) -> tuple[Floor, Fields]:
    """Two levels of buys and a sell, with room for one order more, and a command without a fault."""
    limits = {"orders_max": 4} if command == "NEW" else {"levels_max": 2}
    floor = Floor(kind, **limits)
    floor.buy(1, 5, 100, ANN)
    floor.buy(2, 5, 99, BOB)
    floor.sell(3, 5, 150, BOB)
    sound = {"side": BUY, "tif": GTC, "flags": 0, "market": 1, "quantity": 4, "price": 100, "account": ANN}
    return floor, {**sound, **SOUND[command][0]}


# Rule 4
@pytest.mark.parametrize("command", SOUND)
def test_a_command_without_a_fault_is_carried_out(kind: Kind, command: str) -> None:
    floor, fields = prepared(kind, command)
    assert not floor.told(Command(**fields))[0].startswith("REJECTED")


# Rule 4
@pytest.mark.parametrize(
    ("command", "reason"), [(command, reason) for command, (_, faults) in SOUND.items() for reason in faults]
)
def test_each_fault_alone_is_told(kind: Kind, command: str, reason: str) -> None:
    floor, fields = prepared(kind, command)
    SOUND[command][1][reason](floor, fields)
    (said,) = floor.told(Command(**fields))
    assert said.startswith(f"REJECTED {reason}")


# Rule 4
@pytest.mark.parametrize(("command", "first", "second"), CASES)
def test_of_two_faults_the_earlier_one_is_told(kind: Kind, command: str, first: str, second: str) -> None:
    floor, fields = prepared(kind, command)
    faults = SOUND[command][1]
    faults[second](floor, fields)
    faults[first](floor, fields)
    (said,) = floor.told(Command(**fields))
    assert said.startswith(f"REJECTED {first}")


# Rule 4
@pytest.mark.parametrize(
    ("field", "value"),
    [("market", 0), ("side", 0), ("side", 3), ("order_id", 0), ("flags", 8), ("flags", 255)],
)
def test_a_new_order_with_a_bad_field_is_told_so(kind: Kind, field: str, value: int) -> None:
    floor, fields = prepared(kind, "NEW")
    (said,) = floor.told(Command(**{**fields, field: value, "tif": 99}))
    assert said.startswith("REJECTED BAD_FIELD")


# Rule 4
def test_cancel_reduce_and_replace_of_an_order_of_another_market_do_not_know_it(floor: Floor) -> None:
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 100, market=2)
    assert floor.cancel(1, ANN, market=2) == ["REJECTED UNKNOWN_ORDER market=2 taker=1"]
    assert floor.reduce(1, 1, ANN, market=2) == ["REJECTED UNKNOWN_ORDER market=2 taker=1 quantity=1"]
    assert floor.replace(BUY, 1, 1, 100, ANN, market=2) == [
        "REJECTED UNKNOWN_ORDER market=2 side=1 taker=1 price=100 quantity=1"
    ]
    assert floor.cancel(1, ANN, market=0) == ["REJECTED UNKNOWN_ORDER market=0 taker=1"]
    assert floor.cancel(0, ANN) == ["REJECTED UNKNOWN_ORDER"]


# Rule 4
def test_of_a_state_the_field_is_told_before_the_closing_and_the_closing_before_the_crossing(
    floor: Floor,
) -> None:
    floor.set_state(MarketState.AUCTION)
    floor.buy(1, 5, 100)
    floor.sell(2, 5, 90)
    assert floor.set_state(MarketState.CONTINUOUS) == ["REJECTED BOOK_CROSSED"]
    assert floor.set_state(MarketState.CLOSED) == ["STATE quantity=5 maker_left=2"]
    assert floor.set_state(MarketState.CONTINUOUS) == ["REJECTED WRONG_STATE"]
    assert floor.set_state(9) == ["REJECTED BAD_FIELD"]
    assert floor.set_state(MarketState.HALTED, market=0) == ["REJECTED BAD_FIELD market=0"]


# Rule 4
def test_of_an_uncross_the_field_is_told_before_the_state(floor: Floor) -> None:
    assert floor.uncross(market=0) == ["REJECTED BAD_FIELD market=0"]
    assert floor.uncross(100) == ["REJECTED WRONG_STATE price=100"]


# Rule 4
def test_a_replaced_order_may_use_the_level_that_it_leaves(kind: Kind) -> None:
    floor = Floor(kind, orders_max=3, levels_max=2)
    floor.buy(1, 5, 100)
    floor.buy(2, 5, 99)
    floor.buy(3, 5, 99)
    assert floor.replace(BUY, 1, 5, 98, ANN) == ["REPLACED side=1 taker=1 price=98 quantity=5"]
    assert floor.replace(BUY, 2, 5, 97, ANN) == ["REJECTED BOOK_FULL side=1 taker=2 price=97 quantity=5"]
    assert floor.replace(BUY, 2, 5, 98, ANN) == ["REPLACED side=1 taker=2 price=98 quantity=5"]
    assert floor.replace(BUY, 1, 5, 98, ANN) == ["REPLACED side=1 taker=1 price=98 quantity=5"]
