"""What a node counts and logs: by type and refusal, by contract, and nothing unless asked."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from tests.builders import World
from tests.ordering import buy, sell
from tests.projecting import outcomes_of
from tests.unit.node.test_insight import Street
from thingmarket.errors import Code
from thingmarket.matching.records import MarketState
from thingmarket_node import logs
from thingmarket_node.metrics import Metrics


def test_commands_are_counted_by_type_and_by_what_they_came_to() -> None:
    """[OPS-1]"""
    metrics = Metrics()
    metrics.told(outcomes_of(Street().world))
    text = generate_latest(metrics.registry).decode()
    assert 'thingmarket_commands_total{code="0",type="PURCHASE"} 2.0' in text
    assert f'thingmarket_commands_total{{code="{int(Code.DENIED)}",type="PURCHASE"}} 1.0' in text


def test_a_group_is_timed_from_its_forming_to_the_disk() -> None:
    """[OPS-1]"""
    metrics = Metrics()
    metrics.appended(7, 3)
    metrics.appended(8, 1)
    metrics.durable(7)
    text = generate_latest(metrics.registry).decode()
    assert "thingmarket_group_seconds_count 1.0" in text
    assert "thingmarket_group_entries_sum 4.0" in text
    metrics.durable(8)
    assert "thingmarket_group_seconds_count 2.0" in generate_latest(metrics.registry).decode()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of JSON lines writes while trades are logged."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    logs.TRADES.addHandler(handler)
    yield stream
    logs.TRADES.removeHandler(handler)
    logs.set_up(as_json=False, trades=False)


def test_every_step_of_a_contract_is_logged_with_its_id(written: io.StringIO) -> None:
    """[OPS-2]"""
    street = Street()
    logs.set_up(as_json=False, trades=True)
    logs.log_trades(outcomes_of(street.world))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    of_first = [line for line in lines if line.get("contract") == street.first.hex()]
    assert [(line["act"], line["state"]) for line in of_first][:1] == [("PURCHASE", "ACTIVE")]
    assert of_first[-1]["state"] == "COMPLETED"
    (refused,) = [line for line in lines if line.get("code") == Code.DENIED]
    assert refused["actor"] == street.printer.id
    assert refused["act"] == "PURCHASE"


def test_trades_are_not_logged_unless_asked_for(written: io.StringIO) -> None:
    """[OPS-2]"""
    logs.set_up(as_json=False, trades=False)
    logs.log_trades(outcomes_of(Street().world))
    assert written.getvalue() == ""


def traded() -> World:
    """A frame with an order that is taken, one that is not, and one that trades; and a halt."""
    world = World()
    world.market_of()
    buyer, seller = world.owner("buyer", fund=100_000), world.owner("seller")
    world.declare(seller, 10)
    world.frame(seller, sell(5, 100), sell(6, 100))
    world.frame(buyer, buy(2, 100))
    world.put_market(1, MarketState.HALTED)
    return world


def test_orders_and_trades_are_counted_by_what_they_came_to() -> None:
    """[OPS-1]"""
    metrics = Metrics()
    metrics.told(outcomes_of(traded()))
    text = generate_latest(metrics.registry).decode()
    assert 'thingmarket_orders_total{status="0"} 2.0' in text
    assert f'thingmarket_orders_total{{status="{int(Code.OUT_OF_STOCK)}"}} 1.0' in text
    assert "thingmarket_trades_total 1.0" in text


def test_frames_and_states_of_markets_are_logged_without_naming_orders(written: io.StringIO) -> None:
    """[OPS-2]"""
    logs.set_up(as_json=False, trades=True)
    logs.log_trades(outcomes_of(traded()))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    frames = [line for line in lines if line["act"] == "PLACE_ORDERS"]
    assert [(line["orders"], line["taken"], line["trades"]) for line in frames] == [(2, 1, 0), (1, 1, 1)]
    assert [line.get("refusals") for line in frames] == [{"OUT_OF_STOCK MKT-4": 1}, None]
    assert [line["text"] for line in frames] == [
        f"2 orders, 1 taken, 0 trades, refused 1 OUT_OF_STOCK MKT-4, entry {frames[0]['entry']}",
        f"1 order, 1 taken, 1 trade, entry {frames[1]['entry']}",
    ]
    assert [(line["market"], line["state"]) for line in lines if "market" in line][-1] == (1, "HALTED")
