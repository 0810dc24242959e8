"""Damage to old records: a flipped bit, or a record rewritten with a right checksum. Both must be found."""

from collections.abc import Callable
from dataclasses import dataclass

from thingmarket_node import groups
from thingmarket_node.groups import Group
from thingmarket_node.sim.disk import Disk
from thingmarket_node.sim.faults import Faults
from thingmarket_node.sim.world import World


@dataclass(frozen=True, slots=True)
class Damage:
    """What was done to the disk, and how to put it right."""

    name: str
    mend: Callable[[], None]


def damage(world: World, disk: Disk, faults: Faults) -> Damage | None:
    """Perhaps change one record that was there before the restart."""
    if not disk.groups:
        return None
    place = world.between(0, len(disk.groups) - 1)
    if world.chance(faults.flip):
        return _replace(disk, place, _flipped(world, disk.groups[place]), f"flipped bit in group {place + 1}")
    # Whoever writes the disk can exchange the last group, as long as it comes to the same outcomes and state;
    # only the receipts that others hold prove it then. Any older one is held by the chain.
    if place < len(disk.groups) - 1 and world.chance(faults.forge):
        forged = _forged(world, disk.groups[place])
        return _replace(disk, place, forged, f"forged group {place + 1}")
    return None


def _replace(disk: Disk, place: int, data: bytes, name: str) -> Damage:
    right = disk.groups[place]
    disk.groups[place] = data

    def mend() -> None:
        disk.groups[place] = right

    return Damage(name, mend)


def _flipped(world: World, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[world.between(0, len(data) - 1)] ^= 1 << world.between(0, 7)
    return bytes(changed)


def _forged(world: World, data: bytes) -> bytes:
    """The same group with one byte of one entry changed, and everything that follows from it made right."""
    group = groups.decode(data)
    entries = list(group.entries)
    place = world.between(0, len(entries) - 1)
    entries[place] = _flipped(world, entries[place])
    return Group(
        number=group.number,
        first_seq=group.first_seq,
        entries=tuple(entries),
        outcome_hash=group.outcome_hash,
        state_root=group.state_root,
        previous=group.previous,
    ).encode()
