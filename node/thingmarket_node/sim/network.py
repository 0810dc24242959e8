"""The network between devices and the node: bytes that are lost, doubled, late and overtaken."""

from collections.abc import Callable

from thingmarket_node.sim.faults import Faults
from thingmarket_node.sim.world import World

_SLOW_MAX_MS = 8_000
_LATE_MIN_MS, _LATE_MAX_MS = 5_000, 240_000


class Network:
    """Carries messages in both directions; `faults` may change while it runs."""

    def __init__(self, world: World, faults: Faults) -> None:
        """Start with nothing on the way."""
        self.faults = faults
        self._world = world
        self.sent = 0

    def send(self, name: str, data: bytes, arrive: Callable[[bytes], None], *, once: bool = False) -> None:
        """Carry `data` to `arrive`; `once` for answers, which belong to one call and cannot be doubled."""
        world, faults = self._world, self.faults
        self.sent += 1
        if world.chance(faults.drop):
            world.note(f"lost {name}")
        else:
            world.after(self._delay_ms(), name, lambda: arrive(data))
        if not once and world.chance(faults.duplicate):
            late = world.chance(faults.late)
            delay_ms = world.between(_LATE_MIN_MS, _LATE_MAX_MS) if late else self._delay_ms()
            world.after(delay_ms, f"again {name}", lambda: arrive(data))

    def mangled(self, data: bytes) -> bytes:
        """A copy that somebody tampered with: one bit changed, or the end cut off."""
        place = self._world.between(0, len(data) - 1)
        if self._world.chance(300):
            return data[:place]
        return data[:place] + bytes((data[place] ^ 1 << self._world.between(0, 7),)) + data[place + 1 :]

    def _delay_ms(self) -> int:
        if self._world.chance(self.faults.slow):
            return self._world.between(self.faults.delay_max_ms, _SLOW_MAX_MS)
        return self._world.between(0, self.faults.delay_max_ms)
