"""The one writer: its time never goes back, and what is due comes first."""

import pytest

from tests.builders import World, replayed
from thingmarket.errors import Code
from thingmarket.limits import HOUR_MS, MINUTE_MS
from thingmarket.market import market
from thingmarket.market.entries import Command, TimersDue
from thingmarket.wire.log import read_entry
from thingmarket_node.core.sequencer import Sequencer, Waiting


def sequencer_before_the_last_entry(world: World) -> tuple[Sequencer, Command]:
    """A writer whose market has all of the world's log but the last command, and that command."""
    sequencer = Sequencer()
    sequencer.market = replayed(world.log[:-1])[0]
    command = read_entry(world.log[-1]).content
    assert isinstance(command, Command)
    return sequencer, command


def delivered() -> World:
    """A sale that is delivered in its last entry, within the hour."""
    world = World()
    printer = world.thing("printer", world.owner("alice", fund=100_00))
    shop = world.thing("shop", world.owner("bob"))
    contract = world.bought(printer, world.offer(shop, delivery_ms=HOUR_MS))
    assert world.deliver(contract).code == 0
    return world


def test_a_deadline_that_is_over_fires_before_what_waits() -> None:  # [LOG-14]
    world = delivered()
    sequencer, command = sequencer_before_the_last_entry(world)
    sequencer.waiting.append(Waiting(1, command))
    formed, aside = sequencer.form(world.time_ms + HOUR_MS)
    assert formed is not None and not aside
    due, late = (read_entry(data) for data in formed.group.entries)
    assert (due.content, late.content) == (TimersDue(), command)
    assert formed.outcomes[1].code == Code.WRONG_STATE, "the delivery came too late"


def test_what_an_entry_of_deadlines_leaves_over_fires_before_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [LOG-14]
    world = World()
    shop = world.thing("shop", world.owner("bob"))
    for _ in range(3):
        world.offer(shop, valid_until_ms=world.time_ms + HOUR_MS)
    world.owner("carol")
    sequencer, command = sequencer_before_the_last_entry(world)
    sequencer.waiting.append(Waiting(1, command))
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 2)
    groups = []
    while sequencer.waiting:
        formed, _ = sequencer.form(world.time_ms + HOUR_MS)
        assert formed is not None
        groups.append([read_entry(data).content for data in formed.group.entries])
    assert groups == [[TimersDue()], [TimersDue(), command]]


def test_without_a_deadline_what_waits_comes_alone() -> None:  # [LOG-14]
    world = delivered()
    sequencer, command = sequencer_before_the_last_entry(world)
    sequencer.waiting.append(Waiting(1, command))
    formed, _ = sequencer.form(world.time_ms + MINUTE_MS)
    assert formed is not None and [outcome.code for outcome in formed.outcomes] == [0]


def test_a_clock_that_was_put_back_stops_entry_time_and_turns_it_never() -> None:  # [LOG-13]
    world = delivered()
    sequencer, command = sequencer_before_the_last_entry(world)
    newest_ms = sequencer.market.state.time_ms
    sequencer.waiting.append(Waiting(1, command))
    formed, _ = sequencer.form(newest_ms - MINUTE_MS)
    assert formed is not None and read_entry(formed.group.entries[0]).time_ms == newest_ms
