"""What an entry led to is the very next one, whatever waits; and a log without it is found out. [MKT-9]"""

from dataclasses import replace

import pytest

from tests.builders import World, replayed
from tests.ordering import buy, sell
from thingmarket.errors import Code, Refusal
from thingmarket.limits import MINUTE_MS
from thingmarket.market.entries import Command, EntryKind
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import DerivedState
from thingmarket.wire.log import read_entry
from thingmarket.wire.orders import derived_state_body
from thingmarket.wire.signing import entry_bytes
from thingmarket_node.core import sequencer as sequencing
from thingmarket_node.core.sequencer import Sequencer, Waiting
from thingmarket_node.groups import Group

HALT = DerivedState(market=1, state=MarketState.HALTED)


@pytest.fixture
def world() -> World:
    """A log that ends with a trade outside the band, the halt that it led to, and one order more."""
    world = World()
    world.market_of(band_basis_points=1_000, halt_ms=MINUTE_MS)
    buyer, seller = world.owner("buyer", fund=100_000), world.owner("seller")
    world.declare(seller, 100)
    world.frame(seller, sell(1, 100), sell(1, 110), sell(1, 111))
    world.frame(buyer, buy(1, 100))
    world.frame(buyer, buy(1, 110))
    world.frame(buyer, buy(1, 111))
    world.frame(buyer, buy(1, 111))
    return world


def before(world: World, last: int) -> Sequencer:
    """A writer whose market has all but the last entries of the log."""
    sequencer = Sequencer()
    for data in world.log[:-last]:
        sequencer.market.apply(read_entry(data))
    return sequencer


def content(data: bytes) -> object:
    """What an entry is about."""
    return read_entry(data).content


def test_a_derived_entry_comes_before_what_waits(world: World) -> None:
    sequencer = before(world, 3)
    for number in (-3, -1):
        command = content(world.log[number])
        assert isinstance(command, Command)
        sequencer.waiting.append(Waiting(-number, command))
    formed, _ = sequencer.form(world.time_ms)
    assert formed is not None
    assert list(formed.group.entries) == world.log[-3:]
    assert [one.outcome.seq for one in formed.decided] == [len(world.log) - 2, len(world.log)]
    assert formed.group.state_root == world.state.state_root()


def test_a_writer_that_starts_right_before_a_derived_entry_appends_it_first(world: World) -> None:
    sequencer = before(world, 2)
    formed, _ = sequencer.form(world.time_ms)
    assert formed is not None and [content(data) for data in formed.group.entries] == [HALT]
    assert sequencer.form(world.time_ms) == (None, []), "once"


def test_a_derived_entry_that_has_no_room_begins_the_next_group(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "GROUP_ENTRIES_MAX", 1)
    sequencer = before(world, 3)
    for number in (-3, -1):
        command = content(world.log[number])
        assert isinstance(command, Command)
        sequencer.waiting.append(Waiting(-number, command))
    groups = []
    while (formed := sequencer.form(world.time_ms)[0]) is not None:
        groups += [list(formed.group.entries)]
    assert groups == [[data] for data in world.log[-3:]]


def group_of(sequencer: Sequencer, entries: list[bytes]) -> Group:
    """A group as a journal would have it; its outcomes are not reached."""
    return Group(
        number=sequencer.head.number + 1,
        first_seq=sequencer.head.next_seq,
        entries=tuple(entries),
        outcome_hash=bytes(32),
        state_root=bytes(32),
        previous=sequencer.head.chain,
    )


def renumbered(data: bytes, seq: int) -> bytes:
    """The same entry at another position."""
    entry = read_entry(data)
    assert isinstance(entry.content, Command)
    return entry_bytes(
        seq=seq, time_ms=entry.time_ms, kind=EntryKind.COMMAND, body=entry.content.signed_bytes
    )


def test_a_log_without_a_derived_entry_or_with_another_one_is_tampered_with(world: World) -> None:
    log, seq = world.log, len(world.log) - 1
    other = replace(HALT, state=MarketState.CLOSED)
    forged = entry_bytes(
        seq=seq, time_ms=world.time_ms, kind=EntryKind.DERIVED, body=derived_state_body(other)
    )
    extra = entry_bytes(
        seq=seq + 2, time_ms=world.time_ms, kind=EntryKind.DERIVED, body=derived_state_body(HALT)
    )
    for entries in ([*log[:-2], renumbered(log[-1], seq)], [*log[:-2], forged], [*log, extra]):
        sequencer = Sequencer()
        with pytest.raises(Refusal) as refused:
            sequencer.replay(group_of(sequencer, entries), apply=True)
        assert (refused.value.number, refused.value.rule) == (Code.TAMPERED, "MKT-9")
    assert replayed(log)[0].state.state_root() == world.state.state_root()
