"""Both kinds of book are one: equal events, hashes and snapshots, whatever comes in."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.matching.conftest import Kind, native_is_built
from tests.unit.matching.streams import cuts, limits_of, stream
from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND, COMMAND_BYTES, Reason, unpack_events

STREAMS = 20
COMMANDS = 50_000
KINDS: list[Any] = ["python", "native"] if native_is_built() else ["python"]

SMALL = st.integers(0, 7)
MARKET = st.sampled_from((1, 1, 1, 2, 2, 0, 2**32 - 1))
QUANTITY = st.one_of(st.integers(1, 9), st.sampled_from((0, 2**32 - 1, 2**32, 2**64 - 1)))
PRICE = st.one_of(st.integers(1, 6), st.sampled_from((-(2**63), -1, 0, 2**53 - 1, 2**53, 2**63 - 1)))
FIELDS = st.tuples(
    st.integers(0, 10),  # kind
    st.sampled_from((1, 1, 1, 2, 2, 2, 0, 3)),  # side
    st.sampled_from((1, 1, 1, 3, 4, 6, 0, 2, 5)),  # tif or state
    st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 255)),  # flags
    MARKET,
    QUANTITY,
    PRICE,
    SMALL,  # order id
    st.integers(1, 3),  # account
)
RECORDS = st.one_of(FIELDS.map(lambda fields: COMMAND.pack(*fields)), st.binary(min_size=40, max_size=40))


def play(kind: Kind, commands: bytes, seed: int, limits: tuple[int, int]) -> tuple[list[bytes], list[bytes]]:
    """Events call by call; hashes and snapshots at some places, after which it goes on from the snapshot."""
    engine = Engine(kind, orders_max=limits[0], levels_max=limits[1])
    chance = Random(seed)
    said, seen = [], []
    for part in cuts(commands, seed):
        said.append(engine.process(part))
        look = chance.random()
        if look < 0.02:
            seen += [engine.state_hash(), engine.snapshot()]
        if look < 0.01:
            engine = Engine.restore(engine.snapshot(), kind)
    return said, [*seen, engine.state_hash(), engine.snapshot()]


@pytest.mark.parametrize("seed", range(STREAMS))
def test_both_kinds_give_equal_bytes(native: Kind, seed: int) -> None:
    commands = stream(seed, COMMANDS)
    said, seen = play("python", commands, seed, limits_of(seed))
    said_natively, seen_natively = play(native, commands, seed, limits_of(seed))
    for at, (one, other) in enumerate(zip(said, said_natively, strict=True)):
        assert one == other, f"call {at} of stream {seed}"
    assert seen == seen_natively


def test_one_kind_goes_on_from_the_snapshot_of_the_other(native: Kind) -> None:
    commands = stream(99, 4_000)
    half = len(commands) // 2 // COMMAND_BYTES * COMMAND_BYTES
    first, second = commands[:half], commands[half:]
    plain, built = Engine("python"), Engine(native)
    plain.process(first)
    built.process(first)
    of_plain, of_built = Engine.restore(plain.snapshot(), native), Engine.restore(built.snapshot(), "python")
    events = plain.process(second)
    assert of_plain.process(second) == events
    assert of_built.process(second) == events
    assert of_plain.snapshot() == of_built.snapshot() == plain.snapshot()


@settings(max_examples=300)
@given(records=st.lists(RECORDS, max_size=60), seed=st.integers(0, 2**16), tight=st.integers(0, 3))
def test_both_kinds_give_equal_bytes_for_anything(records: list[bytes], seed: int, tight: int) -> None:
    if not native_is_built():
        pytest.skip("the native book is not built here: only the plain one was tested")
    commands = b"".join(records)
    one, other = (play(kind, commands, seed, limits_of(tight)) for kind in KINDS)
    assert one == other


@settings(max_examples=200)
@given(records=st.lists(RECORDS, max_size=40), seed=st.integers(0, 2**16), restored=st.integers(0, 40))
def test_neither_cuts_nor_snapshots_change_what_comes_later(
    records: list[bytes], seed: int, restored: int
) -> None:
    for kind in KINDS:
        whole = Engine(kind)
        events = whole.process(b"".join(records))
        engine = Engine(kind)
        pieces = []
        for at, record in enumerate(records):
            if at == restored:
                engine = Engine.restore(engine.snapshot(), kind)
            pieces.append(engine.process(record))
        assert b"".join(pieces) == events
        assert engine.snapshot() == whole.snapshot()


def test_the_streams_give_every_kind_of_event_and_every_reason() -> None:
    seen = set()
    for seed in range(8):
        orders_max, levels_max = limits_of(seed)
        engine = Engine("python", orders_max=orders_max, levels_max=levels_max)
        seen |= {
            (event.kind.name, event.reason) for event in unpack_events(engine.process(stream(seed, 4_000)))
        }
    assert {kind for kind, _ in seen} == {
        "NEW",
        "TRADE",
        "CANCELED",
        "REDUCED",
        "REPLACED",
        "EXPIRED",
        "REJECTED",
        "STATE",
    }
    assert {reason for _, reason in seen} == set(Reason)
