"""The bench of the desk: a stream is dealt to things, and all of its commands arrive in the order of each."""

from collections import defaultdict
from pathlib import Path

import pytest

from thingmarket.matching.records import COMMAND, Kind
from thingmarket.trading.frame import ORDER, order_id_of, slot_of
from thingmarket_node.bench import desk
from thingmarket_node.bench.order_streams import Shape, made

STREAM = made(Shape("small", 4_000, 3, 200))


def test_every_thing_sends_its_commands_in_their_order_under_ids_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desk, "THINGS", 4)
    sent: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for frame in desk.frames_of(STREAM):
        orders = list(ORDER.iter_unpack(frame.orders))
        assert len(orders) == desk.FRAME_ORDERS
        fresh = [order[7] for order in orders if order[0] == Kind.NEW_LIMIT]
        first = frame.last_counter + 1
        assert fresh == [order_id_of(frame.slot, first + n) for n in range(len(fresh))]
        assert {slot_of(order[7]) for order in orders} == {frame.slot}
        sent[frame.slot] += [(kind, market, price) for kind, _, _, _, market, _, price, _, _ in orders]
    given: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for kind, _, _, _, market, _, price, _, account in COMMAND.iter_unpack(STREAM):
        given[account % 4 + 1].append((kind, market, price))
    for slot, orders in sent.items():
        assert orders == given[slot][: len(orders)]


def test_a_stream_is_placed_whole_by_both_desks(tmp_path: Path) -> None:
    """The accounts of a stream are dealt to two things here, so that their frames fill."""
    records = [list(fields) for fields in COMMAND.iter_unpack(STREAM)]
    path = tmp_path / "few.bin"
    path.write_bytes(b"".join(COMMAND.pack(*fields[:8], fields[7] % 2) for fields in records))
    measured = desk.measure(0.0, stream=path)
    assert measured["figures"]["orders"] >= 3_800
    assert measured["figures"]["order_us"] > 0
