"""What only the native book can get wrong: memory, batches that it looks ahead into, bytes that lie oddly."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.matching.conftest import Kind
from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND, COMMAND_BYTES
from thingmarket.matching.records import Kind as CommandKind

ORDERS = 40_000  # so many that the table of orders leaves the cache, and commands are looked ahead at
MEGABYTE = 1_000_000
MEASURED = """
import sys
from thingmarket.matching import Engine
from tests.unit.matching.test_native_book import {filling}
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
engine, before = Engine("native"), held()
for part in {filling}():
    engine.process(part)
print(held() - before)
"""
STARVED = """
import resource
from thingmarket.matching import Engine
from tests.unit.matching.test_native_book import million_orders, cancel
parts, engine = [part for part, _ in zip(million_orders(), range(100))], Engine("native")
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
failures = 0
for extra in range(0, 6_000_000, 300_000):
    held = int(open("/proc/self/statm").read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (held + extra, hard))
    try:
        for part in parts:
            engine.process(part)
    except MemoryError:
        failures += 1
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    whole = Engine.restore(engine.snapshot(), "native")
    assert whole.state_hash() == engine.state_hash()
    assert whole.process(cancel(1, 1)) == engine.process(cancel(1, 1))
print(failures)
"""


def order(order_id: int, market: int, price: int, account: int = 1, side: int = 1) -> bytes:
    return COMMAND.pack(CommandKind.NEW_LIMIT, side, 1, 0, market, 7, price, order_id, account)


def cancel(order_id: int, market: int, account: int = 1) -> bytes:
    return COMMAND.pack(CommandKind.CANCEL, 0, 0, 0, market, 0, 0, order_id, account)


def mass_cancel(account: int) -> bytes:
    return COMMAND.pack(CommandKind.MASS_CANCEL, 0, 0, 0, 0, 0, 0, 0, account)


def million_orders() -> Iterator[bytes]:
    """Each at a price of its own, as far as there are prices."""
    for first in range(0, 1_000_000, 1_000):
        ids = range(first, first + 1_000)
        yield b"".join(order(i + 1, 1 + i // 65_536, 1 + i * 7_919 % 65_536) for i in ids)


def emptied_markets() -> Iterator[bytes]:
    """100,000 markets, all of them with an order, then without."""
    for command in (lambda i: order(i, i, 5), lambda i: cancel(i, i)):
        for first in range(1, 100_001, 1_000):
            yield b"".join(command(i) for i in range(first, first + 1_000))


def memory_after(filling: str) -> int:
    """Bytes that a process of its own holds more after the commands."""
    return int(said_by(MEASURED.format(filling=filling)))


def said_by(program: str) -> str:
    """What another Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_million_resting_orders_take_less_than_120_mb(native: Kind) -> None:
    assert memory_after("million_orders") < 120 * MEGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_thousand_emptied_markets_leave_less_than_20_mb(native: Kind) -> None:
    assert memory_after("emptied_markets") < 20 * MEGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_book_that_gets_no_memory_stays_whole(native: Kind) -> None:
    assert int(said_by(STARVED)) > 0


def test_a_book_that_gave_its_memory_back_goes_on_within_the_same_call(native: Kind) -> None:
    def filled(first: int) -> list[bytes]:
        return [order(first + i, 1 + i % 300, 1 + i * 31 % 50, account=i % 3) for i in range(ORDERS)]

    emptied = [mass_cancel(account) for account in range(3)]
    probes = [cancel(i * 7, 1 + i * 7 % 300) for i in range(1_000)]
    commands = [*filled(1), *probes, *emptied, *filled(1), *emptied, *probes, *filled(5)]
    whole, single, plain = Engine(native), Engine(native), Engine("python")
    events = whole.process(b"".join(commands))
    assert b"".join(map(single.process, commands)) == events
    assert plain.process(b"".join(commands)) == events
    assert whole.snapshot() == plain.snapshot()


def test_records_may_lie_anywhere(native: Kind) -> None:
    commands: Any = b"".join(order(1 + i, 1, 1 + i % 9, side=1 + i % 2) for i in range(100))
    events = Engine(native).process(commands)
    for shift in range(9):
        shifted: Any = memoryview(bytearray(shift) + commands)[shift:]
        assert Engine(native).process(shifted) == events
    changeable: Any = bytearray(commands)
    assert Engine(native).process(changeable) == events


def test_what_is_no_bytes_is_no_commands(native: Kind) -> None:
    engine = Engine(native)
    wrong: Any
    for wrong in ("text", 7, None, memoryview(bytes(COMMAND_BYTES * 4))[::2]):
        with pytest.raises((TypeError, BufferError)):
            engine.process(wrong)
    assert engine.process(b"") == b""
