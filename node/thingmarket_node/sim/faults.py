"""What goes wrong in one run: drawn from its seed, each class of faults also off in some seeds."""

from dataclasses import dataclass
from random import Random
from typing import Final

from thingmarket.limits import HOUR_MS, SNAPSHOT_EVERY_ENTRIES

_OFTEN: Final = 600  # of a thousand seeds have a class of faults
_QUIET: Final = 40  # of a thousand seeds have no fault at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Chances are per mille, times are milliseconds."""

    # network
    drop: int = 0
    duplicate: int = 0  # a message comes twice
    late: int = 0  # of the duplicates come minutes later
    mangle: int = 0  # a copy comes with one bit changed, or cut off
    delay_max_ms: int = 20
    slow: int = 0  # of the messages take up to eight seconds
    # disk
    sync_max_ms: int = 3
    stall: int = 0  # of the writes take up to half a minute
    torn: int = 0  # of the crashes leave part of what was not synced
    fail: int = 0  # of the writes fail
    flip: int = 0  # of the restarts find one bit of an old record changed
    forge: int = 0  # of the restarts find an old record rewritten with a right checksum
    # process
    crash: int = 0  # of the writes are followed by a crash before, while or after they are synced
    crashes_max: int = 0
    outages: int = 0  # crashes at any other time
    drains: int = 0  # orderly stops
    snapshot_every: int = SNAPSHOT_EVERY_ENTRIES
    # clocks
    client_clock_max_ms: int = 0
    clock_steps: int = 0  # steps of the node's clock
    clock_step_max_ms: int = 0
    # devices
    device_restarts: int = 0

    def healed(self) -> "Faults":
        """The same world without anything that goes wrong from now on."""
        return Faults(snapshot_every=self.snapshot_every, client_clock_max_ms=self.client_clock_max_ms)


def draw(random: Random) -> Faults:
    """Draw the faults of one run."""
    if random.randrange(1_000) < _QUIET:
        return Faults()

    def some(least: int, most: int) -> int:
        return random.randint(least, most) if random.randrange(1_000) < _OFTEN else 0

    return Faults(
        drop=some(5, 250),
        duplicate=some(10, 300),
        late=some(50, 500),
        mangle=some(10, 150),
        delay_max_ms=random.choice((2, 20, 200, 2_000)),
        slow=some(5, 100),
        sync_max_ms=random.choice((1, 5, 50, 400, 2_000)),
        stall=some(10, 60),
        torn=some(300, 900),
        fail=some(5, 25),
        flip=some(200, 600),
        forge=some(200, 600),
        crash=some(20, 120),
        crashes_max=random.randint(1, 4),
        outages=some(1, 3),
        drains=some(1, 2),
        snapshot_every=some(3, 40) or SNAPSHOT_EVERY_ENTRIES,
        client_clock_max_ms=random.choice((0, 0, 1_000, 60_000, HOUR_MS)),
        clock_steps=some(1, 3),
        clock_step_max_ms=random.choice((500, 20_000, 55_000, 2 * HOUR_MS)),
        device_restarts=some(1, 3),
    )
