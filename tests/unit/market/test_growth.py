"""What a market forgets, and what it takes no more of: its state does not grow for nothing."""

import pytest

from tests.builders import World
from thingmarket.limits import DAY_MS
from thingmarket.market import market
from thingmarket.market.entries import EntryKind, NoticeKind, Outcome
from thingmarket.market.records import ListingState
from thingmarket.market.state import State
from thingmarket.wire.log import entry_bytes, read_entry


def shop_of(world: World) -> None:
    """Five offers that end in one moment."""
    shop = world.thing("shop", world.owner("bob"))
    until_ms = world.time_ms + DAY_MS
    for _ in range(5):
        world.offer(shop, valid_until_ms=until_ms)


def fire(world: World) -> Outcome:
    """One entry of deadlines, whether or not it leaves some over."""
    seq = world.state.seq + 1
    data = entry_bytes(seq=seq, time_ms=world.time_ms, kind=EntryKind.TIMERS_DUE, body=b"")
    return world.market.apply(read_entry(data))


# --- entries of deadlines


def test_one_entry_fires_so_many_deadlines_and_the_next_one_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [LOG-14]
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 3)
    world = World()
    shop_of(world)
    world.time_ms += DAY_MS  # type: ignore[assignment]
    told = []
    while (due_ms := world.market.next_deadline_ms()) is not None and due_ms <= world.time_ms:
        outcome = fire(world)
        told.append([one.state for one in outcome.notices if one.kind is NoticeKind.OFFER])
    assert told[:2] == [["EXPIRED"] * 3, ["EXPIRED"] * 2]
    assert {one.state for one in world.state.offers.values()} == {ListingState.EXPIRED}


def test_a_command_never_meets_what_an_entry_of_deadlines_left_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [LOG-14]
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 3)
    world = World()
    shop_of(world)
    world.time_ms += DAY_MS  # type: ignore[assignment]
    world.log.append(b"")
    fire(world)
    with pytest.raises(AssertionError, match="fires before any other entry"):
        world.owner("carol")


def test_turns_of_one_moment_are_counted_on_in_its_next_entry() -> None:  # [STO-7] [LOG-4]
    state = State()
    state.turns = 300
    assert State.restore(state.snapshot()).turns == 300
    assert State().state_root() != state.state_root()
